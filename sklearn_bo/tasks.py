"""Calls for the workers of an executor, and what comes of them."""

from __future__ import annotations

import time
import traceback
from collections.abc import Callable
from pathlib import Path
from typing import Any

from sklearn_bo.broadcast import Broadcast, cloudpickle


class Task:
    """A submitted call, to be told apart by identity."""

    def __init__(self, function: Callable, args: tuple) -> None:
        self.call = function, args
        self.broadcast = args[0] if args and isinstance(args[0], Broadcast) else None
        self.n_deaths = 0  # of workers that ran it
        self.n_losses = 0
        self.seconds: float | None = None  # that it took on a worker, where known
        self.outcome: Callable[[], Any]

    def may_join(self, other: Task) -> bool:
        """Whether one worker may be handed both together: nothing has gone wrong with either."""
        went_wrong = self.n_deaths or self.n_losses or other.n_deaths or other.n_losses
        return not went_wrong and self.broadcast is other.broadcast

    def result(self) -> Any:
        """Return what the call returned; raise what it raised, or `TaskLostError`."""
        return self.outcome()

    def fail(self, error: BaseException) -> None:
        """Have an error raised in place of a result."""

        def outcome() -> Any:
            raise error

        self.outcome = outcome


class Outcome:
    """What a call returned or raised; on its way to another process, an error keeps its traceback.

    Parameters
    ----------
    value : object
        What was returned.
    error : BaseException, default=None
        What was raised.
    """

    def __init__(self, value: Any, error: BaseException | None = None) -> None:
        self.value = value
        self.error = error

    def __reduce__(self) -> tuple:
        if self.error is None:
            return Outcome, (self.value,)
        trace = "".join(traceback.format_exception(self.error))
        try:
            error = cloudpickle.loads(cloudpickle.dumps(self.error))
            error.add_note(f"In the worker:\n{trace}")
            pickled = cloudpickle.dumps(error)
        except Exception:
            error = RuntimeError(f"A worker raised an error that cannot be pickled:\n{trace}")
            pickled = cloudpickle.dumps(error)
        return _failed, (pickled,)  # by bytes, for not every backend pickles by cloudpickle

    def get(self) -> Any:
        """Return the value or raise the error."""
        if self.error is not None:
            raise self.error
        return self.value


def _failed(error: bytes) -> Outcome:
    return Outcome(None, cloudpickle.loads(error))


def run_task(function: Callable, args: tuple) -> Outcome:
    """Run a task on a worker."""
    try:
        return Outcome(function(*args))
    except BaseException as error:
        return Outcome(None, error)


def run_tasks(
    calls: list[tuple[Callable, tuple]],
    begin: Callable[[], None],
    end: Callable[[], None],
    limit: float,
    *shared: Any,
) -> tuple[list[Outcome], float]:
    """Run tasks in turn, but begin none after so many seconds; return the seconds that it took."""
    begin()
    start = time.perf_counter()
    outcomes: list[Outcome] = []
    seconds = 0.0
    for function, args in calls:
        if seconds > limit:
            break
        outcomes.append(run_task(function, (*shared, *args)))
        seconds = time.perf_counter() - start
    end()
    return outcomes, seconds


class Attempt:
    """Tasks on their way through the backend, which one worker is to run in turn.

    None are left where it hangs and was given up.
    """

    def __init__(self, tasks: list[Task]) -> None:
        self.tasks = tasks
        self.submitted = time.monotonic()
        self.began: float | None = None
        self.path: Path | None = None  # the worker signs here
        self.place = 0

    def begin(self) -> None:
        """Note that a thread begins the tasks."""
        self.began = time.monotonic()


Running = dict[Attempt, None]  # in the order of submission
