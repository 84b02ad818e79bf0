"""When candidates are proposed, what is known by then, and that timing does not matter with a lag.

Virtual workers stand for real ones, so schedules are the same each run.
"""

import os
import pickle
import threading
import time

import joblib
import numpy as np
import pandas as pd
import pytest
import sklearn
from hypothesis import given, settings
from hypothesis import strategies as st
from processes import Payload
from sklearn.base import BaseEstimator, ClassifierMixin
from sklearn.datasets import make_classification
from sklearn.linear_model import LogisticRegression
from sklearn.model_selection import ShuffleSplit
from sklearn.utils.fixes import parse_version
from timeless import without_times
from virtual import N_CANDIDATES, FakeCrossValidation, VirtualExecutor

from sklearn_bo import BayesSearchCV, Optimizer, evaluation
from sklearn_bo._sklearn import FoldCallbacks, init_callback_context
from sklearn_bo.ending import Ending

X, y = make_classification(n_samples=60, n_features=5, random_state=0)
SPACE = {"C": (1e-3, 1e3, "log-uniform")}
HAS_CALLBACKS = parse_version(sklearn.__version__) >= parse_version("1.9")
needs_callbacks = pytest.mark.skipif(not HAS_CALLBACKS, reason="scikit-learn 1.9 has callbacks")


class RecordingOptimizer(Optimizer):
    """Notes when it is asked and told, and takes its time to propose."""

    def __init__(self, events, n_initial_points, executor, seconds):
        super().__init__({"x": (0.0, 1.0)}, random_state=0, n_initial_points=n_initial_points)
        self.events = events
        self.executor = executor
        self.seconds = seconds

    def ask(self):
        trial = super().ask()
        self.events.append(("ask", trial.number))
        if self.executor.any_done() and len(self.executor.running) == self.executor.n_workers:
            self.events.append(("ignored", trial.number))
        self.executor.now += self.seconds
        return trial

    def tell(self, trial, score):
        self.events.append(("tell", trial.number))
        return super().tell(trial, score)


def run(
    monkeypatch,
    durations=(1.0,),
    *,
    n_workers=2,
    n_splits=3,
    queue_length=0,
    lag=None,
    design=99,
    asking=0.0,
    n_candidates=N_CANDIDATES,
    ending=None,
):
    """Evaluate on virtual workers; return the trials and what happened."""
    events = []
    executor = VirtualExecutor(n_workers, queue_length, durations, events)
    optimizer = RecordingOptimizer(events, design, executor, asking)
    with monkeypatch.context() as patch:
        patch.setattr(
            evaluation,
            "Executor",
            lambda n_jobs, pre_dispatch, timeout: executor,
        )
        patch.setattr(evaluation, "perf_counter", lambda: executor.now)
        ended = list(
            evaluation.evaluate_trials(
                optimizer,
                FakeCrossValidation(n_splits, n_candidates),
                lambda folds: float(np.mean([fold["score"] for fold in folds])),
                lag=lag,
                search_context=init_callback_context(BaseEstimator(), max_subtasks=1),
                ending=ending,
            )
        )
    return optimizer.trials, ended, events


schedules = {
    "durations": st.lists(st.floats(0.01, 100.0), min_size=1, max_size=9),
    "n_workers": st.integers(1, 5),
    "n_splits": st.integers(1, 4),
    "queue_length": st.integers(0, 30),
}


@settings(max_examples=20, deadline=None)
@given(**schedules)
def test_every_fold_of_every_candidate_runs_once_and_is_told_once(**schedule):
    trials, ended, events = run(pytest.MonkeyPatch(), **schedule)
    folds = [event[1:] for event in events if event[0] == "submit"]
    n_splits = schedule["n_splits"]
    assert folds == [(i, k) for i in range(N_CANDIDATES) for k in range(n_splits)]
    assert sorted(event[1] for event in events if event[0] == "tell") == [*range(N_CANDIDATES)]
    assert sorted(trial.number for trial, _ in ended) == [*range(N_CANDIDATES)]
    assert all(len(folds) == n_splits for _, folds in ended)
    assert all(trial.state == "complete" for trial in trials)


@settings(max_examples=20, deadline=None)
@given(**schedules)
def test_a_candidate_is_asked_when_a_worker_is_free_and_no_fold_waits(**schedule):
    _, _, events = run(pytest.MonkeyPatch(), **schedule)
    counts = {"ask": 0, "submit": 0, "done": 0, "wait": 0, "tell": 0}
    for kind, *_ in events:
        if kind == "ask":
            assert counts["submit"] == counts["ask"] * schedule["n_splits"]
            assert counts["submit"] - counts["done"] < schedule["n_workers"]
        counts[kind] += 1


