"""
How do I tune a model with Bayesian search?
===========================================

As with ``RandomizedSearchCV``: an estimator, a space, a number of candidates. The space below mixes
a choice, two ranges on a logarithmic scale and an integer range.
"""

import matplotlib.pyplot as plt
from matplotlib.ticker import PercentFormatter
from sklearn.datasets import load_digits
from sklearn.decomposition import PCA
from sklearn.model_selection import train_test_split
from sklearn.pipeline import Pipeline
from sklearn.preprocessing import StandardScaler
from sklearn.svm import SVC

from sklearn_bo import BayesSearchCV

X, y = load_digits(return_X_y=True)
X_train, X_test, y_train, y_test = train_test_split(X, y, train_size=400, random_state=0)

# %%
# The search
# ----------
# A list holds choices, a tuple is a range, and a distribution of scipy means what it means in
# ``RandomizedSearchCV``. The search is itself an estimator: ``fit`` tunes and refits the best
# candidate on all training data, ``predict`` and ``score`` use it. The pipeline's own settings lie
# in the space, so they are evaluated first.

scalers = [StandardScaler(), "passthrough"]
pipeline = Pipeline(
    [("scale", scalers[0]), ("reduce", PCA(n_components=30)), ("model", SVC(gamma=0.01))]
)
space = {
    "scale": scalers,
    "reduce__n_components": (5, 60),
    "model__C": (1e-2, 1e3, "log-uniform"),
    "model__gamma": (1e-6, 1e-1, "log-uniform"),
}
search = BayesSearchCV(pipeline, space, n_iter=30, cv=3, random_state=0).fit(X_train, y_train)

print("best parameters:", search.best_params_)
print(f"best CV accuracy: {search.best_score_:.3f}")
print(f"held-out accuracy: {search.score(X_test, y_test):.3f}")

# %%
# What it tried
# -------------
# ``cv_results_`` is as scikit-learn forms it. ``results_frame()`` adds where each candidate came
# from: the estimator's own parameters, the initial design or the model.

frame = search.results_frame()
columns = ["origin", "param_reduce__n_components", "param_model__C", "param_model__gamma"]
print(frame.nlargest(5, "objective")[[*columns, "mean_test_score"]].to_string())

# %%
# Most of the model's candidates are better than those of the initial design. Some explore where
# little is known, so that no better region is missed.

fig, ax = plt.subplots(figsize=(7, 4), layout="constrained")
styles = {
    "estimator": ("s", "#000000"),
    "initial design": ("o", "#0072B2"),
    "model": ("D", "#D55E00"),
}
for origin, (marker, color) in styles.items():
    part = frame[frame["origin"] == origin]
    ax.plot(part.index + 1, 1 - part["mean_test_score"], marker, color=color, ms=6, label=origin)
best = 1 - frame["mean_test_score"].cummax()
ax.step(frame.index + 1, best, "k-", where="post", label="best so far")
ax.set(xlabel="candidate", ylabel="CV error (log scale)", yscale="log", ylim=(None, 2.5))
ax.set_title("Candidates by where they came from")
ax.yaxis.set_major_formatter(PercentFormatter(xmax=1))
ax.grid(alpha=0.3)
ax.legend(loc="upper center", ncols=4, fontsize=9)
fig.savefig("quickstart.png", dpi=120)
plt.show()
