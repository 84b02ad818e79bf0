"""Whatever is searched, fails or is killed: a clear error at `fit`, or results that agree."""

import math
import random
import tempfile
import warnings
from contextlib import suppress
from datetime import timedelta
from pathlib import Path

import joblib
import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from journaled import Sampler, X, outcome, y
from numpy.testing import assert_allclose, assert_array_equal
from scipy import stats
from sklearn.base import BaseEstimator, ClassifierMixin
from sklearn.model_selection import KFold, ShuffleSplit
from spaces import contains, dimensions

from sklearn_bo import (
    BayesSearchCV,
    NegligibleGain,
    NoImprovement,
    OneStandardError,
    PosteriorMean,
    TargetScore,
)
from sklearn_bo.space import Space

NAMES = ["a", "b", "c", "d"]
NAMED = {  # in place of the argument itself
    "param_distributions": "[Pp]arameter|param_distributions|number of trials",
    "scoring": "scor",
    "refit": "refit|metric=",
}


class WhimError(Exception):
    pass


class Killed(BaseException):
    """The end of the process, as far as a search can tell."""


class Whim(ClassifierMixin, BaseEstimator):
    """Its score, and how it fails, is a random function of its parameters and the fold."""

    n_fits = n_good = 0
    dies_at = None

    def __init__(self, a=0.5, b=2, c=None, d="a", seed=0, share=0.0, scale=1.0):
        self.a = a
        self.b = b
        self.c = c
        self.d = d
        self.seed = seed
        self.share = share
        self.scale = scale

    def fit(self, X, y):
        Whim.n_fits += 1
        if Whim.n_fits == Whim.dies_at:
            raise Killed
        rng = random.Random(repr([self.get_params(), X.sum()]))
        self.classes_ = np.unique(y)
        self.score_ = self.scale * rng.random()
        self.failure_ = None
        if rng.random() < self.share and len(X) < len(globals()["X"]):  # the refit succeeds
            self.failure_ = rng.choice(["fit", "score", "nan", "inf", "-inf"])
        if self.failure_ == "fit":
            raise WhimError("fit")
        Whim.n_good += 1
        return self

    def score(self, X, y=None):
        if self.failure_ == "score":
            raise WhimError("score")
        return self.score_ if self.failure_ is None else float(self.failure_)


class Drawn(Sampler):
    """Tells the tests, and not the search, where its draws lie."""

    def support(self):
        return -math.inf, math.inf


def first(estimator, X, y):
    return estimator.score(X, y)


def second(estimator, X, y):
    return estimator.score_


def both(estimator, X, y):
    return {"first": first(estimator, X, y), "second": second(estimator, X, y)}


def last(results):
    return len(results["params"]) - 1


def after_two(state):
    return len(state.finished) >= 2


def least_text(params):
    return len(repr(params))


single = st.dictionaries(
    st.sampled_from(NAMES),
    dimensions | st.sampled_from([[1, True, 1.0, "1"], [0.5, None], [np.nan, "x"], Drawn()]),
    min_size=1,
    max_size=4,
)
tiny = st.dictionaries(
    st.sampled_from(NAMES), st.sampled_from([[1, 2], [None, "a"], (1, 3), ["a"]]), max_size=2
)
entries = single | tiny | st.tuples(tiny | single, st.integers(1, 3))
spaces = single | tiny | st.lists(entries, min_size=1, max_size=3)
rules = st.sampled_from([TargetScore(0.9), NoImprovement(3), NegligibleGain(), after_two])
estimators = st.builds(
    Whim,
    seed=st.integers(0, 99),
    share=st.sampled_from([0.0, 0.2, 0.6, 1.0]),
    scale=st.sampled_from([1.0, 0.0, 1e-9, -1e6, 1e300]),
)


