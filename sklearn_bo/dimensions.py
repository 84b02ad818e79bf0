"""One class per kind of dimension: the values of a parameter as coordinates in [0, 1].

A coordinate ``u`` is a quantile: uniform ``u`` decodes to the dimension's own prior. A discrete
dimension cuts [0, 1] into one cell per value, and the middle of a cell stands for its value.
:func:`parse_dimension` holds the rule by which users write them: **list or array = choices,
tuple = range, scipy object = distribution.**
"""

import inspect
import math
import numbers
import reprlib
from abc import ABC, abstractmethod
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
from scipy import stats
from sklearn.utils import check_random_state

MAX_INTEGERS = 2**40  # of a range: narrower cells would drown in rounding errors
MAX_TABLE = 2**16  # spread of a discrete distribution whose values are listed one by one
NEGLIGIBLE = 1e-12  # probability below which a value of a discrete distribution is left out
TAIL = 1e-3  # probability left out on each unbounded side of a distribution
EDGE = 1e-6  # ... and on each bounded side: an open end (0 of expon) is never proposed itself
N_DRAWS = 1000  # draws that stand for a distribution known by nothing else


class Dimension(ABC):
    """The values of one parameter as coordinates in [0, 1]."""

    ordered: bool = True  # False for categories, which compare only by equality

    @property
    @abstractmethod
    def n_levels(self) -> float:
        """Number of distinct values, ``math.inf`` when continuous."""

    @abstractmethod
    def decode(self, u: float) -> Any:
        """Return the value at coordinate `u`, a native Python object."""

    @abstractmethod
    def encode(self, value: Any) -> float:
        """Return the coordinate of `value`; ValueError when it is not in the dimension."""

    @abstractmethod
    def snap(self, u: np.ndarray) -> np.ndarray:
        """Return, for each of `u` (n,), the coordinate that stands for its value."""

    @abstractmethod
    def neighbours(self, u: float) -> np.ndarray:
        """Return the coordinates (m,) of the values adjacent to the one at `u`."""

    @abstractmethod
    def coordinates(self) -> np.ndarray:
        """Return the coordinates of all values, ascending; none of a continuous dimension."""


class _Continuous(Dimension):
    @property
    def n_levels(self) -> float:
        return math.inf

    def snap(self, u: np.ndarray) -> np.ndarray:
        return np.clip(u, 0.0, 1.0) + 0.0  # -0.0 becomes 0.0: equal settings have equal bytes

    def neighbours(self, u: float) -> np.ndarray:
        return np.empty(0)

    def coordinates(self) -> np.ndarray:
        return np.empty(0)


class _Discrete(Dimension):
    """A dimension of numbered levels, 0 .. n_levels - 1."""

    @abstractmethod
    def levels(self, u: np.ndarray) -> np.ndarray:
        """Return the level in whose cell each of `u` lies."""

    @abstractmethod
    def _middles(self, levels: np.ndarray) -> np.ndarray:
        """Return the middle of each level's cell."""

    def _level(self, u: float) -> int:
        return int(self.levels(np.array([u], dtype=float))[0])

    def coordinates(self) -> np.ndarray:
        return self._middles(np.arange(self.n_levels))

    def snap(self, u: np.ndarray) -> np.ndarray:
        # Contiguous, so that numpy's loops give a value the same bits wherever it stands.
        return self._middles(self.levels(np.ascontiguousarray(u, dtype=float)))

    def neighbours(self, u: float) -> np.ndarray:
        level = self._level(u)
        if not self.ordered:
            return np.delete(self.coordinates(), level)
        adjacent = [k for k in (level - 1, level + 1) if 0 <= k < self.n_levels]
        return self._middles(np.array(adjacent, dtype=int))


@dataclass(frozen=True)
class Real(_Continuous):
    """Floats in [low, high], uniform or log-uniform.

    Parameters
    ----------
    low, high : float
        Finite bounds, ``low < high``.
    log : bool, default=False
        Whether the logarithm is uniform, which needs ``low > 0``.
    """

    low: float
    high: float
    log: bool = False

    def __post_init__(self) -> None:
        """Check the bounds."""
        _check_bounds(self.low, self.high, self.log)

    def decode(self, u: float) -> float:
        """Return the value at the fraction `u` of the way from low to high."""
        low, high = self._scale(self.low), self._scale(self.high)
        value = low + _clip(float(u)) * (high - low)
        return _clip(math.exp(value) if self.log else value, self.low, self.high)

    def encode(self, value: Any) -> float:
        """Return the fraction of the way from low to high at which `value` lies."""
        value = _within(self, value, self.low, self.high)
        low, high = self._scale(self.low), self._scale(self.high)
        return _clip((self._scale(value) - low) / (high - low))

    def _scale(self, value: float) -> float:
        return math.log(value) if self.log else float(value)


