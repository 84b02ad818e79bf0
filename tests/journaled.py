"""A search that is quick, counts its fits and may keep a journal; for the tests of journals."""

import json

import numpy as np
from scipy import stats
from sklearn.base import BaseEstimator, ClassifierMixin
from sklearn.preprocessing import MinMaxScaler, StandardScaler
from timeless import without_times

from sklearn_bo import BayesSearchCV

rng = np.random.RandomState(0)
X = rng.normal(size=(30, 3))
y = np.arange(30) % 2


def cube(value):
    return value**3


class Sampler:
    """A distribution that has nothing but rvs."""

    def rvs(self, random_state=None):
        return float(random_state.normal())


class Anything(ClassifierMixin, BaseEstimator):
    """Its score depends on its parameters and the fold; notes each fit of any clone."""

    fits: list = []  # noqa: RUF012
    fail = staticmethod(lambda self: None)

    def __init__(self, a=0.25, b=2, thing=None, law=0.5, drawn=None, tol=0.1):
        self.a = a
        self.b = b
        self.thing = thing
        self.law = law
        self.drawn = drawn
        self.tol = tol

    def fit(self, X, y=None, sample_weight=None):
        Anything.fits.append((self.a, self.b, str(self.thing), float(X[0, 0])))
        type(self).fail(self)
        self.classes_ = np.unique(y)
        self.shift_ = 0.01 * float(X[0, 0])
        return self

    def predict(self, X):
        return np.where(X[:, 0] < self.a, *self.classes_)

    def score(self, X, y=None):
        return self.shift_ - (self.a - 0.6) ** 2 - 0.01 * self.b + 0.02 * len(str(self.thing))


class Level(str):
    """A string of a user's own kind."""

    __slots__ = ()


THINGS = [
    *(None, True, 1, 1.5, "x", (1, 2), [3, (4,)], np.nan, np.inf, cube, len, StandardScaler()),
    *(MinMaxScaler(), np.float64(2.5), np.arange(3), Level("y"), {"k": 1}),
]
RICH = [
    {"a": (0.0, 1.0), "b": (1, 9, "log-uniform"), "thing": THINGS},
    {"a": stats.norm(0.5, 0.1), "law": (1e-3, 1e3, "log-uniform"), "drawn": Sampler()},
]
SIMPLE = {"a": (0.0, 1.0), "b": (1, 9)}


def make(path=None, space=SIMPLE, **kwargs):
    kwargs = {"n_iter": 8, "cv": 2, "random_state": 0, "refit": False, **kwargs}
    return BayesSearchCV(Anything(), space, journal=path, **kwargs)


def outcome(search):
    """Return all that a search finds, but for the times."""
    trials = [(t.number, t.z.tolist(), t.origin, t.state, t.score) for t in search.trials_]
    # repr tells NaN, which is no equal of itself, and 1 from True.
    return repr(without_times(search)), repr(trials), getattr(search, "best_index_", None)


def lines_of(path):
    return path.read_bytes().splitlines(keepends=True)


def records_of(path, kind):
    records = [json.loads(line) for line in lines_of(path)]
    return [record for record in records if record.get("line") == kind]


def by_two(estimator, X, y):
    """Score by two metrics whose names only a fit tells."""
    return {"first": estimator.score(X, y), "second": -estimator.b}
