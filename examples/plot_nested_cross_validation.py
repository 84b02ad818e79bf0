"""
How far can the best score of a search be trusted?
==================================================

The best of many scores is partly the best and partly the luckiest: ``best_score_`` promises more
than the model keeps. Nested cross-validation repeats the whole search inside each fold of another,
so that the score comes from data that had no say in the choice.

Small samples of the breast cancer data show both. The rest of the data, about 490 rows, tell what
each choice is worth.
"""

import matplotlib.pyplot as plt
import numpy as np
import pandas as pd
from joblib import Parallel, delayed
from scipy.stats import loguniform, randint
from sklearn.base import clone
from sklearn.datasets import load_breast_cancer
from sklearn.model_selection import (
    GridSearchCV,
    RandomizedSearchCV,
    cross_val_score,
    train_test_split,
)
from sklearn.tree import DecisionTreeClassifier

from sklearn_bo import BayesSearchCV, OneStandardError, PosteriorMean

N_NESTED, N_SAMPLES, N_ROWS = 8, 16, 80
COLORS = {"promised": "#D55E00", "nested": "#009E73", "held out": "#0072B2"}

# %%
# The task
# --------
# A decision tree on 80 rows, of which many settings are about equally good: which of them looks
# best is decided by the folds. The grid has 3 x 4 x 2 = 24 settings; the others evaluate as many.

X, y = load_breast_cancer(return_X_y=True)
tree = DecisionTreeClassifier(random_state=0)
grid = {
    "max_leaf_nodes": [3, 8, 24],
    "min_samples_leaf": [1, 3, 6, 12],
    "max_features": [0.2, 1.0],
}
distributions = {
    "max_leaf_nodes": randint(2, 33),
    "min_samples_leaf": randint(1, 16),
    "max_features": loguniform(0.05, 1.0),
}


def make_searches(seed):
    sampled = {"n_iter": 24, "random_state": seed}
    return {
        "grid": GridSearchCV(tree, grid),
        "random": RandomizedSearchCV(tree, distributions, **sampled),
        "Bayesian": BayesSearchCV(tree, distributions, **sampled),
    }


# %%
# Nested cross-validation
# -----------------------
# The inner folds choose, the outer ones judge: ``cross_val_score`` of a search is all it takes. It
# searches four fifths of the sample, so it errs on the low side: here by about two points of
# accuracy, as much as the best score errs on the high side.
#
# On eight samples the three searches cannot be told apart. Those that search harder promise most:
# on 80 rows, that is to find more luck.


def draw_sample(seed):
    return train_test_split(X, y, train_size=N_ROWS, stratify=y, random_state=seed)


def compare(name, seed):
    X_sample, X_rest, y_sample, y_rest = draw_sample(seed)
    search = make_searches(seed)[name].fit(X_sample, y_sample)
    return {
        "search": name,
        "promised": search.best_score_,
        "nested": cross_val_score(search, X_sample, y_sample).mean(),
        "held out": search.score(X_rest, y_rest),
    }


parallel = Parallel(n_jobs=2)
jobs = [(name, seed) for seed in range(N_NESTED) for name in make_searches(seed)]
scores = pd.DataFrame(parallel(delayed(compare)(*job) for job in jobs))
groups = scores.groupby("search", sort=False)
means, errors = groups.mean(), groups.sem()
table = means.assign(optimism=means["promised"] - means["held out"])
print(f"Accuracy after 24 evaluations of 5 folds, mean over {N_NESTED} samples:\n")
print(table.round(3).to_string())

# %%
# The best of n
# -------------
# 100 random candidates on each sample, each also scored on the rest of the data after a refit on
# the whole sample. The first n of them, in many random orders, are a search of n evaluations.

N_CANDIDATES = 100
rules = {
    "the best score": lambda results: int(np.argmax(results["mean_test_score"])),
    "PosteriorMean()": PosteriorMean(),
    "OneStandardError('max_leaf_nodes')": OneStandardError("max_leaf_nodes"),
}


