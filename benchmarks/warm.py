"""What 30 random trials of an earlier search are worth: `python -m benchmarks.warm`.

cold          no earlier trials
same          of the same task
other metric  of the same task: ranks with an error of a fifth of their range, bent, another unit
other data    of the same estimator on other data (Bayesmark's tasks alone)
shuffled      of the same task, scores in any order
mirrored      of the same task, at the mirror image of the setting: as wrong as a smooth source gets
"""

import argparse
import math
from functools import partial
from pathlib import Path
from typing import Any

import numpy as np

from sklearn_bo import Optimizer

from . import report, runs, scores, tables
from .spaces import Params, Space
from .tasks import TASKS, Task

N_LEARNED = 30
BUDGETS = (3, 5, 10, 15, 25)
OTHER_DATA = {
    "SVM-diabetes-mse": "SVM-digits-acc",
    "SVM-wine-acc": "SVM-digits-acc",
    "DT-diabetes-mse": "DT-breast-nll",
    "DT-digits-acc": "DT-breast-nll",
    "RF-wine-nll": "RF-digits-acc",
    "MLP-adam-iris-nll": "MLP-adam-digits-acc",
}
OTHERS = [
    "branin", "hartmann6", "rosenbrock4", "ackley5", "elastic-sparse", "neighbours-wine",
    "svc-grid-breast", "forest-holdout-diabetes",
]  # fmt: skip
SOURCES = ("cold", "same", "other metric", "other data", "shuffled", "mirrored")


def mirrored(task: Task, params: Params) -> Params:
    """Return the setting at the other end of every dimension."""
    values = {
        key: task.flat.dimensions[key].from_unit(1 - task.flat.dimensions[key].to_unit(value))
        for key, value in task.flat.values(params).items()
    }
    return task.flat.params(values)


def source(kind: str, task: Task, seed: int) -> tuple[list[Params], list[float]]:
    """Return settings and scores of an earlier search."""
    rng = np.random.RandomState(10_000 + seed)
    settings = [task.flat.params(task.flat.sample(rng)) for _ in range(N_LEARNED)]
    scored = tables.fast(TASKS[OTHER_DATA[task.name]]) if kind == "other data" else task
    where = [mirrored(task, params) for params in settings] if kind == "mirrored" else settings
    observed = np.array([tables.observe(scored, p, seed * 997 + k) for k, p in enumerate(where)])
    if kind == "shuffled":
        rng.shuffle(observed)
    elif kind == "other metric":
        ranks = np.argsort(np.argsort(np.nan_to_num(observed, nan=-math.inf)))
        observed = -1e3 * (1.2 - (ranks + rng.normal(0, N_LEARNED / 5, N_LEARNED)) / N_LEARNED) ** 2
    return settings, observed.tolist()


def make(space: Space, seed: int, kind: str, task: Task) -> Any:
    """Return the optimiser that has learned from a source."""
    optimizer = Optimizer(space, random_state=seed)
    if kind != "cold":
        optimizer.learn(*source(kind, task, seed))
    return optimizer


def main() -> None:
    """Run the command line."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--seeds", type=int, default=5)
    parser.add_argument("--jobs", type=int, default=2)
    parser.add_argument("--out", type=Path, default=Path("benchmarks/results/warm.jsonl"))
    args = parser.parse_args()
    for name in [*OTHER_DATA, *OTHERS]:
        kinds = [kind for kind in SOURCES if kind != "other data" or name in OTHER_DATA]
        task = tables.fast(TASKS[name])
        factories = {kind: partial(make, kind=kind, task=task) for kind in kinds}
        runs.search(factories, [name], range(args.seeds), BUDGETS[-1], args.out, args.jobs, True)
    records = runs.load([args.out])
    table = scores.table(records, BUDGETS)
    print(report.to_markdown(report.of_methods(table, "n"), "earlier trials"))
    paired = table[table.task.isin(list(OTHER_DATA))]
    print("\nof the tasks that have other data")
    print(report.to_markdown(report.of_methods(paired, "n"), "earlier trials"))


if __name__ == "__main__":
    main()
