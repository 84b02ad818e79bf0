"""A search of an estimator that scores by its parameters."""

import time

import numpy as np
from sklearn.base import BaseEstimator, ClassifierMixin
from sklearn.datasets import make_classification

from sklearn_bo import BayesSearchCV

X, y = make_classification(n_samples=60, n_features=5, random_state=0)
SPACE = {"a": (0.0, 1.0), "b": (0.0, 1.0)}


class Hill(ClassifierMixin, BaseEstimator):
    """Scores by its parameters, a little differently on each fold; may take random times."""

    n_fits = 0

    def __init__(self, a=0.0, b=0.0, jitter=0.0, fail_below=-1.0):
        self.a = a
        self.b = b
        self.jitter = jitter
        self.fail_below = fail_below

    def fit(self, X, y):
        if self.a < self.fail_below:
            raise ValueError("too low")
        if self.jitter:
            time.sleep(np.random.default_rng().exponential(self.jitter))
        Hill.n_fits += 1
        self.classes_ = np.unique(y)
        self.offset_ = float(X[0, 0])
        return self

    def score(self, X, y):
        return 1 - (self.a - 0.6) ** 2 - (self.b - 0.3) ** 2 + 0.02 * self.offset_


def hill_search(stopping=None, **params):
    params = {"n_iter": 30, "cv": 3, "random_state": 0, "refit": False, **params}
    estimator = params.pop("estimator", Hill())
    return BayesSearchCV(estimator, SPACE, stopping=stopping, **params)


def rows(search):
    return [
        (params, score)
        for params, score in zip(
            search.cv_results_["params"], search.cv_results_["mean_test_score"], strict=True
        )
    ]
