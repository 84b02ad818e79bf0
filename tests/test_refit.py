"""The rules for `refit`, in every search that takes one."""

import pickle

import numpy as np
import pytest
from scipy.stats import loguniform
from sklearn.base import BaseEstimator, clone
from sklearn.datasets import load_breast_cancer
from sklearn.dummy import DummyClassifier
from sklearn.experimental import enable_halving_search_cv  # noqa: F401
from sklearn.linear_model import LogisticRegression
from sklearn.metrics import f1_score, get_scorer
from sklearn.model_selection import (
    GridSearchCV,
    HalvingRandomSearchCV,
    RandomizedSearchCV,
    ShuffleSplit,
)
from sklearn.naive_bayes import GaussianNB
from sklearn.pipeline import Pipeline
from sklearn.svm import SVC
from sklearn.tree import DecisionTreeClassifier

from sklearn_bo import BayesSearchCV, OneStandardError, PosteriorMean
from sklearn_bo.refit import _observed_space

rng = np.random.RandomState(0)
X = rng.normal(size=(60, 3))
y = (X[:, 0] + 0.8 * rng.normal(size=60) > 0).astype(int)


def results_of(params, scores, stds=0.0, n_splits=5, metric="score"):
    """The part of cv_results_ that a rule reads."""
    scores = np.asarray(scores, dtype=float)
    return {
        "params": list(params),
        f"mean_test_{metric}": scores,
        f"std_test_{metric}": np.broadcast_to(stds, scores.shape),
        **{f"split{k}_test_{metric}": scores for k in range(n_splits)},
    }


RULES = [PosteriorMean(), OneStandardError(simplest="C"), OneStandardError(len, metric="f1")]


@pytest.mark.parametrize("rule", RULES)
def test_rules_are_values_that_pickle_and_clone(rule):
    assert pickle.loads(pickle.dumps(rule)) == rule == clone(rule, safe=False)
    assert hash(rule) == hash(pickle.loads(pickle.dumps(rule)))
    assert clone(GridSearchCV(SVC(), {}, refit=rule)).refit == rule
    assert rule != OneStandardError(simplest="-C")


def test_rules_say_what_they_are():
    assert repr(PosteriorMean("f1")) == "PosteriorMean(metric='f1')"
    assert repr(OneStandardError(simplest="-C")) == "OneStandardError(simplest='-C', metric=None)"


GRID = {"C": [1e-3, 1e-2, 0.1, 1.0, 10.0, 100.0]}
SEARCHES = {
    "grid": lambda refit, **options: GridSearchCV(
        LogisticRegression(), GRID, refit=refit, **options
    ),
    "random": lambda refit, **options: RandomizedSearchCV(
        LogisticRegression(),
        {"C": loguniform(1e-3, 1e2)},
        n_iter=8,
        random_state=0,
        refit=refit,
        **options,
    ),
    "Bayesian": lambda refit, **options: BayesSearchCV(
        LogisticRegression(),
        {"C": (1e-3, 1e2, "log-uniform")},
        n_iter=8,
        random_state=0,
        refit=refit,
        **options,
    ),
}


@pytest.mark.parametrize("kind", SEARCHES)
@pytest.mark.parametrize("rule", [PosteriorMean(), OneStandardError(simplest="C")])
def test_every_search_refits_the_candidate_that_the_rule_chooses(kind, rule):
    search = SEARCHES[kind](rule).fit(X, y)
    results = search.cv_results_
    assert search.best_index_ == rule(results)
    assert search.best_params_ == results["params"][search.best_index_]
    assert search.best_estimator_.get_params()["C"] == search.best_params_["C"]
    assert not hasattr(search, "best_score_")  # as with any callable


@pytest.mark.parametrize("kind", SEARCHES)
def test_one_standard_error_takes_the_smallest_within_the_band(kind):
    search = SEARCHES[kind](OneStandardError(simplest="C")).fit(X, y)
    results = search.cv_results_
    folds = np.array([results[f"split{k}_test_score"] for k in range(5)])
    best = folds.mean(axis=0).argmax()
    error = folds[:, best].std(ddof=1) / np.sqrt(5)
    within = folds.mean(axis=0) >= folds[:, best].mean() - error
    C = np.array([params["C"] for params in results["params"]])
    assert search.best_params_["C"] == C[within].min() < C[best]


