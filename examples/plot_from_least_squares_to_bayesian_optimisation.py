"""
How does Bayesian optimisation follow from least squares?
=========================================================

In six steps: least squares; a prior on its weights, which gives error bars; the same in terms of a
kernel, which is a Gaussian process; the prior over functions; the acquisition function, which turns
the error bars into the next place to look; and the loop.

========== =========================================== ==========
symbol     meaning                                     shape
========== =========================================== ==========
x, y       the n points and the noisy values there     (n,)
Phi        features of the points, one a column        (n, p)
w          weights of the features                     (p,)
e2         variance of the noise                       ()
k, K       kernel, and its values between all points   (n, n)
========== =========================================== ==========
"""

import matplotlib.pyplot as plt
import numpy as np

from sklearn_bo import Optimizer
from sklearn_bo.acquisition import log_expected_improvement
from sklearn_bo.kernel import Kernel
from sklearn_bo.space import Space
from sklearn_bo.surrogate import GaussianProcess

BLUE, ORANGE, GREEN = "#0072B2", "#D55E00", "#009E73"
rng = np.random.RandomState(3)
NOISE = 0.05


def f(x):
    return np.sin(9 * x) * x + 0.5 * np.exp(-(((x - 0.2) / 0.12) ** 2))


def observe(x):
    return f(x) + NOISE * rng.standard_normal(np.shape(x))


x = np.array([0.05, 0.15, 0.4, 0.45, 0.65, 0.95])
y = observe(x)
grid = np.linspace(0, 1, 300)

# %%
# 1. Least squares
# ----------------
# The function is a weighted sum of features, here ten bumps: f(x) = phi(x) . w. The weights of the
# smallest squared error are w = (Phi^T Phi)^-1 Phi^T y; as there are more weights than data, many
# attain it, and ``lstsq`` returns the smallest. The curve says nothing of how sure it is.

centres = np.linspace(0, 1, 10)


def features(x):
    return np.exp(-0.5 * ((x[:, None] - centres) / 0.12) ** 2)


Phi, Phi_grid = features(x), features(grid)
w = np.linalg.lstsq(Phi, y, rcond=None)[0]
least_squares = Phi_grid @ w

# %%
# 2. Bayesian linear regression
# -----------------------------
# Believe, before the data, that the weights are independent and normal with variance 1. After the
# data they are normal again, with
#
#     covariance S = (I + Phi^T Phi / e2)^-1    and    mean m = S Phi^T y / e2.
#
# A prediction phi . w is then normal too: with the mean phi . m, and the variance phi . S phi.

S = np.linalg.inv(np.eye(len(centres)) + Phi.T @ Phi / NOISE**2)
m = S @ Phi.T @ y / NOISE**2
mean = Phi_grid @ m
std = np.sqrt(np.sum((Phi_grid @ S) * Phi_grid, axis=1))

# %%
# 3. The same by a kernel
# -----------------------
# By the matrix inversion lemma, features appear in products alone: k(x, x') = phi(x) . phi(x').
#
#     mean = k(x*, X) (K + e2 I)^-1 y
#     variance = k(x*, x*) - k(x*, X) (K + e2 I)^-1 k(X, x*)
#
# So any kernel will do, also one that stands for infinitely many features. This is a Gaussian
# process. With the kernel of the ten bumps, it gives the numbers of step 2.


def posterior(kernel, x, y, x_new):
    """Mean and covariance of f(x_new), given noisy values y at x."""
    K, k = kernel(x, x), kernel(x_new, x)
    solved = np.linalg.solve(K + NOISE**2 * np.eye(len(x)), k.T)
    return solved.T @ y, kernel(x_new, x_new) - k @ solved


def bumps(a, b):
    return features(a) @ features(b).T


kernel_mean, kernel_cov = posterior(bumps, x, y, grid)
print("largest difference between Bayesian linear regression and the kernel's posterior:")
print(f"    mean {np.abs(kernel_mean - mean).max():.0e}, ", end="")
print(f"variance {np.abs(np.diag(kernel_cov) - std**2).max():.0e}")


def draw_posterior(ax, mean, std, x, y):
    ax.fill_between(grid, mean - 2 * std, mean + 2 * std, color=BLUE, alpha=0.2, lw=0)
    ax.plot(grid, mean, color=BLUE, lw=2, label="mean, ± 2 std")
    ax.plot(grid, f(grid), "k--", lw=1.2, label="f, unknown")
    ax.plot(x, y, "ko", ms=5, label="data")
    ax.set(xlim=(0, 1), ylim=(-1.8, 1.8))


fig, (left, right) = plt.subplots(1, 2, figsize=(9, 3.8), sharey=True, layout="constrained")
left.plot(grid, least_squares, color=ORANGE, lw=2, label="least squares")
left.plot(grid, f(grid), "k--", lw=1.2, label="f, unknown")
left.plot(x, y, "ko", ms=5, label="data")
left.set(xlabel="x", ylabel="y", title="1. Least squares with ten features")
left.set(xlim=(0, 1), ylim=(-1.8, 1.8))
draw_posterior(right, mean, std, x, y)
right.set(xlabel="x", title="2. A prior on the weights gives error bars")
for ax in (left, right):
    ax.legend(loc="lower left", fontsize=9)
