"""Single calls on joblib's workers: order, errors, configuration, and data that cross once."""

import gc
import os
import pickle
import threading
import time
import warnings
import weakref
from concurrent.futures import ThreadPoolExecutor

import joblib
import numpy as np
import pandas as pd
import pytest
import sklearn
from joblib.parallel import ThreadingBackend
from processes import Payload, is_alive, wait_for
from sklearn.datasets import make_classification
from sklearn.linear_model import LogisticRegression
from sklearn.model_selection import cross_val_score
from sklearn.utils.fixes import parse_version

from sklearn_bo import BayesSearchCV
from sklearn_bo._joblib import Executor
from sklearn_bo.broadcast import Broadcast, forget
from sklearn_bo.exceptions import TaskLostError

BACKENDS = ["loky", "threading", "multiprocessing"]
LARGE = 200_000  # elements; joblib maps arrays of more than 1 MB


def unpickled_by(log):
    return log.read_text().split() if log.exists() else []


def square(x):
    return os.getpid(), x * x


def pid_of(broadcast, seconds=0.0):
    time.sleep(seconds)
    return os.getpid()


def fail(message):
    raise KeyError(message)


def is_mapped(array):
    """Whether the memory of an array belongs to a file."""
    while array is not None:
        if isinstance(array, np.memmap):
            return True
        array = array.obj if isinstance(array, memoryview) else getattr(array, "base", None)
    return False


def describe(broadcast):
    """What a worker sees: sum, mapped, writeable, of the array and of the frame's columns."""
    array, frame = broadcast.content
    number, text = frame["number"].to_numpy(), frame["text"].tolist()
    return (
        (array.sum(), is_mapped(array), array.flags.writeable),
        (number.sum(), is_mapped(number), text[-1]),
    )


def emit_warning():
    warnings.warn("heard", FutureWarning, stacklevel=1)


def drain(executor, tasks):
    return {id(executor.next_done()) for _ in tasks}


@pytest.mark.parametrize("n_jobs", [None, 1, 2])
@pytest.mark.parametrize("backend", BACKENDS)
def test_each_call_runs_once_and_each_task_is_returned_once(backend, n_jobs):
    with joblib.parallel_config(backend), Executor(n_jobs, "2*n_jobs") as executor:
        tasks = [executor.submit(square, x) for x in range(6)]
        assert drain(executor, tasks) == {id(task) for task in tasks}
        assert not executor._ended
        pids, squares = zip(*(task.result() for task in tasks), strict=True)
    assert squares == (0, 1, 4, 9, 16, 25)
    in_here = n_jobs != 2 or backend == "threading"
    assert (set(pids) == {os.getpid()}) == in_here


def sleep_and_square(x):
    time.sleep(0.05)
    return x * x


def test_a_task_knows_how_long_it_took_without_the_start_of_its_worker():
    joblib.externals.loky.get_reusable_executor().shutdown(wait=True)
    begin = time.perf_counter()
    with joblib.parallel_config("loky"), Executor(2, "2*n_jobs") as executor:
        tasks = [executor.submit(sleep_and_square, x) for x in range(2)]
        drain(executor, tasks)
    elapsed = time.perf_counter() - begin
    assert all(0.04 < task.seconds < elapsed / 2 for task in tasks)


def test_tasks_are_returned_in_the_order_of_ending():
    with joblib.parallel_config("threading"), Executor(2, 2) as executor:
        gate = threading.Event()
        slow = executor.submit(gate.wait, 60)
        fast = executor.submit(square, 2)
        assert executor.next_done() is fast
        gate.set()
        assert executor.next_done() is slow


def test_one_worker_runs_a_call_only_when_its_result_is_wanted():
    calls = []
    with Executor(None, "2*n_jobs") as executor:
        task = executor.submit(calls.append, 1)
        assert executor.next_done() is task
        assert calls == []
        task.result()
    assert calls == [1]


@pytest.mark.parametrize(
    ("n_jobs", "pre_dispatch", "n_workers", "queue_length"),
    [
        (None, "2*n_jobs", 3, 6),  # from the configuration
        (1, "2*n_jobs", 1, 2),
        (2, "2*n_jobs", 2, 4),
        (2, "n_jobs + 1", 2, 3),
        (2, "all", 2, np.inf),
        (2, 7, 2, 7),
        (2, 1, 2, 2),  # each worker has a call
    ],
)
def test_workers_and_queue_follow_n_jobs_and_pre_dispatch(
    n_jobs, pre_dispatch, n_workers, queue_length
):
    configuration = joblib.parallel_config("threading", n_jobs=3)
    with configuration, Executor(n_jobs, pre_dispatch) as executor:
        assert executor.n_workers == n_workers
        assert executor.queue_length == queue_length