@pytest.mark.parametrize("kind", SEARCHES)
@pytest.mark.parametrize("rule", [PosteriorMean, OneStandardError])
def test_the_metric_is_named_where_there_are_several(kind, rule):
    scoring = ["accuracy", "neg_log_loss"]
    arguments = {"simplest": "C"} if rule is OneStandardError else {}
    search = SEARCHES[kind](rule(metric="neg_log_loss", **arguments), scoring=scoring).fit(X, y)
    assert search.best_index_ == rule(metric="neg_log_loss", **arguments)(search.cv_results_)
    for metric in (None, "f1"):
        search = SEARCHES[kind](rule(metric=metric, **arguments), scoring=scoring)
        with pytest.raises(ValueError, match=r"metric.*'accuracy', 'neg_log_loss'"):
            search.fit(X, y)


def test_the_metric_of_the_rule_is_what_bayesian_search_maximises():
    search = SEARCHES["Bayesian"](
        PosteriorMean("neg_log_loss"), scoring=["accuracy", "neg_log_loss"]
    )
    search.fit(X, y)
    scores = [trial.score for trial in search.trials_]
    np.testing.assert_array_equal(scores, search.cv_results_["mean_test_neg_log_loss"])


log_loss = get_scorer("neg_log_loss")


@pytest.mark.parametrize(
    "scoring", [["accuracy", "neg_log_loss"], lambda *args: {"neg_log_loss": log_loss(*args)}]
)
def test_the_metric_of_the_rule_scores_the_best_estimator(scoring):
    search = SEARCHES["Bayesian"](PosteriorMean("neg_log_loss"), scoring=scoring).fit(X, y)
    expected = log_loss(search.best_estimator_, X, y)
    assert search.score(X, y) == expected != search.best_estimator_.score(X, y)


@pytest.mark.parametrize(
    "scoring", [["accuracy", "neg_log_loss"], lambda *args: {"neg_log_loss": log_loss(*args)}]
)
def test_beside_a_refit_function_the_objective_names_the_metric_of_the_best_estimator(scoring):
    search = SEARCHES["Bayesian"](lambda results: 0, scoring=scoring)
    search.set_params(objective="neg_log_loss").fit(X, y)
    assert search.score(X, y) == log_loss(search.best_estimator_, X, y)
    search.set_params(objective=lambda means: means["neg_log_loss"])
    if callable(scoring):  # which gives but one
        assert search.score(X, y) == log_loss(search.best_estimator_, X, y)
        return
    with pytest.raises(ValueError, match=r"refit=<function .* names none\. Name it by objective="):
        search.score(X, y)


def test_a_refit_function_that_fails_leaves_the_results_and_says_so():
    search = BayesSearchCV(SVC(), {"C": (0.1, 10.0)}, n_iter=2, cv=2, refit=lambda r: r["none"])
    with pytest.raises(KeyError, match="none") as error:
        search.fit(X, y)
    (note,) = error.value.__notes__
    assert note.startswith("It is of refit=<function")
    assert len(search.cv_results_["params"]) == 2


class Unfittable(BaseEstimator):
    """Raises what no search expects if it is fitted."""

    def __init__(self, a=1):
        self.a = a

    def fit(self, X, y):
        raise AssertionError("fitted before the arguments were checked")

    def score(self, X, y):
        return 0.0


def test_a_rule_that_is_a_class_is_refused_before_any_fit():
    search = BayesSearchCV(Unfittable(), {"a": [1, 2]}, refit=PosteriorMean, error_score="raise")
    with pytest.raises(TypeError, match=r"refit=PosteriorMean is a class; give an instance"):
        search.fit(X, y)


