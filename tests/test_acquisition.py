"""Acquisition functions against their integrals, their published asymptotics, differences."""

import numpy as np
import pytest
from numpy.testing import assert_allclose
from scipy import integrate, stats

from sklearn_bo.acquisition import (
    log_expected_improvement,
    log_h,
    log_probability_above,
    upper_confidence_bound,
)


def log_h_by_quadrature(z):
    """log of h(z) = phi(z) int_0^inf t exp(z t - t^2 / 2) dt, scaled so as never to underflow."""
    scale = max(abs(z), 1.0)
    integral, _ = integrate.quad(
        lambda s: s * np.exp(z / scale * s - 0.5 * (s / scale) ** 2),
        0,
        60 if z < 0 else scale * (z + 12),
        epsabs=0,
        epsrel=1e-12,
        limit=200,
    )
    return stats.norm.logpdf(z) + np.log(integral) - 2 * np.log(scale)


ANYWHERE = [-1e7, -1e4, -100.0, -40.0, -10.0, -3.0, -1.01, -0.99, -0.1, 0.0, 0.5, 1.0, 4.0, 8.0]


@pytest.mark.parametrize("z", ANYWHERE)
def test_log_h_is_the_logarithm_of_its_integral(z):
    assert_allclose(log_h(np.array([z]))[0], log_h_by_quadrature(z), rtol=1e-9, atol=1e-9)


def test_log_h_is_the_logarithm_of_its_closed_form_where_that_does_not_underflow():
    z = np.linspace(-5, 10, 301)
    assert_allclose(np.exp(log_h(z)), stats.norm.pdf(z) + z * stats.norm.cdf(z), rtol=1e-8)


@pytest.mark.parametrize("z", [-1e2, -1e4, -1e6, -1e8, -1e12, -1e100])
def test_log_h_has_the_published_asymptote(z):
    # arXiv:2310.20708: log h(z) -> -z^2 / 2 - 2 log|z| - log(2 pi) / 2; the next term is -3 / z^2
    expected = -(z**2) / 2 - 2 * np.log(-z) - 0.5 * np.log(2 * np.pi) - 3 / z**2
    assert_allclose(log_h(np.array([z]))[0], expected, rtol=1e-8)


def test_log_h_approaches_log_z():
    z = np.array([10.0, 1e3, 1e8])
    assert_allclose(log_h(z), np.log(z), rtol=1e-12)


def test_log_h_increases():
    z = np.r_[-np.logspace(10, -3, 2000), np.logspace(-3, 6, 1000)]
    assert np.all(np.diff(log_h(z)) > 0)


def test_log_h_keeps_the_shape():
    assert log_h(np.zeros((2, 3))).shape == (2, 3)


CASES = [(0.0, 1.0, 0.5), (1.0, 0.3, 0.2), (-2.0, 0.5, 1.0), (0.0, 1e-3, 0.1), (5.0, 2.0, -1.0)]


@pytest.mark.parametrize(("mean", "std", "best"), CASES)
def test_log_expected_improvement_is_the_logarithm_of_the_expectation(mean, std, best):
    value, *_ = log_expected_improvement(np.array([mean]), np.array([std]), best)
    gap = (mean - best) / std
    # E[max(f - best, 0)] = int (f - best)^+ p(f) df, by the improvement in units of std
    integral, _ = integrate.quad(
        lambda t: t * np.exp(stats.norm.logpdf(t - gap) - stats.norm.logpdf(min(gap, 0.0))),
        0,
        max(gap, 0.0) + 12,
        epsabs=0,
        epsrel=1e-11,
        points=[max(gap, 0.0)],
        limit=200,
    )
    expected = np.log(std) + np.log(integral) + stats.norm.logpdf(min(gap, 0.0))
    assert_allclose(value[0], expected, rtol=1e-8, atol=1e-9)


def test_log_expected_improvement_agrees_with_monte_carlo():
    draws = np.random.RandomState(0).normal(0.3, 0.8, size=400_000)
    improvement = np.maximum(draws - 1.0, 0)
    value, *_ = log_expected_improvement(np.array([0.3]), np.array([0.8]), 1.0)
    error = improvement.std() / np.sqrt(len(draws))
    assert abs(np.exp(value[0]) - improvement.mean()) < 4 * error


