"""What the results of a search depend on, described in words that are the same in any process."""

from __future__ import annotations

import datetime
import dis
import functools
import hashlib
import inspect
import os
import re
from array import array
from collections import deque
from collections.abc import Callable, Mapping
from contextlib import suppress
from decimal import Decimal
from enum import Enum
from pathlib import PurePath
from types import CellType, CodeType, FunctionType, ModuleType
from typing import Any

import numpy as np
import pandas as pd
from scipy import sparse
from sklearn.base import BaseEstimator

from sklearn_bo.dimensions import Choices, Dimension, Distribution, quantiles
from sklearn_bo.space import Space
from sklearn_bo.values import native, state_of

Known = dict[int, tuple[Any, str]]

_MAX_LENGTH = 100  # characters of a description beyond which a hash stands for the rest
_PLAIN = (  # whose repr is the same in any process
    *(type(None), bool, int, float, complex, Decimal, str, bytes, range, slice, PurePath),
    *(datetime.date, datetime.time, datetime.timedelta, pd.Period, pd.Interval),
    *(bytearray, array, np.generic),
)
_TELLING = (*_PLAIN, tuple, frozenset, dict, Enum, np.ndarray, np.ufunc, functools.partial)
_WITHOUT_EFFECT = {"n_jobs", "verbose"}  # on what an estimator learns, by scikit-learn's convention
_VARIABLE = inspect.CO_VARARGS | inspect.CO_VARKEYWORDS
_ADDRESS = re.compile(r"\bat 0x[0-9a-fA-F]+")


def fingerprint(
    space: Space, estimator: BaseEstimator, arguments: Mapping[str, Any]
) -> dict[str, str]:
    """Describe a search part by part, so that two searches can be compared.

    Parameters
    ----------
    space : Space
        The search space.
    estimator : estimator
        What is tuned; parameters that every subspace sets are left out.
    arguments : dict of str to object
        What else the results depend on, the data among it, by what to call it.

    Returns
    -------
    dict of str to str
        What each part is. Objects that nothing describes, not even pickle, are described by their
        type, functions by their names.
    """
    parts = {
        **_of_space(space),
        **_of_estimator(estimator, space),
        **{name: describe(value) for name, value in arguments.items()},
    }
    return {name: _shortened(text) for name, text in parts.items()}


def describe(value: Any, known: Known | None = None) -> str:
    """Describe a value by what is the same in another process.

    Parameters
    ----------
    value : object
        Anything.
    known : dict of int to (object, str), default=None
        Objects within it that are described elsewhere, by their ``id``, and what to say of them.

    Returns
    -------
    str
        The description: as long as it takes, arrays by their hash.
    """
    try:
        return _describe(value, dict(known or {}))
    except RecursionError:
        return _name(type(value))


