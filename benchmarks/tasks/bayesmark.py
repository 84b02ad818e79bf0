"""Bayesmark's grid of models x data sets x metrics with its published search spaces.

Differences: three folds of at most 500 rows in place of five of all (a task must be cheap), fixed
random states, no log loss of SVC (its probabilities are deprecated), diabetes for regression (the
Boston data left scikit-learn); `normalize`, which left it too, is a StandardScaler.
"""

from collections.abc import Callable
from functools import partial
from typing import Any

import numpy as np
from scipy import stats
from scipy.special import expit, logit
from sklearn.ensemble import (
    AdaBoostClassifier,
    AdaBoostRegressor,
    RandomForestClassifier,
    RandomForestRegressor,
)
from sklearn.linear_model import Lasso, LogisticRegression, Ridge
from sklearn.multiclass import OneVsRestClassifier
from sklearn.neighbors import KNeighborsClassifier, KNeighborsRegressor
from sklearn.neural_network import MLPClassifier, MLPRegressor
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import StandardScaler
from sklearn.svm import SVC, SVR
from sklearn.tree import DecisionTreeClassifier, DecisionTreeRegressor

from ..spaces import Params
from .data import REGRESSION, cross_validate
from .task import Task


class _LogitUniform(stats.rv_continuous):
    """logit(x) is uniform on [logit(low), logit(high)]: Bayesmark's "logit" scale."""

    def _argcheck(self, low: Any, high: Any) -> Any:
        return (low > 0) & (low < high) & (high < 1)

    def _get_support(self, low: Any, high: Any) -> Any:
        return low, high

    def _cdf(self, x: Any, low: Any, high: Any) -> Any:
        return (logit(x) - logit(low)) / (logit(high) - logit(low))

    def _ppf(self, q: Any, low: Any, high: Any) -> Any:
        return np.clip(expit(logit(low) + q * (logit(high) - logit(low))), low, high)

    def _pdf(self, x: Any, low: Any, high: Any) -> Any:
        return 1 / (x * (1 - x) * (logit(high) - logit(low)))


logit_uniform = _LogitUniform(name="logit_uniform")

TREE = {
    "max_depth": (1, 15),
    "min_samples_split": logit_uniform(0.01, 0.99),
    "min_samples_leaf": logit_uniform(0.01, 0.49),
    "min_weight_fraction_leaf": logit_uniform(0.01, 0.49),
    "max_features": logit_uniform(0.01, 0.99),
    "min_impurity_decrease": (0.0, 0.5),
}
MLP = {
    "hidden_layer_sizes": (50, 200),
    "alpha": (1e-5, 1e1, "log-uniform"),
    "batch_size": (10, 250),
    "learning_rate_init": (1e-5, 1e-1, "log-uniform"),
    "tol": (1e-5, 1e-1, "log-uniform"),
    "validation_fraction": logit_uniform(0.1, 0.9),
}
ADAM = MLP | {
    "beta_1": logit_uniform(0.5, 0.99),
    "beta_2": logit_uniform(0.9, 1 - 1e-6),
    "epsilon": (1e-9, 1e-6, "log-uniform"),
}
SGD = MLP | {
    "power_t": logit_uniform(0.1, 0.9),
    "momentum": logit_uniform(0.001, 0.999),
}
SVM = {
    "C": (1.0, 1e3, "log-uniform"),
    "gamma": (1e-4, 1e-3, "log-uniform"),
    "tol": (1e-5, 1e-1, "log-uniform"),
}
KNN = {"n_neighbors": (1, 25), "p": (1, 4)}
ADA = {"n_estimators": (10, 100), "learning_rate": (1e-4, 1e1, "log-uniform")}
LOGISTIC = {"C": (1e-2, 1e2, "log-uniform"), "intercept_scaling": (1e-2, 1e2, "log-uniform")}
RIDGE = {
    "alpha": (1e-2, 1e2, "log-uniform"),
    "fit_intercept": [False, True],
    "normalize": [False, True],
    "max_iter": (10, 5000, "log-uniform"),
    "tol": (1e-4, 1e-1, "log-uniform"),
}
LASSO = RIDGE | {"tol": (1e-5, 1e-1, "log-uniform"), "positive": [False, True]}


