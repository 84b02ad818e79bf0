"""Searches on real local clusters of Dask and Ray, two workers each, against one process.

Each runs in a process of its own: Ray changes joblib's pools for good.
"""

import importlib.util
import subprocess
import sys

import pytest

PROLOGUE = """
import json, os, signal, sys, threading, time, warnings
import joblib, numpy as np
from sklearn.base import BaseEstimator, ClassifierMixin
from sklearn.linear_model import LogisticRegression
from sklearn.datasets import make_classification
from sklearn.model_selection import cross_val_score
import sklearn_bo.broadcast
from sklearn_bo import BayesSearchCV

class Payload:
    def __init__(self, log):
        self.log = log
    def __setstate__(self, state):
        self.__dict__ = state
        with open(self.log, "a") as file:
            file.write(f"{os.getpid()}\\n")

class Jittered(LogisticRegression):
    def __init__(self, C=1.0, payload=None):
        super().__init__(C=C)
        self.payload = payload
    def fit(self, X, y):
        time.sleep(np.random.default_rng().exponential(0.02))
        with open(os.path.join(folder, "fits"), "a") as file:
            file.write(f"{os.getpid()}\\n")
        return super().fit(X, y)

class Bad(ClassifierMixin, BaseEstimator):
    def __init__(self, a=0.5, wrong=None):
        self.a = a
        self.wrong = wrong
    def fit(self, X, y):
        self.classes_ = np.unique(y)
        if self.a == 0.25 and X[0, 0] != 0:
            self.wrong()
        return self
    def score(self, X, y):
        return self.a

def die():
    os.kill(os.getpid(), signal.SIGKILL)

def hang():
    time.sleep(30)

def check(backend, wait_for_workers=lambda: None):
    X, y = make_classification(n_samples=60, n_features=5, random_state=0)
    log = os.path.join(folder, "payload")
    search = BayesSearchCV(
        Jittered(), {"C": (1e-3, 1e3, "log-uniform")},
        n_iter=10, cv=3, lag=2, random_state=0, refit=False,
    )
    tables = []
    for name, n_jobs in (("loky", 1), (backend, 2)):
        with joblib.parallel_config(name, n_jobs=n_jobs):
            search.fit(X, y)
        results = {k: np.ma.asarray(v).tolist() for k, v in search.cv_results_.items()}
        tables.append({k: results[k] for k in results if not k.endswith("_time")})
    assert tables[0] == tables[1]
    fits = open(os.path.join(folder, "fits")).read().split()
    assert fits.count(str(os.getpid())) == 30
    workers = set(fits) - {str(os.getpid())}
    assert len(workers) == 2, workers

    # The data cross to each worker once.
    data = np.empty((40, 2), dtype=object)
    data[:] = 0
    data[:, 0] = np.arange(40)
    data[0, 1] = Payload(log)
    bad = BayesSearchCV(Bad(), {"a": (0.0, 1.0)}, n_iter=8, cv=4, random_state=0, refit=False)
    with joblib.parallel_config(backend, n_jobs=2):
        bad.fit(data, np.arange(40) % 2)
    unpicklings = open(log).read().split()
    assert len(unpicklings) == len(set(unpicklings)) <= 2, unpicklings

    # A worker that dies costs its own fold; so does a fit that hangs, where it can be killed.
    data = np.arange(40.0).reshape(-1, 1)
    for wrong, limit in ((die, None), (hang, 8.0)):
        wait_for_workers()
        bad.set_params(estimator__wrong=wrong, fit_timeout=limit)
        bad.set_params(initial_candidates=[{"a": 0.25}], error_score=-1)
        with warnings.catch_warnings(record=True) as caught:
            warnings.simplefilter("always")
            with joblib.parallel_config(backend, n_jobs=2):
                bad.fit(data, np.arange(40) % 2)
        scores = [[bad.cv_results_[f"split{k}_test_score"][i] for k in range(4)] for i in range(8)]
        expected = [[-1, 0.25, 0.25, 0.25]] + [[max(row)] * 4 for row in scores[1:]]
        n_wrong = np.sum(np.array(scores) != expected)
        # Dask may queue a fold behind the one that hangs, where it is given up too.
        assert n_wrong <= (backend == "dask" and wrong is hang), scores
        assert scores[0][0] == -1
        died = any("A worker process died" in str(warning.message) for warning in caught)
        assert died == (wrong is die)
"""

