"""How often proposals succeed where settings fail: `python -m benchmarks.failures`.

A failing fit teaches what to avoid. After 20 trials, of the next 30, on spaces where half of the
settings fail, in regions of several shapes, and on some where most do, with the share of random
settings that succeed beside it.
"""

import argparse
import math
from collections.abc import Callable
from typing import Any

import numpy as np
import pandas as pd

from sklearn_bo import Optimizer

from .report import to_markdown

N_BEFORE, N_AFTER = 20, 30
UNIT = (0.0, 1.0)
Params = dict[str, Any]


def _near(params: Params, at: float) -> float:
    return -sum((value - at) ** 2 for value in params.values())


# name -> (space, which settings fail, score of the others)
SPACES: dict[str, tuple[dict, Callable[[Params], bool], Callable[[Params], float]]] = {
    "half a plane": ({"x": UNIT, "y": UNIT}, lambda p: p["x"] > 0.5, lambda p: _near(p, 0.3)),
    "best at the edge": (
        {"x": UNIT, "y": UNIT, "z": UNIT},
        lambda p: p["x"] < 0.5,
        lambda p: _near(p, 0.3),
    ),
    "a diagonal": (
        {"x": UNIT, "y": UNIT, "z": UNIT, "w": UNIT},
        lambda p: p["x"] + p["y"] > 1,
        lambda p: p["x"] + p["y"] - abs(p["z"] - 0.5) - abs(p["w"] - 0.2),
    ),
    "outside a circle": (
        {"x": UNIT, "y": UNIT},
        lambda p: (p["x"] - 0.5) ** 2 + (p["y"] - 0.5) ** 2 > 0.16,
        lambda p: -abs(p["x"] - 0.45) - abs(p["y"] - 0.6),
    ),
    "squares of a board": (
        {"x": UNIT, "y": UNIT},
        lambda p: (p["x"] < 0.5) == (p["y"] < 0.5),
        lambda p: _near(p, 0.3),
    ),
    "solvers and penalties": (
        {
            "solver": list("abcd"),
            "penalty": ["l1", "l2"],
            "C": (1e-3, 1e3, "log-uniform"),
            "tol": UNIT,
        },
        lambda p: (p["solver"] in "ab") != (p["penalty"] == "l1"),
        lambda p: 0.3 * "abcd".index(p["solver"]) - abs(math.log10(p["C"]) - 1),
    ),
    "pairs of categories": (
        {name: list("uvwx") for name in "abcd"},
        lambda p: ("uvwx".index(p["a"]) + "uvwx".index(p["b"])) % 2 == 0,
        lambda p: sum("uvwx".index(value) for value in p.values()),
    ),
    "more than there are": (
        {"n": (1, 20), "k": (1, 20), "kind": ["p", "q", "r"]},
        lambda p: p["k"] > p["n"],
        lambda p: p["k"] - 0.5 * p["n"] + (p["kind"] == "q"),
    ),
    "all but a corner": (
        {"x": UNIT, "y": UNIT, "z": UNIT},
        lambda p: max(p.values()) > 0.5,
        lambda p: _near(p, 0.3),
    ),
    "all but a small disc": (
        {"x": UNIT, "y": UNIT},
        lambda p: (p["x"] - 0.3) ** 2 + (p["y"] - 0.7) ** 2 > 0.02,
        lambda p: -abs(p["x"] - 0.4) - abs(p["y"] - 0.75),
    ),
    "all but some categories": (
        {**{name: list("uvwxyz") for name in "abc"}, "d": UNIT},
        lambda p: p["a"] not in "uv" or p["b"] not in "wx",
        lambda p: "uvwxyz".index(p["c"]) - abs(p["d"] - 0.3),
    ),
}


def success(name: str, seed: int) -> tuple[float, float]:
    """Return the shares of proposals and of random settings that succeed."""
    space, fails, score = SPACES[name]
    optimizer = Optimizer(space, random_state=seed)
    succeeded = []
    for _ in range(N_BEFORE + N_AFTER):
        trial = optimizer.ask()
        failed = fails(trial.params)
        succeeded.append(not failed)
        optimizer.tell(trial, math.nan if failed else score(trial.params))
    Z = optimizer.space.sample(500, np.random.RandomState(seed))
    random = [not fails(optimizer.space.decode(z)) for z in Z]
    return float(np.mean(succeeded[N_BEFORE:])), float(np.mean(random))


def main() -> None:
    """Run the command line."""
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawTextHelpFormatter
    )
    parser.add_argument("--seeds", type=int, default=10)
    args = parser.parse_args()
    rows = {}
    for name in SPACES:
        ours, random = np.array([success(name, seed) for seed in range(args.seeds)]).T
        rows[name] = {"random": f"{random.mean():.0%}", "sklearn_bo": f"{ours.mean():.0%}"}
        rows[name]["worst seed"] = f"{ours.min():.0%}"
    print(to_markdown(pd.DataFrame(rows).T))


if __name__ == "__main__":
    main()