@dataclass(frozen=True)
class Integer(_Discrete):
    """Integers from low to high, both inclusive, uniform or log-uniform.

    The cell of k is [k - 1/2, k + 1/2], on the logarithmic scale when `log`.

    Parameters
    ----------
    low, high : int
        Bounds, ``low < high``; less than 2**40 apart, and below 2**40 when `log`.
    log : bool, default=False
        Whether the logarithm is uniform, which needs ``low > 0``.
    """

    low: int
    high: int
    log: bool = False

    def __post_init__(self) -> None:
        """Check the bounds."""
        _check_bounds(self.low, self.high, self.log)
        if (self.high if self.log else self.high - self.low) >= MAX_INTEGERS:
            raise ValueError(
                f"the integers up to {self.high} are too many to tell apart; narrow the range to "
                f"less than 2**40 or list the values that matter"
            )

    @property
    def n_levels(self) -> int:
        """Number of integers in the range."""
        return self.high - self.low + 1

    def decode(self, u: float) -> int:
        """Return the integer in whose cell `u` lies."""
        return self.low + self._level(u)

    def encode(self, value: Any) -> float:
        """Return the middle of the cell of `value`, an int: 1.0 and 1 mean different things."""
        level = _within(self, value, self.low, self.high, numbers.Integral) - self.low
        return float(self._middles(np.array([level]))[0])

    def levels(self, u: np.ndarray) -> np.ndarray:
        """Return the offsets from low of the integers in whose cells `u` lies."""
        u = np.clip(u, 0.0, 1.0)
        if self.log:
            start, length = self._log_cells()
            levels = np.floor(np.exp(start + u * length) + 0.5) - self.low
        else:
            levels = np.floor(u * self.n_levels)
        return np.clip(levels, 0, self.n_levels - 1).astype(np.int64)

    def _middles(self, levels: np.ndarray) -> np.ndarray:
        if self.log:
            start, length = self._log_cells()
            value = levels + float(self.low)
            return (0.5 * (np.log(value - 0.5) + np.log(value + 0.5)) - start) / length
        return (levels + 0.5) / self.n_levels

    def _log_cells(self) -> tuple[float, float]:
        start = math.log(self.low - 0.5)
        return start, math.log(self.high + 0.5) - start


class Choices(_Discrete):
    """Any values: in order of size when all are distinct real numbers, else categories.

    Parameters
    ----------
    values : iterable
        The choices. Those that are identical, or equal and of the same type, count once.
    weights : sequence of float, optional
        Probability of each value up to a factor; those of equal values add up. By
        default all distinct values are equally likely.
    """

    def __init__(self, values: Iterable[Any], weights: Sequence[float] | None = None) -> None:
        values = [native(value) for value in values]
        if not values:
            raise ValueError("there are no choices; give at least one value")
        numeric = all(_is_number(value) for value in values)
        if numeric and any(math.isnan(value) for value in values):
            raise ValueError(f"NaN among the choices {reprlib.repr(values)}; leave it out")
        self.values: list[Any] = []
        self._index: dict[Any, int] = {}
        mass: list[float] = []
        equal = weights is None
        for value, weight in zip(values, [1.0] * len(values) if equal else weights, strict=True):
            level = self._find(value)
            if level is None:
                self._index[_key(value)] = len(mass)
                self.values.append(value)
                mass.append(weight)
            elif not equal:
                mass[level] += weight
        self.ordered = numeric and len(set(self.values)) == len(mass)  # 1 and 1.0 have no order
        if self.ordered:
            order = sorted(range(len(mass)), key=self.values.__getitem__)
            self.values, mass = [self.values[k] for k in order], [mass[k] for k in order]
        self._index = {_key(value): level for level, value in enumerate(self.values)}
        ends = np.cumsum(mass)
        self._borders = ends[:-1] / ends[-1]  # between the cells
        self._centers = (ends - np.array(mass) / 2) / ends[-1]

    def _find(self, value: Any) -> int | None:
        """Return the level of `value`, None when it is not among the choices."""
        if (key := _key(value)) is not None:
            return self._index.get(key)
        return next((k for k, choice in enumerate(self.values) if same(choice, value)), None)

    @property
    def n_levels(self) -> int:
        """Number of distinct choices."""
        return len(self.values)

    def __eq__(self, other: object) -> bool:
        """Return whether both hold the same choices, in the same order and equally likely."""
        return (
            isinstance(other, Choices)
            and same(self.values, other.values)
            and np.array_equal(self._centers, other._centers)
        )

    __hash__ = None  # type: ignore[assignment]

    def __repr__(self) -> str:
        """Return a short form of the choices."""
        return f"Choices({reprlib.repr(self.values)})"

    def decode(self, u: float) -> Any:
        """Return the choice in whose cell `u` lies, the very object."""
        return self.values[self._level(u)]

    def encode(self, value: Any) -> float:
        """Return the middle of the cell of `value`, found by identity, else type and equality."""
        level = self._find(native(value))
        if level is None:
            raise ValueError(f"{value!r} is not in {self}")
        return float(self._centers[level])

    def levels(self, u: np.ndarray) -> np.ndarray:
        """Return the positions in `values` of the choices in whose cells `u` lies."""
        return np.searchsorted(self._borders, u, side="right")

    def _middles(self, levels: np.ndarray) -> np.ndarray:
        return self._centers[levels]


