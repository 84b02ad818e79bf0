"""From the results of folds to what the search maximises and to a table of its trials."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from numbers import Real
from typing import Any

import numpy as np
import pandas as pd

from sklearn_bo.trials import Trial

Objective = str | Callable[[dict[str, float]], float]


def mean_test_scores(folds: list[dict[str, Any]]) -> dict[str, float]:
    """Average the test scores of one candidate over its folds.

    Parameters
    ----------
    folds : list of dict
        What scikit-learn's ``_fit_and_score`` returned for each fold.

    Returns
    -------
    dict
        Mean by metric; a single metric is called ``"score"``.
    """
    scores = [fold["test_scores"] for fold in folds]
    names = next((list(score) for score in scores if isinstance(score, Mapping)), None)
    if names is None:
        return {"score": float(np.mean(scores))}
    return {
        # A failed fold has one number, the error score, for all metrics.
        name: float(np.mean([s[name] if isinstance(s, Mapping) else s for s in scores]))
        for name in names
    }


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
    scores = (fold["test_scores"] for fold in folds)
    names = next((list(score) for score in scores if isinstance(score, Mapping)), None)
    if names is None:
        return
    for fold in folds:
        for key in fold.keys() & {"test_scores", "train_scores"}:
            if not isinstance(fold[key], Mapping):
                fold[key] = dict.fromkeys(names, error_score)


def has_only(folds: list[dict[str, Any]], error_score: Any) -> bool:
    """Return whether each of the folds has but the error score."""
    scores = [fold["test_scores"] for fold in folds]
    if error_score == "raise" or any(isinstance(score, Mapping) for score in scores):
        return False
    return bool(np.array_equal(scores, np.full(len(scores), error_score), equal_nan=True))


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
        If there is no such metric, or several and nothing says which one.
    """
    if callable(objective):
        return objective
    if objective is not None:
        if objective not in metrics:
            raise ValueError(
                f"objective={objective!r} is not one of the metrics of scoring, {metrics}. Name "
                "one of them, or pass a function of the dict of mean test scores."
            )
        return objective
    named = getattr(refit, "metric", refit)
    if isinstance(named, str) and named in metrics:
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
    if not isinstance(value, Real):
        raise TypeError(
            f"objective={objective!r} returned {value!r} for {means!r}; it must return a number."
        )
    return float(value)


def results_frame(
    trials: Sequence[Trial],
    cv_results: dict[str, Any],
    posterior: tuple[np.ndarray, np.ndarray, np.ndarray],
) -> pd.DataFrame:
    """Join the trials with what the model says of them and their summary in ``cv_results_``.

    Parameters
    ----------
    trials : list of Trial
        In the order of ``cv_results_``.
    cv_results : dict
        As scikit-learn forms it.
    posterior : tuple of ndarray
        Mean, std and probability to be the best, each (n_trials,).

    Returns
    -------
    DataFrame
        One row a trial, indexed by its number.
    """
    ours = pd.DataFrame(
        {
            "origin": [trial.origin for trial in trials],
            "state": [trial.state for trial in trials],
            "objective": [trial.score for trial in trials],
            **dict(zip(("posterior_mean", "posterior_std", "prob_best"), posterior, strict=True)),
        },
        index=pd.Index([trial.number for trial in trials], name="trial"),
    )
    keys = [key for key in cv_results if key != "params" and not key.startswith("split")]
    keys.sort(key=lambda key: not key.startswith("param_"))  # stable
    return ours.assign(**{key: _series(cv_results[key], ours.index) for key in keys})


def _series(column: np.ndarray, index: pd.Index) -> pd.Series:
    """Keep objects as they are; a parameter that a trial does not have is None."""
    if column.dtype != object and not np.ma.getmaskarray(column).any():
        return pd.Series(np.ma.getdata(column), index=index)
    values = np.empty(len(column), dtype=object)
    values[:] = column.tolist()
    return pd.Series(values, index=index, dtype=object)
