"""Workers that die, fits that hang, errors that cannot be pickled: the search outlives them."""

import multiprocessing
import os
import signal
import subprocess
import sys
import threading
import time
from concurrent.futures import ThreadPoolExecutor

import joblib
import numpy as np
import pytest
from processes import die
from sklearn.base import BaseEstimator, ClassifierMixin
from sklearn.model_selection import GridSearchCV

from sklearn_bo import BayesSearchCV, TargetScore
from sklearn_bo._joblib import Executor
from sklearn_bo._workers import _Threads
from sklearn_bo.exceptions import NoWorkerLeftError, TaskLostError
from sklearn_bo.tasks import Attempt

X = np.arange(40.0).reshape(-1, 1)
Y = np.arange(40) % 2
DIED = pytest.mark.filterwarnings("ignore:A worker process died:RuntimeWarning")
FAILED = pytest.mark.filterwarnings(
    "ignore::sklearn.exceptions.FitFailedWarning",
    "ignore:One or more of the test scores are non-finite",
    "ignore:Scoring failed",
)


class Bad(ClassifierMixin, BaseEstimator):
    """Scores by a; with a = 0.25 a fold without the first sample goes wrong."""

    def __init__(self, a=0.5, wrong=None, log=None):
        self.a = a
        self.wrong = wrong
        self.log = log

    def fit(self, X, y):
        self.classes_ = np.unique(y)
        with open(self.log, "a") as file:
            file.write(f"{self.a} {X.sum()} {os.getpid()}\n")
        time.sleep(0.02)
        if self.a == 0.25 and X[0, 0] != 0:
            self.wrong()
        return self

    def score(self, X, y):
        return self.a


class Unpicklable(Exception):
    def __init__(self, one, two):
        super().__init__(f"{one} and {two}")
        self.lock = __import__("threading").Lock()


def hang():
    time.sleep(5)


def raise_unpicklable():
    raise Unpicklable("this", "that")


def search(tmp_path, wrong, **options):
    return BayesSearchCV(
        Bad(wrong=wrong, log=str(tmp_path / "log")),
        {"a": (0.0, 1.0)},
        n_iter=6,
        cv=4,
        initial_candidates=[{"a": 0.75}, {"a": 0.25}],
        random_state=0,
        **options,
    )


def scores(search, candidate):
    return [search.cv_results_[f"split{k}_test_score"][candidate] for k in range(4)]


def n_fits(tmp_path, a):
    return sum(line.startswith(f"{a} ") for line in (tmp_path / "log").read_text().splitlines())


@FAILED
@pytest.mark.parametrize("backend", ["loky", "multiprocessing"])
def test_a_killed_worker_costs_its_own_fold_after_a_second_try(tmp_path, backend):
    searching = search(tmp_path, die, error_score=-1)
    with joblib.parallel_config(backend, n_jobs=2), pytest.warns(RuntimeWarning, match="died"):
        searching.fit(X, Y)
    assert scores(searching, 1) == [-1, 0.25, 0.25, 0.25]
    assert scores(searching, 0) == [0.75] * 4
    others = [scores(searching, i) for i in range(2, 6)]
    assert np.isfinite(others).all()
    assert {trial.state for trial in searching.trials_} == {"complete"}
    sums = [x.split()[1] for x in (tmp_path / "log").read_text().splitlines() if x[:5] == "0.25 "]
    fatal = str(X[10:].sum())
    assert sums.count(fatal) == 2


@FAILED
@DIED
def test_the_report_of_failed_fits_says_that_the_worker_died(tmp_path):
    from sklearn.exceptions import FitFailedWarning

    searching = search(tmp_path, die)
    with (
        joblib.parallel_config("multiprocessing", n_jobs=2),
        pytest.warns(FitFailedWarning, match="TaskLost"),
    ):
        searching.fit(X, Y)
    assert np.isnan(scores(searching, 1)[0])


@DIED
def test_with_error_score_raise_a_killed_worker_ends_the_search(tmp_path):
    searching = search(tmp_path, die, error_score="raise")
    with (
        joblib.parallel_config("multiprocessing", n_jobs=2),
        pytest.raises(TaskLostError, match="Each worker that ran it died"),
    ):
        searching.fit(X, Y)


def die_once(path):
    if not path.exists():
        path.touch()
        die()
    return "survived"


def slow_square(x):
    time.sleep(0.05)
    return x * x


