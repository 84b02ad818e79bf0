"""The surrogate: a Gaussian process over the mixed unit cube.

    symbol     name          shape     meaning
    Z          Z             (n, d)    points, columns in [0, 1]
    y          y             (n,)      targets, about zero mean and unit variance
    Phi        features      (n, p)    Z with each category column one-hot, p >= d
    l          lengthscales  (d,)      one per column (automatic relevance determination)
    s^2, e^2   signal, noise ()        variances of the function and of the observation noise
    K          K             (n, n)    s^2 k(Z, Z) + e^2 I = L L^T
    alpha      alpha         (n,)      K^-1 y

The covariance is Matern-5/2 (Rasmussen & Williams 2006, eq. 4.17) of the scaled distance

    r^2 = sum_j (z_j - z'_j)^2 / l_j^2     over the numeric columns
        + sum_j [z_j != z'_j] / l_j^2      over the category columns
        = |phi - phi'|^2                   with phi = features / l,

since two one-hot vectors, scaled by 1 / sqrt(2), are 1 apart. Integers and categories must be
snapped to their grid before they come here, so that the process is constant on each cell
(Garrido-Merchan & Hernandez-Lobato, arXiv:1805.03463).
"""

from __future__ import annotations

import copy
import warnings
from collections.abc import Sequence

import numpy as np
from scipy.linalg import lapack
from scipy.optimize import minimize
from scipy.spatial.distance import cdist

_SQRT5 = np.sqrt(5.0)

# MAP priors: log-normal, (location of the logarithm, its standard deviation). A lengthscale grows
# with sqrt(d), so that distances in many dimensions stay comparable to it (Hvarfner et al. 2024,
# arXiv:2402.02229).
_LENGTHSCALE_PRIOR = (-0.5, 1.0)
_SIGNAL_PRIOR = (0.0, 0.7)
_NOISE_PRIOR = (np.log(1e-2), 1.5)
_LENGTHSCALE_BOUNDS = (5e-3, 1e3)
_SIGNAL_BOUNDS = (5e-2, 2e1)
_NOISE_BOUNDS = (1e-6, 1.0)
_JITTERS = (0.0, 1e-8, 1e-6, 1e-4, 1e-2)
_MIN_VARIANCE = 1e-12


