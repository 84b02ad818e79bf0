"""A time budget: what still ends in time, by the times seen so far."""

from __future__ import annotations

import math
from collections import deque
from collections.abc import Callable, Hashable
from datetime import timedelta
from time import perf_counter

_N_SEEN = 20  # folds that a prediction looks back on: one slow fit is forgotten after so many


class TimeBudget:
    """Foresees when folds end.

    A fold is taken to last as long as the slowest of the last 20 that have ended. Several in a row
    are taken to be the slowest and others of average length. Until one has ended here, each is
    taken to last as long as the fastest of an earlier run.

    Parameters
    ----------
    seconds : float
        The budget, which begins to run out now.
    clock : callable, default=time.perf_counter
        Returns the time in seconds.
    """

    def __init__(self, seconds: float, clock: Callable[[], float] = perf_counter) -> None:
        self.seconds = seconds
        self._clock = clock
        self._began = clock()
        self._running: dict[Hashable, float] = {}  # task -> when it began
        self._seen: deque[float] = deque(maxlen=_N_SEEN)
        self._fastest = math.inf  # of an earlier run

    @classmethod
    def of(cls, time_budget: float | timedelta | None) -> TimeBudget:
        """Start the clock for the search's parameter; without one, time is endless."""
        if time_budget is None:
            return cls(math.inf)
        if isinstance(time_budget, timedelta):
            time_budget = time_budget.total_seconds()
        if time_budget <= 0:
            raise ValueError(f"time_budget={time_budget!r} must be longer than 0 seconds.")
        return cls(float(time_budget))

    @property
    def elapsed(self) -> float:
        """Seconds that have passed."""
        return self._clock() - self._began

    @property
    def left(self) -> float:
        """Seconds that are left, negative when it is over."""
        return self.seconds - self.elapsed

    def begin(self, task: Hashable) -> None:
        """Note that a fold begins."""
        self._running[task] = self.elapsed

    def end(self, task: Hashable, seconds: float | None = None) -> None:
        """Note that a fold has ended, and how long it took a worker, if that is known.

        Otherwise it took from its begin until now, the start of the worker included.
        """
        waited = self.elapsed - self._running.pop(task)
        self._seen.append(waited if seconds is None else seconds)

    def note(self, seconds: float) -> None:
        """Note how long a fold took in an earlier run.

        Its fastest tell whether to begin at all: a slow one would keep each call from beginning,
        and so from ever forgetting it.
        """
        self._fastest = min(self._fastest, seconds)

    def predict(self, n_in_a_row: int = 1) -> float:
        """Foresee how long so many folds take, one after the other.

        Parameters
        ----------
        n_in_a_row : int, default=1
            Number of folds.

        Returns
        -------
        float
            Seconds; 0 while nothing is known.
        """
        if not self._seen:
            return n_in_a_row * self._fastest if self._fastest < math.inf else 0.0
        return max(self._seen) + (n_in_a_row - 1) * sum(self._seen) / len(self._seen)
