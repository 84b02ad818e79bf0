"""What a user can get wrong about data, splits and parameters, said before the first fit."""

from __future__ import annotations

from itertools import product
from typing import Any

import numpy as np
import pandas as pd
from sklearn.base import BaseEstimator, clone

from sklearn_bo.dimensions import Choices
from sklearn_bo.space import Space, Subspace


def check_target(y: Any) -> None:
    """Raise if the target has missing values, which would fail every fit.

    Parameters
    ----------
    y : array-like or None
        Target.

    Raises
    ------
    ValueError
        If there is a NaN among numbers.
    """
    if isinstance(y, list | np.ndarray | pd.Series | pd.DataFrame) or hasattr(y, "to_numpy"):
        values = np.asarray(y)
        if values.dtype.kind == "f" and (missing := np.isnan(values)).any():
            raise ValueError(
                f"Input y contains NaN: {missing.sum()} of {values.size} values, the first at "
                f"position {np.argmax(missing)}. Drop these samples or fill in their target."
            )


def check_splits(splits: list[tuple[np.ndarray, np.ndarray]], n_splits: int) -> None:
    """Raise unless there are as many splits as announced, each with samples on both sides.

    Parameters
    ----------
    splits : list of (train, test)
        What ``cv.split`` gave.
    n_splits : int
        What ``cv.get_n_splits`` gave.

    Raises
    ------
    ValueError
        If they disagree, or there is no split, or a side of one is empty.
    """
    if len(splits) != n_splits:
        raise ValueError(
            "cv.split and cv.get_n_splits return inconsistent results. "
            f"Expected {n_splits} splits, got {len(splits)}"
        )
    if not splits:
        raise ValueError(
            "No fits were performed. Was the CV iterator empty? Were there no candidates? "
            "cv must give at least one split."
        )
    for i, sides in enumerate(splits):
        for name, side in zip(("train", "test"), sides, strict=True):
            if len(side) == 0:
                raise ValueError(
                    f"cv gives an empty {name} set in split {i} of {n_splits}; each split needs "
                    "samples to fit and samples to score."
                )


def check_parameters(estimator: BaseEstimator, space: Space) -> None:
    """Raise if the estimator lacks a parameter of the space.

    A parameter of an object that is itself searched, such as ``clf__C`` beside ``clf``, must be one
    of each of its choices.

    Parameters
    ----------
    estimator : estimator
        The estimator to tune.
    space : Space
        The search space.

    Raises
    ------
    ValueError
        If a parameter cannot be set; the message names it.
    """
    for subspace in space.subspaces:
        for name in subspace.dimensions:
            _check_parameter(estimator, subspace, name)


def _check_parameter(estimator: BaseEstimator, subspace: Subspace, name: str) -> None:
    value = subspace.dimensions[name].decode(0.5)
    owners = {
        other: dimension.values
        for other, dimension in subspace.dimensions.items()
        if name.startswith(f"{other}__") and isinstance(dimension, Choices)
    }
    for choices in product(*owners.values()):
        setting = {**dict(zip(owners, choices, strict=True)), name: value}
        try:
            clone(estimator).set_params(**clone(setting, safe=False))
        except (AttributeError, TypeError, ValueError) as error:
            message = (
                f"param_distributions has the parameter {name!r}, which {type(estimator).__name__} "
                "does not accept"
            )
            for owner in owners:
                message += (
                    f" where {owner!r} is {setting[owner]!r}; in a list of dicts, choices of "
                    f"{owner!r} with other parameters go to a dict of their own"
                )
            raise ValueError(f"{message}: {error}") from error
