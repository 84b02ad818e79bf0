"""What a user can get wrong about data, splits and parameters, said before the first fit."""

from __future__ import annotations

import reprlib
from collections.abc import Iterable
from difflib import get_close_matches
from typing import Any

import numpy as np
import pandas as pd
from sklearn.base import BaseEstimator, is_classifier, is_regressor
from sklearn.pipeline import Pipeline

from sklearn_bo._sklearn import BaseSearchCV, _num_samples
from sklearn_bo.cross_validation import with_params
from sklearn_bo.dimensions import Choices
from sklearn_bo.space import Space, Subspace


def check_weights(X: Any, sample_weight: Any) -> None:
    """Raise unless there is one weight a sample.

    Parameters
    ----------
    X : array-like
        Training data.
    sample_weight : array-like or None
        Weights of the samples.

    Raises
    ------
    ValueError
        If their numbers differ.
    """
    if sample_weight is not None and np.ndim(sample_weight) > 0:
        n_weights, n_samples = _num_samples(sample_weight), _num_samples(X)
        if n_weights != n_samples:
            raise ValueError(
                f"sample_weight has {n_weights} entries for {n_samples} samples; give one each."
            )


def check_target(estimator: BaseEstimator, y: Any) -> None:
    """Raise if the target of a classifier or regressor of scikit-learn has missing values.

    Parameters
    ----------
    estimator : estimator
        What is to be fitted.
    y : array-like or None
        Target.

    Raises
    ------
    ValueError
        If a value is missing.
    """
    is_array = isinstance(y, list | np.ndarray) or hasattr(y, "to_numpy")
    if not is_array or not _refuses_missing_target(estimator):
        return
    try:
        values = np.asarray(y)
    except ValueError:  # sequences of different lengths
        return
    if values.dtype.kind in "fO" and (missing := pd.isna(values)).any():
        raise ValueError(
            f"Input y contains NaN: {missing.sum()} of {values.size} values, the first at "
            f"position {np.argmax(missing)}. Drop these samples or fill in their target."
        )


def _refuses_missing_target(estimator: BaseEstimator) -> bool:
    """Whether it is scikit-learn's own classifier or regressor, which needs the whole target."""
    while isinstance(estimator, Pipeline | BaseSearchCV):
        if isinstance(estimator, Pipeline):
            estimator = estimator.steps[-1][1] if estimator.steps else None
        else:
            estimator = estimator.estimator
    is_own = type(estimator).__module__.startswith("sklearn.")
    return is_own and (is_classifier(estimator) or is_regressor(estimator))


def check_refit(refit: Any) -> None:
    """Raise TypeError if the search's ``refit`` is a class, which a call would make an index of."""
    if isinstance(refit, type):
        name = refit.__name__
        raise TypeError(f"refit={name} is a class; give an instance, {name}(...).")


def check_splitter(cv: Any) -> Any:
    """Raise unless the search's ``cv`` may give splits; list those of an iterable.

    Parameters
    ----------
    cv : object
        The search's parameter.

    Returns
    -------
    object
        The same, a list in place of an iterable.

    Raises
    ------
    ValueError
        If it is a class, or an iterable of what is no pair.
    """
    if isinstance(cv, type):
        raise ValueError(f"cv={cv.__name__} is a class; give an instance, cv={cv.__name__}(...).")
    if not isinstance(cv, Iterable) or hasattr(cv, "split"):
        return cv
    splits = list(cv)
    _check_pairs(splits)
    return splits


def check_splits(splits: list[tuple], n_splits: int, n_samples: int) -> None:
    """Raise unless there are as many splits as announced, each with samples on both sides.

    Parameters
    ----------
    splits : list of (train, test)
        What ``cv.split`` gave.
    n_splits : int
        What ``cv.get_n_splits`` gave.
    n_samples : int
        Number of samples.

    Raises
    ------
    ValueError
        If they disagree, or there is no split, or one is no pair, or a side of one is empty, is no
        array of indices, or points beyond the data.
    """
    if len(splits) != n_splits:
        raise ValueError(
            "cv.split and cv.get_n_splits return inconsistent results. "
            f"Expected {n_splits} splits, got {len(splits)}"
        )
    if not splits:
        raise ValueError(
            "No fits were performed. Was the CV iterator empty? Were there no candidates? "
            "cv must give at least one split; a generator of some gives them once, so pass a list."
        )
    _check_pairs(splits)
    for i, sides in enumerate(splits):
        for name, side in zip(("train", "test"), map(np.asarray, sides), strict=True):
            if problem := _problem_with(side, name, n_samples):
                raise ValueError(
                    f"cv gives {problem} in split {i}; each side of a split needs the indices, or "
                    f"a mask, of some of the {n_samples} samples."
                )