def central_difference(function, x, h):
    return (function(x + h) - function(x - h)) / (2 * h)


@pytest.mark.parametrize("best", [-30.0, -1.0, 0.0, 0.7, 5.0, 60.0])
def test_derivatives_of_log_expected_improvement_are_its_differences(best):
    mean, std = np.array([-1.0, 0.0, 0.3, 0.9]), np.array([0.5, 1.0, 0.1, 2.0])
    _, d_mean, d_std = log_expected_improvement(mean, std, best)
    by_mean = central_difference(lambda m: log_expected_improvement(m, std, best)[0], mean, 1e-6)
    by_std = central_difference(lambda s: log_expected_improvement(mean, s, best)[0], std, 1e-6)
    assert_allclose(d_mean, by_mean, rtol=1e-5, atol=1e-6)
    assert_allclose(d_std, by_std, rtol=1e-5, atol=1e-6)


@pytest.mark.parametrize("z", [-1e2, -9.9e3, -1.01e4, -1e6])
def test_derivatives_far_from_the_incumbent_are_those_of_the_asymptote(z):
    std = np.array([0.5])
    _, d_mean, d_std = log_expected_improvement(z * std, std, 0.0)
    # d log h / dz = -z - 2 / z + O(1 / z^3)
    slope = -z - 2 / z
    assert_allclose(d_mean, slope / std, rtol=1e-6)
    assert_allclose(d_std, (1 - slope * z) / std, rtol=1e-6)


def test_log_expected_improvement_prefers_a_higher_mean_and_below_the_incumbent_a_larger_std():
    _, d_mean, d_std = log_expected_improvement(np.linspace(-5, 0, 11), np.full(11, 0.4), 0.0)
    assert np.all(d_mean > 0)
    assert np.all(d_std > 0)


def test_log_expected_improvement_moves_with_the_unit_of_the_scores():
    mean, std = np.array([-1.0, 0.2, 3.0]), np.array([0.1, 1.0, 2.0])
    value, *_ = log_expected_improvement(mean, std, 0.5)
    moved, *_ = log_expected_improvement(7 * mean + 3, 7 * std, 7 * 0.5 + 3)
    assert_allclose(moved, value + np.log(7), rtol=1e-12)


def test_extreme_inputs_stay_finite():
    values = log_expected_improvement(np.array([-10.0, 10.0, 0.0]), np.array([1e-6, 1e-6, 1e3]), 0)
    assert all(np.isfinite(v).all() for v in values)


def test_upper_confidence_bound_is_mean_plus_beta_standard_deviations():
    mean, std = np.array([1.0, -2.0]), np.array([0.5, 3.0])
    value, d_mean, d_std = upper_confidence_bound(mean, std, beta=2.0)
    assert_allclose(value, [2.0, 4.0])
    assert_allclose(d_mean, [1.0, 1.0])
    assert_allclose(d_std, [2.0, 2.0])


@pytest.mark.parametrize("threshold", [-30.0, -1.0, 0.0, 0.7, 5.0, 60.0])
def test_log_probability_above_is_that_of_a_normal_and_so_are_its_derivatives(threshold):
    mean, std = np.array([-2.0, -0.3, 0.0, 0.4, 3.0]), np.array([0.5, 2.0, 1.0, 0.2, 1.5])
    value, d_mean, d_std = log_probability_above(mean, std, threshold)
    assert_allclose(value, stats.norm.logsf(threshold, mean, std), rtol=1e-9)
    by_mean = central_difference(lambda m: log_probability_above(m, std, threshold)[0], mean, 1e-5)
    by_std = central_difference(lambda s: log_probability_above(mean, s, threshold)[0], std, 1e-5)
    assert_allclose(d_mean, by_mean, rtol=1e-5, atol=1e-9)
    assert_allclose(d_std, by_std, rtol=1e-5, atol=1e-9)
