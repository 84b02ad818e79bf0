"""What a search maximises: one number from the test scores of a candidate's folds."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from numbers import Real
from typing import Any

import numpy as np

Reduction = Callable[[dict[str, float]], float]  # of mean test scores by metric
Objective = str | Reduction


def metric_names(folds: list[dict[str, Any]]) -> list[str] | None:
    """Return the metrics of scored folds; None where there is one without a name, or none at all.

    Parameters
    ----------
    folds : list of dict
        What scikit-learn's ``_fit_and_score`` returned; a failed fold has one number for all
        metrics.

    Returns
    -------
    list of str or None
        The names.
    """
    scores = (fold["test_scores"] for fold in folds)
    return next((list(score) for score in scores if isinstance(score, Mapping)), None)


def insert_error_scores(folds: list[dict[str, Any]], error_score: Any) -> None:
    """Give a failed fold an error score for each metric, if others have several.

    scikit-learn's own function of this name leaves out folds whose fit succeeds and whose scoring
    fails.

    Parameters
    ----------
    folds : list of dict
        What ``_fit_and_score`` returned for each fold; changed in place.
    error_score : float
        Score of a fold that failed.
    """
    if (names := metric_names(folds)) is None:
        return
    for fold in folds:
        for key in fold.keys() & {"test_scores", "train_scores"}:
            if not isinstance(fold[key], Mapping):
                fold[key] = dict.fromkeys(names, error_score)


def mean_test_scores(folds: list[dict[str, Any]]) -> dict[str, float]:
    """Average the test scores of one candidate over its folds.

    Parameters
    ----------
    folds : list of dict
        What scikit-learn's ``_fit_and_score`` returned for each fold, after `insert_error_scores`.

    Returns
    -------
    dict
        Mean by metric; a single metric is called ``"score"``.
    """
    scores = [fold["test_scores"] for fold in folds]
    if (names := metric_names(folds)) is None:
        return {"score": float(np.mean(scores))}
    return {name: float(np.mean([by_metric[name] for by_metric in scores])) for name in names}


def all_failed(folds: list[dict[str, Any]], error_score: Any) -> bool:
    """Return whether each of the folds has nothing but the error score."""
    if error_score == "raise" or metric_names(folds) is not None:
        return False
    scores = [fold["test_scores"] for fold in folds]
    return bool(np.array_equal(scores, np.full(len(scores), error_score), equal_nan=True))


def named_metric(refit: Any) -> str | None:
    """Return the metric that `refit` names, itself or by an attribute; None if it names none."""
    name = getattr(refit, "metric", refit)
    return name if isinstance(name, str) else None


def resolve_objective(
    objective: Objective | None, refit: Any, metrics: list[str], exhaustive: bool
) -> Objective:
    """Find what the search maximises.

    Parameters
    ----------
    objective : str, callable or None
        The search's parameter.
    refit : bool, str or callable
        The search's parameter; a callable may name its metric by an attribute.
    metrics : list of str
        What ``scoring`` gives.
    exhaustive : bool
        Whether all settings are evaluated anyway, so that any objective will do.

    Returns
    -------
    str or callable
        One of the metrics, or the callable.

    Raises
    ------
    ValueError
        If there is no such metric or none at all, or several and nothing says which one.
    """
    if callable(objective):
        return objective
    if not metrics:
        raise ValueError("scoring gave a dict without metrics; have it return at least one.")
    if objective is not None:
        if objective not in metrics:
            raise ValueError(
                f"objective={objective!r} is not one of the metrics of scoring, {metrics}. Name "
                "one of them, pass a function of the dict of mean test scores, or leave it out "
                "where there is one metric."
            )
        return objective
    if (named := named_metric(refit)) in metrics:
        return named
    if len(metrics) > 1 and not exhaustive:
        raise ValueError(
            f"scoring gives several metrics, {metrics}, and objective=None with refit={refit!r} "
            "does not say which one to maximise. Pass objective= one of them, or a function of "
            "the dict of mean test scores."
        )
    return metrics[0]


def objective_value(means: dict[str, float], objective: Objective) -> float:
    """Evaluate the objective of one candidate.

    Parameters
    ----------
    means : dict
        Mean test scores by metric.
    objective : str or callable
        One of the metrics, or a function of all of them.

    Returns
    -------
    float
        What the search maximises.

    Raises
    ------
    TypeError
        If the callable returns no number.
    KeyError
        If it asks for a metric that there is not.
    """
    if not callable(objective):
        return means[objective]
    try:
        value = objective(means)
    except KeyError as error:
        raise KeyError(
            f"objective={objective!r} asks for {error}; the metrics are {list(means)}."
        ) from error
    except Exception as error:
        error.add_note(f"It is of objective={objective!r}.")
        raise
    if not isinstance(value, Real):
        raise TypeError(
            f"objective={objective!r} returned {value!r} for {means!r}; it must return a number."
        )
    return float(value)
