"""Whatever a user gets wrong has one clear error at `fit`, before any fit where possible."""

import numpy as np
import pandas as pd
import pytest
from joblib import parallel_config
from scipy import stats
from sklearn.base import BaseEstimator, ClassifierMixin
from sklearn.decomposition import PCA
from sklearn.linear_model import Ridge
from sklearn.metrics import accuracy_score
from sklearn.model_selection import BaseCrossValidator, GroupKFold, KFold, StratifiedKFold
from sklearn.pipeline import Pipeline
from sklearn.preprocessing import StandardScaler

from sklearn_bo import BayesSearchCV


class Counting(ClassifierMixin, BaseEstimator):
    """Counts the fits of all its clones."""

    n_fits = 0

    def __init__(self, a=0.5, b=1, part=None):
        self.a = a
        self.b = b
        self.part = part

    def fit(self, X, y, sample_weight=None):
        Counting.n_fits += 1
        self.classes_ = np.unique(y)
        return self

    def predict(self, X):
        return np.full(len(X), self.classes_[0])


class Own(Counting):
    """As if it were of scikit-learn."""

    __module__ = "sklearn.counting"


class NoFit(BaseEstimator):
    def __init__(self, a=0.5):
        self.a = a


class NoScore(BaseEstimator):
    def __init__(self, a=0.5):
        self.a = a

    def fit(self, X, y=None):
        Counting.n_fits += 1
        return self


class NoParams:
    def fit(self, X, y=None):
        Counting.n_fits += 1
        return self

    def score(self, X, y=None):
        return 0.0


class Splitter(BaseCrossValidator):
    """Gives the splits it is told to, and announces as many as it is told to."""

    def __init__(self, splits, n_splits):
        self.splits = splits
        self.n_splits = n_splits

    def split(self, X, y=None, groups=None):
        return iter(self.splits)

    def get_n_splits(self, X=None, y=None, groups=None):
        return self.n_splits


X = np.arange(24.0).reshape(12, 2)
y = np.arange(12) % 2
HALVES = (np.arange(6), np.arange(6, 12))
NOTHING = np.arange(0)
RANGE = {"a": (0.1, 1.0)}
BOTH = {"a": (0.1, 1.0), "b": [1, 2]}
METRICS = ["accuracy", "f1"]


def text_score(estimator, X, y):
    return "good"


def none_score(estimator, X, y):
    return None


def list_score(estimator, X, y):
    return [0.5, 0.5]


def two_scores(estimator, X, y):
    return {"first": 0.5, "second": 0.1}


def pipeline():
    return Pipeline([("scale", StandardScaler()), ("clf", Counting())])


def case(name, error, match, *, fit=None, n_fits=0, **search):
    """A row of the table: what is passed to the search and to `fit`, and what must come of it."""
    return pytest.param(search, fit or {}, error, match, n_fits, id=name)


def space(name, spec, error, match=r"'a'", **kwargs):
    return case(f"space: {name}", error, match, param_distributions={"a": spec}, **kwargs)


