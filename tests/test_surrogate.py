"""The Gaussian process against scikit-learn's, with the same hyperparameters."""

import numpy as np
import pytest
from numpy.testing import assert_allclose, assert_array_equal
from scipy.optimize import approx_fprime
from scipy.special import logit
from sklearn.gaussian_process import GaussianProcessRegressor
from sklearn.gaussian_process.kernels import ConstantKernel, Matern, WhiteKernel

from sklearn_bo.kernel import Kernel
from sklearn_bo.surrogate import GaussianProcess

pytestmark = pytest.mark.usefixtures("one_blas_thread")


NUMERIC = np.array([0, 0, 0])
MIXED = np.array([0, 3, 0, 4])
CATEGORICAL = np.array([2, 5])
spaces = pytest.mark.parametrize(
    "n_categories", [NUMERIC, MIXED, CATEGORICAL], ids=["numeric", "mixed", "categorical"]
)


def may_bend(n_categories):
    """All numbers but one in the last column."""
    return np.equal(n_categories, 0) & (np.arange(len(n_categories)) < len(n_categories) - 1)


def kernel(n_categories):
    categories = [(np.arange(m) + 0.5) / max(m, 1) for m in n_categories]
    return Kernel(categories, max_bends=5.0 * may_bend(n_categories))


def process(n_categories):
    """A process over columns of so many equally likely categories, 0 for numbers."""
    return GaussianProcess(kernel(n_categories))


def points(n_categories, n, seed=0):
    """Random points; category k of m sits at (k + 1/2) / m."""
    Z = np.random.RandomState(seed).uniform(size=(n, len(n_categories)))
    m = np.maximum(n_categories, 1)
    return np.where(n_categories > 0, (np.floor(Z * m) + 0.5) / m, Z)


def targets(Z, noise=0.1, seed=1):
    y = np.sin(5 * Z[:, 0]) + Z[:, 1:] @ np.arange(1, Z.shape[1])
    y = y + noise * np.random.RandomState(seed).normal(size=len(Z))
    return (y - y.mean()) / y.std()


SHARE = 0.4  # of the variance that is a sum over columns
ENTRIES = np.array([0.6, -0.3, 0.2])  # of S, one for each pair of numbers
BENDS = np.array([3.0, -1.5])  # of the scale of each number that may bend


def set_hyperparameters(gp, lengthscales, signal, noise):
    kernel = gp._kernel
    n_entries = len(kernel.prior[kernel._entries])
    of_kernel = ENTRIES[:n_entries], BENDS[: len(kernel.prior[kernel.bends])]
    gp._theta = np.r_[np.log(lengthscales), logit(SHARE), *of_kernel, np.log([signal, noise])]
    return gp


def conditioned(n_categories, n=25, noise=0.02):
    rng = np.random.RandomState(7)
    Z = points(n_categories, n)
    y = targets(Z)
    gp = process(n_categories)
    set_hyperparameters(gp, rng.uniform(0.2, 1.5, len(n_categories)), 1.7, noise)
    return gp.condition(Z, y), Z, y


def features(gp, n_categories, Z):
    """Columns for scikit-learn's kernels: what the joint term needs in its units, then each alone.

    Categories are indicators: two that differ are sqrt(2) apart. Of a number that may bend, whose
    values are taken to go from 1 to exp(a), it is the logarithm that counts.
    """
    Z = Z.copy()
    for j, a in zip(np.flatnonzero(may_bend(n_categories)), BENDS, strict=False):
        values = 1 + Z[:, j] * (np.exp(a) - 1)
        Z[:, j] = np.log(values) / a
    numbers = np.flatnonzero(np.equal(n_categories, 0))
    S = np.zeros((len(numbers), len(numbers)))
    i, j = np.triu_indices(len(numbers), 1)
    S[i, j] = S[j, i] = ENTRIES[: len(i)]
    C = np.eye(len(numbers)) + S
    C /= np.linalg.norm(C, axis=0)
    joint = [Z[:, numbers] / gp.lengthscales[numbers] @ C.T]
    alone = []
    for m, z, lengthscale in zip(n_categories, Z.T, gp.lengthscales, strict=True):
        column = z[:, None] if m == 0 else z[:, None] == (np.arange(m) + 0.5) / m
        alone.append(column)
        if m:
            joint.append(column / (lengthscale * np.sqrt(2)))
    return np.hstack(joint + alone)