class Distribution(_Continuous):
    """A continuous distribution, encoded by its CDF and decoded by its quantiles.

    Where the support is unbounded on a side, the coordinate covers only the central quantiles,
    0.001 to 0.999; values beyond are encoded as the nearest end.

    Parameters
    ----------
    law : object
        Has ``cdf``, and ``ppf`` (scipy's frozen distributions) or ``icdf`` (its newer ones).
    """

    def __init__(self, law: Any) -> None:
        self.law = law
        low, high = _quantiles(law, [0.0, 1.0])
        self.support = float(low), float(high)
        self._covered = _covered(low, high)

    def __eq__(self, other: object) -> bool:
        """Return whether both have the same quantiles; scipy's laws compare by identity."""
        grid = np.linspace(EDGE, 1 - EDGE, 33)
        return isinstance(other, Distribution) and np.array_equal(
            _quantiles(self.law, grid), _quantiles(other.law, grid)
        )

    __hash__ = None  # type: ignore[assignment]

    def __repr__(self) -> str:
        """Return the law's name and support."""
        name = getattr(getattr(self.law, "dist", None), "name", type(self.law).__name__)
        return f"Distribution({name}, support=[{self.support[0]:g}, {self.support[1]:g}])"

    def decode(self, u: float) -> float:
        """Return the quantile at the fraction `u` of the covered probability."""
        start, end = self._covered
        q = start + _clip(float(u)) * (end - start)
        return float(_quantiles(self.law, [_clip(q, EDGE, 1 - EDGE)])[0])

    def encode(self, value: Any) -> float:
        """Return the fraction of the covered probability that lies below `value`."""
        value = _within(self, value, *self.support)
        start, end = self._covered
        with np.errstate(all="ignore"):
            q = float(self.law.cdf(value))
        return _clip((q - start) / (end - start))