SPACES = [
    case("spaces: None", ValueError, "param_distributions", param_distributions=None),
    case("spaces: text", ValueError, "param_distributions", param_distributions="a"),
    case("spaces: a set", ValueError, "param_distributions", param_distributions={"a"}),
    case("spaces: tuple", ValueError, "param_distributions", param_distributions=(RANGE, 3)),
    case("spaces: no dict", ValueError, "param_distributions", param_distributions=[]),
    case("spaces: entry no dict", TypeError, "dict.*'b'", param_distributions=[RANGE, "b"]),
    case("spaces: name no text", TypeError, "names.*strings.*1", param_distributions={1: [1, 2]}),
    *(
        case(f"budget {n!r}", ValueError, "number of trials", param_distributions=[(RANGE, n)])
        for n in (0, -1, 2.5, "3", None, True)
    ),
    space("text", "l2", TypeError, r"'a'.*'l2'"),
    space("reversed", (9.0, 0.5), ValueError, r"'a'.*write \(0\.5, 9\.0\) for the range"),
    space("quoted", ("1e-3", "1e3", "log-uniform"), ValueError, "'a'.*needs numbers.*quotes"),
    space("number", 0.5, TypeError, r"'a'.*0\.5"),
    space("nothing", None, TypeError),
    space("dict", {"low": 0.1}, TypeError),
    space("set", {0.1, 0.2}, TypeError),
    space("generator", (value for value in [0.1]), TypeError),
    space("function", abs, TypeError),
    space("class", PCA, TypeError, r"'a'.*PCA"),
    space("no choice", [], ValueError, r"'a'.*(empty|least one)"),
    space("no choice, array", np.array([]), ValueError, r"'a'.*(empty|least one)"),
    space("no choice, tuple", (), ValueError, r"'a'.*(empty|least one)"),
    space("matrix", np.ones((2, 2)), ValueError, r"'a'.*\(2, 2\)"),
    space("reversed", (1.0, 0.1), ValueError, r"'a'.*low < high.*1\.0.*0\.1"),
    space("low = high", (1.0, 1.0), ValueError, r"'a'.*low < high.*1\.0"),
    space("integers reversed", (8, 1), ValueError, r"'a'.*low < high.*8.*1"),
    space("log of 0", (0.0, 1.0, "log-uniform"), ValueError, r"'a'.*low > 0.*0\.0"),
    space("log of negative", (-1, 8, "log-uniform"), ValueError, r"'a'.*low > 0.*-1"),
    space("unknown prior", (0.1, 1.0, "normal"), ValueError, r"'a'.*'normal'"),
    space("NaN bound", (np.nan, 1.0), ValueError, r"'a'.*finite.*nan"),
    space("infinite bound", (0.0, np.inf), ValueError, r"'a'.*finite.*inf"),
    space("too many integers", (0, 2**50), ValueError, r"'a'"),
    space("unfrozen", stats.loguniform, TypeError, r"'a'.*loguniform"),
    space("impossible scale", stats.uniform(0, -1), ValueError, r"'a'"),
    space("log of 0 by scipy", stats.loguniform(0, 1), ValueError, r"'a'"),
    space("empty randint", stats.randint(5, 5), ValueError, r"'a'"),
    case("parameter unknown", ValueError, r"'nope'.*Counting", param_distributions={"nope": [1]}),
    case(
        "parameter unknown, second dict",
        ValueError,
        r"'nope'.*Counting",
        param_distributions=[RANGE, {"nope": [1]}],
    ),
    case(
        "parameter unknown in a pipeline",
        ValueError,
        r"'clf__nope'",
        estimator=pipeline(),
        param_distributions={"clf__nope": [1]},
    ),
    case(
        "step unknown in a pipeline",
        ValueError,
        r"'svc__a'",
        estimator=pipeline(),
        param_distributions={"svc__a": [1]},
    ),
    *(
        case(
            f"misspelt {name}",
            ValueError,
            f"{name!r}.*Pipeline does not accept; did you mean {meant!r}",
            estimator=pipeline(),
            param_distributions={name: [1]},
        )
        for name, meant in (
            ("a", "clf__a"),
            ("clv__a", "clf__a"),
            ("scale__with_meen", "scale__with_mean"),
        )
    ),
    case(
        "parameter of a step unknown",
        ValueError,
        "'part__alpha'.*Pipeline does not accept where 'part'",
        estimator=pipeline(),
        param_distributions={"part__alpha": (0.1, 1.0), "part": [Ridge()]},
    ),
    case(
        "parameter of a step that is off",
        ValueError,
        "'scale__with_mean'.*does not accept while 'scale' is 'passthrough'; set or search",
        estimator=pipeline().set_params(scale="passthrough"),
        param_distributions={"scale__with_mean": [True]},
    ),
    case(
        "misspelt parameter of a choice",
        ValueError,
        r"'clf__alpa'.*where 'clf' is Ridge\(\).*did you mean 'clf__alpha'\? Invalid",
        estimator=pipeline(),
        param_distributions={"clf": [Ridge()], "clf__alpa": (0.1, 1.0)},
    ),
    case(
        "parameter of a choice that lacks it",
        ValueError,
        r"'clf__a'.*Ridge.*list of dicts",
        estimator=pipeline(),
        param_distributions={"clf": [Counting(), Ridge()], "clf__a": (0.1, 1.0)},
    ),
    case(
        "parameter of None",
        ValueError,
        r"'part__alpha'.*None",
        param_distributions={"part": [Ridge(), None], "part__alpha": (0.1, 1.0)},
    ),
    case(
        "parameter of no estimator",
        ValueError,
        r"'b__c'",
        param_distributions={"b__c": (0.1, 1.0)},
    ),
]

