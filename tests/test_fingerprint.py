"""A journal belongs to one search, and another one is told what differs."""

import functools
import os
import re
import subprocess
import sys
import textwrap
from collections import deque
from dataclasses import dataclass, field
from enum import Enum
from unittest.mock import Mock

import joblib
import numpy as np
import pandas as pd
import polars as pl
import pytest
from journaled import (
    SIMPLE,
    THINGS,
    Anything,
    X,
    cube,
    make,
    y,
)
from scipy import sparse, stats
from sklearn import config_context
from sklearn.compose import make_column_selector
from sklearn.linear_model import LassoCV, LogisticRegression, Ridge
from sklearn.metrics import f1_score, make_scorer
from sklearn.model_selection import KFold, ShuffleSplit
from sklearn.pipeline import Pipeline, make_pipeline
from sklearn.preprocessing import MinMaxScaler, StandardScaler

from sklearn_bo.fingerprint import describe, fingerprint
from sklearn_bo.space import Space

pytestmark = pytest.mark.usefixtures("no_fits")


# -- the search that a journal belongs to

EARLIER = {"params": [{"a": 0.1, "b": 2, "thing": "u"}], "mean_test_score": np.array([0.5])}


@pytest.mark.filterwarnings("ignore:The scoring .* does not support sample_weight")
@pytest.mark.parametrize(
    ("change", "data", "named"),
    [
        ({"random_state": 1}, {}, "random_state: 0 in the journal, 1 here"),
        ({"param_distributions__a": (0.0, 2.0)}, {}, r"param_distributions\['a'\]: Real\(low=0.0"),
        ({"param_distributions__c": [1]}, {}, r"param_distributions: parameters \['a', 'b'"),
        ({"param_distributions__tol": [1]}, {}, r"param_distributions\['tol'\]: nothing in"),
        ({"param_distributions__thing": ["u", "w"]}, {}, r"\['thing'\]: choices list\('u', 'v'\)"),
        ({"estimator": "subclass"}, {}, "estimator: journaled.Anything in"),
        ({"estimator__tol": 0.2}, {}, "estimator's tol: 0.1 in the journal, 0.2 here"),
        ({"estimator__law": np.ones(2)}, {}, "estimator's law: 0.5 in the journal, array of"),
        ({"scoring": "accuracy"}, {}, "scoring: None in the journal, 'accuracy' here"),
        (
            {"scoring": lambda estimator, X, y: 0.0},
            {},
            "scoring: .*<lambda> with code [0-9a-f]+ here",
        ),
        ({"scoring": make_scorer(f1_score, average="macro")}, {}, "scoring: .*average=macro"),
        ({"cv": KFold(2)}, {}, "cv splits .*: list"),
        ({"cv": 3}, {}, "cv splits"),
        ({"error_score": 0.0}, {}, "error_score: nan in the journal, 0.0 here"),
        ({"return_train_score": True}, {}, "return_train_score: False in the journal, True"),
        ({"previous_results": EARLIER}, {}, r"previous_results: list\(\) in the journal, list\("),
        ({}, {"X": X + 1e-16}, r"X: array of float64 \(30, 3\)"),
        ({}, {"X": X[:, :2]}, r"X: .*\(30, 2\)"),
        ({}, {"X": X.astype(np.float32)}, "X: .*float32"),
        ({}, {"y": 1 - y}, "y: array of int64"),
        ({}, {"sample_weight": np.ones(30)}, "sample_weight: nothing in the journal, array"),
    ],
)
def test_another_search_is_refused_and_what_differs_is_named(path, change, data, named):
    space = {**SIMPLE, "thing": ["u", "v"]}
    make(path, space, n_iter=2, cv=KFold(2, shuffle=True, random_state=0)).fit(X, y)
    content = path.read_bytes()
    search = make(path, space, n_iter=2, cv=KFold(2, shuffle=True, random_state=0))
    for name, value in change.items():
        if name == "estimator":

            class Other(Anything):
                pass

            search.estimator = Other()
        elif name.startswith("param_distributions__"):
            space = {**space, name.removeprefix("param_distributions__"): value}
            if "c" in space:
                del space["c"]
                space = {"b": space["b"], "thing": space["thing"]}
            search.param_distributions = space
        else:
            search.set_params(**{name: value})
    Anything.fits.clear()
    with pytest.raises(ValueError, match="belongs to a different search") as caught:
        search.fit(**{"X": X, "y": y, **data})
    assert re.search(named, str(caught.value))
    differing = [line for line in str(caught.value).splitlines() if line.startswith("- ")]
    assert len(differing) <= 3
    assert not Anything.fits
    assert path.read_bytes() == content


