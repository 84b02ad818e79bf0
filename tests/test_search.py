"""BayesSearchCV as a user meets it: RandomizedSearchCV's results, from better candidates."""

import copy
import itertools
import pickle
import re

import joblib
import numpy as np
import pandas as pd
import pytest
import sklearn
from scipy import stats
from sklearn.base import BaseEstimator, ClassifierMixin, RegressorMixin, clone
from sklearn.cluster import KMeans
from sklearn.datasets import load_diabetes
from sklearn.decomposition import PCA
from sklearn.ensemble import RandomForestClassifier, VotingClassifier
from sklearn.impute import SimpleImputer
from sklearn.linear_model import LogisticRegression, Ridge
from sklearn.model_selection import (
    GridSearchCV,
    KFold,
    ParameterGrid,
    RandomizedSearchCV,
    StratifiedKFold,
    cross_val_score,
)
from sklearn.pipeline import Pipeline, make_pipeline
from sklearn.preprocessing import FunctionTransformer, StandardScaler
from sklearn.svm import SVC, SVR
from timeless import without_times

from sklearn_bo import BayesSearchCV

rng = np.random.RandomState(0)
X = rng.normal(size=(40, 3))
y = (X[:, 0] + 0.8 * rng.normal(size=40) > 0).astype(int)
RANGE = {"C": (1e-3, 1e3, "log-uniform")}


pytestmark = pytest.mark.usefixtures("one_blas_thread")


class Adjustable(ClassifierMixin, BaseEstimator):
    """Scores by a and b, and counts the fits of all its clones."""

    n_fits = 0

    def __init__(self, a=0.25, b=2, kind="x"):
        self.a = a
        self.b = b
        self.kind = kind

    def fit(self, X, y=None):
        Adjustable.n_fits += 1
        self.classes_ = np.unique(y)
        return self

    def predict(self, X):
        return np.full(len(X), self.classes_[0])

    def score(self, X, y=None):
        return -((self.a - 0.6) ** 2) - 0.01 * self.b


def adjust(space=None, estimator=None, **kwargs):
    """Search cheaply."""
    arguments = {"n_iter": 8, "cv": 2, "random_state": 0, **kwargs}
    space = {"a": (0.0, 1.0), "b": (1, 5)} if space is None else space
    return BayesSearchCV(estimator or Adjustable(), space, **arguments).fit(X, y)


def origins(search):
    return [trial.origin for trial in search.trials_]


# -- one word instead of RandomizedSearchCV


def test_better_scores_than_random_search_from_as_many_candidates():
    X, y = load_diabetes(return_X_y=True)
    X, y = StandardScaler().fit_transform(X[:200]), y[:200] / 100
    space = {
        "C": stats.loguniform(1e-4, 1e3),
        "gamma": stats.loguniform(1e-6, 1e2),
        "epsilon": stats.loguniform(1e-3, 1e1),
    }
    options = {"n_iter": 20, "cv": 3}
    gains = [
        BayesSearchCV(SVR(), space, **options, random_state=seed).fit(X, y).best_score_
        - RandomizedSearchCV(SVR(), space, **options, random_state=seed).fit(X, y).best_score_
        for seed in range(12)
    ]
    assert stats.wilcoxon(gains, alternative="greater").pvalue < 0.05
    assert np.mean(gains) > 0.01  # of R^2


def test_as_many_fits_as_random_search():
    counts = []
    for search_class in (BayesSearchCV, RandomizedSearchCV):
        Adjustable.n_fits = 0
        search_class(Adjustable(), {"a": stats.uniform()}, n_iter=7, cv=3).fit(X, y)
        counts.append(Adjustable.n_fits)
    assert counts == [22, 22]


# -- reproducible


@pytest.mark.parametrize("n_jobs", [None, 1])
def test_one_process_is_reproducible(n_jobs):
    space = {"a": (0.0, 1.0), "b": [1, 2, 5], "kind": ["x", "y", None]}
    first, second = (adjust(space, n_iter=12, n_jobs=n_jobs) for _ in range(2))
    assert without_times(first) == without_times(second)
    assert origins(first) == origins(second)
    assert "model" in origins(first)