@pytest.mark.parametrize(
    ("options", "match"),
    [
        ({"refit": OneStandardError("b")}, r"simplest='b'.*\['a'\]"),
        ({"refit": OneStandardError("-b")}, r"simplest='-b'.*\['a'\]"),
        ({"refit": OneStandardError("a"), "cv": ShuffleSplit(1)}, "at least 2 folds"),
        (
            {"refit": OneStandardError("a"), "param_distributions": {"a": [None, 1, "b"]}},
            "a='b' is no number",
        ),
        (
            {
                "refit": OneStandardError("a"),
                "param_distributions": [{"a": [1, "b"]}, {"a": (1, 9)}],
            },
            "a='b' is no number",
        ),
        ({"refit": PosteriorMean("f1")}, r"metric='f1'.*\['score'\]"),
        ({"refit": OneStandardError("a", metric="f1")}, r"metric='f1'.*\['score'\]"),
    ],
)
def test_bayesian_search_checks_the_rule_before_it_fits(options, match):
    search = BayesSearchCV(Unfittable(), {"a": [1, 2]}, n_iter=2, error_score="raise")
    with pytest.raises((ValueError, TypeError), match=match):
        search.set_params(**options).fit(X, y)


def test_halving_searches_have_their_own_rule_and_ours_reads_their_last_iteration():
    search = HalvingRandomSearchCV(
        LogisticRegression(), {"C": loguniform(1e-3, 1e2)}, random_state=0, refit=PosteriorMean()
    ).fit(X, y)
    results = search.cv_results_
    assert results["iter"].max() > 0
    assert search.best_index_ != 0
    for rule in (PosteriorMean(), OneStandardError("C")):
        assert results["iter"][rule(results)] == results["iter"].max()


# -- PosteriorMean


def test_posterior_mean_passes_over_a_lucky_neighbour_of_mediocre_ones():
    x = np.linspace(0.0, 1.0, 41)
    scores = -((x - 0.7) ** 2) + 0.01 * np.random.RandomState(0).normal(size=41)
    scores[8] = scores.max() + 0.05  # x = 0.2
    chosen = PosteriorMean()(results_of([{"x": value} for value in x], scores))
    assert np.argmax(scores) == 8
    assert x[chosen] == pytest.approx(0.7, abs=0.1)


def test_posterior_mean_finds_better_candidates_than_the_best_score_where_noise_is_large():
    gains = []
    for seed in range(60):
        rng = np.random.RandomState(seed)
        C = 10 ** rng.uniform(-3, 3, size=40)
        truth = -((np.log10(C) - 1) ** 2) / 4
        scores = truth + 0.5 * rng.normal(size=40)
        chosen = PosteriorMean()(results_of([{"C": value} for value in C], scores))
        gains.append(truth[chosen] - truth[np.argmax(scores)])
    assert np.mean(gains) > 0.05
    assert np.mean(np.array(gains) >= 0) >= 0.8


def test_posterior_mean_is_the_best_score_where_there_is_no_noise():
    C = np.logspace(-3, 3, 20)
    scores = -((np.log10(C) - 1) ** 2)
    results = results_of([{"C": value} for value in C], scores)
    assert PosteriorMean()(results) == np.argmax(scores)


def test_posterior_mean_does_not_depend_on_the_unit_of_the_score_or_the_parameter():
    rng = np.random.RandomState(3)
    C = 10 ** rng.uniform(-3, 3, size=30)
    scores = -(np.log10(C) ** 2) + rng.normal(size=30)
    chosen = PosteriorMean()(results_of([{"C": value} for value in C], scores))
    other = PosteriorMean()(results_of([{"C": 7 * value} for value in C], 1000 * scores - 5))
    assert chosen == other


@pytest.mark.parametrize(
    "params",
    [
        [{}],
        [{"a": 1}],
        [{"a": 2}, {"a": 2}, {"a": 3}],  # drawn twice
        [{"depth": None}, {"depth": 3}, {"depth": 5}],
        [{"a": True}, {"a": False}],
        [{"a": 0.0}, {"a": np.inf}, {"a": 1.0}],
        [{"a": np.nan}, {"a": 1.0}, {"a": -1}],
        [{"a": float("nan")}, {"a": np.float64("nan")}],
        [{"a": -1e308}, {"a": 1e308}],
        [{"a": 2**70}, {"a": 1}],
        [{"a": 2**62 + 1}, {"a": 2**62 - 7}],
        [{"a": 10**400}, {"a": 1}],
        [{"a": np.longdouble("0.1")}, {"a": np.longdouble("0.7")}],
        [{"a": np.int64(3)}, {"a": 0.5}, {"a": np.float32(2)}],
        [{"layers": (10,)}, {"layers": (5, 5)}, {"layers": [10]}],
        [{"a": np.array([1, 2])}, {"a": np.array([2, 3])}],
        [{"clf": SVC()}, {"clf": GaussianNB()}, {"clf": SVC(C=2)}],
        [{"kernel": "rbf", "gamma": 0.1}, {"kernel": "linear"}, {"kernel": "rbf", "gamma": 1.0}],
        [{"kernel": "linear"}, {}],
        [{"f": len}, {"f": max}],
    ],
    ids=str,
)
def test_posterior_mean_reads_any_params(params):
    scores = np.linspace(0, 1, len(params))
    assert PosteriorMean()(results_of(params, scores)) in range(len(params))
    assert PosteriorMean()(results_of(params, np.zeros(len(params)))) in range(len(params))


