"""The comparison of points under noise, against closed forms and simulation."""

import numpy as np
import pytest
from numpy.testing import assert_allclose, assert_array_equal
from scipy.stats import norm

from sklearn_bo.judgement import judge
from sklearn_bo.kernel import NO_SHARE, Kernel
from sklearn_bo.surrogate import GaussianProcess


class Fixed(GaussianProcess):
    """A process whose hyperparameters are given, so that its posterior has a closed form."""

    def __init__(self, lengthscale, signal, noise, d=1):
        super().__init__(Kernel([np.empty(0)] * d))
        axes = np.zeros(d * (d - 1) // 2)
        self._theta = np.r_[
            np.full(d, np.log(lengthscale)), NO_SHARE, axes, np.log([signal, noise])
        ]

    def fit(self, Z, y):
        return self.condition(Z, y)


@pytest.mark.parametrize("loser", [0.3, -0.9])
def test_two_independent_points_win_as_the_normal_law_says(loser):
    Z = np.array([[0.0], [1.0]])  # a hundred lengthscales apart
    mean, std, prob_best = judge(Fixed(0.01, 1.0, 0.5), Z, np.array([0.9, loser]), Z)
    shrinkage = 1 / 1.5
    assert_allclose(mean, [0.9 * shrinkage, loser * shrinkage], rtol=1e-6)
    assert_allclose(std, np.sqrt(0.5 * shrinkage), rtol=1e-6)
    expected = norm.cdf((mean[0] - mean[1]) / np.sqrt(2 * std[0] ** 2))
    assert_allclose(prob_best, [expected, 1 - expected], atol=0.025)


def test_points_that_vary_together_are_told_apart_better_than_their_stds_say():
    Z = np.array([[0.50], [0.52]])
    mean, std, prob_best = judge(Fixed(1.0, 1.0, 0.01), Z, np.array([0.3, 0.1]), Z)
    apart = norm.cdf((mean[0] - mean[1]) / np.hypot(*std))
    assert prob_best[0] > apart + 0.05


def test_probabilities_are_those_of_a_simulation_over_true_functions():
    rng = np.random.RandomState(1)
    gp = Fixed(0.2, 1.0, 0.3)
    Z = rng.uniform(size=(15, 1))
    gp.condition(np.array([[50.0]]), np.array([0.0]))  # far from here: the prior
    hits, claimed = [], []
    for f in gp.sample(Z, 200, rng):
        y = f + np.sqrt(0.3) * rng.normal(size=15)
        *_, prob_best = judge(Fixed(0.2, 1.0, 0.3), Z, y, Z)
        hits.append(prob_best.argmax() == f.argmax())
        claimed.append(prob_best.max())
    assert np.mean(hits) == pytest.approx(np.mean(claimed), abs=0.1)  # two standard errors: 0.07


def test_one_of_which_little_is_known_may_win_among_thousands_of_which_much_is():
    Z = np.array([[0.0], [0.5], [1.0]])  # no two within fifty lengthscales
    candidates = Z[np.repeat([0, 1, 2], [1, 2000, 1])]
    *_, prob_best = judge(Fixed(0.01, 1.0, 1e-4), Z[:2], np.array([1.0, -1.0]), candidates)
    assert prob_best[-1] == pytest.approx(norm.sf(1.0), abs=0.03)


def test_each_call_gives_the_same_probabilities():
    Z = np.linspace(0, 1, 5)[:, None]
    first, second = (judge(Fixed(0.2, 1.0, 0.3), Z, np.sin(9 * Z[:, 0]), Z) for _ in range(2))
    assert_array_equal(first, second)


@pytest.mark.parametrize("n", [1, 2, 30])
def test_equal_targets_and_repeated_points_leave_probabilities_that_sum_to_one(n):
    Z = np.repeat(np.linspace(0, 1, n)[:, None], 3, axis=0)
    mean, std, prob_best = judge(GaussianProcess(Kernel([np.empty(0)])), Z, np.zeros(len(Z)), Z)
    assert prob_best.sum() == pytest.approx(1)
    assert np.all(prob_best >= 0)
    assert_allclose(mean, 0, atol=1e-12)
    assert np.all(std > 0)


def test_all_of_a_thousand_observations_count():
    Z = np.full((1000, 1), 0.5)
    mean, std, _ = judge(Fixed(1.0, 1.0, 0.5), Z, np.ones(1000), Z[:1])
    # Posterior of a normal mean: variance 1 / (1 / s^2 + n / e^2)
    assert_allclose([mean[0], std[0]], [2000 / 2001, np.sqrt(1 / 2001)], rtol=1e-4)


def test_thousands_of_observations_in_order_of_place_are_used_from_everywhere():
    Z = np.linspace(0, 1, 2300)[:, None]
    noise = np.random.RandomState(0).normal(scale=0.3, size=2300)
    y = np.where(Z[:, 0] < 0.9, -1.0, 2.0) + noise
    mean, _, prob_best = judge(Fixed(0.05, 1.0, 0.09), Z, y, Z)
    assert prob_best[Z[:, 0] > 0.9].sum() > 0.99
    assert_allclose(mean[-100:], 2.0, atol=0.2)


def test_of_many_observations_luck_is_no_merit():
    rng = np.random.RandomState(0)
    Z = rng.uniform(size=(1000, 2))
    truth = -np.sum((Z - 0.5) ** 2, axis=1)
    y = truth + 0.3 * rng.normal(size=1000)
    y, truth = y / y.std(), truth / y.std()
    mean, std, prob_best = judge(GaussianProcess(Kernel([np.empty(0)] * 2)), Z, y - y.mean(), Z)
    error = (mean + y.mean() - truth) / std
    assert np.sqrt(np.mean(error**2)) < 2
    assert truth[mean.argmax()] > np.quantile(truth, 0.8)
    assert prob_best.sum() == pytest.approx(1)