@DIED
@pytest.mark.parametrize("backend", ["loky", "multiprocessing"])
def test_a_call_whose_worker_died_by_chance_gets_its_result(tmp_path, backend):
    with joblib.parallel_config(backend), Executor(2, "2*n_jobs") as executor:
        tasks = [executor.submit(slow_square, x) for x in (2, 3)]
        tasks.append(executor.submit(die_once, tmp_path / "flag"))
        tasks += [executor.submit(slow_square, x) for x in (4, 5)]
        assert {executor.next_done() for _ in tasks} == set(tasks)
        assert [task.result() for task in tasks] == [4, 9, "survived", 16, 25]


@DIED
def test_calls_that_ran_beside_two_killers_are_not_blamed():
    with joblib.parallel_config("loky"), Executor(3, "all") as executor:
        calls = [(die, ()), (slow_square, (2,)), (die, ()), (slow_square, (3,))]
        tasks = [executor.submit(function, *args) for function, args in calls]
        for _ in tasks:
            executor.next_done()
        assert [tasks[i].result() for i in (1, 3)] == [4, 9]
        for i in (0, 2):
            with pytest.raises(TaskLostError):
                tasks[i].result()


@pytest.mark.parametrize("backend", ["loky", "multiprocessing"])
def test_an_error_that_cannot_be_pickled_is_reported_with_its_traceback(backend):
    with joblib.parallel_config(backend), Executor(2, "2*n_jobs") as executor:
        task = executor.submit(raise_unpicklable)
        executor.next_done()
        with pytest.raises(RuntimeError, match=r"in raise_unpicklable(.|\n)*this and that"):
            task.result()


def raise_local():
    class LocalError(Exception):
        pass

    raise LocalError("of a class that no module has")


@pytest.mark.parametrize("backend", ["loky", "multiprocessing"])
def test_an_error_of_a_class_within_a_function_keeps_its_type(backend):
    with joblib.parallel_config(backend), Executor(2, "2*n_jobs") as executor:
        task = executor.submit(raise_local)
        executor.next_done()
        with pytest.raises(Exception, match="of a class that no module has") as caught:
            task.result()
    assert type(caught.value).__name__ == "LocalError"


def test_an_executor_that_cannot_begin_leaves_no_process():
    before = set(multiprocessing.active_children())
    with joblib.parallel_config("multiprocessing"), pytest.raises(ValueError, match="pre_dispatch"):
        Executor(2, "0").__enter__()
    assert set(multiprocessing.active_children()) <= before


@pytest.fixture
def signed():
    """Yield the workers of `multiprocessing`, and an attempt of a process beside their pool."""
    idle = [sys.executable, "-c", "input()"]
    with (
        joblib.parallel_config("multiprocessing"),
        Executor(2, "2*n_jobs") as executor,
        subprocess.Popen(idle, stdin=subprocess.PIPE) as process,
    ):
        attempt = Attempt([])
        executor._workers.begin(attempt)
        attempt.path.write_text(str(process.pid))
        yield executor._workers, attempt, process
        process.kill()


def test_a_process_that_has_ended_its_call_is_not_killed(signed):
    workers, attempt, process = signed
    workers.end(attempt)()
    workers.stop([attempt])
    with pytest.raises(subprocess.TimeoutExpired):
        process.wait(0.5)


def test_a_signature_that_could_not_be_written_has_nothing_killed(signed, monkeypatch):
    workers, attempt, _ = signed
    attempt.path.write_text("")  # as where the disk is full
    killed = []
    monkeypatch.setattr(os, "kill", lambda *args: killed.append(args))
    workers.stop([attempt])
    monkeypatch.undo()
    assert not killed


def test_a_process_that_is_to_be_killed_does_nothing_more(signed):
    workers, attempt, process = signed
    workers.stop([attempt])
    assert process.wait(10) == -signal.SIGKILL
    end = threading.Thread(target=workers.end(attempt), daemon=True)
    end.start()
    end.join(0.3)
    assert end.is_alive()


def test_a_process_is_dead_once_it_does_not_exist_though_the_pool_may_not_list_it_yet(signed):
    workers, attempt, process = signed
    assert workers.dead({attempt: None}) == []
    process.kill()
    process.wait()
    assert workers.dead({attempt: None}) == [attempt]


def test_an_error_from_another_process_keeps_its_type_and_traceback():
    with joblib.parallel_config("loky"), Executor(2, "2*n_jobs") as executor:
        task = executor.submit(divmod, 1, 0)
        executor.next_done()
        with pytest.raises(ZeroDivisionError) as caught:
            task.result()
    assert "in run_task" in caught.value.__notes__[0]


