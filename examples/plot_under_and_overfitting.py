"""
Why tune at all, and why by cross-validation?
=============================================

Along one hyperparameter, the training score only rises with flexibility, while the test score rises
and falls: a model may be too stiff for the signal, or flexible enough to learn the noise. Bias and
variance are the two reasons, and ``BayesSearchCV`` finds the best compromise from few evaluations.
"""

import matplotlib.pyplot as plt
import numpy as np
from sklearn.base import clone
from sklearn.kernel_ridge import KernelRidge
from sklearn.model_selection import KFold, validation_curve

from sklearn_bo import BayesSearchCV

BLUE, ORANGE, GREEN = "#0072B2", "#D55E00", "#009E73"

# %%
# The data
# --------
# 40 noisy points of a known function, so that bias and variance can be computed.

rng = np.random.RandomState(0)
NOISE = 0.3


def signal(x):
    return np.sin(2 * np.pi * x) + 0.5 * np.sin(6 * np.pi * x)


def draw(n=40):
    x = np.sort(rng.uniform(size=n))
    return x[:, None], signal(x) + NOISE * rng.standard_normal(n)


X, y = draw()
model = KernelRidge(kernel="rbf", alpha=1e-2)
gammas = np.logspace(-1, 4, 40)

# %%
# Three fits
# ----------
# ``gamma`` is the flexibility: the inverse squared width of the kernel.

grid = np.linspace(0, 1, 400)[:, None]
fig, axes = plt.subplots(1, 3, figsize=(10, 3.4), sharey=True, layout="constrained")
cases = [("underfitted", 0.3), ("about right", 30.0), ("overfitted", 5000.0)]
for ax, (name, gamma) in zip(axes, cases, strict=True):
    fitted = clone(model).set_params(gamma=gamma).fit(X, y)
    ax.plot(X[:, 0], y, "o", color="0.55", ms=4, label="data")
    ax.plot(grid, signal(grid), "k--", lw=1.2, label="signal")
    ax.plot(grid, fitted.predict(grid), color=ORANGE, lw=2, label="fit")
    ax.set(title=f"{name}, gamma = {gamma:g}", xlabel="x", ylim=(-2, 2.3))
axes[0].set_ylabel("y")
axes[0].legend(loc="upper right", ncols=3, fontsize=8, handlelength=1.2, columnspacing=1)
fig.savefig("under_and_overfitting_fits.png", dpi=120)

# %%
# Train against test
# ------------------
# The validation curve evaluates 40 values on 10 folds. The search gets by with 12, half of which
# lie where the test score is high.

cv = KFold(10, shuffle=True, random_state=0)
train, test = validation_curve(
    model, X, y, param_name="gamma", param_range=gammas, cv=cv, scoring="neg_mean_squared_error"
)
search = BayesSearchCV(
    model,
    {"gamma": (1e-1, 1e4, "log-uniform")},
    n_iter=12,
    cv=cv,
    scoring="neg_mean_squared_error",
    random_state=0,
).fit(X, y)
best_on_curve = gammas[np.argmax(test.mean(axis=1))]
print(f"best gamma of the curve's 40: {best_on_curve:.0f}, CV error {-test.mean(axis=1).max():.3f}")
print(
    f"best gamma of the search's 12: {search.best_params_['gamma']:.0f}, "
    f"CV error {-search.best_score_:.3f}"
)

# %%
# Bias and variance
# -----------------
# The expected test error is squared bias + variance + noise. Over many data sets drawn from the
# same source, the bias is how far the mean fit is from the signal, and the variance how far single
# fits are from their mean.

data_sets = [draw() for _ in range(100)]
bias2, variance = [], []
for gamma in gammas:
    model.set_params(gamma=gamma)
    fits = np.array([model.fit(*data).predict(grid) for data in data_sets])
    bias2.append(np.mean((fits.mean(axis=0) - signal(grid[:, 0])) ** 2))
    variance.append(np.mean(fits.var(axis=0)))
bias2, variance = np.array(bias2), np.array(variance)
error = bias2 + variance + NOISE**2

fig, (top, bottom) = plt.subplots(2, 1, figsize=(7, 7), sharex=True, layout="constrained")
for scores, color, label in ((train, BLUE, "training"), (test, ORANGE, "test (10-fold CV)")):
    mean = -scores.mean(axis=1)
    top.plot(gammas, mean, color=color, lw=2, label=label)
candidates = search.cv_results_["param_gamma"].astype(float)
top.plot(
    candidates,
    -search.cv_results_["mean_test_score"],
    "D",
    color="k",
    mfc="none",
    label="evaluated by BayesSearchCV",
)
top.set(ylabel="mean squared error", yscale="log", title="One data set")
top.axvline(search.best_params_["gamma"], color="k", lw=1, ls=":", label="its choice")
top.legend(loc="lower left")
bottom.plot(gammas, bias2, color=BLUE, lw=2, ls="--", label="bias squared")
bottom.plot(gammas, variance, color=GREEN, lw=2, ls="-.", label="variance")
bottom.plot(gammas, error, color=ORANGE, lw=2, label="bias squared + variance + noise")
bottom.axhline(NOISE**2, color="0.4", lw=1, ls=":", label="noise")
bottom.set(
    xlabel="gamma (log scale): stiff to the left, flexible to the right",
    ylabel="mean squared error",
    xscale="log",
    yscale="log",
    ylim=(2e-4, 1),
    title="Over 100 data sets",
)
bottom.legend(loc="lower left", fontsize=9)
for ax in (top, bottom):
    ax.grid(alpha=0.3)
fig.savefig("under_and_overfitting.png", dpi=120)
plt.show()
