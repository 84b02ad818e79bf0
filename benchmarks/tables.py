"""What is kept on disk between runs: memoised evaluations, random reference draws, emulators."""

import argparse
import hashlib
import json
import math
import os
import pickle
import sqlite3
import time
from dataclasses import replace
from functools import cache
from pathlib import Path

import numpy as np
import sklearn
from sklearn.ensemble import ExtraTreesRegressor

from .spaces import Params
from .tasks import SUITES, TASKS, Task

CACHE = Path(os.environ.get("SKLEARN_BO_BENCHMARKS", Path.home() / ".cache/sklearn_bo_benchmarks"))
N_REFERENCE = 500  # random settings per task
N_FOCUSED = 300  # further settings of an emulator, around the best random ones


# Evaluations ---------------------------------------------------------------------------------


@cache
def _memo(pid: int) -> sqlite3.Connection:
    CACHE.mkdir(parents=True, exist_ok=True)
    connection = sqlite3.connect(CACHE / "evaluations.sqlite", timeout=120, isolation_level=None)
    connection.execute("PRAGMA journal_mode=WAL")
    connection.execute("PRAGMA synchronous=OFF")
    connection.execute("CREATE TABLE IF NOT EXISTS memo (key TEXT PRIMARY KEY, score REAL)")
    return connection


def _memoised(task: Task, params: Params, seed: int | None) -> float:
    """Return the objective, or the truth (no seed), from disk when it was evaluated before."""
    if not task.memoise:
        return task.truth(params) if seed is None else task.objective(params, seed)
    text = f"{sklearn.__version__} {task.name} {task.flat.values(params)!r} {seed}"
    key = hashlib.sha1(text.encode()).hexdigest()
    memo = _memo(os.getpid())
    row = memo.execute("SELECT score FROM memo WHERE key = ?", (key,)).fetchone()
    if row is not None:
        return math.nan if row[0] is None else row[0]
    score = task.truth(params) if seed is None else task.objective(params, seed)
    value = score if math.isfinite(score) else None
    memo.execute("INSERT OR REPLACE INTO memo VALUES (?, ?)", (key, value))
    return score


def observe(task: Task, params: Params, seed: int) -> float:
    """Return what an optimiser is told."""
    return _memoised(task, params, seed if task.noisy else 0)


def truth(task: Task, params: Params) -> float:
    """Return the value without noise, by which an optimiser is judged."""
    return _memoised(task, params, None if task.noisy else 0)


# Reference draws -----------------------------------------------------------------------------


class Reference:
    """Random settings of a task with their scores, sorted by the observed score.

    Any expectation over the best of n random draws is a weighted sum over this sample.
    """

    def __init__(self, observed: np.ndarray, true: np.ndarray) -> None:
        order = np.argsort(np.where(np.isnan(observed), -np.inf, observed), kind="stable")
        self.worst = float(np.nanmin(true))
        self.true = np.where(np.isnan(true), self.worst, true)[order]
        self.best = float(self.true.max())

    def weights(self, n: int) -> np.ndarray:
        """Return the probability of each draw to be the best observed of n."""
        ranks = np.arange(len(self.true) + 1) / len(self.true)
        return np.diff(ranks**n)

    def regret_of_five(self, best: float) -> float:
        """Return the mean regret of the best of five random draws, the unit of the score."""
        return float(self.weights(5) @ (best - self.true))


def _draws(task: Task) -> list[dict[str, float]]:
    rng = np.random.RandomState(0)
    return [task.flat.sample(rng) for _ in range(N_REFERENCE)]


@cache
def reference(name: str) -> Reference:
    """Return the task's reference draws, evaluated on first use (minutes for a slow task)."""
    task = TASKS[name]
    path = CACHE / "reference" / f"{name}.json"
    if not path.exists():
        settings = [task.flat.params(values) for values in _draws(task)]
        observed = [observe(task, params, k) for k, params in enumerate(settings)]
        true = [truth(task, params) for params in settings] if task.noisy else observed
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(json.dumps({"observed": observed, "true": true}))
    table = json.loads(path.read_text())
    return Reference(np.array(table["observed"]), np.array(table["true"]))


# Emulators -----------------------------------------------------------------------------------


def _focused(task: Task, observed: list[float]) -> list[dict[str, float]]:
    """Return perturbations of the best tenth of the random settings."""
    rng = np.random.RandomState(1)
    values = _draws(task)
    top = np.argsort(np.nan_to_num(observed, nan=-np.inf))[-len(values) // 10 :]
    out = []
    for _ in range(N_FOCUSED):
        setting = dict(values[rng.choice(top)])
        for key in setting:
            dimension = task.flat.dimensions[key]
            if dimension.kind == "choice":
                if key != task.flat.SUBSPACE and rng.uniform() < 0.15:
                    setting[key] = dimension.from_unit(rng.uniform())
            elif rng.uniform() < 0.7:
                unit = dimension.to_unit(setting[key]) + 0.12 * rng.standard_normal()
                setting[key] = dimension.from_unit(min(max(unit, 0.0), 1.0))
        out.append(setting)
    return out


@cache
def _emulator(name: str) -> list:
    """Return the trees of a forest that interpolates the evaluated settings."""
    path = CACHE / "emulators" / f"{name}.pickle"
    if not path.exists():
        task = TASKS[name]
        reference(name)
        observed = json.loads((CACHE / "reference" / f"{name}.json").read_text())["observed"]
        focused = _focused(task, observed)
        scores = observed + [observe(task, task.flat.params(values), 0) for values in focused]
        features = [task.flat.features(v) for v in _draws(task) + focused]
        y = np.nan_to_num(scores, nan=np.nanmin(scores))
        forest = ExtraTreesRegressor(60, random_state=0).fit(np.array(features), y)
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_bytes(pickle.dumps([tree.tree_ for tree in forest.estimators_]))
    return pickle.loads(path.read_bytes())


def fast(task: Task) -> Task:
    """Return the task with an emulator in place of a slow objective, for ablations."""
    if not task.slow:
        return task

    def emulate(params: Params, seed: int) -> float:
        row = task.flat.features(task.flat.values(params)).astype(np.float32)[None]
        return float(np.mean([tree.predict(row)[0, 0] for tree in _emulator(task.name)]))

    return replace(task, function=emulate, memoise=False)


# Best known values ---------------------------------------------------------------------------


def best_known(found: dict[str, float]) -> dict[str, float]:
    """Return, for each task, the best true value ever seen on this machine; remember `found`."""
    path = CACHE / "best.json"
    best = json.loads(path.read_text()) if path.exists() else {}
    for name, value in found.items():
        best[name] = max(value, best.get(name, -math.inf), reference(name).best)
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(json.dumps(best, indent=0, sort_keys=True))
    return {name: best[name] for name in found}


def is_ready(name: str) -> bool:
    """Return whether the tables of a task are there (those of a formula take no time)."""
    task = TASKS[name]
    emulated = not task.slow or (CACHE / "emulators" / f"{name}.pickle").exists()
    return not task.memoise or (emulated and (CACHE / "reference" / f"{name}.json").exists())


def main() -> None:
    """Evaluate the reference draws and emulators of a suite, the cheapest first."""
    parser = argparse.ArgumentParser(description=main.__doc__)
    parser.add_argument("suite", nargs="?", default="standard", choices=SUITES)
    suite = SUITES[parser.parse_args().suite]
    for name in sorted(suite, key=lambda name: TASKS[name].slow):
        start = time.time()
        reference(name)
        if TASKS[name].slow:
            _emulator(name)
        print(f"{name}: {time.time() - start:.0f} s", flush=True)


if __name__ == "__main__":
    main()