def reference(gp, n_categories, Z, y):
    """scikit-learn's regressor with the hyperparameters of gp."""
    d, sizes = len(n_categories), np.maximum(n_categories, 1)
    scales = np.repeat(np.where(n_categories, np.sqrt(2), 1) * gp.lengthscales, sizes)
    columns = np.repeat(np.arange(d), sizes)
    ignored = np.full(len(columns), 1e12)
    joint = Matern(np.r_[np.ones(len(columns)), ignored], nu=2.5)
    kernel = ConstantKernel(gp.signal * (1 - SHARE)) * joint
    for j in range(d):
        alone = Matern(np.r_[ignored, np.where(columns == j, scales / np.sqrt(d), 1e12)], nu=2.5)
        kernel = ConstantKernel(gp.signal * SHARE / d) * alone + kernel
    kernel = kernel + WhiteKernel(gp.noise)
    regressor = GaussianProcessRegressor(kernel, alpha=0.0, optimizer=None)
    return regressor.fit(features(gp, n_categories, Z), y)


@spaces
def test_posterior_is_that_of_scikit_learn(n_categories):
    gp, Z, y = conditioned(n_categories)
    new = np.vstack([points(n_categories, 40, seed=3), Z[:5]])
    mean, std = gp.predict(new)
    expected_mean, expected_std = reference(gp, n_categories, Z, y).predict(
        features(gp, n_categories, new), return_std=True
    )
    assert_allclose(mean, expected_mean, rtol=1e-8, atol=1e-8)
    assert_allclose(np.hypot(std, np.sqrt(gp.noise)), expected_std, rtol=1e-7)


class UnitVectors:
    """Stands for a RandomState: draws from it are the rows of a factor of the covariance."""

    def standard_normal(self, size):
        return np.eye(*size)


@spaces
def test_joint_draws_have_the_moments_of_scikit_learn(n_categories):
    gp, Z, y = conditioned(n_categories)
    new = np.vstack([points(n_categories, 12, seed=3), Z[:3]])
    factor = gp.sample(new, len(new), UnitVectors()) - gp.predict(new)[0]
    # Without the noise, which new observations have.
    kernel = reference(gp, n_categories, Z, y).kernel_.k1
    regressor = GaussianProcessRegressor(kernel, alpha=gp.noise, optimizer=None)
    regressor.fit(features(gp, n_categories, Z), y)
    phi = features(gp, n_categories, new)
    mean, covariance = regressor.predict(phi, return_cov=True)
    assert_allclose(factor.T @ factor, covariance, atol=1e-6)
    draws = gp.sample(new, 20_000, np.random.RandomState(0))
    assert_allclose(draws.mean(axis=0), mean, atol=0.05)
    assert_allclose(np.cov(draws.T), covariance, atol=0.05)


def log_posterior(gp, theta, Z, y):
    value, gradient = gp._negative_log_posterior(Z, y)(theta)
    return -value, -gradient


@spaces
def test_objective_is_the_marginal_likelihood_of_scikit_learn_and_a_normal_prior(n_categories):
    values = []
    expected = []
    Z = points(n_categories, 25)
    y = targets(Z)
    for lengthscale, signal, noise in [(0.3, 1.0, 0.01), (1.0, 2.0, 0.1), (2.0, 0.5, 1e-3)]:
        gp = process(n_categories)
        set_hyperparameters(gp, np.full(len(n_categories), lengthscale), signal, noise)
        values.append(log_posterior(gp, gp._theta, Z, y)[0])
        deviations = (gp._theta - gp._prior_location) / gp._prior_scale
        likelihood = reference(gp, n_categories, Z, y).log_marginal_likelihood_value_
        expected.append(likelihood - 0.5 * np.sum(deviations**2))
    # The same up to a constant.
    assert_allclose(np.diff(values), np.diff(expected), rtol=1e-7)


@spaces
@pytest.mark.parametrize("seed", range(3))
def test_gradient_of_the_objective_is_its_difference(n_categories, seed):
    Z = points(n_categories, 20)
    y = targets(Z)
    gp = process(n_categories)
    theta = gp._prior_location + 0.5 * np.random.RandomState(seed).normal(size=len(gp._theta))
    gradient = log_posterior(gp, theta, Z, y)[1]
    numeric = approx_fprime(theta, lambda t: log_posterior(gp, t, Z, y)[0], 1e-6)
    assert_allclose(gradient, numeric, rtol=1e-3, atol=1e-3)


