"""Earlier searches: what is accepted, and what is said of the rest."""

import json
import math
from io import StringIO

import numpy as np
import pandas as pd
import pytest
from scipy import stats
from sklearn.base import BaseEstimator, ClassifierMixin, clone
from sklearn.ensemble import RandomForestClassifier
from sklearn.experimental import enable_halving_search_cv  # noqa: F401
from sklearn.model_selection import (
    GridSearchCV,
    HalvingRandomSearchCV,
    RandomizedSearchCV,
    cross_val_score,
)
from sklearn.svm import SVC

from sklearn_bo import BayesSearchCV
from sklearn_bo.previous import Row, find_setting, read_sources
from sklearn_bo.space import Space

X = np.arange(48.0).reshape(24, 2)
y = np.arange(24) % 2


class Peak(ClassifierMixin, BaseEstimator):
    """Scores the best at a = 0.7, b = 3 and kind "good"."""

    n_fits = 0

    def __init__(self, a=0.5, b=1, kind="bad", depth=None):
        self.a = a
        self.b = b
        self.kind = kind
        self.depth = depth

    def fit(self, X, y):
        Peak.n_fits += 1
        if self.a > 0.9:
            raise ValueError("too much")
        self.classes_ = np.unique(y)
        return self

    def score(self, X, y):
        return -((self.a - 0.7) ** 2) - 0.1 * abs(self.b - 3) - 0.2 * (self.kind == "bad")


GRID = {"a": [0.1, 0.5, 0.7], "b": [1, 3], "kind": ["good", "bad"]}
SPACE = {"a": (0.0, 0.9), "b": (1, 5), "kind": ["good", "bad"]}


def search(space=SPACE, estimator=None, **kwargs):
    kwargs = {"n_iter": 3, "cv": 2, "random_state": 0, "initial_candidates": [], **kwargs}
    return BayesSearchCV(estimator or Peak(), space, **kwargs)


@pytest.fixture(scope="module")
def grid():
    return GridSearchCV(Peak(), GRID, cv=2).fit(X, y)


class ScikitOptimizes(BaseEstimator):
    """What of a fitted search of scikit-optimize is there to read."""

    def __init__(self, cv_results):
        self.cv_results_ = cv_results

    def fit(self, X, y=None):
        return self


def of_scikit_optimize(grid):
    from collections import OrderedDict

    table = {k: v for k, v in grid.cv_results_.items() if "split" not in k}
    return ScikitOptimizes(table | {"params": [OrderedDict(p) for p in table["params"]]})


def csv(search):
    return pd.read_csv(StringIO(pd.DataFrame(search.cv_results_).to_csv()))


KINDS = {
    "grid": lambda grid: grid,
    "random": lambda grid: RandomizedSearchCV(Peak(), GRID, n_iter=12, cv=2).fit(X, y),
    "bayes": lambda grid: search(GRID, n_iter=12).fit(X, y),
    "scikit-optimize": of_scikit_optimize,
    "cv_results_": lambda grid: grid.cv_results_,
    "without params": lambda grid: {k: v for k, v in grid.cv_results_.items() if k != "params"},
    "lists": lambda grid: {
        "params": grid.cv_results_["params"],
        "mean_test_score": grid.cv_results_["mean_test_score"].tolist(),
    },
    "DataFrame": lambda grid: pd.DataFrame(grid.cv_results_),
    "CSV": csv,
    "dict of dicts": lambda grid: pd.DataFrame(grid.cv_results_).to_dict(),
    "JSON": lambda grid: json.loads(pd.DataFrame(grid.cv_results_).to_json()),
    "results_frame": lambda grid: search(GRID, n_iter=12).fit(X, y).results_frame(),
    "list": lambda grid: [grid, csv(grid)],
    "tuple": lambda grid: (grid,),
}


@pytest.mark.parametrize("kind", KINDS)
def test_every_form_of_an_earlier_search_shows_where_the_best_is(grid, kind):
    warm = search(n_iter=6, previous_results=KINDS[kind](grid)).fit(X, y)
    assert {trial.origin for trial in warm.trials_} == {"model"}
    assert warm.trials_[0].params["kind"] == "good"
    assert warm.best_params_["b"] == 3
    assert abs(warm.best_params_["a"] - 0.7) < 0.1
    assert len(warm.cv_results_["params"]) == 6


