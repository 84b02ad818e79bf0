"""Limits of time in this process, one search within another: each acts for itself alone."""

import signal
import sys
import time
from concurrent.futures import ThreadPoolExecutor
from datetime import timedelta

import numpy as np
import pytest
from sklearn.base import BaseEstimator, RegressorMixin
from sklearn.exceptions import FitFailedWarning
from sklearn.model_selection import GridSearchCV

from sklearn_bo import BayesSearchCV
from sklearn_bo.alarm import Alarm

pytestmark = pytest.mark.skipif(sys.platform == "win32", reason="signals of Unix")
X, y = np.zeros((12, 1)), np.zeros(12)


class Slow(RegressorMixin, BaseEstimator):
    """Sleeps where it is told to; the more b the better."""

    def __init__(self, b=0, to_fit=0.0, to_score=0.0):
        self.b = b
        self.to_fit = to_fit
        self.to_score = to_score

    def fit(self, X, y):
        time.sleep(self.to_fit)
        return self

    def score(self, X, y):
        time.sleep(self.to_score)
        return float(self.b)


INNER = {
    "grid": GridSearchCV(Slow(), {"b": [1, 2]}, cv=2),
    "ours": BayesSearchCV(Slow(), {"b": [1, 2]}, n_iter=2, cv=2),
    "ours with a limit": BayesSearchCV(Slow(), {"b": [1, 2]}, n_iter=2, cv=2, fit_timeout=50),
    "ours with a budget": BayesSearchCV(Slow(), {"b": [1, 2]}, n_iter=2, cv=2, time_budget=50),
}
within = pytest.mark.parametrize("inner", INNER.values(), ids=INNER)


def search(estimator, slow, **options):
    """Search a fast setting, then a slow one."""
    candidates = [{slow: 0.0}, {slow: 20.0}]
    return BayesSearchCV(
        estimator, {slow: [0.0, 20.0]}, n_iter=2, cv=2, initial_candidates=candidates, **options
    )


def test_a_thread_beside_the_main_one_says_that_it_has_no_limit():
    fast = BayesSearchCV(Slow(), {"b": [1, 2]}, n_iter=2, cv=2, fit_timeout=50)
    with (
        pytest.warns(RuntimeWarning, match="in the main thread alone.* of 50.0 seconds"),
        ThreadPoolExecutor(1) as pool,
    ):
        assert pool.submit(fast.fit, X, y).result().best_params_ == {"b": 2}


@within
@pytest.mark.filterwarnings("ignore:One or more of the test scores are non-finite")
def test_a_search_within_does_not_catch_the_limit_of_a_fit(inner):
    outer = search(inner, "estimator__to_fit", fit_timeout=0.4)
    start = time.monotonic()
    with pytest.warns(FitFailedWarning, match="more than fit_timeout=0.4 seconds"):
        outer.fit(X, y)
    assert time.monotonic() - start < 15
    assert [trial.state for trial in outer.trials_] == ["complete", "failed"]
    np.testing.assert_array_equal(outer.cv_results_["mean_test_score"], [2.0, np.nan])


def test_a_score_that_hangs_is_a_failure_whatever_the_error_score():
    options = {"error_score": 0.0, "return_train_score": True}
    outer = search(Slow(b=1), "to_score", fit_timeout=0.3, **options)
    with pytest.warns(FitFailedWarning):
        outer.fit(X, y)
    assert [trial.state for trial in outer.trials_] == ["complete", "failed"]
    assert outer.cv_results_["mean_train_score"].tolist() == [1.0, 0.0]


def test_a_fit_that_hangs_has_the_error_score_in_each_metric():
    scoring = {"up": Slow.score, "down": lambda estimator, X, y: -estimator.b}
    outer = search(Slow(b=1), "to_fit", fit_timeout=0.3, scoring=scoring, refit="up")
    with pytest.warns(FitFailedWarning):
        outer.set_params(error_score=-5.0).fit(X, y)
    assert outer.cv_results_["mean_test_up"].tolist() == [1.0, -5.0]
    assert outer.cv_results_["mean_test_down"].tolist() == [-1.0, -5.0]


def test_a_fit_that_catches_the_limit_is_given_up_all_the_same():
    class Stubborn(Slow):
        def fit(self, X, y):
            give_up = time.monotonic() + self.to_fit
            while time.monotonic() < give_up:
                try:
                    time.sleep(0.01)
                except BaseException:
                    continue
            return self

    searching = BayesSearchCV(
        Stubborn(b=1), {"to_fit": [0.0, 1.0]}, n_iter=2, cv=2, fit_timeout=0.3, error_score=-1
    )
    with pytest.warns(FitFailedWarning, match="more than fit_timeout=0.3 seconds"):
        searching.fit(X, y)
    assert searching.best_params_ == {"to_fit": 0.0}
    assert sorted(searching.cv_results_["mean_test_score"]) == [-1, 1]


def test_an_alarm_that_was_lost_rings_again(monkeypatch):
    monkeypatch.setattr("sklearn_bo.alarm._AGAIN", 0.3)
    rung = []

    def lose():
        give_up = time.monotonic() + 30
        while len(rung) < 2 and time.monotonic() < give_up:
            try:
                time.sleep(0.01)
            except Alarm:
                rung.append(time.monotonic())

    with pytest.raises(Alarm):
        Alarm().limit(0.05, lose)
    assert len(rung) == 2