def test_a_random_state_instance_goes_on_and_another_seed_differs():
    state = np.random.RandomState(0)
    first, second = (adjust(random_state=state) for _ in range(2))
    assert without_times(first) == without_times(adjust(random_state=np.random.RandomState(0)))
    assert without_times(first) != without_times(second)
    assert without_times(adjust(random_state=1)) != without_times(adjust(random_state=2))


def test_fitting_again_starts_anew_and_leaves_parameters_alone():
    search = adjust(initial_candidates=[{"a": 0.125}])
    before = copy.deepcopy(search.get_params())
    first = without_times(search)
    assert without_times(search.fit(X, y)) == first
    assert repr(search.get_params()) == repr(before)
    assert not hasattr(search.estimator, "classes_")


def test_nothing_of_an_earlier_fit_stays_that_the_next_does_not_have():
    search = BayesSearchCV(LogisticRegression(), RANGE, n_iter=2, cv=2, random_state=0)
    search.fit(pd.DataFrame(X, columns=list("abc")), y)
    search.set_params(scoring=["accuracy", "f1"], objective="f1", refit=False)
    assert vars(search.fit(X, y)).keys() == vars(clone(search).fit(X, y)).keys()


# -- the first candidates


def test_search_starts_with_the_estimators_own_parameters():
    search = adjust(estimator=Adjustable(a=0.125, b=4))
    assert search.trials_[0].params == {"a": 0.125, "b": 4}
    assert origins(search)[:2] == ["estimator", "initial design"]


def test_own_parameters_outside_the_space_are_filled_in():
    trial = adjust(estimator=Adjustable(a=7.0, b=4)).trials_[0]
    assert trial.origin == "estimator"
    assert trial.params["b"] == 4
    assert 0 <= trial.params["a"] <= 1
    assert "estimator" not in origins(adjust(estimator=Adjustable(a=7.0, b=9)))


def test_no_initial_candidates_on_request():
    assert set(origins(adjust(initial_candidates=[]))) == {"initial design", "model"}


@pytest.mark.parametrize("container", [dict, lambda one: [one], lambda one: (one,)])
def test_initial_candidates_come_first_and_count(container):
    candidate = {"a": 0.5, "b": 3}
    search = adjust(initial_candidates=container(candidate))
    assert search.trials_[0].params == candidate
    assert search.cv_results_["params"][0] == candidate
    assert origins(search).count("user") == 1
    assert "estimator" not in origins(search)
    assert len(search.trials_) == 8
    frame = search.results_frame()
    assert frame.loc[0, "origin"] == "user"
    assert frame.loc[0, "param_a"] == 0.5


def test_partial_candidates_are_completed_from_the_estimator_or_else_the_space():
    search = adjust(
        estimator=Adjustable(a=0.125, b=77), initial_candidates=[{"b": 5}, {"a": 0.75}, {}]
    )
    first, second, third = (trial.params for trial in search.trials_[:3])
    assert first == {"a": 0.125, "b": 5}
    assert second["a"] == 0.75
    assert 1 <= second["b"] <= 5  # its own is outside
    assert third["a"] == 0.125
    assert origins(search)[:3] == 3 * ["user"]


def test_equal_initial_candidates_are_evaluated_once():
    search = adjust(initial_candidates=[{"a": 0.5, "b": 1}, {"b": 1, "a": 0.5}])
    assert origins(search).count("user") == 1
    assert len(search.trials_) == 8


def test_initial_candidates_beyond_the_budget_are_left_out():
    candidates = [{"a": a, "b": 1} for a in (0.1, 0.2, 0.3, 0.4)]
    with pytest.warns(UserWarning, match="4 settings, of which only the first 3"):
        search = adjust(initial_candidates=candidates, n_iter=3)
    assert search.cv_results_["params"] == candidates[:3]
    search = adjust(initial_candidates=candidates[:3] * 2, n_iter=3)  # without a warning
    assert search.cv_results_["params"] == candidates[:3]
    search = adjust(initial_candidates=[{"a": 0.25}, {"b": 2}], n_iter=1)  # both its own
    assert search.cv_results_["params"] == [{"a": 0.25, "b": 2}]