fig.savefig("least_squares_to_bayes.png", dpi=120)

# %%
# 4. The prior over functions
# ---------------------------
# The kernel says which functions are plausible before any data. Matern-5/2, which
# ``BayesSearchCV`` uses, stands for functions that are twice differentiable. The data leave those
# that agree with them.


def matern(a, b, lengthscale=0.2):
    t = np.sqrt(5) * np.abs(a[:, None] - b) / lengthscale
    return (1 + t + t**2 / 3) * np.exp(-t)


prior_cov = matern(grid, grid)
matern_mean, matern_cov = posterior(matern, x, y, grid)
fig, axes = plt.subplots(1, 2, figsize=(9, 3.8), sharey=True, layout="constrained")
for ax, centre, cov, title in (
    (axes[0], np.zeros_like(grid), prior_cov, "4. Functions drawn from the prior"),
    (axes[1], matern_mean, matern_cov, "... and from the posterior"),
):
    spread = 2 * np.sqrt(np.diag(cov))
    ax.fill_between(grid, centre - spread, centre + spread, color=BLUE, alpha=0.15, lw=0)
    root = np.linalg.cholesky(cov + 1e-8 * np.eye(len(grid)))
    draws = centre[:, None] + root @ rng.standard_normal((len(grid), 6))
    ax.plot(grid, draws, color=BLUE, lw=1, alpha=0.8)
    ax.set(xlabel="x", title=title, xlim=(0, 1), ylim=(-3, 3))
axes[1].plot(x, y, "ko", ms=5)
axes[0].set_ylabel("f(x)")
fig.savefig("prior_and_posterior.png", dpi=120)

# %%
# 5. The acquisition function
# ---------------------------
# What would an evaluation at x be worth? The expected improvement over the best so far,
#
#     u(x | D) = E[max(f(x) - best, 0)],
#
# is high where the mean is high, and where little is known. Its closed form needs mean and standard
# deviation alone. Its logarithm has the same maximum and is easier to climb.
#
# 6. The loop
# -----------
# | for t = 1 .. T
# |     x_t = argmax u(x | D)
# |     y_t = f(x_t) + noise
# |     D = D + {(x_t, y_t)}, and refit
#
# "Refit" also adapts the kernel's lengthscale, its variance and that of the noise to the data.

N_STEPS = 6
argmax = r"$x_t = \arg\max u(x \mid D)$"
space = Space({"x": (0.0, 1.0)})
x = np.array([0.05, 0.35, 0.55])
rng = np.random.RandomState(0)
y = observe(x)

fig = plt.figure(figsize=(10, 7.5), layout="constrained")
for step, sub in enumerate(fig.subfigures(2, N_STEPS // 2).ravel()):
    gp = GaussianProcess(Kernel(space.categories))
    centre, scale = y.mean(), y.std()  # the surrogate expects standardised targets
    gp.fit(x[:, None], (y - centre) / scale)
    mean, std = gp.predict(grid[:, None])
    best = gp.predict(x[:, None])[0].max()
    u = np.exp(log_expected_improvement(mean, std, best)[0])
    x_next = grid[np.argmax(u)]

    top, bottom = sub.subplots(2, 1, sharex=True, height_ratios=[3, 1])
    draw_posterior(top, centre + scale * mean, scale * std, x, y)
    bottom.fill_between(grid, u, color=GREEN, alpha=0.35, lw=0, label="u(x | D)")
    bottom.set(xlabel="x", yticks=[], ylim=(0, 1.25 * u.max()))
    for ax in (top, bottom):
        ax.axvline(x_next, color=ORANGE, lw=1.5, clip_on=False, label=argmax)
    top.set_title(f"step {step + 1}: {len(x)} points, next x = {x_next:.2f}", fontsize=11)
    if step % 3 == 0:
        top.set_ylabel("y")
        bottom.set_ylabel("u(x | D)")

    x, y = np.r_[x, x_next], np.r_[y, observe(x_next)]
fig.legend(*top.get_legend_handles_labels(), loc="outside lower center", ncols=4, frameon=False)
fig.savefig("search_loop.png", dpi=120)
print(f"best of {len(x)} points: x = {x[np.argmax(y)]:.2f}, y = {y.max():.2f}")
print(f"the maximum of f:  x = {grid[np.argmax(f(grid))]:.2f}, f = {f(grid).max():.2f}")

# %%
# In practice
# -----------
# ``Optimizer`` is this loop for mixed spaces of any dimension; ``BayesSearchCV`` is the loop with
# cross-validation for f.

optimizer = Optimizer({"x": (0.0, 1.0)}, random_state=0)
for _ in range(15):
    trial = optimizer.ask()
    optimizer.tell(trial, observe(trial.params["x"]))
print(f"Optimizer, 15 trials: x = {optimizer.best_trial.params['x']:.2f}")
plt.show()