@pytest.mark.parametrize(
    ("estimator", "space"),
    [
        (DecisionTreeClassifier(), [{"max_depth": [1, 2, None]}, {"min_samples_leaf": [2, 5]}]),
        (
            Pipeline([("clf", SVC())]),
            [{"clf": [SVC()], "clf__C": [1, 10]}, {"clf": [GaussianNB()]}],
        ),
    ],
)
def test_posterior_mean_serves_lists_of_grids(estimator, space):
    search = GridSearchCV(estimator, space, refit=PosteriorMean()).fit(X, y)
    assert search.best_index_ == PosteriorMean()(search.cv_results_)
    n = len(search.cv_results_["params"])
    bayesian = BayesSearchCV(estimator, space, n_iter=n, refit=PosteriorMean()).fit(X, y)
    assert bayesian.best_index_ in range(n)


@pytest.mark.parametrize(
    ("low", "high", "prior"),
    [(1.0, 99.0, "uniform"), (1.0, 100.0, "log-uniform"), (-1.0, 100.0, "uniform")],
)
def test_positive_numbers_that_span_two_decades_have_a_logarithmic_scale(low, high, prior):
    assert _observed_space([{"x": low}, {"x": high}]) == [{"x": (low, high, prior)}]


def test_posterior_mean_serves_more_candidates_than_the_model_is_conditioned_on():
    x = np.random.RandomState(0).uniform(size=(1000, 2))
    truth = -np.sum((x - 0.5) ** 2, axis=1)
    scores = truth + 0.3 * np.random.RandomState(1).normal(size=1000)
    params = [{"a": a, "b": b} for a, b in x]
    chosen = PosteriorMean()(results_of(params, scores))
    assert truth[chosen] > np.quantile(truth, 0.8)


# -- OneStandardError


def test_the_band_is_the_sample_standard_error_of_the_best():
    # Folds of the best: 0.7, 0.9; their sample deviation is 0.2 / sqrt(2), the error 0.1.
    params = [{"a": 1}, {"a": 2}, {"a": 3}]
    for second, chosen in ((0.7001, 1), (0.6999, 2)):
        results = results_of(params, [0.5, second, 0.8], stds=[0.3, 0.3, 0.1], n_splits=2)
        assert OneStandardError("a")(results) == chosen


def test_the_folds_of_another_metric_do_not_count():
    for worse, chosen in ((0.72, 1), (0.74, 0)):  # the error of 3 folds is 0.1 / sqrt(2)
        results = {}
        for metric in ("acc", "x_test_acc", "acc_of_all"):
            results |= results_of([{"a": 1}, {"a": 2}], [worse, 0.8], [0.1, 0.1], 3, metric)
        assert OneStandardError("a", metric="acc")(results) == chosen


def test_a_metric_may_have_any_name():
    results = results_of([{"a": 2}, {"a": 1}], [0.8, 0.8], 0.0, 3, "f(0.5)+")
    assert OneStandardError("a", metric="f(0.5)+")(results) == 1


PARAMS = [{"a": 3, "b": "x"}, {"a": 1, "b": "y"}, {"a": 2, "b": "z"}, {"a": 1, "b": "w"}]