def test_an_unseeded_shuffle_is_named_with_its_remedy(path):
    search = make(path, cv=ShuffleSplit(2))
    search.fit(X, y)
    with pytest.raises(ValueError, match="a shuffle without random_state gives new ones") as error:
        search.fit(X, y)
    assert str(error.value).count("\n- ") == 1


def test_what_only_steers_or_runs_the_search_may_change(path):
    make(path, n_iter=4, n_initial_points=3).fit(X, y)
    Anything.fits.clear()
    changed = {"n_jobs": 2, "lag": 2, "pre_dispatch": 2, "fit_timeout": 60.0, "verbose": 0}
    changed |= {"n_initial_points": 2, "refit": True, "initial_candidates": {"a": 0.125}}
    with joblib.parallel_config("threading"):
        search = make(path, **{"n_iter": 6, **changed}).fit(X, y)
    assert len(Anything.fits) == 2 * 2 + 1
    assert search.cv_results_["param_a"][4] == 0.125


def test_parameters_that_the_space_sets_are_left_out():
    pipe = make_pipeline(StandardScaler(), LogisticRegression(C=3.0))
    space = Space({"logisticregression__C": (0.1, 1.0), "standardscaler": ["passthrough", None]})
    before = fingerprint(space, pipe, {})
    pipe.set_params(logisticregression__C=5.0, standardscaler=MinMaxScaler())
    assert fingerprint(space, pipe, {}) == before
    pipe.set_params(logisticregression__tol=1e-3)
    after = fingerprint(space, pipe, {})
    differing = [name for name in before if before[name] != after[name]]
    assert differing == ["estimator's logisticregression__tol"]


@dataclass
class Settings:
    depth: int


@dataclass
class Node:
    """Refers to itself, and lacks a value."""

    depth: int
    node: object = field(init=False)
    late: int = field(init=False)

    def __post_init__(self):
        self.node = self


class Cost:
    """Holds itself, too."""

    def __init__(self, weight):
        self.weight = weight
        self.itself = self

    def __call__(self, estimator, X, y):
        return self.weight


class Rows:
    """Data that are no array and have no state to pickle."""

    def __init__(self, values):
        self.values = values

    def __array__(self, dtype=None, copy=None):
        return np.array(self.values, dtype)

    def __reduce_ex__(self, protocol):
        raise TypeError("not to be pickled")


def within(cost, default=0, sign=0):
    """Return a function that refers to itself; at first one of its variables has no value."""

    def score(estimator, X, y, weight=default, *, sign=sign):
        return cost if later else score(estimator, X, y, weight, sign=sign)

    if cost is not None:
        later = True
    return score


def scaled_by(cost):
    return lambda estimator, X, y: cost


def cached(cost):
    return functools.lru_cache(lambda a: a + cost)


FIRST, FIRST_TOO, SECOND = (lambda a, b: a), (lambda a, b: a), (lambda b, a: b)
ONE, ONE_TOO, ALL = (lambda a: a), (lambda a: a), (lambda *a: a)
PLUS, PLUS_TOO, MINUS = (lambda a, b: a + b), (lambda a, b: a + b), (lambda a, b: a - b)
NESTED, NESTED_TOO, NESTED_OTHER = (
    (lambda a: map(lambda b: b + 1, a)),
    (lambda a: map(lambda b: b + 1, a)),
    (lambda a: map(lambda b: b - 1, a)),
)


def in_order(categories):
    return pd.Categorical(["a", "b"], list(categories))


def masked(first_is_masked):
    return np.ma.array([1.0, 2.0], mask=[first_is_masked, False])