class GaussianProcess:
    """Gaussian-process regression with a Matern-5/2 kernel on numbers and categories.

    Parameters
    ----------
    categories : sequence of ndarray
        For each of the d columns the coordinates of its categories, empty for a numeric one.

    Attributes
    ----------
    lengthscales : ndarray of shape (d,)
        Lengthscales in units of the cube's edge.
    signal, noise : float
        Variances of the function and of the noise, in units of y squared.
    """

    def __init__(self, categories: Sequence[np.ndarray]) -> None:
        self.categories = categories
        d = len(categories)
        n_categories = np.array([len(centres) for centres in categories], dtype=int)
        self._numeric = np.flatnonzero(n_categories == 0)
        self._categorical = np.flatnonzero(n_categories)
        # group[i]: the column of Z that feature i comes from
        self._group = np.r_[
            self._numeric, np.repeat(self._categorical, n_categories[self._categorical])
        ]
        location = _LENGTHSCALE_PRIOR[0] + 0.5 * np.log(max(d, 1))
        self._prior_location = np.r_[np.full(d, location), _SIGNAL_PRIOR[0], _NOISE_PRIOR[0]]
        self._prior_scale = np.r_[
            np.full(d, _LENGTHSCALE_PRIOR[1]), _SIGNAL_PRIOR[1], _NOISE_PRIOR[1]
        ]
        self._bounds = np.log([_LENGTHSCALE_BOUNDS] * d + [_SIGNAL_BOUNDS, _NOISE_BOUNDS])
        smooth = np.r_[np.ones(d), 0, -2]
        self._starts = self._prior_location + smooth, self._prior_location - smooth
        self._theta = self._prior_location.copy()  # logarithms of (l, s^2, e^2)

    @property
    def lengthscales(self) -> np.ndarray:
        """Lengthscale of each column."""
        return np.exp(self._theta[:-2])

    @property
    def signal(self) -> float:
        """Variance of the function."""
        return float(np.exp(self._theta[-2]))

    @property
    def noise(self) -> float:
        """Variance of the observation noise."""
        return float(np.exp(self._theta[-1]))

    def fit(self, Z: np.ndarray, y: np.ndarray) -> GaussianProcess:
        """Set the hyperparameters to their maximum a posteriori, then condition on the data.

        Starts from a smooth function with little noise and from a rough one with much, and keeps
        the better end.

        Parameters
        ----------
        Z : ndarray of shape (n, d)
            Points, snapped.
        y : ndarray of shape (n,)
            Targets.

        Returns
        -------
        GaussianProcess
            This object.
        """
        features = self._features(Z)
        fits = [
            minimize(
                self._negative_log_posterior,
                start,
                args=(features, y),
                jac=True,
                method="L-BFGS-B",
                bounds=self._bounds,
                options={"maxiter": 60, "ftol": 1e-7},
            )
            for start in self._starts
        ]
        best = min(fits, key=lambda fit: fit.fun)
        if np.isfinite(best.fun):
            self._theta = best.x
        else:
            self._theta = self._prior_location.copy()
            warnings.warn(
                "The surrogate could not be fitted; its default hyperparameters are used.",
                RuntimeWarning,
                stacklevel=2,
            )
        return self.condition(Z, y)

    def condition(self, Z: np.ndarray, y: np.ndarray, n_exact: int = 0) -> GaussianProcess:
        """Condition on data under the present hyperparameters, O(n^3).

        Parameters
        ----------
        Z : ndarray of shape (n, d)
            Points, snapped.
        y : ndarray of shape (n,)
            Targets.
        n_exact : int, default=0
            Number of targets, the last ones, that are free of noise.

        Returns
        -------
        GaussianProcess
            This object.
        """
        self._phi = self._scaled(Z)
        K = _matern(cdist(self._phi, self._phi), self.signal)
        noise = np.full(len(y), self.noise)
        noise[len(y) - n_exact :] = _NOISE_BOUNDS[0]
        L = _cholesky(K, noise)
        self._L_inverse = lapack.dtrtri(L, lower=1)[0]
        self._alpha = self._L_inverse.T @ (self._L_inverse @ y)
        return self

    def shortened(self, factor: float) -> GaussianProcess:
        """Return a process, not conditioned yet, whose lengthscales are so many times these.

        Parameters
        ----------
        factor : float
            Less than 1 for a rougher function, of which less is known away from the data.

        Returns
        -------
        GaussianProcess
            A new process with the same signal and noise.
        """
        twin = copy.copy(self)
        twin._theta = self._theta + np.r_[np.full(len(self.categories), np.log(factor)), 0, 0]
        return twin

    def predict(self, Z: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
        """Posterior of the noise-free function (Rasmussen & Williams 2006, eq. 2.25 and 2.26).

        Parameters
        ----------
        Z : ndarray of shape (m, d)
            Points, snapped.

        Returns
        -------
        mean, std : ndarray of shape (m,)
            In units of the targets.
        """
        mean, std, *_ = self._posterior(self._scaled(Z))
        return mean, std

    def predict_gradient(self, Z: np.ndarray) -> tuple[np.ndarray, ...]:
        """Posterior and its gradient by the numeric columns.

        Parameters
        ----------
        Z : ndarray of shape (m, d)
            Points, snapped.

        Returns
        -------
        mean, std : ndarray of shape (m,)
            As `predict`.
        mean_gradient, std_gradient : ndarray of shape (m, d)
            Gradients, zero in category columns.
        """
        phi = self._scaled(Z)
        mean, std, r, v = self._posterior(phi)
        # dk / d phi = -slope (phi - phi_n); d std = -(K^-1 k) dk / std
        slope = _matern_slope(r, self.signal)
        mean_gradient, std_gradient = np.zeros_like(Z), np.zeros_like(Z)
        numeric = slice(0, len(self._numeric))
        for gradient, weights in (
            (mean_gradient, slope * self._alpha),
            (std_gradient, slope * (v @ self._L_inverse) / -std[:, None]),
        ):
            pull = weights @ self._phi[:, numeric] - weights.sum(1)[:, None] * phi[:, numeric]
            gradient[:, self._numeric] = pull / self.lengthscales[self._numeric]
        return mean, std, mean_gradient, std_gradient

    def _posterior(self, phi: np.ndarray) -> tuple[np.ndarray, ...]:
        """Mean and std at scaled features (m, p), with distances r and v = L^-1 k, both (m, n)."""
        r = cdist(phi, self._phi)
        k = _matern(r, self.signal)
        v = k @ self._L_inverse.T
        variance = self.signal - np.einsum("mn,mn->m", v, v)
        return k @ self._alpha, np.sqrt(np.maximum(variance, _MIN_VARIANCE)), r, v

    def _features(self, Z: np.ndarray) -> np.ndarray:
        """Numeric columns, then each category column one-hot with entries 1 / sqrt(2)."""
        blocks = [Z[:, self._numeric]]
        for j in self._categorical.tolist():
            nearest = np.abs(Z[:, j, None] - self.categories[j]).argmin(axis=1)
            blocks.append(np.eye(len(self.categories[j]))[nearest] / np.sqrt(2))
        return np.hstack(blocks)

    def _scaled(self, Z: np.ndarray) -> np.ndarray:
        return self._features(Z) / self.lengthscales[self._group]

    def _negative_log_posterior(
        self, theta: np.ndarray, features: np.ndarray, y: np.ndarray
    ) -> tuple[float, np.ndarray]:
        """Minus the log marginal likelihood and log prior, with gradient by theta.

        Rasmussen & Williams 2006, eq. 5.8 and 5.9. One factorisation and one inversion, O(n^3);
        the d derivatives by lengthscales cost O(n^2 p) together, for with M = (alpha alpha^T -
        K^-1) * slope and D_i the squared distances along feature i,
        sum(M * D_i) = 2 (phi_i^2 . M 1 - phi_i . M phi_i).
        """
        *_, signal, noise = np.exp(theta)
        phi = features / np.exp(theta[self._group])
        r = cdist(phi, phi)
        K = _matern(r, signal)
        L, info = lapack.dpotrf(K + noise * np.eye(len(y)), lower=1)
        if info != 0:
            return np.inf, np.zeros_like(theta)
        alpha = lapack.dpotrs(L, y, lower=1)[0]
        K_inverse = lapack.dpotri(L, lower=1)[0]
        K_inverse = np.tril(K_inverse) + np.tril(K_inverse, -1).T
        log_likelihood = -0.5 * y @ alpha - np.log(np.diag(L)).sum()

        A = np.outer(alpha, alpha) - K_inverse  # d log p / dK = A / 2
        M = A * _matern_slope(r, signal)
        by_feature = (phi**2).T @ M.sum(1) - np.einsum("np,np->p", phi, M @ phi)
        gradient = np.empty_like(theta)
        gradient[:-2] = np.bincount(self._group, by_feature, minlength=len(theta) - 2)
        gradient[-2] = 0.5 * np.sum(A * K)
        gradient[-1] = 0.5 * noise * np.trace(A)

        standardised = (theta - self._prior_location) / self._prior_scale
        log_prior = -0.5 * standardised @ standardised
        return -(log_likelihood + log_prior), -gradient + standardised / self._prior_scale


def _matern(r: np.ndarray, signal: float) -> np.ndarray:
    """k(r) = s^2 (1 + sqrt(5) r + 5/3 r^2) exp(-sqrt(5) r)."""
    t = _SQRT5 * r
    return signal * (1 + t + t * t / 3) * np.exp(-t)


def _matern_slope(r: np.ndarray, signal: float) -> np.ndarray:
    """-k'(r) / r = 5/3 s^2 (1 + sqrt(5) r) exp(-sqrt(5) r), which is finite at r = 0."""
    t = _SQRT5 * r
    return signal * (5 / 3) * (1 + t) * np.exp(-t)


def _cholesky(K: np.ndarray, noise: np.ndarray) -> np.ndarray:
    """Lower factor of K + diag(noise), with as little jitter as it takes."""
    for jitter in _JITTERS:
        L, info = lapack.dpotrf(K + np.diag(noise + jitter), lower=1)
        if info == 0:
            return L
    raise np.linalg.LinAlgError("The surrogate's covariance is not positive definite.")
