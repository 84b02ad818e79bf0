"""Candidates that fail, on some folds or on all, and refits that do."""

import joblib
import numpy as np
import pandas as pd
import pytest
from fragile import Fragile, X, above_half, fit_with_failures, fragile_search, two_scores, y
from sklearn.linear_model import LogisticRegression
from sklearn.model_selection import RandomizedSearchCV

pytestmark = pytest.mark.usefixtures("one_blas_thread")


def above_half_on_one_fold(a, first):
    return a > 0.5 and first == X[0, 0]  # of two folds, one has the first sample


def only_on_all(a, first):
    return first == X[0, 0]  # where no fold has the first sample


def never_fits(a, first):
    return True


@pytest.mark.parametrize("error_score", [np.nan, -1.0, 0])
def test_a_failed_candidate_keeps_its_row_and_the_search_goes_on(error_score):
    search = fit_with_failures(fragile_search(above_half, error_score=error_score))
    results = search.cv_results_
    a = results["param_a"].astype(float)
    failed = np.asarray(a > 0.5)
    assert len(a) == 12
    assert 0 < failed.sum() < 12
    assert not failed[-1] or not failed[-2]  # it has learnt where fits fail
    for key in ("mean_test_score", "split0_test_score", "split1_test_score"):
        np.testing.assert_array_equal(results[key], np.where(failed, error_score, a))
    assert results["rank_test_score"][failed].min() > results["rank_test_score"][~failed].max()
    assert len(set(a)) == 12
    assert [trial.state for trial in search.trials_] == [
        "failed" if bad else "complete" for bad in failed
    ]
    assert all(np.isnan(trial.score) for trial in search.trials_ if trial.state == "failed")
    assert search.best_score_ == a[~failed].max() > 0.4
    assert search.best_estimator_.fitted_


@pytest.mark.parametrize("return_train_score", [False, True])
@pytest.mark.parametrize("options", [{}, {"scoring": two_scores, "refit": "first"}])
@pytest.mark.parametrize("error_score", [np.nan, -1.0])
@pytest.mark.parametrize("fails", [above_half, above_half_on_one_fold])
def test_failures_give_the_rows_that_scikit_learn_gives(
    fails, error_score, options, return_train_score
):
    space = {"a": [0.1, 0.3, 0.4, 0.6, 0.8]}
    options = {"n_iter": 5, "cv": 2, "error_score": error_score, **options}
    options["return_train_score"] = return_train_score
    ours = fit_with_failures(fragile_search(fails, space, **options))
    theirs = fit_with_failures(RandomizedSearchCV(Fragile(fails=fails), space, **options))
    columns = [key for key in theirs.cv_results_ if "time" not in key and key != "params"]
    tables = [
        pd.DataFrame({key: s.cv_results_[key] for key in columns}).sort_values("param_a")
        for s in (ours, theirs)
    ]
    pd.testing.assert_frame_equal(*(table.reset_index(drop=True) for table in tables))
    assert ours.best_params_ == theirs.best_params_


def test_a_candidate_of_which_one_fold_fails_counts_by_its_error_score():
    with_nan = fit_with_failures(fragile_search(above_half_on_one_fold, refit=False))
    with_number = fit_with_failures(
        fragile_search(above_half_on_one_fold, refit=False, error_score=0.0)
    )
    for search, state in ((with_nan, "failed"), (with_number, "complete")):
        bad = [trial for trial in search.trials_ if trial.params["a"] > 0.5]
        assert bad
        assert {trial.state for trial in bad} == {state}
    for trial in with_number.trials_:
        a = trial.params["a"]
        assert trial.score == pytest.approx(a / 2 if a > 0.5 else a)


@pytest.mark.parametrize("n_jobs", [None, 2])
def test_error_score_raise_ends_the_search_with_the_error(n_jobs):
    configuration = joblib.parallel_config("threading")
    with configuration, pytest.raises(RuntimeError, match="is too much"):
        fragile_search(above_half, error_score="raise", n_jobs=n_jobs).fit(X, y)


def test_error_score_raise_stands_beside_a_function_of_the_scores_of_a_function():
    search = fragile_search(
        None,
        scoring=lambda estimator, X, y: estimator.a,
        objective=lambda means: -means["score"],
        error_score="raise",
        n_iter=3,
    ).fit(X, y)
    assert [trial.score for trial in search.trials_] == [-t.params["a"] for t in search.trials_]