@pytest.mark.parametrize(
    ("one", "same", "other"),
    [
        (np.random.RandomState(0), np.random.RandomState(0), np.random.RandomState(1)),
        (np.random.default_rng(0), np.random.default_rng(0), np.random.default_rng(1)),
        (Settings(3), Settings(3), Settings(4)),
        (stats.uniform(0, 1), stats.uniform(0, 1), stats.uniform(0, 2)),
        (re.compile("a" * 999), re.compile("a" * 999), re.compile("a" * 999 + "b")),
        (re.compile("a"), re.compile("a"), re.compile("a", re.IGNORECASE)),
        (Node(1), Node(1), Node(2)),
        (deque([1, 2]), deque([1, 2]), deque([2, 1])),
        (bytearray(b"a"), bytearray(b"a"), bytearray(b"b")),
        (masked(True), masked(True), masked(False)),
        (np.timedelta64(1, "s"), np.timedelta64(1, "s"), np.timedelta64(2, "s")),
        (np.datetime64("2020"), np.datetime64("2020"), np.datetime64("2021")),
        (make_column_selector("^p"), make_column_selector("^p"), make_column_selector("^s")),
        (LassoCV(cv=KFold(2)), LassoCV(cv=KFold(2)), LassoCV(cv=KFold(3))),
        (Cost(1), Cost(1), Cost(2)),
        (Cost(1).__call__, Cost(1).__call__, Cost(2).__call__),
        (Rows([1]), Rows([1]), Rows([2])),
        (in_order("ab"), in_order("ab"), in_order("ba")),
        (within({"fp": 1.0}), within({"fp": 1.0}), within({"fp": 2.0})),
        (within(1, default=2), within(1, default=2), within(1, default=3)),
        (within(1, sign=2), within(1, sign=2), within(1, sign=3)),
        (within(None), within(None), within(0)),
        (scaled_by(1), scaled_by(1), scaled_by(2)),
        *((within(f), within(f), within(g)) for f, g in ((max, min), (np.mean, np.median))),
        *((within(f), within(f), within(g)) for f, g in ((np.add, np.fmax), (Ridge, LassoCV))),
        (within(frozenset("ab")), within(frozenset("ab")), within(frozenset("ac"))),
        (PLUS, PLUS_TOO, MINUS),
        (NESTED, NESTED_TOO, NESTED_OTHER),
        (cached(1), cached(1), cached(2)),
        (FIRST, FIRST_TOO, SECOND),
        (ONE, ONE_TOO, ALL),
        (lambda: KFold, lambda: KFold, lambda: ShuffleSplit),
        tuple(functools.partial(round, ndigits=n) for n in (2, 2, 3)),
    ],
    ids=lambda value: type(value).__name__,
)
def test_common_objects_are_told_apart_by_what_they_hold(one, same, other):
    assert describe(one) == describe(same) != describe(other)


def test_objects_that_refer_to_one_another_are_each_described_once():
    nodes = [Cost(weight) for weight in range(30)]
    for node in nodes:
        node.others = nodes
    assert len(describe(nodes[0])) < 30 * 30 * 50  # each lists all
    before = describe(nodes[0])
    nodes[-1].weight = -1
    assert describe(nodes[0]) != before


def test_an_object_that_stands_twice_is_as_two_that_are_equal():
    shared = Settings(3)
    assert describe([shared, shared]) == describe([Settings(3), Settings(3)])
    assert describe([shared, shared]) != describe([shared, Settings(4)])


class Activation(Enum):
    RELU = functools.partial(np.maximum, 0)
    COST = Cost(1)


def test_members_of_enumerations_are_described_by_name():
    assert describe(Activation.RELU).endswith(".Activation.RELU")
    assert describe(Activation.COST).endswith(".Activation.COST")


def test_the_order_of_the_entries_of_sparse_data_makes_no_other_search():
    rng = np.random.RandomState(0)
    factors = (sparse.csr_matrix(rng.randint(2, size=shape)) for shape in ((9, 6), (6, 5)))
    product = next(factors) @ next(factors)
    assert not product.has_sorted_indices
    before = describe(product)
    assert not product.has_sorted_indices  # is left as it is
    product.sort_indices()
    assert describe(product) == before


