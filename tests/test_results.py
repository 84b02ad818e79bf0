"""Scores of folds, the objective, failed candidates, and the tables made of them."""

import warnings

import joblib
import numpy as np
import pandas as pd
import pytest
import sklearn
from scipy import sparse
from sklearn.base import BaseEstimator
from sklearn.cluster import KMeans
from sklearn.compose import ColumnTransformer
from sklearn.decomposition import PCA
from sklearn.exceptions import FitFailedWarning, NotFittedError
from sklearn.linear_model import LogisticRegression, Ridge
from sklearn.metrics import accuracy_score, f1_score
from sklearn.model_selection import GroupKFold, KFold, RandomizedSearchCV, ShuffleSplit
from sklearn.naive_bayes import GaussianNB
from sklearn.pipeline import Pipeline, make_pipeline
from sklearn.preprocessing import OneHotEncoder, StandardScaler
from sklearn.svm import SVC
from sklearn.tree import DecisionTreeClassifier
from sklearn.utils.fixes import parse_version
from threadpoolctl import threadpool_limits

from sklearn_bo import BayesSearchCV, Optimizer
from sklearn_bo.objective import mean_test_scores, objective_value, resolve_objective
from sklearn_bo.results import results_frame
from sklearn_bo.trials import Trial

rng = np.random.RandomState(0)
X = rng.normal(size=(40, 3))
y = (X[:, 0] + 0.8 * rng.normal(size=40) > 0).astype(int)
FRAME = pd.DataFrame(X, columns=["a", "b", "c"]).assign(kind=["u", "v"] * 20)


@pytest.fixture(autouse=True, scope="module")
def one_blas_thread():
    with threadpool_limits(1):  # more cost time on data of this size
        yield


class Fragile(BaseEstimator):
    """Scores a; its fit fails on the folds that `fails` picks by a and the first sample."""

    def __init__(self, a=0.5, fails=None):
        self.a = a
        self.fails = fails

    def fit(self, X, y):
        if self.fails is not None and self.fails(self.a, X[0, 0]):
            raise RuntimeError(f"a={self.a} is too much")
        self.fitted_ = True
        return self

    def score(self, X, y):
        return self.a


def two_scores(estimator, X, y):
    return {"first": estimator.a, "second": 1 - (estimator.a - 0.25) ** 2}


def above_half(a, first):
    return a > 0.5


def above_half_on_one_fold(a, first):
    return a > 0.5 and first == X[0, 0]  # of two folds, one has the first sample


def only_on_all(a, first):
    return first == X[0, 0]  # where no fold has the first sample


def never_fits(a, first):
    return True


def fragile_search(fails, space=None, **kwargs):
    arguments = {"n_iter": 12, "cv": 2, "random_state": 0, "initial_candidates": []}
    return BayesSearchCV(
        Fragile(fails=fails), space or {"a": (0.0, 1.0)}, **{**arguments, **kwargs}
    )


def fit_with_failures(search):
    with warnings.catch_warnings():
        warnings.filterwarnings("ignore", "One or more of the test scores", UserWarning)
        with pytest.warns(FitFailedWarning, match="fits failed"):
            return search.fit(X, y)


# -- the parts


