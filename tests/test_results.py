"""The table of the trials, and what the posterior says of each."""

import numpy as np
import pandas as pd
import pytest
from fragile import X, above_half, fit_with_failures, fragile_search, y
from sklearn.exceptions import NotFittedError
from sklearn.linear_model import LogisticRegression

from sklearn_bo import BayesSearchCV, Optimizer
from sklearn_bo.results import results_frame
from sklearn_bo.trials import Trial

pytestmark = pytest.mark.usefixtures("one_blas_thread")


def test_frame_joins_trials_with_their_summary():
    z = np.zeros(1)
    trials = [
        Trial(0, {"depth": 3}, z, "estimator").completed(0.5),
        Trial(1, {"C": 1.0}, z, "model").completed(float("nan")),
    ]
    frame = results_frame(
        trials,
        {
            "mean_test_score": np.array([0.5, np.nan]),
            "rank_test_score": np.array([1, 2], dtype=np.int32),
            "param_depth": np.ma.masked_array([3, 0], mask=[False, True]),
            "param_C": np.ma.masked_array([0.0, 1.0], mask=[True, False]),
            "params": [{"depth": 3}, {"C": 1.0}],
            "split0_test_score": np.array([0.5, np.nan]),
        },
        (np.array([0.4, np.nan]), np.array([0.1, np.nan]), np.array([1.0, 0.0])),
    )
    expected = pd.DataFrame(
        {
            "origin": ["estimator", "model"],
            "state": ["complete", "failed"],
            "objective": [0.5, np.nan],
            "posterior_mean": [0.4, np.nan],
            "posterior_std": [0.1, np.nan],
            "prob_best": [1.0, 0.0],
            "param_depth": pd.Series([3, None], dtype=object),
            "param_C": pd.Series([None, 1.0], dtype=object),
            "mean_test_score": [0.5, np.nan],
            "rank_test_score": np.array([1, 2], dtype=np.int32),
        },
        index=pd.RangeIndex(2, name="trial"),
    )
    pd.testing.assert_frame_equal(frame, expected)


def test_results_frame_has_a_row_a_trial_and_needs_a_fit():
    search = BayesSearchCV(
        LogisticRegression(),
        {"C": (0.1, 10.0), "max_iter": [50, 100]},
        n_iter=8,
        cv=2,
        random_state=0,
    )
    with pytest.raises(NotFittedError):
        search.results_frame()
    frame = search.fit(X, y).results_frame()
    results = search.cv_results_
    assert frame.index.tolist() == [trial.number for trial in search.trials_] == [*range(8)]
    assert frame["origin"].tolist() == [trial.origin for trial in search.trials_]
    assert set(frame["state"]) == {"complete"}
    np.testing.assert_array_equal(frame["objective"], results["mean_test_score"])
    for key in results.keys() - {"params"}:
        if not key.startswith("split"):
            assert frame[key].tolist() == results[key].tolist(), key
    assert frame["param_max_iter"].dtype == int
    assert frame["rank_test_score"].dtype == results["rank_test_score"].dtype
    assert [trial.params for trial in search.trials_] == results["params"]


def test_results_frame_keeps_the_choices_themselves():
    search = BayesSearchCV(
        LogisticRegression(), {"class_weight": [None, "balanced"]}, n_iter=2, cv=2
    )
    assert set(search.fit(X, y).results_frame()["param_class_weight"]) == {None, "balanced"}


def noisy_scores(estimator, X, y):
    """The best a is 0.5; the luck of an evaluation does not depend on anything nearby."""
    luck = np.random.RandomState(int(estimator.a * 1e9) % 2**32).normal()
    value = -4 * (estimator.a - 0.5) ** 2 + 0.3 * luck
    return {"noisy": value, "other": -value}


def noisy_search(**kwargs):
    kwargs = {"n_iter": 30, "scoring": noisy_scores, "refit": "noisy", **kwargs}
    return fragile_search(None, **kwargs).fit(X, y)


def test_results_frame_judges_each_trial_by_its_neighbours_too():
    improvement, covered = [], []
    for seed in range(8):  # the errors of one search go together
        frame = noisy_search(random_state=seed).results_frame()
        truth = -4 * (frame["param_a"].astype(float) - 0.5) ** 2
        assert frame["prob_best"].sum() == pytest.approx(1)
        assert frame["prob_best"].between(0, 1).all()
        assert (frame["posterior_std"] > 0).all()
        assert frame["prob_best"].max() < 0.9  # it cannot be sure under so much noise
        luck = frame["objective"] - truth
        error = frame["posterior_mean"] - truth
        improvement.append((error**2).mean() / (luck**2).mean())
        covered.append((error.abs() < 2 * frame["posterior_std"]).mean())
    assert np.mean(improvement) < 0.5
    assert np.mean(covered) > 0.7


