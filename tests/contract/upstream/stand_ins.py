"""What scikit-learn's tests get where they import one of the names in ``__all__``.

The names of search classes are functions that return a :class:`~sklearn_bo.BayesSearchCV` itself,
never a wrapper of it.
"""

from collections.abc import Iterator
from typing import Any

from sklearn.linear_model import Ridge
from sklearn.model_selection import ParameterGrid, ParameterSampler
from sklearn.model_selection import RandomizedSearchCV as SklearnRandomizedSearchCV
from sklearn.utils._test_common import instance_generator

from sklearn_bo import BayesSearchCV

__all__ = [
    "GridSearchCV",
    "RandomizedSearchCV",
    "_construct_instances",
    "_get_expected_failed_checks",
    "_tested_estimators",
    "all_estimators",
]


# Whether the searches start with scikit-learn's candidates in scikit-learn's order.
in_order = False


def GridSearchCV(estimator: Any, param_grid: Any, **params: Any) -> BayesSearchCV:
    """A search with as many iterations as the grid has points, as deterministic as a grid."""
    try:
        grid = list(ParameterGrid(param_grid))
    except (TypeError, ValueError):  # a bad grid, of which the search itself has to complain
        grid = [{}]
    if in_order:
        params["initial_candidates"] = grid
    return BayesSearchCV(estimator, param_grid, n_iter=len(grid), random_state=0, **params)


def RandomizedSearchCV(
    estimator: Any, param_distributions: Any, *, n_iter: int = 10, **params: Any
) -> BayesSearchCV:
    """A search with the default number of iterations of scikit-learn's class."""
    if in_order:
        seed = params.get("random_state")
        draws = ParameterSampler(param_distributions, n_iter, random_state=seed)
        params["initial_candidates"] = list(draws)
    return BayesSearchCV(estimator, param_distributions, n_iter=n_iter, **params)


def all_estimators(type_filter: object = None) -> list[tuple[str, type]]:
    """Our search as the only estimator there is; no transformer, nor of any other type."""
    return [] if type_filter else [("BayesSearchCV", BayesSearchCV)]


def _construct_instances(_: type = BayesSearchCV) -> Iterator[BayesSearchCV]:
    """The searches that scikit-learn runs its checks on, and one over a continuous space."""
    for params in instance_generator.INIT_PARAMS[SklearnRandomizedSearchCV]:
        yield BayesSearchCV(**{"n_iter": 2, **params})
    yield BayesSearchCV(Ridge(), {"alpha": (0.1, 1.0)}, n_iter=4, cv=2, error_score="raise")


def _tested_estimators(type_filter: object = None) -> Iterator[BayesSearchCV]:
    """The same searches, unless estimators of another type are asked for."""
    return iter(()) if type_filter else _construct_instances()


def _get_expected_failed_checks(_: object) -> dict[str, str]:
    """The checks that scikit-learn expects its own search to fail."""
    return instance_generator.PER_ESTIMATOR_XFAIL_CHECKS.get(SklearnRandomizedSearchCV, {})


def is_stand_in(thing: object) -> bool:
    """Whether this is one of the functions above, our search or an instance of it."""
    return (
        thing is BayesSearchCV
        or isinstance(thing, BayesSearchCV)
        or any(thing is globals()[name] for name in __all__)
    )