@pytest.mark.parametrize(
    ("scores", "means"),
    [
        ([0.25, 0.75], {"score": 0.5}),
        ([0.25, np.nan], {"score": np.nan}),
        ([{"a": 1.0, "b": 0.0}, {"a": 0.0, "b": 0.5}], {"a": 0.5, "b": 0.25}),
        ([0.0, {"a": 1.0, "b": 0.5}], {"a": 0.5, "b": 0.25}),  # a failed fold has one number
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


def test_objective_is_read_from_the_means_or_computed():
    means = {"a": 0.5, "b": 2.0}
    assert objective_value(means, "b") == 2.0
    assert objective_value(means, lambda m: m["a"] - m["b"]) == -1.5
    assert objective_value(means, lambda m: np.float32(1)) == 1.0
    with pytest.raises(TypeError, match=r"objective=.*'much'.*number"):
        objective_value(means, lambda m: "much")


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


# -- of a search


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
    search.optimizer_.share(40), twin.optimizer_.share(40)
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


@pytest.mark.parametrize("options", [{}, {"scoring": two_scores, "refit": "first"}])
@pytest.mark.parametrize("error_score", [np.nan, -1.0])
@pytest.mark.parametrize("fails", [above_half, above_half_on_one_fold])
def test_failures_give_the_rows_that_scikit_learn_gives(fails, error_score, options):
    space = {"a": [0.1, 0.3, 0.4, 0.6, 0.8]}
    options = {"n_iter": 5, "cv": 2, "error_score": error_score, **options}
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
    with pytest.raises(RuntimeError, match="is too much"):
        search.fit(X, y)
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


def test_a_trial_keeps_its_number_where_others_were_left_out():
    trials = [Trial(number, {}, np.empty(0), "model").completed(0.5) for number in (0, 2, 3)]
    frame = results_frame(trials, {"mean_test_score": np.full(3, 0.5)}, (np.zeros(3),) * 3)
    assert frame.index.tolist() == [0, 2, 3]


def test_an_objective_of_a_metric_that_there_is_not_names_those_there_are():
    with pytest.raises(KeyError, match=r"objective=.*asks for 'acc'; the metrics are \['score'\]"):
        objective_value({"score": 0.5}, lambda means: means["acc"])


def test_failing_settings_of_a_finite_space_are_evaluated_once():
    space = {"a": [0.1, 0.2, 0.6, 0.7, 0.8, 0.9]}
    search = fit_with_failures(fragile_search(above_half, space, n_iter=6))
    assert sorted(search.cv_results_["param_a"]) == space["a"]


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


def test_several_metrics_need_no_objective_if_all_settings_are_evaluated():
    space = {"a": [0.1, 0.2, 0.3]}
    search = fragile_search(None, space, n_iter=3, scoring=two_scores, refit=False).fit(X, y)
    assert sorted(search.cv_results_["param_a"]) == space["a"]
    with pytest.raises(ValueError, match=r"objective=None"):
        search.set_params(n_iter=2).fit(X, y)


def test_objective_may_be_given_for_a_single_metric():
    by_name = fragile_search(None, objective="score").fit(X, y)
    by_function = fragile_search(None, objective=lambda means: -means["score"]).fit(X, y)
    assert by_name.optimizer_.best_trial.params["a"] > 0.9
    assert by_function.optimizer_.best_trial.params["a"] < 0.1
    assert by_function.best_params_ == max(  # as refit says, which is of the score
        by_function.cv_results_["params"], key=lambda params: params["a"]
    )


# -- where the candidates are those of RandomizedSearchCV, so are the results


def hits_and_f1(estimator, X, y):
    predicted = estimator.predict(X)
    return {"hits": accuracy_score(y, predicted), "f1": f1_score(y, predicted)}


def best_of_f1(results):
    return int(np.argmax(results["mean_test_f1"]))


def text_and_numbers(output):
    transformer = ColumnTransformer(
        [
            ("text", OneHotEncoder(sparse_output=False), ["kind"]),
            ("numbers", StandardScaler(), ["a", "b", "c"]),
        ]
    )
    transformer.set_output(transform=output)
    return make_pipeline(transformer, LogisticRegression())


GRID = {"C": [0.01, 0.1, 1.0, 10.0]}
TWO = ["accuracy", "f1"]
PIPE_GRID = {
    "logisticregression__C": [0.01, 1.0],
    "columntransformer__numbers__with_std": [False, True],
}
SWITCHES = Pipeline([("scale", StandardScaler()), ("clf", LogisticRegression())])
SWITCH_GRID = {"scale": [None, "passthrough", PCA(2)], "clf": [SVC(), GaussianNB()]}
GROUPS = {"groups": np.arange(40) // 5}
WEIGHTS = {"sample_weight": rng.uniform(size=40)}
with sklearn.config_context(enable_metadata_routing=True):
    ROUTED = LogisticRegression().set_fit_request(sample_weight=True)
    ROUTED.set_score_request(sample_weight=True)
TREES = [{"max_depth": [1, 2, None]}, {"min_samples_leaf": [2, 5], "criterion": ["gini"]}]
SCENARIOS = {
    "one metric": (LogisticRegression(), GRID, {}),
    "train scores": (LogisticRegression(), GRID, {"return_train_score": True}),
    "several metrics": (LogisticRegression(), GRID, {"scoring": TWO, "refit": "f1"}),
    "several metrics and train scores": (
        LogisticRegression(),
        GRID,
        {"scoring": {"x": "accuracy", "y": "f1"}, "refit": "x", "return_train_score": True},
    ),
    "function of several metrics": (
        LogisticRegression(),
        GRID,
        {"scoring": hits_and_f1, "refit": "hits"},
    ),
    "callable refit": (
        LogisticRegression(),
        GRID,
        {"scoring": TWO, "refit": best_of_f1, "objective": "f1"},
    ),
    "callable refit and function of several metrics": (
        LogisticRegression(),
        GRID,
        {"scoring": hits_and_f1, "refit": best_of_f1, "objective": "f1"},
    ),
    "no refit": (LogisticRegression(), GRID, {"refit": False}),
    "no refit, several metrics": (LogisticRegression(), GRID, {"refit": False, "scoring": TWO}),
    "list of dicts": (DecisionTreeClassifier(random_state=0), TREES, {}),
    "whole search space is one setting": (LogisticRegression(), {}, {}),
    "steps of a pipeline": (SWITCHES, SWITCH_GRID, {}),
    "precomputed kernel": (SVC(kernel="precomputed"), GRID, {"X": X @ X.T}),
    "sparse matrix": (LogisticRegression(), GRID, {"X": sparse.csr_matrix(X)}),
    "sparse array": (LogisticRegression(), GRID, {"X": sparse.csr_array(X)}),
    "lists": (LogisticRegression(), GRID, {"X": X.tolist(), "y": y.tolist()}),
    "text labels": (LogisticRegression(), GRID, {"y": np.array(["no", "yes"])[y]}),
    "several outputs": (Ridge(), {"alpha": [0.1, 1.0]}, {"y": X[:, :2] ** 2}),
    "no target": (KMeans(n_init=1, random_state=0), {"n_clusters": [2, 3, 4]}, {"y": None}),
    "pandas": (text_and_numbers("default"), PIPE_GRID, {"X": FRAME, "y": pd.Series(y)}),
    "pandas output": (text_and_numbers("pandas"), PIPE_GRID, {"X": FRAME}),
    "polars": (text_and_numbers("default"), PIPE_GRID, {"X": "polars"}),
    "polars output": (text_and_numbers("polars"), PIPE_GRID, {"X": "polars"}),
    "groups": (LogisticRegression(), GRID, {"cv": GroupKFold(3), "fit": GROUPS}),
    "sample_weight": (LogisticRegression(), GRID, {"fit": WEIGHTS}),
    "routed sample_weight": (ROUTED, GRID, {"fit": WEIGHTS, "routing": True}),
    "routed groups": (
        LogisticRegression(),
        GRID,
        {"cv": GroupKFold(3), "fit": GROUPS, "routing": True},
    ),
    "seeded shuffle": (LogisticRegression(), GRID, {"cv": ShuffleSplit(3, random_state=1)}),
    "splits in a list": (LogisticRegression(), GRID, {"cv": list(KFold(4).split(X))}),
}


def table(search):
    """The rows of `cv_results_`, times aside, in an order that does not depend on the search's."""
    columns = {k: v for k, v in search.cv_results_.items() if not k.endswith("_time")}
    n = len(columns["params"])
    rows = [
        {key: np.ma.asarray(value).tolist()[i] for key, value in columns.items()} for i in range(n)
    ]
    return sorted(rows, key=lambda row: repr(row["params"]))


@pytest.mark.parametrize("name", SCENARIOS)
def test_results_are_those_of_random_search_where_the_candidates_are(name):
    estimator, space, options = SCENARIOS[name]
    options = dict(options)
    data = {"X": options.pop("X", X), "y": options.pop("y", y), **options.pop("fit", {})}
    if isinstance(data["X"], str):
        if parse_version(sklearn.__version__) < parse_version("1.7"):
            pytest.skip("scikit-learn 1.6 does not read today's polars")
        data["X"] = pytest.importorskip("polars").DataFrame(FRAME.to_dict("list"))
    routing = options.pop("routing", False)
    dicts = space if isinstance(space, list) else [space]
    n_iter = sum(int(np.prod([len(values) for values in d.values()])) for d in dicts)
    theirs_options = {k: v for k, v in options.items() if k != "objective"}
    with sklearn.config_context(enable_metadata_routing=routing):
        ours, theirs = (
            search.fit(**data)
            for search in (
                BayesSearchCV(estimator, space, **{"n_iter": n_iter, "cv": 3, **options}),
                RandomizedSearchCV(
                    estimator, space, **{"n_iter": n_iter, "cv": 3, **theirs_options}
                ),
            )
        )

    assert ours.cv_results_.keys() == theirs.cv_results_.keys()
    for key, column in theirs.cv_results_.items():
        assert type(ours.cv_results_[key]) is type(column), key
        if key != "params":
            assert ours.cv_results_[key].dtype == column.dtype, key
            assert np.ma.isMA(ours.cv_results_[key]) == np.ma.isMA(column), key
    assert table(ours) == table(theirs)
    attributes = {name for name in vars(ours) if name.endswith("_")}
    own = {"optimizer_", "trials_", "n_trials_", "stop_reason_", "total_time_"}
    assert attributes - own == {n for n in vars(theirs) if n.endswith("_")}
    for name in ("n_splits_", "multimetric_", "best_score_"):
        assert getattr(ours, name, None) == getattr(theirs, name, None), name
    if options.get("refit", True):
        fitted = [search.best_estimator_ for search in (ours, theirs)]
        if ours.best_params_ == theirs.best_params_:  # not so where several are equally good
            predictions = [search.predict(data["X"]) for search in fitted]
            np.testing.assert_array_equal(*predictions)
        assert getattr(ours, "n_features_in_", 0) == getattr(theirs, "n_features_in_", 0)
        if hasattr(theirs, "feature_names_in_"):
            np.testing.assert_array_equal(ours.feature_names_in_, theirs.feature_names_in_)