def test_scores_that_processors_round_differently_are_the_same_previous_results(path):
    n = 12
    scores = np.random.RandomState(0).uniform(1, 100, n) ** 3
    for rounding in (0.0, 1e-15):
        source = {
            "params": [{"a": 0.08 * k, "b": 2} for k in range(n)],
            "mean_test_score": scores * (1 + rounding * (-1) ** np.arange(n)),
        }
        make(path, n_iter=2, previous_results=source).fit(X, y)
    assert len(Anything.fits) == 4


def test_where_metadata_go_is_part_of_a_search(path):
    def fit(to_fit, to_score):
        estimator = LogisticRegression().set_fit_request(sample_weight=to_fit)
        search = make(path, {"C": (0.1, 1.0)}, n_iter=2)
        search.estimator = estimator.set_score_request(sample_weight=to_score)
        return search.fit(X, y, sample_weight=np.linspace(0.1, 2, 30))

    with config_context(enable_metadata_routing=True):
        before = fit(True, False).cv_results_["mean_fit_time"]
        np.testing.assert_array_equal(fit(True, False).cv_results_["mean_fit_time"], before)
        with pytest.raises(ValueError, match="different search:\n- metadata requests"):
            fit(False, True)


def test_a_chain_too_long_to_follow_is_described_by_its_type():
    chain = None
    for _ in range(3000):
        chain = Cost(chain)
    assert describe(chain).endswith(".Cost")


def test_a_cache_has_no_effect():
    steps = [("scale", StandardScaler()), ("ridge", Ridge())]
    space = Space({"ridge__alpha": (0.1, 1.0)})
    parts = [
        fingerprint(space, Pipeline(steps, memory=memory), {})
        for memory in (None, "folder", "other", joblib.Memory(None), 5)  # no cache, the last
    ]
    assert all(other == parts[0] for other in parts[1:4])
    assert parts[4] != parts[0]


def test_what_is_left_out_and_how_a_number_is_written_make_no_other_search(path):
    make(path, n_iter=2, error_score=0).fit(X, y)
    Anything.fits.clear()
    make(path, n_iter=2, error_score=0.0, refit=False).fit(X, y, sample_weight=None, groups=None)
    assert not Anything.fits


class Jitted:
    """Has the code of a function, as what numba compiles, but not its variables."""

    __code__ = (lambda a: a).__code__


def test_a_function_whose_variables_nothing_describes_is_described_by_name():
    def score():
        return held

    for held in ((Mock(),), 10**5000):  # noqa: B007
        assert describe(score).endswith("<locals>.score")
    assert describe(lambda: held + 1) != describe(lambda: held - 1)  # told apart by the rest
    compiled = Jitted()
    functools.update_wrapper(compiled, lambda a: a)
    assert "<locals>.<la" in describe(compiled)  # and shortened


def named(**keywords):
    return functools.update_wrapper(functools.partial(f1_score, **keywords), f1_score)


def of_keyword(k):
    return lambda x, *, power=k: x**power


@pytest.mark.parametrize(
    ("one", "other"),
    [
        (
            functools.partial(f1_score, average="macro"),
            functools.partial(f1_score, average="micro"),
        ),
        (named(average="macro"), named(average="micro")),
        (lambda x: np.sin(x), lambda x: np.cos(x)),
        (of_keyword(1), of_keyword(2)),
        (
            np.ma.array([1.0, 1e20], mask=[False, False], fill_value=1e20),
            np.ma.array([1.0, 1e20], mask=[False, True], fill_value=1e20),
        ),
    ],
    ids=[
        "partial",
        "named partial",
        "names in a lambda",
        "keywords of a lambda",
        "masked by its fill",
    ],
)
def test_what_differs_in_one_detail_alone_is_told_apart(one, other):
    assert describe(one) == describe(one) != describe(other)


def test_how_likely_choices_are_is_part_of_a_search():
    def of(*weights):
        law = stats.rv_discrete(values=([1, 2, 5], weights))
        return fingerprint(Space({"alpha": law}), Ridge(), {})

    assert of(0.2, 0.3, 0.5) == of(0.2, 0.3, 0.5) != of(0.3, 0.2, 0.5)


def test_a_function_within_another_is_described_by_its_variables():
    weight, calls = 2.0, []

    def score(estimator, X, y, offset=3, *, power=4):
        return calls.append(weight * offset**power)

    score.__qualname__ = "<locals>.score"  # a shorter one, lest a hash stand for its end
    name, variables = describe(score).split(" with ")
    assert name == f"{__name__}.<locals>.score"
    assert variables == "weight=2.0, default 0=3, power=4"


