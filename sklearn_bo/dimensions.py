"""One class per kind of dimension: the values of a parameter as coordinates in [0, 1].

A coordinate ``u`` is a quantile: uniform ``u`` decodes to the dimension's own prior. A discrete
dimension cuts [0, 1] into one cell per value, and the middle of a cell stands for its value.
"""

import math
import numbers
import reprlib
import sys
from abc import ABC, abstractmethod
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np

from sklearn_bo.values import is_clone, is_nan, is_number, native, same

_MAX_INTEGERS = 2**40  # of a range: narrower cells would drown in rounding errors
_TAIL = 1e-3  # probability left out on each unbounded side of a distribution
_EDGE = 1e-6  # ... and on each bounded side: an open end (0 of expon) is never proposed itself
_MAX_BEND = 7.0  # of a linear scale: as that of a range from 1 to 1,097 to its logarithm


class Dimension(ABC):
    """The values of one parameter as coordinates in [0, 1]."""

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

    def categories(self) -> np.ndarray:
        """Return the coordinates of the values that compare only by equality, ascending."""
        return np.empty(0)

    @property
    def max_bend(self) -> float:
        """How far from the scale of the coordinates that is on which the values may act.

        log(high / low), or 7 if that is less, of numbers from low to high that are spread rather
        evenly than logarithmically, for their logarithms may count; 0 of others, of negative ones,
        of categories and of fewer than three values.
        """
        low, middle, high = (self.decode(u) for u in (0.0, 0.5, 1.0))
        return 0.0 if len(self.categories()) else _max_bend(low, middle, high, 0.5)

    def searches(self, value: Any) -> bool:
        """Return whether `value`, which is in the dimension, is not beyond what is searched."""
        return True

    def adopt(self, value: Any) -> Any:
        """Return a value from elsewhere as it is written here: 1.0 as the 1 of [0.1, 1, 10]."""
        return value


