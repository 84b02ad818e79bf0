"""Acquisition functions u(x | D): what an evaluation at x is worth.

Each is a pure function of the surrogate's posterior mean and standard deviation, is maximised, and
returns its value together with its two partial derivatives, so that whoever maximises it needs no
more than the chain rule.
"""

from __future__ import annotations

import numpy as np
from scipy.special import erfcx, log_ndtr, ndtr

Values = tuple[np.ndarray, np.ndarray, np.ndarray]

_HALF_LOG_2PI = 0.5 * np.log(2 * np.pi)
_HALF_LOG_HALF_PI = 0.5 * np.log(np.pi / 2)
_FAR = -1 / np.sqrt(np.finfo(float).eps)  # below it, 1 - x erfcx(x) has no correct digit left


def log_h(z: np.ndarray) -> np.ndarray:
    """Logarithm of h(z) = phi(z) + z Phi(z), without underflow for very negative z.

    Ament et al. (2023), "Unexpected improvements to expected improvement for Bayesian
    optimization", arXiv:2310.20708, eq. 9.

    Parameters
    ----------
    z : ndarray
        Standardised improvement (mean - best) / std.

    Returns
    -------
    ndarray of the same shape
        log h(z).
    """
    z = np.asarray(z, dtype=float)
    near = np.maximum(z, -1.0)
    direct = np.log(np.exp(-0.5 * near**2 - _HALF_LOG_2PI) + near * ndtr(near))
    tail = np.clip(z, _FAR, -1.0)
    # h(z) = phi(z) (1 - |z| sqrt(pi/2) erfcx(|z|/sqrt(2)))
    log_ratio = np.log(-tail * erfcx(-tail / np.sqrt(2))) + _HALF_LOG_HALF_PI
    middle = -0.5 * tail**2 - _HALF_LOG_2PI + np.log(-np.expm1(np.minimum(log_ratio, -1e-300)))
    far = np.minimum(z, _FAR)
    asymptotic = -0.5 * far**2 - _HALF_LOG_2PI - 2 * np.log(-far)  # h(z) ~ phi(z) / z^2
    return np.where(z > -1, direct, np.where(z > _FAR, middle, asymptotic))


def log_expected_improvement(mean: np.ndarray, std: np.ndarray, best: float) -> Values:
    """Logarithm of the expected improvement over the incumbent.

    EI = E[max(f - best, 0)] = std h(z) with z = (mean - best) / std, f ~ N(mean, std^2) (Mockus
    1978; Jones et al. 1998, eq. 15). Its logarithm has the same maximiser and a gradient that does
    not vanish where EI underflows (arXiv:2310.20708).

    Parameters
    ----------
    mean, std : ndarray of shape (n,)
        Posterior mean and standard deviation; std > 0.
    best : float
        Value of the incumbent.

    Returns
    -------
    value, d_mean, d_std : ndarray of shape (n,)
        log EI and its derivatives by mean and by std.
    """
    z = (mean - best) / std
    value = log_h(z)
    # h'(z) / h(z), as h' = Phi; far out, where the difference of the logarithms drowns, it is -z
    log_slope = np.minimum(log_ndtr(z) - value, 20)  # what is drowned may overflow
    slope = np.where(z > -1e4, np.exp(log_slope), -z)
    return value + np.log(std), slope / std, (1 - slope * z) / std


def upper_confidence_bound(mean: np.ndarray, std: np.ndarray, beta: float) -> Values:
    """Upper confidence bound mean + beta std (Srinivas et al. 2010, arXiv:0912.3995).

    Parameters
    ----------
    mean, std : ndarray of shape (n,)
        Posterior mean and standard deviation.
    beta : float
        Weight of the uncertainty, in standard deviations.

    Returns
    -------
    value, d_mean, d_std : ndarray of shape (n,)
        The bound and its derivatives by mean and by std.
    """
    return mean + beta * std, np.ones_like(mean), np.full_like(std, beta)


def log_probability_above(mean: np.ndarray, std: np.ndarray, threshold: float) -> Values:
    """Logarithm of the probability that the function is above a threshold.

    Added to a log EI where the function tells what succeeds from what fails, it makes the expected
    improvement one that counts nothing for a failure (Gelbart, Snoek & Adams 2014,
    arXiv:1403.5607, eq. 3).

    Parameters
    ----------
    mean, std : ndarray of shape (n,)
        Posterior mean and standard deviation; std > 0.
    threshold : float
        In units of the mean.

    Returns
    -------
    value, d_mean, d_std : ndarray of shape (n,)
        log Phi((mean - threshold) / std) and its derivatives by mean and by std.
    """
    z = (mean - threshold) / std
    value = log_ndtr(z)
    slope = np.exp(-0.5 * z**2 - _HALF_LOG_2PI - value)
    return value, slope / std, -slope * z / std