def test_what_a_function_within_another_may_change_makes_no_other_search():
    calls, arguments, n_calls = [], Settings(3), 0

    def score(log=calls, *, more=calls):
        nonlocal n_calls
        n_calls += 1
        return calls.append(arguments)

    before = describe(score)
    score()
    arguments.depth = 4
    assert describe(score) == before


def test_a_mapping_that_lives_elsewhere_makes_no_other_search(monkeypatch):
    environment = os.environ

    @functools.singledispatch  # whose cache of types grows
    def score(estimator):
        return environ_of(estimator)

    def environ_of(estimator):
        return environment

    before = [describe(score), describe(environ_of)]
    score(Ridge())
    monkeypatch.setenv("SOME_JOB", "2")
    assert [describe(score), describe(environ_of)] == before
    assert "environment" not in before[1]


def test_functions_and_classes_are_described_by_name():
    assert describe([str.split, np.ndarray.sum]) == "list(str.split, ndarray.sum)"
    assert (
        describe([pd.DataFrame, deque])
        == f"list({pd.DataFrame.__module__}.DataFrame, collections.deque)"
    )
    assert hasattr(f1_score, "__wrapped__")  # by a function with variables of its own
    assert describe(f1_score) == "sklearn.metrics._classification.f1_score"


def test_a_parameter_that_only_some_subspaces_set_is_part_of_the_estimator():
    space = Space([{"C": (0.1, 1.0)}, {"tol": (0.1, 1.0)}])
    parts = fingerprint(space, LogisticRegression(C=3.0), {})
    assert parts["estimator's C"] == "3.0"
    assert "estimator's tol" in parts


def frames(shift=0):
    numbers, texts = np.arange(6.0) + shift, [f"text {i + shift}" for i in range(6)]
    days = pd.date_range("2020-01-01", periods=6, tz="UTC") + pd.Timedelta(days=shift)
    table = pd.DataFrame({"n": numbers, "t": texts, "d": days, "c": pd.Categorical(texts)})
    return {
        "array": numbers.reshape(3, 2),
        "integers": numbers.astype(int),
        "objects": np.array([*texts, None, 3.5 + shift], dtype=object),
        "strings": np.array(texts),
        "structured": np.array([(1.0 + shift, "a")], dtype=[("x", float), ("y", "U3")]),
        "sparse matrix": sparse.csr_matrix(numbers.reshape(3, 2)),
        "sparse array": sparse.coo_array(numbers.reshape(3, 2)),
        "list": numbers.tolist(),
        "nested list": [texts, texts],
        "table": table,
        "series": table["t"],
        "index": pd.DataFrame({"n": range(6)}, index=days),
        "polars": pl.DataFrame({"n": numbers, "t": texts}),
        "polars series": pl.Series(texts),
        "array of pandas": pd.array(numbers),
        "categories": pd.Categorical(texts),
        "mapping": {"b": numbers, "a": {shift, 8}},
        "none": [None, shift],
        "partial": functools.partial(cube, shift),
        "estimator": LogisticRegression(C=1.0 + shift),
        "estimators": [("one", make_pipeline(LogisticRegression(C=1.0 + shift)))],
    }


@pytest.mark.parametrize("kind", frames())
def test_data_are_the_same_if_their_values_are(kind):
    assert describe(frames()[kind]) == describe(frames()[kind])
    assert describe(frames()[kind]) != describe(frames(1)[kind])


def test_data_are_described_alike_in_every_process():
    code = """
        import sys
        from test_fingerprint import THINGS, describe, frames
        sys.stdout.write(repr(describe([frames(), THINGS])))
    """
    path = os.pathsep.join([os.path.dirname(__file__), *filter(None, sys.path)])
    description = subprocess.run(
        [sys.executable, "-c", textwrap.dedent(code)],
        env={**os.environ, "PYTHONHASHSEED": "7", "PYTHONPATH": path},
        stdout=subprocess.PIPE,
        text=True,
        check=True,
    ).stdout
    assert description == repr(describe([frames(), THINGS]))