@settings(max_examples=20, deadline=None)
@given(**schedules)
def test_a_proposal_knows_every_candidate_that_has_ended(**schedule):
    _, _, events = run(pytest.MonkeyPatch(), **schedule)
    n_done, told = {}, set()
    for kind, *which in events:
        if kind == "done":
            n_done[which[0]] = n_done.get(which[0], 0) + 1
        elif kind == "tell":
            told.add(which[0])
        elif kind == "ask":
            assert told == {i for i, n in n_done.items() if n == schedule["n_splits"]}


@settings(max_examples=20, deadline=None)
@given(lag=st.integers(1, 15), asking=st.floats(0.1, 10.0), **schedules)
def test_no_proposal_is_made_ahead_of_need_while_a_result_is_at_hand(lag, asking, **schedule):
    patch = pytest.MonkeyPatch()
    with patch.context() as no_reserve:
        no_reserve.setattr(evaluation._Pace, "reserve", lambda *_: 0)
        _, _, events = run(patch, lag=lag, asking=asking, **schedule)
    assert "ignored" not in {event[0] for event in events}


@settings(max_examples=20, deadline=None)
@given(**schedules)
def test_no_worker_idles_while_candidates_remain(**schedule):
    _, _, events = run(pytest.MonkeyPatch(), **schedule)
    n_asked = 0
    for kind, *which in events:
        n_asked += kind == "ask"
        if kind == "wait" and n_asked < N_CANDIDATES:
            assert which[0] == schedule["n_workers"]


@settings(max_examples=20, deadline=None)
@given(lag=st.integers(1, 15), **schedules)
def test_with_a_lag_proposal_i_knows_exactly_the_trials_up_to_i_minus_lag(lag, **schedule):
    trials, _, events = run(pytest.MonkeyPatch(), lag=lag, **schedule)
    told = []
    for kind, *which in events:
        if kind == "tell":
            told.append(which[0])
        elif kind == "ask":
            assert told == [*range(which[0] - lag + 1)]
    assert told == [*range(N_CANDIDATES)]
    assert all(trial.state == "complete" for trial in trials)


@settings(max_examples=20, deadline=None)
@given(lag=st.integers(1, 15), **schedules)
def test_with_a_lag_what_a_proposal_knows_is_all_that_it_waits_for(lag, **schedule):
    _, _, events = run(pytest.MonkeyPatch(), lag=lag, **schedule)
    n_asked = n_told = 0
    for kind, *_ in events:
        n_asked += kind == "ask"
        n_told += kind == "tell"
        if kind == "wait" and n_asked < N_CANDIDATES:
            assert n_told <= n_asked - lag


@pytest.mark.parametrize("lag", [1, 3])
def test_with_a_lag_candidates_do_not_depend_on_timing_or_workers(monkeypatch, lag):
    rng = np.random.RandomState(0)
    settings_ = []
    for n_workers in (1, 2, 5):
        trials, *_ = run(
            monkeypatch,
            rng.lognormal(size=8),
            n_workers=n_workers,
            queue_length=7,
            lag=lag,
            design=4,
        )
        settings_.append([(trial.params["x"], trial.score, trial.origin) for trial in trials])
    assert settings_[0] == settings_[1] == settings_[2]
    assert "model" in {origin for *_, origin in settings_[0]}


def test_with_a_lag_rules_see_every_trial_in_its_turn(monkeypatch):
    seen = []
    ending = Ending([lambda state: bool(seen.append(state.finished[-1].number))])
    run(monkeypatch, [9.0, 1.0, 2.0], n_workers=3, lag=3, ending=ending)
    assert seen == [*range(N_CANDIDATES)]


def test_with_a_lag_nothing_is_told_after_a_rule_has_ended_the_search(monkeypatch):
    durations = [9.0, 1.0, 1.0, 1.0]  # all others have ended before the first
    options = {"n_workers": 4, "n_splits": 1, "lag": 4, "n_candidates": 4}
    trials, *_ = run(monkeypatch, durations, **options, ending=Ending([lambda state: True]))
    assert [trial.state for trial in trials] == ["complete"] + 3 * ["pending"]


def test_without_a_lag_a_slow_fold_holds_up_no_other_candidate(monkeypatch):
    durations = [1e6] + [1.0] * 99  # the first fold of the first candidate
    _, ended, _ = run(monkeypatch, durations, n_workers=2, n_splits=3)
    assert ended[-1][0].number == 0
    assert [trial.number for trial, _ in ended[:3]] == [1, 2, 3]


@pytest.mark.parametrize("n_splits", [1, 4, 7])
def test_however_slow_proposals_are_at_most_one_fold_a_worker_is_kept_in_reserve(
    monkeypatch, n_splits
):
    _, _, events = run(monkeypatch, [0.1], n_splits=n_splits, asking=100.0)
    n_folds = 0  # proposed and not ended
    for kind, *_ in events:
        if kind == "ask":
            assert n_folds < 2 * 2
        n_folds += n_splits * (kind == "ask") - (kind == "done")