DASK = """
import dask
from distributed import Client, LocalCluster

if __name__ == "__main__":
    dask.config.set({"distributed.scheduler.allowed-failures": 0})
    # On busy cores a worker takes longer to start anew than a cluster waits by default.
    dask.config.set({"distributed.deploy.lost-worker-timeout": "5 minutes"})
    # Dask soon drops what an idle worker holds and another holds too; it comes back pickled anew.
    dask.config.set({"distributed.scheduler.active-memory-manager.interval": "10ms"})
    folder = sys.argv[1]
    os.environ["FOLDER"] = folder
    cluster = LocalCluster(n_workers=2, threads_per_worker=1, dashboard_address=None)
    with cluster, Client(cluster) as client:
        # A search within a task waits for tasks of its own, on as many workers.
        X, y = make_classification(n_samples=60, n_features=5, random_state=0)
        search = BayesSearchCV(
            LogisticRegression(), {"C": (1e-3, 1e3)}, n_iter=3, cv=2, n_jobs=2, random_state=0
        )
        expected = cross_val_score(search, X, y, cv=2)
        with joblib.parallel_config("dask"):
            assert list(cross_val_score(search, X, y, cv=2, n_jobs=2)) == list(expected)

        # A budget ends the wait for a cluster that has lost its workers.
        search.set_params(estimator=Jittered(), n_iter=1000, time_budget=3, refit=False)
        fits = os.path.join(folder, "fits")

        def lose_workers():
            while not os.path.exists(fits) or os.path.getsize(fits) < 100:  # some 15 fits
                time.sleep(0.02)
            cluster.scale(0)

        losing = threading.Thread(target=lose_workers)
        losing.start()
        with joblib.parallel_config("dask"), warnings.catch_warnings():
            warnings.simplefilter("ignore")
            search.fit(X, y)
        losing.join()
        assert search.n_trials_ and "time budget of 3 s" in search.stop_reason_, search.stop_reason_
        cluster.scale(2)
        client.wait_for_workers(2)
        os.remove(fits)

        check("dask", lambda: client.wait_for_workers(2))

        time.sleep(1)
        kept = client.run(lambda: len(sklearn_bo.broadcast._kept))
        assert set(kept.values()) == {0}, kept

        # A client that is closed leaves what has ended by then.
        second = Client(cluster)

        def close(state):
            if len(state.finished) == 4:
                second.close()
            return False

        search.set_params(n_iter=50, time_budget=None, stopping=close, random_state=0)
        with joblib.parallel_config("dask", client=second), warnings.catch_warnings():
            warnings.simplefilter("ignore")
            search.fit(X, y)
        assert 4 <= search.n_trials_ < 50 and "was closed" in search.stop_reason_
        print("all checked")
else:
    folder = os.environ["FOLDER"]
"""

RAY = """
import ray
from ray.util.joblib import register_ray

if __name__ == "__main__":
    folder = sys.argv[1]
    ray.init(num_cpus=2, include_dashboard=False, log_to_driver=False)
    register_ray()
    check("ray")
    print("all checked")
    ray.shutdown()
"""


@pytest.mark.parametrize(
    ("package", "script"),
    [
        pytest.param(package, script, marks=pytest.mark.skipif(missing, reason=f"no {package}"))
        for package, script in [("distributed", DASK), ("ray", RAY)]
        for missing in [importlib.util.find_spec(package) is None]
    ],
)
def test_a_cluster_runs_the_search_of_one_process(tmp_path, package, script):
    path = tmp_path / f"script_{package}.py"
    path.write_text(PROLOGUE + script)
    done = subprocess.run(
        [sys.executable, str(path), str(tmp_path)], capture_output=True, text=True, timeout=600
    )
    assert "all checked" in done.stdout, done.stdout[-2000:] + done.stderr[-4000:]
