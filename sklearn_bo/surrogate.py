"""The surrogate: a Gaussian process over the mixed unit cube.

    symbol     name          shape     meaning
    Z          Z             (n, d)    points, columns in [0, 1]
    y          y             (n,)      targets, about zero mean and unit variance
    k          kernel        (n, n)    correlations of the function, see kernel.py
    s^2, e^2   signal, noise ()        variances of the function and of the observation noise
    K          K             (n, n)    s^2 k(Z, Z) + e^2 I = L L^T
    alpha      alpha         (n,)      s^2 K^-1 y, the weights of k in the posterior mean

Integers and categories must be snapped to their grid before they come here, so that the process is
constant on each cell (Garrido-Merchan & Hernandez-Lobato, arXiv:1805.03463).

The rows of K and alpha are those of a search by itself. Other searches teach what they have in
common with this one's function f = s g. Targets of source k are

    y_k(z) = w_k g(z) + h_k(z) + b_k + noise        with g ~ GP(0, k), h_k ~ GP(0, t_k^2 k) and an
                                                    offset b_k ~ N(0, c^2),

so its unit, its level and how far it can be trusted are learnt with all else: a source that
contradicts this search, or is noise, ends with a small w_k. The first few scores of this search may
be nearly equal, and to standardise them magnifies their differences; so beside sources the prior of
s^2 is wide.
"""

from __future__ import annotations

import copy
import warnings
from collections.abc import Callable, Sequence

import numpy as np
from scipy.linalg import blas, lapack
from scipy.optimize import OptimizeResult, minimize

from sklearn_bo.kernel import NO_SHARE, Kernel

# MAP priors: log-normal, (location of the logarithm, its standard deviation).
_SIGNAL_PRIOR = (0.5, 0.5)
_NOISE_PRIOR = (np.log(1e-2), 1.5)
_SIGNAL_BOUNDS = (5e-2, 2e1)
_NOISE_BOUNDS = (1e-6, 1.0)
_FREE_SIGNAL_PRIOR = (0.0, 2.0)  # beside sources
_FREE_SIGNAL_BOUNDS = (5e-2, 1e4)
# Of each source, in units of its targets: weight, variances of its own function and of its noise.
_SOURCE_PRIORS = ((0.0, 1.0), (np.log(0.3), 1.5), (np.log(3e-2), 1.5))
_SOURCE_BOUNDS = ((1e-2, 1e1), (1e-4, 2e1), (1e-6, 2.0))
_OFFSET = 2.0  # c^2
_BEND_GAIN = 0.5  # of the log posterior for each bend, beside 1, from which on they are kept
_MAX_ADDITIVE = 100  # observations up to which effects may add up; more show it without
_JITTERS = (0.0, 1e-8, 1e-6, 1e-4, 1e-2)
_MIN_VARIANCE = 1e-12


