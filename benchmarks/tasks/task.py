"""A task: a search space and an objective to maximise."""

import math
import warnings
from collections.abc import Callable
from dataclasses import dataclass
from functools import cached_property
from typing import Any

import numpy as np

from ..spaces import Flat, Params, Space

GROUPS = ("continuous", "mixed", "categorical", "noisy")
N_REPEATS = 8  # evaluations whose mean is the true value of a noisy setting


@dataclass(frozen=True)
class Task:
    """A tuning task.

    `function(params, seed)` may raise or return NaN: a failed trial. `mean(params)` is the value
    without noise; without it, the mean over fixed seeds. `slow` tasks take more than about 40 ms an
    evaluation and have an emulator for ablations.
    """

    name: str
    space: Space
    function: Callable[[Params, int], float]
    noisy: bool = False
    mean: Callable[[Params], float] | None = None
    slow: bool = False
    memoise: bool = True

    @cached_property
    def flat(self) -> Flat:
        """Return the space as peers take it."""
        return Flat(self.space)

    @property
    def n_dims(self) -> int:
        """Return the number of parameters of the largest subspace."""
        return max(len(keys) for keys in self.flat.keys)

    @property
    def group(self) -> str:
        """Return noisy, or what the dimensions are: continuous (numeric), mixed, categorical."""
        if self.noisy:
            return "noisy"
        kinds = [d.kind == "choice" for d in self.flat.dimensions.values()]
        return "categorical" if all(kinds) else "mixed" if any(kinds) else "continuous"

    def objective(self, params: Params, seed: int) -> float:
        """Return the score to maximise; NaN when the setting fails."""
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")
            try:
                value = float(self.function(params, seed if self.noisy else 0))
            except Exception:
                return math.nan
        return value if math.isfinite(value) else math.nan

    def truth(self, params: Params) -> float:
        """Return the value of a setting without noise."""
        if not self.noisy:
            return self.objective(params, 0)
        if self.mean is not None:
            return float(self.mean(params))
        return float(np.mean([self.objective(params, 90_000 + k) for k in range(N_REPEATS)]))


def with_noise(function: Callable[[Params], float], std: float) -> Callable[[Params, int], float]:
    """Return the function plus Gaussian noise."""

    def noisy(params: Params, seed: int) -> float:
        return function(params) + std * float(np.random.RandomState(seed % 2**32).standard_normal())

    return noisy


def plain(function: Callable[[Params], float]) -> Callable[[Params, int], float]:
    """Return an objective that ignores the seed."""

    def objective(params: Params, seed: int) -> Any:
        return function(params)

    return objective