def test_every_form_of_one_search_reads_alike(grid):
    space, defaults = Space(SPACE), Peak().get_params()
    expected = grid.cv_results_["params"]
    for kind in KINDS.keys() - {"random", "bayes", "results_frame", "list"}:
        (source,) = read_sources(KINDS[kind](grid), ["score"])
        assert [find_setting(row, space, defaults) for row in source] == expected
        np.testing.assert_allclose([r.score for r in source], grid.cv_results_["mean_test_score"])


def test_polars_frame_reads_like_a_pandas_one(grid):
    polars = pytest.importorskip("polars")
    frame = csv(grid).drop(columns="params")
    (source,) = read_sources(polars.DataFrame(frame.to_dict(orient="list")), ["score"])
    found = [find_setting(row, Space(SPACE), Peak().get_params()) for row in source]
    assert found == grid.cv_results_["params"]


def test_polars_frame_with_dicts_tells_subspaces_apart():
    polars = pytest.importorskip("polars")
    params = [{"a": 0.1}, {"b": 2}]
    table = {"params": params, "param_a": [0.1, None], "param_b": [None, 2]}
    (source,) = read_sources(polars.DataFrame({**table, "mean_test_score": [0.0, 1.0]}), ["score"])
    space = Space([{"a": (0.0, 1.0)}, {"b": (1, 5)}])
    assert [find_setting(row, space, Peak().get_params()) for row in source] == params


def test_trials_of_another_library_are_not_taken_for_ours(grid):
    foreign = of_scikit_optimize(grid)
    foreign.trials_ = [object()] * 12
    assert len(read_sources(foreign, ["score"])[0]) == 12


def test_each_iteration_of_a_halving_search_is_a_source():
    halving = HalvingRandomSearchCV(
        Peak(), {"a": stats.uniform(0, 0.9)}, n_candidates=8, min_resources=4, cv=2, random_state=0
    ).fit(X, y)
    sources = read_sources(halving, ["score"])
    iterations = halving.cv_results_["iter"]
    assert [len(source) for source in sources] == np.bincount(iterations).tolist()
    warm = search({"a": (0.0, 0.9)}, previous_results=halving).fit(X, y)
    assert abs(warm.best_params_["a"] - 0.7) < 0.1


def test_random_forest_is_warm_started_by_a_file_of_another_search():
    forest = RandomForestClassifier(n_estimators=3, random_state=0)
    space = {"max_depth": [None, 2], "max_features": ["sqrt", 0.5], "bootstrap": [True, False]}
    first = GridSearchCV(forest, space, cv=2).fit(X, y)
    (source,) = read_sources(csv(first), ["score"])
    found = [find_setting(row, Space(space), forest.get_params()) for row in source]
    assert found == first.cv_results_["params"]


def test_subspaces_are_told_apart_in_a_file():
    space = [{"kernel": ["linear"], "C": [1, 10]}, {"kernel": ["rbf"], "gamma": [0.1, "scale"]}]
    first = GridSearchCV(SVC(), space, cv=2).fit(X, y)
    (source,) = read_sources(csv(first), ["score"])
    found = [find_setting(row, Space(space), SVC().get_params()) for row in source]
    assert found == first.cv_results_["params"]


# Values and parameters.


@pytest.mark.parametrize(
    ("spec", "text", "value"),
    [
        ((1, 9), 3.0, 3),
        ((1, 9), "3", 3),
        ((1, 9), "3.0", 3),
        ((0.0, 1.0), "0.25", 0.25),
        ((0.0, 1.0), 1, 1),
        ([1, 2], 1.0, 1),
        ([1.0, 2.0], 1, 1.0),
        ([1.0, 2.0], "1", 1.0),
        (["1", "2"], 1, "1"),
        ([None, 3], "None", None),
        ([True, False], "True", True),
        ([(5,), (5, 5)], "(5, 5)", (5, 5)),
    ],
)
def test_a_value_from_a_file_is_matched_to_the_space(spec, text, value):
    row = Row({"p": text}, 0.0, is_text=True)
    found = find_setting(row, Space({"p": spec}), {})
    assert found == {"p": value}
    assert type(found["p"]) is type(value)


@pytest.mark.parametrize(
    ("spec", "text"),
    [((1, 9), 2.5), ((1, 9), "three"), (["a"], "b"), ([1, 2], "nan"), ([0, 1], True)],
)
def test_a_value_from_a_file_that_matches_nothing_lies_outside(spec, text):
    assert find_setting(Row({"p": text}, 0.0, is_text=True), Space({"p": spec}), {}) is None


