"""What a search costs beside its fits: `python -m benchmarks.overhead`.

Real fits, on real workers; the same candidates by GridSearchCV, which has them all from the
start, in turn with BayesSearchCV, on

- fits that spin for 1 ms, with proposals that are for free: what it costs to hand a fold over;
- the same with the engine's proposals, whose share is printed;
- a logistic regression, of about 0.1 s a fit.

Medians over repetitions, of milliseconds per fit and of ratios (of wall time; and of CPU time, that
of the workers included, which other work on the machine disturbs less; Linux only).
"""

import argparse
import contextlib
import os
import time
import warnings
from pathlib import Path

import joblib
import numpy as np
from sklearn.base import BaseEstimator, ClassifierMixin
from sklearn.datasets import make_classification
from sklearn.exceptions import ConvergenceWarning
from sklearn.linear_model import LogisticRegression
from sklearn.model_selection import GridSearchCV

from sklearn_bo import BayesSearchCV, Optimizer

N_SPLITS = 5


class Spin(ClassifierMixin, BaseEstimator):
    """Fits for a millisecond."""

    def __init__(self, a=0.5):
        self.a = a

    def fit(self, X, y):
        self.classes_ = np.array([0, 1])
        stop = time.perf_counter() + 0.001
        while time.perf_counter() < stop:
            pass
        return self

    def score(self, X, y):
        return -((self.a - 0.3) ** 2)


class Proposals:
    """Replaces `Optimizer.ask`: notes its seconds, or draws at random."""

    def __init__(self, free):
        self.free, self.seconds, self.engine = free, 0.0, Optimizer.ask

    def __enter__(self):
        random = np.random.RandomState(0)

        def ask(optimizer):
            start = time.perf_counter()
            if self.free:
                z = optimizer.space.sample(1, random, [0])[0]
                trial = optimizer.restore(optimizer.space.decode(z), "model")
            else:
                trial = self.engine(optimizer)
            self.seconds += time.perf_counter() - start
            return trial

        Optimizer.ask = ask
        return self

    def __exit__(self, *_):
        Optimizer.ask = self.engine


def cpu_seconds():
    """CPU time of this process and of all that it started; NaN where it cannot be known."""
    if not Path("/proc/self/stat").exists():
        return np.nan
    parents, seconds = {}, {}
    for path in Path("/proc").glob("[0-9]*/stat"):
        with contextlib.suppress(OSError):
            fields = path.read_text().rpartition(")")[2].split()
            parents[int(path.parent.name)] = int(fields[1])
            seconds[int(path.parent.name)] = int(fields[11]) + int(fields[12])
    family, size = {os.getpid()}, 0
    while size < len(family):
        size = len(family)
        family |= {pid for pid, parent in parents.items() if parent in family}
    return sum(seconds[pid] for pid in family) / os.sysconf("SC_CLK_TCK")


def timed(search, X, y):
    """Fit; return wall and CPU seconds."""
    start, cpu = time.perf_counter(), cpu_seconds()
    search.fit(X, y)
    return time.perf_counter() - start, cpu_seconds() - cpu


def compare(estimator, space, X, y, n_iter, free):
    """Return ms per fit of both, of a proposal's share; CPU of both."""
    options = {"cv": N_SPLITS, "refit": False}
    bayes = BayesSearchCV(estimator, space, n_iter=n_iter, random_state=0, **options)
    with Proposals(free) as proposals:
        ours = timed(bayes, X, y)
    settings = [{k: [v] for k, v in params.items()} for params in bayes.cv_results_["params"]]
    theirs = timed(GridSearchCV(estimator, settings, **options), X, y)
    times = [theirs[0], ours[0], proposals.seconds, theirs[1], ours[1]]
    return 1000 * np.array(times) / (N_SPLITS * n_iter)


@contextlib.contextmanager
def workers(backend, n_jobs):
    """Run with these workers; of Dask and Ray, a local cluster."""
    with contextlib.ExitStack() as stack:
        if backend == "dask":
            from distributed import Client, LocalCluster

            cluster = LocalCluster(n_workers=n_jobs, threads_per_worker=1, dashboard_address=None)
            stack.enter_context(cluster)
            stack.enter_context(Client(cluster))
        elif backend == "ray":
            import ray
            from ray.util.joblib import register_ray

            ray.init(num_cpus=n_jobs, include_dashboard=False, log_to_driver=False)
            stack.callback(ray.shutdown)
            register_ray()
        stack.enter_context(joblib.parallel_config(backend, n_jobs=n_jobs))
        yield


def main() -> None:
    """Run the command line."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--backend", default="loky", help="of joblib; dask and ray among them")
    parser.add_argument("--jobs", type=int, default=2)
    parser.add_argument("--repetitions", type=int, default=5)
    parser.add_argument("--only", help="what a row's name must contain", default="")
    args = parser.parse_args()
    warnings.simplefilter("ignore", ConvergenceWarning)
    small = np.ones((1000, 10)), np.arange(1000) % 2
    large = make_classification(60_000, 30, n_informative=10, random_state=0)
    spin, logistic = {"a": (0.0, 1.0)}, {"C": (1e-4, 1e4, "log-uniform")}
    slow = LogisticRegression(tol=1e-12, max_iter=100)
    jobs = {
        "1 ms, proposals for free": (Spin(), spin, *small, 100, True),
        "1 ms": (Spin(), spin, *small, 50, False),
        "logistic regression": (slow, logistic, *large, 40, False),
    }
    print("ms per fit | GridSearchCV | BayesSearchCV | of it proposals | ratio | CPU | CPU | ratio")
    print("|".join(["---"] * 8))
    with workers(args.backend, args.jobs):
        for name, (estimator, space, X, y, n_iter, free) in jobs.items():
            if args.only not in name:
                continue
            compare(estimator, space, X, y, 5, free)  # workers start, and import
            rows = [compare(estimator, space, X, y, n_iter, free) for _ in range(args.repetitions)]
            grid, bayes, asked, grid_cpu, bayes_cpu = np.median(rows, axis=0)
            ratios = np.array(rows)[:, [1, 4]] / np.array(rows)[:, [0, 3]]
            wall, cpu = np.median(ratios, axis=0)
            print(
                f"{name} | {grid:.2f} | {bayes:.2f} | {asked:.2f} | {wall:.3f} "
                f"| {grid_cpu:.2f} | {bayes_cpu:.2f} | {cpu:.3f}",
                flush=True,
            )


if __name__ == "__main__":
    main()
