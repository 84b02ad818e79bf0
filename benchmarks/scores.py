"""From records to scores: 100 x (1 - regret / mean regret of the best of 5 random draws), >= 0."""

from collections.abc import Iterable

import numpy as np
import pandas as pd

from . import tables
from .tasks import TASKS

BUDGETS = (10, 20, 30, 50, 100)


class Scorer:
    """Scores of true values on each task, against the best value known."""

    def __init__(self, records: list[dict]) -> None:
        found: dict[str, float] = {}
        for record in records:
            values = [v for v in record["values"] if v is not None]
            found[record["task"]] = max([found.get(record["task"], -np.inf), *values])
        self.best = tables.best_known(found)
        self.unit = {
            name: max(tables.reference(name).regret_of_five(best), 1e-300)
            for name, best in self.best.items()
        }

    def score(self, name: str, values: Iterable[float | None]) -> np.ndarray:
        """Return the scores of true values (None: no trial has succeeded, the worst draw)."""
        worst = tables.reference(name).worst
        filled = np.array([worst if v is None else v for v in values], dtype=float)
        return 100 * np.clip(1 - (self.best[name] - filled) / self.unit[name], 0, None)

    def random(self, name: str, n: int) -> float:
        """Return the expected score of n random draws."""
        reference = tables.reference(name)
        return float(reference.weights(n) @ self.score(name, reference.true))


def table(records: list[dict], budgets: Iterable[int] = BUDGETS) -> pd.DataFrame:
    """Return one row per run and budget: method, task, group, seed, n, score."""
    scorer = Scorer(records)
    rows = []
    for record in records:
        scores = scorer.score(record["task"], record["values"])
        for n in budgets:
            if n <= len(scores):
                rows.append(
                    {
                        "method": record["method"],
                        "task": record["task"],
                        "group": TASKS[record["task"]].group,
                        "seed": record["seed"],
                        "n": n,
                        "score": scores[n - 1],
                    }
                )
    return pd.DataFrame(rows)


def random_table(names: Iterable[str], records: list[dict], budgets: Iterable[int]) -> pd.DataFrame:
    """Return the expected score of random search: one row per task and budget."""
    scorer = Scorer(records)
    return pd.DataFrame(
        [
            {"task": name, "group": TASKS[name].group, "n": n, "score": scorer.random(name, n)}
            for name in names
            for n in budgets
        ]
    )
