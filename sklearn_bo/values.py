"""Values of parameters: which are numbers, and which two are the same or alike."""

import math
import numbers
from typing import Any

import numpy as np


def native(value: Any) -> Any:
    """Return numpy's numbers, strings and booleans as Python's own, all else as it is."""
    if isinstance(value, np.ndarray) and value.ndim == 0:
        value = value[()]
    return value.item() if isinstance(value, np.generic) and value.dtype.kind in "biufSU" else value


def same(a: Any, b: Any) -> bool:
    """Return whether two values are one choice: identical, or equal and of the same type."""
    if a is b or (is_nan(a) and is_nan(b)):
        return True
    if type(a) is not type(b):
        return False
    if isinstance(a, np.ndarray):
        if a.dtype != b.dtype or a.shape != b.shape:
            return False
        return all(map(same, a.flat, b.flat)) if a.dtype == object else np.array_equal(a, b)
    if isinstance(a, list | tuple):
        return len(a) == len(b) and all(map(same, a, b))
    if isinstance(a, dict):
        return a.keys() == b.keys() and all(same(a[key], b[key]) for key in a)
    try:
        equal = a == b
        return bool(equal) if isinstance(equal, np.bool_) else equal is True
    except Exception:  # == of a user's object may do anything
        return False


def is_clone(a: Any, b: Any) -> bool:
    """Return whether two values are one choice, or alike, as cloning a search makes of one."""
    if same(a, b):
        return True
    if type(a) is not type(b) or isinstance(a, type):
        return False
    if isinstance(a, list | tuple):
        return len(a) == len(b) and all(map(is_clone, a, b))
    if isinstance(a, dict):
        return a.keys() == b.keys() and all(is_clone(a[key], b[key]) for key in a)
    if hasattr(a, "get_params"):
        return is_clone(a.get_params(deep=False), b.get_params(deep=False))
    if type(a).__eq__ is not object.__eq__ or (state := state_of(a)) is None:
        return False
    try:
        return is_clone(state, state_of(b))
    except RecursionError:  # of what refers to itself
        return False


def state_of(value: Any) -> tuple[Any, ...] | None:
    """Return all that tells an object from others of its class, by what pickle would keep."""
    try:
        reduced = value.__reduce_ex__(4)
    except Exception:  # which it may refuse
        return None
    return reduced[:3] if isinstance(reduced, tuple) else None


def is_number(value: Any, kind: type = numbers.Real) -> bool:
    """Return whether `value` is a number; bools are not, nor durations, which numpy counts in."""
    return isinstance(value, kind) and not isinstance(value, bool | np.timedelta64)


def is_nan(value: Any) -> bool:
    """Return whether `value` is the float that is not a number."""
    return isinstance(value, float) and math.isnan(value)
