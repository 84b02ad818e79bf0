"""Seconds per proposal and peak memory: `python -m benchmarks.cost [METHOD ...]`.

The time of ask and tell together, the mean of five trials after 10, 50, 200, 500 and 1,000. A
peer that takes many trials at once (scikit-optimize, GPSampler) skips to the trials that are timed;
every other method runs them all, and stops at its time limit.
"""

import argparse
import math
import multiprocessing
import resource
import time
from typing import Any

import numpy as np
import pandas as pd

from . import peers
from .report import to_markdown
from .run import METHODS
from .spaces import Flat, Params

TRIALS = (10, 50, 200, 500, 1000)
DIMENSIONS = (2, 6, 12, 20)
WINDOW = 5


def space_of(n_dims: int) -> dict[str, Any]:
    """Return a space with an integer in each three dimensions and a category in each six."""
    kinds = [(0.0, 1.0), (1e-4, 1e2, "log-uniform"), (1, 50), (0.0, 1.0), (0.0, 1.0), list("abcd")]
    return {f"x{k}": kinds[k % 6] for k in range(n_dims)}


def objective(flat: Flat, params: Params) -> float:
    """Return a smooth score."""
    units = [flat.dimensions[key].to_unit(v) for key, v in flat.values(params).items()]
    return -float(np.sum((np.array(units) - 0.3) ** 2)) + 0.1 * math.sin(20 * units[0])


def measure(method: str, n_dims: int, limit: float) -> dict[str, float]:
    """Return milliseconds per trial by trials told, total seconds and peak memory in MB."""
    space = space_of(n_dims)
    flat = Flat(space)
    rng = np.random.RandomState(0)
    optimizer = peers.methods([method])[method](space, 0)
    memory = getattr(optimizer, "memory", _memory)
    (trial,) = optimizer.ask(1)  # the peer's lazy imports
    optimizer.tell(trial, objective(flat, trial.params))
    before = memory()
    seconds: list[float] = [0.0]
    out: dict[str, float] = {}
    start = time.perf_counter()
    for n in TRIALS:
        missing = n - len(seconds)
        if missing > 0 and hasattr(optimizer, "warm"):
            draws = [flat.sample(rng) for _ in range(missing)]
            scores = [objective(flat, flat.params(values)) for values in draws]
            if optimizer.warm(draws, scores):
                seconds.extend([math.nan] * missing)
        while len(seconds) < n + WINDOW and time.perf_counter() - start < limit:
            begin = time.perf_counter()
            (trial,) = optimizer.ask(1)
            asked = time.perf_counter()
            score = objective(flat, trial.params)
            told = time.perf_counter()
            optimizer.tell(trial, score)
            seconds.append(time.perf_counter() - told + asked - begin)
        if len(seconds) >= n + WINDOW:
            out[f"ms at {n}"] = round(1e3 * float(np.mean(seconds[n:])), 1)
    if f"ms at {TRIALS[-1]}" in out:
        out["s for all 1000"] = round(sum(seconds[:1000]), 1)
    return out | {"MB": round(memory() - before)}


def _memory() -> float:
    return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024


def main() -> None:
    """Run the command line."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("methods", nargs="*", default=METHODS)
    parser.add_argument("--dims", type=int, nargs="+", default=DIMENSIONS)
    parser.add_argument("--limit", type=float, default=120.0, help="seconds per method and size")
    args = parser.parse_args()
    rows = []
    context = multiprocessing.get_context("spawn")  # so that memory is the method's own
    for method in peers.methods(args.methods):
        for n_dims in args.dims:
            with context.Pool(1) as pool:
                cost = pool.apply(measure, (method, n_dims, args.limit))
            rows.append({"method": method, "dimensions": n_dims, **cost})
            print(rows[-1], flush=True)
    print(to_markdown(pd.DataFrame(rows).set_index("method"), "method"))


if __name__ == "__main__":
    main()