@spaces
def test_gradient_of_the_posterior_is_its_difference(n_categories):
    gp, *_ = conditioned(n_categories)
    new = points(n_categories, 10, seed=5)
    mean, std, mean_gradient, std_gradient = gp.predict_gradient(new)
    assert_allclose(mean, gp.predict(new)[0], rtol=1e-10, atol=1e-12)
    assert_allclose(std, gp.predict(new)[1], rtol=1e-8)
    h = 1e-6
    for j, m in enumerate(n_categories):
        step = np.zeros(len(n_categories))
        step[j] = h
        up, down = gp.predict(new + step), gp.predict(new - step)
        if m:
            assert_allclose(mean_gradient[:, j], 0)
            assert_allclose(std_gradient[:, j], 0)
        else:
            assert_allclose(mean_gradient[:, j], (up[0] - down[0]) / (2 * h), rtol=1e-4, atol=1e-6)
            assert_allclose(std_gradient[:, j], (up[1] - down[1]) / (2 * h), rtol=1e-4, atol=1e-6)


def test_gradient_is_finite_at_the_data_themselves():
    gp, Z, _ = conditioned(NUMERIC)
    assert all(np.isfinite(part).all() for part in gp.predict_gradient(Z))


def logarithmic(Z):
    return 2 * np.log10(Z[:, 0] + 0.01) + 3 + 0.3 * Z[:, 2]


@pytest.mark.parametrize(
    ("n_categories", "function"),
    [(NUMERIC, targets), (MIXED, targets), (CATEGORICAL, targets), (NUMERIC, logarithmic)],
    ids=["numeric", "mixed", "categorical", "bent"],
)
def test_fit_finds_a_maximum_of_the_posterior(n_categories, function):
    Z = points(n_categories, 30)
    y = function(Z) + 0.2 * np.random.RandomState(2).normal(size=30)
    gp = process(n_categories).fit(Z, y)
    assert gp._theta[gp._kernel.bends].any() == (function is logarithmic)
    low, high = gp._bounds.T.copy()
    if function is targets:  # nothing speaks for a bend
        low[gp._kernel.bends] = high[gp._kernel.bends] = 0.0
    top, gradient = log_posterior(gp, gp._theta, Z, y)
    inside = (gp._theta > low + 1e-6) & (gp._theta < high - 1e-6)
    assert np.abs(gradient[inside]).max() < 0.1
    for j in range(len(gp._theta)):
        for step in (-0.5, 0.5):
            other = gp._theta.copy()
            other[j] = np.clip(other[j] + step, low[j], high[j])
            assert log_posterior(gp, other, Z, y)[0] <= top + 1e-3


@pytest.mark.parametrize(("frequency", "seed", "better"), [(4, 10, 0), (16, 1, 1)])
def test_fit_keeps_the_better_end_of_a_smooth_and_a_rough_start(frequency, seed, better):
    Z = points(np.array([0, 0]), 16, seed)
    y = np.sin(frequency * Z[:, 0]) + np.cos(0.7 * frequency * Z[:, 1])
    y = y + np.random.RandomState(seed).normal(size=16)
    y = (y - y.mean()) / y.std()
    gp, *alone = (process([0, 0]) for _ in range(3))
    for k, one in enumerate(alone):
        one._starts = one._starts[k : k + 1]
    ends = [log_posterior(one, one.fit(Z, y)._theta, Z, y)[0] for one in alone]
    assert ends[better] > ends[1 - better] + 0.5
    assert log_posterior(gp, gp.fit(Z, y)._theta, Z, y)[0] == ends[better]


def test_fit_is_conditioned_on_its_data():
    Z = points(NUMERIC, 30)
    y = targets(Z, noise=0.0)
    mean, std = process(NUMERIC).fit(Z, y).predict(Z)
    assert_allclose(mean, y, atol=0.15)
    assert std.max() < 0.2


def test_fit_predicts_held_out_points_of_a_smooth_function():
    Z, new = points(NUMERIC, 60), points(NUMERIC, 100, seed=9)
    y = np.cos(4 * Z[:, 0]) + Z[:, 1]
    expected = np.cos(4 * new[:, 0]) + new[:, 1]
    mean, _ = process(NUMERIC).fit(Z, (y - y.mean()) / y.std()).predict(new)
    assert np.corrcoef(mean, expected)[0, 1] > 0.98


def test_irrelevant_column_gets_the_longest_lengthscale():
    Z = points(np.array([0, 0, 0, 3]), 60)
    y = np.sin(7 * Z[:, 0]) + (Z[:, 3] < 0.3)
    lengthscales = process([0, 0, 0, 3]).fit(Z, (y - y.mean()) / y.std()).lengthscales
    assert min(lengthscales[1:3]) > max(lengthscales[[0, 3]])


