"""Search spaces in scikit-learn's language (as sklearn_bo reads it) for peers that speak another.

Three kinds of dimension are enough for every peer: a float range, an integer range, a choice by
index. Any other frozen scipy distribution is a float range of quantiles.
"""

import math
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import numpy as np

Space = Mapping[str, Any] | list[Mapping[str, Any]]
Params = dict[str, Any]


@dataclass(frozen=True)
class Dimension:
    """One dimension of a peer's space: kind is "float", "int" or "choice" (an index)."""

    kind: str
    low: float
    high: float  # inclusive
    log: bool = False
    choices: tuple = ()
    law: Any = None  # frozen scipy distribution: the float is a quantile of it

    @property
    def n_levels(self) -> float:
        """Return the number of values."""
        return math.inf if self.kind == "float" else int(self.high) - int(self.low) + 1

    def decode(self, value: float) -> Any:
        """Return the parameter's value for the peer's number."""
        if self.kind == "choice":
            return self.choices[int(value)]
        if self.kind == "int":
            return int(value)
        return float(value if self.law is None else self.law.ppf(value))

    def from_unit(self, u: float) -> float:
        """Return the peer's number at the quantile u of the uniform (or log-uniform) law."""
        if self.kind == "float":
            if self.log:
                value = self.low * (self.high / self.low) ** u
            else:
                value = self.low + u * (self.high - self.low)
            return min(max(value, self.low), self.high)
        low, high = self.low - 0.5, self.high + 0.5
        value = low * (high / low) ** u if self.log else low + u * (high - low)
        return int(min(max(round(value), self.low), self.high))

    def to_unit(self, value: float) -> float:
        """Return the quantile of the peer's number."""
        if self.high == self.low:
            return 0.5
        if self.log:
            return math.log(value / self.low) / math.log(self.high / self.low)
        return (value - self.low) / (self.high - self.low)


def parse(spec: Any) -> Dimension:
    """Return the dimension of a range (tuple), choices (list) or frozen scipy distribution."""
    if isinstance(spec, tuple):
        kind = "int" if all(isinstance(bound, int) for bound in spec[:2]) else "float"
        return Dimension(kind, spec[0], spec[1], log=spec[2:] == ("log-uniform",))
    if isinstance(spec, list):
        return Dimension("choice", 0, len(spec) - 1, choices=tuple(spec))
    low, high = spec.support()
    name = spec.dist.name
    if name == "uniform":
        return Dimension("float", float(low), float(high))
    if name in ("loguniform", "reciprocal"):
        return Dimension("float", float(low), float(high), log=True)
    if name == "randint":
        return Dimension("int", int(low), int(high))
    return Dimension(
        "float",
        0.0 if math.isfinite(low) else 1e-3,
        1.0 if math.isfinite(high) else 1 - 1e-3,
        law=spec,
    )


class Flat:
    """A space as one flat set of dimensions: a choice of subspace and every parameter.

    Parameters that two subspaces specify by the same object or an equal range are one dimension.
    """

    SUBSPACE = "subspace"

    def __init__(self, space: Space) -> None:
        subspaces = [space] if isinstance(space, Mapping) else list(space)
        self.dimensions: dict[str, Dimension] = {}
        self.keys: list[dict[str, str]] = []  # for each subspace: parameter -> key
        seen: list[tuple[str, Any, str]] = []
        if len(subspaces) > 1:
            self.dimensions[self.SUBSPACE] = parse(list(range(len(subspaces))))
        for index, subspace in enumerate(subspaces):
            keys = {}
            for name, spec in subspace.items():
                shared = [key for n, other, key in seen if n == name and _same(spec, other)]
                keys[name] = shared[0] if shared else f"{name}.{index}" if index else name
                if not shared:
                    seen.append((name, spec, keys[name]))
                    self.dimensions[keys[name]] = parse(spec)
            self.keys.append(keys)

    def params(self, values: Mapping[str, float]) -> Params:
        """Return the setting of a peer's numbers; those of other subspaces may be missing."""
        keys = self.keys[int(values.get(self.SUBSPACE, 0))]
        return {name: self.dimensions[key].decode(values[key]) for name, key in keys.items()}

    def sample(self, rng: np.random.RandomState) -> dict[str, float]:
        """Return uniform numbers of a uniformly chosen subspace."""
        index = rng.randint(len(self.keys))
        values: dict[str, float] = {self.SUBSPACE: index} if len(self.keys) > 1 else {}
        for key in self.keys[index].values():
            values[key] = self.dimensions[key].from_unit(rng.uniform())
        return values

    def features(self, values: Mapping[str, float]) -> np.ndarray:
        """Return numbers for a regression: quantiles, one-hot choices, -1 where inactive."""
        out: list[float] = []
        for key, dimension in self.dimensions.items():
            active = key in values
            if dimension.kind == "choice":
                out.extend(
                    float(active and values[key] == k) for k in range(len(dimension.choices))
                )
            else:
                out.append(dimension.to_unit(values[key]) if active else -1.0)
        return np.array(out)

    def values(self, params: Params) -> dict[str, float]:
        """Return a peer's numbers of a setting, the inverse of `params` (laws by their CDF)."""
        for index, keys in enumerate(self.keys):
            values: dict[str, float] = {self.SUBSPACE: index} if len(self.keys) > 1 else {}
            if keys.keys() != params.keys():
                continue
            for name, key in keys.items():
                dimension, value = self.dimensions[key], params[name]
                if dimension.kind == "choice":
                    found = [k for k, c in enumerate(dimension.choices) if _same(c, value)]
                    if not found:
                        break
                    values[key] = found[0]
                else:
                    values[key] = value if dimension.law is None else dimension.law.cdf(value)
            else:
                return values
        raise ValueError(f"{params!r} lies in no subspace.")


def _same(left: Any, right: Any) -> bool:
    if left is right:
        return True
    plain = (int, float, str, tuple, list, bool, type(None))
    if isinstance(left, plain) and isinstance(right, plain):
        return type(left) is type(right) and left == right
    # Estimators that went through a copy or a pickle.
    return type(left) is type(right) and repr(left) == repr(right)