@st.composite
def metrics_and_refit(draw):
    """Draw arguments that agree on what is maximised."""
    scoring = draw(st.sampled_from([None, first, {"first": first, "second": second}, both]))
    metric = None if scoring in (None, first) else draw(st.sampled_from(["first", "second"]))
    refit = draw(
        st.sampled_from(
            [
                *(False, last, PosteriorMean(metric), OneStandardError(least_text, metric)),
                True if metric is None else metric,
            ]
        )
    )
    objective = draw(st.sampled_from([None, metric, total]))
    if metric is not None and objective is None and refit in (False, last):
        objective = "first"
    return {"scoring": scoring, "refit": refit, "objective": objective}


def total(means):
    return sum(means.values())


@st.composite
def arguments(draw, sequential=False):
    """Draw the arguments of a search of which nothing is malformed."""
    spec = draw(spaces)
    drawn = {
        "estimator": draw(estimators),
        "param_distributions": spec,
        "n_iter": draw(st.integers(1, 8)),
        "cv": draw(st.sampled_from([2, 3, KFold(2), ShuffleSplit(1, random_state=0)])),
        "error_score": draw(st.sampled_from([np.nan, np.nan, 0.0, -1e3, "raise"])),
        "n_initial_points": draw(st.sampled_from(["auto", 1, 3, 20])),
        "lag": draw(st.sampled_from([None, 1, 3])),
        "stopping": draw(st.none() | rules | st.lists(rules, max_size=2)),
        "return_train_score": draw(st.booleans()),
        "random_state": draw(st.integers(0, 9)),
        **draw(metrics_and_refit()),
    }
    if draw(st.booleans()):
        rng, space = np.random.RandomState(draw(st.integers(0, 9))), Space(spec)
        drawn["initial_candidates"] = [
            {k: v for k, v in space.decode(z).items() if not is_drawn(spec, k)}
            for z in space.sample(draw(st.integers(0, 3)), rng)
        ]
    if draw(st.integers(0, 3)) == 0:
        drawn["previous_results"] = earlier(draw(spaces) if draw(st.booleans()) else spec)
    if not sequential:
        drawn["n_jobs"] = draw(st.sampled_from([None, None, 2]))
        drawn["time_budget"] = draw(
            st.sampled_from([None, None, 1e-9, 0.01, timedelta(seconds=0.1), 1e3])
        )
    return drawn


def earlier(spec):
    return run({"estimator": Whim(seed=1), "param_distributions": spec, "n_iter": 3}).cv_results_


def subspaces_of(spec):
    entries = [spec] if isinstance(spec, dict) else spec
    return [entry[0] if isinstance(entry, tuple) else entry for entry in entries]


def is_drawn(spec, name):
    """Whether the values of a parameter depend on the random_state."""
    return any(isinstance(subspace.get(name), Drawn) for subspace in subspaces_of(spec))


def run(arguments, dies_at=None, **more):
    Whim.n_fits = Whim.n_good = 0
    Whim.dies_at = dies_at
    with warnings.catch_warnings(), joblib.parallel_config("threading"):
        warnings.simplefilter("ignore")
        return BayesSearchCV(**{"cv": 2, **arguments}, **more).fit(X, y)


def check_excuse(error, arguments):
    """Check that a search of which nothing is malformed had to fail."""
    n_splits = 1 if isinstance(arguments["cv"], ShuffleSplit) else 2
    if isinstance(error, WhimError):
        assert arguments["error_score"] == "raise"
    elif "fits failed" in str(error):
        assert Whim.n_good == 0
    elif "2 folds" in str(error):
        assert isinstance(arguments["refit"], OneStandardError)
        assert n_splits == 1
    elif "No candidate can be chosen" in str(error):
        assert isinstance(arguments["refit"], PosteriorMean | OneStandardError)
        assert arguments["estimator"].share > 0
    else:
        raise error


