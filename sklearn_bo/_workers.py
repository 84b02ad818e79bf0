"""Where the tasks of an executor run: one class a kind of joblib backend.

A kind knows how to hand a task over, when a worker begins it, who died, and how to replace them.
With `_joblib`, the only file that relies on names that joblib and its backends do not document.
"""

from __future__ import annotations

import os
import signal
import time
import traceback
from collections.abc import Callable
from contextlib import suppress
from functools import partial
from itertools import count
from pathlib import Path
from queue import Empty
from tempfile import TemporaryDirectory
from typing import Any
from weakref import WeakSet

from joblib.externals.loky.process_executor import BrokenProcessPool, ShutdownExecutorError
from joblib.parallel import BatchedCalls

from sklearn_bo.exceptions import NoWorkerLeftError, NoWorkerYetError
from sklearn_bo.shipment import Shipment, cloudpickle, forget


class Task:
    """A submitted call, to be told apart by identity."""

    def __init__(self, function: Callable, args: tuple) -> None:
        self.call = function, args
        self.shipment = args[0] if args and isinstance(args[0], Shipment) else None
        self.n_deaths = 0  # of workers that ran it
        self.n_losses = 0
        self.seconds: float | None = None  # that it took on a worker, where known
        self._outcome: Callable[[], Any] = lambda: function(*args)

    def may_join(self, other: Task) -> bool:
        """Whether one worker may be handed both together: nothing has gone wrong with either."""
        went_wrong = self.n_deaths or self.n_losses or other.n_deaths or other.n_losses
        return not went_wrong and self.shipment is other.shipment

    def result(self) -> Any:
        """Return what the call returned; raise what it raised, or `TaskLostError`."""
        return self._outcome()

    def fail(self, error: BaseException) -> None:
        """Have an error raised in place of a result."""

        def outcome() -> Any:
            raise error

        self._outcome = outcome


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
        error = self.error
        if error is not None:
            trace = "".join(traceback.format_exception(error))
            try:
                error = cloudpickle.loads(cloudpickle.dumps(error))
                error.add_note(f"In the worker:\n{trace}")
            except Exception:
                error = RuntimeError(f"A worker raised an error that cannot be pickled:\n{trace}")
        return Outcome, (self.value, error)

    def get(self) -> Any:
        """Return the value or raise the error."""
        if self.error is not None:
            raise self.error
        return self.value


def run_task(function: Callable, args: tuple) -> Outcome:
    """Run a task on a worker."""
    try:
        return Outcome(function(*args))
    except BaseException as error:
        return Outcome(None, error)