def parse_dimension(name: str, spec: Any, random_state: Any = None) -> Dimension:
    """Read what a user wrote for one parameter.

    Parameters
    ----------
    name : str
        Name of the parameter, for error messages.
    spec : object
        A list, array, series or range of choices; a tuple ``(low, high)``,
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
    except ValueError as error:
        raise ValueError(f"Parameter {name!r}: {error}") from error


def _parse(spec: Any, random_state: Any) -> Dimension:
    if isinstance(spec, type):
        raise TypeError(f"got the class {spec.__name__}; give an instance, {spec.__name__}(...)")
    if isinstance(spec, tuple) and (dimension := _from_tuple(spec)):
        return dimension
    if (values := _listed(spec)) is not None:
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
    low, high, *rest = map(native, spec)
    if not (
        _is_number(low) and _is_number(high) and all(map(isinstance, rest, (str, numbers.Real)))
    ):
        return None
    log = _is_log(rest[0]) if rest else False  # whatever the base, the prior is the same
    _check_bounds(low, high, log)
    integers = isinstance(low, numbers.Integral) and isinstance(high, numbers.Integral)
    return _range(low, high, log, integers=integers)


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
    quantiles = _quantiles(law, grid)
    if quantiles.shape != grid.shape or not np.all(np.isfinite(quantiles[1:-1])):
        raise ValueError(f"the distribution {law!r} has no scalar quantiles; check its parameters")
    low, high = float(quantiles[0]), float(quantiles[-1])
    if math.isfinite(high - low) and low < high:
        if np.allclose(quantiles, low + grid * (high - low), rtol=0, atol=1e-12 * (high - low)):
            return Real(low, high)
        if low > 0 and np.allclose(quantiles, low * (high / low) ** grid, rtol=1e-12, atol=0):
            return Real(low, high, log=True)
    return Distribution(law)


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
    if _has(law, "rvs") and np.ptp(law.rvs(size=N_DRAWS, random_state=0)) > MAX_TABLE:
        return _from_draws(law.rvs, random_state)
    covered = [max(_covered(low, high)[0], NEGLIGIBLE), min(_covered(low, high)[1], 1 - NEGLIGIBLE)]
    first, last = _quantiles(law, covered)
    values = np.arange(first, last + 1)
    return _weighted(_whole(values), law.pmf(values))


def _weighted(values: Sequence[Any], weights: Sequence[float] | np.ndarray | None) -> Choices:
    """Return choices by probability, without those that have none."""
    if weights is None:
        return Choices(values)
    kept = [(v, float(w)) for v, w in zip(values, weights, strict=True) if w > NEGLIGIBLE]
    if not kept:
        raise ValueError(f"none of the probabilities {reprlib.repr(weights)} is positive")
    return Choices(*zip(*kept, strict=True))


def _from_draws(rvs: Any, random_state: Any) -> Dimension:
    """Return the empirical distribution of draws, the choices weighted by their frequency."""
    parameters = inspect.signature(rvs).parameters.values()
    seeded = any(p.name == "random_state" or p.kind is p.VAR_KEYWORD for p in parameters)
    seed = {"random_state": check_random_state(random_state)} if seeded else {}
    return Choices((rvs(**seed) for _ in range(N_DRAWS)), [1.0] * N_DRAWS)


def native(value: Any) -> Any:
    """Return numpy's numbers, strings and booleans as Python's own, all else as it is."""
    if isinstance(value, np.ndarray) and value.ndim == 0:
        value = value[()]
    return value.item() if isinstance(value, np.generic) and value.dtype.kind in "biufSU" else value


def same(a: Any, b: Any) -> bool:
    """Return whether two values are one choice: identical, or equal and of the same type."""
    if a is b:
        return True
    if type(a) is not type(b):
        return False
    if isinstance(a, np.ndarray):
        return a.dtype == b.dtype and np.array_equal(a, b)
    if isinstance(a, list | tuple):
        return len(a) == len(b) and all(map(same, a, b))
    try:
        return (a == b) is True
    except Exception:  # == of a user's object may do anything
        return False


def _key(value: Any) -> tuple[type, Any] | None:
    """Return what finds a number, string or None among choices; None for other objects."""
    if isinstance(value, float) and math.isnan(value):
        return float, "nan"
    return (type(value), value) if isinstance(value, numbers.Real | str | None) else None


def _listed(spec: Any) -> list | None:
    """Return the elements of a sequence, array or series, None of anything else."""
    if isinstance(spec, np.ndarray):
        if spec.ndim != 1:
            raise ValueError(
                f"an array of choices must be one-dimensional, got shape {spec.shape}; "
                "use list(array) to choose among its rows"
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


def _covered(low: float, high: float) -> tuple[float, float]:
    """Return the quantiles between which a distribution with this support is searched."""
    return (0.0 if math.isfinite(low) else TAIL, 1.0 if math.isfinite(high) else 1 - TAIL)


def _quantiles(law: Any, q: Sequence[float] | np.ndarray) -> np.ndarray:
    quantile = law.ppf if hasattr(law, "ppf") else law.icdf
    with np.errstate(all="ignore"):
        return np.asarray(quantile(np.asarray(q)), dtype=float)


def _within(
    dimension: Dimension, value: Any, low: float, high: float, kind: type = numbers.Real
) -> Any:
    """Return the native `value` if it is a number from low to high; ValueError otherwise."""
    value = native(value)
    if not _is_number(value, kind) or not low <= value <= high:
        raise ValueError(f"{value!r} is not in {dimension}")
    return value


def _is_number(value: Any, kind: type = numbers.Real) -> bool:
    return isinstance(value, kind) and not isinstance(value, bool)


def _is_log(prior: str) -> bool:
    if prior not in ("uniform", "log-uniform"):
        raise ValueError(
            f"unknown prior {prior!r}; use 'uniform' or 'log-uniform', or a list to mean choices"
        )
    return prior == "log-uniform"


def _check_bounds(low: float, high: float, log: bool) -> None:
    if not (math.isfinite(low) and math.isfinite(high) and math.isfinite(high - low)):
        raise ValueError(
            f"the bounds of a range must be finite, got ({low}, {high}); "
            "use a scipy distribution for an unbounded parameter"
        )
    if low >= high:
        raise ValueError(
            f"a range needs low < high, got ({low}, {high}); write [{low}] for a fixed value, "
            f"[{low}, {high}] for choices"
        )
    if log and low <= 0:
        raise ValueError(
            f"a log-uniform range needs low > 0, got ({low}, {high}); raise low or use 'uniform'"
        )


def _clip(value: float, low: float = 0.0, high: float = 1.0) -> float:
    return min(max(value, low), high)


def _has(spec: Any, *names: str) -> bool:
    return all(hasattr(spec, name) for name in names)