def _check_pairs(splits: list[Any]) -> None:
    for i, split in enumerate(splits):
        if not isinstance(split, tuple | list | np.ndarray) or len(split) != 2:
            raise ValueError(
                f"cv must give pairs (train, test); split {i} is {reprlib.repr(split)}. For one "
                "split write cv=[(train, test)]."
            )


def _problem_with(side: np.ndarray, name: str, n_samples: int) -> str | None:
    is_mask = side.dtype.kind == "b"
    if side.size == 0 or (is_mask and not side.any()):
        return f"an empty {name} set"
    if side.ndim != 1 or side.dtype.kind not in "iub":
        return f"a {name} set that is no array of indices, {side!r},"
    if is_mask and len(side) != n_samples:
        return f"a {name} mask of {len(side)} samples"
    if not is_mask and not -n_samples <= side.min() <= side.max() < n_samples:
        return f"a {name} set with indices from {side.min()} to {side.max()}"
    return None


def check_parameters(estimator: BaseEstimator, space: Space) -> None:
    """Raise if the estimator lacks a parameter of the space.

    A parameter of an object that is itself searched, such as ``clf__C`` beside ``clf`` or
    ``steps``, must be one of each of its choices.

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
    middle = {other: dimension.decode(0.5) for other, dimension in subspace.dimensions.items()}
    owners = {
        other: dimension.values
        for other, dimension in subspace.dimensions.items()
        if isinstance(dimension, Choices) and _owns(other, dimension, name)
    }
    usual = {other: middle[other] for other in [*owners, name]}
    # One owner at a time: all with one another may be too many, and what this misses fails later.
    varied = [{**usual, owner: value} for owner, values in owners.items() for value in values]
    for setting in varied or [usual]:
        error = _refusal(estimator, setting)
        # What it refuses alone it may take with others beside it.
        if error is None or _refusal(estimator, {**middle, **setting}) is None:
            continue
        message = (
            f"param_distributions has the parameter {name!r}, which {type(estimator).__name__} "
            "does not accept"
        )
        for owner in owners:
            message += (
                f" where {owner!r} is {setting[owner]!r}; in a list of dicts, choices of "
                f"{owner!r} with other parameters go to a dict of their own"
            )
        owner = name.rpartition("__")[0]
        params = estimator.get_params()
        if owner in params.keys() - setting.keys() and isinstance(params[owner], str | None):
            message += f" while {owner!r} is {params[owner]!r}; set or search an estimator there"
        del setting[name]
        owners_fit = _refusal(estimator, setting) is None  # an owner may be wrong itself
        known = [*with_params(estimator, setting).get_params()] if owners_fit else []
        likely = _likely(name, known)
        hint = f"; did you mean {likely!r}?" if likely else ":"
        raise ValueError(f"{message}{hint} {error}") from error


def _refusal(estimator: BaseEstimator, setting: dict[str, Any]) -> Exception | None:
    """Return the error with which an estimator refuses parameters, None if it takes them."""
    try:
        with_params(estimator, setting)
    except (AttributeError, TypeError, ValueError) as error:
        return error
    return None


def _likely(name: str, known: list[str]) -> str | None:
    """Return the known parameter of the same last part, or else of almost the same name."""
    last = name.split("__")[-1]
    alike = [other for other in known if other.split("__")[-1] == last]
    found = get_close_matches(name, alike or known, n=1, cutoff=0.0 if alike else 0.7)
    return found[0] if found and found[0] != name else None


def _owns(owner: str, choices: Choices, name: str) -> bool:
    """Whether a parameter may be one of an object that is a choice, or that a choice lists."""
    if name.startswith(f"{owner}__"):
        return True
    lists_objects = any(
        isinstance(value, list | tuple) and value and isinstance(value[0], tuple)
        for value in choices.values
    )
    parent = owner[: owner.rfind("__") + 2] if "__" in owner else ""
    return lists_objects and name != owner and name.startswith(parent)
