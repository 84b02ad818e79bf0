"""The covariance of scores at two settings: near ones are alike, and effects partly add up.

    symbol   name             shape      meaning
    a        bends            (q,)       of the scales of numbers that have a linear range
    phi      scaled           (n, d)     coordinates z, bent where a says so
    delta    differences      (d, ...)   phi_j - phi'_j of numbers, [z_j != z'_j] of categories
    l        lengthscales     (d,)       one per column (automatic relevance determination)
    w        share            ()         of the variance that is a sum of functions of one column
    C        directions       (d, d)     unit vectors c_j, one per column

The scaled distance along column j is s_j = delta_j / l_j, and r = |sum_j s_j c_j|. With the
Matern-5/2 correlation M (Rasmussen & Williams 2006, eq. 4.17) it is

    k(z, z') = (1 - w) M(r) + w / d sum_j M(sqrt(d) s_j).

Were the c_j orthogonal, r^2 would be the sum of the s_j^2. But where parameters make up for one
another, as a learning rate and a number of steps do, the function has ridges across the axes, and r
is to be small along them (Vivarelli & Williams 1999, "Discovering hidden features with Gaussian
processes regression"). So the c_j of a few numbers are learnt: the columns of I + S at unit length,
with S symmetric and zero on its diagonal. Then l_j remains the lengthscale along column j.

Some numbers act on a logarithmic scale though they are given linearly, as a learning rate may be as
a range from 0 to 1. So the scale of these is learnt too (input warping, Snoek et al. 2014,
arXiv:1402.0929):

    phi(u) = log(1 + (e^a - 1) u) / a,

the identity at a = 0, and the logarithm of a value from low to high at a = log(high / low), as far
as it may bend; if a is negative, the same from the other end. What holds no numbers of at least 0,
or holds them spread logarithmically, keeps its coordinates.

The first term knows nothing of a setting until a near one was seen. The second adds up what each
parameter does by itself (Duvenaud, Nickisch & Rasmussen 2011, arXiv:1112.4394), so it learns of all
settings that share a value: in many dimensions this is most of what few trials can tell.

A category beside numbers, as in [None, 2, 4, 8], is a point apart from their line: sqrt(1/2) from
its middle, square to it and to all others. So two categories are 1 apart, and all distances remain
those of points in a Euclidean space, without which k would not be positive definite.
"""

from __future__ import annotations

import math
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
_OBLIQUE_PRIOR = 0.5  # sd of an entry of S, times the root of the number of others in its column
_BEND_PRIOR = 3.0  # sd of a
_LENGTHSCALE_BOUNDS = (np.log(5e-3), np.log(1e3))
_SHARE_BOUNDS = (-6.0, 6.0)
_OBLIQUE_BOUNDS = (-0.95, 0.95)
_MIN_BEND = 1.0  # what may bend less is straight
_NO_BEND = 1e-5  # where a is smaller, phi is taken at this
_MAX_OBLIQUE = 10  # numbers up to which S is learnt; more have too many pairs
NO_SHARE = -40.0  # a logit that means none