def _describe(value: Any, known: Known) -> str:
    """Describe a value, and note the objects in it, which may refer to one another."""
    value = native(value)
    if id(value) in known:
        return known[id(value)][1]
    nested = functools.partial(_describe, known=known)
    if isinstance(value, Enum) and value.name is not None:  # as combined flags may have none
        return f"{_name(type(value))}.{value.name}"
    if isinstance(value, _PLAIN):
        return repr(value)
    if isinstance(value, functools.partial):  # which may be named after its function
        return f"partial{nested((value.func, value.args, value.keywords))}"
    if hasattr(value, "__qualname__"):  # a class or a function
        owner = getattr(value, "__self__", None)  # of a method
        name = _name(value) if owner is None else f"{_name(value)} of {nested(owner)}"
        if "<" in value.__qualname__:  # a function within another, or a lambda
            known[id(value)] = value, name  # within itself, as a recursive function is
            if bound := _bound(value, nested):
                name = _shortened(f"{name} with {', '.join(bound)}")
            known[id(value)] = value, name
        return name
    if isinstance(value, np.ndarray):
        return _of_array(value)
    if isinstance(value, list | tuple | deque):
        return f"{type(value).__name__}({', '.join(map(nested, value))})"
    if isinstance(value, set | frozenset):
        return f"{type(value).__name__}({', '.join(sorted(map(nested, value)))})"
    if isinstance(value, Mapping):
        items = sorted(f"{nested(key)}: {nested(item)}" for key, item in value.items())
        return f"{type(value).__name__}({', '.join(items)})"
    if sparse.issparse(value):
        rows = value.tocsr(copy=True)
        rows.sum_duplicates()  # and sort, as estimators do in place
        return f"{value.format} {nested((rows.shape, rows.data, rows.indices, rows.indptr))}"
    if hasattr(value, "to_numpy"):  # a table or a series of pandas or polars
        return _of_table(value)
    name = _name(type(value))
    if hasattr(value, "get_params"):
        return f"{name}{nested(value.get_params(deep=False))}"
    if isinstance(value, re.Pattern):
        return f"{name}{nested((value.pattern, value.flags))}"
    if isinstance(value, np.random.RandomState):
        return f"{name}{nested(value.get_state(legacy=False))}"
    if isinstance(value, np.random.Generator):
        return f"{name}{nested(value.bit_generator.state)}"
    if hasattr(value, "dist") and hasattr(value, "kwds"):  # a frozen distribution of scipy
        return f"{name}{nested((value.dist.name, value.args, value.kwds))}"
    if hasattr(value, "__array__"):
        with suppress(Exception):  # of what lies on another device
            return f"{name} {_of_array(np.asarray(value))}"
    if callable(value) and not _ADDRESS.search(repr(value)):  # a scorer
        name = f"{name} {value!r}"
    known[id(value)] = value, name  # within itself; held, lest another object get its id
    if (state := state_of(value)) is not None:
        known[id(value)] = value, _shortened(f"{name}{nested(state)}")
    return known[id(value)][1]


def _bound(function: Any, nested: Callable[[Any], str]) -> list[str]:
    """Say what tells a function within another, or a lambda, from others of its name."""
    if not isinstance(getattr(function, "__func__", function), FunctionType):  # but made of one
        return [nested(function.__wrapped__)] if hasattr(function, "__wrapped__") else []
    code, empty = function.__code__, CellType()  # that of a variable without a value yet
    cells = zip(code.co_freevars, function.__closure__ or (), strict=True)
    held = {name: cell.cell_contents for name, cell in cells if cell != empty}
    for step in dis.get_instructions(code):
        if step.opname == "STORE_DEREF":  # as a count of its calls, which changes with each
            held.pop(step.argval, None)
    for k, value in enumerate(function.__defaults__ or ()):
        held[f"default {k}"] = value
    held.update(function.__kwdefaults__ or {})
    bound = []
    for name, value in held.items():
        if _is_telling(value):
            with suppress(Exception):  # in it may be anything
                bound.append(f"{name}={nested(value)}")
    if function.__qualname__.endswith("<lambda>"):
        bound.append(f"code {_hash(nested(_of_code(code)))}")
    return bound


def _is_telling(value: Any) -> bool:
    """Return whether a variable is compared: what has a value of its own, and what a name tells.

    Others, such as a list of calls or all arguments of a script, may well change.
    """
    owner = getattr(value, "__self__", None)  # of a method; of a function in C its module
    is_named = hasattr(value, "__qualname__") and isinstance(owner, ModuleType | None)
    return is_named or isinstance(value, _TELLING)


def _of_code(code: CodeType) -> list[Any]:
    """Return what code does, wherever it stands."""
    constants = [_of_code(c) if isinstance(c, CodeType) else c for c in code.co_consts]
    n_arguments = code.co_argcount + code.co_kwonlyargcount
    arguments = [*code.co_varnames[:n_arguments], code.co_flags & _VARIABLE]
    return [code.co_code.hex(), arguments, code.co_names, code.co_freevars, *constants]