@pytest.mark.parametrize("backend", ["sequential", *BACKENDS])
def test_an_error_is_raised_by_its_own_task_alone(backend):
    with joblib.parallel_config(backend), Executor(2, "2*n_jobs") as executor:
        bad, good = executor.submit(fail, "lost"), executor.submit(square, 3)
        drain(executor, [bad, good])
        with pytest.raises(KeyError, match="lost"):
            bad.result()
        assert good.result()[1] == 9


def touch_and_sleep(path, seconds):
    path.touch()
    time.sleep(seconds)


def submit_and_fail(path, seconds):
    with Executor(2, "2*n_jobs") as executor:
        executor.submit(touch_and_sleep, path, seconds)
        executor.launch()
        while not path.exists():
            time.sleep(0.01)
        fail("stop")


@pytest.mark.parametrize("backend", BACKENDS)
def test_an_error_in_the_block_drops_what_runs_and_leaves_the_backend_usable(backend, tmp_path):
    start = time.monotonic()
    with joblib.parallel_config(backend):
        with pytest.raises(KeyError, match="stop"):
            submit_and_fail(
                tmp_path / "begun", 0 if backend == "threading" else 60
            )  # threads cannot be stopped
        with Executor(2, "2*n_jobs") as executor:
            task = executor.submit(square, 5)
            assert executor.next_done() is task
            assert task.result()[1] == 25
    assert time.monotonic() - start < 30


@pytest.mark.parametrize("backend", BACKENDS)
def test_configuration_of_the_caller_reaches_the_workers(backend):
    with joblib.parallel_config(backend), Executor(2, "2*n_jobs") as executor:
        with sklearn.config_context(working_memory=17, enable_metadata_routing=True):
            task = executor.submit(sklearn.get_config)
        executor.next_done()
        assert task.result()["working_memory"] == 17
        assert task.result()["enable_metadata_routing"]


@pytest.mark.skipif(
    parse_version(sklearn.__version__) < parse_version("1.7"),
    reason="scikit-learn carries the warning filters from 1.7 on",
)
@pytest.mark.parametrize(("action", "raises"), [("error", True), ("ignore", False)])
def test_warning_filters_of_the_caller_reach_the_workers(action, raises):
    with joblib.parallel_config("loky"), Executor(2, "2*n_jobs") as executor:
        with warnings.catch_warnings():
            warnings.simplefilter(action)
            task = executor.submit(emit_warning)
        executor.next_done()
        if raises:
            with pytest.raises(FutureWarning, match="heard"):
                task.result()
        else:
            assert task.result() is None


def test_executors_nest():
    def inner(x):
        with Executor(2, "2*n_jobs") as executor:
            task = executor.submit(square, x)
            executor.next_done()
            return task.result()[1]

    with joblib.parallel_config("threading"), Executor(2, "2*n_jobs") as executor:
        tasks = [executor.submit(inner, x) for x in (2, 3)]
        drain(executor, tasks)
        assert [task.result() for task in tasks] == [4, 9]


def test_executors_start_in_several_threads_at_once():
    def let_others_run(phase, info):  # while pre_dispatch is parsed, see _PARSING
        time.sleep(0)

    def start(_):
        for _ in range(1000):
            with joblib.parallel_config("threading"), Executor(1, "2*n_jobs"):
                pass

    threshold = gc.get_threshold()
    gc.callbacks.append(let_others_run)
    gc.set_threshold(7)
    try:
        with ThreadPoolExecutor(4) as pool:
            list(pool.map(start, range(4)))
    finally:
        gc.set_threshold(*threshold)
        gc.callbacks.remove(let_others_run)