def test_results_frame_is_the_same_each_time_and_leaves_the_search_as_it_is():
    search, twin = noisy_search(), noisy_search()
    frame = search.results_frame()
    pd.testing.assert_frame_equal(search.results_frame(), frame)
    assert search.optimizer_.ask().params == twin.optimizer_.ask().params


@pytest.mark.parametrize(
    ("objective", "sign"), [("noisy", 1), ("other", -1), (lambda m: 2 * m["other"], -2)]
)
def test_the_posterior_is_of_the_objective(objective, sign):
    space = {"a": np.linspace(0, 1, 12).tolist()}
    by_score = noisy_search(space=space, n_iter=12).results_frame()
    frame = noisy_search(space=space, n_iter=12, objective=objective).results_frame()
    assert np.corrcoef(frame["posterior_mean"], frame["objective"])[0, 1] > 0.2
    columns = [f.set_index("param_a")["posterior_mean"].sort_index() for f in (frame, by_score)]
    np.testing.assert_allclose(columns[0], sign * columns[1], atol=0.15 * abs(sign))


def test_without_an_objective_the_posterior_is_of_the_first_metric():
    space = {"a": [0.1, 0.2, 0.3]}
    frame = noisy_search(space=space, n_iter=3, refit=False).results_frame()
    assert frame["objective"].tolist() == frame["mean_test_noisy"].tolist()
    assert frame["prob_best"].sum() == pytest.approx(1)


def test_failed_trials_have_no_posterior_and_never_win():
    frame = fit_with_failures(fragile_search(above_half)).results_frame()
    failed = frame["state"] == "failed"
    assert failed.any()
    assert frame.loc[failed, ["posterior_mean", "posterior_std"]].isna().all(axis=None)
    assert frame.loc[~failed, ["posterior_mean", "posterior_std"]].notna().all(axis=None)
    assert (frame.loc[failed, "prob_best"] == 0).all()
    assert frame["prob_best"].sum() == pytest.approx(1)


@pytest.mark.parametrize("scoring", [None, lambda estimator, X, y: 0.25])
def test_one_trial_or_equal_scores_have_a_posterior(scoring):
    for space in ({"a": [0.5]}, {"a": [0.1, 0.5, 0.9]}):
        search = fragile_search(None, space, n_iter=len(space["a"]), scoring=scoring).fit(X, y)
        frame = search.results_frame()
        np.testing.assert_allclose(frame["posterior_mean"], frame["objective"], atol=0.1)
        assert frame["prob_best"].sum() == pytest.approx(1)


def test_a_thousand_trials_have_a_posterior():
    optimizer = Optimizer({"a": (0.0, 1.0), "kind": ["u", "v"]}, random_state=0)
    draw = np.random.RandomState(0)
    for _ in range(1000):
        params = {"a": draw.uniform(), "kind": draw.choice(["u", "v"])}
        optimizer.tell(params, -((params["a"] - 0.3) ** 2) + 0.2 * draw.normal())
    mean, std, prob_best = optimizer.posterior()
    assert len(mean) == len(std) == 1000
    assert prob_best.sum() == pytest.approx(1)
    a = [trial.params["a"] for trial in optimizer.trials]
    assert a[mean.argmax()] == pytest.approx(0.3, abs=0.15)


def test_pending_trials_and_an_optimizer_without_scores_have_no_posterior():
    optimizer = Optimizer({"a": (0.0, 1.0)}, random_state=0)
    assert [len(part) for part in optimizer.posterior()] == [0, 0, 0]
    first, second = optimizer.ask(2)
    for told in (False, True):
        if told:
            optimizer.tell(first, 0.5)
        mean, std, prob_best = optimizer.posterior()
        assert np.isfinite(mean).tolist() == np.isfinite(std).tolist() == [told, False]
        assert prob_best.tolist() == [float(told), 0.0]
    assert len(optimizer.posterior([second])[0]) == 1


def test_a_trial_keeps_its_number_where_others_were_left_out():
    trials = [Trial(number, {}, np.empty(0), "model").completed(0.5) for number in (0, 2, 3)]
    frame = results_frame(trials, {"mean_test_score": np.full(3, 0.5)}, (np.zeros(3),) * 3)
    assert frame.index.tolist() == [0, 2, 3]