@pytest.mark.parametrize("n", [1, 4, 8, 20])
def test_the_model_proposes_after_n_initial_points(n):
    search = adjust(n_initial_points=n, n_iter=8, initial_candidates=[{"a": 0.5}])
    n_first = min(max(n, 2), 8)  # a model needs two
    assert origins(search) == (
        ["user"] + ["initial design"] * (n_first - 1) + ["model"] * (8 - n_first)
    )


def test_the_model_proposes_a_good_part_of_few_trials():
    space = {"a": (0.0, 1.0), "b": (1, 50), "kind": ["x", "y", "z"]}
    assert origins(adjust(space, n_iter=10)).count("model") >= 5


# -- finite spaces, subspaces


def test_a_finite_space_is_evaluated_once_and_warns_as_random_search_does():
    space = {"b": [1, 2, 3], "kind": ["x", "y"]}
    messages = []
    for search_class in (BayesSearchCV, RandomizedSearchCV):
        with pytest.warns(UserWarning, match="total space of parameters 6") as caught:
            search = search_class(Adjustable(), space, n_iter=10, cv=2).fit(X, y)
        messages.append(str(caught[0].message))
        assert len(caught) == 1
        settings = {(params["b"], params["kind"]) for params in search.cv_results_["params"]}
        assert len(settings) == len(search.cv_results_["params"]) == 6
    assert messages[0] == messages[1]


def test_two_numbers_in_a_list_are_said_to_be_no_range():
    with pytest.warns(UserWarning, match=r"parameters 2 .*\[1, 50\] of 'b' .* tuple \(1, 50\)"):
        BayesSearchCV(Adjustable(), {"b": [1, 50]}, n_iter=3, cv=2).fit(X, y)


def test_a_subspace_smaller_than_its_own_budget_is_not_said_to_be_the_whole_space():
    space = [({"b": [1, 2]}, 5), {"b": (3, 40)}]
    with pytest.warns(UserWarning, match="fewer settings than the 8 trials .*Running 5 iter"):
        search = BayesSearchCV(Adjustable(), space, n_iter=3, cv=2).fit(X, y)
    assert search.n_trials_ == 5
    assert search.stop_reason_ == "all 5 trials asked for were evaluated"


def test_a_finite_space_of_just_n_iter_settings_does_not_warn():
    search = adjust({"b": (1, 8)}, n_iter=8)
    assert sorted(search.cv_results_["param_b"].tolist()) == [*range(1, 9)]
    assert all(type(params["b"]) is int for params in search.cv_results_["params"])


def test_a_list_of_dicts_shares_n_iter():
    search = adjust([{"a": (0.0, 1.0)}, {"b": (1, 50), "kind": ["x", "y"]}], n_iter=12)
    keys = [tuple(params) for params in search.cv_results_["params"]]
    assert len(keys) == 12
    assert set(keys) == {("a",), ("b", "kind")}
    mask = np.ma.getmaskarray(search.cv_results_["param_a"])
    assert mask.tolist() == [key != ("a",) for key in keys]
    frame = search.results_frame()
    assert frame["param_b"].isna().tolist() == [key == ("a",) for key in keys]


def test_budgets_of_subspaces_stand_beside_n_iter():
    spaces = [({"a": (0.0, 1.0)}, 3), {"b": (1, 50)}, ({"kind": ["x", "y"]}, 2)]
    search = adjust(spaces, n_iter=4)
    keys = [next(iter(params)) for params in search.cv_results_["params"]]
    assert {key: keys.count(key) for key in "ab"} == {"a": 3, "b": 4}
    assert keys.count("kind") == 2
    assert len(adjust([({"a": (0.0, 1.0)}, 3)], n_iter=50).trials_) == 3


# -- what GridSearchCV takes


def same_as_grid(estimator, grid, X, y, **options):
    """Compare a search through all settings with GridSearchCV's, setting by setting."""
    scores = []
    n_iter, options = len(ParameterGrid(grid)), {"cv": KFold(2), **options}
    for search in (
        GridSearchCV(estimator, grid, **options),
        BayesSearchCV(estimator, grid, n_iter=n_iter, random_state=0, **options),
    ):
        table = search.fit(X, y).cv_results_
        settings = [repr(sorted(params.items())) for params in table["params"]]
        scores.append(pd.Series(table["mean_test_score"], settings).sort_index())
    assert scores[0].notna().all()
    pd.testing.assert_series_equal(*scores)


