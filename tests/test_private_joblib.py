"""What we rely on in the private names of joblib, and of Ray's pool for it.

A release that changes one of them fails here first.
"""

import functools
import inspect
import os
import pickle
import re
import threading
import time
from queue import SimpleQueue

import joblib
import numpy as np
import pytest
from joblib.parallel import BatchedCalls
from pinned import pins
from sklearn import config_context, get_config
from sklearn.utils.parallel import Parallel, delayed

from sklearn_bo import _joblib, _workers

BACKENDS = ["loky", "threading"]


def submit(parallel, call, on_pickling=None):
    """Hand one call to the backend as our executor does; return what tells its result."""
    backend, done = parallel._backend, SimpleQueue()
    batch = BatchedCalls([call], backend.get_nested_backend(), on_pickling, {})
    hand_over = getattr(backend, "submit", None) or backend.apply_async
    hand_over(batch, callback=done.put)
    return lambda: backend.retrieve_result_callback(done.get(timeout=60))


@pins("_backend", "_effective_n_jobs", "submit", "apply_async", "BatchedCalls")
@pins("get_nested_backend", "retrieve_result_callback")
@pytest.mark.parametrize("backend", BACKENDS)
def test_backend_runs_a_single_call(backend):
    with joblib.Parallel(n_jobs=2, backend=backend) as parallel:
        assert parallel._effective_n_jobs() == 2
        results = [submit(parallel, (divmod, (7, n), {})) for n in (2, 3)]
        assert [result() for result in results] == [[(3, 1)], [(2, 1)]]


@pins("retrieve_result_callback")
@pytest.mark.parametrize("backend", BACKENDS)
def test_result_raises_what_the_call_raised(backend):
    with joblib.Parallel(n_jobs=2, backend=backend) as parallel:
        result = submit(parallel, (divmod, (1, 0), {}))
        with pytest.raises(ZeroDivisionError):
            result()


@pins("abort_everything")
@pytest.mark.parametrize("backend", BACKENDS)
def test_backend_can_be_aborted(backend):
    with joblib.Parallel(n_jobs=2, backend=backend) as parallel:
        submit(parallel, (divmod, (7, 2), {}))()
        parallel._backend.abort_everything(ensure_ready=False)
    assert joblib.Parallel(n_jobs=2)([(divmod, (7, 2), {})]) == [(3, 1)]


@pins("start_call", "_calling")
def test_leaving_the_context_ends_a_call_that_was_started():
    ended = []
    with joblib.Parallel(n_jobs=2, backend="threading") as parallel:
        parallel._backend.start_call()
        parallel._backend.stop_call = lambda: ended.append(True)
        parallel._calling = True
    assert ended == [True]


def test_no_name_of_joblib_has_another_meaning_here():
    used = joblib.Parallel(n_jobs=2, backend="threading")
    used([(divmod, (7, 2), {})] * 2)
    ours = set(re.findall(r"self\.(\w+)(?:: [^=\n]+)? = ", inspect.getsource(_joblib.Executor)))
    assert {"_attempts", "_calling"} <= ours
    assert ours & {*vars(used), *dir(joblib.Parallel)} == {"_calling"}


@pins("BatchedCalls")
def test_batch_announces_that_it_is_pickled():
    announced = []
    with joblib.Parallel(n_jobs=1) as parallel:
        nested = parallel._backend.get_nested_backend()
    batch = BatchedCalls([(divmod, (7, 2), {})], nested, lambda: announced.append(True), {})
    assert pickle.loads(pickle.dumps(batch))() == [(3, 1)]
    assert announced == [True]


@pins("_id", "_workers", "_temp_folder_manager")
def test_loky_maps_large_arrays_to_the_folder_of_the_executor():
    array = np.ones(200_000)  # beyond joblib's 1 MB
    with joblib.Parallel(n_jobs=2, backend="loky") as parallel:
        manager = parallel._backend._workers._temp_folder_manager
        use_folder = functools.partial(manager.set_current_context, parallel._id)
        (name,) = submit(parallel, (getattr, (array, "filename"), {}), use_folder)()
        assert str(name).startswith(manager.resolve_temp_folder_name())


