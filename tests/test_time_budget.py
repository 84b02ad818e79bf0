"""A time budget, on virtual workers with a clock of their own: what begins and ends when."""

import json
import time
from datetime import timedelta

import joblib
import numpy as np
import pytest
from hypothesis import example, given, settings
from hypothesis import strategies as st
from sklearn.base import BaseEstimator, ClassifierMixin
from sklearn.exceptions import FitFailedWarning
from virtual import FakeCrossValidation, VirtualExecutor

from sklearn_bo import BayesSearchCV, Optimizer, evaluation
from sklearn_bo._sklearn import init_callback_context
from sklearn_bo.budget import TimeBudget
from sklearn_bo.ending import Ending
from sklearn_bo.exceptions import TimeIsUp

X, y = np.arange(40.0).reshape(-1, 1), np.arange(40) % 2


class TimedExecutor(VirtualExecutor):
    """Notes when each fold begins and ends, and lets the waiter give up."""

    def __init__(self, *args):
        super().__init__(*args)
        self.spans = {}  # fold -> when it begins and ends
        self.foreseen = {}  # fold -> its end by the slowest of the last 20 that had ended
        self.seen = []

    def submit(self, function, *args):
        task = super().submit(function, *args)
        begun = {(number, split): end for end, number, split, _ in self.running}
        end = begun[args[2:4]]  # never queued
        self.spans[args[2:4]] = (self.now, end)
        self.foreseen[args[2:4]] = self.now + max(self.seen[-20:], default=0.0)
        return task

    def next_done(self, seconds=None):
        if seconds is not None and min(end for end, *_ in self.running) > self.now + seconds:
            self.now += seconds
            raise TimeIsUp
        task = super().next_done()
        begin, end = self.spans[self.events[-1][1:]]
        self.seen.append(end - begin)
        return task


def run(seconds, durations, *, n_workers=2, n_splits=3, queue_length=0, lag=None, n_candidates=40):
    """Evaluate within a budget on virtual workers; return what ended, the executor and the end."""
    events = []
    executor = TimedExecutor(n_workers, queue_length, durations, events)
    ending = Ending(budget=TimeBudget(seconds, clock=lambda: executor.now))
    optimizer = Optimizer({"x": (0.0, 1.0)}, random_state=0, n_initial_points=99)
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(evaluation, "Executor", lambda *_: executor)
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
    return ended, executor, ending


schedules = {
    "seconds": st.floats(0.01, 300.0),
    "durations": st.lists(st.floats(0.01, 100.0), min_size=1, max_size=9),
    "n_workers": st.integers(1, 4),
    "n_splits": st.integers(1, 4),
    "queue_length": st.integers(0, 30),
    "lag": st.one_of(st.none(), st.integers(1, 5)),
}


@settings(max_examples=60, deadline=None)
@given(**schedules)
def test_no_fold_begins_that_would_end_past_the_budget_by_the_times_seen(seconds, **schedule):
    _, executor, _ = run(seconds, **schedule)
    assert len(executor.foreseen) > 0
    assert all(end <= seconds + 1e-6 for (i, _), end in executor.foreseen.items() if i > 0)


@settings(max_examples=60, deadline=None)
@given(**schedules)
def test_one_trial_is_finished_and_the_search_ends_with_it_or_with_the_budget(seconds, **schedule):
    ended, executor, ending = run(seconds, **schedule)
    assert len(ended) >= 1
    assert all(len(folds) == schedule["n_splits"] for _, folds in ended)
    ends = {}
    for (number, _), (_, end) in executor.spans.items():
        ends.setdefault(number, []).append(end)
    first = min(max(e) for e in ends.values() if len(e) == schedule["n_splits"])
    assert executor.now <= max(seconds, first) + 1e-6
    assert (ending.reason is None) == (len(ended) == 40)


