"""Output warping: scores of any scale and tail -> targets that a Gaussian process can model.

Scores of real models have a long bad tail (diverged fits, degenerate settings). Three monotone
steps, each with an inverse: centre and scale robustly, by the better scores where many others have
diverged; bend what is far out to the logarithm of a logarithm; and make the rest as normal as it
gets (Yeo & Johnson 2000). All three commute with a shift or a positive scaling of the scores, so
the search does not depend on the unit of the metric.
"""

from __future__ import annotations

import numpy as np
from scipy.optimize import minimize_scalar
from scipy.special import boxcox1p, inv_boxcox1p
from scipy.stats import norm

_ROUNDING = 1e-13  # relative to the largest score
_DIVERGED = 1e6  # how many times the spread of the better scores is that of all where many diverged
_MIN_BETTER = 3  # scores that tell a spread
_LINEAR_RANGE = 5.0  # interquartile ranges around the median that stay linear
_POWER_BOUNDS = (0.0, 2.0)  # of the Yeo-Johnson exponent; 1 is the identity
_REACH, _N_NODES = 8.0, 64  # standard deviations and nodes of a quadrature
_LARGEST = np.finfo(float).max
_SLOPE_STEP = 1e-2  # in targets, over which the slope at either end is taken
_MIN_FOR_POWER = 5  # fewer distinct scores say nothing about a tail


def differ(scores: np.ndarray) -> bool:
    """Whether scores (n,) differ by more than rounding."""
    with np.errstate(under="ignore"):
        return len(scores) > 0 and float(np.ptp(scores / _unit(scores))) > _ROUNDING


def _unit(scores: np.ndarray) -> float:
    """Return the largest score, in units of which no difference over- or underflows."""
    return max(float(np.max(np.abs(scores))), np.finfo(float).tiny)


def _std(t: np.ndarray) -> float:
    """Return the standard deviation, or 1 where there is none beyond rounding."""
    std = float(np.std(t))
    return std if std > 1e-8 else 1.0


def _yeo_johnson(t: np.ndarray, power: float) -> np.ndarray:
    """Box-Cox transform of 1 + t above 0, and of 1 - t, mirrored and with 2 - power, below."""
    up, down = np.maximum(t, 0), np.maximum(-t, 0)
    return boxcox1p(up, power) - boxcox1p(down, 2 - power)


def _inverse_yeo_johnson(w: np.ndarray, power: float) -> np.ndarray:
    """Inverse of `_yeo_johnson`."""
    up, down = np.maximum(w, 0), np.maximum(-w, 0)
    return inv_boxcox1p(up, power) - inv_boxcox1p(down, 2 - power)