class GaussianProcess:
    """Gaussian-process regression on numbers and categories.

    Parameters
    ----------
    kernel : Kernel
        Correlations of the function over d columns.
    sources : sequence of (ndarray of shape (n_k, d), ndarray of shape (n_k,)), default=()
        Points and targets of other searches; they join all data that `fit` and `condition` get.

    Attributes
    ----------
    lengthscales : ndarray of shape (d,)
        Lengthscales in units of the cube's edge.
    signal, noise : float
        Variances of the function and of the noise, in units of y squared.
    source_Z : ndarray of shape (n, d)
        Points of all sources.
    Z : ndarray of shape (n, d)
        Points that it is conditioned on, those of the sources first.
    expected : ndarray of shape (n,)
        Posterior mean of the function there.
    """

    def __init__(
        self, kernel: Kernel, sources: Sequence[tuple[np.ndarray, np.ndarray]] = ()
    ) -> None:
        self._kernel = kernel
        d, k = kernel.n_dims, len(sources)
        self.source_Z = np.vstack([np.empty((0, d)), *(Z for Z, _ in sources)])
        self._source_y = np.concatenate([np.empty(0), *(y for _, y in sources)])
        # whether row i is ours, in column 0, or of source k
        sizes = [0] + [len(y) for _, y in sources]
        self._source_groups = np.repeat(np.eye(k + 1), sizes, axis=0)
        signal_prior = _FREE_SIGNAL_PRIOR if k else _SIGNAL_PRIOR
        signal_bounds = _FREE_SIGNAL_BOUNDS if k else _SIGNAL_BOUNDS
        priors = [signal_prior, _NOISE_PRIOR]
        bounds = [signal_bounds, _NOISE_BOUNDS]
        for prior, bound in zip(_SOURCE_PRIORS, _SOURCE_BOUNDS, strict=True):
            priors += [prior] * k
            bounds += [bound] * k
        self._prior_location, self._prior_scale = np.vstack([self._kernel.prior, priors]).T
        self._bounds = np.vstack([self._kernel.bounds, np.log(bounds)])
        self._n_kernel = n = len(kernel.prior)  # hyperparameters
        smooth = np.r_[np.ones(d), np.zeros(n - d), 0, -2, np.zeros(3 * k)]
        distrust = np.r_[np.zeros(n + 2), np.repeat([-3, 2, 0], k)]
        self._starts = self._prior_location + smooth, self._prior_location - smooth + distrust
        # that of the kernel, then logarithms of (s^2, e^2) and of (w, t^2, noise variance), each of
        # all sources
        self._theta = self._prior_location.copy()

    @property
    def lengthscales(self) -> np.ndarray:
        """Lengthscale of each column."""
        return np.exp(self._theta[: self._kernel.n_dims])

    @property
    def signal(self) -> float:
        """Variance of the function."""
        return float(np.exp(self._theta[self._n_kernel]))

    @property
    def noise(self) -> float:
        """Variance of the observation noise."""
        return float(np.exp(self._theta[self._n_kernel + 1]))

    def fit(self, Z: np.ndarray, y: np.ndarray) -> GaussianProcess:
        """Set the hyperparameters to their maximum a posteriori, then condition on the data.

        Starts from a smooth function with little noise and from a rough one with much, both on the
        scales of the cube, and keeps the better end; then lets the scales bend, and keeps them bent
        if that makes the data much more probable.

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
        Z_all, y_all = self._with_sources(Z, y)
        bounds = self._bounds.copy()
        if len(y_all) > _MAX_ADDITIVE:
            bounds[self._kernel.n_dims] = NO_SHARE
        objective = self._negative_log_posterior(Z_all, y_all)
        location, scale = self._prior_location, self._prior_scale

        def theta(x: np.ndarray) -> np.ndarray:  # from units of the prior, which save steps
            return np.clip(location + scale * x, *bounds.T)

        def scaled_objective(x: np.ndarray, may_bend: bool) -> tuple[float, np.ndarray]:
            value, gradient = objective(theta(x), may_bend)
            return value, scale * gradient

        bends = self._kernel.bends

        def climb(x: np.ndarray, may_bend: bool) -> OptimizeResult:
            limits = bounds.copy()
            if not may_bend:
                limits[bends] = 0.0
            return minimize(
                scaled_objective,
                x,
                args=(may_bend,),
                jac=True,
                method="L-BFGS-B",
                bounds=((limits.T - location) / scale).T,
                options={"maxiter": 60, "ftol": 1e-4},
            )

        starts = [(np.clip(start, *bounds.T) - location) / scale for start in self._starts]
        best = min((climb(start, False) for start in starts), key=lambda fit: fit.fun)
        if n_bends := bends.stop - bends.start:
            gain = 1 + _BEND_GAIN * n_bends
            gradient = scaled_objective(best.x, True)[1][bends]
            # Where the likelihood is concave in the bends, their prior bounds what they can gain.
            if gradient @ gradient / 2 > gain:
                bent = climb(best.x, True)
                if bent.fun < best.fun - gain:
                    best = bent
        if np.isfinite(best.fun):
            self._theta = theta(best.x)
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
        Z, y = self._with_sources(Z, y)
        self.Z = Z
        groups = self._groups(len(y))
        weights, own, noises = self._group_terms(self._theta)
        weight, noise = groups @ weights, groups @ noises
        noise[len(y) - n_exact :] = _NOISE_BOUNDS[0]
        k = self._correlations(Z)
        K = k * (np.outer(weight, weight) + groups * own @ groups.T)
        K += _OFFSET * groups[:, 1:] @ groups[:, 1:].T
        L_inverse = lapack.dtrtri(_cholesky(K, noise), lower=1)[0]
        # The covariance of f(z) with row i is s weight_i k, with one of our own s^2 k.
        self._whitening = L_inverse * (weight * np.sqrt(self.signal))  # v = whitening k
        self._alpha = self._whitening.T @ (L_inverse @ y)
        self.expected = k @ self._alpha
        return self

    def _with_sources(self, Z: np.ndarray, y: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
        """Put the rows of the sources before these."""
        return np.vstack([self.source_Z, Z]), np.r_[self._source_y, y]

    def _groups(self, n: int) -> np.ndarray:
        """Return which of n rows are ours, column 0, and which of which source, (n, k + 1)."""
        ours = np.eye(1, self._source_groups.shape[1])
        return np.vstack([self._source_groups, ours.repeat(n - len(self._source_groups), axis=0)])

    def _group_terms(self, theta: np.ndarray) -> tuple[np.ndarray, ...]:
        """Return each group's weight of g, variance of h and variance of the noise, (k + 1,)."""
        log_terms = np.empty((3, self._source_groups.shape[1]))
        log_signal, log_noise, *of_sources = theta[self._n_kernel :]
        log_terms[:, 0] = log_signal / 2, -np.inf, log_noise
        log_terms[:, 1:] = np.reshape(of_sources, (3, -1))
        return tuple(np.exp(log_terms))

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
        twin._theta = self._theta.copy()
        twin._theta[: self._kernel.n_dims] += np.log(factor)
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
        mean, std, _ = self._posterior(self._correlations(Z))
        return mean, std

    def sample(
        self, Z: np.ndarray, n_draws: int, random_state: np.random.RandomState
    ) -> np.ndarray:
        """Draw the noise-free function at several points jointly, O(m^3 + n_draws m^2).

        Parameters
        ----------
        Z : ndarray of shape (m, d)
            Points, snapped.
        n_draws : int
            Number of draws.
        random_state : RandomState
            Source of the draws.

        Returns
        -------
        ndarray of shape (n_draws, m)
            In units of the targets.
        """
        mean, _, v = self._posterior(self._correlations(Z))
        covariance = self.signal * self._kernel(self._theta_kernel, Z, Z) - v @ v.T
        L = _cholesky(covariance, np.zeros(len(Z)))
        return mean + random_state.standard_normal((n_draws, len(Z))) @ L.T

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
        scaled, slopes = self._kernel.scale(self._theta_kernel, Z)
        data = self._kernel.scale(self._theta_kernel, self.Z)[0]
        k, _, by_point = self._kernel.with_gradients(
            self._theta_kernel, self._kernel.differences(scaled, data)
        )
        mean, std, v = self._posterior(k)
        mean_gradient = by_point(np.broadcast_to(self._alpha, k.shape)) * slopes
        # d std = -v dv / std
        std_gradient = by_point(v @ self._whitening) * slopes / -std[:, None]
        return mean, std, mean_gradient, std_gradient

    def leave_one_out(self, y: np.ndarray) -> np.ndarray:
        """Predict each target by all others (Rasmussen & Williams 2006, eq. 5.12), O(n^2).

        Parameters
        ----------
        y : ndarray of shape (n,)
            What the process is conditioned on, without sources.

        Returns
        -------
        ndarray of shape (n,)
            Means, in units of the targets.
        """
        return y - self._alpha * self.signal / np.sum(self._whitening**2, axis=0)

    @property
    def _theta_kernel(self) -> np.ndarray:
        return self._theta[: self._n_kernel]

    def _correlations(self, Z: np.ndarray) -> np.ndarray:
        """Return k between points (m, d) and the data, (m, n)."""
        return self._kernel(self._theta_kernel, Z, self.Z)

    def _posterior(self, k: np.ndarray) -> tuple[np.ndarray, ...]:
        """Mean and std (m,) from correlations k with the data (m, n), and v = L^-1 cov (m, n)."""
        v = blas.dtrmm(1.0, self._whitening, k.T, lower=1).T  # half the work of @
        variance = self.signal - np.einsum("mn,mn->m", v, v)
        return k @ self._alpha, np.sqrt(np.maximum(variance, _MIN_VARIANCE)), v

    def _negative_log_posterior(
        self, Z: np.ndarray, y: np.ndarray
    ) -> Callable[..., tuple[float, np.ndarray]]:
        """Return the function of theta that a fit minimises, with its gradient.

        Its second argument says whether scales may bend. If not, theta has bends of 0, and the
        gradient is 0 there.

        Minus the log marginal likelihood (Rasmussen & Williams 2006, eq. 5.8 and 5.9) and the log
        prior. One factorisation and one inversion, O(n^3). Symmetric matrices are held by their
        pairs i > j, (n (n - 1) / 2,), and their diagonal, (n,).
        """
        n = len(y)
        i, j = np.tril_indices(n, -1)
        differences_at = self._kernel.pairs(Z, i, j)
        groups = self._groups(n)
        both, either = groups[i] * groups[j], groups[i] + groups[j]
        offset, offset_diagonal = (_OFFSET * of[:, 1:].sum(axis=1) for of in (both, groups))

        def value_and_gradient(
            theta: np.ndarray, may_bend: bool = True
        ) -> tuple[float, np.ndarray]:
            theta_kernel = theta[: self._n_kernel]
            k, by_theta, _ = self._kernel.with_gradients(
                theta_kernel, *differences_at(theta_kernel, may_bend)
            )
            weights, own, noises = self._group_terms(theta)
            weight = groups @ weights
            shared = weight[i] * weight[j]
            scale = shared + both @ own
            K = np.empty((n, n))
            K[i, j] = k * scale + offset
            K.flat[:: n + 1] = groups @ (weights**2 + own + noises) + offset_diagonal
            L, info = lapack.dpotrf(K, lower=1)
            if info != 0:
                return np.inf, np.zeros_like(theta)
            alpha = lapack.dpotrs(L, y, lower=1)[0]
            K_inverse = lapack.dpotri(L, lower=1)[0]
            log_likelihood = -0.5 * y @ alpha - np.log(np.diag(L)).sum()

            A = alpha[i] * alpha[j] - K_inverse[i, j]  # d log p / dK = A / 2
            A_k, A_diagonal = A * k, (alpha**2 - np.diag(K_inverse)) @ groups
            by_weight = (A_k * shared) @ either + A_diagonal * weights**2
            by_weight[0] /= 2  # the logarithm of s^2, not of s
            by_own = (A_k @ both + A_diagonal / 2) * own
            by_noise = A_diagonal / 2 * noises
            ours = by_weight[:1], by_noise[:1]
            of_sources = by_weight[1:], by_own[1:], by_noise[1:]
            gradient = np.concatenate([by_theta(A * scale), *ours, *of_sources])
            standardised = (theta - self._prior_location) / self._prior_scale
            log_prior = -0.5 * standardised @ standardised
            return -(log_likelihood + log_prior), -gradient + standardised / self._prior_scale

        return value_and_gradient


def _cholesky(K: np.ndarray, noise: np.ndarray) -> np.ndarray:
    """Lower factor of K + diag(noise), with as little jitter as it takes."""
    for jitter in _JITTERS:
        L, info = lapack.dpotrf(K + np.diag(noise + jitter), lower=1)
        if info == 0:
            return L
    raise np.linalg.LinAlgError("The surrogate's covariance is not positive definite.")
