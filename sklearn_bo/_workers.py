"""Where the tasks of an executor run: one class a kind of joblib backend.

A kind knows how to hand a task over, when a worker begins it, who died, and how to replace them.
With `_joblib`, which submits and collects, it has what relies on names that joblib and its backends
do not document.
"""

from __future__ import annotations

import os
import signal
import threading
import time
from collections.abc import Callable
from contextlib import suppress
from functools import partial
from itertools import count
from pathlib import Path
from queue import Empty
from tempfile import TemporaryDirectory
from typing import Any
from weakref import WeakSet

from joblib import parallel_config
from joblib.externals.loky.process_executor import BrokenProcessPool, ShutdownExecutorError
from joblib.parallel import BatchedCalls

from sklearn_bo.broadcast import Broadcast, forget
from sklearn_bo.exceptions import NoWorkerLeftError, NoWorkerYetError
from sklearn_bo.tasks import Attempt, Running, run_tasks

_CONDEMNED = ".condemned"  # suffix of the signature of a process that is to be killed


def _sign(path: str) -> None:
    """Note that this process begins a task."""
    with suppress(OSError):  # the folder may be gone, which is no reason to fail
        Path(path).write_text(str(os.getpid()))


def _leave(path: str) -> None:
    """Note that this process has ended a task; wait to be killed where that was given up.

    One that were killed any later could hold a lock of the queues, which nobody would release.
    """
    try:
        os.unlink(path)
    except FileNotFoundError:
        while os.path.exists(path + _CONDEMNED):
            time.sleep(0.1)


def nothing() -> None:
    """Note nothing."""


class Workers:
    """Workers of a backend that reports single tasks, of which nothing else is known."""

    short = 0.03  # seconds of a batch: tasks that take less are handed over several at a time
    can_stop = False  # whether a task that hangs can be ended, or its worker replaced
    queues = True  # whether tasks may be handed over before a worker is free
    silent = False  # whether a worker may die without a word
    exact = False  # whether the report of a death names the attempt that died, and no other
    share_fate = False  # whether the death of one worker ends all

    def __init__(self, backend: Any) -> None:
        self.backend = backend
        self.on_pickling: Callable[[], None] | None = None
        self.folder: TemporaryDirectory[str] | None = None

    def submit(self, attempt: Attempt, running: Running, note: Callable[[Any], None]) -> None:
        """Hand tasks over; a call of ``note`` will report their end."""
        broadcast = attempt.tasks[0].broadcast
        shared = () if broadcast is None else (self.store(broadcast),)
        calls = [
            (function, args[len(shared) :])
            for function, args in (task.call for task in attempt.tasks)
        ]
        notes = self.begin(attempt), self.end(attempt)
        self.hand_over(partial(run_tasks, calls, *notes, self.short), shared, note)

    def abandon(self) -> None:
        """End all tasks at once."""
        self.backend.abort_everything(ensure_ready=False)

    def hand_over(self, run: Callable, shared: tuple, note: Callable[[Any], None]) -> Any:
        """Have a worker make one call."""
        nested = self.backend.get_nested_backend()
        batch = BatchedCalls([(run, shared, {})], nested, self.on_pickling, {})
        submit = getattr(self.backend, "submit", None) or self.backend.apply_async  # joblib < 1.5
        return submit(batch, callback=note)

    def store(self, broadcast: Broadcast) -> Any:
        """Put what all tasks share where the workers find it."""
        return broadcast

    def begin(self, attempt: Attempt) -> Callable[[], None]:
        """Return what a worker is to call as it begins."""
        return nothing

    def end(self, attempt: Attempt) -> Callable[[], None]:
        """Return what a worker is to call as it ends, in the midst of no other work."""
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

    def stop(self, hanging: list[Attempt]) -> None:
        """Free workers from tasks that hang."""
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

    def stop(self, hanging: list[Attempt]) -> None:
        """Nothing stops a thread; another takes its place."""
        pool = self.backend._get_pool()
        pool._processes += len(hanging)
        pool._repopulate_pool()


