"""The methods compared: name -> callable(space, seed) with ask(n) and tell(trial, score)."""

import json
import math
import os
import subprocess
import sys
from collections.abc import Callable
from dataclasses import dataclass
from functools import cache, partial
from pathlib import Path
from typing import Any

import numpy as np

from .environments import python_of
from .spaces import Flat, Params, Space
from .tables import CACHE


@dataclass(frozen=True)
class Proposal:
    """A setting to evaluate, and what its peer knows it by."""

    params: Params
    number: int = 0


class Random:
    """Uniform draws."""

    def __init__(self, space: Space, seed: int) -> None:
        self.flat = Flat(space)
        self.rng = np.random.RandomState(seed)

    def ask(self, n: int = 1) -> list[Proposal]:
        """Return n proposals."""
        return [Proposal(self.flat.params(self.flat.sample(self.rng))) for _ in range(n)]

    def tell(self, proposal: Proposal, score: float) -> None:
        """Learn nothing."""


@cache
def _server(peer: str, pid: int) -> subprocess.Popen:
    """Return this process's server of a peer; it ends with its standard input."""
    CACHE.mkdir(parents=True, exist_ok=True)
    return subprocess.Popen(
        [python_of(peer), "-m", "benchmarks.adapters", peer],
        cwd=Path(__file__).parents[1],
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        stderr=(CACHE / f"{peer}.log").open("a"),
        text=True,
    )


class Remote:
    """A peer in its own environment (see adapters.py). Dimensions of one value stay here."""

    def __init__(self, space: Space, seed: int, peer: str) -> None:
        self.flat = Flat(space)
        self.peer = peer
        dimensions = self.flat.dimensions
        self.fixed = {key: d.low for key, d in dimensions.items() if d.n_levels == 1}
        content = {
            "seed": seed,
            "dimensions": {
                key: {"kind": d.kind, "low": d.low, "high": d.high, "log": d.log}
                for key, d in dimensions.items()
                if key not in self.fixed
            },
            "subspaces": [
                [key for key in keys.values() if key not in self.fixed] for keys in self.flat.keys
            ],
        }
        self._call("new", content)

    def ask(self, n: int = 1) -> list[Proposal]:
        """Return n proposals."""
        return [
            Proposal(self.flat.params(self.fixed | values), number)
            for number, values in self._call("ask", n)
        ]

    def tell(self, proposal: Proposal, score: float) -> None:
        """Report a score, NaN for a failure."""
        self._call("tell", [proposal.number, None if math.isnan(score) else -score])

    def warm(self, draws: list[dict[str, float]], scores: list[float]) -> bool:
        """Tell many trials at once; return whether the peer can."""
        return self._call("warm", [draws, [-score for score in scores]])

    def memory(self) -> float:
        """Return the peak memory of the peer's process so far, in MB."""
        return self._call("memory", None)

    def _call(self, verb: str, content: Any) -> Any:
        server = _server(self.peer, os.getpid())
        server.stdin.write(json.dumps([verb, content]) + "\n")
        server.stdin.flush()
        line = server.stdout.readline()
        if not line:
            _server.cache_clear()
            raise RuntimeError(f"{self.peer} ended; see {CACHE / (self.peer + '.log')}")
        return json.loads(line)


def sklearn_bo(space: Space, seed: int) -> Any:
    """Return our optimiser with its defaults."""
    from sklearn_bo import Optimizer

    return Optimizer(space, random_state=seed)


def methods(names: list[str]) -> dict[str, Callable[[Space, int], Any]]:
    """Return the named methods that can run here; say which cannot."""
    out: dict[str, Callable[[Space, int], Any]] = {}
    for name in names:
        if name in ("random", "sklearn_bo"):
            out[name] = Random if name == "random" else sklearn_bo
        elif python_of(name) is None:
            print(f"{name} is skipped: python -m benchmarks.environments {name}", file=sys.stderr)
        else:
            out[name] = partial(Remote, peer=name)
    return out
