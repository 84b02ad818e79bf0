"""One run of one method on one task, runs in parallel, and their records as JSON lines."""

import json
import math
import multiprocessing
import sys
import time
import traceback
from collections.abc import Callable, Iterable, Iterator
from pathlib import Path
from typing import Any

from . import tables
from .tasks import TASKS, Task

Factory = Callable[[Any, int], Any]  # (space, seed) -> an object with ask(n) and tell(trial, score)


def run(
    task: Task, optimizer: Any, seed: int, n: int, pending: int = 1, rounds: bool = True
) -> dict:
    """Search a task and return what was reached.

    Parameters
    ----------
    task : Task
    optimizer : object with ask(n) and tell(trial, score)
    seed : int
        Of the noise; the optimiser has its own.
    n : int
        Evaluations.
    pending : int, default=1
        Trials in flight.
    rounds : bool, default=True
        Whether pending trials end together; otherwise the oldest ends first, and is replaced.

    Returns
    -------
    dict
        `values`: after each evaluation the true value of the trial with the best observed score
        (None until one succeeds); `seconds`: of ask and tell for each evaluation; `failed`: count.
    """
    values: list[float | None] = []
    seconds: list[float] = []
    queue: list[Any] = []
    best_score, best_value, failed = -math.inf, None, 0
    while len(values) < n:
        room = min(pending - len(queue), n - len(values) - len(queue))
        if room and (not rounds or not queue):
            start = time.perf_counter()
            try:
                trials = optimizer.ask(room)
            except RuntimeError as error:
                if type(error).__name__ != "SpaceExhaustedError":
                    raise
                values.extend(values[-1:] * (n - len(values)))
                break
            queue.extend(trials)
            seconds.extend([(time.perf_counter() - start) / room] * room)
        trial = queue.pop(0)
        score = tables.observe(task, trial.params, (seed * 100_003 + len(values)) % 2**31)
        start = time.perf_counter()
        optimizer.tell(trial, score)
        seconds[len(values)] += time.perf_counter() - start
        failed += math.isnan(score)
        if score > best_score:
            best_score, best_value = score, tables.truth(task, trial.params)
        values.append(best_value)
    return {"values": values, "seconds": [round(s, 5) for s in seconds], "failed": failed}


_JOB: Callable[[Any], dict]


def _guarded(key: Any) -> tuple[Any, dict]:
    try:
        return key, _JOB(key)
    except Exception:
        return key, {"error": traceback.format_exc()}


def parallel(
    job: Callable[[Any], dict], keys: list[Any], n_jobs: int, isolate: bool = False
) -> Iterator[tuple[Any, dict]]:
    """Yield (key, job(key)) as they end; `isolate` forks a fresh process for each."""
    global _JOB
    _JOB = job
    context = multiprocessing.get_context("fork")
    with context.Pool(n_jobs, maxtasksperchild=1 if isolate else None) as pool:
        yield from pool.imap_unordered(_guarded, keys, chunksize=1)


def load(paths: Iterable[Path]) -> list[dict]:
    """Return the records of files of JSON lines; of equal runs the last, and no failed ones."""
    records: dict[tuple, dict] = {}
    for path in paths:
        if path.exists():
            for line in path.read_text().splitlines():
                record = json.loads(line)
                records[record["method"], record["task"], record["seed"]] = record
    return [record for record in records.values() if "error" not in record]


def search(
    factories: dict[str, Factory],
    names: list[str],
    seeds: Iterable[int],
    n: int,
    path: Path,
    n_jobs: int = 2,
    emulated: bool = False,
    isolate: bool = False,
    pending: int = 1,
    rounds: bool = True,
) -> list[dict]:
    """Run every method on every task and seed that the file lacks; return its records."""
    done = {(r["method"], r["task"], r["seed"]) for r in load([path]) if len(r["values"]) >= n}
    keys = [
        key
        for seed in seeds
        for task in names
        for method in factories
        if (key := (method, task, seed)) not in done
    ]
    tasks = {name: tables.fast(TASKS[name]) if emulated else TASKS[name] for name in names}

    def job(key: tuple[str, str, int]) -> dict:
        method, name, seed = key
        return run(
            tasks[name], factories[method](tasks[name].space, seed), seed, n, pending, rounds
        )

    path.parent.mkdir(parents=True, exist_ok=True)
    start = spoken = time.time()
    failures = 0
    with path.open("a") as file:
        for count, (key, outcome) in enumerate(parallel(job, keys, n_jobs, isolate), 1):
            method, name, seed = key
            record = {"method": method, "task": name, "seed": seed, **outcome}
            file.write(json.dumps(record) + "\n")
            file.flush()
            if "error" in outcome:
                failures += 1
                print(f"\n{method} on {name}, seed {seed}:\n{outcome['error']}", flush=True)
            if time.time() > spoken + 20:
                spoken = time.time()
                left = (spoken - start) / count * (len(keys) - count)
                print(f"{count}/{len(keys)} runs, {left:.0f} s left", file=sys.stderr, flush=True)
    print(f"{len(keys)} runs in {time.time() - start:.0f} s, {failures} failed")
    return load([path])