class _Processes(Workers):
    """Processes of `multiprocessing`, which replaces one that dies and forgets its task."""

    can_stop = True
    exact = True
    silent = True

    def __init__(self, backend: Any) -> None:
        super().__init__(backend)
        # Another search's process may sign while it is removed.
        self.folder = TemporaryDirectory(prefix="sklearn_bo_", ignore_cleanup_errors=True)
        self._numbers = count()

    def begin(self, attempt: Attempt) -> Callable[[], None]:
        assert self.folder is not None
        attempt.path = Path(self.folder.name, str(next(self._numbers)))
        return partial(_sign, str(attempt.path))

    def end(self, attempt: Attempt) -> Callable[[], None]:
        return partial(_leave, str(attempt.path))

    def began(self, attempt: Attempt) -> float | None:
        if attempt.began is None:
            with suppress(FileNotFoundError):
                elapsed = time.time() - attempt.path.stat().st_mtime  # type: ignore[union-attr]
                now = time.monotonic()  # which never steps, as the clock of the files may
                attempt.began = now - min(max(elapsed, 0.0), now - attempt.submitted)
        return attempt.began

    def _pid(self, attempt: Attempt) -> int:
        """Process that runs the task, 0 if none has signed."""
        try:
            return int(attempt.path.read_text())  # type: ignore[union-attr]
        except (FileNotFoundError, ValueError):
            return 0

    def dead(self, running: Running) -> list[Attempt]:
        pids = {attempt: self._pid(attempt) for attempt in running}
        alive = {0} | {process.pid for process in self.backend._pool._pool}
        return [a for a, pid in pids.items() if pid not in alive and not _exists(pid)]

    def stop(self, hanging: list[Attempt]) -> None:
        for attempt in hanging:
            pid, path = self._pid(attempt), str(attempt.path)
            if pid == 0:  # which a signal would take for all processes of this group
                continue
            with suppress(FileNotFoundError, ProcessLookupError):  # it has ended meanwhile
                os.rename(path, path + _CONDEMNED)
                os.kill(pid, getattr(signal, "SIGKILL", signal.SIGTERM))


def _exists(pid: int) -> bool:
    """Whether there is such a process; the pool lists one only some time after it has begun."""
    if os.name != "posix":  # where no signal can ask
        return False
    try:
        os.kill(pid, 0)
    except ProcessLookupError:
        return False
    return True


class _Loky(_Processes):
    """Processes of loky, which ends them all when one dies, and does not say which it was."""

    exact = False
    silent = False
    share_fate = True

    def __init__(self, backend: Any) -> None:
        super().__init__(backend)

        def map_large_arrays_to_files_of_the_executor() -> None:
            manager = self.backend._workers._temp_folder_manager
            manager.set_current_context(self.backend.parallel._id)

        self.on_pickling = map_large_arrays_to_files_of_the_executor
        self._futures: WeakSet[Any] = WeakSet()

    def suspects(self, attempt: Attempt, running: Running) -> list[Attempt]:
        begun = [other for other in running if self.began(other) is not None]
        return begun or list(running)

    def hand_over(self, run: Callable, shared: tuple, note: Callable[[Any], None]) -> None:
        try:
            future = super().hand_over(run, shared, note)
        except (BrokenProcessPool, ShutdownExecutorError):  # they died, or another search did it
            self._end_all(ensure_ready=True)
            future = super().hand_over(run, shared, note)
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

    def stop(self, hanging: list[Attempt]) -> None:
        self._end_all(ensure_ready=True)

    def _end_all(self, ensure_ready: bool) -> None:
        """Kill the processes; with ``ensure_ready``, start others."""
        # loky drops the calls that wait, and then looks for those whose numbers it still has.
        with suppress(AttributeError, Empty):
            while True:
                self.backend._workers._work_ids.get_nowait()
        self.backend.abort_everything(ensure_ready)


def _run_nested(run: Callable, *shared: Any) -> Any:
    """Make a call on a Dask worker, whose own calls Dask runs too, as joblib has it."""
    with parallel_config("dask"):
        return run(*shared)


async def _forget() -> None:
    forget()  # a coroutine, for of anything else Dask waits for the end


_CLOSED = ("closing", "closed")
_NO_CLIENT = "The client of the Dask cluster was closed."


