"""Choices that are classes or other objects, and settings that an estimator does not take."""

import pickle
from functools import partial

import numpy as np
import pytest
from sklearn.base import BaseEstimator, ClassifierMixin, clone
from sklearn.dummy import DummyClassifier
from sklearn.ensemble import RandomForestClassifier
from sklearn.exceptions import FitFailedWarning
from sklearn.impute import KNNImputer, SimpleImputer
from sklearn.model_selection import KFold, StratifiedKFold
from sklearn.preprocessing import MinMaxScaler, StandardScaler
from sklearn.tree import DecisionTreeClassifier

from sklearn_bo import BayesSearchCV
from sklearn_bo.dimensions import Choices

X = np.arange(40.0).reshape(-1, 1)
y = np.arange(40) // 10 % 2


class Wrapper(BaseEstimator):
    def __init__(self, model=RandomForestClassifier, low=0, high=1):
        self.model = model
        self.low = low
        self.high = high

    def set_params(self, **params):
        super().set_params(**params)
        if self.low >= self.high:
            raise ValueError("low < high is asked for")
        return self

    def fit(self, X, y):
        self.model_ = self.model().fit(X, y)
        return self

    def score(self, X, y):
        return self.model_.score(X, y)


class Reduced:
    """Is told from others by the function that pickle calls."""

    def __init__(self, function):
        self.function = function

    def __reduce__(self):
        return (lowest if self.function is min else highest), ()


def lowest():
    return Reduced(min)


def highest():
    return Reduced(max)


class Ensemble(ClassifierMixin, BaseEstimator):
    def __init__(self, base=None, n_estimators=1, cv=None):
        self.base = base
        self.n_estimators = n_estimators
        self.cv = cv

    def fit(self, X, y):
        self.classes_ = np.unique(y)
        return self

    def score(self, X, y):
        return self.base.max_depth - 0.1 * self.n_estimators


def test_classes_are_choices_beside_another_class_of_the_estimators_own():
    space = {"model": [DummyClassifier, DecisionTreeClassifier]}
    search = BayesSearchCV(Wrapper(), space, n_iter=2, cv=2, random_state=0).fit(X, y)
    assert search.best_params_ == {"model": DecisionTreeClassifier}


@pytest.mark.parametrize(
    "choices",
    [
        [[("scale", StandardScaler(), [0])], [("scale", MinMaxScaler(), [0])]],
        [KFold(2), KFold(3), StratifiedKFold(2)],
        [{"inner": StandardScaler()}, {"inner": MinMaxScaler()}],
        [SimpleImputer(), SimpleImputer(missing_values=-1), KNNImputer()],
        [Reduced(min), Reduced(max)],
        [partial(max, 1), partial(max, 2), partial(min, 2)],
    ],
    ids=["lists of steps", "splitters", "dicts", "imputers", "reductions", "partials"],
)
def test_copies_of_choices_are_those_choices(choices):
    dimension = Choices(choices)
    for level, choice in enumerate(choices):
        assert dimension.index(clone(choice, safe=False)) == level
        assert dimension.index(pickle.loads(pickle.dumps(choice))) == level
    assert Choices(clone(choices, safe=False)) == dimension
    assert Choices(choices[::-1]) != dimension


def test_a_choice_that_refers_to_itself_is_none_of_its_copies():
    one, other = KFold(2), KFold(2)
    one.itself, other.itself = one, other
    dimension = Choices([one, 5])
    assert dimension.index(one) == 0
    with pytest.raises(ValueError, match="is not in"):
        dimension.index(other)


def test_a_clone_of_a_search_over_objects_evaluates_the_same_candidates():
    models = [DecisionTreeClassifier(max_depth=depth) for depth in (1, 2, 3)]
    space = [
        {"base": models, "n_estimators": (1, 9)},
        {"base": models, "n_estimators": [1], "cv": [KFold(2), KFold(3)]},
    ]
    first = {"base": models[2], "n_estimators": 1, "cv": KFold(3)}
    searches = [BayesSearchCV(Ensemble(), space, initial_candidates=first, cv=2, random_state=0)]
    searches[0].set_params(n_iter=14)
    searches.append(clone(searches[0]))
    texts = [str(search.fit(X, y).cv_results_["params"]) for search in searches]
    assert texts[0] == texts[1]
    assert "KFold(n_splits=3" in str(searches[1].trials_[0].params)


def own_score(estimator, X, y):
    return estimator.score(X, y)


@pytest.mark.filterwarnings("ignore:One or more of the t")
@pytest.mark.parametrize(
    "options",
    [
        {},
        {"return_train_score": True},
        {"return_train_score": True, "scoring": dict.fromkeys("ab", own_score), "refit": "b"},
    ],
)
def test_settings_that_set_params_refuses_are_failed_candidates(options):
    options = {"n_iter": 12, "cv": 2, "random_state": 0, **options}
    search = BayesSearchCV(Wrapper(DecisionTreeClassifier), {"low": (-2.0, 3.0)}, **options)
    with pytest.warns(FitFailedWarning, match="low < high is asked for"):
        search.fit(X, y)
    low = np.array([trial.params["low"] for trial in search.trials_])
    failed = [trial.state == "failed" for trial in search.trials_]
    assert failed == (low >= 1).tolist()
    assert 0 < sum(failed) < 6
    for name, scores in search.cv_results_.items():
        if name.startswith(("split", "mean_t")):
            np.testing.assert_array_equal(np.isnan(scores), failed)
    with pytest.raises(ValueError, match="low < high is asked for"):
        search.set_params(error_score="raise").fit(X, y)


def test_parameters_that_are_valid_together_need_not_be_so_alone():
    space = {"low": [2, 3], "high": [5, 6]}
    wrapper = Wrapper(DummyClassifier)
    search = BayesSearchCV(wrapper, space, n_iter=4, cv=2, random_state=0).fit(X, y)
    assert len(search.cv_results_["params"]) == 4
    with pytest.raises(ValueError, match="'low', which Wrapper does not accept: low < high"):
        BayesSearchCV(wrapper, {"low": [7, 8], "high": [5, 6]}, cv=2).fit(X, y)


def test_tuples_that_differ_in_their_objects_are_choices_of_their_own():
    standard, by_range = (StandardScaler(), 1), (MinMaxScaler(), 1)
    choices = Choices([standard, by_range, (StandardScaler, 1), ((None,), 1), (("a", None), 1)])
    assert choices.n_levels == 5
    assert [choices.index(value) for value in choices.values] == [0, 1, 2, 3, 4]
    assert [choices.index((scaler(), 1)) for scaler in (StandardScaler, MinMaxScaler)] == [0, 1]
