"""Trials: the record of what was asked and what came of it."""

from __future__ import annotations

import math
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass, replace
from typing import Any, Literal, overload

import numpy as np

from sklearn_bo.values import is_clone

Origin = Literal["estimator", "user", "initial design", "model", "told"]
State = Literal["pending", "complete", "failed"]


@dataclass(frozen=True, eq=False)
class Trial:
    """One parameter setting and its score.

    Parameters
    ----------
    number : int
        Position in the order in which settings were asked or told, from 0.
    params : dict
        The setting, with native Python values.
    z : ndarray of shape (n_dims,)
        Its coordinates in the unit cube; they travel with the trial, so nothing is encoded twice.
    origin : {"estimator", "user", "initial design", "model", "told"}
        Where it came from: the estimator's own parameters, the user's ``initial_candidates``, the
        space-filling start, the surrogate, or a score told for a setting that was never asked.
    state : {"pending", "complete", "failed"}
        ``"failed"`` after a score that is not finite.
    score : float
        To be maximised; NaN unless ``state`` is ``"complete"``.
    """

    number: int
    params: dict[str, Any]
    z: np.ndarray
    origin: Origin
    state: State = "pending"
    score: float = math.nan

    @property
    def key(self) -> bytes:
        """Identity of the setting: equal settings have equal coordinates."""
        return self.z.tobytes()

    def completed(self, score: float) -> Trial:
        """Return this trial with its score.

        Parameters
        ----------
        score : float
            One that is not finite makes it a failed trial.

        Returns
        -------
        Trial
            A finished trial.
        """
        if math.isfinite(score):
            return replace(self, state="complete", score=score)
        return replace(self, state="failed", score=math.nan)


def best_of(trials: Iterable[Trial]) -> Trial | None:
    """Return the complete trial of the highest score, the lowest number of equals."""
    complete = (trial for trial in trials if trial.state == "complete")
    return min(complete, key=lambda trial: (-trial.score, trial.number), default=None)


class Trials(Sequence[Trial]):
    """All trials of a search in the order of their numbers; grows, never shrinks."""

    def __init__(self) -> None:
        self._trials: list[Trial] = []
        self._params: list[dict[str, Any]] = []  # as asked: whoever asked may pop from a trial's

    @overload
    def __getitem__(self, index: int) -> Trial: ...
    @overload
    def __getitem__(self, index: slice) -> list[Trial]: ...
    def __getitem__(self, index: int | slice) -> Trial | list[Trial]:
        return self._trials[index]

    def __len__(self) -> int:
        return len(self._trials)

    def __iter__(self) -> Iterator[Trial]:
        return iter(self._trials)

    def __repr__(self) -> str:
        counts = (f"{len(getattr(self, s))} {s}" for s in ("complete", "failed", "pending"))
        return f"<Trials: {', '.join(counts)}>"

    @property
    def pending(self) -> list[Trial]:
        """Trials that were asked and not yet told."""
        return [t for t in self._trials if t.state == "pending"]

    @property
    def complete(self) -> list[Trial]:
        """Trials with a finite score."""
        return [t for t in self._trials if t.state == "complete"]

    @property
    def failed(self) -> list[Trial]:
        """Trials whose score was not finite."""
        return [t for t in self._trials if t.state == "failed"]

    @property
    def finished(self) -> list[Trial]:
        """Complete and failed trials."""
        return [t for t in self._trials if t.state != "pending"]

    def append(self, params: dict[str, Any], z: np.ndarray, origin: Origin) -> Trial:
        """Add a pending trial under the next number."""
        z = np.array(z, dtype=float)
        z.flags.writeable = False
        trial = Trial(len(self._trials), params, z, origin)
        self._trials.append(trial)
        self._params.append(dict(params))
        return trial

    def find(self, trial: Trial) -> Trial | None:
        """Return a trial as it is by now; None if it is not one of these."""
        known = self._trials[trial.number] if trial.number < len(self._trials) else None
        is_ours = known and known.key == trial.key and is_clone(known.params, trial.params)
        return known if is_ours else None

    def finish(self, trial: Trial, score: float) -> Trial:
        """Record the score of a pending trial and return the finished one.

        Raises
        ------
        ValueError
            If the trial is not one of these, or has its score already.
        """
        if (known := self.find(trial)) is None:
            raise ValueError(
                f"Trial {trial.number} with params={trial.params!r} was not asked of this "
                "optimizer; tell a plain dict of params to add a score from elsewhere."
            )
        if known.state != "pending":
            raise ValueError(
                f"Trial {trial.number} was told already: it is {known.state} with "
                f"score={known.score!r}. Ask for a new trial, or tell its params as a plain dict "
                "to add a repeated observation."
            )
        params = dict(self._params[trial.number])
        finished = replace(known, params=params).completed(score)
        self._trials[trial.number] = finished
        return finished
