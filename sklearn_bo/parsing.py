"""The rule by which users write dimensions.

**List or array = choices, tuple = range, scipy object = distribution.**
"""

import inspect
import math
import numbers
import reprlib
from collections.abc import Iterable, Sequence
from decimal import Decimal
from typing import Any

import numpy as np
from scipy import stats
from sklearn.utils import check_random_state

from sklearn_bo.dimensions import (
    Choices,
    Dimension,
    Distribution,
    Integer,
    Real,
    check_bounds,
    covered_quantiles,
    quantiles,
)
from sklearn_bo.values import is_nan, is_number, native

_MAX_TABLE = 2**16  # spread of a discrete distribution whose values are listed one by one
_NEGLIGIBLE = 1e-12  # probability below which a value of a discrete distribution is left out
_N_DRAWS = 1000  # draws that stand for a distribution known by nothing else

_PRIORS = ("uniform", "log-uniform")


def parse_dimension(name: str, spec: Any, random_state: Any = None) -> Dimension:
    """Read what a user wrote for one parameter.

    Parameters
    ----------
    name : str
        Name of the parameter, for error messages.
    spec : object
        A list, array or series of choices; a range of integers; a tuple ``(low, high)``,
        ``(low, high, prior)`` or ``(low, high, prior, base)`` of real numbers, which is a range
        of integers when both bounds are (any other tuple holds choices); a distribution of
        scipy or like it, by ``cdf`` and ``ppf`` or ``icdf``; an object with ``rvs``; a
        dimension of scikit-optimize or Optuna.
    random_state : int, RandomState instance or None, default=None
        Seeds the draws from an object that has nothing but ``rvs``.

    Returns
    -------
    Dimension
        What the specification means.

    Raises
    ------
    TypeError
        If `spec` is of a kind that specifies nothing.
    ValueError
        If its kind is known and its values are impossible.
    """
    try:
        return _parse(spec, random_state)
    except TypeError as error:
        raise TypeError(f"Parameter {name!r}: {error}") from error
    except (OverflowError, ValueError) as error:
        raise ValueError(f"Parameter {name!r}: {error}") from error


def _parse(spec: Any, random_state: Any) -> Dimension:
    if isinstance(spec, type):
        raise TypeError(f"got the class {spec.__name__}; give an instance, {spec.__name__}(...)")
    if isinstance(spec, tuple) and (dimension := _from_tuple(spec)):
        return dimension
    if isinstance(spec, range) and spec.step == 1 and len(spec) > 1:
        return Integer(spec[0], spec[-1])
    if (values := _listed(spec)) is not None:
        if (
            len(values) in (3, 4)  # scikit-optimize's with a base
            and all(map(is_number, values[:2]))
            and isinstance(values[2], str)
            and values[2] in _PRIORS
        ):
            raise ValueError(
                f"a range is a tuple, not a list; write {tuple(values)!r}, or to mean choices put "
                f"{values[2]!r} first"
            )
        return Choices(values)
    if _has(spec, "low", "high", "prior", "dtype"):  # scikit-optimize's Real and Integer
        integers = np.dtype(spec.dtype).kind in "iu"
        return _range(spec.low, spec.high, _is_log(spec.prior), integers=integers)
    if _has(spec, "categories", "prior"):  # scikit-optimize's Categorical
        return _weighted(spec.categories, spec.prior)
    if _has(spec, "low", "high", "log", "step"):  # Optuna's FloatDistribution, IntDistribution
        integers = isinstance(spec.low, int)
        if spec.step is None or (integers and spec.step == 1):
            return _range(spec.low, spec.high, spec.log, integers=integers)
        n_steps = round((spec.high - spec.low) / spec.step)
        return Choices(spec.low + k * spec.step for k in range(n_steps + 1))
    if _has(spec, "choices") and not _has(spec, "rvs"):  # Optuna's CategoricalDistribution
        return Choices(spec.choices)
    if _has(spec, "freeze", "numargs"):  # a distribution of scipy before it is called
        if spec.numargs:
            call = f"scipy.stats.{spec.name}({spec.shapes})"
            raise TypeError(f"the distribution {spec.name} lacks its parameters; give {call}")
        spec = spec()
    if _has(spec, "cdf") and (_has(spec, "ppf") or _has(spec, "icdf")):
        return _from_law(spec, random_state)
    if _has(spec, "rvs"):
        return _from_draws(spec.rvs, random_state)
    several = isinstance(spec, Iterable) and not isinstance(spec, str | bytes)
    raise TypeError(
        f"got {spec!r} of type {type(spec).__name__}, which is neither choices (a list or array), "
        "nor a range (a tuple of two numbers), nor a distribution; write "
        + ("a list of the choices" if several else f"[{spec!r}] for a fixed value")
    )