def test_noise_is_told_from_the_function():
    Z = points(np.array([0]), 80)
    smooth = np.sin(6 * Z[:, 0])
    noise = np.random.RandomState(0).normal(size=80)
    estimates = []
    for level in (0.02, 0.5):
        y = smooth + level * noise
        estimates.append(process([0]).fit(Z, (y - y.mean()) / y.std()).noise)
    assert estimates[0] < 0.02 < 0.1 < estimates[1] < 0.6


def test_std_grows_from_the_data_to_that_of_the_prior():
    gp = set_hyperparameters(process([0]), [0.02], 2.0, 1e-6)
    gp.condition(np.array([[0.0]]), np.array([1.0]))
    mean, std = gp.predict(np.array([[0.0], [0.01], [0.02], [1.0]]))
    assert np.all(np.diff(std) > 0)
    assert np.all(np.diff(mean) < 0)
    assert_allclose(std[-1], np.sqrt(2.0))
    assert_allclose(mean[-1], 0, atol=1e-12)


def test_targets_that_are_exact_leave_no_doubt():
    gp, Z, y = conditioned(NUMERIC, noise=0.5)
    mean, std = gp.condition(Z, y, n_exact=3).predict(Z)
    assert_allclose(mean[-3:], y[-3:], atol=1e-3)
    assert std[-3:].max() < 0.01
    assert std[:-3].min() > 0.1


def test_a_shortened_process_is_rougher_and_the_original_stays_as_it_is():
    gp, Z, y = conditioned(MIXED)
    new = points(MIXED, 10, seed=4)
    lengthscales, before = gp.lengthscales, gp.predict(new)
    shortened = gp.shortened(0.5).condition(Z, y)
    assert_allclose(shortened.lengthscales, 0.5 * lengthscales)
    assert (shortened.signal, shortened.noise) == (gp.signal, gp.noise)
    assert_array_equal(gp.lengthscales, lengthscales)
    assert_array_equal(gp.predict(new), before)


def test_order_of_the_data_does_not_matter():
    gp, Z, y = conditioned(MIXED)
    new = points(MIXED, 10, seed=4)
    before = gp.predict(new)
    order = np.random.RandomState(0).permutation(len(Z))
    assert_allclose(gp.condition(Z[order], y[order]).predict(new), before, rtol=1e-8, atol=1e-9)


def test_repeated_observations_average_and_narrow():
    gp = set_hyperparameters(process([0]), [0.5], 1.0, 0.5)
    z = np.array([[0.3]])
    one = gp.condition(z, np.array([1.0])).predict(z)
    many = gp.condition(np.repeat(z, 50, axis=0), np.tile([0.5, 1.5], 25)).predict(z)
    # Posterior of a normal mean: variance 1 / (1 / s^2 + n / e^2)
    assert_allclose([one[0][0], one[1][0]], [1 / 1.5, np.sqrt(0.5 / 1.5)])
    assert_allclose([many[0][0], many[1][0]], [100 / 101, np.sqrt(1 / 101)], rtol=1e-6)


def test_exact_duplicates_without_noise_do_not_break_the_factorisation():
    gp = set_hyperparameters(process([0]), [1e3], 20.0, 1e-6)
    Z = np.repeat(np.linspace(0, 1, 10)[:, None], 20, axis=0)
    mean, std = gp.condition(Z, np.sin(Z[:, 0])).predict(Z)
    assert np.isfinite(mean).all()
    assert np.isfinite(std).all()


@pytest.mark.parametrize("n", [1, 2])
def test_one_or_two_points_are_enough(n):
    Z = points(MIXED, n)
    mean, std = process(MIXED).fit(Z, np.arange(n, dtype=float)).predict(Z)
    assert np.isfinite(mean).all()
    assert np.all(std > 0)


def test_targets_that_cannot_be_fitted_fall_back_to_the_prior_and_warn():
    Z = points(NUMERIC, 10)
    gp = process(NUMERIC).fit(Z, targets(Z))
    with pytest.warns(RuntimeWarning, match="could not be fitted"):
        gp.fit(Z, np.full(10, np.nan))
    fresh = process(NUMERIC)
    assert_allclose(gp.lengthscales, fresh.lengthscales)
    assert_allclose([gp.signal, gp.noise], [fresh.signal, fresh.noise])


# Other searches.


def with_sources(n_categories, weights=(1.3, 0.4), own=(0.2, 0.7), noise=(0.05, 0.3)):
    """A process beside two sources, all hyperparameters set, and the data of all three."""
    rng = np.random.RandomState(3)
    data = [(points(n_categories, n, seed=n), rng.normal(size=n)) for n in (8, 5, 11)]
    gp = GaussianProcess(kernel(n_categories), data[:2])
    lengthscales = rng.uniform(0.2, 1.5, len(n_categories))
    set_hyperparameters(gp, lengthscales, 1.7, 0.02)
    gp._theta = np.r_[gp._theta, np.log(np.r_[weights, own, noise])]
    return gp, data


