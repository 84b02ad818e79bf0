"""Single tasks on the joblib backend in force: submit one, wait for whichever ends first.

`joblib.Parallel` asks for the next task before the result that frees its worker is known, too early
to learn from it, and ends with the first worker that dies. The executor here uses the same
backends, the same pools of workers and the same memory mapping of large arrays, but leaves it to
its caller when to submit, and outlives its workers. Names of joblib that are not documented are
used here and in `_workers` alone, but for its copy of cloudpickle; a test pins them.
"""

from __future__ import annotations

import math
import threading
import time
import warnings
from collections import deque
from collections.abc import Callable, Iterable
from contextlib import suppress
from functools import partial
from queue import Empty, SimpleQueue
from typing import Any

import joblib
from joblib._utils import eval_expr
from sklearn import config_context, get_config
from sklearn.utils.parallel import Parallel, delayed

from sklearn_bo._workers import workers_of
from sklearn_bo.alarm import Alarm, can_ring
from sklearn_bo.broadcast import Broadcast
from sklearn_bo.exceptions import NoWorkerLeftError, NoWorkerYetError, TaskLostError, TimeIsUp
from sklearn_bo.tasks import Attempt, Running, Task, run_task

# CPython before 3.11.9 fails when two threads parse at once (python/cpython#106905).
_PARSING = threading.Lock()
_POLL = 0.1  # seconds between looks for workers that hang or die unreported
_NAP = 3600.0  # seconds, where there is nothing to look for
_MAX_DEATHS = 2  # of workers that run a task
_MAX_LOSSES = 20  # of a task with the data that it needs, by the deaths of others' workers
_DEATHS = {  # how loky, Dask and Ray report that a worker died of a task
    "TerminatedWorkerError",
    "KilledWorker",
    *("RayActorError", "WorkerCrashedError", "NodeDiedError", "OutOfMemoryError"),
}
_LOSSES = {  # what says that a task was lost through no fault of its own
    *("CancelledError", "ObjectLostError"),  # Dask and Ray: its data went with a worker
    "ShutdownExecutorError",  # loky: another search has ended all processes
}


class _Submitting(joblib.Parallel):
    """A `joblib.Parallel` whose call makes tasks and returns without waiting."""

    def __call__(self, calls: Iterable[tuple]) -> list[Task]:
        return [Task(function, args) for function, args, _ in calls]