def test_on_one_worker_each_proposal_knows_all_results(monkeypatch):
    _, _, events = run(monkeypatch, n_workers=1)
    order = [event[:2] for event in events if event[0] in ("ask", "tell")]
    assert order == [(kind, i) for i in range(N_CANDIDATES) for kind in ("ask", "tell")]


# -- on real workers


class Jittered(LogisticRegression):
    """Its fits take random times."""

    def fit(self, X, y, sample_weight=None):
        time.sleep(np.random.default_rng().exponential(0.004))
        return super().fit(X, y, sample_weight)


@pytest.fixture(scope="module")
def lagged():
    search = BayesSearchCV(Jittered(), SPACE, n_iter=9, cv=2, lag=2, random_state=0)
    return search, without_times(search.fit(X, y))


@pytest.mark.parametrize("backend", ["loky", "threading", "multiprocessing"])
def test_with_a_lag_every_backend_gives_the_results_of_one_process(lagged, backend):
    search, expected = lagged
    with joblib.parallel_config(backend, n_jobs=2):
        assert without_times(search.fit(X, y)) == expected
    origins = [trial.origin for trial in search.trials_]
    assert origins.count("model") >= 5


class SlowAtFirst(Jittered):
    def fit(self, X, y, sample_weight=None):
        time.sleep(0.2 if self.C == 1.0 else 0.0)
        return super().fit(X, y, sample_weight)

    def score(self, X, y):
        return self.C


def test_results_are_in_the_order_of_proposal_not_of_ending():
    search = BayesSearchCV(SlowAtFirst(), SPACE, n_iter=8, cv=2, random_state=0, refit=False)
    with joblib.parallel_config("threading", n_jobs=3):
        search.fit(X, y)
    assert search.cv_results_["param_C"][0] == 1.0
    for trial, params, score in zip(
        search.trials_,
        search.cv_results_["params"],
        search.cv_results_["mean_test_score"],
        strict=True,
    ):
        assert trial.params == params
        assert trial.score == score == params["C"]


class Recording(ClassifierMixin, BaseEstimator):
    """Scores by a, and notes where and on what it is fitted."""

    def __init__(self, a=0.5, log=None):
        self.a = a
        self.log = log

    def fit(self, X, y):
        self.classes_ = np.unique(y)
        with open(self.log, "a") as file:
            thread = threading.current_thread() is threading.main_thread()
            file.write(f"{os.getpid()} {int(thread)} {float(np.asarray(y) @ range(len(y)))}\n")
        return self

    def score(self, X, y):
        return self.a


@pytest.mark.parametrize(
    ("backend", "n_jobs", "in_this_process", "in_main_thread"),
    [
        ("loky", 2, False, None),
        ("multiprocessing", 2, False, True),
        ("threading", 2, True, False),
        ("threading", 1, True, True),
    ],
)
def test_parallel_config_chooses_backend_and_workers(
    tmp_path, backend, n_jobs, in_this_process, in_main_thread
):
    log = tmp_path / "log"
    search = BayesSearchCV(
        Recording(log=str(log)), {"a": (0.0, 1.0)}, n_iter=4, cv=2, refit=False, random_state=0
    )
    with joblib.parallel_config(backend, n_jobs=n_jobs):
        search.fit(X, y)
    pids, main, _ = zip(*(line.split() for line in log.read_text().splitlines()), strict=True)
    assert len(pids) == 8
    assert (set(pids) == {str(os.getpid())}) == in_this_process
    if in_main_thread is not None:
        assert set(main) == {str(int(in_main_thread))}


def test_unseeded_shuffled_splits_are_drawn_once(tmp_path):
    log = tmp_path / "log"
    BayesSearchCV(
        Recording(log=str(log)),
        {"a": (0.0, 1.0)},
        n_iter=5,
        cv=ShuffleSplit(3, test_size=0.5),
        refit=False,
    ).fit(X, np.random.RandomState(0).normal(size=len(X)))  # sums tell samples apart
    folds = [line.split()[2] for line in log.read_text().splitlines()]
    assert folds == 5 * folds[:3]
    assert len(set(folds[:3])) == 3


def test_splits_given_as_a_generator_serve_every_candidate():
    splits = list(ShuffleSplit(2, random_state=0).split(X))
    search = BayesSearchCV(
        LogisticRegression(), {"C": (0.1, 1.0)}, n_iter=3, n_jobs=2, random_state=0
    )
    with joblib.parallel_config("threading"):
        search.set_params(cv=iter(splits)).fit(X, y)
    assert search.n_splits_ == 2
    assert np.isfinite(search.cv_results_["split1_test_score"]).all()