@spaces
def test_posterior_beside_sources_is_that_of_their_joint_covariance(n_categories):
    weights, own, noise = (1.3, 0.4), (0.2, 0.7), (0.05, 0.3)
    gp, data = with_sources(n_categories, weights, own, noise)
    Z, y = np.vstack([Z for Z, _ in data]), np.concatenate([y for _, y in data])
    of = np.repeat([0, 1, 2], [len(y) for _, y in data])
    scales = np.array([*weights, np.sqrt(1.7)])[of]
    alike = (of[:, None] == of) & (of < 2)
    deviation = np.where(alike, np.array([*own, 0.0])[of], 0.0)
    kernel = reference(gp, n_categories, *data[2]).kernel_.k1  # of variance 1.7
    new = points(n_categories, 20, seed=9)
    phi, phi_new = features(gp, n_categories, Z), features(gp, n_categories, new)
    K = kernel(phi) / 1.7 * (np.outer(scales, scales) + deviation) + 2.0 * alike
    K += np.diag(np.array([*noise, 0.02])[of])
    k = kernel(phi_new, phi) / np.sqrt(1.7) * scales
    mean, std = gp.condition(*data[2]).predict(new)
    assert_allclose(mean, k @ np.linalg.solve(K, y), atol=1e-8)
    variance = 1.7 - np.sum(k.T * np.linalg.solve(K, k.T), axis=0)
    assert_allclose(std, np.sqrt(variance), atol=1e-8)


@spaces
def test_gradient_of_the_objective_beside_sources_is_right(n_categories):
    gp, data = with_sources(n_categories)
    Z = np.vstack([Z for Z, _ in data])
    objective = gp._negative_log_posterior(Z, np.concatenate([y for _, y in data]))
    expected = approx_fprime(gp._theta, lambda theta: objective(theta)[0], 1e-7)
    assert_allclose(objective(gp._theta)[1], expected, atol=1e-3)


@spaces
def test_expectation_at_the_data_is_what_is_predicted_there(n_categories):
    gp, data = with_sources(n_categories)
    gp.condition(*data[2])
    assert_array_equal(gp.Z, np.vstack([Z for Z, _ in data]))
    assert_allclose(gp.expected, gp.predict(gp.Z)[0], atol=1e-10)


def test_sources_without_weight_change_nothing():
    gp, data = with_sources(MIXED, weights=(1e-9, 1e-9))
    alone = set_hyperparameters(process(MIXED), gp.lengthscales, gp.signal, gp.noise)
    new = points(MIXED, 20, seed=9)
    for expected, found in zip(
        alone.condition(*data[2]).predict(new), gp.condition(*data[2]).predict(new), strict=True
    ):
        assert_allclose(found, expected, atol=1e-7)


def test_a_source_that_contradicts_the_data_loses_its_weight():
    Z, others = points(NUMERIC, 30), points(NUMERIC, 30, seed=5)
    weights = {}
    for sign in (1, -1):
        gp = GaussianProcess(kernel(NUMERIC), [(others, sign * targets(others))])
        weights[sign] = np.exp(gp.fit(Z, targets(Z))._theta[-3])
    assert weights[1] > 5 * weights[-1]


@pytest.mark.parametrize("seed", range(3))
def test_a_source_shows_how_little_nearly_equal_scores_differ(seed):
    def slope(Z):
        return np.sin(5 * Z[:, 0]) + Z[:, 1] + 2 * Z[:, 2]

    others, near = points(NUMERIC, 40, seed=5), 0.4 + 0.1 * points(NUMERIC, 8, seed)
    new = points(NUMERIC, 50, seed=9)
    level, unit = slope(near).mean(), slope(near).std()
    source = slope(others) - slope(others).mean()
    gp = GaussianProcess(kernel(NUMERIC), [(others, source / source.std())])
    mean, _ = gp.fit(near, (slope(near) - level) / unit).predict(new)
    assert np.polyfit((slope(new) - level) / unit, mean, 1)[0] == pytest.approx(1, abs=0.1)


@spaces
def test_leaving_one_out_is_to_condition_on_the_others(n_categories):
    gp, Z, y = conditioned(n_categories)
    predictions = gp.leave_one_out(y)
    for i in range(len(y)):
        others = np.arange(len(y)) != i
        mean, _ = gp.condition(Z[others], y[others]).predict(Z[i : i + 1])
        assert_allclose(predictions[i], mean[0], rtol=1e-8, atol=1e-8)