NUMBERS = [
    *(case(f"n_iter={n!r}", ValueError, "n_iter", n_iter=n) for n in (0, -1, 2.5, "10", None)),
    *(
        case(f"n_initial_points={n!r}", ValueError, "n_initial_points", n_initial_points=n)
        for n in (0, -2, 2.5, "many", None)
    ),
    *(case(f"lag={n!r}", ValueError, "lag", lag=n) for n in (0, -1, 1.5, "2")),
    *(case(f"n_jobs={n!r}", ValueError, "'n_jobs' .*None", n_jobs=n) for n in (0, 1.5, "2")),
    *(
        case(f"random_state={n!r}", ValueError, "random_state", random_state=n)
        for n in ("x", -1, 1.5)
    ),
    *(case(f"verbose={n!r}", ValueError, "verbose", verbose=n) for n in (-1, "loud", None)),
    *(
        case(f"pre_dispatch={n!r}", ValueError, "pre_dispatch", pre_dispatch=n)
        for n in ("junk", "2*cores", "2*", "", 0, -1, 0.5, None, "0*n_jobs", "n_jobs/0")
    ),
    *(case(f"error_score={s!r}", ValueError, "error_score", error_score=s) for s in ("bad", None)),
    case("return_train_score='x'", ValueError, "return_train_score", return_train_score="x"),
    case("refit=3", ValueError, "refit", refit=3),
]

OBJECTIVES = [
    case("objective=3", ValueError, "objective", objective=3),
    case("objective unknown", ValueError, r"objective='f1'.*\['score'\]", objective="f1"),
    case(
        "objective not among metrics",
        ValueError,
        r"objective='auc'.*\['accuracy', 'f1'\]",
        objective="auc",
        scoring=METRICS,
        refit="f1",
    ),
    case(
        "objective not among a function's metrics",
        ValueError,
        r"objective='auc'.*\['first', 'second'\]",
        objective="auc",
        scoring=two_scores,
        refit="first",
        n_fits=2,
    ),
    case("nothing to maximise", ValueError, r"objective.*refit", scoring=METRICS, refit=False),
    case(
        "nothing to maximise, metrics of a function",
        ValueError,
        r"objective.*refit",
        scoring=two_scores,
        refit=False,
        n_fits=2,
    ),
    case(
        "nothing to maximise, callable refit",
        ValueError,
        r"objective.*refit",
        scoring=METRICS,
        refit=lambda results: 0,
    ),
    case(
        "objective gives text",
        TypeError,
        r"objective.*'good'",
        objective=lambda means: "good",
        n_fits=2,
    ),
    case(
        "objective gives nothing",
        TypeError,
        r"objective.*None",
        objective=lambda means: None,
        n_fits=2,
    ),
    case(
        "objective gives an array",
        TypeError,
        r"objective.*array",
        objective=lambda means: np.ones(2),
        n_fits=2,
    ),
]

CANDIDATES = [
    case(
        f"initial_candidates={candidates!r}",
        (TypeError, ValueError),
        "initial_candidates" + named,
        initial_candidates=candidates,
        param_distributions=BOTH,
    )
    for candidates, named in (
        ("a", ""),
        (3, ""),
        ([0.5], r"\[0\].*0\.5"),
        ([{"a": 0.5}, ["a"]], r"\[1\].*\['a'\]"),
        ({"a": 2.0}, r".*'a'.*2\.0"),
        ({"a": "0.5"}, r".*'a'.*'0\.5'"),
        ({"a": None}, r".*'a'.*None"),
        ({"a": np.nan}, r".*'a'.*nan"),
        ({"b": 3}, r".*'b'.*3"),
        ([{"b": 1}, {"b": 1.5}], r"\[1\].*'b'.*1\.5"),
        ({"c": 1}, r".*'c'.*'a', 'b'"),
        ({1: 1}, r".*1"),
    )
] + [
    case(
        "initial_candidates across subspaces",
        ValueError,
        r"initial_candidates\[0\].*",
        param_distributions=[{"a": (0.1, 1.0)}, {"b": [1, 2]}],
        initial_candidates={"a": 0.5, "b": 1},
    ),
]

