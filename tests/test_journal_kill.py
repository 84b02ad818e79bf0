"""Searches killed at any moment, again and again, end as one that was never interrupted.

Run as a script, this file imports all it needs once and forks the searches to kill.
"""

import itertools
import json
import multiprocessing
import os
import random
import signal
import subprocess
import sys
import time
import warnings
from contextlib import suppress
from pathlib import Path

import joblib
import numpy as np
import pytest
from sklearn.base import BaseEstimator, ClassifierMixin

from sklearn_bo import BayesSearchCV
from sklearn_bo.journal import Journal

N_ITER, N_SPLITS = 14, 3
X, y = np.arange(30.0).reshape(-1, 1), np.arange(30) % 2
SPACE = {"a": (0.0, 1.0), "b": (1, 50, "log-uniform"), "c": [(1, 2), None, "x"]}


class Logged(ClassifierMixin, BaseEstimator):
    """Notes each fit as it begins, before a moment in which it may be killed."""

    def __init__(self, a=0.5, b=3, c=None, log=None):
        self.a = a
        self.b = b
        self.c = c
        self.log = log

    def fit(self, X, y):
        if self.log is not None:
            with open(self.log, "a") as file:
                file.write(f"{fold_name(int(X[0, 0]), self.a, self.b, self.c)}\n")
            time.sleep(0.004)
        self.classes_ = np.unique(y)
        self.shift_ = 0.01 * X[0, 0]
        return self

    def score(self, X, y):
        return self.shift_ - (self.a - 0.6) ** 2 - 0.01 * self.b + 0.1 * (self.c is None)


def fold_name(split, a, b, c):
    return f"{split} {a!r} {b!r} {c!r}"


SPLITS = [(np.arange(k, 15 + k), np.arange(20, 30)) for k in range(N_SPLITS)]


def search_for(lag, journal=None, log=None):
    return BayesSearchCV(
        Logged(log=log),
        SPACE,
        n_iter=N_ITER,
        cv=SPLITS,
        lag=lag,
        journal=journal,
        random_state=0,
        refit=False,
    )


def outcome(search):
    return repr(
        (
            {k: v.tolist() for k, v in search.cv_results_.items() if k.startswith("split")},
            search.cv_results_["params"],
            [(trial.origin, trial.z.tolist(), trial.score) for trial in search.trials_],
        )
    )


def finished_folds(journal):
    """Return the names of the folds whose whole lines are in a journal."""
    candidates, folds = [], []
    if journal.exists():
        for line in journal.read_bytes().split(b"\n")[:-1]:
            record = json.loads(line)
            if record.get("line") == "candidate":
                c = record["params"]["c"]
                c = SPACE["c"][c["choice"]] if isinstance(c, dict) else c
                candidates.append((record["params"]["a"], record["params"]["b"], c))
            elif record.get("line") == "fold":
                folds.append(fold_name(record["split"], *candidates[record["number"]]))
    return folds


def run(lag, backend, journal, log, out):
    os.setsid()  # workers that outlive their search are in its group
    name, _, n_jobs = backend.partition("-")
    warnings.simplefilter("ignore")  # of torn lines
    with joblib.parallel_config(name, n_jobs=int(n_jobs)):
        search = search_for(lag, journal, str(log)).fit(X, y)
    unfinished = out.with_suffix(".part")
    unfinished.write_text(outcome(search))
    unfinished.replace(out)  # it may be killed while it writes
    os._exit(0)  # loky's threads wait for the end of the main process


def is_locked(journal):
    try:
        Journal(journal).close()
    except BlockingIOError:
        return True
    return False


def kill_until_done(folder, lag, backend, rng, n_max):
    """Kill a search until it is done; return how often it was killed, and what it found."""
    journal, log, out = folder / "journal.jsonl", folder / "log", folder / "out"
    log.touch()
    journal.touch()
    n_kills, mean_delay = 0, 0.05
    while not out.exists():
        assert n_kills <= n_max, "it fails by itself"
        before, finished = journal.read_bytes(), finished_folds(journal)
        n_logged = len(log.read_text().splitlines())
        process = FORK.Process(target=run, args=(lag, backend, journal, log, out))
        process.start()
        if backend != "threading-1":  # let its workers start
            while process.is_alive() and len(finished_folds(journal)) == len(finished):
                time.sleep(0.01)
        process.join(rng.uniform(0, 2 * mean_delay) if n_kills < n_max else None)
        if journal.stat().st_size > len(before) and process.is_alive():  # it writes
            locked, ended = is_locked(journal), not process.is_alive()
            assert locked or ended or len(finished_folds(journal)) == N_ITER * N_SPLITS
        process.kill()
        process.join()
        assert not is_locked(journal), "although its process is dead"
        with suppress(ProcessLookupError):
            os.killpg(process.pid, signal.SIGKILL)
        after, fitted = journal.read_bytes(), log.read_text().splitlines()[n_logged:]
        assert after.startswith(before[: before.rfind(b"\n") + 1]), "something was lost"
        assert not set(fitted) & set(finished), "a finished fold was fitted again"
        folds = finished_folds(journal)
        assert len(folds) == len(set(folds)), "a fold was fitted twice"
        if backend == "threading-1":
            assert set(fitted[:-1]) <= set(folds), "a fold had ended and was not kept"
        n_kills += not out.exists()
        if len(folds) == len(finished):  # a slow machine
            mean_delay *= 1.2
    assert len(finished_folds(journal)) == N_ITER * N_SPLITS
    return n_kills, out.read_text()


def main(backend, lag, n_kills, folder):
    lag = int(lag) or None
    expected = outcome(search_for(lag).fit(X, y))
    moments, rng = 0, random.Random(0)
    for attempt in itertools.count():
        subfolder = Path(folder, str(attempt))
        subfolder.mkdir()
        kills, found = kill_until_done(subfolder, lag, backend, rng, int(n_kills))
        assert found == expected
        moments += kills
        if moments >= int(n_kills):
            print(f"survived {moments} kills")
            return


@pytest.mark.skipif(sys.platform == "win32", reason="forks and signals of Unix")
@pytest.mark.parametrize(
    ("backend", "lag", "n_kills"),
    [("threading-1", 0, 25), ("threading-1", 3, 5), ("multiprocessing-2", 2, 2), ("loky-2", 2, 1)],
)
def test_a_search_that_is_killed_at_any_moment_resumes(tmp_path, backend, lag, n_kills):
    process = subprocess.run(
        [sys.executable, __file__, backend, str(lag), str(n_kills), str(tmp_path)],
        env={**os.environ, "PYTHONPATH": os.pathsep.join(filter(None, sys.path))},
        stdout=subprocess.PIPE,
        text=True,
        timeout=300,
        check=True,
    )
    assert "survived" in process.stdout


if __name__ == "__main__":
    FORK = multiprocessing.get_context("fork")
    main(*sys.argv[1:])