def _logistic(penalty: float, **params: Any) -> Any:
    return OneVsRestClassifier(LogisticRegression(l1_ratio=penalty, solver="liblinear", **params))


def _scaled(kind: Callable, normalize: bool, **params: Any) -> Any:
    return make_pipeline(StandardScaler(), kind(**params)) if normalize else kind(**params)


_fixed = {"random_state": 0}
_sgd = {"solver": "sgd", "early_stopping": True, "learning_rate": "invscaling"}
CLASSIFIERS: dict[str, tuple[Callable, dict]] = {
    "kNN": (KNeighborsClassifier, KNN),
    "SVM": (SVC, SVM),
    "DT": (partial(DecisionTreeClassifier, **_fixed), TREE),
    "RF": (partial(RandomForestClassifier, n_estimators=10, **_fixed), TREE),
    "MLP-adam": (partial(MLPClassifier, early_stopping=True, **_fixed), ADAM),
    "MLP-sgd": (partial(MLPClassifier, **_sgd, **_fixed), SGD),
    "ada": (partial(AdaBoostClassifier, **_fixed), ADA),
    "lasso": (partial(_logistic, 1.0, **_fixed), LOGISTIC),
    "linear": (partial(_logistic, 0.0, **_fixed), LOGISTIC),
}
REGRESSORS: dict[str, tuple[Callable, dict]] = {
    "kNN": (KNeighborsRegressor, KNN),
    "SVM": (SVR, SVM),
    "DT": (partial(DecisionTreeRegressor, **_fixed), TREE),
    "RF": (partial(RandomForestRegressor, n_estimators=10, **_fixed), TREE),
    "MLP-adam": (partial(MLPRegressor, early_stopping=True, **_fixed), ADAM),
    "MLP-sgd": (partial(MLPRegressor, activation="tanh", **_sgd, **_fixed), SGD),
    "ada": (partial(AdaBoostRegressor, **_fixed), ADA),
    "lasso": (partial(_scaled, Lasso), LASSO),
    "linear": (partial(_scaled, Ridge), RIDGE),
}
SLOW = ("MLP-adam", "MLP-sgd", "ada", "lasso-breast", "lasso-digits")


_PROBLEMS = [
    (data, metric)
    for data in ("breast", "digits", "iris", "wine", "diabetes")
    for metric in (("mae", "mse") if data in REGRESSION else ("acc", "nll"))
]


def _task(model: str, data: str, metric: str) -> Task:
    build, space = (REGRESSORS if data in REGRESSION else CLASSIFIERS)[model]

    def objective(params: Params, seed: int) -> float:
        return cross_validate(build(**params), data, metric)

    name = f"{model}-{data}-{metric}"
    return Task(name, space, objective, slow=name.startswith(SLOW))


def _any_model(data: str, metric: str) -> Task:
    """Choose the model too: each that takes milliseconds is a subspace."""
    tasks = [task for task in TASKS if task.name.endswith(f"-{data}-{metric}") and not task.slow]
    of_model = {task.name.split("-")[0]: task for task in tasks}

    def objective(params: Params, seed: int) -> float:
        task = of_model[params["model"]]
        return task.function({name: params[name] for name in task.space}, seed)

    space = [{"model": [model], **task.space} for model, task in of_model.items()]
    return Task(f"any-{data}-{metric}", space, objective)


TASKS = [
    _task(model, data, metric)
    for model in CLASSIFIERS
    for data, metric in _PROBLEMS
    if (model, metric) != ("SVM", "nll")
]
MODEL_TASKS = [_any_model(data, metric) for data, metric in _PROBLEMS]