def test_nan_is_a_choice():
    gaps = X.copy()
    gaps[::5, 0], gaps[1::5, 0] = np.nan, -1.0
    pipeline = make_pipeline(SimpleImputer(keep_empty_features=True), Ridge())
    grid = {"simpleimputer__missing_values": [np.nan], "ridge__alpha": [0.1, 1.0]}
    same_as_grid(pipeline, grid, gaps, y)
    search = adjust({"a": [np.nan, 0.0, 1.0]}, Tolerant(), n_iter=3)
    np.testing.assert_array_equal(np.sort(search.cv_results_["param_a"]), [0.0, 1.0, np.nan])
    assert search.best_params_ == {"a": 1.0}


class Tolerant(Adjustable):
    """Fits any target, and scores its parameter."""

    def score(self, X, y=None):
        return 0.5 if np.isnan(self.a) else self.a


def test_targets_that_clusterers_ignore_may_have_gaps():
    target = np.where(np.arange(40) % 3 == 0, np.nan, 1.0)
    same_as_grid(KMeans(n_init=1, random_state=0), {"n_clusters": [2, 3]}, X, target)


class Masked(RegressorMixin, BaseEstimator):
    """Leaves out the samples whose target is missing."""

    def __init__(self, alpha=1.0):
        self.alpha = alpha

    def fit(self, X, y):
        known = ~np.isnan(y)
        self.model_ = Ridge(alpha=self.alpha).fit(X[known], y[known])
        return self

    def score(self, X, y):
        return -np.nanmean((self.model_.predict(X) - y) ** 2)


def test_targets_may_have_gaps_for_a_regressor_that_knows_what_to_do():
    target = np.where(np.arange(40) % 3 == 0, np.nan, X[:, 0])
    same_as_grid(Masked(), {"alpha": [0.1, 10.0]}, X, target)
    pipeline = make_pipeline(StandardScaler(), Masked())
    same_as_grid(pipeline, {"masked__alpha": [0.1, 10.0]}, X, target)
    same_as_grid(GridSearchCV(Masked(), {"alpha": [0.1, 10.0]}), {"cv": [2, 3]}, X, target)
    own = make_pipeline(StandardScaler(), GridSearchCV(Ridge(), {"alpha": [0.1, 10.0]}))
    with pytest.raises(ValueError, match=r"^Input y contains NaN: 14 of 40"):
        BayesSearchCV(own, {"gridsearchcv__cv": [2, 3]}).fit(X, target)


def test_targets_may_be_missing_where_no_split_and_no_refit_meets_them():
    target = np.where(np.arange(40) < 10, np.nan, X[:, 0])
    folds = KFold(3).split(X[10:])
    splits = [(train + 10, test + 10) for train, test in folds]
    same_as_grid(Ridge(), {"alpha": [0.1, 10.0]}, X, target, cv=splits, refit=False)
    with pytest.raises(ValueError, match=r"^Input y contains NaN: 10 of 40"):
        BayesSearchCV(Ridge(), {"alpha": [0.1, 10.0]}, cv=splits).fit(X, target)


def test_targets_may_be_sequences_of_different_lengths():
    class Tagger(Adjustable):
        def fit(self, X, y):
            self.lengths_ = [len(labels) for labels in y]
            return self

        def score(self, X, y):
            return self.a + sum(map(len, y))

    sentences = [["a"] * (i % 3 + 1) for i in range(40)]
    same_as_grid(Tagger(), {"a": [1.0, 2.0]}, X, sentences)


# -- choices that are objects


def double(X):
    return 2 * X