def check_finished(search, arguments):
    results, n, refit = search.cv_results_, search.n_trials_, arguments["refit"]
    params = results["params"]
    assert n >= 1
    assert len(params) == len(search.trials_) == n
    assert all(len(column) == n for column in results.values())
    assert [trial.params for trial in search.trials_] == params
    check_params(search, params, arguments)
    metrics = ["first", "second"] if search.multimetric_ else ["score"]
    assert {k for k in results if k.startswith("mean_test_")} == {f"mean_test_{m}" for m in metrics}
    for metric in metrics:
        check_scores(results, metric, search.n_splits_)
        assert (f"mean_train_{metric}" in results) == arguments["return_train_score"]
    check_objective(search, metrics, arguments)
    if refit or not search.multimetric_:
        assert 0 <= search.best_index_ < n
        assert search.best_params_ == params[search.best_index_]
    if (refit or not search.multimetric_) and not callable(refit):
        metric = refit if isinstance(refit, str) else "score"
        assert results[f"rank_test_{metric}"][search.best_index_] == 1
        assert_array_equal(search.best_score_, results[f"mean_test_{metric}"][search.best_index_])
    for name in ("best_estimator_", "refit_time_", "classes_"):
        assert hasattr(search, name) == bool(refit)
    if refit:
        assert repr({k: search.best_estimator_.get_params()[k] for k in search.best_params_}) == (
            repr(search.best_params_)
        )
    assert isinstance(search.stop_reason_, str)
    assert search.stop_reason_
    assert search.total_time_ > 0
    frame = search.results_frame()
    assert len(frame) == n
    prob_best = frame["prob_best"].to_numpy()
    assert prob_best.min() >= 0
    complete = (frame["state"] == "complete").any()
    assert prob_best.sum() == (pytest.approx(1) if complete else 0)


def check_params(search, params, arguments):
    spec = arguments["param_distributions"]
    subspaces = subspaces_of(spec)
    assert all(contains(subspaces, setting) for setting in params)
    for name in {name for subspace in subspaces for name in subspace}:
        column = search.cv_results_.get(f"param_{name}", np.ma.masked_all(len(params)))
        missing = [name not in setting for setting in params]
        assert_array_equal(np.ma.getmaskarray(column), missing)
        values = [setting[name] for setting in params if name in setting]
        assert all(
            a == b or a is b or a != a for a, b in zip(column.compressed(), values, strict=True)
        )
    n_settings = search.optimizer_.space.n_settings
    if n_settings < math.inf:
        assert len({repr(sorted(setting.items())) for setting in params}) == len(params)
    if arguments["stopping"] in (None, []) and arguments.get("time_budget") in (None, 1e3):
        assert search.stop_reason_.startswith(f"all {len(params)} ")
        if isinstance(spec, dict):
            assert len(params) == min(arguments["n_iter"], n_settings)


def check_scores(results, metric, n_splits):
    folds = [results[f"split{k}_test_{metric}"] for k in range(n_splits)]
    means = results[f"mean_test_{metric}"]
    with np.errstate(all="ignore"):
        assert_allclose(means, np.mean(folds, axis=0), rtol=1e-12)
    ranks, known = results[f"rank_test_{metric}"], ~np.isnan(means)
    if not np.isposinf(means).any():  # before which scikit-learn ranks NaN
        assert_array_equal(ranks[known], [1 + sum(means > mean) for mean in means[known]])
        assert ranks[~known].min(initial=len(means)) >= ranks[known].max(initial=1)


def check_objective(search, metrics, arguments):
    objective = arguments["objective"] or getattr(arguments["refit"], "metric", arguments["refit"])
    for i, trial in enumerate(search.trials_):
        means = {metric: search.cv_results_[f"mean_test_{metric}"][i] for metric in metrics}
        value = objective(means) if objective is total else means.get(objective, means[metrics[0]])
        if trial.state == "complete":
            assert trial.score == pytest.approx(value)
        else:
            assert trial.state == "failed"
            assert not math.isfinite(value) or not np.isnan(arguments["error_score"])


@settings(deadline=None, derandomize=True, max_examples=100)
@given(arguments())
def test_a_search_ends_in_a_clear_error_or_in_results_that_agree(arguments):
    try:
        search = run(arguments)
    except (WhimError, TypeError, ValueError) as error:
        check_excuse(error, arguments)
    else:
        check_finished(search, arguments)


