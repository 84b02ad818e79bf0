"""Ctrl-C in a search: what was learnt is kept, nothing is left running, a second one leaves."""

import os
import signal
import subprocess
import sys
import time

import pytest
from processes import is_alive, wait_for

SCRIPT = """
import os, sys, time
import joblib, numpy as np
from sklearn.base import BaseEstimator, ClassifierMixin
from sklearn_bo import BayesSearchCV

class Slow(ClassifierMixin, BaseEstimator):
    def __init__(self, a=0.5, log=None):
        self.a = a
        self.log = log
    def fit(self, X, y):
        self.classes_ = np.unique(y)
        with open(self.log, "a") as file:
            file.write(f"{os.getpid()} {len(y)}\\n")
        is_slow = {"long refit": len(y) == 40, "long fits": True}.get(sys.argv[3], False)
        time.sleep(60 if is_slow else 0.2)
        return self
    def score(self, X, y):
        return self.a

if __name__ == "__main__":
    X, y = np.arange(40.0).reshape(-1, 1), np.arange(40) % 2
    search = BayesSearchCV(
        Slow(log=sys.argv[2]), {"a": (0.0, 1.0)}, n_iter=500, cv=2, random_state=0
    )
    backend, _, n_jobs = sys.argv[1].partition("-")
    with joblib.parallel_config(backend, n_jobs=int(n_jobs)):
        search.fit(X, y)
    n = len(search.trials_)
    assert 0 < n < 500
    assert [trial.state for trial in search.trials_] == n * ["complete"]
    assert len(search.cv_results_["params"]) == n
    assert search.best_estimator_.a == search.best_params_["a"]
    assert search.n_trials_ == n
    assert search.stop_reason_.startswith(f"interrupted when {n} of 500"), search.stop_reason_
    print("fitted")
"""


def start(tmp_path, backend, kind, source=SCRIPT):
    script, log = tmp_path / "script.py", tmp_path / "log"
    script.write_text(source)
    log.touch()
    process = subprocess.Popen(
        [sys.executable, "-W", "default", str(script), backend, str(log), kind],
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
        start_new_session=True,
        preexec_fn=lambda: signal.signal(signal.SIGINT, signal.default_int_handler),
    )
    return process, log


def finish(process, log):
    """Return the output, when no worker is left."""
    try:
        out, _ = process.communicate(timeout=30)
    finally:
        if process.poll() is None:
            os.killpg(process.pid, signal.SIGKILL)
    pids = {int(line.split()[0]) for line in log.read_text().splitlines()}
    wait_for(lambda: not any(is_alive(pid) for pid in pids), 5)
    return out


@pytest.mark.skipif(sys.platform == "win32", reason="signals of Unix")
@pytest.mark.parametrize(
    ("backend", "all_processes"),
    [
        ("loky-1", False),
        ("loky-2", True),  # as a terminal does
        ("loky-2", False),
        ("threading-2", False),
        ("multiprocessing-2", False),
    ],
)
def test_interrupt_leaves_the_search_fitted_on_what_has_ended(tmp_path, backend, all_processes):
    process, log = start(tmp_path, backend, "short")
    wait_for(lambda: len(log.read_text().splitlines()) >= 7)
    (os.killpg if all_processes else os.kill)(process.pid, signal.SIGINT)
    out = finish(process, log)
    assert "The search was interrupted when" in out
    assert out.splitlines()[-1] == "fitted"
    assert process.returncode == 0


@pytest.mark.skipif(sys.platform == "win32", reason="signals of Unix")
@pytest.mark.parametrize("backend", ["loky-2", "threading-2"])
def test_second_interrupt_leaves_at_once(tmp_path, backend):
    process, log = start(tmp_path, backend, "long refit")
    wait_for(lambda: len(log.read_text().splitlines()) >= 7)
    os.kill(process.pid, signal.SIGINT)
    wait_for(lambda: " 40\n" in log.read_text())  # the refit
    begin = time.monotonic()
    os.kill(process.pid, signal.SIGINT)
    out = finish(process, log)
    assert time.monotonic() - begin < 10
    assert "KeyboardInterrupt" in out
    assert process.returncode != 0


@pytest.mark.skipif(sys.platform == "win32", reason="signals of Unix")
def test_interrupt_before_anything_has_ended_leaves(tmp_path):
    process, log = start(tmp_path, "loky-2", "long fits")
    wait_for(lambda: log.read_text())
    os.kill(process.pid, signal.SIGINT)
    out = finish(process, log)
    assert "KeyboardInterrupt" in out
    assert process.returncode != 0


NESTED = """
import sys, time
import numpy as np
from sklearn.base import BaseEstimator, ClassifierMixin
from sklearn_bo import BayesSearchCV

class Slow(ClassifierMixin, BaseEstimator):
    def __init__(self, a=0.5, b=0, log=None):
        self.a, self.b, self.log = a, b, log
    def fit(self, X, y):
        self.classes_ = np.unique(y)
        with open(self.log, "a") as file:
            file.write("0 fit\\n")
        time.sleep(0.05)
        return self
    def score(self, X, y):
        return self.a

X, y = np.arange(40.0).reshape(-1, 1), np.arange(40) % 2
inner = BayesSearchCV(Slow(log=sys.argv[2]), {"a": [0.1, 0.3, 0.5, 0.7, 0.9]}, n_iter=5, cv=2)
search = BayesSearchCV(
    inner,
    {"estimator__b": [0, 1, 2]},
    n_iter=3,
    cv=2,
    refit=False,
    random_state=0,
    journal=sys.argv[2] + ".journal",
)
search.fit(X, y)
assert search.n_trials_ == 1
assert search.fit(X, y).n_trials_ == 3
assert set(search.cv_results_["split0_test_score"]) == {0.9}
print("fitted")
"""


@pytest.mark.skipif(sys.platform == "win32", reason="signals of Unix")
def test_interrupt_within_a_search_within_a_search_leaves_no_score_of_half_a_search(tmp_path):
    process, log = start(tmp_path, "-", "-", NESTED)
    wait_for(lambda: len(log.read_text().splitlines()) >= 25)  # the second candidate's
    os.kill(process.pid, signal.SIGINT)
    out, _ = process.communicate(timeout=30)
    assert out.count("The search was interrupted when 1 of 3") == 1, out
    assert out.splitlines()[-1] == "fitted"