def _from_tuple(spec: tuple) -> Dimension | None:
    """Return the range that a tuple means, None when it holds choices."""
    if len(spec) < 2 or len(spec) > 4:
        return None
    values: list[Any] = [float(v) if isinstance(v, Decimal) else native(v) for v in spec]
    low, high, *rest = values
    kinds = all(map(isinstance, rest, (str, numbers.Real)))
    names_prior = bool(rest) and isinstance(rest[0], str) and rest[0] in _PRIORS
    are_quoted = not (is_number(low) and is_number(high))
    if names_prior and are_quoted and all(map(_reads_as_number, (low, high))):
        raise ValueError(f"a range needs numbers, got {spec!r}; leave out the quotes")
    if not (is_number(low) and is_number(high) and (kinds or names_prior)):
        return None
    log = _is_log(rest[0]) if rest else False  # whatever the base, the prior is the same
    if not kinds:
        raise ValueError(f"the base {rest[1]!r} is no number; leave it out")
    check_bounds(low, high, log)
    integers = isinstance(low, numbers.Integral) and isinstance(high, numbers.Integral)
    return _range(low, high, log, integers=integers)


def _reads_as_number(end: Any) -> bool:
    try:
        return is_number(end) or (isinstance(end, str) and math.isfinite(float(end)))
    except ValueError:
        return False


def _range(low: Any, high: Any, log: bool, *, integers: bool) -> Dimension:
    """Return a range, or its one value: objects of other libraries may have low == high."""
    if low == high:
        return Choices([int(low) if integers else float(low)])
    return Integer(int(low), int(high), log) if integers else Real(float(low), float(high), log)


def _from_law(law: Any, random_state: Any) -> Dimension:
    """Read a distribution: one with a (log-)uniform law is a range."""
    # scipy exports no name for the base class of its newer discrete distributions.
    bases = {base.__name__ for base in type(law).__mro__}
    if isinstance(getattr(law, "dist", None), stats.rv_discrete) or "DiscreteDistribution" in bases:
        return _from_discrete_law(law, random_state)
    grid = np.linspace(0.0, 1.0, 9)
    try:
        median = quantiles(law, [0.5])  # (1,) of norm([0], [1]), too
        scalar = median.shape == (1,) and np.ndim(law.cdf(median[0])) == 0
    except RecursionError:  # of scipy, where a user's distribution does not define its cdf
        return _from_draws(law.rvs, random_state)
    if not scalar or not np.all(np.isfinite((at := quantiles(law, grid))[1:-1])):
        raise ValueError(
            f"the distribution {_written(law)} has no scalar quantiles; check its parameters, or "
            "write [value] for one that is fixed"
        )
    low, high = float(at[0]), float(at[-1])
    if math.isfinite(high - low) and low < high:
        if np.allclose(at, low + grid * (high - low), rtol=0, atol=1e-12 * (high - low)):
            return Real(low, high)
        if low > 0 and np.allclose(at, low * (high / low) ** grid, rtol=1e-12, atol=0):
            return Real(low, high, log=True)
    return Distribution(law)


