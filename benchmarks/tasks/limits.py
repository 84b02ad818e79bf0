"""Trees whose limits are choices, with None for no limit, as in most grids that users write."""

from typing import Any

from sklearn.ensemble import (
    ExtraTreesClassifier,
    ExtraTreesRegressor,
    GradientBoostingClassifier,
    GradientBoostingRegressor,
)
from sklearn.tree import DecisionTreeClassifier, DecisionTreeRegressor

from ..spaces import Params, Space
from .data import cross_validate
from .task import Task, plain

_TREE: Space = {
    "max_depth": [None, 2, 3, 4, 6, 8, 12, 16],
    "max_leaf_nodes": [None, 4, 8, 16, 32, 64, 128],
    "max_features": [None, 0.1, 0.2, 0.4, 0.6, 0.8],
    "min_samples_leaf": (1, 30, "log-uniform"),
}
_FOREST: Space = {**_TREE, "max_samples": [None, 0.2, 0.4, 0.6, 0.8]}
_BOOSTING: Space = {
    "max_depth": [None, 1, 2, 3, 5, 8],
    "max_leaf_nodes": [None, 3, 5, 9, 15, 31],
    "max_features": [None, 0.2, 0.4, 0.7],
    "learning_rate": (0.01, 1.0, "log-uniform"),
}
_MODELS: dict[str, tuple[Any, Any, dict[str, Any], Space]] = {
    "tree": (DecisionTreeClassifier, DecisionTreeRegressor, {}, _TREE),
    "forest": (
        ExtraTreesClassifier,
        ExtraTreesRegressor,
        {"n_estimators": 15, "bootstrap": True},
        _FOREST,
    ),
    "boosting": (
        GradientBoostingClassifier,
        GradientBoostingRegressor,
        {"n_estimators": 20},
        _BOOSTING,
    ),
}
_DATA = {"breast": "nll", "madelon": "acc", "diabetes": "mse", "friedman": "mse"}


def _task(model: str, data: str, metric: str) -> Task:
    classifier, regressor, fixed, space = _MODELS[model]
    kind = regressor if metric == "mse" else classifier

    def objective(params: Params) -> float:
        return cross_validate(kind(random_state=0, **fixed, **params), data, metric)

    return Task(f"limits-{model}-{data}-{metric}", space, plain(objective))


TASKS = [_task(model, data, metric) for model in _MODELS for data, metric in _DATA.items()]