def ending_of(arguments, **more):
    """Return what comes of a search, the error if it is one."""
    try:
        search = run(arguments, **more)
    except (WhimError, TypeError, ValueError) as error:
        return type(error), str(error)
    return *outcome(search), search.stop_reason_


@settings(deadline=None, derandomize=True, max_examples=20)
@given(
    arguments(sequential=True),
    st.lists(st.tuples(st.integers(1, 12), st.none() | st.floats(0, 1)), min_size=1, max_size=3),
)
def test_a_search_that_is_killed_anywhere_resumes_to_the_same_end(arguments, kills):
    whole = ending_of(arguments)
    with tempfile.TemporaryDirectory() as folder:
        journal = Path(folder, "journal")
        for dies_at, kept in kills:
            with suppress(Killed):
                assert ending_of(arguments, journal=journal, dies_at=dies_at) == whole
            if kept is not None and journal.exists():
                content = journal.read_bytes()
                journal.write_bytes(content[: round(kept * len(content))])
        assert ending_of(arguments, journal=journal) == whole


def test_a_function_of_several_metrics_may_fail_where_the_fit_succeeds():
    def scores_above(estimator, X, y):
        if estimator.a < 0.5:
            raise WhimError
        return both(estimator, X, y)

    arguments = {"param_distributions": {"a": [0.1, 0.9]}, "scoring": scores_above, "n_iter": 2}
    arguments |= {"estimator": Whim(), "refit": "first", "objective": "first"}
    search = run({**arguments, "initial_candidates": [{"a": 0.1}]})
    assert [trial.state for trial in search.trials_] == ["failed", "complete"]
    assert np.isnan(search.cv_results_["mean_test_second"]).tolist() == [True, False]
    assert search.best_params_ == {"a": 0.9}


MALFORMED = [
    *(
        ("param_distributions", spec)
        for spec in (
            *([], {"a": "text"}, {"a": []}, {"b": (2.0, 1.0)}, {"nope": [1]}, {3: [1, 2]}),
            *([({"a": [1]}, 0)], [{"a": [1]}, "b"], {"c": None}, {"a": (np.nan, 1.0)}),
            *({"a": stats.uniform(0, -1)}, {"a": np.ones((2, 2))}, {"d": (0, 1, "log-uniform")}),
        )
    ),
    *(("n_iter", n) for n in (0, 2.5, None)),
    *(("cv", cv) for cv in (1, [], KFold, [(np.arange(3), np.arange(0))])),
    *(("scoring", scoring) for scoring in ("nope", [], 3)),
    *(("error_score", score) for score in ("bad", None)),
    *(("n_initial_points", n) for n in (0, "many")),
    *(("initial_candidates", c) for c in ("a", [3], {"nope": 1}, [{"a": b"?"}])),
    *(("lag", lag) for lag in (0, 1.5)),
    *(("stopping", rule) for rule in (3, [None], lambda state: [1], TargetScore)),
    *(("time_budget", budget) for budget in (0, -1.0, "1 h", timedelta(0))),
    *(("previous_results", p) for p in ({}, [], 3, {"params": [{}], "mean_test_score": [np.nan]})),
    *(("refit", refit) for refit in (3, PosteriorMean("nope"), OneStandardError("a", "nope"))),
    *(("objective", objective) for objective in ("nope", 3, lambda means: None)),
    *(("fit_timeout", seconds) for seconds in (0, "1 s")),
]


@settings(deadline=None, derandomize=True, max_examples=150)
@given(arguments(), st.sampled_from(MALFORMED))
def test_one_malformed_argument_among_any_others_raises_and_is_named(arguments, malformed):
    name, value = malformed
    arguments["estimator"].set_params(share=0.0)
    with pytest.raises((TypeError, ValueError), match=NAMED.get(name, name)):
        run({**arguments, name: value})