class _Continuous(Dimension):
    def adopt(self, value: Any) -> Any:
        """Return a number as a float: as max_features 1 is one feature, 1.0 is all."""
        return float(value) if is_number(value) else value

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
        if len(self.categories()):
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
        check_bounds(self.low, self.high, self.log)

    def decode(self, u: float) -> float:
        """Return the value at the fraction `u` of the way from low to high."""
        if u <= 0 or u >= 1:  # the ends, which a logarithm and back would miss by rounding
            return self.low if u <= 0 else self.high
        low, high = self._scale(self.low), self._scale(self.high)
        value = low + float(u) * (high - low)
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
        check_bounds(self.low, self.high, self.log)
        if (self.high if self.log else self.high - self.low) >= _MAX_INTEGERS:
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

    Numbers keep their order beside None, which is the one category then, as in ``[None, 2, 4, 8]``.
    Beside NaN, which is a value of its own too, they are categories.

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
        self.values: list[Any] = []
        self._index: dict[Any, int] = {}
        mass: list[float] = []
        given = [1.0] * len(values) if weights is None else weights
        for value, weight in zip(values, given, strict=True):
            level = self._find(value)
            if level is None:
                self._index[_key(value)] = len(mass)
                self.values.append(value)
                mass.append(weight)
            elif weights is not None:
                mass[level] += weight
        self._n_ordered = _n_ordered(self.values)
        if self._n_ordered:
            order = sorted(range(len(mass)), key=lambda k: _size(self.values[k]))
            self.values, mass = [self.values[k] for k in order], [mass[k] for k in order]
        self._index = self._indexed()
        ends = np.cumsum(mass)
        self._borders = ends[:-1] / ends[-1]  # between the cells
        self._centres = (ends - np.array(mass) / 2) / ends[-1]

    def _indexed(self) -> dict[Any, int]:
        return {_key(value): level for level, value in enumerate(self.values)}

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
        return (
            isinstance(other, Choices)
            and is_clone(self.values, other.values)
            and np.array_equal(self._centres, other._centres)
        )

    __hash__ = None  # type: ignore[assignment]

    def __getstate__(self) -> dict[str, Any]:
        return {**vars(self), "_index": None}  # skops saves no keys that are tuples

    def __setstate__(self, state: dict[str, Any]) -> None:
        vars(self).update(state)
        self._index = self._indexed()

    def __repr__(self) -> str:
        return f"Choices({reprlib.repr(self.values)})"

    def decode(self, u: float) -> Any:
        """Return the choice in whose cell `u` lies, the very object."""
        return self.values[self._level(u)]

    def encode(self, value: Any) -> float:
        """Return the middle of the cell of `value`: the choice itself, an equal one or a clone."""
        return float(self._centres[self.index(value)])

    def index(self, value: Any) -> int:
        """Return the position in `values` of the choice itself, an equal one or a clone."""
        level = self._find(native(value))
        if level is None:
            clones = (k for k, choice in enumerate(self.values) if is_clone(choice, value))
            level = next(clones, None)
        if level is None:
            raise ValueError(f"{value!r} is not in {self}")
        return level

    def adopt(self, value: Any) -> Any:
        """Return the number that equals `value` where a fraction tells that all are reals."""
        # Where all are whole 1 and 1.0 may differ: max_features=1 is one feature, 1.0 is all.
        reals = self.values[: self._n_ordered]
        if self._find(native(value)) is not None or not any(_is_fraction(real) for real in reals):
            return value
        return next((real for real in reals if is_number(value) and real == value), value)

    def levels(self, u: np.ndarray) -> np.ndarray:
        """Return the positions in `values` of the choices in whose cells `u` lies."""
        return np.searchsorted(self._borders, u, side="right")

    def categories(self) -> np.ndarray:
        """Return the coordinates of the choices that have no order; those of numbers are lower."""
        return self._centres[self._n_ordered :]

    def _middles(self, levels: np.ndarray) -> np.ndarray:
        return self._centres[levels]


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
        low, high = quantiles(law, [0.0, 1.0])
        self.support = float(low), float(high)
        self._covered = start, end = covered_quantiles(low, high)
        self._ends = [_clip((q - start) / (end - start)) for q in (_EDGE, 1 - _EDGE)]
        self._searched = self.decode(0.0), self.decode(1.0)

    def __eq__(self, other: object) -> bool:
        # scipy's laws compare by identity: two are the same if their quantiles are.
        grid = np.linspace(_EDGE, 1 - _EDGE, 33)
        return isinstance(other, Distribution) and np.array_equal(
            quantiles(self.law, grid), quantiles(other.law, grid)
        )

    __hash__ = None  # type: ignore[assignment]

    def __repr__(self) -> str:
        name = getattr(getattr(self.law, "dist", None), "name", type(self.law).__name__)
        return f"Distribution({name}, support=[{self.support[0]:g}, {self.support[1]:g}])"

    @property
    def max_bend(self) -> float:
        """As of any numbers without the tails, told by a low quantile.

        By the middle of its values a logistic law looks even, too.
        """
        low, inner, high = quantiles(self.law, [_TAIL, 0.1, 1 - _TAIL]).tolist()
        return _max_bend(low, inner, high, 0.1)

    def snap(self, u: np.ndarray) -> np.ndarray:
        """Return `u` without the open ends."""
        low, high = self._ends
        return super().snap(np.clip(u, low, high))

    def decode(self, u: float) -> float:
        """Return the quantile at the fraction `u` of the covered probability."""
        start, end = self._covered
        q = start + _clip(float(u), *self._ends) * (end - start)
        return float(quantiles(self.law, [q])[0])

    def searches(self, value: Any) -> bool:
        """Return whether `value` lies between what the ends of the coordinate decode to."""
        low, high = self._searched
        return bool(low <= value <= high)

    def encode(self, value: Any) -> float:
        """Return the fraction of the covered probability that lies below `value`."""
        value = _within(self, value, *self.support)
        start, end = self._covered
        with np.errstate(all="ignore"):
            q = float(self.law.cdf(float(value)))
        return _clip((q - start) / (end - start), *self._ends)


