"""Coverage of the 80 % interval on held-out trials: `python -m benchmarks.calibration`.

After 20 and 50 evaluations the model predicts 200 random settings it has not seen, and, one step
ahead, each of its own proposals before its score is told.
"""

import argparse
import math

import numpy as np
import pandas as pd

from . import peers, report, runs, tables
from .tasks import GROUPS, SUITES, TASKS

Z80 = 1.2816  # half of a standard normal's 80 % interval
N_HELD_OUT = 200
FIRST = 15  # evaluations before the first one-step-ahead prediction
CHECKPOINTS = (20, 50)


def _covered(mean: np.ndarray, std: np.ndarray, scores: np.ndarray) -> float:
    return float(np.mean(np.abs(scores - mean) <= Z80 * std))


def measure(name: str, seed: int) -> dict:
    """Return the coverage on one task and seed."""
    task = tables.fast(TASKS[name])
    optimizer = peers.sklearn_bo(task.space, seed)
    rng = np.random.RandomState(10_000 + seed)
    held_out = [task.flat.params(task.flat.sample(rng)) for _ in range(N_HELD_OUT)]
    scores = np.array(
        [tables.observe(task, params, 50_000 + k) for k, params in enumerate(held_out)]
    )
    succeeded = np.isfinite(scores)
    settings = [params for params, ok in zip(held_out, succeeded, strict=True) if ok]
    out: dict[str, float] = {}
    ahead = []
    for n in range(1, CHECKPOINTS[-1] + 1):
        trial = optimizer.ask()
        score = tables.observe(task, trial.params, (seed * 100_003 + n) % 2**31)
        if n > FIRST and math.isfinite(score):
            mean, std = optimizer.predict(trial.params)
            ahead.append(abs(score - mean) <= Z80 * std)
        optimizer.tell(trial, score)
        if n in CHECKPOINTS:
            out[f"random settings, after {n}"] = _covered(
                *optimizer.predict(settings), scores[succeeded]
            )
    return out | {"own proposals": float(np.mean(ahead))}


def main() -> None:
    """Run the command line."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--suite", default="standard", choices=SUITES)
    parser.add_argument("--seeds", type=int, default=2)
    parser.add_argument("--jobs", type=int, default=2)
    args = parser.parse_args()
    keys = [(name, seed) for seed in range(args.seeds) for name in SUITES[args.suite]]
    rows = []
    for (name, seed), outcome in runs.parallel(lambda key: measure(*key), keys, args.jobs):
        if "error" in outcome:
            print(f"{name}, seed {seed}:\n{outcome['error']}")
        else:
            rows.append({"task": name, "group": TASKS[name].group, **outcome})
    frame = 100 * pd.DataFrame(rows).set_index(["group", "task"])
    groups = frame.groupby(level="group").mean().reindex([g for g in GROUPS if g in frame.index])
    groups.loc["all"] = frame.mean()
    print(frame.groupby(level=["group", "task"]).mean().round(0).to_string())
    print("\n% of scores inside the 80 % interval\n")
    print(report.to_markdown(groups.round(0), "group"))


if __name__ == "__main__":
    main()
