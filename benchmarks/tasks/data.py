"""Data sets that ship with scikit-learn or are generated, and a lean cross-validation."""

from functools import cache
from typing import Any

import numpy as np
from sklearn import datasets
from sklearn.base import clone
from sklearn.model_selection import KFold, ShuffleSplit, StratifiedKFold, StratifiedShuffleSplit

MAX_ROWS = 500
Arrays = tuple[Any, np.ndarray]


def _categories() -> Arrays:
    """Return eight categorical columns, of 3 to 30 levels, two of which interact."""
    rng = np.random.RandomState(7)
    levels = [3, 4, 5, 8, 12, 20, 30, 6]
    columns = [rng.randint(n, size=MAX_ROWS) for n in levels]
    effects = [rng.standard_normal(n) for n in levels]
    signal = sum(e[c] for e, c in zip(effects[2:7], columns[2:7], strict=True))
    signal = signal + 2.0 * ((columns[0] == 1) == (columns[1] > 1))
    y = signal + rng.standard_normal(MAX_ROWS) > np.median(signal)
    return np.column_stack(columns).astype(float), y.astype(int)


def _documents() -> Arrays:
    """Return short documents of three topics over words with shared stems."""
    rng = np.random.RandomState(3)
    stems = ["".join(rng.choice(list("abcdefghij"), 4)) for _ in range(120)]
    endings = ["", "s", "ing", "ed"]
    topics = rng.dirichlet(np.full(120, 0.15), 3) * 0.45 + rng.dirichlet(np.full(120, 1.0)) * 0.55
    y = rng.randint(3, size=240)
    texts = [
        " ".join(rng.choice(stems, p=topics[k]) + rng.choice(endings) for _ in range(12)) for k in y
    ]
    return np.array(texts, dtype=object), y


def _missing() -> Arrays:
    """Return the wine data with a fifth of the values missing."""
    X, y = datasets.load_wine(return_X_y=True)
    X[np.random.RandomState(1).uniform(size=X.shape) < 0.2] = np.nan
    return X, y


LOADERS = {
    "breast": lambda: datasets.load_breast_cancer(return_X_y=True),
    "digits": lambda: datasets.load_digits(return_X_y=True),
    "iris": lambda: datasets.load_iris(return_X_y=True),
    "wine": lambda: datasets.load_wine(return_X_y=True),
    "diabetes": lambda: datasets.load_diabetes(return_X_y=True),
    "friedman": lambda: datasets.make_friedman1(300, 10, noise=1.0, random_state=0),
    "sparse": lambda: datasets.make_regression(
        150, 60, n_informative=8, noise=20.0, random_state=0
    ),
    "moons": lambda: datasets.make_moons(300, noise=0.25, random_state=0),
    "circles": lambda: datasets.make_circles(240, noise=0.15, factor=0.6, random_state=0),
    "madelon": lambda: datasets.make_classification(
        400, 25, n_informative=6, n_redundant=4, n_clusters_per_class=4, flip_y=0.05, random_state=0
    ),
    "imbalanced": lambda: datasets.make_classification(
        500, 12, n_informative=5, weights=[0.9], flip_y=0.02, class_sep=0.7, random_state=2
    ),
    "categories": _categories,
    "documents": _documents,
    "missing": _missing,
}
REGRESSION = ("diabetes", "friedman", "sparse")


@cache
def load(name: str) -> Arrays:
    """Return at most 500 shuffled rows of a data set."""
    X, y = LOADERS[name]()
    rows = np.random.RandomState(0).permutation(len(y))[:MAX_ROWS]
    return X[rows], y[rows]


@cache
def _folds(name: str, n_splits: int, seed: int) -> list[tuple[np.ndarray, np.ndarray]]:
    X, y = load(name)
    kind = KFold if name in REGRESSION else StratifiedKFold
    return list(kind(n_splits, shuffle=True, random_state=seed).split(X, y))


def accuracy(model: Any, X: Any, y: np.ndarray) -> float:
    """Return the share of right predictions."""
    return float(np.mean(model.predict(X) == y))


def balanced_accuracy(model: Any, X: Any, y: np.ndarray) -> float:
    """Return the mean recall over classes."""
    right = model.predict(X) == y
    return float(np.mean([right[y == k].mean() for k in np.unique(y)]))


def neg_log_loss(model: Any, X: Any, y: np.ndarray) -> float:
    """Return the mean log-probability of the true class."""
    p = model.predict_proba(X)[np.arange(len(y)), np.searchsorted(model.classes_, y)]
    return float(np.mean(np.log(np.clip(p, np.finfo(float).eps, 1.0))))


def neg_mae(model: Any, X: Any, y: np.ndarray) -> float:
    """Return minus the mean absolute error."""
    return -float(np.mean(np.abs(model.predict(X).ravel() - y)))


def neg_mse(model: Any, X: Any, y: np.ndarray) -> float:
    """Return minus the mean squared error."""
    return -float(np.mean((model.predict(X).ravel() - y) ** 2))


METRICS = {
    "acc": accuracy,
    "bal": balanced_accuracy,
    "nll": neg_log_loss,
    "mae": neg_mae,
    "mse": neg_mse,
}


def cross_validate(model: Any, name: str, metric: str, n_splits: int = 3) -> float:
    """Return the mean score over fixed folds of a data set."""
    return _mean_score(model, name, metric, _folds(name, n_splits, 0))


def hold_out(model: Any, name: str, metric: str, seed: int) -> float:
    """Return the score on a third of the rows, chosen by the seed: a noisy score."""
    X, y = load(name)
    kind = ShuffleSplit if name in REGRESSION else StratifiedShuffleSplit
    splits = kind(1, test_size=1 / 3, random_state=seed % 2**32).split(X, y)
    return _mean_score(model, name, metric, splits)


def _mean_score(model: Any, name: str, metric: str, splits: Any) -> float:
    X, y = load(name)
    scores = []
    for train, test in splits:
        fitted = clone(model).fit(X[train], y[train])
        scores.append(METRICS[metric](fitted, X[test], y[test]))
    return float(np.mean(scores))