def _is_fraction(value: float) -> bool:
    return value % 1 > 0  # not of an infinity, which leaves NaN


def _size(value: float | None) -> float:
    return math.inf if value is None else value


def _n_ordered(values: Sequence[Any]) -> int:
    """Return how many choices have an order: all, all but None, or none of them."""
    if not all(value is None or is_number(value) for value in values):
        return 0
    sizes = {_size(value) for value in values}
    if len(sizes) < len(values) or any(map(is_nan, sizes)):  # 1 and 1.0 have no order
        return 0
    n_numbers = sum(value is not None for value in values)
    return n_numbers if n_numbers == len(values) or n_numbers > 1 else 0


def _key(value: Any) -> tuple[type, Any] | None:
    """Return what finds a number, string, None or tuple of such among choices, else None."""
    if is_nan(value):
        return float, "nan"
    if isinstance(value, tuple):
        keys = tuple(map(_key, value))
        return None if None in keys else (type(value), keys)
    return (type(value), value) if isinstance(value, numbers.Real | str | None) else None


def covered_quantiles(low: float, high: float) -> tuple[float, float]:
    """Return the quantiles between which a distribution with this support is searched."""
    return (0.0 if math.isfinite(low) else _TAIL, 1.0 if math.isfinite(high) else 1 - _TAIL)


def quantiles(law: Any, q: Sequence[float] | np.ndarray) -> np.ndarray:
    """Return the values of a distribution, of scipy's old kind or new, at the probabilities q."""
    quantile = law.ppf if hasattr(law, "ppf") else law.icdf
    with np.errstate(all="ignore"):
        return np.asarray(quantile(np.asarray(q)), dtype=float)


def _within(
    dimension: Dimension, value: Any, low: float, high: float, kind: type = numbers.Real
) -> Any:
    """Return the native `value` if it is a number from low to high; ValueError otherwise."""
    value = native(value)
    if not is_number(value, kind) or not low <= value <= high:
        is_whole = is_number(value) and low <= value <= high and value == round(value)
        hint = f"; write {round(value)} for the integer" if is_whole else ""
        raise ValueError(f"{value!r} is not in {dimension}{hint}")
    return value


def check_bounds(low: float, high: float, log: bool) -> None:
    """Raise ValueError unless the bounds of a range make sense; says how to mend them."""
    if not (math.isfinite(low) and math.isfinite(high) and math.isfinite(high - low)):
        raise ValueError(
            f"the bounds of a range must be finite, got ({low}, {high}); "
            "use a scipy distribution for an unbounded parameter"
        )
    if low >= high:
        instead = f"({high}, {low}) for the range" if low > high else f"[{low}] for a fixed value"
        raise ValueError(
            f"a range needs low < high, got ({low}, {high}); write {instead}, [{low}, {high}] for "
            "choices"
        )
    if log and low <= 0:
        raise ValueError(
            f"a log-uniform range needs low > 0, got ({low}, {high}); raise low or use 'uniform'"
        )
    if log and math.log(low) == math.log(high):
        raise ValueError(
            f"the logarithms of the bounds ({low}, {high}) are equal; widen the range or use "
            "'uniform'"
        )


def _max_bend(low: float, inner: float, high: float, u: float) -> float:
    """Return `Dimension.max_bend` of numbers of which `inner` lies at the fraction `u`."""
    if not 0 <= low < inner < high <= sys.float_info.max:
        return 0.0
    low = max(low, high * math.exp(-_MAX_BEND))
    length = math.log(high) - math.log(low)
    if inner <= low or length == 0:  # by rounding
        return 0.0
    even = (math.log(low + u * (high - low)) - math.log(low)) / length
    is_even = (math.log(inner) - math.log(low)) / length > (u + even) / 2  # u if logarithmic
    return length if is_even else 0.0


def _clip(value: float, low: float = 0.0, high: float = 1.0) -> float:
    return min(max(value, low), high)
