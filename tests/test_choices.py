"""Choices that are classes, and parameters that an estimator takes only together."""

import numpy as np
import pytest
from sklearn.base import BaseEstimator
from sklearn.dummy import DummyClassifier
from sklearn.ensemble import RandomForestClassifier
from sklearn.tree import DecisionTreeClassifier

from sklearn_bo import BayesSearchCV

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


def test_classes_are_choices_beside_another_class_of_the_estimators_own():
    space = {"model": [DummyClassifier, DecisionTreeClassifier]}
    search = BayesSearchCV(Wrapper(), space, n_iter=2, cv=2, random_state=0).fit(X, y)
    assert search.best_params_ == {"model": DecisionTreeClassifier}


def test_parameters_that_are_valid_together_need_not_be_so_alone():
    space = {"low": [2, 3], "high": [5, 6]}
    wrapper = Wrapper(DummyClassifier)
    search = BayesSearchCV(wrapper, space, n_iter=4, cv=2, random_state=0).fit(X, y)
    assert len(search.cv_results_["params"]) == 4
    with pytest.raises(ValueError, match="'low', which Wrapper does not accept: low < high"):
        BayesSearchCV(wrapper, {"low": [7, 8], "high": [5, 6]}, cv=2).fit(X, y)