METRICS_AND_REFIT = [
    case("scoring unknown", ValueError, "scoring.*'nope'|'nope'.*scoring", scoring="nope"),
    case("scoring unknown among several", ValueError, "'nope'", scoring=["f1", "nope"], refit="f1"),
    case("scoring=[]", ValueError, r"scoring|Empty list.*\[\]", scoring=[]),
    case("scoring={}", ValueError, "empty dict", scoring={}, refit=False),
    case("scoring twice", ValueError, "[Dd]uplicate|unique", scoring=["f1", "f1"], refit="f1"),
    case("scoring=3", ValueError, "scoring", scoring=3),
    case("scoring of no scorers", ValueError, "scor", scoring={"m": 3}, refit="m"),
    case(
        "scoring is a metric",
        ValueError,
        "metric function.*scorer",
        scoring=accuracy_score,
    ),
    case("refit among metrics", ValueError, "refit.*(metric|scorer)", scoring=METRICS, refit="auc"),
    case("refit=True, metrics", ValueError, "refit", scoring=METRICS, refit=True),
    case("scorer gives text", ValueError, "scor.*'?good'?", scoring=text_score, n_fits=1),
    case("scorer gives nothing", ValueError, "scor.*None", scoring=none_score, n_fits=1),
    case("scorer gives a list", ValueError, "scor.*list", scoring=list_score, n_fits=1),
    case(
        "scorer of several gives nothing",
        ValueError,
        "scor.*None",
        scoring={"m": none_score, "f1": "f1"},
        refit="f1",
        n_fits=1,
    ),
    case("refit not in a function's", ValueError, "refit", scoring=two_scores, n_fits=2),
    case(
        "refit gives text",
        TypeError,
        "best_index_|refit",
        refit=lambda results: "0",
        n_fits=6,
    ),
    case(
        "refit gives no row",
        IndexError,
        "best_index_|refit",
        refit=lambda results: 99,
        n_fits=6,
    ),
]

SPLITS = [
    *(case(f"cv={cv!r}", ValueError, "cv|n_splits", cv=cv) for cv in (0, 1, -2, "five", 2.5)),
    case("cv class", ValueError, "cv.*KFold", cv=KFold),
    case("cv without splits", ValueError, "cv", cv=[]),
    case("more splits than samples", ValueError, "n_splits=20", cv=KFold(20)),
    case("more splits than members", ValueError, "n_splits=7", cv=StratifiedKFold(7)),
    case("empty train", ValueError, "cv.*empty train.*1", cv=[HALVES, (NOTHING, HALVES[1])]),
    case("empty test", ValueError, "cv.*empty test.*0", cv=[(HALVES[0], NOTHING), HALVES]),
    case(
        "empty train, as a mask",
        ValueError,
        "cv.*empty train.*0",
        cv=[(np.zeros(12, dtype=bool), np.ones(12, dtype=bool))],
    ),
    case("mask of wrong length", ValueError, "cv", cv=[(np.ones(5, dtype=bool), HALVES[1])]),
    case("fewer splits than announced", ValueError, "cv.*inconsistent", cv=Splitter([HALVES], 2)),
    case("more splits than announced", ValueError, "cv.*inconsistent", cv=Splitter([HALVES], 0)),
    *(
        case(name, (IndexError, TypeError, ValueError), "cv.*split", cv=cv)
        for name, cv in (
            ("split of three", [(*HALVES, NOTHING)]),
            ("split of three by a splitter", Splitter([(*HALVES, NOTHING)], 1)),
            ("split of numbers", [(3, 4)]),
            ("split of nothing", [None]),
            ("split of text", [HALVES, "ab"]),
            ("index beyond the data", [(HALVES[0], np.array([12]))]),
            ("index before the data", [(HALVES[0], np.array([-13]))]),
            ("indices that are floats", [(HALVES[0], HALVES[1].astype(float))]),
        )
    ),
    case("splits used up", ValueError, "cv", cv=iter([])),
    case("GroupKFold without groups", ValueError, "groups", cv=GroupKFold(2)),
    case(
        "groups of wrong length",
        ValueError,
        "inconsistent.*(12|5)",
        cv=GroupKFold(2),
        fit={"groups": np.arange(5)},
    ),
]

