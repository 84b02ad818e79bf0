"""The table of trials."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np
import pandas as pd

from sklearn_bo.trials import Trial


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