@pytest.mark.parametrize("n_jobs", [None, 2])
def test_if_every_candidate_fails_the_error_shows_the_traceback(n_jobs):
    configuration = joblib.parallel_config("threading")
    with (
        configuration,
        pytest.raises(ValueError, match=r"(?s)All the 8 fits failed.*RuntimeError.*is too much"),
    ):
        fragile_search(never_fits, n_iter=4, n_jobs=n_jobs).fit(X, y)


def test_a_refit_that_fails_leaves_the_results():
    half, other = np.arange(1, 20), np.arange(20, 40)
    search = fragile_search(only_on_all, cv=[(half, other), (other, half)])
    with pytest.raises(RuntimeError, match="is too much") as caught:
        search.fit(X, y)
    assert "has its results" in caught.value.__notes__[0]
    assert len(search.results_frame()) == 12
    assert search.best_score_ == search.best_params_["a"] == max(search.cv_results_["param_a"])


def test_a_refit_that_fails_leaves_no_model_of_an_earlier_fit():
    half, other = np.arange(1, 20), np.arange(20, 40)
    search = fragile_search(only_on_all, cv=[(half, other), (other, half)], refit=False)
    search.fit(X, y)
    search.best_estimator_ = LogisticRegression()  # of an earlier fit
    search.set_params(refit=True)
    with pytest.raises(RuntimeError, match="is too much"):
        search.fit(X, y)
    assert not hasattr(search, "best_estimator_")
    assert search.best_score_ == search.best_params_["a"]


def test_a_fit_of_which_all_fits_fail_leaves_an_earlier_one_as_it_was():
    search = fit_with_failures(fragile_search(above_half))
    before, frame = dict(vars(search)), search.results_frame()
    search.set_params(estimator__fails=never_fits, cv=3)
    with pytest.raises(ValueError, match="All the 36 fits failed"):
        search.fit(X, y)
    fitted = {name for name in before if name.endswith("_")}
    assert len(fitted) > 10
    assert {name: vars(search)[name] for name in fitted} == {name: before[name] for name in fitted}
    pd.testing.assert_frame_equal(search.results_frame(), frame)


def test_a_choice_of_the_best_that_fails_leaves_no_time_of_an_earlier_fit():
    search = fragile_search(None).fit(X, y)
    search.set_params(refit=lambda results: 1 / 0, n_iter=4)
    with pytest.raises(ZeroDivisionError):
        search.fit(X, y)
    assert search.n_trials_ == 4
    assert not hasattr(search, "total_time_")


@pytest.mark.parametrize("named", [{"refit": "first"}, {"objective": "first", "refit": False}])
def test_a_fold_whose_scoring_fails_has_its_error_score_however_the_metric_is_named(named):
    def scores(estimator, X, y):
        if len(y) == 13:  # the last two of three folds
            raise ValueError("no score")
        return {"first": 0.75, "second": 0.5}

    seen = []
    options = {"error_score": 0.25, "stopping": lambda state: bool(seen.append(state.fold_scores))}
    search = fragile_search(None, scoring=scores, cv=3, n_iter=3, **options, **named)
    with pytest.warns(UserWarning, match="Scoring failed"):
        search.fit(X, y)
    assert [list(by_fold) for by_fold in seen] == [[0.75, 0.25, 0.25]] * 3


@pytest.mark.filterwarnings("ignore:One or more of the test scores")
@pytest.mark.parametrize("error_score", [0.25, np.nan])
@pytest.mark.parametrize("named", [{"refit": "first"}, {"objective": "first", "refit": False}])
def test_a_candidate_whose_every_score_fails_is_a_failure_however_the_metric_is_named(
    named, error_score
):
    def scores(estimator, X, y):
        if estimator.a > 0.5:
            raise ValueError("no score")
        return {"first": -1.0, "second": 0.5}

    search = fragile_search(None, scoring=scores, n_iter=4, error_score=error_score, **named)
    with pytest.warns(UserWarning, match="Scoring failed"):
        search.fit(X, y)
    for trial in search.trials_:
        assert trial.state == ("failed" if trial.params["a"] > 0.5 else "complete")


def test_the_only_score_of_a_function_may_equal_the_error_score():
    search = fragile_search(
        None, scoring=lambda estimator, X, y: 0.0, objective="score", error_score=0, n_iter=3
    )
    assert [trial.state for trial in search.fit(X, y).trials_] == ["complete"] * 3


def test_failing_settings_of_a_finite_space_are_evaluated_once():
    space = {"a": [0.1, 0.2, 0.6, 0.7, 0.8, 0.9]}
    search = fit_with_failures(fragile_search(above_half, space, n_iter=6))
    assert sorted(search.cv_results_["param_a"]) == space["a"]