class _Dask(Workers):
    """Workers of a Dask cluster, which runs a task anew a few times before it reports a death."""

    short = 0.05

    def __init__(self, backend: Any) -> None:
        super().__init__(backend)
        self.backend.client.run(nothing)  # imports cost time, which is not the first tasks'
        self._scattered: dict[Broadcast, Any] = {}
        self._futures: set[Any] = set()  # of which Dask forgets those that nobody refers to

    def store(self, broadcast: Broadcast) -> Any:
        """Scatter it here, as joblib, which would too, says nothing where that fails."""
        client = self.backend.client
        if broadcast not in self._scattered:
            if client.status in _CLOSED:
                raise NoWorkerLeftError(_NO_CLIENT)
            workers = client.scheduler_info()["workers"].values()
            if not any(worker["status"] == "running" for worker in workers):
                raise NoWorkerYetError
            try:
                self._scattered[broadcast] = client.scatter(broadcast, hash=False)
            except OSError:  # they have gone meanwhile
                raise NoWorkerYetError from None
        return self._scattered[broadcast]

    def hand_over(self, run: Callable, shared: tuple, note: Callable[[Any], None]) -> None:
        # Not by joblib, which never hears of a result that is lost with its worker.
        client, options = self.backend.client, {"pure": False, **self.backend.submit_kwargs}
        try:
            future = client.submit(_run_nested, run, *shared, **options)
        except Exception as error:
            if client.status in _CLOSED:
                raise NoWorkerLeftError(_NO_CLIENT) from error
            raise
        self._futures.add(future)

        def fetch(future: Any) -> None:  # elsewhere than in the one thread that all callbacks share
            threading.Thread(target=self._report, args=(note, future), daemon=True).start()

        future.add_done_callback(fetch)

    def _report(self, note: Callable[[Any], None], future: Any) -> None:
        self._futures.discard(future)
        out: Any
        try:
            out = [future.result()]
        except BaseException as error:
            out = error
        note(out)

    def abandon(self) -> None:
        if self.backend.client.status not in _CLOSED:
            with suppress(AttributeError, OSError):  # the cluster is gone
                self.backend.client.cancel(list(self._futures))

    def renew(self, attempt: Attempt) -> None:
        """Have the data scattered again, which may be gone with the worker."""
        self._scattered.clear()

    def release(self) -> None:
        with suppress(AttributeError, OSError):  # the client is closed, or the cluster is gone
            self.backend.client.run(_forget, wait=False)


class _Stored:
    """A broadcast in Ray's object store; arrives as the broadcast."""

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

    def __init__(self, backend: Any) -> None:
        super().__init__(backend)
        import ray  # type: ignore[import-not-found]

        self.ray = ray
        self._stored: dict[Broadcast, _Stored] = {}
        self._import([actor for actor, _ in self.backend._get_pool()._actor_pool])

    def _import(self, actors: list) -> None:
        """Wait until actors have started; the time that it takes is not their first tasks'."""
        self.ray.get([actor.run_batch.remote(nothing, [((), {})]) for actor in actors])

    def store(self, broadcast: Broadcast) -> Any:
        if broadcast not in self._stored:
            self._stored[broadcast] = _Stored(self.ray.get, self.ray.put(broadcast))
        return self._stored[broadcast]

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

    def stop(self, hanging: list[Attempt]) -> None:
        for attempt in hanging:
            self.ray.kill(self.backend._get_pool()._actor_pool[attempt.place][0])
            self.renew(attempt)


_KINDS: dict[str, type[Workers]] = {
    "LokyBackend": _Loky,
    "ThreadingBackend": _Threads,
    "RayBackend": _Ray,  # inherits the next
    "MultiprocessingBackend": _Processes,
    "DaskDistributedBackend": _Dask,
}


def workers_of(backend: Any) -> Workers | None:
    """Return the workers of a joblib backend; None if it does not tell when a single task ends.

    Parameters
    ----------
    backend : ParallelBackendBase
        joblib's backend, configured.

    Returns
    -------
    Workers or None
        The workers.
    """
    if not getattr(backend, "supports_retrieve_callback", False):
        return None
    names = [base.__name__ for base in type(backend).__mro__]
    kind = next((_KINDS[name] for name in names if name in _KINDS), Workers)
    return kind(backend)