class Executor(Parallel, _Submitting):
    """Run single calls on the workers of the active joblib backend.

    Its base from scikit-learn carries the configuration and the warning filters of the caller to
    the workers. With ``n_jobs=1`` a call runs in this process when its result is asked for. On a
    backend that does not tell when a single task ends, tasks run in rounds of plain
    `joblib.Parallel`.

    Calls that take milliseconds are handed over several at a time, as to hand one over takes as
    long. A worker that finds them longer gives back those that it has not begun.

    A call whose worker dies is made once more. Where the backend does not say which of several
    calls killed it (loky, Dask), they are made again one at a time, so that only the culprit is
    given up.

    Parameters
    ----------
    n_jobs : int or None
        As in `joblib.Parallel`; the backend and the default come from `joblib.parallel_config`.
    pre_dispatch : int or str
        As in `joblib.Parallel`.
    timeout : float, default=None
        Seconds that a call may run; then it is given up.

    Attributes
    ----------
    n_workers : int
        Number of calls that run at a time. Like the next, known inside the ``with`` block.
    n_each : int
        Number of calls that a worker may be handed together.
    queue_length : float
        Number of calls, running or waiting, that ``pre_dispatch`` allows, times ``n_each``; at
        least ``n_workers``.
    """

    def __init__(
        self, n_jobs: int | None, pre_dispatch: int | str, timeout: float | None = None
    ) -> None:
        super().__init__(n_jobs=n_jobs, pre_dispatch=pre_dispatch)
        self._call_timeout = None if timeout is None else float(timeout)
        self._waiting: deque[Task] = deque()
        self._suspects: deque[Task] = deque()  # of having killed a worker; each runs alone
        self._alone: Attempt | None = None
        self._hanging: set[Attempt] = set()  # given up, on workers that cannot be freed
        self._attempts: Running = {}
        self._reports: SimpleQueue[tuple[Attempt, Any]] = SimpleQueue()
        self._ended: deque[Task] = deque()
        self._task_seconds = 1.0  # that a task took of late, geometric mean

    def __enter__(self) -> Executor:
        super().__enter__()
        try:
            self._begin()
        except BaseException:
            super().__exit__(None, None, None)
            raise
        return self

    def _begin(self) -> None:
        backend = self._backend
        self.n_workers: int = self._effective_n_jobs()
        if 0 < self.n_jobs < self.n_workers:  # Dask counts all its cores
            self.n_workers = self._n_attempts = self.n_jobs
        else:
            self._n_attempts = max(self._allowed_queue_length(), self.n_workers)
        self._workers: Any = workers_of(backend)  # None where rounds are run
        can_tell = self._workers is not None or (self.n_workers == 1 and can_ring())
        if self._call_timeout is not None and not can_tell:
            why = "Calls in this process are interrupted in the main thread alone, not on Windows"
            if self.n_workers > 1:
                why = f"{type(backend).__name__} does not tell when a single call ends"
            warnings.warn(
                f"{why}, so none is given up after the timeout of {self._call_timeout} seconds.",
                RuntimeWarning,
                stacklevel=3,
            )
        if self._workers is not None:
            if not self._workers.queues or (self._call_timeout and not self._workers.can_stop):
                self._n_attempts = self.n_workers  # a task begins when it is submitted
            if hasattr(backend, "start_call"):
                backend.start_call()
                self._calling = True  # has __exit__ call stop_call
            # A search in a Dask task makes room on its worker for the tasks that it waits for.
            self._retrieval_context = backend.retrieval_context()
            self._retrieval_context.__enter__()

    def __exit__(self, exc_type: Any, exc_value: Any, traceback: Any) -> None:
        if self._workers is not None:
            if exc_type is not None:
                self._workers.abandon()
            self._workers.release()
            self._retrieval_context.__exit__(None, None, None)
        super().__exit__(exc_type, exc_value, traceback)

    def _allowed_queue_length(self) -> float:
        if self.pre_dispatch == "all":
            return math.inf
        length = self.pre_dispatch
        if isinstance(length, str):
            try:
                with _PARSING:
                    length = eval_expr(length.replace("n_jobs", str(self.n_workers)))
            except (ArithmeticError, KeyError, SyntaxError, TypeError, ValueError):
                length = 0
        if length < 1:
            raise ValueError(
                f"pre_dispatch={self.pre_dispatch!r} must be 'all', an integer of at least 1, or "
                "an expression of n_jobs that gives one, such as '2*n_jobs'."
            )
        return length

    def broadcast(self, content: Any) -> Broadcast:
        """Wrap what all calls share, to be their first argument; raise if it cannot be pickled."""
        folder = self._workers and self._workers.folder
        broadcast = Broadcast(content, folder.name if folder else None)
        if not getattr(self._backend, "uses_threads", False):
            broadcast.pack()
        return broadcast

    @property
    def queue_length(self) -> float:
        return self._n_attempts * self.n_each

    @property
    def n_each(self) -> int:
        if self._call_timeout is not None or self._workers is None:
            return 1
        return max(1, int(self._workers.short / self._task_seconds))

    def submit(self, function: Callable, /, *args: Any) -> Task:
        """Take a call, which `launch` or `next_done` hands to the workers."""
        if self._workers is not None and getattr(self._backend, "uses_threads", False):
            # They share the warning filters, which one that was given up would put back too late.
            task = Task(partial(_configured, get_config(), function), args)
        else:
            (task,) = self([delayed(function)(*args)])
        self._waiting.append(task)
        return task

    def any_done(self) -> bool:
        """Whether a task has ended that `next_done` has not returned."""
        return bool(self._ended or (self._attempts and not self._reports.empty()))

    def next_done(self, seconds: float | None = None) -> Task:
        """Wait for the next task to end; each task is returned once, in the order of ending.

        Parameters
        ----------
        seconds : float, default=None
            How long to wait; None for any time. With ``n_jobs=1`` it is the call itself that ends
            then, as soon as it runs Python code; rounds of `joblib.Parallel` are waited for.

        Returns
        -------
        Task
            A task whose result is known.

        Raises
        ------
        TimeIsUp
            If none has ended by then; with ``n_jobs=1`` by the ``result`` of the task.
        NoWorkerLeftError
            If each worker runs a call past the timeout and cannot be freed.
        """
        if self._workers is None and not self._ended:
            self._run_round(seconds)
        give_up = math.inf if seconds is None else time.monotonic() + seconds
        while not self._ended:
            self.launch()
            patrolled = self._workers.silent or self._call_timeout
            polls = patrolled or not self._attempts  # a cluster may have no worker yet
            wait = min(_POLL if polls else _NAP, max(give_up - time.monotonic(), 0))
            with suppress(Empty):
                self._settle(*self._reports.get(timeout=wait))
            if patrolled:
                self._patrol()
            if not self._ended and time.monotonic() >= give_up:
                raise TimeIsUp
        return self._ended.popleft()

    def _run_round(self, seconds: float | None) -> None:
        """Run what waits where nothing can be learnt of single tasks."""
        if self.n_workers == 1:
            task = self._waiting.popleft()
            task.outcome = partial(_run_timed, *task.call, self._call_timeout, seconds)
            return self._ended.append(task)
        tasks = list(self._waiting)
        self._waiting.clear()
        calls: list[tuple] = [(run_task, task.call, {}) for task in tasks]
        for task, outcome in zip(tasks, joblib.Parallel.__call__(self, calls), strict=True):
            task.outcome = outcome.get
            self._ended.append(task)

    def launch(self) -> None:
        """Hand to the workers what they may have."""
        share = math.ceil(len(self._waiting) / max(1, self.n_workers - len(self._attempts)))
        while self._workers is not None and self._alone not in self._attempts:
            room = 1 if self._suspects else self._n_attempts
            queue = self._suspects or self._waiting
            if not queue or len(self._attempts) >= room:
                return
            suspected = bool(self._suspects)
            attempt = Attempt(_take_together(queue, min(self.n_each, share)))
            try:
                self._workers.submit(attempt, self._attempts, partial(self._report, attempt))
            except NoWorkerYetError:
                return queue.extendleft(reversed(attempt.tasks))
            self._alone = attempt if suspected else None
            self._attempts[attempt] = None

    def _report(self, attempt: Attempt, out: Any) -> None:
        """Note, in a thread of the backend, the end of an attempt."""
        self._reports.put((attempt, out))

    def _settle(self, attempt: Attempt, out: Any) -> None:
        """Take in the report of an attempt's end."""
        if attempt in self._hanging:  # its worker is back
            self._hanging.remove(attempt)
            self.n_workers += 1
            self._n_attempts = self.n_workers
        if attempt not in self._attempts:
            return  # given up before
        try:
            ((outcomes, seconds),) = self._backend.retrieve_result_callback(out)
        except BaseException as error:
            # joblib raises an error of its own in place of loky's.
            kinds = [*type(error).__mro__, *type(error.__context__).__mro__]
            names = {kind.__name__ for kind in kinds}
            if names & _DEATHS:
                return self._bury(attempt, self._workers.suspects(attempt, self._attempts), error)
            return self._lose(attempt, error, innocent=bool(names & _LOSSES))
        self._forget(attempt)
        seconds = max(seconds / len(outcomes), 1e-6)
        self._task_seconds = self._task_seconds**0.8 * seconds**0.2
        for task, outcome in zip(attempt.tasks, outcomes, strict=False):
            task.outcome, task.seconds = outcome.get, seconds
            self._ended.append(task)
        self._waiting.extendleft(reversed(attempt.tasks[len(outcomes) :]))

    def _lose(self, attempt: Attempt, error: BaseException, innocent: bool) -> None:
        """Go on after tasks that have not come back: what may be innocent is submitted again."""
        self._forget(attempt)
        if innocent:
            self._workers.renew(attempt)
            self._restart_if_lost()
        for task in reversed(attempt.tasks):
            task.n_losses += 1
            if task.n_losses < _MAX_LOSSES and (innocent or len(attempt.tasks) > 1):
                self._waiting.appendleft(task)
            else:
                task.fail(error)
                self._ended.append(task)

    def _forget(self, attempt: Attempt) -> None:
        del self._attempts[attempt]
        if attempt.path is not None:
            attempt.path.unlink(missing_ok=True)

    def _bury(self, attempt: Attempt, suspects: list[Attempt], error: BaseException | str) -> None:
        """Go on after the death of a worker that ran one of the suspects."""
        warnings.warn(
            "A worker process died, as happens for lack of memory or by a fault in native code. It "
            f"is replaced, and what it ran is run once more. The backend says: {error}",
            RuntimeWarning,
            stacklevel=2,
        )
        for suspect in suspects:
            self._forget(suspect)
        tasks = [task for suspect in suspects for task in suspect.tasks]
        for task in tasks:
            task.n_deaths = 1 if len(tasks) > 1 else task.n_deaths + 1
            if task.n_deaths < _MAX_DEATHS:
                self._suspects.append(task)
            else:
                task.fail(TaskLostError(f"Each worker that ran it died, the last so: {error}"))
                self._ended.append(task)
        if self._workers.exact:
            self._waiting.extendleft(self._suspects)
            self._suspects.clear()
        self._workers.renew(attempt)
        self._restart_if_lost()

    def _restart_if_lost(self) -> None:
        """Submit again what ended with the other workers, innocently."""
        if self._workers.share_fate:
            for attempt in reversed(list(self._attempts)):
                self._waiting.extendleft(reversed(attempt.tasks))
                self._forget(attempt)

    def _patrol(self) -> None:
        """Look for workers that died without a word, and for tasks that take too long."""
        if self._workers.silent:
            for attempt in self._workers.dead(self._attempts):
                self._bury(attempt, [attempt], "its process is gone")
        if self._call_timeout is None:
            return
        limit, now = self._call_timeout, time.monotonic()
        began = {attempt: self._workers.began(attempt) for attempt in self._attempts}
        ages = {attempt: now - at for attempt, at in began.items() if at is not None}
        hanging = [attempt for attempt, age in ages.items() if age > limit]
        for attempt in hanging:
            for task in attempt.tasks:
                task.fail(_too_long(limit))
                self._ended.append(task)
            attempt.tasks = []
        # To free one costs the others what they have done, or their time if they hang too. So those
        # that have run for long may end first, until that takes as long as it would to run them.
        may_end_soon = any(limit / 2 < age <= limit for age in ages.values())
        waits = self._workers.share_fate and may_end_soon
        if not hanging or (waits and max(ages.values()) < 1.5 * limit):
            return
        if self._workers.can_stop:
            self._workers.stop(hanging)
        for attempt in hanging:
            self._forget(attempt)
        if self._workers.can_stop:
            self._restart_if_lost()
        else:
            self._do_without(hanging)

    def _do_without(self, hanging: list[Attempt]) -> None:
        """Go on without workers that hang and cannot be freed."""
        self._hanging.update(hanging)
        self.n_workers -= len(hanging)
        self._n_attempts = self.n_workers
        if self.n_workers <= 0:
            raise NoWorkerLeftError(
                f"Every worker runs a task for longer than {self._call_timeout} seconds, and "
                f"{type(self._backend).__name__} cannot stop one. Restart the workers."
            )


def _configured(configuration: dict[str, Any], function: Callable, *args: Any) -> Any:
    """Make a call under a configuration of scikit-learn."""
    with config_context(**configuration):
        return function(*args)


def _take_together(queue: deque[Task], size: int) -> list[Task]:
    """Take at least one task and up to so many, as far as one worker may run them in turn."""
    tasks = [queue.popleft()]
    while queue and len(tasks) < size and tasks[0].may_join(queue[0]):
        tasks.append(queue.popleft())
    return tasks


def _too_long(timeout: float) -> TaskLostError:
    return TaskLostError(f"It ran for more than fit_timeout={timeout} seconds and was given up.")


def _run_timed(
    function: Callable, args: tuple, timeout: float | None, seconds: float | None
) -> Any:
    """Run a call in this process; after a time interrupt it if it runs Python code.

    It is lost after ``timeout``, and not waited for any longer after ``seconds``.
    """
    lost, left = (math.inf if limit is None else limit for limit in (timeout, seconds))
    alarm = Alarm()
    try:
        return alarm.limit(min(lost, left), function, *args)
    except Alarm as error:
        if error is not alarm:  # that of a search around this one
            raise
    raise _too_long(lost) if lost <= left else TimeIsUp
