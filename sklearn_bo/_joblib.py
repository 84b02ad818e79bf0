"""Single tasks on the joblib backend in force: submit one, wait for whichever ends first.

`joblib.Parallel` asks for the next task before the result that frees its worker is known, too early
to learn from it. The executor here uses the same backends, the same pools of workers and the same
memory mapping of large arrays, but leaves it to its caller when to submit. This is the only file
that relies on names that joblib does not document; a test pins them.
"""

from __future__ import annotations

import math
import pickle
from collections import deque
from collections.abc import Callable, Iterable
from queue import SimpleQueue
from typing import Any
from uuid import uuid4

import joblib
import numpy as np
from joblib._utils import eval_expr
from joblib.parallel import BatchedCalls
from sklearn.utils.parallel import Parallel, delayed

try:
    import cloudpickle  # a dependency of joblib since 1.6
except ImportError:
    from joblib.externals import cloudpickle


class Task:
    """A submitted call, to be told apart by identity."""

    def __init__(self, call: Callable[[], list[Any]]) -> None:
        self._call = call

    def result(self) -> Any:
        """Return what the call returned; raise what it raised."""
        return self._call()[0]


class _Submitting(joblib.Parallel):
    """A `joblib.Parallel` whose call submits the tasks and returns without waiting."""

    def __call__(self, calls: Iterable[tuple]) -> list[Task]:
        return [self._submit(call) for call in calls]

    def _submit(self, call: tuple) -> Task:
        backend = self._backend
        batch = BatchedCalls([call], backend.get_nested_backend(), self._on_pickling, {})
        if self.n_workers == 1:
            task = Task(batch)
            self._done.put(task)
            return task
        task = Task(lambda: [])

        def on_done(out: Any) -> None:
            task._call = lambda: backend.retrieve_result_callback(out)
            self._done.put(task)

        submit = getattr(backend, "submit", None) or backend.apply_async  # joblib < 1.5
        submit(batch, callback=on_done)
        return task

    def _on_pickling(self) -> None:
        """Have large arrays mapped to files that belong to this executor."""
        workers = getattr(self._backend, "_workers", None)  # loky has them
        if workers is not None:
            workers._temp_folder_manager.set_current_context(self._id)


class Executor(Parallel, _Submitting):
    """Run single calls on the workers of the active joblib backend.

    Its base from scikit-learn carries the configuration and the warning filters of the caller to
    the workers. With one worker a call runs in this process when its result is asked for.

    Parameters
    ----------
    n_jobs : int or None
        As in `joblib.Parallel`; the backend and the default come from `joblib.parallel_config`.
    pre_dispatch : int or str
        As in `joblib.Parallel`.

    Attributes
    ----------
    n_workers : int
        Number of calls that run at a time. Like the next, known inside the ``with`` block.
    queue_length : float
        Number of calls, running or waiting, that ``pre_dispatch`` allows; at least ``n_workers``.
    """

    def __init__(self, n_jobs: int | None, pre_dispatch: int | str) -> None:
        super().__init__(n_jobs=n_jobs, pre_dispatch=pre_dispatch)
        self._done: SimpleQueue[Task] = SimpleQueue()

    def __enter__(self) -> Executor:
        super().__enter__()
        self.n_workers: int = self._effective_n_jobs()
        self.queue_length = max(self._allowed_queue_length(), self.n_workers)
        if hasattr(self._backend, "start_call"):
            self._backend.start_call()
            self._calling = True  # has __exit__ call stop_call
        return self

    def __exit__(self, exc_type: Any, exc_value: Any, traceback: Any) -> None:
        if exc_type is not None and self.n_workers > 1:
            self._backend.abort_everything(ensure_ready=False)
        super().__exit__(exc_type, exc_value, traceback)

    def _allowed_queue_length(self) -> float:
        if self.pre_dispatch == "all":
            return math.inf
        length = self.pre_dispatch
        if isinstance(length, str):
            try:
                length = eval_expr(length.replace("n_jobs", str(self.n_workers)))
            except (ArithmeticError, KeyError, SyntaxError, TypeError, ValueError):
                length = 0
        if length < 1:
            raise ValueError(
                f"pre_dispatch={self.pre_dispatch!r} must be 'all', an integer of at least 1, or "
                "an expression of n_jobs that gives one, such as '2*n_jobs'."
            )
        return length

    def submit(self, function: Callable, /, *args: Any, **kwargs: Any) -> Task:
        """Hand a call to the workers and return at once."""
        return self([delayed(function)(*args, **kwargs)])[0]

    def next_done(self) -> Task:
        """Wait for the next task to end; each task is returned once, in the order of ending."""
        return self._done.get()


class Shipment:
    """An object that crosses to each worker process once, however many calls refer to it.

    Its arrays are kept apart from the rest (pickle protocol 5), so that joblib maps the large ones
    to memory, shared by all workers, and a worker unpickles the whole only for its first call.

    Parameters
    ----------
    content : object
        What to ship.
    """

    def __init__(self, content: Any) -> None:
        self.content = content
        self._token = uuid4().hex
        self._packed: tuple[np.ndarray, list[np.ndarray]] | None = None

    def __reduce__(self) -> tuple:
        if self._packed is None:
            buffers: list[pickle.PickleBuffer] = []
            head = cloudpickle.dumps(self.content, protocol=5, buffer_callback=buffers.append)
            arrays = [np.frombuffer(buffer.raw(), dtype=np.uint8) for buffer in buffers]
            self._packed = np.frombuffer(head, dtype=np.uint8), arrays
        return _unpack, (self._token, *self._packed)


_received: deque[tuple[str, Shipment]] = deque(maxlen=2)  # of this process, the latest last


def _unpack(token: str, head: np.ndarray, arrays: list[np.ndarray]) -> Shipment:
    """Return the shipment, from the memory of this process where it has been here before."""
    for known, shipment in _received:
        if known == token:
            return shipment
    shipment = Shipment(pickle.loads(head.data, buffers=[array.data for array in arrays]))
    _received.append((token, shipment))
    return shipment
