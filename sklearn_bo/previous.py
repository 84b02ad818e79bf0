"""Earlier searches, in any form in which they are kept -> settings and scores to learn from.

read_sources    what `previous_results` accepts -> rows of parameters and a score, by source
find_setting    a row -> a setting of the space, or None outside it
teach           both, for an optimizer
"""

from __future__ import annotations

import math
import warnings
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
import pandas as pd

from sklearn_bo.dimensions import Choices, Dimension
from sklearn_bo.objective import Reduction
from sklearn_bo.optimizer import Optimizer
from sklearn_bo.space import Space, Subspace
from sklearn_bo.trials import Trial
from sklearn_bo.values import is_nan, is_number, native, same

_FORMS = (
    "a fitted search, its cv_results_, a DataFrame of these, or a list of such; pass None to start "
    "without"
)
# Texts that pandas reads as an empty cell.
_EMPTY = {"", "#N/A", "<NA>", "N/A", "NA", "NULL", "NaN", "None", "n/a", "nan", "null"}
_SCORE = "mean_test_"
_PARAM = "param_"


@dataclass(frozen=True, eq=False)
class Row:
    """One earlier candidate.

    Attributes
    ----------
    params : dict
        Its parameters, as far as they are known.
    score : float
        Its score; NaN if it failed.
    empty : frozenset of str
        Parameters whose cell of a table is empty: not there, or None.
    is_text : bool
        Whether the values come from a table that may have turned them into text or floats.
    """

    params: dict[str, Any]
    score: float
    empty: frozenset[str] = frozenset()
    is_text: bool = False


def teach(
    optimizer: Optimizer,
    previous_results: Any,
    metrics: Sequence[str],
    objective: Reduction | None,
    defaults: Mapping[str, Any],
) -> None:
    """Have an optimizer learn from earlier searches; warn of what lies outside its space.

    Parameters
    ----------
    optimizer : Optimizer
        Of the search to come.
    previous_results, metrics, objective
        As in `read_sources`.
    defaults : mapping of str to object
        As in `find_setting`.

    Raises
    ------
    ValueError, TypeError
        If an entry cannot be read; the message names it.
    """
    outside = []
    sources = read_sources(previous_results, metrics, objective)
    for source in sources:
        settings, scores = [], []
        for row in source:
            setting = find_setting(row, optimizer.space, defaults)
            if setting is None:
                outside.append(row.params)
            else:
                settings.append(setting)
                scores.append(row.score)
        if np.isfinite(scores).any():
            optimizer.learn(settings, scores)
    if outside:
        warnings.warn(
            f"{len(outside)} of {sum(map(len, sources))} candidates of previous_results lie "
            f"outside param_distributions and are left out, the first of them {outside[0]!r}.",
            UserWarning,
            stacklevel=6,
        )


def read_sources(
    previous_results: Any,
    metrics: Sequence[str],
    objective: Reduction | None = None,
) -> list[list[Row]]:
    """Read what a search's ``previous_results`` accepts.

    Parameters
    ----------
    previous_results : search, dict, DataFrame or list of these
        The search's parameter.
    metrics : sequence of str
        Names of the score to learn from, the most wanted first.
    objective : callable, default=None
        What reduces the dict of mean test scores to one, wherever it has the metrics for it.

    Returns
    -------
    list of list of Row
        The rows of each source: an earlier search, or an iteration of a successive halving, whose
        scores have a level of their own.

    Raises
    ------
    ValueError, TypeError
        If an entry cannot be read; the message names it.
    """
    if not isinstance(previous_results, list | tuple):
        return _sources("previous_results", previous_results, metrics, objective)
    if not previous_results:
        raise ValueError(f"previous_results={previous_results!r} is empty; give {_FORMS}.")
    return [
        source
        for i, entry in enumerate(previous_results)
        for source in _sources(f"previous_results[{i}]", entry, metrics, objective)
    ]


