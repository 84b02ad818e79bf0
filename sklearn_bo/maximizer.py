"""Maximise an acquisition function over the mixed unit cube.

Screen many points, then improve the best of them: once by gradient along the ordered columns, as if
integers were continuous; then in turn by gradient along the continuous ones alone, where the others
have settled, and by moves to adjacent values along the discrete ones.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from functools import partial

import numpy as np
from scipy.optimize import minimize

from sklearn_bo.acquisition import Values
from sklearn_bo.space import Space
from sklearn_bo.surrogate import GaussianProcess

Acquisition = Callable[[np.ndarray, np.ndarray], Values]  # (mean, std) -> value, derivatives
Term = tuple[GaussianProcess, Acquisition]
Admissible = Callable[[np.ndarray], np.ndarray]  # Z (n, d) -> bool (n,)

_N_EXHAUSTIVE = 3000  # a finite space up to this size is evaluated whole
_N_UNIFORM = 1000
_N_LOCAL = 60  # perturbations of each anchor
_N_STARTS = 2  # of each kind, uniform and local
_MAX_ROUNDS = 4
_LOCAL_SCALES = (0.3, 0.1, 0.03, 0.01)  # of a perturbation, in units of the cube's edge


def maximize(
    terms: Sequence[Term],
    space: Space,
    anchors: np.ndarray,
    admissible: Admissible,
    random_state: np.random.RandomState,
    place: Callable[[np.ndarray], np.ndarray] | None = None,
) -> np.ndarray | None:
    """Find the admissible point of the highest acquisition.

    Parameters
    ----------
    terms : sequence of (GaussianProcess, callable)
        Terms of a sum, each of a process that is conditioned on data and a function that maps its
        posterior mean and standard deviation to the value and its derivatives by both.
    space : Space
        The space to search.
    anchors : ndarray of shape (n_anchors, n_dims)
        Good points, around which the screening is denser.
    admissible : callable
        Tells for each row of Z whether it may be proposed.
    random_state : RandomState
        Source of the screening points, and of the choice among equals.
    place : callable, default=None
        Moves points (n, n_dims) to where they may be admissible, if chance hardly meets any.

    Returns
    -------
    ndarray of shape (n_dims,) or None
        The point, snapped; None if no admissible one was met.
    """

    def value(Z: np.ndarray) -> np.ndarray:
        return np.sum([acquisition(*gp.predict(Z))[0] for gp, acquisition in terms], axis=0)

    def value_and_gradient(Z: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
        total, gradient = np.zeros(len(Z)), np.zeros_like(Z)
        for gp, acquisition in terms:
            mean, std, mean_gradient, std_gradient = gp.predict_gradient(Z)
            values, d_mean, d_std = acquisition(mean, std)
            total += values
            gradient += d_mean[:, None] * mean_gradient + d_std[:, None] * std_gradient
        return total, gradient

    def admissible_value(Z: np.ndarray) -> np.ndarray:
        return np.where(admissible(Z), value(Z), -np.inf)

    if space.n_settings <= _N_EXHAUSTIVE:
        # Of equals, as choices are that were never tried, none is the first by its place in a list.
        Z = random_state.permutation(np.array(list(space.settings())))
        values = admissible_value(Z)
        return Z[np.argmax(values)] if values.max() > -np.inf else None

    uniform = space.sample(_N_UNIFORM, random_state)
    local = _perturb(np.repeat(anchors, _N_LOCAL, axis=0), space, random_state)
    if place:
        uniform, local = place(uniform), place(local)
    screened = []
    for Z in (uniform, local):
        Z = Z[admissible(Z)]
        screened.append(Z[np.argsort(-value(Z), kind="stable")] if len(Z) else Z)
    starts = np.vstack([Z[:_N_STARTS] for Z in screened])
    if not len(starts):  # a finite space that is all but exhausted
        return None

    climb = partial(_climb, value_and_gradient=value_and_gradient, space=space)
    improvements = [
        partial(climb, columns=space.is_continuous),
        partial(_step, value=admissible_value, space=space),
    ]
    if not (space.is_continuous | space.is_categorical).all():
        improvements.insert(0, partial(climb, columns=~space.is_categorical))
    best, best_value = starts, value(starts)
    active = np.arange(len(best))  # rows that a step has moved, and that may climb from there
    for _ in range(_MAX_ROUNDS):
        for improve in improvements:
            Z = improve(best[active])
            Z_value = admissible_value(Z)
            better = Z_value > best_value[active]
            best[active[better]], best_value[active[better]] = Z[better], Z_value[better]
        active = active[better]
        if not len(active):
            break
        improvements = improvements[-2:]  # where integers are to be is known by now
    return best[np.argmax(best_value)]


def _perturb(Z: np.ndarray, space: Space, random_state: np.random.RandomState) -> np.ndarray:
    """Move half of each row's numbers by a normal step, one in d of its categories anywhere."""
    n, d = Z.shape
    scale = random_state.choice(_LOCAL_SCALES, size=(n, 1))
    moved = np.clip(Z + scale * random_state.standard_normal((n, d)), 0, 1)
    moved = np.where(space.is_categorical, random_state.uniform(size=(n, d)), moved)
    rate = np.where(space.is_categorical, 1 / max(d, 2), 0.5)
    return space.snap(np.where(random_state.uniform(size=(n, d)) < rate, moved, Z))


def _climb(
    Z: np.ndarray,
    value_and_gradient: Callable[[np.ndarray], tuple[np.ndarray, np.ndarray]],
    space: Space,
    columns: np.ndarray,
) -> np.ndarray:
    """Follow the gradient along some columns, bool (n_dims,), all rows in one L-BFGS-B run.

    The rows are independent, so the sum of their values is maximised where each of them is.
    """
    free = space.active(Z) & columns
    if not free.any():
        return Z
    Z = Z.copy()

    def negative_sum(x: np.ndarray) -> tuple[float, np.ndarray]:
        Z[free] = x
        values, gradient = value_and_gradient(Z)
        return -values.sum(), -gradient[free]

    result = minimize(
        negative_sum,
        Z[free],
        jac=True,
        method="L-BFGS-B",
        bounds=[(0, 1)] * int(free.sum()),
        options={"maxiter": 50, "ftol": 1e-4},
    )
    Z[free] = result.x
    return space.snap(Z)


def _step(Z: np.ndarray, value: Callable[[np.ndarray], np.ndarray], space: Space) -> np.ndarray:
    """Move each row to the best of its neighbours along the discrete columns."""
    neighbours = [np.vstack([z, space.neighbours(z)]) for z in Z]
    values = value(np.vstack(neighbours))
    blocks = np.split(values, np.cumsum([len(block) for block in neighbours])[:-1])
    return np.array([block[np.argmax(v)] for block, v in zip(neighbours, blocks, strict=True)])
