"""What the search maximises, of the scores of the folds."""

import numpy as np
import pytest
from fragile import X, fragile_search, two_scores, y

from sklearn_bo.objective import mean_test_scores, objective_value, resolve_objective

pytestmark = pytest.mark.usefixtures("one_blas_thread")


@pytest.mark.parametrize(
    ("scores", "means"),
    [
        ([0.25, 0.75], {"score": 0.5}),
        ([0.25, np.nan], {"score": np.nan}),
        ([{"a": 1.0, "b": 0.0}, {"a": 0.0, "b": 0.5}], {"a": 0.5, "b": 0.25}),
    ],
)
def test_scores_are_averaged_over_folds_by_metric(scores, means):
    assert mean_test_scores([{"test_scores": score} for score in scores]) == pytest.approx(
        means, nan_ok=True
    )


@pytest.mark.parametrize(
    ("objective", "refit", "metrics", "exhaustive", "resolved"),
    [
        (None, True, ["score"], False, "score"),
        (None, False, ["score"], False, "score"),
        (None, "accuracy", ["score"], False, "score"),  # a name means True, as in scikit-learn
        (None, "b", ["a", "b"], False, "b"),
        ("a", "b", ["a", "b"], False, "a"),
        ("b", False, ["a", "b"], False, "b"),
        (max, "b", ["a", "b"], False, max),
        (None, False, ["a", "b"], True, "a"),  # whichever, as all settings are evaluated
    ],
)
def test_objective_is_the_named_metric_or_else_that_of_refit(
    objective, refit, metrics, exhaustive, resolved
):
    assert resolve_objective(objective, refit, metrics, exhaustive) == resolved


@pytest.mark.parametrize(
    ("objective", "refit"), [("c", "a"), (None, False), (None, max), (None, True)]
)
def test_an_objective_that_is_unknown_or_ambiguous_is_an_error(objective, refit):
    with pytest.raises(ValueError, match=r"objective=.*'a', 'b'|'a', 'b'.*objective="):
        resolve_objective(objective, refit, ["a", "b"], False)


def test_scores_without_a_metric_are_an_error():
    with pytest.raises(ValueError, match="scoring gave a dict without metrics"):
        resolve_objective(None, False, [], exhaustive=False)


def test_objective_is_read_from_the_means_or_computed():
    means = {"a": 0.5, "b": 2.0}
    assert objective_value(means, "b") == 2.0
    assert objective_value(means, lambda m: m["a"] - m["b"]) == -1.5
    assert objective_value(means, lambda m: np.float32(1)) == 1.0
    with pytest.raises(TypeError, match=r"objective=.*'much'.*number"):
        objective_value(means, lambda m: "much")


def test_an_objective_of_a_metric_that_there_is_not_names_those_there_are():
    with pytest.raises(KeyError, match=r"objective=.*asks for 'acc'; the metrics are \['score'\]"):
        objective_value({"score": 0.5}, lambda means: means["acc"])


def gap(means):
    return means["second"] - means["first"]


@pytest.mark.parametrize(
    ("objective", "refit", "best_a"),
    [
        (None, "second", 0.25),
        ("first", "second", 1.0),
        ("second", False, 0.25),
        (gap, False, 0.0),
        (gap, "first", 0.0),
    ],
)
def test_the_search_maximises_its_objective(objective, refit, best_a):
    search = fragile_search(
        None, n_iter=15, scoring=two_scores, refit=refit, objective=objective
    ).fit(X, y)
    results = search.cv_results_
    means = {name: results[f"mean_test_{name}"] for name in ("first", "second")}
    value = gap(means) if objective is gap else means[objective or refit]
    np.testing.assert_allclose([trial.score for trial in search.trials_], value)
    best = search.optimizer_.best_trial
    assert best.score == value.max()
    assert best.params["a"] == pytest.approx(best_a, abs=0.05)
    assert hasattr(search, "best_index_") == bool(refit)
    if refit:
        assert search.best_index_ == np.argmax(means[refit])


@pytest.mark.parametrize("names", [("score",), ("score", "first"), ("first", "second")])
def test_a_function_of_several_metrics_needs_a_refit_that_names_one_from_the_first_candidate(names):
    def scoring(estimator, X, y):
        calls.append(1)
        return dict.fromkeys(names, 0.5)

    calls = []
    search = fragile_search(None, n_iter=15, scoring=scoring, objective=names[-1])
    with pytest.raises(ValueError, match="For multi-metric scoring, the parameter refit must be"):
        search.fit(X, y)
    assert len(calls) == search.cv


def test_several_metrics_need_no_objective_if_all_settings_are_evaluated():
    space = {"a": [0.1, 0.2, 0.3]}
    search = fragile_search(None, space, n_iter=3, scoring=two_scores, refit=False).fit(X, y)
    assert sorted(search.cv_results_["param_a"]) == space["a"]
    with pytest.raises(ValueError, match=r"objective=None"):
        search.set_params(n_iter=2).fit(X, y)


def test_an_error_of_an_objective_names_it():
    with pytest.raises(ZeroDivisionError) as error:
        objective_value({"a": 0.0}, lambda means: 1 / means["a"])
    assert error.value.__notes__[0].startswith("It is of objective=<function")


def test_objective_may_be_given_for_a_single_metric():
    by_name = fragile_search(None, objective="score").fit(X, y)
    by_function = fragile_search(None, objective=lambda means: -means["score"]).fit(X, y)
    assert by_name.optimizer_.best_trial.params["a"] > 0.9
    assert by_function.optimizer_.best_trial.params["a"] < 0.1
    assert by_function.best_params_ == max(  # as refit says, which is of the score
        by_function.cv_results_["params"], key=lambda params: params["a"]
    )