def find_setting(row: Row, space: Space, defaults: Mapping[str, Any]) -> dict[str, Any] | None:
    """Find an earlier candidate in the space.

    Parameters
    ----------
    row : Row
        The candidate.
    space : Space
        The search space.
    defaults : mapping of str to object
        The estimator's own parameters. One that only the candidate or only the space has must have
        this value, as it then had, or will have, in a fit.

    Returns
    -------
    dict or None
        The setting; None if the candidate lies outside the space.
    """
    by_likeness = sorted(
        space.subspaces, key=lambda subspace: len(subspace.dimensions.keys() ^ row.params.keys())
    )
    for subspace in by_likeness:
        try:
            setting = _setting(row, subspace, defaults)
            space.encode(setting)
        except (KeyError, ValueError):
            continue
        return setting
    return None


def _setting(row: Row, subspace: Subspace, defaults: Mapping[str, Any]) -> dict[str, Any]:
    """Return the candidate's values of the subspace's parameters; KeyError, ValueError without."""
    for name in row.params.keys() - subspace.dimensions.keys():
        own = native(defaults[name])
        if not same(own, native(row.params[name])):
            _matched(row, name, Choices([own]))
    setting = {}
    for name, dimension in subspace.dimensions.items():
        if name in row.params:
            setting[name] = _matched(row, name, dimension)
        elif name in row.empty and _contains(dimension, None):
            setting[name] = None
        elif name in row.empty and _contains(dimension, math.nan):
            setting[name] = math.nan
        elif name in row.empty and (alike := _read_as_empty(dimension)):
            if len(alike) > 1:
                raise KeyError(name)
            (setting[name],) = alike
        elif any(name.startswith(f"{owner}__") for owner in row.params):
            raise KeyError(name)  # of another object than the estimator's own
        else:
            setting[name] = defaults[name]
    return setting


def _read_as_empty(dimension: Dimension) -> list[str]:
    """Return the choices that pandas takes for an empty cell of a file."""
    choices = dimension.values if isinstance(dimension, Choices) else []
    return [choice for choice in choices if isinstance(choice, str) and choice in _EMPTY]


def _contains(dimension: Dimension, value: Any) -> bool:
    try:
        dimension.encode(value)
    except ValueError:
        return False
    return True


def _matched(row: Row, name: str, dimension: Dimension) -> Any:
    """Return the candidate's value as the dimension has it; ValueError if it does not."""
    value = native(row.params[name])
    readings = [value, dimension.adopt(value)]
    if row.is_text:
        choices = dimension.values if isinstance(dimension, Choices) else []
        alike = [choice for choice in choices if str(choice) == str(value)]
        number = native(pd.to_numeric(value, errors="coerce")) if isinstance(value, str) else value
        readings += [*(alike if len(alike) == 1 else []), number]
        if is_number(number) and number % 1 == 0:
            readings += [int(number), float(number)]
    for reading in readings:
        if _contains(dimension, reading):
            return native(reading)
    raise ValueError(f"{name}={value!r} is not in {dimension}")


# -- reading


def _sources(
    where: str,
    entry: Any,
    metrics: Sequence[str],
    objective: Reduction | None,
) -> list[list[Row]]:
    """Return the sources of one entry."""
    table = _table(where, entry)
    rows = _params(where, table)
    scores = _scores(where, table, metrics, objective)
    if len(scores) != len(rows):
        raise ValueError(
            f"{where} has {len(rows)} settings and {len(scores)} scores; give one score for each."
        )
    if not np.isfinite(scores).any():
        raise ValueError(f"{where} has no finite score; leave it out.")
    iterations = _cells(where, "iter", table.get("iter", [None] * len(rows)))
    if len(iterations) != len(rows):
        raise ValueError(f"{where} has {len(rows)} settings and an 'iter' of {len(iterations)}.")
    iterations = [None if _is_empty(at) else at for at in iterations]
    filled = [
        Row(params, score, empty, is_text)
        for (params, empty, is_text), score in zip(rows, scores.tolist(), strict=True)
    ]
    return [
        [row for row, at in zip(filled, iterations, strict=True) if at == iteration]
        for iteration in dict.fromkeys(iterations)
    ]