def test_the_data_cross_to_each_worker_process_once(tmp_path):
    log, fits = tmp_path / "unpicklings", tmp_path / "fits"
    frame = pd.DataFrame(X).astype(object)
    frame["payload"] = [Payload(log)] + [None] * (len(frame) - 1)
    search = BayesSearchCV(
        Recording(log=str(fits)), {"a": (0.0, 1.0)}, n_iter=6, cv=3, refit=False, random_state=0
    )
    with joblib.parallel_config("loky", n_jobs=2):
        search.fit(frame, y)
    unpicklings = log.read_text().split()
    workers = {line.split()[0] for line in fits.read_text().splitlines()}
    assert len(fits.read_text().splitlines()) == 18
    assert sorted(unpicklings) == sorted(workers)


@pytest.mark.parametrize("as_frame", [False, True])
def test_large_read_only_data_give_the_same_results_in_processes(as_frame):
    rng = np.random.RandomState(0)
    large = rng.normal(size=(6000, 25))
    target = (large[:, 0] > 0).astype(int)
    large.flags.writeable = False
    data = pd.DataFrame(large) if as_frame else large
    search = BayesSearchCV(
        LogisticRegression(max_iter=20), {"C": (0.1, 10.0)}, n_iter=2, cv=2, random_state=0, lag=1
    )
    expected = without_times(search.fit(data, target))
    with joblib.parallel_config("loky", n_jobs=2):
        assert without_times(search.fit(data, target)) == expected


# -- callbacks of scikit-learn 1.9


class Log:
    """A callback that writes each event to a file, from whichever process."""

    def __init__(self, path):
        self.path = str(path)

    def _write(self, event, context):
        with open(self.path, "a") as file:
            file.write(f"{event} {context.task_name} {context.task_id}\n")

    def setup(self, estimator, context):
        self._write("setup", context)

    def teardown(self, estimator, context):
        self._write("teardown", context)

    def on_fit_task_begin(self, estimator, context):
        self._write("begin", context)

    def on_fit_task_end(self, estimator, context):
        self._write("end", context)


@needs_callbacks
@pytest.mark.parametrize("n_jobs", [None, 2])
def test_callbacks_see_every_candidate_and_fold(tmp_path, n_jobs):
    search = BayesSearchCV(
        LogisticRegression(), SPACE, n_iter=5, cv=3, n_jobs=n_jobs, random_state=0
    ).set_callbacks(Log(tmp_path / "log"))
    with joblib.parallel_config("loky"):
        search.fit(X, y)
    events = (tmp_path / "log").read_text().splitlines()
    assert events[0].startswith("setup")
    assert events[-1].startswith("teardown")
    for kind in ("begin", "end"):
        folds = [e for e in events if e.startswith(f"{kind} candidate-split-evaluation")]
        assert sorted(int(e.split()[-1]) for e in folds) == [*range(15)]
        assert sum(e.startswith(f"{kind} refit-with-best-params") for e in events) == 1
        assert sum(e.startswith(f"{kind} search") for e in events) == 1


@needs_callbacks
def test_progress_bar_shows_the_search(capsys, monkeypatch):
    pytest.importorskip("rich")
    monkeypatch.setenv("COLUMNS", "200")
    from sklearn.callback import ProgressBar

    search = BayesSearchCV(LogisticRegression(), SPACE, n_iter=4, cv=2, n_jobs=2, random_state=0)
    with joblib.parallel_config("threading"):
        search.set_callbacks(ProgressBar()).fit(X, y)
    out = capsys.readouterr().out
    assert "BayesSearchCV" in out
    assert "100%" in out


@needs_callbacks
def test_a_folds_context_crosses_without_its_siblings(tmp_path):
    search = BayesSearchCV(LogisticRegression(), SPACE).set_callbacks(Log(tmp_path / "log"))
    root = init_callback_context(search, max_subtasks=2)
    in_search = root.subcontext(task_name="search", max_subtasks=300, sequential_subtasks=False)
    folds = [FoldCallbacks.of_fold(in_search, search.estimator, i) for i in range(200)]
    sizes = [len(pickle.dumps(folds[i])) for i in (0, 199)]
    assert abs(sizes[1] - sizes[0]) < 20
    received = pickle.loads(pickle.dumps(folds[77])).context
    assert [node.task_id for node in received.parent.parent] == [0, 0, 77]
    assert received.parent.parent.parent is None
    assert len(list(root)) == 202  # the original is whole


@needs_callbacks
def test_without_callbacks_no_context_crosses():
    search = BayesSearchCV(LogisticRegression(), SPACE)
    context = init_callback_context(search, max_subtasks=2)
    assert FoldCallbacks.of_fold(context, search.estimator, 0) is None