@pytest.mark.parametrize("backend", ["loky", "multiprocessing"])
def test_a_broadcast_is_unpickled_once_by_each_worker(backend, tmp_path):
    with joblib.parallel_config(backend), Executor(2, "2*n_jobs") as executor:
        broadcasts = {
            log: executor.broadcast(Payload(log)) for log in (tmp_path / "a", tmp_path / "b")
        }
        tasks = [
            (log, executor.submit(pid_of, broadcast, 0.01))
            for _ in range(6)
            for log, broadcast in broadcasts.items()
        ]
        drain(executor, tasks)
    for log in broadcasts:
        workers = {str(task.result()) for of, task in tasks if of == log}
        assert str(os.getpid()) not in workers
        assert sorted(unpickled_by(log)) == sorted(workers)


def describe_all(broadcast):
    return [(array.sum(), array.dtype, is_mapped(array)) for array in broadcast.content]


@pytest.mark.parametrize("backend", ["loky", "multiprocessing"])
def test_small_arrays_that_are_large_together_are_mapped_with_the_large_ones(backend):
    arrays = [np.arange(n, dtype=t) for n in (1, 30_001, LARGE, 40_000) for t in ("i8", "f4")]
    arrays += [np.empty(0), np.arange(90_000)]
    with joblib.parallel_config(backend, n_jobs=2), Executor(2, "2*n_jobs") as executor:
        task = executor.submit(describe_all, executor.broadcast(arrays))
        assert executor.next_done() is task
    expected = [(array.sum(), array.dtype, True) for array in arrays]
    expected[-2] = (0.0, np.dtype(float), task.result()[-2][2])  # nothing to map
    assert task.result() == expected


def centred(broadcast):
    arrays = broadcast.content
    for array in arrays:
        array -= array.mean()
    return sum(array.sum() for array in arrays)