def choose(seed):
    X_sample, X_rest, y_sample, y_rest = draw_sample(seed)
    search = RandomizedSearchCV(
        tree, distributions, n_iter=N_CANDIDATES, random_state=seed, refit=False
    ).fit(X_sample, y_sample)
    results = search.cv_results_
    promised = results["mean_test_score"]
    kept = np.array(
        [
            clone(tree).set_params(**params).fit(X_sample, y_sample).score(X_rest, y_rest)
            for params in results["params"]
        ]
    )
    orders = np.argsort(np.random.RandomState(seed).uniform(size=(300, N_CANDIDATES)))
    leader = np.maximum.accumulate(promised[orders], axis=1)
    is_new = np.diff(leader, axis=1, prepend=-1) > 0
    position = np.maximum.accumulate(np.where(is_new, np.arange(N_CANDIDATES), 0), axis=1)
    choice = np.take_along_axis(orders, position, axis=1)
    picks = [rule(results) for rule in rules.values()]
    return {
        "promised": promised[choice].mean(axis=0),
        "held out": kept[choice].mean(axis=0),
        "rules": [(promised[i], kept[i], results["params"][i]["max_leaf_nodes"]) for i in picks],
    }


samples = parallel(delayed(choose)(seed) for seed in range(N_SAMPLES))
curves = {key: np.array([sample[key] for sample in samples]) for key in ("promised", "held out")}
optimism = (curves["promised"] - curves["held out"]).mean(axis=0)
print(f"\nOptimism of the best of n random candidates, mean over {N_SAMPLES} samples:\n")
for n in (1, 5, 10, 25, 50, N_CANDIDATES):
    print(f"n = {n:3}: {optimism[n - 1]:+.3f}")

# %%
# Other rules to choose by
# ------------------------
# ``PosteriorMean`` discounts a score that its neighbours do not confirm, ``OneStandardError`` takes
# the smallest tree that is hardly worse. "Gain" is what the choice keeps beyond that of the best
# score, with its standard error over samples.
#
# Neither finds a better tree here. ``OneStandardError`` loses next to nothing by half the leaves.
# And neither is safe from optimism: similar settings are lucky alike on the same sample, so that
# their scores confirm one another.

chosen = np.array([sample["rules"] for sample in samples])  # (N_SAMPLES, rules, 3)
gain = chosen[:, :, 1] - chosen[:, :1, 1]
table = pd.DataFrame(chosen.mean(axis=0), list(rules), ["promised", "held out", "leaves"])
table["optimism"] = table["promised"] - table["held out"]
table["gain"] = gain.mean(axis=0)
table["+-"] = gain.std(axis=0, ddof=1) / np.sqrt(N_SAMPLES)
print(f"\nThe choice among {N_CANDIDATES} candidates, mean over {N_SAMPLES} samples:\n")
print(table.round({"leaves": 1}).round(3).to_string())

# %%
# The picture
# -----------
# Left, the searches' own best scores lie above what the held-out data say, and those of nested
# cross-validation below. Right, the more candidates, the better the best looks, while what it is
# worth hardly grows; a single one looks worse than it is, for its folds train on four fifths of the
# sample. Bars and bands are standard errors.

fig, (left, right) = plt.subplots(1, 2, figsize=(10, 4.3), sharey=True, layout="constrained")
labels = {
    "promised": "the search's own best score",
    "nested": "nested cross-validation (of four fifths)",
    "held out": "held-out data",
}
for shift, (key, label) in zip((-0.15, 0, 0.15), labels.items(), strict=True):
    left.errorbar(
        np.arange(len(means)) + shift,
        means[key],
        errors[key],
        fmt="os^"[int(shift / 0.15) + 1],
        color=COLORS[key],
        capsize=3,
        label=label,
    )
left.set(
    xticks=range(len(means)),
    xticklabels=means.index,
    xlim=(-0.5, len(means) - 0.5),
    ylabel="accuracy",
    title="Three searches, 24 evaluations each",
)
n = np.arange(1, N_CANDIDATES + 1)
for key, values in curves.items():
    mean, error = values.mean(axis=0), values.std(axis=0, ddof=1) / np.sqrt(N_SAMPLES)
    right.plot(n, mean, color=COLORS[key], lw=2, label=labels[key])
    right.fill_between(n, mean - error, mean + error, color=COLORS[key], alpha=0.18, lw=0)
right.set(
    xscale="log",
    xlim=(1, N_CANDIDATES),
    xlabel="number of random candidates, n",
    title="The best of n",
)
for ax in (left, right):
    ax.grid(alpha=0.3)
fig.legend(*left.get_legend_handles_labels(), loc="outside lower center", ncols=3, frameon=False)
fig.savefig("nested_cross_validation.png", dpi=120)
plt.show()