@settings(max_examples=30, deadline=None)
@given(**{**schedules, "durations": st.floats(0.01, 10.0).map(lambda d: [d])})
@example(seconds=0.2, durations=[0.01], n_workers=1, n_splits=4, queue_length=0, lag=None)
def test_one_worker_evaluates_no_fold_in_vain_if_all_take_as_long(seconds, durations, **schedule):
    schedule["n_workers"] = 1
    ended, executor, _ = run(seconds, durations, **schedule)
    assert len(executor.spans) == len(ended) * schedule["n_splits"]
    trial = durations[0] * schedule["n_splits"]
    assert len(ended) == pytest.approx(max(1, min(40, seconds / trial)), abs=1)


@pytest.mark.parametrize(("n_workers", "n_trials"), [(1, 3), (2, 5), (3, 10), (5, 10)])
def test_folds_that_run_side_by_side_use_a_budget_up(n_workers, n_trials):
    ended, *_ = run(10.5, [1.0], n_workers=n_workers, n_splits=3)
    assert len(ended) >= n_trials


def test_a_budget_that_allows_all_candidates_changes_nothing():
    ended, _, ending = run(1e6, [1.0, 2.0, 0.5])
    endless, _, _ = run(float("inf"), [1.0, 2.0, 0.5])
    assert [t.params for t, _ in ended] == [t.params for t, _ in endless]
    assert len(ended) == 40
    assert ending.reason is None


def test_a_fold_much_slower_than_seen_is_not_waited_for_beyond_the_budget():
    durations = [1.0] * 20
    durations[7 * 5 % 20] = 1e6  # a fold of trial 5
    ended, executor, ending = run(30.0, durations, n_workers=2, n_splits=3)
    assert 5 not in [trial.number for trial, _ in ended]
    assert executor.now == 30.0
    assert "30 s was over while a fold" in ending.reason


def test_the_reason_has_the_figures():
    _, _, ending = run(10.0, [1.0], n_workers=1, n_splits=3)
    assert ending.reason == (
        "the time budget of 10 s: after 9 s, a further trial of 3 s, by the times seen, would have "
        "ended past it"
    )


def test_the_start_of_a_worker_is_not_taken_for_the_time_of_a_fold():
    now = 0.0
    budget = TimeBudget(10.0, clock=lambda: now)
    budget.begin("on a cold worker")
    now += 3.0
    budget.end("on a cold worker", 0.1)
    assert budget.predict(2) == 0.2


def test_a_fold_begins_that_fits_by_what_workers_took_though_not_by_the_wait_for_them(monkeypatch):
    submit = TimedExecutor.submit

    def slowly_started(*args):
        task = submit(*args)
        task.seconds = 0.1
        return task

    monkeypatch.setattr(TimedExecutor, "submit", slowly_started)
    ended, executor, _ = run(3.5, [1.0], n_workers=1, n_splits=1)
    assert (len(ended), len(executor.spans)) == (3, 4)


def test_a_search_that_has_been_ended_takes_no_trial_more():
    now = 0.0
    ending = Ending(budget=TimeBudget(10.0, clock=lambda: now))
    for i in range(25):
        ending.fold_began(i)
    now = 6.0
    ending.fold_ended(0, None, None)
    assert not ending.allows_trial(1)
    for i in range(1, 25):  # under way; the slow one is forgotten
        ending.fold_ended(i, 0.1, None)
    assert ending.allows_fold()
    assert not ending.allows_trial(1)


def test_when_a_callback_has_asked_for_the_end_no_fold_begins():
    ending = Ending()
    ending.fold_began("task")
    ending.fold_ended("task", 0.1, "First")
    ending.fold_began("another")
    ending.fold_ended("another", 0.1, "Second")
    assert not ending.allows_fold()
    assert not ending.allows_trial(1)
    assert ending.reason == "the callback First asked for a stop at the end of a fold"


def test_an_interrupt_before_any_trial_has_ended_stays_one_where_no_trial_may_begin():
    now = 0.0
    ending = Ending(budget=TimeBudget(10.0, clock=lambda: now))
    ending.fold_began("the first of several")
    now = 6.0
    ending.fold_ended("the first of several", None, None)
    assert not ending.allows_trial(1)
    with pytest.raises(KeyboardInterrupt):
        ending.conclude(0, 5, "trials asked for")


