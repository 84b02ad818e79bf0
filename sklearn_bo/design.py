"""The initial design: where to look before there is anything to learn from."""

from __future__ import annotations

import math

import numpy as np
from scipy.stats import qmc

from sklearn_bo.space import Space


def default_n_initial_points(n_dims: int, n_iter: int | None = None) -> int:
    """Size of the initial design.

    Parameters
    ----------
    n_dims : int
        Number of dimensions of the space.
    n_iter : int, default=None
        Number of trials that the search may spend; None when it is not known.

    Returns
    -------
    int
        From 4 points in one dimension to 8 in three and more, and at most a third of ``n_iter``,
        rounded up.
    """
    n_points = min(2 + 2 * max(n_dims, 1), 8)
    return n_points if n_iter is None else max(1, min(n_points, math.ceil(n_iter / 3)))


def on_any_scale(space: Space, z: np.ndarray, rng: np.random.RandomState) -> np.ndarray:
    """Move a point to where logarithmic scales would have it, in a random half of what may bend.

    Where all scores have been equal, the ends of linear ranges may be beyond all that matters.

    Parameters
    ----------
    space : Space
        The search space.
    z : ndarray of shape (n_dims,)
        A point.
    rng : RandomState
        Source of the choice.

    Returns
    -------
    ndarray of shape (n_dims,)
        The point, snapped.
    """
    moves = (space.max_bends > 0) & (rng.uniform(size=len(z)) < 0.5) & space.active(z[None])[0]
    bends, moved = space.max_bends[moves], z.copy()
    moved[moves] = np.expm1(bends * z[moves]) / np.expm1(bends)
    return space.snap(moved[None])[0]


def initial_design(space: Space, n_points: int, random_state: np.random.RandomState) -> np.ndarray:
    """Draw a space-filling design: a scrambled Sobol sequence, snapped to the space.

    Parameters
    ----------
    space : Space
        The space to fill.
    n_points : int
        Number of points.
    random_state : RandomState
        Source of the scrambling.

    Returns
    -------
    ndarray of shape (n_points, n_dims)
        Points; in a discrete space they may repeat.
    """
    if space.n_dims == 0:
        return np.zeros((n_points, 0))
    seed = np.random.default_rng(random_state.randint(np.iinfo(np.int32).max))
    sobol = qmc.Sobol(space.n_dims, seed=seed)
    # A Sobol sequence is balanced at powers of two.
    return space.snap(sobol.random_base2(math.ceil(math.log2(max(n_points, 2))))[:n_points])
