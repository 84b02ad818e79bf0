"""A search of an estimator whose fits may fail."""

import warnings

import numpy as np
import pytest
from sklearn.base import BaseEstimator
from sklearn.exceptions import FitFailedWarning

from sklearn_bo import BayesSearchCV

rng = np.random.RandomState(0)
X = rng.normal(size=(40, 3))
y = (X[:, 0] + 0.8 * rng.normal(size=40) > 0).astype(int)


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


def fragile_search(fails, space=None, **kwargs):
    arguments = {"n_iter": 12, "cv": 2, "random_state": 0, "initial_candidates": []}
    return BayesSearchCV(
        Fragile(fails=fails), space or {"a": (0.0, 1.0)}, **{**arguments, **kwargs}
    )


def fit_with_failures(search):
    with warnings.catch_warnings():
        warnings.filterwarnings("ignore", "One or more of the (test|train) scores", UserWarning)
        with pytest.warns(FitFailedWarning, match="fits failed"):
            return search.fit(X, y)