DATA = [
    case("y shorter", ValueError, "inconsistent.*12, 11", fit={"y": y[1:]}),
    case(
        "y with NaN",
        ValueError,
        "y contains NaN.*first.*3",
        estimator=Own(),
        fit={"y": np.r_[0, 1, 0, np.nan, y[4:]]},
    ),
    case(
        "y with NaN, splits by number, no refit",
        ValueError,
        "y contains NaN.*first.*3",
        estimator=Own(),
        refit=False,
        fit={"y": np.r_[0, 1, 0, np.nan, y[4:]]},
    ),
    case(
        "y with NaN, Series",
        ValueError,
        "y contains NaN",
        estimator=Own(),
        fit={"y": pd.Series(np.r_[np.nan, y[1:]])},
    ),
    case(
        "y with NaN, list",
        ValueError,
        "y contains NaN",
        estimator=Own(),
        fit={"y": [float("nan"), *y[1:]]},
    ),
    case(
        "y with None",
        ValueError,
        "y contains (NaN|None)",
        estimator=Own(),
        fit={"y": pd.Series([None, "b"] * 6, dtype=object)},
    ),
    case(
        "y with NaN, text",
        ValueError,
        "y contains NaN",
        estimator=Own(),
        fit={"y": np.array([np.nan, "b"] * 6, dtype=object)},
    ),
    case(
        "y with NA",
        ValueError,
        "y contains (NaN|NA)",
        estimator=Own(),
        fit={"y": pd.Series([None, 1] * 6, dtype="Int64")},
    ),
    case(
        "y with NA, text",
        ValueError,
        "y contains (NaN|NA)",
        estimator=Own(),
        fit={"y": pd.Series([None, "b"] * 6, dtype="string")},
    ),
    case("X missing", (TypeError, ValueError), "X|array|samples", fit={"X": None}),
    case("X a number", (TypeError, ValueError), "array|X", fit={"X": 3.0}),
    case("no samples", ValueError, "sample", fit={"X": X[:0], "y": y[:0]}),
    case("y missing", ValueError, "(?s)fits failed.*'y'", fit={"y": None}),
    case(
        "sample_weight shorter",
        ValueError,
        "sample_weight",
        fit={"sample_weight": np.ones(5)},
    ),
    case("fit parameter unknown", ValueError, "(?s)fits failed.*'junk'", fit={"junk": 3}),
]

ESTIMATORS = [
    case("estimator without fit", ValueError, "estimator", estimator=NoFit()),
    case(
        "estimator class",
        (TypeError, ValueError),
        "^(?!param_distributions).*instance",
        estimator=Counting,
    ),
    case(
        "estimator without get_params",
        (TypeError, ValueError),
        "^(?!param_distributions).*(get_params|clone)",
        estimator=NoParams(),
    ),
    case("estimator None", (TypeError, ValueError), "estimator", estimator=None),
    case("estimator text", (TypeError, ValueError), "estimator", estimator="svc"),
    case("estimator without score", (TypeError, ValueError), "scor", estimator=NoScore()),
]

CASES = SPACES + NUMBERS + OBJECTIVES + CANDIDATES + METRICS_AND_REFIT + SPLITS + DATA + ESTIMATORS


@pytest.mark.parametrize(("search", "fit", "error", "match", "n_fits"), CASES)
def test_malformed_call_raises_at_fit_and_names_the_argument(search, fit, error, match, n_fits):
    arguments = {
        "estimator": Counting(),
        "param_distributions": RANGE,
        "n_iter": 3,
        "cv": 2,
        "random_state": 0,
        **search,
    }
    searcher = BayesSearchCV(**arguments)  # says nothing yet, as scikit-learn asks
    Counting.n_fits = 0
    with pytest.raises(error, match=match):
        searcher.fit(**{"X": X, "y": y, **fit})
    assert Counting.n_fits <= n_fits


def test_an_error_in_a_worker_is_the_same_as_in_this_process():
    search = BayesSearchCV(Counting(), RANGE, n_iter=3, cv=2, scoring=text_score, n_jobs=2)
    with parallel_config("loky"), pytest.raises(ValueError, match=r"scor.*good"):
        search.fit(X, y)