def _table(where: str, entry: Any) -> Mapping[str, Any]:
    """Return the columns of an entry."""
    if hasattr(entry, "fit") and not isinstance(entry, type):
        if not hasattr(entry, "cv_results_"):
            raise ValueError(
                f"{where} is a {type(entry).__name__} without cv_results_; give a search after its "
                "fit."
            )
        trials = [trial for trial in getattr(entry, "trials_", ()) if isinstance(trial, Trial)]
        ours = {
            "state": [trial.state for trial in trials],
            "objective": [trial.score for trial in trials],
        }
        return {**entry.cv_results_, **(ours if trials else {})}
    if isinstance(entry, Mapping):
        # A table's to_dict and to_json have columns that are dicts by row.
        return {
            name: list(column.values()) if isinstance(column, Mapping) else column
            for name, column in entry.items()
        }
    if hasattr(entry, "columns"):
        names = list(entry.columns)
        if not hasattr(entry, "iloc"):  # polars gives every dict the names of all
            names = [name for name in names if name != "params"]
        return {name: list(entry[name]) for name in names}
    hint = f" Read a file with pandas.read_csv({entry!r})." if isinstance(entry, str) else ""
    raise TypeError(f"{where}={entry!r} must be {_FORMS}.{hint}")


def _params(where: str, table: Mapping[str, Any]) -> list[tuple[dict, frozenset[str], bool]]:
    """Return each row's parameters, those of empty cells, and whether they may be text."""
    given = _cells(where, "params", table.get("params", []))
    if given and all(isinstance(params, Mapping) for params in given):
        return [(dict(params), frozenset(), False) for params in given]
    names = [name for name in table if isinstance(name, str) and name.startswith(_PARAM)]
    columns = {name.removeprefix(_PARAM): _cells(where, name, table[name]) for name in names}
    lengths = {name: len(column) for name, column in columns.items()}
    if not any(lengths.values()):
        raise ValueError(
            f"{where} has no settings: neither dicts under 'params' nor columns 'param_<name>', as "
            "cv_results_ has."
        )
    if len(set(lengths.values())) > 1:
        raise ValueError(f"{where} has columns 'param_<name>' of different lengths, {lengths}.")
    rows = []
    for values in zip(*columns.values(), strict=True):
        cells = dict(zip(columns, values, strict=True))
        empty = frozenset(name for name, value in cells.items() if _is_empty(value))
        known = {name: value for name, value in cells.items() if name not in empty}
        rows.append((known, empty, True))
    return rows


def _cells(where: str, name: str, column: Any) -> list[Any]:
    """Return the entries of a column, None for a masked one."""
    try:
        return column.tolist() if isinstance(column, np.ndarray) else list(column)
    except TypeError as error:
        raise TypeError(f"{where} has {name!r}={column!r}, which is no column.") from error


def _is_empty(value: Any) -> bool:
    return value is None or value is pd.NA or is_nan(value)


def _scores(
    where: str,
    table: Mapping[str, Any],
    metrics: Sequence[str],
    objective: Reduction | None,
) -> np.ndarray:
    """Return each row's score, NaN of failed ones."""
    names = [name for name in table if isinstance(name, str) and name.startswith(_SCORE)]
    columns = {name.removeprefix(_SCORE): _numbers(where, name, table[name]) for name in names}
    wanted = [metric for metric in metrics if metric in columns]
    if objective is not None and (values := _reduced(columns, objective)):
        scores = np.array(values, dtype=float)
    elif wanted:
        scores = columns[wanted[0]]
    elif "objective" in table:
        scores = _numbers(where, "objective", table["objective"])
    elif len(columns) == 1:
        scores = columns.popitem()[1]
    else:
        raise ValueError(
            f"{where} has the scores {names} and none of {[_SCORE + name for name in metrics]}; "
            f"keep the one to learn from, under the name '{_SCORE}score'."
        )
    if "state" in table and len(table["state"]) == len(scores):
        scores = np.where(np.array(table["state"]) == "failed", np.nan, scores)
    return scores


def _reduced(columns: dict[str, np.ndarray], objective: Reduction) -> list[float]:
    """Return the objective of each row; nothing where it needs other metrics."""
    rows = zip(*(column.tolist() for column in columns.values()), strict=True)
    try:
        return [
            math.nan if np.isnan(row).all() else objective(dict(zip(columns, row, strict=True)))
            for row in rows
        ]
    except KeyError:
        return []


def _numbers(where: str, name: str, column: Any) -> np.ndarray:
    try:
        return np.array([np.nan if value is pd.NA else value for value in column], dtype=float)
    except (TypeError, ValueError) as error:
        raise ValueError(f"{where} has a {name!r} that is no array of numbers: {error}") from error