@pytest.mark.parametrize(
    ("choices", "value"), [(["ok", "NA"], "NA"), (["ok", "NA", "None"], None), (["ok", "no"], "ok")]
)
def test_an_empty_cell_of_a_file_is_the_only_choice_that_reads_so(choices, value):
    row = Row({"q": 1}, 0.0, frozenset({"p"}), is_text=True)
    found = find_setting(row, Space({"p": choices, "q": (0, 9)}), {"p": "ok"})
    assert found == (None if value is None else {"p": value, "q": 1})


def test_a_text_that_stands_for_two_choices_tells_none_of_them():
    class Alike:
        def __repr__(self):
            return "alike"

    row = Row({"p": "alike"}, 0.0, is_text=True)
    assert find_setting(row, Space({"p": [Alike(), "other"]}), {}) is not None
    assert find_setting(row, Space({"p": [Alike(), Alike()]}), {}) is None


def test_values_in_memory_are_taken_as_they_are():
    ((row,),) = read_sources({"params": [{"p": "3"}], "mean_test_score": [0.0]}, ["score"])
    assert find_setting(row, Space({"p": (1, 9)}), {}) is None
    assert find_setting(Row({"p": 1.0}, 0.0), Space({"p": [1, 10]}), {}) is None
    assert find_setting(Row({"p": 1.0}, 0.0), Space({"p": [0.1, 1, 10]}), {}) == {"p": 1}


@pytest.mark.parametrize(
    ("params", "space", "found"),
    [
        ({"a": 0.3}, {"a": (0.0, 1.0), "b": (1, 5)}, {"a": 0.3, "b": 1}),  # Peak's own b
        ({"a": 0.3}, {"a": (0.0, 1.0), "b": (2, 5)}, None),
        ({"a": 0.3, "b": 1}, {"a": (0.0, 1.0)}, {"a": 0.3}),
        ({"a": 0.3, "b": 2}, {"a": (0.0, 1.0)}, None),
        ({"a": 0.3, "nope": 1}, {"a": (0.0, 1.0)}, None),
        (
            {"a": 0.3, "b": 1},
            [{"a": (0.0, 1.0)}, {"a": (0.0, 1.0), "b": (1, 5)}],
            {"a": 0.3, "b": 1},
        ),
        ({"a": 3.0}, {"a": (0.0, 1.0)}, None),
    ],
)
def test_a_parameter_of_one_search_only_must_have_the_estimators_own_value(params, space, found):
    assert find_setting(Row(params, 0.0), Space(space), Peak().get_params()) == found


def test_a_parameter_that_a_file_made_a_float_has_the_estimators_own_value():
    row = Row({"a": 0.3, "b": 1.0}, 0.0, is_text=True)
    assert find_setting(row, Space({"a": (0.0, 1.0)}), Peak().get_params()) == {"a": 0.3}


def test_a_parameter_of_another_object_than_the_estimators_own_is_not_known():
    space, own = Space({"clf": ["x", "y"], "clf__C": (0.1, 1.0)}), {"clf": "x", "clf__C": 0.5}
    assert find_setting(Row({"clf": "y"}, 0.0), space, own) is None
    assert find_setting(Row({"clf__C": 0.2}, 0.0), space, own) == {"clf": "x", "clf__C": 0.2}


def test_a_search_of_which_nothing_inside_the_space_succeeded_teaches_nothing():
    table = {"params": [{"a": 0.5}, {"a": 3.0}], "mean_test_score": [np.nan, 1.0]}
    with pytest.warns(UserWarning, match="1 of 2"):
        warm = search(previous_results=table).fit(X, y)
    assert warm.cv_results_["params"] == search().fit(X, y).cv_results_["params"]


def test_settings_outside_are_counted_in_one_warning(grid):
    narrow = {"a": (0.4, 0.9), "b": (1, 5), "kind": ["good", "bad"]}
    message = r"^8 of 24 candidates of previous_results lie outside.*'a': 0\.1"
    with pytest.warns(UserWarning, match=message) as caught:
        warm = search(narrow, previous_results=[grid, csv(grid)]).fit(X, y)
    assert len(caught) == 1
    assert caught[0].filename == __file__
    assert warm.trials_[0].origin == "model"


def test_a_search_of_which_all_lies_outside_starts_cold(grid):
    space = {"a": (0.2, 0.4), "b": (1, 5)}
    with pytest.warns(UserWarning, match="12 of 12"):
        warm = search(space, previous_results=grid).fit(X, y)
    cold = search(space).fit(X, y)
    assert warm.cv_results_["params"] == cold.cv_results_["params"]


# Scores.


def two_scores(estimator, X, y):
    value = estimator.score(X, y)
    return {"up": value, "down": -value}