def test_an_alarm_leaves_time_to_clean_up_and_others_ring_in_theirs():
    others = []

    def call():
        try:
            time.sleep(30)
        finally:
            give_up = time.monotonic() + 1.5
            while time.monotonic() < give_up:
                time.sleep(0.01)
            others.append("cleaned up")

    before = signal.signal(signal.SIGALRM, lambda *args: others.append("other"))
    try:
        signal.setitimer(signal.ITIMER_REAL, 0.6)
        with pytest.raises(Alarm):
            Alarm().limit(0.1, call)
        assert others == ["other", "cleaned up"]
    finally:
        signal.setitimer(signal.ITIMER_REAL, 0)
        signal.signal(signal.SIGALRM, before)


@within
@pytest.mark.filterwarnings("error::UserWarning")
def test_a_search_within_does_not_take_the_budget_for_its_own(inner):
    outer = search(inner, "estimator__to_fit", time_budget=1.5)
    start = time.monotonic()
    outer.fit(X, y)
    assert time.monotonic() - start < 15
    assert outer.n_trials_ == 1
    assert outer.stop_reason_.startswith("the time budget of 1.5 s was over while a fold")


def test_the_limit_of_a_search_within_acts_too():
    inner = search(Slow(), "to_fit", fit_timeout=0.2, error_score=-1.0)
    outer = BayesSearchCV(inner, {"estimator__b": [3]}, n_iter=1, cv=2, fit_timeout=50)
    with pytest.warns(FitFailedWarning, match="more than fit_timeout=0.2 seconds"):
        outer.fit(X, y)
    assert outer.best_score_ == 3.0


def test_a_limit_within_a_limit_beside_an_alarm_of_another():
    rung = []
    before = signal.signal(signal.SIGALRM, lambda *_: rung.append(time.monotonic()))
    signal.setitimer(signal.ITIMER_REAL, 0.1)
    start = time.monotonic()

    def inner():
        with pytest.raises(Alarm):
            Alarm().limit(0.3, time.sleep, 20)
        assert time.monotonic() - start < 5
        time.sleep(20)

    try:
        with pytest.raises(Alarm):
            Alarm().limit(0.6, inner)
        assert time.monotonic() - start < 10
        assert len(rung) == 1
    finally:
        signal.setitimer(signal.ITIMER_REAL, 0)
        signal.signal(signal.SIGALRM, before)


def test_a_handler_that_sets_the_next_alarm_keeps_its_beat():
    beats = []

    def beat(*_):
        beats.append(time.monotonic())
        signal.setitimer(signal.ITIMER_REAL, 0.05)

    before = signal.signal(signal.SIGALRM, beat)
    signal.setitimer(signal.ITIMER_REAL, 0.05)
    try:
        Alarm().limit(50, time.sleep, 0.5)
        n_within = len(beats)
        time.sleep(0.5)
    finally:
        signal.setitimer(signal.ITIMER_REAL, 0)
        signal.signal(signal.SIGALRM, before)
    assert 2 <= n_within < len(beats)


@pytest.mark.parametrize("seconds", [0, 1e-6, 2e-5, 1e-4])
def test_a_limit_that_is_over_at_once_leaves_the_outer_one(seconds):
    for _ in range(50):
        start = time.monotonic()
        outer = Alarm()
        with pytest.raises(Alarm) as caught:
            outer.limit(0.02, outlast, seconds)
        assert caught.value is outer
        assert time.monotonic() - start < 5


def outlast(seconds):
    inner = Alarm()
    try:
        inner.limit(seconds, sum, range(100))
    except Alarm as alarm:
        if alarm is not inner:
            raise
    time.sleep(20)


@pytest.mark.parametrize("interval", [0.0, 0.1])
@pytest.mark.parametrize("seconds", [0.05, 0.5])  # during the search, or after it
def test_an_alarm_that_was_set_before_rings_in_its_time(seconds, interval):
    rung = []

    def note(*_):
        rung.append(time.monotonic())

    before = signal.signal(signal.SIGALRM, note)
    start = time.monotonic()
    signal.setitimer(signal.ITIMER_REAL, seconds, interval)
    try:
        BayesSearchCV(
            Slow(to_fit=0.1), {"b": [1]}, n_iter=1, cv=2, fit_timeout=50, time_budget=60
        ).fit(X, y)
        assert signal.getsignal(signal.SIGALRM) is note
        end = time.monotonic() + 30
        while len(rung) < (3 if interval else 1) and time.monotonic() < end:
            time.sleep(0.01)
    finally:
        signal.setitimer(signal.ITIMER_REAL, 0)
        signal.signal(signal.SIGALRM, before)
    assert len(rung) >= 3 if interval else len(rung) == 1
    assert rung[0] - start >= seconds - 0.01


@pytest.mark.parametrize("n_jobs", [1, 2])
@pytest.mark.parametrize("seconds", [np.float16(20), np.float32(20), 1e10, timedelta.max])
def test_any_number_of_seconds_is_a_limit(seconds, n_jobs):
    limits = {"time_budget": seconds}
    if not isinstance(seconds, timedelta):
        limits["fit_timeout"] = seconds
    search = BayesSearchCV(Slow(), {"b": [1, 2]}, n_iter=2, cv=2, n_jobs=n_jobs, **limits)
    assert search.fit(X, y).best_params_ == {"b": 2}
