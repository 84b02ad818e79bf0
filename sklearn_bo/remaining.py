"""What of a space is left to ask: no setting twice, and each subspace within its budget."""

from __future__ import annotations

import math

import numpy as np

from sklearn_bo.space import Space


class Remaining:
    """The settings of a space that may still be asked.

    Parameters
    ----------
    space : Space
        The search space.

    Attributes
    ----------
    n_settings : float
        Number of distinct settings of the whole space, infinite with a continuous parameter.
    """

    def __init__(self, space: Space) -> None:
        self._space = space
        # A setting that two subspaces have belongs to the first.
        duplicates = list(space.duplicates())
        self._seen: set[bytes] = set(_identities(np.array(duplicates)))
        self._n_asked = np.zeros(len(space.subspaces), dtype=int)  # distinct settings
        n_settings = np.array([subspace.n_settings for subspace in space.subspaces], float)
        for z in duplicates:
            n_settings[space.subspace_of(z[None])[0]] -= 1
        self.n_settings: float = sum(n_settings.tolist())
        budgets = [subspace.n_trials or math.inf for subspace in space.subspaces]
        self._capacity = np.minimum(n_settings, budgets)
        self._shares = np.array([subspace.n_trials is None for subspace in space.subspaces])
        self._shared_budget = math.inf

    def share(self, n_trials: int) -> int:
        """Let the subspaces that have no budget of their own share one.

        Parameters
        ----------
        n_trials : int
            Number of trials that they may have together.

        Returns
        -------
        int
            Number of trials that the whole space then allows.
        """
        if not self._shares.all():  # otherwise whoever asks counts
            self._shared_budget = n_trials
        shared, own = self._capacity[self._shares].sum(), self._capacity[~self._shares].sum()
        return int(min(shared, n_trials) + own)

    def take(self, points: np.ndarray) -> None:
        """Count a setting as asked, by its points (n, n_dims) in all subspaces that have it."""
        identities = _identities(points)
        if identities[0] not in self._seen:
            self._seen.update(identities)
            self._n_asked[self._space.subspace_of(points)[0]] += 1

    def __bool__(self) -> bool:
        """Whether any setting is left."""
        return bool(self._open_subspaces().any())

    def admissible(self, Z: np.ndarray) -> np.ndarray:
        """Rows of Z that may be asked: never asked before, in a subspace with budget left."""
        new = np.array([identity not in self._seen for identity in _identities(Z)], dtype=bool)
        return new & self._open_subspaces()[self._space.subspace_of(Z)]

    def may_ask(self, z: np.ndarray) -> bool:
        """Whether the setting at z may be asked: it counts in the first subspace that has it."""
        z = self._space.encode(self._space.decode(z))
        return bool(self.admissible(z[None])[0])

    def draw(self, rng: np.random.RandomState) -> np.ndarray:
        """Draw a point that may be asked; in a subspace all but exhausted, take the first.

        Where all its settings belong to an earlier subspace without budget, that is exceeded.
        """
        subspaces = np.flatnonzero(self._open_subspaces()).tolist()
        Z = self._space.sample(200, rng, subspaces)
        Z = Z[self.admissible(Z)]
        if len(Z):
            return next((z for z in Z if self.may_ask(z)), Z[0])
        return next(z for z in self._space.settings(subspaces) if self.admissible(z[None])[0])

    def _open_subspaces(self) -> np.ndarray:
        """Which subspaces have settings and budget left, bool (n_subspaces,)."""
        is_open = self._n_asked < self._capacity
        if self._n_asked[self._shares].sum() >= self._shared_budget:
            is_open &= ~self._shares
        return is_open


def _identities(Z: np.ndarray) -> list[bytes]:
    """Return what points share with their settings' coordinates, which differ by rounding."""
    return [z.tobytes() for z in np.round(Z, 12) + 0.0]  # there is a negative zero