def test_a_slow_fold_is_forgotten_after_twenty_others():
    now = 0.0
    budget = TimeBudget(1e9, clock=lambda: now)
    for i in range(21):
        budget.begin(i)
        now += 100.0 if i == 0 else 1.0
        budget.end(i)
        assert budget.predict() == (100.0 if i < 20 else 1.0)
    budget.begin("slower than the others")
    now += 20.0
    budget.end("slower than the others")
    assert budget.predict(3) == 20.0 + 2 * (19 * 1.0 + 20.0) / 20  # the others of average length


def test_until_a_fold_has_ended_here_each_lasts_as_the_fastest_of_an_earlier_run():
    now = 0.0
    budget = TimeBudget(10.0, clock=lambda: now)
    for seconds in (3.0, 1.0, 2.0):
        budget.note(seconds)
    assert [budget.predict(n) for n in (1, 3)] == [1.0, 3.0]
    budget.begin("here")
    now += 4.0
    budget.end("here")
    assert budget.predict() == 4.0


# -- in real time, with wide margins


class Sleepy(ClassifierMixin, BaseEstimator):
    """Its later fits may be far slower than the first."""

    n_fits = 0

    def __init__(self, a=0.5, seconds=0.01, slow_from=10**9):
        self.a = a
        self.seconds = seconds
        self.slow_from = slow_from

    def fit(self, X, y):
        self.classes_ = np.unique(y)
        if len(y) < 40:  # not the refit
            Sleepy.n_fits += 1
            time.sleep(60 if Sleepy.n_fits > self.slow_from else self.seconds)
        return self

    def score(self, X, y):
        return self.a


@pytest.mark.parametrize("budget", [0.6, timedelta(seconds=0.6), np.float64(0.6)])
def test_a_search_ends_within_its_budget(budget):
    search = BayesSearchCV(
        Sleepy(), {"a": (0.0, 1.0)}, n_iter=10**6, cv=2, time_budget=budget, random_state=0
    )
    begin = time.perf_counter()
    search.fit(X, y)
    assert search.total_time_ <= time.perf_counter() - begin
    assert 1 <= search.n_trials_ == len(search.cv_results_["params"]) < 100
    assert search.total_time_ - search.refit_time_ < 5  # a busy machine
    assert search.stop_reason_.startswith("the time budget of 0.6 s")
    assert search.best_estimator_.a == search.best_params_["a"] == search.best_score_


def test_the_times_that_a_journal_holds_are_times_seen(tmp_path):
    search = BayesSearchCV(
        Sleepy(), {"a": (0.0, 1.0)}, n_iter=2, cv=2, journal=tmp_path / "j", random_state=0
    ).fit(X, y)
    took = search.cv_results_["mean_fit_time"].max()
    search.set_params(n_iter=9, time_budget=0.9 * took).fit(X, y)
    assert search.n_trials_ == 2
    assert "a further trial" in search.stop_reason_
    assert len((tmp_path / "j").read_text().splitlines()) == 1 + 2 * 3  # nothing was begun


def test_the_time_of_a_fold_in_a_journal_is_that_of_its_fit_and_of_its_score(tmp_path):
    options = {"n_iter": 1, "cv": 2, "journal": tmp_path / "j", "random_state": 0}
    search = BayesSearchCV(Sleepy(), {"a": (0.0, 1.0)}, **options).fit(X, y)
    lines = [json.loads(line) for line in options["journal"].read_text().splitlines()]
    for fold in lines[2:]:
        fold["score_time"] = 1000.0
    options["journal"].write_text("".join(json.dumps(line) + "\n" for line in lines))
    search.set_params(n_iter=9, time_budget=900.0).fit(X, y)
    assert search.n_trials_ == 1