def _of_space(space: Space) -> dict[str, str]:
    parts = {}
    for k, subspace in enumerate(space.subspaces):
        prefix = f"param_distributions[{k}]" if len(space.subspaces) > 1 else "param_distributions"
        parts[prefix] = f"parameters {list(subspace.dimensions)}"
        for name, dimension in subspace.dimensions.items():
            parts[f"{prefix}[{name!r}]"] = _of_dimension(dimension)
    return parts


def _of_dimension(dimension: Dimension) -> str:
    if isinstance(dimension, Choices):
        # Rounded, for scipy's releases may differ in the last digits.
        weights = [f"{u:.6g}" for u in dimension.coordinates()]
        return f"choices {describe(dimension.values)} at {', '.join(weights)}"
    if isinstance(dimension, Distribution):
        at = quantiles(dimension.law, np.linspace(0.05, 0.95, 10))
        return f"{dimension!r} with quantiles {', '.join(f'{value:.6g}' for value in at)}"
    return repr(dimension)


def _of_estimator(estimator: BaseEstimator, space: Space) -> dict[str, str]:
    searched = set.intersection(*(set(subspace.dimensions) for subspace in space.subspaces))
    params = estimator.get_params(deep=True)

    def is_searched(name: str) -> bool:
        return any(name == other or name.startswith(f"{other}__") for other in searched)

    # Steps of a pipeline stand in its list of steps and by their own names: the latter tell more.
    known = {
        id(value): (value, "searched" if is_searched(name) else _name(type(value)))
        for name, value in params.items()
        if hasattr(value, "get_params") and not isinstance(value, type)
    }
    return {
        "estimator": _name(type(estimator)),
        **{
            f"estimator's {name}": describe(None if _is_cache(name, value) else value, known)
            for name, value in sorted(params.items())
            if not is_searched(name) and name.split("__")[-1] not in _WITHOUT_EFFECT
        },
    }


def _is_cache(name: str, value: Any) -> bool:
    """Return whether a parameter says where to keep what was computed, which has no effect."""
    kinds = isinstance(value, str | os.PathLike) or hasattr(value, "cache")
    return name.split("__")[-1] == "memory" and kinds


def _of_array(values: np.ndarray) -> str:
    if isinstance(values, np.ma.MaskedArray):
        masked = np.ma.getmaskarray(values)
        return f"masked {_of_array(masked)} {_of_array(np.asarray(values.filled()))}"
    if values.dtype.hasobject:
        content = _hash(describe(values.ravel().tolist()))
    else:
        content = _hash(np.ascontiguousarray(values).reshape(-1).view(np.uint8).data)
    return f"array of {values.dtype} {values.shape} {content}"


def _of_table(table: Any) -> str:
    """Describe a table or a series by its columns: pandas may store the same ones differently."""
    index = describe(table.index.to_numpy()) if hasattr(table, "index") else "none"
    if hasattr(table, "get_columns"):  # polars
        columns = [(series.name, series) for series in table.get_columns()]
    else:
        name = getattr(table, "name", None)  # arrays of pandas have none
        columns = list(table.items()) if hasattr(table, "columns") else [(name, table)]
    content = [(name, _of_dtype(column.dtype), column.to_numpy()) for name, column in columns]
    return f"{_name(type(table))} {table.shape} {_hash(describe([index, content]))}"


def _of_dtype(dtype: Any) -> str:
    if isinstance(dtype, pd.CategoricalDtype):  # whose str leaves out their order
        return f"{dtype} {describe(list(dtype.categories))}"
    return str(dtype)


def _name(thing: Any) -> str:
    module = getattr(thing, "__module__", None)  # methods of built-in types have none
    return f"{module}.{thing.__qualname__}" if module else thing.__qualname__


def _hash(content: str | memoryview) -> str:
    if isinstance(content, str):
        return _hash(memoryview(content.encode(errors="surrogatepass")))
    return hashlib.sha256(content).hexdigest()[:32]


def _shortened(text: str) -> str:
    return text if len(text) <= _MAX_LENGTH else f"{text[:_MAX_LENGTH]}... {_hash(text)}"