def test_the_objective_is_learned_from_where_the_source_has_it():
    first = GridSearchCV(Peak(), GRID, cv=2, scoring=two_scores, refit="down").fit(X, y)
    for refit, objective, kind in (
        ("up", None, "good"),
        ("down", None, "bad"),
        ("up", "down", "bad"),
    ):
        warm = search(scoring=two_scores, refit=refit, objective=objective, previous_results=first)
        assert warm.fit(X, y).trials_[0].params["kind"] == kind


@pytest.mark.parametrize(("scoring", "best"), [("f1", 1.0), (None, 5.0)])
def test_of_several_scores_that_of_the_search_is_learned_from(scoring, best):
    scores = {"mean_test_f1": [2, 1, 0], "mean_test_score": [0, 2, 1], "mean_test_other": [0, 1, 2]}
    table = {"params": [{"C": 1.0}, {"C": 5.0}, {"C": 9.0}], **scores}
    warm = search({"C": (0.5, 10.0)}, SVC(), scoring=scoring, previous_results=table)
    assert warm.set_params(n_initial_points=1).fit(X, y).trials_[0].params["C"] == pytest.approx(
        best
    )


def test_a_callable_objective_is_applied_to_the_scores_of_the_source():
    first = GridSearchCV(Peak(), GRID, cv=2, scoring=two_scores, refit=False).fit(X, y)
    kwargs = {"scoring": two_scores, "refit": False, "objective": lambda means: means["down"]}
    assert search(previous_results=first, **kwargs).fit(X, y).trials_[0].params["kind"] == "bad"


def test_the_only_score_of_a_source_will_do():
    table = {"params": [{"a": 0.1}, {"a": 0.2}], "mean_test_f1": [1, 2]}
    ((first, second),) = read_sources(table, ["score"])
    assert (first.score, second.score) == (1.0, 2.0)


def test_a_source_without_the_metrics_of_the_objective_is_read_by_name():
    table = {"params": [{"a": 0.1}], "mean_test_s": [1.0], "mean_test_t": [2.0]}
    ((row,),) = read_sources(table, ["t"], lambda means: means["other"])
    assert row.score == 2.0


def test_the_objective_of_an_own_search_is_learned_where_no_metric_is_named():
    table = {"params": [{"a": 0.1}], "mean_test_s": [1], "mean_test_t": [2], "objective": [3.0]}
    ((row,),) = read_sources(table, ["score"])
    assert row.score == 3.0


def test_failed_candidates_of_an_own_search_are_failures_whatever_their_score():
    first = search({"a": [0.5, 0.95]}, n_iter=2, error_score=7.0, refit=False)
    with pytest.warns(match="fits failed"):
        first.fit(X, y)
    for kept in (first, first.results_frame()):
        (source,) = read_sources(kept, ["score"])
        assert {row.params["a"]: math.isnan(row.score) for row in source} == {
            0.5: False,
            0.95: True,
        }


# What is wrong is said before any fit.

NO_SCORE = {"params": [{"a": 0.1}], "mean_test_x": [1], "mean_test_y": [2]}


@pytest.mark.parametrize(
    ("previous", "error", "match"),
    [
        (GridSearchCV(Peak(), GRID), ValueError, "^previous_results is a GridSearchCV.*its fit"),
        (search(), ValueError, "^previous_results is a BayesSearchCV.*its fit"),
        (GridSearchCV, TypeError, "^previous_results=.*must be a fitted search"),
        (3, TypeError, "^previous_results=3 must be a fitted search"),
        ("results.csv", TypeError, "^previous_results='results.csv' must be a fitted search"),
        ([], ValueError, r"^previous_results=\[\] is empty; .*None"),
        ([NO_SCORE | {"mean_test_score": [1]}, None], TypeError, r"^previous_results\[1\]=None"),
        ({}, ValueError, "^previous_results has no settings.*'params'"),
        (pd.DataFrame(), ValueError, "^previous_results has no settings"),
        ({"params": [], "mean_test_score": []}, ValueError, "has no settings"),
        ({"mean_test_score": [1.0]}, ValueError, "has no settings"),
        (
            {"params": [{"a": 0.1}], "mean_test_score": [1.0, 2.0]},
            ValueError,
            "1 settings and 2 scores",
        ),
        (
            {"param_a": [1, 2], "param_b": [1], "mean_test_score": [1, 2]},
            ValueError,
            "different lengths",
        ),
        (
            [NO_SCORE],
            ValueError,
            r"^previous_results\[0\] has the scores.*mean_test_x.*'mean_test_s",
        ),
        (
            {"params": [{"a": 0.1}], "mean_test_score": ["good"]},
            ValueError,
            "'mean_test_score'.*num",
        ),
        ({"params": [{"a": 0.1}], "mean_test_score": [math.nan]}, ValueError, "no finite score"),
        ({"params": [{"a": 0.1}], "mean_test_score": [math.inf]}, ValueError, "no finite score"),
        ({"params": 3, "mean_test_score": [1]}, TypeError, "^previous_results has 'params'=3"),
        ({"param_a": 3, "mean_test_score": [1]}, TypeError, "^previous_results has 'param_a'=3"),
        (
            {"params": [{"a": 0.1}], "mean_test_score": [1], "iter": [0, 1]},
            ValueError,
            "^previous_results has 1 settings and an 'iter' of 2",
        ),
    ],
)
def test_what_cannot_be_read_is_named_before_any_fit(previous, error, match):
    n_fits = Peak.n_fits
    with pytest.raises(error, match=match):
        search(previous_results=previous).fit(X, y)
    assert Peak.n_fits == n_fits