def run_tasks(
    calls: list[tuple[Callable, tuple]], begin: Callable[[], None], limit: float, *shared: Any
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
    return outcomes, seconds


def _sign(path: str) -> None:
    """Note that this process begins a task."""
    Path(path).write_text(str(os.getpid()))


def nothing() -> None:
    """Note nothing."""


class Attempt:
    """Tasks on their way through the backend, which one worker is to run in turn."""

    def __init__(self, tasks: list[Task]) -> None:
        self.tasks = tasks
        self.submitted = time.time()
        self.began: float | None = None
        self.path: Path | None = None  # the worker signs here
        self.place = 0

    def begin(self) -> None:
        """Note that a thread begins the tasks."""
        self.began = time.time()


Running = dict[Attempt, None]  # in the order of submission


class Workers:
    """Workers of a backend that reports single tasks, of which nothing else is known."""

    short = 0.03  # seconds of a batch: tasks that take less are handed over several at a time
    can_stop = False  # whether a task that hangs can be ended, or its worker replaced
    queues = True  # whether tasks may be handed over before a worker is free
    silent = False  # whether a worker may die without a word
    exact = False  # whether the report of a death names the attempt that died, and no other
    share_fate = False  # whether the death of one worker ends all

    def __init__(self, backend: Any, context_id: str) -> None:
        self.backend = backend
        self.on_pickling: Callable[[], None] | None = None
        self.folder: TemporaryDirectory[str] | None = None

    def submit(self, attempt: Attempt, running: Running, note: Callable[[Any], None]) -> None:
        """Hand tasks over; a call of ``note`` will report their end."""
        shipment = attempt.tasks[0].shipment
        shared = () if shipment is None else (self.store(shipment),)
        calls = [
            (function, args[len(shared) :])
            for function, args in (task.call for task in attempt.tasks)
        ]
        run = partial(run_tasks, calls, self.begin(attempt), self.short)
        nested = self.backend.get_nested_backend()
        self.hand_over(BatchedCalls([(run, shared, {})], nested, self.on_pickling, {}), note)

    def abandon(self) -> None:
        """End all tasks at once."""
        self.backend.abort_everything(ensure_ready=False)

    def hand_over(self, batch: BatchedCalls, note: Callable[[Any], None]) -> Any:
        submit = getattr(self.backend, "submit", None) or self.backend.apply_async  # joblib < 1.5
        return submit(batch, callback=note)

    def store(self, shipment: Shipment) -> Any:
        """Put what all tasks share where the workers find it."""
        return shipment

    def begin(self, attempt: Attempt) -> Callable[[], None]:
        """Return what a worker is to call as it begins."""
        return nothing

    def began(self, attempt: Attempt) -> float | None:
        """When a worker began the task, None before that."""
        return attempt.submitted

    def dead(self, running: Running) -> list[Attempt]:
        """Return the attempts whose workers died without a word."""
        return []

    def suspects(self, attempt: Attempt, running: Running) -> list[Attempt]:
        """Return what may have killed the worker whose death ``attempt`` reports."""
        return [attempt]

    def renew(self, attempt: Attempt) -> None:
        """Replace a worker that died, or all where they share their fate."""

    def stop(self, attempt: Attempt) -> None:
        """Free a worker from a task that hangs."""
        raise NotImplementedError

    def release(self) -> None:
        """Have workers that live on drop what all tasks shared."""
        if self.folder is not None:
            self.folder.cleanup()  # ends the leases


class _Threads(Workers):
    """Threads of this process."""

    can_stop = True

    def begin(self, attempt: Attempt) -> Callable[[], None]:
        return attempt.begin

    def began(self, attempt: Attempt) -> float | None:
        return attempt.began

    def stop(self, attempt: Attempt) -> None:
        """Nothing stops a thread; another takes its place."""
        pool = self.backend._get_pool()
        pool._processes += 1
        pool._repopulate_pool()


class _Processes(Workers):
    """Processes of `multiprocessing`, which replaces one that dies and forgets its task."""

    can_stop = True
    exact = True
    silent = True

    def __init__(self, backend: Any, context_id: str) -> None:
        super().__init__(backend, context_id)
        self.folder = TemporaryDirectory(prefix="sklearn_bo_")
        self._numbers = count()

    def begin(self, attempt: Attempt) -> Callable[[], None]:
        assert self.folder is not None
        attempt.path = Path(self.folder.name, str(next(self._numbers)))
        return partial(_sign, str(attempt.path))

    def began(self, attempt: Attempt) -> float | None:
        with suppress(FileNotFoundError):
            attempt.began = attempt.began or attempt.path.stat().st_mtime  # type: ignore[union-attr]
        return attempt.began

    def _pid(self, attempt: Attempt) -> int:
        """Process that runs the task, 0 if none has signed."""
        try:
            return int(attempt.path.read_text())  # type: ignore[union-attr]
        except (FileNotFoundError, ValueError):
            return 0

    def dead(self, running: Running) -> list[Attempt]:
        alive = {0} | {process.pid for process in self.backend._pool._pool}
        return [attempt for attempt in running if self._pid(attempt) not in alive]

    def stop(self, attempt: Attempt) -> None:
        if pid := self._pid(attempt):
            with suppress(ProcessLookupError):
                os.kill(pid, signal.SIGKILL)


class _Loky(_Processes):
    """Processes of loky, which ends them all when one dies, and does not say which it was."""

    exact = False
    silent = False
    share_fate = True

    def __init__(self, backend: Any, context_id: str) -> None:
        super().__init__(backend, context_id)

        def map_large_arrays_to_files_of_the_executor() -> None:
            self.backend._workers._temp_folder_manager.set_current_context(context_id)

        self.on_pickling = map_large_arrays_to_files_of_the_executor
        self._futures: WeakSet[Any] = WeakSet()

    def suspects(self, attempt: Attempt, running: Running) -> list[Attempt]:
        begun = [other for other in running if self.began(other)]
        return begun or list(running)

    def hand_over(self, batch: BatchedCalls, note: Callable[[Any], None]) -> None:
        try:
            future = super().hand_over(batch, note)
        except (BrokenProcessPool, ShutdownExecutorError):  # they died, or another search did it
            self._end_all(ensure_ready=True)
            future = super().hand_over(batch, note)
        self._futures.add(future)

    def abandon(self) -> None:
        """End the tasks, but not those of other searches, which share the processes."""
        work = self.backend._workers._pending_work_items
        if {item.future for item in list(work.values())} <= set(self._futures):
            return self._end_all(ensure_ready=False)
        for future in self._futures:
            future.cancel()  # those that no process has

    def renew(self, attempt: Attempt) -> None:
        self._end_all(ensure_ready=True)

    def stop(self, attempt: Attempt) -> None:
        self._end_all(ensure_ready=True)

    def _end_all(self, ensure_ready: bool) -> None:
        """Kill the processes; with ``ensure_ready``, start others."""
        # loky drops the calls that wait, and then looks for those whose numbers it still has.
        with suppress(AttributeError, Empty):
            while True:
                self.backend._workers._work_ids.get_nowait()
        self.backend.abort_everything(ensure_ready)


async def _forget() -> None:
    forget()  # Dask does not wait for coroutines alone


class _Dask(Workers):
    """Workers of a Dask cluster, which runs a task anew a few times before it reports a death."""

    short = 0.05

    def __init__(self, backend: Any, context_id: str) -> None:
        super().__init__(backend, context_id)
        self.backend.client.run(nothing)  # imports cost time, which is not the first tasks'
        self._scattered: dict[Shipment, Any] = {}

    def store(self, shipment: Shipment) -> Any:
        """Scatter it here, as joblib, which would too, says nothing where that fails."""
        client = self.backend.client
        if shipment not in self._scattered:
            if client.status == "closed":
                raise NoWorkerLeftError("The client of the Dask cluster was closed.")
            workers = client.scheduler_info()["workers"].values()
            if not any(worker["status"] == "running" for worker in workers):
                raise NoWorkerYetError
            try:
                self._scattered[shipment] = client.scatter(shipment, hash=False)
            except TimeoutError:  # they have gone meanwhile
                raise NoWorkerYetError from None
        return self._scattered[shipment]

    def hand_over(self, batch: BatchedCalls, note: Callable[[Any], None]) -> None:
        future = super().hand_over(batch, lambda out: None)  # which errors do not reach
        future.add_done_callback(lambda done: note(done.exception() or done.result()))

    def renew(self, attempt: Attempt) -> None:
        """Have the data scattered again, which may be gone with the worker."""
        self._scattered.clear()

    def release(self) -> None:
        with suppress(AttributeError, OSError):  # the client is closed, or the cluster is gone
            self.backend.client.run(_forget, wait=False)


class _Stored:
    """A shipment in Ray's object store; arrives as the shipment."""

    def __init__(self, get: Callable[[Any], Any], reference: Any) -> None:
        self._arrival = get, (reference,)

    def __reduce__(self) -> tuple:
        return self._arrival


class _Ray(Workers):
    """Actors of Ray's pool, which would hand a task to a busy one while others are idle."""

    short = 0.05
    can_stop = True
    exact = True
    queues = False

    def __init__(self, backend: Any, context_id: str) -> None:
        super().__init__(backend, context_id)
        import ray  # type: ignore[import-not-found]

        self.ray = ray
        self._stored: dict[Shipment, _Stored] = {}
        self._import([actor for actor, _ in self.backend._get_pool()._actor_pool])

    def _import(self, actors: list) -> None:
        """Wait until actors have started; the time that it takes is not their first tasks'."""
        self.ray.get([actor.run_batch.remote(nothing, [((), {})]) for actor in actors])

    def store(self, shipment: Shipment) -> Any:
        if shipment not in self._stored:
            self._stored[shipment] = _Stored(self.ray.get, self.ray.put(shipment))
        return self._stored[shipment]

    def submit(self, attempt: Attempt, running: Running, note: Callable[[Any], None]) -> None:
        pool = self.backend._get_pool()
        taken = {other.place for other in running}
        attempt.place = next(i for i in range(len(pool._actor_pool)) if i not in taken)
        pool._current_index = (attempt.place - 1) % len(pool._actor_pool)  # the next is free
        super().submit(attempt, running, note)

    def renew(self, attempt: Attempt) -> None:
        pool = self.backend._get_pool()
        pool._actor_pool[attempt.place] = pool._new_actor_entry()
        self._import([pool._actor_pool[attempt.place][0]])

    def stop(self, attempt: Attempt) -> None:
        self.ray.kill(self.backend._get_pool()._actor_pool[attempt.place][0])
        self.renew(attempt)


_KINDS: dict[str, type[Workers]] = {
    "LokyBackend": _Loky,
    "ThreadingBackend": _Threads,
    "RayBackend": _Ray,  # inherits the next
    "MultiprocessingBackend": _Processes,
    "DaskDistributedBackend": _Dask,
}


def workers_of(backend: Any, context_id: str) -> Workers | None:
    """Return the workers of a joblib backend; None if it does not tell when a single task ends.

    Parameters
    ----------
    backend : ParallelBackendBase
        joblib's backend, configured.
    context_id : str
        Under which loky keeps the files of the `joblib.Parallel` that uses it.

    Returns
    -------
    Workers or None
        The workers.
    """
    if not getattr(backend, "supports_retrieve_callback", False):
        return None
    names = [base.__name__ for base in type(backend).__mro__]
    kind = next((_KINDS[name] for name in names if name in _KINDS), Workers)
    return kind(backend, context_id)
