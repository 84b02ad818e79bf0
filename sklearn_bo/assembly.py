"""From the parameters of a search to its parts."""

from __future__ import annotations

import warnings
from collections.abc import Collection
from functools import partial
from numbers import Integral
from typing import Any

import numpy as np
from sklearn.base import BaseEstimator, is_classifier
from sklearn.model_selection import check_cv

from sklearn_bo._sklearn import _num_samples
from sklearn_bo.design import default_n_initial_points
from sklearn_bo.dimensions import Choices
from sklearn_bo.fingerprint import describe, fingerprint
from sklearn_bo.journal import FoldForm, Header, Journal
from sklearn_bo.objective import named_metric, objective_value
from sklearn_bo.optimizer import Optimizer, draw_seed
from sklearn_bo.previous import teach
from sklearn_bo.space import Space
from sklearn_bo.validation import check_parameters, check_splits
from sklearn_bo.values import is_number


def make_optimizer(search: Any, header: Header | None) -> tuple[Optimizer, int]:
    """Build the engine of a search.

    Parameters
    ----------
    search : BayesSearchCV
        Its parameters say all but what the journal does.
    header : Header or None
        That of the journal which the search resumes. What the parameters leave open is as there.

    Returns
    -------
    optimizer : Optimizer
        With a queue of first candidates, taught what earlier searches found.
    n_candidates : int
        Number of candidates to come.

    Raises
    ------
    ValueError, TypeError
        If a parameter is malformed; the message names it.
    """
    seed = draw_seed(search.random_state)  # when resuming too: the splits may come from its source
    if header is not None and not isinstance(search.random_state, Integral):
        seed = header.seed
    defaults = search.estimator.get_params()
    optimizer = Optimizer(
        search.param_distributions,
        random_state=seed,
        n_initial_points=search.n_initial_points,
        initial_candidates=search.initial_candidates,
        defaults=defaults,
    )
    space = optimizer.space
    check_parameters(search.estimator, space)
    n_candidates = optimizer.share(search.n_iter)
    _warn_of_few_settings(space, search.n_iter, n_candidates)
    _warn_of_surplus(search.initial_candidates, space, n_candidates, defaults)
    if search.n_initial_points == "auto":  # which depends on n_iter; a resumed search keeps it
        auto = default_n_initial_points(space.n_dims, n_candidates)
        optimizer.n_initial_points = auto if header is None else header.n_initial_points
    if search.previous_results is not None:
        names = (search.objective, named_metric(search.refit), search.scoring, "score")
        metrics = [name for name in names if isinstance(name, str)]
        reduce = callable(search.objective) and partial(objective_value, objective=search.objective)
        teach(optimizer, search.previous_results, metrics, reduce or None, defaults)
    if search.initial_candidates is None and (known := space.closest(defaults)) is not None:
        optimizer.enqueue(known, defaults=defaults, origin="estimator")
    return optimizer, n_candidates


def _warn_of_few_settings(space: Space, n_iter: int, n_candidates: int) -> None:
    budgets = [subspace.n_trials for subspace in space.subspaces]
    wanted = sum(n for n in budgets if n is not None) + (n_iter if None in budgets else 0)
    if n_candidates < wanted:
        what = (  # scikit-learn's own words
            f"The total space of parameters {n_candidates} is smaller than n_iter={wanted}."
            if set(budgets) == {None}
            else f"param_distributions has fewer settings than the {wanted} trials asked for."
        )
        warnings.warn(
            f"{what} Running {n_candidates} iterations. For exhaustive searches, use GridSearchCV."
            + _about_ranges(space),
            UserWarning,
            stacklevel=6,
        )


def _warn_of_surplus(
    initial: Any, space: Space, n_candidates: int, defaults: dict[str, Any]
) -> None:
    given = [initial] if isinstance(initial, dict) else initial or []
    n_given = len({space.encode(space.complete(one, defaults)).tobytes() for one in given})
    if n_given > n_candidates:
        warnings.warn(
            f"initial_candidates has {n_given} settings, of which only the first {n_candidates} "
            "are evaluated.",
            UserWarning,
            stacklevel=6,
        )


def draw_splits(
    estimator: BaseEstimator, cv: Any, X: Any, y: Any, params: dict[str, Any]
) -> list[tuple]:
    """Draw the splits that all candidates share.

    Parameters
    ----------
    estimator : estimator
        What is tuned.
    cv : int, splitter, list of (train, test) or None
        How to split.
    X, y : array-like
        The data.
    params : dict of str to object
        What the splitter gets beside the data, as ``groups``.

    Returns
    -------
    list of (train, test)
        Indices or masks.

    Raises
    ------
    ValueError
        If the splitter gives no splits of these data.
    """
    splitter = check_cv(cv, y, classifier=is_classifier(estimator))
    n_splits = splitter.get_n_splits(X, y, **params)
    splits = list(splitter.split(X, y, **params))
    check_splits(splits, n_splits, _num_samples(X))
    return splits


def choices_by_name(space: Space) -> dict[str, list[Any]]:
    """List the choices of each parameter in all subspaces; none for a range.

    Parameters
    ----------
    space : Space
        The search space.

    Returns
    -------
    dict of str to list
        By the names of the parameters.
    """
    found: dict[str, list[Any]] = {}
    for subspace in space.subspaces:
        for name, dimension in subspace.dimensions.items():
            choices = dimension.values if isinstance(dimension, Choices) else []
            found.setdefault(name, []).extend(choices)
    return found


def _about_ranges(space: Space) -> str:
    """Say what two numbers in a list mean, if there are such: elsewhere they are a range."""
    for subspace in space.subspaces:
        for name, dimension in subspace.dimensions.items():
            values = dimension.values if isinstance(dimension, Choices) else []
            if len(values) == 2 and all(map(is_number, values)):
                low, high = sorted(values)
                return (
                    f" The list {values} of {name!r} is two choices; the range is the tuple "
                    f"({low}, {high})."
                )
    return ""


def begin_journal(
    journal: Journal,
    search: Any,
    optimizer: Optimizer,
    data: dict[str, Any],
    splits: list[tuple],
    metrics: Collection[str] | None,
) -> None:
    """Begin a journal, or read what it holds after comparing its search with this one.

    Parameters
    ----------
    journal : Journal
        An open journal.
    search : BayesSearchCV
        The search that is to be written there.
    optimizer : Optimizer
        Its engine.
    data : dict of str to object
        What was passed to ``fit``, by name.
    splits : list of (train, test)
        Indices or masks.
    metrics : collection of str or None
        Names of the metrics if there are several, empty for a single one, None if unknown yet.

    Raises
    ------
    ValueError
        If the file holds a different search, or is no journal.
    """
    error_score = search.error_score
    # Rounded, for processors may differ in the last digits.
    learned = [(np.round(Z, 6) + 0.0, np.round(y, 6) + 0.0) for Z, y in optimizer.learned]
    arguments = {
        "scoring": search.scoring,
        "error_score": error_score if error_score == "raise" else float(error_score),
        "return_train_score": search.return_train_score,
        "previous_results": sorted(map(describe, learned)),
        "cv splits (a shuffle without random_state gives new ones each time)": splits,
        **data,
    }
    parts = fingerprint(optimizer.space, search.estimator, arguments)
    journal.begin(
        Header(optimizer.seed, optimizer.n_initial_points, parts),
        optimizer.space,
        FoldForm(len(splits), None if metrics is None else set(metrics), search.return_train_score),
    )
