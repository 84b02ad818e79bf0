"""The search beats random search, by a margin that no tuning of constants should cost."""

import math

import numpy as np

from sklearn_bo import Optimizer

N_TRIALS = 25
N_SEEDS = 8
N_RANDOM = 2000


def branin(params):
    x, y = 15 * params["x"] - 5, 15 * params["y"]
    bowl = (y - 5.1 / (4 * math.pi**2) * x**2 + 5 / math.pi * x - 6) ** 2
    return -(bowl + 10 * (1 - 1 / (8 * math.pi)) * math.cos(x) + 10)


def ellipsoid(params):
    return -sum((i + 1) * (x - 0.3) ** 2 for i, x in enumerate(params.values()))


def tuning(params):
    """A likely shape of a validation score: logarithmic, integer and categorical parameters."""
    misfit = (math.log10(params["C"]) - 1) ** 2 + 0.2 * (params["degree"] - 4) ** 2
    misfit += 0.5 * (math.log10(params["gamma"]) + 2) ** 2
    offset = {"rbf": 0.0, "linear": 0.5, "poly": 1.0}[params["kernel"]]
    return math.exp(-0.3 * (misfit + offset))


def mismatches(params):
    """Nothing but categories, two of which interact."""
    wrong = sum(params[name] != best for name, best in zip("abcd", "zyxw", strict=True))
    return -wrong - 2.0 * (params["a"] != "z" and params["b"] != "y")


def noisy_valley(params):
    x, y, z = params.values()
    noise = math.sin(1e5 * (x + 2 * y + 3 * z)) * 0.02  # deterministic, yet not to be learnt
    return -math.log(1e-2 + (x - y) ** 2 + (y - 0.7) ** 2 + (z - 0.2) ** 2) + noise


def choice_of_models(params):
    """Six models, each with its best setting; the later, the better."""
    k, *values = params.values()
    best = [math.sin(i + 3 * k) / 3 + 0.5 for i in range(len(values))]
    return 0.1 * k - sum((x - b) ** 2 for x, b in zip(values, best, strict=True))


def rate(params):
    """Logarithmic, though the range is given linearly, as by scipy's ``uniform(0.001, 1)``."""
    misfit = (math.log10(params["rate"]) + 1.8) ** 2
    return -0.3 * misfit - (params["x"] - 0.3) ** 2 - 0.5 * (params["y"] - 0.7) ** 2


TASKS = {
    "continuous": ({"x": (0.0, 1.0), "y": (0.0, 1.0)}, branin),
    "six dimensions": ({f"x{i}": (0.0, 1.0) for i in range(6)}, ellipsoid),
    "mixed": (
        {
            "C": (1e-3, 1e3, "log-uniform"),
            "gamma": (1e-5, 1.0, "log-uniform"),
            "degree": (1, 8),
            "kernel": ["rbf", "linear", "poly"],
        },
        tuning,
    ),
    "categorical": ({name: list("uvwxyz") for name in "abcd"}, mismatches),
    "noisy": ({name: (0.0, 1.0) for name in "xyz"}, noisy_valley),
    "logarithmic": ({"rate": (1e-3, 1.0), "x": (0.0, 1.0), "y": (0.0, 1.0)}, rate),
    "subspaces": (
        [{"model": [k], **{f"{k}_{i}": (0.0, 1.0) for i in range(4)}} for k in range(6)],
        choice_of_models,
    ),
}


def best_of(optimizer, score):
    for _ in range(N_TRIALS):
        trial = optimizer.ask()
        optimizer.tell(trial, score(trial.params))
    return optimizer.best_trial.score


def test_search_beats_random_search_on_each_task():
    """The best of a search, as a quantile of the best of as many random trials, is high.

    Were it no better than random search, each quantile would be uniform. An engine that never
    fits its hyperparameters, or takes the best of 60 random points in place of the acquisition's
    maximum, or always explores, has 0.93 on average.
    """
    quantiles = [mean_quantile(space, score) for space, score in TASKS.values()]
    assert min(quantiles) > 0.8
    assert np.mean(quantiles) > 0.95


def mean_quantile(space, score):
    draws = Optimizer(space).space
    rng = np.random.RandomState(0)
    scores = np.array([score(draws.decode(z)) for z in draws.sample(N_RANDOM, rng)])
    found = [best_of(Optimizer(space, random_state=seed), score) for seed in range(N_SEEDS)]
    # P(best of N random trials < found) = P(a random score < found)^N, ties by half
    quantiles = [
        (np.mean(scores < best) ** N_TRIALS + np.mean(scores <= best) ** N_TRIALS) / 2
        for best in found
    ]
    return np.mean(quantiles)
