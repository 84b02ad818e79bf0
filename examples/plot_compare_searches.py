"""
Which search finds the best model from the same number of fits?
===============================================================

Grid, random and Bayesian search tune one pipeline on the breast cancer data, with 36 evaluations of
3 folds each, on several random splits of the data. Random search is also given twice the budget.

The pipeline is an additive model: each feature is scaled and expanded into splines, and a logistic
regression weighs them. Its probabilities are judged by the Brier score, their mean squared error.
Four settings matter and depend on each other: the scaler, the number of knots, the degree of the
splines and the regularisation.

The number of splits, 6, can be given as an argument.
"""

import sys
import time

import matplotlib.pyplot as plt
import numpy as np
import pandas as pd
from matplotlib.ticker import MultipleLocator
from scipy.stats import loguniform, randint
from sklearn.datasets import load_breast_cancer
from sklearn.linear_model import LogisticRegression
from sklearn.model_selection import (
    GridSearchCV,
    RandomizedSearchCV,
    StratifiedKFold,
    train_test_split,
)
from sklearn.pipeline import Pipeline
from sklearn.preprocessing import QuantileTransformer, SplineTransformer, StandardScaler

from sklearn_bo import BayesSearchCV

N_EVALUATIONS = 36
N_SEEDS = int(sys.argv[1]) if len(sys.argv) > 1 else 6
COLORS = {  # Okabe and Ito's palette, told apart with any colour vision
    "grid": "#E69F00",
    "random": "#0072B2",
    "Bayesian": "#D55E00",
}

# %%
# The task
# --------
# The scaler that the pipeline starts with is one of the choices, so Bayesian search can begin with
# the pipeline's own settings. The grid spans the same ranges in 2 x 2 x 3 x 3 = 36 settings.

X, y = load_breast_cancer(return_X_y=True)
scalers = [StandardScaler(), QuantileTransformer(n_quantiles=100, random_state=0)]
pipeline = Pipeline(
    [
        ("scale", scalers[0]),
        ("splines", SplineTransformer()),
        ("model", LogisticRegression(max_iter=1000)),
    ]
)
grid = {
    "scale": scalers,
    "splines__n_knots": [4, 8],
    "splines__degree": [1, 2, 3],
    "model__C": [1e-2, 1.0, 1e2],
}
distributions = {
    "scale": scalers,
    "splines__n_knots": randint(2, 13),
    "splines__degree": [1, 2, 3],
    "model__C": loguniform(1e-3, 1e3),
}

# %%
# The searches
# ------------
# ``BayesSearchCV`` takes what ``RandomizedSearchCV`` takes. ``lag=2`` keeps two workers busy and
# makes the proposals independent of their timing, so that the scores below are the same in each
# run.


def make_searches(seed):
    shared = {
        "scoring": "neg_brier_score",
        "cv": StratifiedKFold(3, shuffle=True, random_state=seed),
        "n_jobs": 2,
    }
    sampled = {"n_iter": N_EVALUATIONS, "random_state": seed, **shared}
    twice = {**sampled, "n_iter": 2 * N_EVALUATIONS}
    return {
        "grid": GridSearchCV(pipeline, grid, **shared),
        "random": RandomizedSearchCV(pipeline, distributions, **sampled),
        "Bayesian": BayesSearchCV(pipeline, distributions, lag=2, **sampled),
        "random, twice": RandomizedSearchCV(pipeline, distributions, **twice),
    }


def run(seed, searches):
    X_train, X_test, y_train, y_test = train_test_split(
        X, y, train_size=2 / 3, stratify=y, random_state=seed
    )
    for name, search in searches.items():
        start = time.perf_counter()
        search.fit(X_train, y_train)
        scores = np.array(search.cv_results_["mean_test_score"])
        if name == "grid":  # its own order means nothing
            np.random.RandomState(seed).shuffle(scores)
        yield {
            "search": name,
            "seed": seed,
            "best CV score": search.best_score_,
            "held-out score": search.score(X_test, y_test),
            "fits": len(scores) * search.n_splits_,
            "seconds": time.perf_counter() - start,
            "best so far": np.maximum.accumulate(scores),
        }


results = pd.DataFrame([row for seed in range(N_SEEDS) for row in run(seed, make_searches(seed))])

# %%
# The table
# ---------
# "Evaluations until the others' best" is how many a search took, in the median over splits, until
# it was at least as good as the best that any other search found with the same number of fits.
# ``-`` says that it did not get there on half of the splits.

equal = results[results["search"] != "random, twice"]


def evaluations_until_others_best(row):
    others = equal[(equal["seed"] == row["seed"]) & (equal["search"] != row["search"])]
    reached = row["best so far"] >= others["best CV score"].max()
    return 1 + np.argmax(reached) if reached.any() else np.inf


results["evals to beat others"] = results.apply(evaluations_until_others_best, axis=1)
groups = results.groupby("search", sort=False)
table = groups[["best CV score", "held-out score", "fits", "seconds"]].mean()
until = groups["evals to beat others"].median()
table["evals to beat others"] = [f"{n:.0f}" if n < np.inf else "-" for n in until]
table = table.astype({"fits": int}).round({"best CV score": 4, "held-out score": 4, "seconds": 1})
print(f"Negative Brier score (higher is better), mean over {N_SEEDS} splits of the data:\n")
print(table.to_string())

best = results.pivot(index="seed", columns="search", values="best CV score")
print()
for other in best.columns.drop("Bayesian"):
    wins = (best["Bayesian"] > best[other]).sum()
    print(f"Bayesian search found a better model than {other} on {wins} of {N_SEEDS} splits.")

# %%
# The picture
# -----------
# The best CV score so far, relative to the best found on the same split by any search, so that the
# splits, of which some are harder than others, compare.

fig, ax = plt.subplots(figsize=(7, 4.5), layout="constrained")
t = np.arange(1, N_EVALUATIONS + 1)
ceiling = best.max(axis=1)
for name, group in equal.groupby("search", sort=False):
    gap = np.array([row[:N_EVALUATIONS] for row in group["best so far"]])
    gap = gap - ceiling[group["seed"]].to_numpy()[:, None]
    low, median, high = np.quantile(gap, [0.25, 0.5, 0.75], axis=0)
    ax.plot(t, median, color=COLORS[name], lw=2, label=name)
    ax.fill_between(t, low, high, color=COLORS[name], alpha=0.18, lw=0)
gap = (best["random, twice"] - ceiling).median()
ax.axhline(gap, color=COLORS["random"], ls=":", lw=1.5, label="random, after twice as many")
ax.set(
    xlabel="evaluations (3 fits each)",
    ylabel="best CV score so far,\nrelative to the best of all searches",
    title="Negative Brier score: median and quartiles over splits of the data",
    xlim=(1, N_EVALUATIONS),
    ylim=(-0.02, 0.0005),
)
ax.yaxis.set_major_locator(MultipleLocator(0.005))
ax.grid(alpha=0.3)
ax.legend(loc="lower right", frameon=False)
fig.savefig("compare_searches.png", dpi=120)
plt.show()
