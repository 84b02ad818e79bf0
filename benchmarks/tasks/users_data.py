"""The data sets of the tasks in users.py, smaller than those of data.py, and their scores."""

from collections.abc import Callable
from functools import cache
from typing import Any

import numpy as np
from sklearn import datasets
from sklearn.base import clone
from sklearn.metrics import get_scorer
from sklearn.model_selection import KFold, ShuffleSplit, StratifiedKFold, StratifiedShuffleSplit

Arrays = tuple[Any, np.ndarray]


def _shuffled(arrays: Arrays, n_rows: int) -> Arrays:
    X, y = arrays
    rows = np.random.RandomState(0).permutation(len(X))[:n_rows]
    return X[rows], y[rows]


def _ellipses() -> Arrays:
    """Return four stretched clusters."""
    X, y = datasets.make_blobs(250, 2, centers=4, random_state=17)
    return X @ np.array([[0.6, -0.6], [-0.4, 0.8]]), y


def _missing() -> Arrays:
    """Return Friedman's first problem with 15 % of the values missing."""
    X, y = load("friedman1")
    return np.where(np.random.RandomState(0).rand(*X.shape) < 0.15, np.nan, X), y


def _scaled() -> Arrays:
    """Return features whose scales differ by up to a million."""
    X, y = load("madelon")
    return X * 10.0 ** np.random.RandomState(0).uniform(-3, 3, X.shape[1]), y


def _linnerud() -> Arrays:
    X, y = datasets.load_linnerud(return_X_y=True)
    return X, y[:, 0]


def _documents() -> Arrays:
    """Return documents of four subjects, in two classes, a tenth of them mislabelled."""
    rng = np.random.RandomState(0)
    words = [f"w{k}" for k in range(300)]
    topics = rng.dirichlet(np.full(300, 0.1), 6)
    texts, y = [], []
    for k in range(160):
        subject = k % 4
        mixture = rng.dirichlet(np.eye(6)[subject] * 1.2 + 0.4)
        texts.append(" ".join(rng.choice(words, 40, p=mixture @ topics)))
        y.append(subject % 2 if rng.rand() > 0.1 else 1 - subject % 2)
    return np.array(texts, dtype=object), np.array(y)


LOADERS: dict[str, Callable[[], Arrays]] = {
    "iris": lambda: datasets.load_iris(return_X_y=True),
    "wine": lambda: datasets.load_wine(return_X_y=True),
    "breast": lambda: _shuffled(datasets.load_breast_cancer(return_X_y=True), 250),
    "digits": lambda: _shuffled(datasets.load_digits(return_X_y=True), 300),
    "hastie": lambda: _shuffled(datasets.make_hastie_10_2(300, random_state=1), 300),
    "moons": lambda: datasets.make_moons(200, noise=0.25, random_state=3),
    "circles": lambda: datasets.make_circles(200, noise=0.15, factor=0.6, random_state=3),
    "imbalanced": lambda: datasets.make_classification(
        300, 12, n_informative=4, weights=[0.93], flip_y=0.03, random_state=5
    ),
    "imbalanced-20": lambda: datasets.make_classification(
        400, 20, n_informative=6, weights=[0.9], class_sep=0.8, flip_y=0.02, random_state=11
    ),
    "madelon": lambda: datasets.make_classification(
        240,
        30,
        n_informative=5,
        n_redundant=5,
        n_clusters_per_class=3,
        class_sep=1.2,
        random_state=7,
    ),
    "four-classes": lambda: datasets.make_classification(
        250, 15, n_informative=8, n_classes=4, random_state=9
    ),
    "noisy-classes": lambda: datasets.make_classification(
        140, 25, n_informative=3, flip_y=0.25, class_sep=0.8, random_state=21
    ),
    "scaled": _scaled,
    "documents": _documents,
    "ellipses": _ellipses,
    "blobs": lambda: datasets.make_blobs(250, 4, centers=7, cluster_std=1.6, random_state=8),
    "diabetes": lambda: _shuffled(datasets.load_diabetes(return_X_y=True), 250),
    "linnerud": _linnerud,
    "friedman1": lambda: datasets.make_friedman1(200, 10, noise=1.0, random_state=2),
    "friedman2": lambda: datasets.make_friedman2(200, noise=50, random_state=2),
    "friedman3": lambda: datasets.make_friedman3(200, noise=0.1, random_state=2),
    "missing": _missing,
    "sparse": lambda: datasets.make_sparse_uncorrelated(120, 40, random_state=4),
    "wide": lambda: datasets.make_regression(80, 100, n_informative=10, noise=20, random_state=6),
    "low-rank": lambda: datasets.make_regression(
        120, 60, n_informative=20, effective_rank=8, noise=2, random_state=6
    ),
    "noisy-regression": lambda: datasets.make_regression(
        110, 30, n_informative=4, noise=120, random_state=22
    ),
}
UNSTRATIFIED = (
    *("blobs", "diabetes", "linnerud", "friedman1", "friedman2", "friedman3"),
    *("missing", "sparse", "wide", "low-rank", "noisy-regression"),
)


@cache
def load(name: str) -> Arrays:
    """Return a data set."""
    return LOADERS[name]()


def cross_validate(
    model: Any,
    name: str,
    metric: Any,
    k: int = 2,
    held_out: float | None = None,
    seed: int = 0,
) -> float:
    """Return the mean score over k folds, or of one held-out share, that the seed draws.

    The metric is the name of one of scikit-learn's scorers, or a callable like them.
    """
    X, y = load(name)
    folds, share = StratifiedKFold, StratifiedShuffleSplit
    if name in UNSTRATIFIED:
        folds, share = KFold, ShuffleSplit
    if held_out is None:
        splitter = folds(k, shuffle=True, random_state=seed)
    else:
        splitter = share(1, test_size=held_out, random_state=seed)
    scorer = get_scorer(metric)
    scores = []
    for train, test in splitter.split(X, y):
        fitted = clone(model).fit(X[train], y[train])
        scores.append(scorer(fitted, X[test], y[test]))
    return float(np.mean(scores))