def _written(law: Any) -> str:
    """Return a frozen distribution as the call that makes it, any other object as it prints."""
    if not _has(law, "dist", "args", "kwds"):
        return repr(law)
    arguments = [*map(repr, law.args), *(f"{name}={value!r}" for name, value in law.kwds.items())]
    return f"{law.dist.name}({', '.join(arguments)})"


def _from_discrete_law(law: Any, random_state: Any) -> Dimension:
    """Read a discrete distribution: a uniform one is a range, others are weighted choices."""
    low, high = law.support()
    points = getattr(getattr(law, "dist", None), "xk", None)
    if points is not None:  # listed by the user; the support tells the shift
        return _weighted(_whole(points + (low - np.min(points))), law.dist.pk)
    if math.isfinite(high - low):
        some = np.unique(np.linspace(low, high, 33).round())
        if np.allclose(law.cdf(some), (some - low + 1) / (high - low + 1), rtol=1e-12, atol=0):
            return _range(low, high, False, integers=True)
    # Draws first: quantiles of a heavy tail (zipf) may take scipy forever.
    if _has(law, "rvs") and np.ptp(law.rvs(size=_N_DRAWS, random_state=0)) > _MAX_TABLE:
        return _from_draws(law.rvs, random_state)
    start, end = covered_quantiles(low, high)
    first, last = quantiles(law, [max(start, _NEGLIGIBLE), min(end, 1 - _NEGLIGIBLE)])
    values = np.arange(max(first, low), max(last, low) + 1)  # geom(1) has quantiles of 0
    return _weighted(_whole(values), law.pmf(values))


def _weighted(values: Sequence[Any], weights: Sequence[float] | np.ndarray | None) -> Choices:
    """Return choices by probability, without those that have none."""
    if weights is None:
        return Choices(values)
    kept = [(v, float(w)) for v, w in zip(values, weights, strict=True) if w > _NEGLIGIBLE]
    if not kept:
        raise ValueError(f"none of the probabilities {reprlib.repr(weights)} is positive")
    return Choices(*zip(*kept, strict=True))


def _from_draws(rvs: Any, random_state: Any) -> Dimension:
    """Return the empirical distribution of draws, the choices weighted by their frequency."""
    parameters = inspect.signature(rvs).parameters.values()
    seeded = any(p.name == "random_state" or p.kind is p.VAR_KEYWORD for p in parameters)
    seed = {"random_state": check_random_state(random_state)} if seeded else {}
    draws = [native(rvs(**seed)) for _ in range(_N_DRAWS)]
    if any(map(is_nan, draws)):
        raise ValueError("NaN among its draws; have it draw none")
    return Choices(draws, [1.0] * _N_DRAWS)


def _listed(spec: Any) -> list | None:
    """Return the elements of a sequence, array or series, None of anything else."""
    if isinstance(spec, np.ndarray):
        if spec.ndim != 1:
            instead = "list(array) to choose among its rows" if spec.ndim else f"[{spec}]"
            raise ValueError(
                f"an array of choices must be one-dimensional, got shape {spec.shape}; "
                f"use {instead}"
            )
        return list(spec)
    if isinstance(spec, str | bytes | np.generic):
        return None
    if isinstance(spec, Sequence):
        return list(spec)
    to_list = getattr(spec, "to_list", None) or getattr(spec, "tolist", None)
    return to_list() if callable(to_list) else None


def _whole(values: np.ndarray) -> list:
    """Return a list of ints if all values are whole, of floats otherwise."""
    return values.astype(int).tolist() if np.all(values == np.floor(values)) else values.tolist()


def _is_log(prior: str) -> bool:
    if prior not in _PRIORS:
        raise ValueError(
            f"unknown prior {prior!r}; use 'uniform' or 'log-uniform', or a list to mean choices"
        )
    return prior == "log-uniform"


def _has(spec: Any, *names: str) -> bool:
    return all(hasattr(spec, name) for name in names)
