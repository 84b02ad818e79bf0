"""The covariance of scores at two settings: near ones are alike, and effects partly add up.

    symbol   name             shape      meaning
    delta    differences      (d, ...)   z_j - z'_j of numbers, [z_j != z'_j] of categories
    l        lengthscales     (d,)       one per column (automatic relevance determination)
    w        share            ()         of the variance that is a sum of functions of one column

The scaled distance along column j is s_j = delta_j / l_j, and r^2 = sum_j s_j^2. With the
Matern-5/2 correlation M (Rasmussen & Williams 2006, eq. 4.17) it is

    k(z, z') = (1 - w) M(r) + w / d sum_j M(sqrt(d) s_j).

The first term knows nothing of a setting until a near one was seen. The second adds up what each
parameter does by itself (Duvenaud, Nickisch & Rasmussen 2011, arXiv:1112.4394), so it learns of all
settings that share a value: in many dimensions this is most of what few trials can tell.

A category beside numbers, as in [None, 2, 4, 8], is a point apart from their line: sqrt(1/2) from
its middle, square to it and to all others. So two categories are 1 apart, and all distances remain
those of points in a Euclidean space, without which k would not be positive definite.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence

import numpy as np
from scipy.spatial.distance import cdist
from scipy.special import expit

_SQRT5 = np.sqrt(5.0)
_ROUNDING = 1e-9  # of coordinates

# MAP priors: normal, (location, standard deviation) of the logarithm of a lengthscale and of the
# logit of the share. A lengthscale grows with the square root of the number of columns in which two
# settings differ, so that distances in many dimensions stay comparable to it (Hvarfner et al. 2024,
# arXiv:2402.02229).
_LENGTHSCALE_PRIOR = (-1.0, 0.7)
_SHARE_PRIOR = (0.5, 1.5)
_LENGTHSCALE_BOUNDS = (np.log(5e-3), np.log(1e3))
_SHARE_BOUNDS = (-6.0, 6.0)
NO_SHARE = -40.0  # a logit that means none


class Kernel:
    """Correlation over numbers and categories, a function of its hyperparameters theta.

    ``theta`` holds the logarithms of the lengthscales, in units of the cube's edge, and the logit
    of the share, d + 1 in all.

    Parameters
    ----------
    categories : sequence of ndarray
        For each of the d columns the coordinates of its categories, ascending, empty for a numeric
        one; lower coordinates are numbers.
    n_varying : float, default=None
        Number of columns in which two settings differ; all d by default.

    Attributes
    ----------
    n_dims : int
        Number of columns d.
    prior : ndarray of shape (d + 1, 2)
        Location and standard deviation of a normal prior of theta.
    bounds : ndarray of shape (d + 1, 2)
        Range of theta.
    """

    def __init__(self, categories: Sequence[np.ndarray], n_varying: float | None = None) -> None:
        self.n_dims = d = len(categories)
        self._is_category = np.array([len(centres) > 0 for centres in categories], dtype=bool)
        # Lower coordinates are numbers. Snapped ones differ from their own by rounding at most.
        first = np.array([np.r_[centres, np.inf][0] for centres in categories])
        self._first = first - _ROUNDING
        # A lone category at c has the cell [2c - 1, 1] to itself: the numbers' line is [0, 2c - 1].
        self._middle = first - 0.5
        self._only_categories = self._is_category & (self._middle <= 0)
        location, scale = _LENGTHSCALE_PRIOR
        longer = location + 0.5 * np.log(max(d if n_varying is None else n_varying, 1))
        self.prior = np.array([(longer, scale)] * d + [_SHARE_PRIOR])
        self.bounds: np.ndarray = np.array([_LENGTHSCALE_BOUNDS] * d + [_SHARE_BOUNDS])

    def differences(self, A: np.ndarray, B: np.ndarray) -> np.ndarray:
        """Return the differences between points A (m, d) and B (n, d) by column, (d, m, n)."""
        out = np.empty((A.shape[1], len(A), len(B)))
        for j, column in enumerate(out):
            column[:] = self._difference(A, B, j)
        return out

    def __call__(self, theta: np.ndarray, A: np.ndarray, B: np.ndarray) -> np.ndarray:
        """Return the correlations of points A (m, d) with B (n, d), (m, n)."""
        d, share, lengthscales = A.shape[1], _share(theta), np.exp(theta[:-1])
        numeric = ~self._is_category
        squares = cdist(
            A[:, numeric] / lengthscales[numeric],
            B[:, numeric] / lengthscales[numeric],
            "sqeuclidean",
        )
        for j in np.flatnonzero(self._is_category).tolist():
            squares += (self._difference(A, B, j) / lengthscales[j]) ** 2
        k = (1 - share) * _matern(np.sqrt(squares))
        if share:
            for j in range(d):
                distance = np.abs(self._difference(A, B, j)) / lengthscales[j]
                k += share / d * _matern(np.sqrt(d) * distance)
        return k

    def with_gradients(
        self, theta: np.ndarray, differences: np.ndarray
    ) -> tuple[np.ndarray, Callable, Callable]:
        """Return the correlations and two functions that pull their weights back.

        Parameters
        ----------
        theta : ndarray of shape (d + 1,)
            Hyperparameters.
        differences : ndarray of shape (d, ...)
            As `differences` returns them, or a selection of those.

        Returns
        -------
        k : ndarray of shape (...)
            Correlations.
        by_theta : callable
            From weights W (...) to the gradient of sum(W * k) by theta, (d + 1,).
        by_point : callable
            For all differences between points A (m, d) and B (n, d): from weights W (m, n) to the
            gradient of row i of (W * k).sum(1) by the point A[i], (m, d); zero for categories.
        """
        d, share = len(differences), _share(theta)
        lengthscales = np.exp(theta[:-1])
        s = (differences.T / lengthscales).T
        joint, slopes = _matern_and_slope(np.sqrt(np.einsum("d...,d...->...", s, s)))
        k, excess = joint, np.zeros_like(joint)
        if share:
            alone, slopes_alone = _matern_and_slope(np.sqrt(d) * np.abs(s))
            excess = alone.mean(axis=0) - joint
            k = joint + share * excess
            slopes = (1 - share) * slopes + share * slopes_alone  # (d, ...)
        pull = slopes * s  # -dk / ds_j

        def by_theta(weights: np.ndarray) -> np.ndarray:
            by_lengthscale = np.tensordot(pull * s, weights, weights.ndim)
            return np.r_[by_lengthscale, share * (1 - share) * np.sum(weights * excess)]

        def by_point(weights: np.ndarray) -> np.ndarray:
            gradient = -np.einsum("mn,dmn->md", weights, pull) / lengthscales
            return np.where(self._is_category, 0.0, gradient)

        return k, by_theta, by_point

    def _difference(self, A: np.ndarray, B: np.ndarray, j: int) -> np.ndarray:
        a, b = A[:, j, None], B[None, :, j]
        if not self._is_category[j]:
            return a - b
        differ = np.abs(a - b) > _ROUNDING
        if self._only_categories[j]:
            return differ.astype(float)
        a_apart, b_apart = a > self._first[j], b > self._first[j]
        along = np.where(a_apart, self._middle[j], a) - np.where(b_apart, self._middle[j], b)
        across = np.where(differ, 0.5 * a_apart + 0.5 * b_apart, 0.0)
        return np.sqrt(along**2 + across)


def _share(theta: np.ndarray) -> float:
    """Return w; of a single column both terms are the same."""
    return float(expit(theta[-1])) if len(theta) > 2 and theta[-1] > NO_SHARE else 0.0


def _matern(r: np.ndarray) -> np.ndarray:
    """M(r) = (1 + t + t^2 / 3) exp(-t) with t = sqrt(5) r."""
    t = _SQRT5 * r
    out = t / 3  # in place from here on: large arrays cost what they move
    out += 1
    out *= t
    out += 1
    out *= np.exp(np.negative(t, out=t), out=t)
    return out


def _matern_and_slope(r: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """M(r) and -M'(r) / r = 5/3 (1 + t) exp(-t), which is finite at r = 0."""
    t = _SQRT5 * r
    decay = np.exp(-t)
    slope = (1 + t) * decay
    return slope + t * t / 3 * decay, 5 / 3 * slope