@FAILED
@pytest.mark.parametrize(
    ("backend", "n_jobs"), [("loky", 2), ("multiprocessing", 2), ("threading", 2), ("threading", 1)]
)
def test_a_fit_that_hangs_is_given_up(tmp_path, backend, n_jobs):
    searching = search(tmp_path, hang, fit_timeout=1.5)
    start = time.monotonic()
    with joblib.parallel_config(backend, n_jobs=n_jobs):
        searching.fit(X, Y)
    if backend != "loky":  # starts processes anew
        assert time.monotonic() - start < 4.5
    np.testing.assert_array_equal(scores(searching, 1), [np.nan, 0.25, 0.25, 0.25])
    assert np.isfinite([scores(searching, i) for i in (0, 2, 3, 4, 5)]).all()
    assert n_fits(tmp_path, 0.25) in (4, 5)  # a fold beside it may have begun anew


class Slow(Bad):
    def fit(self, X, y):
        time.sleep(0.3)
        return super().fit(X, y)


@pytest.mark.parametrize("other", ["ours", "of scikit-learn"])
def test_a_search_that_ends_early_leaves_the_pool_to_those_of_other_threads(tmp_path, other):
    slow = Slow(log=str(tmp_path / "log"))
    early = BayesSearchCV(
        slow, {"a": (0.0, 1.0)}, n_jobs=2, cv=2, refit=False, stopping=TargetScore(0.0)
    )
    searching = {
        "ours": BayesSearchCV(slow, {"a": (0.0, 1.0)}, n_iter=10, cv=2, n_jobs=2),
        "of scikit-learn": GridSearchCV(slow, {"a": np.linspace(0, 1, 10)}, cv=2, n_jobs=2),
    }[other]
    with ThreadPoolExecutor(1) as thread:
        fitting = thread.submit(searching.fit, X, Y)
        time.sleep(0.2)
        early.fit(X, Y)
        assert early.stop_reason_.startswith("TargetScore")
        assert not fitting.done()
        assert len(fitting.result(60).cv_results_["params"]) == 10


@FAILED
def test_a_search_outlives_the_end_of_the_pool_by_another_thread(tmp_path):
    hanging = search(tmp_path, hang, fit_timeout=1.5, n_jobs=2)
    searching = BayesSearchCV(
        Slow(log=str(tmp_path / "other")), {"a": (0.0, 1.0)}, n_iter=12, cv=2, n_jobs=2
    )
    with ThreadPoolExecutor(1) as thread:
        fitting = thread.submit(searching.fit, X, Y)
        hanging.fit(X, Y)
        assert {trial.state for trial in fitting.result(60).trials_} == {"complete"}
    np.testing.assert_array_equal(scores(hanging, 1), [np.nan, 0.25, 0.25, 0.25])


def test_a_pool_that_ends_as_a_call_is_handed_over_is_replaced():
    with joblib.parallel_config("loky"), Executor(2, "2*n_jobs") as executor:
        executor._backend._workers.shutdown(kill_workers=True)
        task = executor.submit(slow_square, 3)
        assert executor.next_done().result() == 9 == task.result()


RELEASED = threading.Event()


class Stuck(Bad):
    """Hangs unless a = 0.75."""

    def fit(self, X, y):
        if self.a != 0.75:
            RELEASED.wait(20)
        return super().fit(X, y)


@FAILED
@pytest.mark.parametrize("first", [0.75, 0.25])
def test_when_every_worker_hangs_what_has_ended_is_kept(tmp_path, monkeypatch, first):
    monkeypatch.setattr(_Threads, "can_stop", False)  # as on Dask
    searching = search(tmp_path, None, fit_timeout=0.5).set_params(
        estimator=Stuck(log=str(tmp_path / "log")), initial_candidates=[{"a": first}]
    )
    try:
        with joblib.parallel_config("threading", n_jobs=2):
            if first == 0.25:
                with pytest.raises(NoWorkerLeftError, match=r"Every worker .* Restart the workers"):
                    searching.fit(X, Y)
                return
            with pytest.warns(RuntimeWarning, match="ends early, for no worker is left"):
                searching.fit(X, Y)
    finally:
        RELEASED.set()
        RELEASED.clear()
    assert searching.stop_reason_.startswith("no worker is left: Every worker")
    assert scores(searching, 0) == [0.75] * 4
    assert searching.best_params_ == {"a": 0.75}


@pytest.mark.parametrize("fit_timeout", [0, -1.0, "1"])
def test_a_time_limit_that_is_none_is_refused(fit_timeout):
    with pytest.raises(ValueError, match="fit_timeout"):
        BayesSearchCV(Bad(), {"a": (0.0, 1.0)}, fit_timeout=fit_timeout).fit(X, Y)