def test_a_slow_fold_of_a_journal_does_not_keep_the_search_from_going_on(tmp_path):
    slow = [0.5]

    class Once(Sleepy):
        def fit(self, X, y):
            time.sleep(slow.pop() if slow else 0.001)
            return self

    search = BayesSearchCV(
        Once(), {"a": (0.0, 1.0)}, n_iter=5, cv=2, journal=tmp_path / "j", random_state=0
    ).set_params(time_budget=0.3)
    assert search.fit(X, y).n_trials_ == 1
    assert search.fit(X, y).n_trials_ > 1


def test_a_trial_that_lacks_its_first_fold_needs_time_for_that_alone(tmp_path):
    search = BayesSearchCV(
        Sleepy(), {"a": (0.0, 1.0)}, n_iter=2, cv=4, journal=tmp_path / "j", random_state=0
    ).fit(X, y)
    header, *lines = map(json.loads, (tmp_path / "j").read_text().splitlines())
    torn = [line for line in lines if (line["number"], line.get("split")) != (1, 0)]  # of workers
    assert len(torn) == len(lines) - 1
    for line in torn:
        if "split" in line:
            line["fit_time"] = 100.0
    (tmp_path / "j").write_text("".join(json.dumps(line) + "\n" for line in [header, *torn]))
    assert search.set_params(time_budget=250.0).fit(X, y).n_trials_ == 2


def test_the_least_budget_gives_one_trial():
    search = BayesSearchCV(Sleepy(), {"a": (0.0, 1.0)}, cv=3, time_budget=1e-9, random_state=0)
    assert search.fit(X, y).n_trials_ == 1


@pytest.mark.parametrize(
    ("backend", "n_jobs"), [("loky", 1), ("threading", 2), ("loky", 2), ("multiprocessing", 2)]
)
def test_a_fit_far_slower_than_seen_is_let_go(monkeypatch, backend, n_jobs):
    monkeypatch.setattr(Sleepy, "n_fits", 0)  # a process counts its own
    search = BayesSearchCV(
        Sleepy(slow_from=6), {"a": (0.0, 1.0)}, cv=2, n_iter=50, time_budget=4, random_state=0
    )
    with joblib.parallel_config(backend, n_jobs=n_jobs):
        search.fit(X, y)
    assert search.total_time_ < 30
    assert 1 <= search.n_trials_ < 50
    assert "time budget of 4 s" in search.stop_reason_  # a process may take as long to begin
    if backend == "threading" or n_jobs == 1:
        assert search.n_trials_ <= 3
        assert "was over" in search.stop_reason_
    assert np.isfinite(search.cv_results_["mean_test_score"]).all()


@pytest.mark.parametrize("fit_timeout", [0.3, 50])
def test_the_earlier_of_budget_and_fit_timeout_acts(monkeypatch, fit_timeout):
    monkeypatch.setattr(Sleepy, "n_fits", 0)
    search = BayesSearchCV(
        Sleepy(slow_from=6),
        {"a": (0.0, 1.0)},
        cv=2,
        n_iter=5,
        time_budget=3,
        fit_timeout=fit_timeout,
        error_score=-1.0,
        random_state=0,
    )
    if fit_timeout < 1:
        with pytest.warns(FitFailedWarning):
            search.fit(X, y)
        assert search.n_trials_ == 5
        assert list(search.cv_results_["mean_test_score"][3:]) == [-1.0, -1.0]
    else:
        assert search.fit(X, y).n_trials_ == 3
        assert search.total_time_ < 30


@pytest.mark.parametrize("budget", [0, -1.0, "60", np.nan, [3], timedelta(0), timedelta(-1)])
def test_a_bad_budget_is_refused_before_any_fit(budget, monkeypatch):
    monkeypatch.setattr(Sleepy, "n_fits", 0)
    search = BayesSearchCV(Sleepy(), {"a": (0.0, 1.0)}, time_budget=budget)
    with pytest.raises(ValueError, match="time_budget"):
        search.fit(X, y)
    assert Sleepy.n_fits == 0