class OutputWarping:
    """Monotone map from scores to targets of zero mean and unit variance, fitted to scores.

    Parameters
    ----------
    scores : ndarray of shape (n,)
        Finite scores, n >= 1.
    """

    def __init__(self, scores: np.ndarray) -> None:
        self._unit = _unit(scores)
        scaled = scores / self._unit
        low, self._centre, high = np.quantile(scaled, [0.25, 0.5, 0.75])
        spread, rounding = high - low, _ROUNDING * max(abs(low), abs(high))
        if spread <= rounding:  # over half of the scores are equal
            spread = float(np.std(scaled))
        self._scale = spread if spread > rounding else 1.0
        for share in (2, 4):
            better = np.sort(scaled)[len(scaled) - len(scaled) // share :]
            if len(better) < _MIN_BETTER:
                break
            low, centre, high = np.quantile(better, [0.25, 0.5, 0.75])
            if _ROUNDING * max(abs(low), abs(high)) < high - low < self._scale / _DIVERGED:
                self._scale, self._centre = high - low, centre
        bent = self._bend((scaled - self._centre) / self._scale)
        self._bent_mean, self._bent_std = float(bent.mean()), _std(bent)
        t = (bent - self._bent_mean) / self._bent_std
        self._power = self._most_normal_power(t)
        w = _yeo_johnson(t, self._power)
        self._mean, self._std = float(w.mean()), _std(w)
        targets = (w - self._mean) / self._std
        self._seen = float(targets.min()), float(targets.max())

    @staticmethod
    def _bend(t: np.ndarray) -> np.ndarray:
        """Identity up to `_LINEAR_RANGE`, twice logarithmic beyond, with a continuous slope."""
        size = np.abs(t)
        beyond = np.log1p(np.log1p(np.maximum(size - _LINEAR_RANGE, 0)))
        return np.sign(t) * (np.minimum(size, _LINEAR_RANGE) + beyond)

    @staticmethod
    def _unbend(t: np.ndarray) -> np.ndarray:
        size = np.abs(t)
        # exp(exp(6.5)) is about the largest float.
        beyond = np.expm1(np.expm1(np.clip(size - _LINEAR_RANGE, 0, 6.5)))
        return np.sign(t) * (np.minimum(size, _LINEAR_RANGE) + beyond)

    @staticmethod
    def _most_normal_power(t: np.ndarray) -> float:
        """Maximum-likelihood exponent (Yeo & Johnson 2000, eq. 3.2)."""
        if len(np.unique(t)) < _MIN_FOR_POWER:
            return 1.0
        log_jacobian = float(np.sum(np.sign(t) * np.log1p(np.abs(t))))

        def negative_log_likelihood(power: float) -> float:
            variance = max(float(np.var(_yeo_johnson(t, power))), 1e-300)
            return 0.5 * len(t) * np.log(variance) - (power - 1) * log_jacobian

        fit = minimize_scalar(
            negative_log_likelihood, bounds=_POWER_BOUNDS, method="bounded", options={"xatol": 1e-3}
        )
        return float(fit.x)

    def __call__(self, scores: np.ndarray) -> np.ndarray:
        """Map scores to targets; increasing.

        Parameters
        ----------
        scores : ndarray of shape (n,)
            Scores in the unit of the metric.

        Returns
        -------
        ndarray of shape (n,)
            Targets.
        """
        bent = self._bend((scores / self._unit - self._centre) / self._scale)
        w = _yeo_johnson((bent - self._bent_mean) / self._bent_std, self._power)
        return (w - self._mean) / self._std

    def inverse(self, targets: np.ndarray) -> np.ndarray:
        """Map targets back to scores.

        Parameters
        ----------
        targets : ndarray
            Targets.

        Returns
        -------
        ndarray of the same shape
            Scores in the unit of the metric.
        """
        t = _inverse_yeo_johnson(targets * self._std + self._mean, self._power)
        bent = t * self._bent_std + self._bent_mean
        with np.errstate(over="ignore"):
            scores = (self._unbend(bent) * self._scale + self._centre) * self._unit
        return np.clip(scores, -_LARGEST, _LARGEST)

    def inverse_moments(self, mean: np.ndarray, std: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
        """Centre and spread, in scores, of a target ~ N(mean, std^2).

        Parameters
        ----------
        mean, std : ndarray of shape (n,)
            Moments of the targets.

        Returns
        -------
        mean, std : ndarray of shape (n,)
            Median and half the width of the central 68 % of the scores: the moments where the
            warping is locally linear, and finite where its tail has none. Beyond the scores that
            were seen the warping goes on in a line, for it says nothing there.
        """
        low, high = self._in_line(mean - std), self._in_line(mean + std)
        return self._in_line(mean), high / 2 - low / 2  # halves, as a difference may overflow

    def _in_line(self, targets: np.ndarray) -> np.ndarray:
        """Map targets (n,) back to scores, those beyond what was seen by the slope at its end.

        The inverse grows as an exponential of an exponential there.
        """
        inside = np.clip(targets, *self._seen)
        step = np.copysign(_SLOPE_STEP, targets - inside)
        scores, before = self.inverse(inside), self.inverse(inside - step)
        with np.errstate(over="ignore"):
            slope = np.minimum((scores / 2 - before / 2) * (2 / step), _LARGEST)
            return np.clip(scores + (targets - inside) * slope, -_LARGEST, _LARGEST)

    def expected_excess(self, mean: float, std: float, threshold: float) -> float:
        """Integrate by how much, in scores, a target ~ N(mean, std^2) exceeds a threshold.

        E[min(max(g(T) - g(b), 0), c)] with g the inverse map, by Gauss-Legendre quadrature over
        what is both above b and within 8 standard deviations of the mean, or next to b where b is
        far out; c is five interquartile ranges of the scores: without it there is no expectation.

        Parameters
        ----------
        mean, std : float
            Moments of the target.
        threshold : float
            In targets.

        Returns
        -------
        float
            In the unit of the metric.
        """
        low = max(threshold, mean - _REACH * std)
        high = max(threshold, mean) + _REACH * std
        nodes, weights = np.polynomial.legendre.leggauss(_N_NODES)
        t = low + (high - low) * (nodes + 1) / 2
        with np.errstate(over="ignore"):
            excess = self.inverse(t) - self.inverse(np.array([threshold]))
            cap = min(_LINEAR_RANGE * self._scale * self._unit, _LARGEST / 2)
        probabilities = weights * norm.pdf(t, mean, std) * (high - low) / 2
        return float(probabilities @ np.minimum(excess, cap))
