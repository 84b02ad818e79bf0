"""Whole searches beside each other, on the task of the comparison example: the README's figures.

    MPLBACKEND=Agg OMP_NUM_THREADS=1 python -m benchmarks.searches 24

for 24 splits. Needs what the example needs, and scikit-optimize, optuna and optuna-integration.
"""

import math
import sys
import time
from pathlib import Path

import optuna
import pandas as pd
import skopt
from optuna.distributions import CategoricalDistribution, FloatDistribution, IntDistribution
from optuna_integration import OptunaSearchCV
from sklearn.base import BaseEstimator, TransformerMixin, clone

from sklearn_bo import Optimizer

sys.path.insert(0, str(Path(__file__).parents[1] / "examples"))
import plot_compare_searches as example

optuna.logging.set_verbosity(optuna.logging.WARNING)


class Scaler(TransformerMixin, BaseEstimator):
    """One of the example's scalers by its index: Optuna cannot choose among estimators."""

    def __init__(self, index=0):
        self.index = index

    def fit(self, X, y=None):
        """Fit the scaler of this index."""
        self.scaler_ = clone(example.scalers[self.index]).fit(X)
        return self

    def transform(self, X):
        """Scale by it."""
        return self.scaler_.transform(X)


OPTUNA_SPACE = {
    "scale__index": CategoricalDistribution([0, 1]),
    "splines__n_knots": IntDistribution(2, 12),
    "splines__degree": IntDistribution(1, 3),
    "model__C": FloatDistribution(1e-3, 1e3, log=True),
}
SKOPT_SPACE = {
    "scale": skopt.space.Categorical(example.scalers),
    "splines__n_knots": (2, 12),
    "splines__degree": (1, 3),
    "model__C": (1e-3, 1e3, "log-uniform"),
}


def make_peers(seed):
    """Return the searches of the peers, as the example sets up its own."""
    bayesian = example.make_searches(seed)["Bayesian"].get_params(deep=False)
    shared = {name: bayesian[name] for name in ("scoring", "cv", "n_jobs", "random_state")}
    n = example.N_EVALUATIONS
    pipeline = clone(example.pipeline).set_params(scale=Scaler())
    return {
        "scikit-optimize": skopt.BayesSearchCV(example.pipeline, SKOPT_SPACE, n_iter=n, **shared),
        "Optuna": OptunaSearchCV(pipeline, OPTUNA_SPACE, n_trials=n, **shared),
    }


def score(scaler, n_knots, degree, C):
    """Return a smooth score, which takes no time."""
    return 0.1 * scaler - ((n_knots - 5) / 10) ** 2 - (degree - 2) ** 2 / 9 - math.log10(C) ** 2 / 9


def loop_sklearn_bo(seed):
    """Optimise the score with sklearn_bo."""
    space = {"s": [0, 1], "n": (2, 12), "d": (1, 3), "C": (1e-3, 1e3, "log-uniform")}
    optimizer = Optimizer(space, random_state=seed)
    for _ in range(example.N_EVALUATIONS):
        trial = optimizer.ask()
        optimizer.tell(trial, score(*trial.params.values()))


def loop_skopt(seed):
    """Optimise the score with scikit-optimize."""
    optimizer = skopt.Optimizer(
        [[0, 1], (2, 12), (1, 3), (1e-3, 1e3, "log-uniform")], "GP", random_state=seed
    )
    for _ in range(example.N_EVALUATIONS):
        x = optimizer.ask()
        optimizer.tell(x, -score(*x))


def loop_optuna(seed):
    """Optimise the score with Optuna's default sampler."""
    study = optuna.create_study(direction="maximize", sampler=optuna.samplers.TPESampler(seed=seed))
    for _ in range(example.N_EVALUATIONS):
        trial = study.ask(OPTUNA_SPACE)
        study.tell(trial, score(*trial.params.values()))


rows = [row for seed in range(example.N_SEEDS) for row in example.run(seed, make_peers(seed))]
peers = pd.DataFrame(rows).groupby("search", sort=False)
print("\nThe same for the peers:\n")
print(peers[["best CV score", "held-out score", "fits", "seconds"]].mean().round(4).to_string())
best = pd.DataFrame(rows).pivot(index="seed", columns="search", values="best CV score")
for peer in best:
    print(f"Bayesian search better than {peer}: {(example.best['Bayesian'] > best[peer]).sum()}")

print("\nCPU milliseconds per proposal, ask and tell, mean of 36 trials:")
for loop in (loop_sklearn_bo, loop_skopt, loop_optuna):
    loop(0)  # imports
    start = time.process_time()
    for seed in range(3):
        loop(seed)
    seconds = (time.process_time() - start) / 3 / example.N_EVALUATIONS
    print(f"    {loop.__name__.removeprefix('loop_')}: {1000 * seconds:.1f}")