@pins("_pending_work_items")
def test_loky_knows_the_calls_that_have_not_ended():
    with joblib.Parallel(n_jobs=2, backend="loky") as parallel:
        result = submit(parallel, (time.sleep, (0.2,), {}))
        (item,) = parallel._backend._workers._pending_work_items.values()
        assert not item.future.done()
        result()
        assert not parallel._backend._workers._pending_work_items


@pins("retrieval_context")
def test_the_wait_for_results_has_a_context():
    with joblib.Parallel(n_jobs=2) as parallel, parallel._backend.retrieval_context():
        assert parallel([(divmod, (7, 2), {})]) == [(3, 1)]


@pins("_work_ids")
def test_loky_is_ended_while_calls_wait_without_an_error_in_its_thread():
    with joblib.Parallel(n_jobs=2, backend="loky") as parallel:
        for _ in range(5):
            for _ in range(30):
                submit(parallel, (time.sleep, (0.01,), {}))
            assert parallel._backend._workers._work_ids.qsize() >= 0
            workers = _workers.workers_of(parallel._backend)
            workers.renew(None)
            workers.release()
        assert submit(parallel, (divmod, (7, 2), {}))() == [(3, 1)]


@pins("eval_expr")
def test_pre_dispatch_is_an_arithmetic_expression():
    assert _joblib.eval_expr("2*3") == 6
    with pytest.raises(ValueError, match="not a valid or supported arithmetic expression"):
        _joblib.eval_expr("__import__('os')")


@pins("uses_threads", "supports_retrieve_callback")
@pytest.mark.parametrize(
    ("backend", "n_jobs", "in_process", "asynchronous"),
    [
        ("loky", 2, False, True),
        ("multiprocessing", 2, False, True),
        ("threading", 2, True, True),
        ("threading", 1, True, False),
    ],
)
def test_backend_says_what_it_can(backend, n_jobs, in_process, asynchronous):
    with joblib.Parallel(n_jobs=n_jobs, backend=backend) as parallel:
        assert getattr(parallel._backend, "uses_threads", False) == in_process
        assert parallel._backend.supports_retrieve_callback == asynchronous


@pins("_get_pool", "_processes", "_repopulate_pool")
def test_a_pool_of_threads_can_grow():
    with joblib.Parallel(n_jobs=2, backend="threading") as parallel:
        pool = parallel._backend._get_pool()
        gate = threading.Event()
        stuck = [submit(parallel, (gate.wait, (60,), {})) for _ in range(2)]
        pool._processes += 1
        pool._repopulate_pool()
        assert submit(parallel, (divmod, (7, 2), {}))() == [(3, 1)]
        gate.set()
        assert [result() for result in stuck] == [[True], [True]]


@pins("_pool")
def test_a_pool_of_processes_knows_those_that_live():
    with joblib.Parallel(n_jobs=2, backend="multiprocessing") as parallel:
        pids = {process.pid for process in parallel._backend._pool._pool}
        (pid,) = submit(parallel, (os.getpid, (), {}))()
        assert pid in pids


@pins("_actor_pool", "_current_index", "_new_actor_entry")
def test_a_pool_of_ray_has_actors_in_turn():
    pool = pytest.importorskip("ray.util.multiprocessing.pool").Pool
    source = inspect.getsource(pool._next_actor_index) + inspect.getsource(pool._run_batch)
    assert "self._current_index += 1" in source
    assert "actor, count = self._actor_pool[actor_index]" in source
    assert "self._actor_pool[actor_index] = (actor, count)" in inspect.getsource(pool)
    assert "_new_actor_entry() for _ in range(processes)" in inspect.getsource(pool)


def test_parallel_of_scikit_learn_hands_configured_calls_to_the_next_class():
    class Calls(joblib.Parallel):
        def __call__(self, calls):
            return list(calls)

    class Configured(Parallel, Calls):
        pass

    with config_context(assume_finite=True):
        ((function, args, kwargs),) = Configured()([delayed(get_config)()])
    assert function(*args, **kwargs)["assume_finite"]