def test_choices_are_kept_by_identity():
    steps = [PCA(2), "passthrough", None, FunctionTransformer(double)]
    widths, arrays, functions = [(4,), (2, 2)], [np.zeros(2), np.ones(2)], [np.mean, double]
    choices = {"a": widths, "b": arrays, "kind": functions}

    class Anything(Adjustable):
        def score(self, X, y=None):
            return len(self.a) + float(self.b.sum())

    search = adjust(choices, Anything(), n_iter=8)
    for params in search.cv_results_["params"]:
        for name, values in choices.items():
            assert any(params[name] is value for value in values)
    assert search.best_params_["a"] is widths[1]
    assert search.best_params_["b"] is arrays[1]

    pipeline = Pipeline([("step", StandardScaler()), ("clf", LogisticRegression())])
    classifiers = [LogisticRegression(), SVC()]
    space = {"step": steps, "clf": classifiers, "clf__C": RANGE["C"]}
    search = BayesSearchCV(pipeline, space, n_iter=12, cv=2, random_state=0).fit(X, y)
    for params in search.cv_results_["params"]:
        assert any(params["step"] is step for step in steps)
        assert any(params["clf"] is clf for clf in classifiers)
    assert not hasattr(steps[0], "components_")
    assert not hasattr(classifiers[0], "coef_")
    assert {clf.C for clf in classifiers} == {1.0}
    assert search.best_estimator_.get_params()["clf__C"] == search.best_params_["clf__C"]


def test_a_clone_finds_its_choices_among_initial_candidates():
    linear, kernel = LogisticRegression(), SVC()
    search = BayesSearchCV(
        Pipeline([("clf", linear)]),
        {"clf": [linear, kernel], "clf__C": RANGE["C"]},
        n_iter=3,
        cv=2,
        initial_candidates=[{"clf": kernel, "clf__C": 2.0}],
    )
    first = clone(search).fit(X, y).trials_[0]  # as nested cross-validation has it
    assert first.origin == "user"
    assert isinstance(first.params["clf"], SVC)
    assert first.params["clf__C"] == 2.0


def test_a_search_of_subspaces_tunes_pipelines_of_different_steps():
    pipeline = Pipeline([("scale", StandardScaler()), ("clf", SVC())])
    spaces = [
        {"clf": [SVC()], "clf__C": RANGE["C"], "clf__kernel": ["rbf", "linear"]},
        {"clf": [RandomForestClassifier(n_estimators=3)], "clf__max_depth": (1, 5)},
    ]
    search = BayesSearchCV(pipeline, spaces, n_iter=9, cv=2, random_state=0).fit(X, y)
    used = {type(params["clf"]).__name__ for params in search.cv_results_["params"]}
    assert used == {"SVC", "RandomForestClassifier"}
    assert 0.5 < search.best_score_ == search.cv_results_["mean_test_score"].max()


def test_lists_of_steps_are_choices_and_so_are_parameters_of_the_steps():
    steps = [[("reduce", PCA(2)), ("svc", SVC())], [("scale", StandardScaler()), ("svc", SVC())]]
    pipeline = Pipeline([("clf", LogisticRegression())])
    same_as_grid(pipeline, {"steps": steps, "svc__C": [0.1, 1.0]}, X, y)
    outer = Pipeline([("inner", pipeline)])
    same_as_grid(outer, {"inner__steps": steps, "inner__svc__C": [0.1, 1.0]}, X, y)
    vote = VotingClassifier([("any", SVC())])
    forest = [[("forest", RandomForestClassifier(5, random_state=0))]]
    same_as_grid(vote, {"estimators": forest, "forest__max_depth": [1, 2]}, X, y)
    with pytest.raises(ValueError, match="'tree__max_depth', which VotingClassifier does not acc"):
        BayesSearchCV(vote, {"estimators": forest, "tree__max_depth": [1, 2]}).fit(X, y)


# -- one estimator among others


def test_nested_cross_validation_is_a_search_and_a_fit_of_its_best_for_each_split():
    search = BayesSearchCV(LogisticRegression(), RANGE, n_iter=4, cv=2, random_state=0)
    scores = cross_val_score(search, X, y, cv=3)
    for score, (train, test) in zip(scores, StratifiedKFold(3).split(X, y), strict=True):
        best = clone(search).fit(X[train], y[train]).best_params_
        assert score == LogisticRegression(**best).fit(X[train], y[train]).score(X[test], y[test])


