"""Which of the evaluated points is the best, when each observation has noise."""

from __future__ import annotations

import numpy as np

from sklearn_bo.surrogate import GaussianProcess

_MAX_FIT = 300  # observations that the hyperparameters are fitted to
_MAX_CONDITION = 2000  # observations that the posterior uses, and points that may win
_BLOCK = 1000  # points predicted at once, for what their covariances take
_N_DRAWS = 4096  # of the posterior; they give a probability to within 0.008 (one standard error)


def judge(
    gp: GaussianProcess, Z: np.ndarray, y: np.ndarray, candidates: np.ndarray
) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """Compare points by the posterior of the noise-free function.

    Of many observations a random part is used. A part that favours high ones, as that from which
    the search proposes does, would mistake the luck of the best for merit.

    Parameters
    ----------
    gp : GaussianProcess
        Of the space; it is fitted here.
    Z : ndarray of shape (n, d)
        Points, snapped.
    y : ndarray of shape (n,)
        Targets, observed with noise.
    candidates : ndarray of shape (m, d)
        The points to compare, snapped; m >= 1.

    Returns
    -------
    mean, std : ndarray of shape (m,)
        Of the function, in units of the targets.
    prob_best : ndarray of shape (m,)
        Probability that the function is the highest here, by joint draws; the same in each call.
    """
    rng = np.random.RandomState(0)
    rows = rng.permutation(len(y))
    gp.fit(Z[rows[:_MAX_FIT]], y[rows[:_MAX_FIT]])
    gp.condition(Z[rows[:_MAX_CONDITION]], y[rows[:_MAX_CONDITION]])
    blocks = np.array_split(candidates, -(-len(candidates) // _BLOCK))
    mean, std = np.hstack([gp.predict(block) for block in blocks])
    rivals = np.argsort(-mean - 2 * std, kind="stable")[:_MAX_CONDITION]
    rivals = rivals[(mean + 5 * std)[rivals] >= np.max(mean - 5 * std)]  # the rest lose every draw
    draws = gp.sample(candidates[rivals], _N_DRAWS, rng)
    prob_best = np.zeros(len(candidates))
    prob_best[rivals] = np.bincount(draws.argmax(axis=1), minlength=len(rivals)) / _N_DRAWS
    return mean, std, prob_best
