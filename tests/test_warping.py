"""Output warping: increasing, invertible, blind to the unit, calm about outliers."""

import numpy as np
import pytest
from numpy.testing import assert_allclose, assert_array_equal
from scipy import stats
from sklearn.preprocessing import PowerTransformer

from sklearn_bo.warping import OutputWarping, differ


def skewed(n=60, seed=0):
    return -np.random.RandomState(seed).gamma(3.0, size=n)


def spoiled(size, n=30):
    """Ordinary scores and one that lies `size` standard deviations below them."""
    return np.r_[np.random.RandomState(1).normal(size=n), -size]


SCORES = {
    "normal": np.random.RandomState(0).normal(size=40),
    "skewed": skewed(),
    "heavy tail": -np.exp(3 * np.random.RandomState(2).normal(size=50)),
    "outlier": spoiled(1e6),
    "two": np.array([0.1, 0.9]),
    "three": np.array([0.5, 0.6, 0.9]),
    "mostly equal": np.r_[np.full(20, 0.5), 0.7, 0.1],
    "mostly equal and large": 1e8 + np.r_[np.full(20, 0.5), 0.7, 0.1],
    "tiny": 1e-12 * skewed(),
    "huge": 1e12 * skewed(),
    "smallest": 1e-300 * skewed(),
    "largest": 1e300 * skewed(),
    "both signs of the largest": np.array([-1.7e308, 1.7e308, 0.0, 1.0]),
    "half diverged": np.r_[skewed(), -np.geomspace(1e6, 1e20, 50)],
    "narrow": 1e6 + 1e-3 * skewed(),
}
all_scores = pytest.mark.parametrize("scores", SCORES.values(), ids=SCORES.keys())


@all_scores
def test_targets_have_zero_mean_and_unit_variance(scores):
    targets = OutputWarping(scores)(scores)
    assert_allclose(targets.mean(), 0, atol=1e-9)
    assert_allclose(targets.std(), 1, rtol=1e-9)


@all_scores
def test_targets_increase_with_the_scores(scores):
    ordered = np.unique(scores)
    assert np.all(np.diff(OutputWarping(scores)(ordered)) > 0)


@all_scores
def test_inverse_takes_targets_back_to_scores(scores):
    warping = OutputWarping(scores)
    error = np.abs(warping.inverse(warping(scores)) - scores)
    assert np.all(error <= 1e-6 * np.abs(scores) + 1e-9 * (np.max(np.abs(scores)) / 1e6))


@pytest.mark.parametrize("constant", [0.0, 0.7, -1e12, 1e-12])
@pytest.mark.parametrize("n", [1, 2, 10])
def test_equal_scores_become_zeros_and_come_back(constant, n):
    scores = np.full(n, constant)
    warping = OutputWarping(scores)
    assert_array_equal(warping(scores), np.zeros(n))
    assert_allclose(warping.inverse(np.zeros(n)), scores, rtol=1e-12)


def test_scores_equal_up_to_rounding_count_as_equal():
    scores = 0.1 + np.spacing(0.1) * np.arange(5)
    assert np.abs(OutputWarping(scores)(scores)).max() < 1e-2


@all_scores
@pytest.mark.parametrize("power", [-30, -1, 3])
def test_scaling_by_a_power_of_two_changes_no_bit(scores, power):
    with np.errstate(over="ignore"):
        scaled = np.ldexp(scores, power)
    if not np.all(np.isfinite(scaled)) or np.min(np.abs(scaled[scaled != 0])) < 1e-307:
        pytest.skip("out of the range of floats")
    assert_array_equal(OutputWarping(scaled)(scaled), OutputWarping(scores)(scores))


@pytest.mark.parametrize(("scale", "shift"), [(3.7, 0.0), (1e-9, 0.0), (1.0, 1e3), (250.0, -0.3)])
def test_scale_and_shift_leave_the_targets_as_they_are(scale, shift):
    for scores in (skewed(), spoiled(1e3), SCORES["three"], SCORES["mostly equal"]):
        moved = scale * scores + shift
        assert_allclose(
            OutputWarping(moved)(moved), OutputWarping(scores)(scores), rtol=1e-5, atol=1e-5
        )


@pytest.mark.parametrize("n_diverged", [10, 30, 50])  # of 70
@pytest.mark.parametrize("scale", [1e-12, 1.0, 1e12])
def test_scores_that_diverged_do_not_hide_how_the_others_differ(n_diverged, scale):
    good = np.random.RandomState(0).normal(size=70 - n_diverged)
    scores = scale * np.r_[good, -np.geomspace(1e9, 1e20, n_diverged)]
    targets = OutputWarping(scores)(scores)[: len(good)]
    assert targets.std() > 0.05
    assert np.corrcoef(targets, good)[0, 1] > 0.95


def test_a_search_that_converges_keeps_the_scale_of_all():
    scores = -np.geomspace(1e-5, 1.0, 40)
    gap = np.diff(OutputWarping(scores)(np.array([-0.2, -0.1])))
    assert gap > 0.1  # the scores below the median still tell