class Kernel:
    """Correlation over numbers and categories, a function of its hyperparameters theta.

    ``theta`` holds the logarithms of the lengthscales, in units of the cube's edge, the logit of
    the share, the p entries of S above its diagonal, and the q bends, d + 1 + p + q in all.

    Parameters
    ----------
    categories : sequence of ndarray
        For each of the d columns the coordinates of its categories, ascending, empty for a numeric
        one; lower coordinates are numbers.
    n_varying : float, default=None
        Number of columns in which two settings differ; all d by default.
    max_bends : ndarray of shape (d,), default=None
        How far the scale of a number may bend, 0 of what has none to learn; that by default.

    Attributes
    ----------
    n_dims : int
        Number of columns d.
    prior : ndarray of shape (d + 1 + p + q, 2)
        Location and standard deviation of a normal prior of theta.
    bounds : ndarray of shape (d + 1 + p + q, 2)
        Range of theta.
    bends : slice
        Where the bends stand in theta.
    """

    def __init__(
        self,
        categories: Sequence[np.ndarray],
        n_varying: float | None = None,
        max_bends: np.ndarray | None = None,
    ) -> None:
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
        numbers = np.flatnonzero(~self._is_category)
        oblique = numbers if len(numbers) <= _MAX_OBLIQUE else numbers[:0]
        self._n_oblique = len(oblique)
        # A slice makes no copy.
        self._oblique = slice(None) if len(oblique) == d else oblique
        max_bends = np.zeros(d) if max_bends is None else max_bends
        bent = np.flatnonzero(max_bends >= _MIN_BEND)
        self._bent = slice(None) if len(bent) == d else bent
        self._above = np.triu_indices(len(oblique), 1)
        n_pairs = len(self._above[0])
        entry = (0.0, _OBLIQUE_PRIOR / np.sqrt(max(len(oblique) - 1, 1)))
        sizes = [d, 1, n_pairs, len(bent)]
        priors = [(longer, scale), _SHARE_PRIOR, entry, (0.0, _BEND_PRIOR)]
        bounds = [_LENGTHSCALE_BOUNDS, _SHARE_BOUNDS, _OBLIQUE_BOUNDS, (0.0, 0.0)]
        self.prior: np.ndarray = np.repeat(priors, sizes, axis=0)
        self.bounds: np.ndarray = np.repeat(bounds, sizes, axis=0)
        ends = np.cumsum(sizes).tolist()
        self._entries, self.bends = slice(*ends[1:3]), slice(*ends[2:4])
        self.bounds[self.bends] = np.outer(max_bends[bent], [-1, 1])

    def scale(self, theta: np.ndarray, Z: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
        """Return phi of points Z (n, d) of the cube, and its derivatives by Z, (n, d)."""
        if not theta[self.bends].any():
            return Z, np.ones_like(Z)
        phi, slopes, _ = self._phi(theta, Z)
        scaled, derivatives = Z.copy(), np.ones_like(Z)
        scaled[:, self._bent], derivatives[:, self._bent] = phi, slopes
        return scaled, derivatives

    def _phi(self, theta: np.ndarray, Z: np.ndarray) -> tuple[np.ndarray, ...]:
        """Return phi of the numbers that may bend, and its derivatives by u and a, (n, q)."""
        a, u = theta[self.bends], Z[:, self._bent]
        a = np.where(np.abs(a) < _NO_BEND, _NO_BEND, a)
        ratio = np.expm1(a)  # of high to low, less 1
        inner = 1 + ratio * u
        phi = np.log1p(ratio * u) / a
        return phi, ratio / (a * inner), ((1 + ratio) * u / inner - phi) / a

    def differences(self, A: np.ndarray, B: np.ndarray) -> np.ndarray:
        """Return the differences between scaled A (m, d) and B (n, d) by column, (d, m, n)."""
        out = A.T[:, :, None] - B.T[:, None, :]
        for j in np.flatnonzero(self._is_category).tolist():
            out[j] = self._difference(A, B, j)
        return out

    def pairs(
        self, Z: np.ndarray, i: np.ndarray, j: np.ndarray
    ) -> Callable[[np.ndarray, bool], tuple[np.ndarray, np.ndarray | None]]:
        """Prepare the differences between rows i and j of Z, which depend on theta.

        Parameters
        ----------
        Z : ndarray of shape (n, d)
            Points.
        i, j : ndarray of shape (n_pairs,)
            Indices of rows.

        Returns
        -------
        callable
            From theta, and whether scales may bend, to the differences, (d, n_pairs), which the
            next call overwrites, and their derivatives by the bends, (q, n_pairs); None if not.
        """
        straight = self.differences(Z, Z)[:, i, j]
        out = straight.copy()

        def at(theta: np.ndarray, may_bend: bool) -> tuple[np.ndarray, np.ndarray | None]:
            if not may_bend:
                return straight, None
            phi, _, by_bend = self._phi(theta, Z)
            out[self._bent] = (phi[i] - phi[j]).T
            return out, (by_bend[i] - by_bend[j]).T

        return at

    def __call__(self, theta: np.ndarray, A: np.ndarray, B: np.ndarray) -> np.ndarray:
        """Return the correlations of points A (m, d) with B (n, d), (m, n)."""
        d, share, lengthscales = self.n_dims, self._share(theta), np.exp(theta[: self.n_dims])
        A, B = self.scale(theta, A)[0], self.scale(theta, B)[0]
        numeric, directions = ~self._is_category, self._directions(theta)[0]

        def scaled(Z: np.ndarray) -> np.ndarray:
            s = Z / lengthscales
            s[:, self._oblique] = s[:, self._oblique] @ directions.T
            return s[:, numeric]

        squares = cdist(scaled(A), scaled(B), "sqeuclidean")
        for j in np.flatnonzero(self._is_category).tolist():
            squares += (self._difference(A, B, j) / lengthscales[j]) ** 2
        k = (1 - share) * _matern(np.sqrt(squares))
        if share:
            for j in range(d):
                distance = np.abs(self._difference(A, B, j)) / lengthscales[j]
                k += share / d * _matern(np.sqrt(d) * distance)
        return k

    def with_gradients(
        self, theta: np.ndarray, differences: np.ndarray, by_bend: np.ndarray | None = None
    ) -> tuple[np.ndarray, Callable, Callable]:
        """Return the correlations and two functions that pull their weights back.

        Parameters
        ----------
        theta : ndarray of shape (d + 1 + p + q,)
            Hyperparameters.
        differences : ndarray of shape (d, ...)
            As `differences` returns them, or a selection of those.
        by_bend : ndarray of shape (q, ...), default=None
            Their derivatives by the bends; with None `by_theta` is 0 there.

        Returns
        -------
        k : ndarray of shape (...)
            Correlations.
        by_theta : callable
            From weights W (...) to the gradient of sum(W * k) by theta, (d + 1 + p + q,).
        by_point : callable
            For all differences between points A (m, d) and B (n, d): from weights W (m, n) to the
            gradient of row i of (W * k).sum(1) by the scaled point A[i], (m, d); zero for
            categories.
        """
        d, *shape = differences.shape
        share, lengthscales = self._share(theta), np.exp(theta[:d])
        directions, lengths = self._directions(theta)
        s = differences.reshape(d, math.prod(shape)) / lengthscales[:, None]
        steps = s.copy()  # sum_j s_j c_j
        steps[self._oblique] = directions @ s[self._oblique]
        joint, slope = _matern_and_slope(np.sqrt(np.einsum("dp,dp->p", steps, steps)))
        steps *= slope * (1 - share)  # -dk / dsteps
        pull = steps.copy()
        pull[self._oblique] = directions.T @ steps[self._oblique]
        k, excess = joint, np.zeros_like(joint)
        if share:
            alone, slopes = _matern_and_slope(np.sqrt(d) * np.abs(s))
            excess = alone.mean(axis=0) - joint
            k = joint + share * excess
            pull += share * slopes * s  # -dk / ds_j

        def by_theta(weights: np.ndarray) -> np.ndarray:
            weights = weights.ravel()
            weighted = weights * s
            by_lengthscale = np.einsum("dp,dp->d", pull, weighted)
            by_share = share * (1 - share) * (weights @ excess)
            by_directions = -steps[self._oblique] @ weighted[self._oblique].T
            along = np.sum(directions * by_directions, axis=0)  # c_j, whose length does not change
            by_entries = (by_directions - directions * along) / lengths
            by_pair = (by_entries + by_entries.T)[self._above]
            by_bends = np.zeros(self.bends.stop - self.bends.start)
            if by_bend is not None:
                by_bends = -(pull[self._bent] * by_bend) @ weights / lengthscales[self._bent]
            return np.concatenate([by_lengthscale, [by_share], by_pair, by_bends])

        def by_point(weights: np.ndarray) -> np.ndarray:
            pulls = pull.reshape(differences.shape)
            gradient = -np.einsum("mn,dmn->md", weights, pulls) / lengthscales
            return np.where(self._is_category, 0.0, gradient)

        return k.reshape(shape), by_theta, by_point

    def _share(self, theta: np.ndarray) -> float:
        """Return w; of a single column both terms are the same."""
        logit = theta[self.n_dims]
        return float(expit(logit)) if self.n_dims > 1 and logit > NO_SHARE else 0.0

    def _directions(self, theta: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
        """Return C of the m columns where it is learnt, (m, m), and the lengths of I + S (m,)."""
        C = np.eye(self._n_oblique)
        C[self._above] = C.T[self._above] = theta[self._entries]
        lengths = np.sqrt(np.sum(C**2, axis=0))
        return C / lengths, lengths

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