@pytest.mark.parametrize(
    ("simplest", "chosen"),
    [
        ("a", 3),  # of two the better one
        ("-a", 0),
        (lambda params: params["a"] == 3, 2),
        (lambda params: (params["a"] % 2, params["a"]), 2),
        (lambda params: "zyxw".index(params["b"]), 2),
    ],
)
def test_simplest_is_lower_or_higher_or_what_a_function_says(simplest, chosen):
    results = results_of(PARAMS, [0.7, 0.8, 0.9, 0.85], stds=1.0)
    assert OneStandardError(simplest)(results) == chosen


def test_without_a_spread_over_folds_the_simplest_of_the_best_is_chosen():
    assert OneStandardError("a")(results_of(PARAMS, [0.9, 0.8, 0.9, 0.8])) == 2


@pytest.mark.parametrize("simplest", ["depth", "-depth"])
@pytest.mark.parametrize("unknown", [{"depth": None}, {}, {"depth": np.nan}])
def test_candidates_that_have_no_value_are_the_least_simple(simplest, unknown):
    results = results_of([unknown, {"depth": 9}], [0.9, 0.8], stds=1.0)
    assert OneStandardError(simplest)(results) == 1
    results = results_of([{"depth": 9}, unknown], [0.1, 0.8], stds=0.01)
    assert OneStandardError(simplest)(results) == 1


@pytest.mark.parametrize(
    ("simplest", "params", "match"),
    [
        ("b", PARAMS, r"b='.' is no number.*function of the params"),
        (lambda params: params["b"], [{"b": 1}, {"b": "x"}], "must return a number .* in order"),
        (lambda params: None, [{"b": 1}], "must return a number, got None"),
        (lambda params: float(params["b"]), [{"b": 1}, {"b": "nan"}], "number, got nan for"),
    ],
)
def test_what_has_no_order_is_an_error(simplest, params, match):
    with pytest.raises(TypeError, match=match):
        OneStandardError(simplest)(results_of(params, np.zeros(len(params)), stds=1.0))


@pytest.mark.parametrize("simplest", [3, None, ["C"]])
def test_simplest_must_be_a_name_or_a_function(simplest):
    with pytest.raises(TypeError, match=r"simplest=.* must be the name of a parameter"):
        OneStandardError(simplest)


def test_a_parameter_that_no_candidate_has_is_an_error():
    with pytest.raises(ValueError, match=r"simplest='-c'.*\['a', 'b'\]"):
        OneStandardError("-c")(results_of(PARAMS, np.zeros(4)))


# -- both


@pytest.mark.parametrize("rule", [PosteriorMean(), OneStandardError("a")])
def test_failed_candidates_are_never_chosen(rule):
    scores = np.ma.masked_array([0.1, np.nan, 0.2, np.inf], mask=[True, False, False, False])
    results = {**results_of(PARAMS, np.zeros(4), stds=1.0), "mean_test_score": scores}
    assert rule(results) == 2
    with pytest.raises(ValueError, match=r"mean_test_score of all 4 is NaN"):
        rule({**results, "mean_test_score": np.full(4, np.nan)})


@pytest.mark.parametrize("rule", [PosteriorMean(), OneStandardError("a")])
def test_the_choice_does_not_touch_the_results(rule):
    results = results_of(PARAMS, [0.7, 0.8, 0.9, 0.85], stds=0.1)
    before = pickle.dumps(results)
    assert rule(results) == rule(results)
    assert pickle.dumps(results) == before


def test_a_search_without_parameters_has_one_candidate_to_choose():
    search = GridSearchCV(DummyClassifier(), {}, refit=PosteriorMean()).fit(X, y)
    assert search.best_index_ == 0


@pytest.mark.parametrize("scoring", [["f1"], ["accuracy", "f1"]])
def test_score_takes_the_metric_that_a_function_names_or_else_the_only_one(scoring):
    def first(cv_results):
        return 0

    if len(scoring) > 1:
        first.metric = "f1"
    X, y = load_breast_cancer(return_X_y=True)
    search = BayesSearchCV(
        DecisionTreeClassifier(random_state=0),
        {"max_depth": [1, 2, 3]},
        n_iter=2,
        cv=2,
        scoring=scoring,
        refit=first,
    ).fit(X, y)
    assert search.score(X, y) == f1_score(y, search.predict(X))