@pytest.mark.parametrize(
    ("scores", "expected"),
    [
        ([], False),
        ([0.7], False),
        ([0.3, 0.1 + 0.2], False),
        ([1e300, 1e300, 1e300], False),
        ([0.0, 0.0], False),
        ([0.3, 0.3 + 1e-12], True),
        ([-1.7e308, 1.7e308], True),
        ([1.0, -1e20, -1e20], True),
    ],
)
def test_scores_differ_by_more_than_rounding(scores, expected):
    assert differ(np.array(scores)) is expected


def test_moderate_skew_is_removed_as_scikit_learn_does():
    scores = np.random.RandomState(3).gamma(9.0, size=80)
    standardised = (scores - scores.mean()) / scores.std()
    expected = PowerTransformer("yeo-johnson").fit_transform(standardised[:, None]).ravel()
    assert_allclose(OutputWarping(scores)(scores), expected, atol=5e-3)


def test_long_tail_is_shortened():
    scores = SCORES["heavy tail"]
    assert abs(stats.skew(OutputWarping(scores)(scores))) < 0.5 * abs(stats.skew(scores))


@pytest.mark.parametrize("size", [1e3, 1e6, 1e12])
def test_outlier_does_not_squeeze_the_others_together(size):
    scores = spoiled(size)
    targets = OutputWarping(scores)(scores)
    assert np.ptp(targets[:-1]) > 1.0
    assert targets[-1] == targets.min()
    assert targets.min() > -8


def test_inverse_moments_are_the_quantiles_of_warped_normal_draws():
    warping = OutputWarping(skewed())
    draws = warping.inverse(np.random.RandomState(0).normal(0.4, 0.5, size=200_000))
    low, median, high = np.quantile(draws, stats.norm.cdf([-1, 0, 1]))
    mean, std = warping.inverse_moments(np.array([0.4]), np.array([0.5]))
    assert_allclose(mean[0], median, atol=0.02)
    assert_allclose(std[0], (high - low) / 2, atol=0.02)


def test_inverse_moments_are_exact_where_the_warping_is_linear():
    warping = OutputWarping(np.array([2.0, 4.0]))  # centre 3, standard deviation 1
    mean, std = warping.inverse_moments(np.array([0.0, 0.5]), np.array([0.1, 0.3]))
    assert_allclose(mean, [3.0, 3.5])
    assert_allclose(std, [0.1, 0.3])


def test_beyond_what_was_seen_moments_go_on_in_a_line():
    scores = 0.96 - np.minimum(stats.expon(scale=0.05).ppf((np.arange(50) + 0.5) / 50), 0.2)
    warping = OutputWarping(scores)
    lowest, highest = warping(np.array([scores.min(), scores.max()]))
    targets = np.array([lowest + 0.01, lowest, lowest - 0.01, lowest - 1, lowest - 2])
    means, stds = warping.inverse_moments(targets, np.zeros(5))
    steps = -np.diff(means)
    assert_allclose(steps[[0, 2, 3]] / [1, 99, 100], steps[1], rtol=1e-2)
    assert not stds.any()
    inside = np.linspace(lowest, highest, 30)
    means, stds = warping.inverse_moments(inside, np.full(30, 0.1))
    assert_allclose(means, warping.inverse(inside))
    assert np.all(np.diff(stds) < 1e-12)  # the better the scores, the more a target tells


def test_spread_of_the_largest_scores_does_not_overflow():
    warping = OutputWarping(SCORES["both signs of the largest"])
    _, std = warping.inverse_moments(np.zeros(1), np.full(1, 5.0))
    assert 1e308 < std[0] < np.inf


@all_scores
def test_inverse_is_increasing_within_what_a_surrogate_predicts(scores):
    if np.max(np.abs(scores)) > 1e200:
        pytest.skip("beyond the largest float")
    inverse = OutputWarping(scores).inverse(np.linspace(-6, 6, 200))
    assert np.all(np.isfinite(inverse))
    assert np.all(np.diff(inverse) >= 0)


@pytest.mark.parametrize("decades", [15, 22, 30, 300])
def test_scores_of_any_span_come_back_finite(decades):
    warping = OutputWarping(-(10.0 ** np.linspace(-5, decades, 30)))
    targets = np.linspace(-30, 30, 100)
    mean, std = warping.inverse_moments(targets, np.full(100, 5.0))
    assert np.isfinite(mean).all()
    assert np.isfinite(std).all()
    assert (np.diff(mean) >= 0).all()
    assert 0 < warping.expected_excess(0.0, 1.0, 0.0) < np.inf


def test_inverse_keeps_the_shape():
    assert OutputWarping(skewed()).inverse(np.zeros((2, 3))).shape == (2, 3)


@pytest.mark.parametrize(
    "levels", [[0.2, 0.8], [0.2, 0.3, 0.8], [0.2, 0.3, 0.35, 0.8]], ids=["two", "three", "four"]
)
def test_scores_of_few_levels_stay_in_a_line(levels):
    scores = np.repeat(levels, 3 * np.arange(1, len(levels) + 1) ** 2)
    targets = OutputWarping(scores)(np.array([0.2, 0.5, 0.8]))
    assert targets[1] == pytest.approx((targets[0] + targets[2]) / 2)