def test_a_search_is_a_step_of_a_pipeline():
    search = BayesSearchCV(LogisticRegression(), RANGE, n_iter=4, cv=2, random_state=0)
    pipeline, scaled = make_pipeline(StandardScaler(), search), StandardScaler().fit_transform(X)
    np.testing.assert_array_equal(
        pipeline.fit(X, y).predict_proba(X), clone(search).fit(scaled, y).predict_proba(scaled)
    )


def test_a_search_runs_in_parallel_inside_parallel_cross_validation():
    search = BayesSearchCV(LogisticRegression(), RANGE, n_iter=3, cv=2, n_jobs=2, random_state=0)
    with joblib.parallel_config("threading", n_jobs=2):
        assert np.isfinite(cross_val_score(search, X, y, cv=2)).all()


def test_pickles_before_and_after_fit_and_clones():
    search = BayesSearchCV(LogisticRegression(), RANGE, n_iter=5, cv=2, random_state=0)
    again = pickle.loads(pickle.dumps(search)).fit(X, y)
    fitted = pickle.loads(pickle.dumps(search.fit(X, y)))
    assert without_times(again) == without_times(search) == without_times(fitted)
    np.testing.assert_array_equal(fitted.predict(X), search.predict(X))
    assert fitted.optimizer_.predict(fitted.best_params_) == search.optimizer_.predict(
        search.best_params_
    )
    fresh = clone(fitted)
    assert not hasattr(fresh, "cv_results_")
    assert repr(fresh.get_params()) == repr(search.get_params())


def test_html_shows_the_search_and_its_estimator():
    search = BayesSearchCV(LogisticRegression(), RANGE, n_iter=2, cv=2, random_state=0)
    for html in (search._repr_html_(), search.fit(X, y)._repr_html_()):
        assert "BayesSearchCV" in html
        assert "LogisticRegression" in html


def test_methods_and_tags_are_those_of_the_estimator():
    search = BayesSearchCV(SVC(), RANGE, n_iter=2, cv=2, random_state=0).fit(X, y)
    assert sklearn.base.is_classifier(search)
    assert hasattr(search, "decision_function")
    assert not hasattr(search, "predict_proba")
    assert search.classes_.tolist() == [0, 1]
    assert search.score(X, y) == search.best_estimator_.score(X, y)


def test_the_fitted_engine_predicts_and_knows_the_best():
    search = adjust(n_iter=15)
    mean, std = search.optimizer_.predict(search.best_params_)
    assert mean == pytest.approx(search.best_score_, abs=0.02)
    assert std >= 0
    means, stds = search.optimizer_.predict([{"a": 0.6, "b": 1}, {"a": 0.0, "b": 5}])
    assert means.shape == stds.shape == (2,)
    assert means[0] > means[1]
    assert search.optimizer_.best_trial.params == search.best_params_
    assert list(search.optimizer_.trials) == search.trials_


# -- what it says


@pytest.mark.parametrize("n_jobs", [None, 2])
def test_verbose_tells_the_number_of_fits_and_each_of_them(capsys, n_jobs):
    with joblib.parallel_config("threading"):
        adjust(n_iter=3, n_jobs=n_jobs, verbose=10)
    lines = capsys.readouterr().out.splitlines()
    assert lines[0] == "Fitting 2 folds for each of 3 candidates, totalling 6 fits"
    ends = sorted(re.findall(r"\[CV (\d)/2; (\d)/3\] END .*a=.*score=", "\n".join(lines)))
    assert ends == [*itertools.product("12", "123")]


def test_verbose_tells_what_a_journal_holds(capsys, tmp_path):
    path = str(tmp_path / "search.jsonl")
    adjust(n_iter=2, journal=path)
    adjust(n_iter=3, journal=path, verbose=1)
    lines = capsys.readouterr().out.splitlines()
    assert lines[0] == "Fitting 2 folds for each of 3 candidates, totalling 6 fits"
    assert lines[1] == f"of which journal={path!r} holds 4"


def test_silent_by_default(capsys):
    adjust(n_iter=3)
    out = capsys.readouterr()
    assert out.out == out.err == ""