@pytest.mark.parametrize("backend", ["loky", "multiprocessing"])
def test_small_arrays_that_are_large_together_may_be_written_by_a_worker(backend):
    arrays = [np.full(LARGE // 100, float(n)) for n in range(200)]
    assert sum(array.nbytes for array in arrays) > 2**20 > arrays[0].nbytes
    with joblib.parallel_config(backend, n_jobs=2), Executor(2, "2*n_jobs") as executor:
        task = executor.submit(centred, executor.broadcast(arrays))
        assert executor.next_done() is task
    assert task.result() == 0.0
    assert all((array == n).all() for n, array in enumerate(arrays))


def test_a_broadcast_crosses_to_threads_by_reference(tmp_path):
    with joblib.parallel_config("threading"), Executor(2, "2*n_jobs") as executor:
        broadcast = executor.broadcast(Payload(tmp_path / "log"))
        task = executor.submit(lambda received: received.content, broadcast)
        executor.next_done()
        assert task.result() is broadcast.content
    assert unpickled_by(tmp_path / "log") == []


@pytest.mark.parametrize("backend", ["loky", "multiprocessing"])
def test_large_arrays_are_mapped_also_inside_a_frame(backend):
    array = np.arange(LARGE, dtype=float)
    frame = pd.DataFrame({"number": array + 1, "text": "abc"})
    with joblib.parallel_config(backend), Executor(2, "2*n_jobs") as executor:
        task = executor.submit(describe, executor.broadcast((array, frame)))
        executor.next_done()
        of_array, of_column = task.result()
    assert of_array == (array.sum(), True, False)  # mapped memory is read-only
    assert of_column == (array.sum() + LARGE, True, "abc")


def files_and_sums(broadcast):
    return [(getattr(part, "filename", None), part.sum()) for part in broadcast.content]


@pytest.mark.parametrize("backend", ["loky", "multiprocessing"])
def test_what_is_mapped_from_a_file_is_mapped_from_there(backend, tmp_path):
    path = str(tmp_path / "X.npy")
    np.save(path, np.arange(2.0 * LARGE).reshape(-1, 4))
    X = np.load(path, mmap_mode="r+")
    X[0, 0] = 0.5
    # A part of the columns is no block of the file; of other views nobody knows where they begin.
    other = np.lib.stride_tricks.as_strided(X[7:], (3, 4), X.strides, subok=True)
    parts = [X, X[7:], X.T, X[:, 1:3], X[5:5], other]
    with joblib.parallel_config(backend), Executor(2, "2*n_jobs") as executor:
        task = executor.submit(files_and_sums, executor.broadcast(parts))
        executor.next_done()
        files, sums = zip(*task.result(), strict=True)
    assert sums == tuple(part.sum() for part in parts)
    assert files[:3] == (path,) * 3
    assert files[3] != path


def test_what_was_changed_in_memory_alone_is_copied(tmp_path):
    X = np.memmap(tmp_path / "X", dtype=float, mode="w+", shape=(LARGE,))
    changed = np.memmap(tmp_path / "X", dtype=float, mode="c", shape=(LARGE,))
    changed[3] = 5.0
    with joblib.parallel_config("loky"), Executor(2, "2*n_jobs") as executor:
        task = executor.submit(files_and_sums, executor.broadcast([changed, X]))
        executor.next_done()
        assert [total for _, total in task.result()] == [5.0, 0.0]


def wait_for_workers(executor, n):
    started = set()
    while len(started) < n:
        tasks = [executor.submit(pid_of, None, 0.2) for _ in range(n)]
        drain(executor, tasks)
        started |= {task.result() for task in tasks}


@pytest.mark.parametrize("pause", [0.0, 0.1])
def test_calls_that_hang_together_are_given_up_together(pause):
    n_stops = 0

    def stop(hanging):
        nonlocal n_stops
        n_stops += 1
        free(hanging)

    with joblib.parallel_config("loky"), Executor(3, "all", timeout=1.5) as executor:
        wait_for_workers(executor, 3)
        free, executor._workers.stop = executor._workers.stop, stop
        tasks = []
        for seconds in (60, 60, 60, 0):
            tasks.append(executor.submit(time.sleep, seconds))
            executor.launch()
            time.sleep(pause)
        start = time.monotonic()
        assert drain(executor, tasks) == set(map(id, tasks))
        assert time.monotonic() - start < 20
    for task in tasks[:3]:
        with pytest.raises(TaskLostError, match=r"more than fit_timeout=1\.5 seconds"):
            task.result()
    assert tasks[3].result() is None
    assert n_stops == 1


def note_and_sleep(path, seconds):
    with open(path, "a") as file:
        file.write("begun\n")
    time.sleep(seconds)


def test_what_has_run_for_long_may_end_before_the_processes_are_replaced(tmp_path):
    log = tmp_path / "log"
    with joblib.parallel_config("loky"), Executor(2, "2*n_jobs", timeout=4.0) as executor:
        wait_for_workers(executor, 2)
        hanging = executor.submit(time.sleep, 60)
        executor.launch()
        time.sleep(1.0)
        late = executor.submit(note_and_sleep, str(log), 3.5)
        assert executor.next_done() is hanging
        assert executor.next_done() is late
        assert late.result() is None
        following = executor.submit(square, 3)
        executor.next_done()
        assert following.result()[1] == 9
    assert log.read_text().split() == ["begun"]


def test_a_thread_that_was_given_up_leaves_the_warning_filters_alone():
    may_end = threading.Event()
    with joblib.parallel_config("threading"), warnings.catch_warnings():
        warnings.simplefilter("ignore")
        with Executor(2, "2*n_jobs", timeout=0.2) as executor:
            task = executor.submit(may_end.wait)
            executor.next_done()
            with pytest.raises(TaskLostError):
                task.result()
    before = list(warnings.filters)
    n_threads = threading.active_count()
    may_end.set()
    wait_for(lambda: threading.active_count() < n_threads, seconds=20)
    assert warnings.filters == before


def test_a_worker_that_cannot_note_what_it_begins_runs_it():
    with joblib.parallel_config("loky"), Executor(2, "2*n_jobs", timeout=50.0) as executor:
        executor._workers.folder.cleanup()
        task = executor.submit(square, 3)
        executor.next_done()
        assert task.result()[1] == 9


def file_and_process(broadcast):
    array = broadcast.content
    while not isinstance(array, np.memmap):
        array = array.obj if isinstance(array, memoryview) else array.base
    return array.filename, os.getpid()


def mapped_file_and_worker():
    """Map an array for the workers of an executor, which ends."""
    with joblib.parallel_config("loky"), Executor(2, "2*n_jobs") as executor:
        task = executor.submit(file_and_process, executor.broadcast(np.arange(LARGE, dtype=float)))
        executor.next_done()
        path, worker = task.result()
        assert os.path.exists(path)
    return path, worker


def test_mapped_files_go_with_the_executor_though_its_workers_live_on():
    path, worker = mapped_file_and_worker()
    wait_for(lambda: not os.path.exists(path), seconds=20)
    assert is_alive(worker)


def test_a_broadcast_survives_plain_pickling():
    content = {"a": np.arange(5), "b": [None, "text"], "f": lambda x: x + 1}
    received = pickle.loads(pickle.dumps(Broadcast(content))).content
    np.testing.assert_array_equal(received["a"], content["a"])
    assert received["b"] == content["b"]
    assert received["f"](1) == 2


def test_a_process_keeps_a_broadcast_while_its_lease_runs(tmp_path):
    log, lease = tmp_path / "log", tmp_path / "lease"
    lease.touch()
    parcel = pickle.dumps(Broadcast(Payload(log), str(lease)))
    for _ in range(3):
        pickle.loads(parcel)
    assert len(unpickled_by(log)) == 1
    kept = weakref.ref(pickle.loads(parcel))
    lease.unlink()
    give_up = time.monotonic() + 20
    while kept() is not None and time.monotonic() < give_up:
        time.sleep(0.01)
    assert kept() is None


def test_without_a_lease_a_process_keeps_the_latest_broadcasts_until_told_to_forget(tmp_path):
    log = tmp_path / "log"
    forget()
    parcels = [pickle.dumps(Broadcast(Payload(log))) for _ in range(3)]
    for parcel in (*parcels, *parcels[1:], parcels[0]):
        pickle.loads(parcel)
    assert len(unpickled_by(log)) == 4  # the first had gone
    kept = weakref.ref(pickle.loads(parcels[0]))
    assert kept() is not None
    forget()
    assert kept() is None


def test_a_broadcast_that_is_passed_on_is_known_where_it_was_before(tmp_path):
    log = tmp_path / "log"
    received = pickle.loads(pickle.dumps(Broadcast(Payload(log))))
    assert pickle.loads(pickle.dumps(received)) is received
    assert len(unpickled_by(log)) == 1
    forget()


class SilentBackend(ThreadingBackend):
    """Does not tell when a single task ends."""

    supports_retrieve_callback = False


def test_a_backend_that_reports_no_single_task_runs_rounds():
    joblib.register_parallel_backend("silent", SilentBackend)
    with joblib.parallel_config("silent"), Executor(2, "2*n_jobs") as executor:
        for _ in range(2):
            tasks = [executor.submit(square, x) for x in range(4)]
            tasks.append(executor.submit(fail, "lost"))
            assert not executor.any_done()
            assert drain(executor, tasks) == {id(task) for task in tasks}
            assert [task.result()[1] for task in tasks[:4]] == [0, 1, 4, 9]
            with pytest.raises(KeyError, match="lost"):
                tasks[4].result()
            executor.launch()


def test_a_search_runs_in_rounds():
    joblib.register_parallel_backend("silent", SilentBackend)
    X, y = make_classification(random_state=0)
    search = BayesSearchCV(LogisticRegression(), {"C": (1e-3, 1e3)}, n_iter=12, random_state=0)
    with joblib.parallel_config("silent", n_jobs=4):
        search.fit(X, y)
    assert [trial.state for trial in search.trials_] == ["complete"] * 12
    best = LogisticRegression(**search.best_params_)
    assert search.best_score_ == cross_val_score(best, X, y, cv=5).mean()


def test_a_timeout_that_rounds_cannot_keep_is_no_silent_wish():
    joblib.register_parallel_backend("silent", SilentBackend)
    with joblib.parallel_config("silent"):
        with pytest.warns(RuntimeWarning, match="SilentBackend does not tell .* of 0.5 seconds"):
            Executor(2, "2*n_jobs", timeout=0.5).__enter__().__exit__(None, None, None)
        with Executor(1, "2*n_jobs", timeout=0.1) as executor:
            executor.submit(time.sleep, 5)
            with pytest.raises(TaskLostError):
                executor.next_done().result()


@pytest.mark.parametrize("backend", BACKENDS)
def test_what_workers_start_does_not_oversubscribe(backend):
    with joblib.parallel_config(backend), Executor(2, "2*n_jobs") as executor:
        task = executor.submit(joblib.effective_n_jobs, None)
        executor.next_done()
        assert task.result() == 1


def test_what_cannot_be_pickled_is_refused_before_it_is_sent():
    refused = pytest.raises(TypeError, match="pickle")
    with joblib.parallel_config("loky"), Executor(2, "2*n_jobs") as executor, refused:
        executor.broadcast(threading.Lock())
    with joblib.parallel_config("threading"), Executor(2, "2*n_jobs") as executor:
        assert executor.broadcast(threading.Lock()).content
