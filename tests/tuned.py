"""Optimizers to test, and what they maximise."""

import math

import numpy as np

from sklearn_bo import Optimizer
from sklearn_bo.trials import Trials

MIXED = {
    "lr": (1e-4, 1.0, "log-uniform"),
    "depth": (1, 12),
    "kernel": ["rbf", "linear", "poly"],
    "alpha": (0.0, 1.0),
}


def mixed_score(params):
    bonus = {"rbf": 0.0, "linear": -0.5, "poly": -1.0}[params["kernel"]]
    return (
        bonus
        - (math.log10(params["lr"]) + 2) ** 2
        - 0.05 * (params["depth"] - 7) ** 2
        - (params["alpha"] - 0.2) ** 2
    )


def cube(d):
    return {f"x{i}": (0.0, 1.0) for i in range(d)}


def sphere(params):
    return -sum((x - 0.3) ** 2 for x in params.values())


def run(optimizer, score, n):
    """Ask and tell n times; what was asked."""
    asked = []
    for _ in range(n):
        trial = optimizer.ask()
        optimizer.tell(trial, score(trial.params))
        asked.append(trial.params)
    return asked


def warmed_up(space=MIXED, score=mixed_score, n=12, seed=0, **options):
    optimizer = Optimizer(space, random_state=seed, **options)
    run(optimizer, score, n)
    return optimizer


def drawn(space, score, n, seed=0):
    """The record of n random settings, each with its score."""
    trials = Trials()
    for z in space.sample(n, np.random.RandomState(seed)):
        params = space.decode(z)
        trials.finish(trials.append(params, z, "model"), score(params))
    return trials


def keys(trials):
    return [trial.key for trial in trials]