# The search.


def test_second_fit_starts_from_scratch(grid):
    warm = search(previous_results=grid)
    first = warm.fit(X, y).cv_results_["params"]
    assert warm.fit(X, y).cv_results_["params"] == first


def test_clones_keep_the_earlier_searches_fitted(grid):
    warm = search(previous_results=[grid])
    assert clone(warm).previous_results[0] is grid
    assert cross_val_score(warm, X, y, cv=2, error_score="raise").shape == (2,)


def test_search_is_its_own_previous_result(grid):
    warm = search(previous_results=grid)
    again = search(previous_results=warm.fit(X, y), n_iter=5).fit(X, y)
    assert again.best_score_ >= warm.best_score_ - 0.01


@pytest.mark.parametrize(
    ("n_learned", "expected"),
    [
        (1, ["initial design"] * 3 + ["model"]),
        (2, ["initial design"] * 2 + ["model"] * 2),
        (9, ["model"] * 4),
    ],
)
def test_initial_design_fills_up_what_was_learned_and_the_best_of_it_is_tried(n_learned, expected):
    rows = [{"a": 0.1 * k} for k in range(n_learned)]
    previous = {"params": rows, "mean_test_score": np.arange(n_learned)}
    warm = search({"a": (0.0, 0.9)}, previous_results=previous, n_initial_points=4, n_iter=4)
    trials = warm.fit(X, y).trials_
    assert [trial.origin for trial in trials] == expected
    if n_learned == 9:
        assert trials[expected.index("model")].params == pytest.approx(rows[-1])


def test_rows_without_an_iteration_are_one_source():
    halved = pd.DataFrame(
        {"param_a": [0.1, 0.5, 0.1], "mean_test_score": [0, 1, 2.0], "iter": [0, 0, 1]}
    )
    plain = pd.DataFrame({"param_a": [0.2, 0.3], "mean_test_score": [3.0, 4.0]})
    sources = read_sources(pd.concat([halved, plain]), ["score"])
    assert [[row.score for row in source] for source in sources] == [[0, 1], [2], [3, 4]]


def test_nullable_columns_are_read():
    table = {"param_a": [0.1, None], "param_b": [3, 2], "mean_test_score": [1.5, None]}
    (source,) = read_sources(pd.DataFrame(table).convert_dtypes(), ["score"])
    np.testing.assert_array_equal([row.score for row in source], [1.5, np.nan])
    assert [row.params for row in source] == [{"a": 0.1, "b": 3}, {"b": 2}]


def test_an_objective_is_not_asked_for_rows_that_failed():
    table = {"params": [{"a": 0.1}, {"a": 0.5}], "mean_test_s": [np.nan, 0.5]}
    (source,) = read_sources(table, ["s"], lambda means: round(100 * means["s"]))
    np.testing.assert_array_equal([row.score for row in source], [np.nan, 50])


def test_an_empty_cell_is_nan_where_that_is_a_choice():
    table = pd.DataFrame({"param_a": [np.nan, 0.0, 1.0], "mean_test_score": [9.0, 0.0, 1.0]})
    read = pd.read_csv(StringIO(table.to_csv()))
    space = Space({"a": [np.nan, 0.0, 1.0]})
    settings = [find_setting(row, space, {"a": 0.0}) for row in read_sources(read, ["score"])[0]]
    np.testing.assert_array_equal([setting["a"] for setting in settings], [np.nan, 0.0, 1.0])
