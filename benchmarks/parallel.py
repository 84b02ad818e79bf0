"""How busy the workers are: `python -m benchmarks.parallel`.

Folds that sleep, on real threads. Their times are lognormal with sigma 1: between candidates,
whose folds then differ by sigma 0.1, or (`--differ folds`) between single folds. Each proposal
sleeps for a fraction of the mean fold. Utilisation = busy time / (workers x wall time), the end of
the search, where fewer folds than workers are left, included.
"""

import argparse
import time

import joblib
import numpy as np
from sklearn.base import BaseEstimator

from sklearn_bo import Optimizer
from sklearn_bo._sklearn import init_callback_context
from sklearn_bo.evaluation import evaluate_trials

N_SPLITS = 5


def fold_times(random, n_candidates, differ="candidates"):
    """Draw times of mean 1, array of shape (n_candidates, N_SPLITS)."""
    if differ == "folds":
        return random.lognormal(-0.5, 1.0, (n_candidates, N_SPLITS))
    candidates = random.lognormal(-0.5, 1.0, (n_candidates, 1))
    return candidates * random.lognormal(-0.005, 0.1, (n_candidates, N_SPLITS))


class Random(Optimizer):
    """Proposes at random, and takes its time."""

    def __init__(self, seconds):
        super().__init__({"x": (0.0, 1.0)}, random_state=0, n_initial_points=10**6)
        self.seconds = seconds
        self.unfinished = []

    def ask(self, n=None):
        self.unfinished.append(len(self.trials.pending))
        time.sleep(self.seconds)
        return self._append({"x": 1 / (1 + len(self.trials))}, "model")


class Sleep:
    """Stands for a cross-validation: folds that sleep."""

    estimator = None
    splits = (None,) * N_SPLITS

    def __init__(self, seconds):
        self.seconds = seconds
        self.n_candidates = len(seconds)

    def evaluate(self, params, number, split, callbacks):
        time.sleep(self.seconds[number, split])
        return {"score": 0.0}


def asynchronous(optimizer, sleep, n_workers, lag=None):
    """Evaluate as BayesSearchCV does."""
    with joblib.parallel_config("threading", n_jobs=n_workers):
        context = init_callback_context(BaseEstimator(), max_subtasks=1)
        for _ in evaluate_trials(
            optimizer, sleep, lambda folds: 0.0, lag=lag, search_context=context
        ):
            pass


def rounds(optimizer, sleep, n_workers, size):
    """Ask for `size` candidates, evaluate them all, and so on."""
    with joblib.Parallel(n_workers, backend="threading", batch_size=1) as parallel:
        for start in range(0, sleep.n_candidates, size):
            trials = [optimizer.ask() for _ in range(start, min(start + size, sleep.n_candidates))]
            parallel(
                joblib.delayed(sleep.evaluate)({}, trial.number, split, None)
                for trial in trials
                for split in range(N_SPLITS)
            )
            for trial in trials:
                optimizer.tell(trial, 0.0)


def main() -> None:
    """Run the command line."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--workers", type=int, default=8)
    parser.add_argument("--candidates", type=int, default=150)
    parser.add_argument("--fold", type=float, default=0.1, help="mean seconds of a fold")
    parser.add_argument("--ask", type=float, default=0.05, help="of a proposal, in mean folds")
    parser.add_argument("--seeds", type=int, default=1)
    parser.add_argument("--differ", choices=["candidates", "folds"], default="candidates")
    args = parser.parse_args()
    k = args.workers
    designs = {
        "one candidate at a time": lambda *a: rounds(*a, 1),
        f"rounds of {k}": lambda *a: rounds(*a, k),
        "asynchronous": asynchronous,
        f"asynchronous, lag={k}": lambda *a: asynchronous(*a, lag=k),
    }
    print("| design | utilisation | unfinished candidates at a proposal |\n|---|---|---|")
    for name, design in designs.items():
        results = []
        for seed in range(args.seeds):
            seconds = fold_times(np.random.RandomState(seed), args.candidates, args.differ)
            sleep, optimizer = Sleep(args.fold * seconds), Random(args.ask * args.fold)
            start = time.perf_counter()
            design(optimizer, sleep, k)
            wall = time.perf_counter() - start
            results.append((sleep.seconds.sum() / (k * wall), np.mean(optimizer.unfinished)))
        utilisation, unfinished = np.mean(results, axis=0)
        print(f"| {name} | {utilisation:.3f} | {unfinished:.1f} |", flush=True)


if __name__ == "__main__":
    main()
