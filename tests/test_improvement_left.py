"""The largest expected improvement that is left, in the unit of the scores."""

import math

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy.special import erfcx
from scipy.stats import norm
from tuned import cube, run

from sklearn_bo import Optimizer
from sklearn_bo.warping import OutputWarping


@settings(max_examples=40, deadline=None)
@given(mean=st.floats(-1, 1), std=st.floats(0.01, 0.5), threshold=st.floats(-3, 3))
def test_expected_excess_of_a_linear_map_is_the_closed_form(mean, std, threshold):
    warping = OutputWarping(np.array([10.0, 14.0, 18.0]))  # too few for a bend
    slope = float(np.diff(warping.inverse(np.array([0.0, 1.0])))[0])
    z = (mean - threshold) / std
    expected = slope * std * (norm.pdf(z) + z * norm.cdf(z))
    assert warping.expected_excess(mean, std, threshold) == pytest.approx(expected, abs=1e-6)


@pytest.mark.parametrize("seed", range(4))
def test_expected_excess_of_a_bent_map_is_that_of_samples(seed):
    rng = np.random.RandomState(seed)
    warping = OutputWarping(-np.exp(rng.normal(scale=1.5, size=40)))
    mean, std, threshold = rng.normal(), rng.uniform(0.1, 1), rng.normal()
    samples = warping.inverse(rng.normal(mean, std, size=400_000))
    excess = np.maximum(samples - warping.inverse(np.array([threshold])), 0)
    error = excess.std() / math.sqrt(len(excess))
    assert warping.expected_excess(mean, std, threshold) == pytest.approx(
        excess.mean(), abs=5 * error + 1e-9
    )


def test_expected_excess_counts_at_most_five_interquartile_ranges():
    for scores in ([1.0, 2.0], [0.865, 0.9, 0.91, 0.938, 0.92], [0.1] * 8 + [0.9]):
        warping = OutputWarping(np.array(scores))
        spread = np.subtract(*np.quantile(scores, [0.75, 0.25])) or np.std(scores)
        for std in (0.1, 1.0, 3.0):
            assert 0 < warping.expected_excess(0.5, std, 0.7) <= 5 * spread


def tune(space, n, scale=1.0, shift=0.0, look=False):
    optimizer = Optimizer(space, random_state=3)
    for _ in range(n):
        if look:
            optimizer.largest_expected_improvement()
        trial = optimizer.ask()
        optimizer.tell(trial, scale * -math.exp(3 * abs(trial.params["x"] - 0.3)) + shift)
    return optimizer


@pytest.mark.parametrize("n_learned", [0, 15])
def test_largest_expected_improvement_is_that_of_samples_at_the_best_setting(n_learned):
    grid = np.linspace(0, 1, 300)
    optimizer = tune({"x": grid.tolist()}, 14)
    if n_learned:  # of another search, whose best is not this one's
        known = grid[:: 300 // n_learned]
        optimizer.learn([{"x": x} for x in known.tolist()], np.sin(9 * known).tolist())
    gp, warping, Z, _ = optimizer._model.fit(optimizer.trials.finished)
    left = [[x] for x in grid if x not in {trial.params["x"] for trial in optimizer.trials}]
    left = [optimizer.space.encode({"x": x}) for (x,) in left]
    mean, std = gp.predict(np.array(left))
    best = gp.predict(Z)[0].max()
    draws = np.random.RandomState(0).normal(size=(20_000, 1))
    samples = warping.inverse(mean + std * draws) - warping.inverse(np.array([best]))
    improvements = np.maximum(samples, 0).mean(axis=0)
    assert optimizer.largest_expected_improvement() == pytest.approx(improvements.max(), rel=0.1)


def test_largest_expected_improvement_is_in_the_unit_of_the_scores():
    one, other = (
        tune({"x": (0.0, 1.0)}, 12),
        tune({"x": (0.0, 1.0)}, 12, scale=1024.0, shift=4096.0),
    )
    gain = one.largest_expected_improvement()
    assert other.largest_expected_improvement() == pytest.approx(1024 * gain, rel=1e-4)


def test_improvement_left_is_finite_from_two_scores_and_the_same_at_each_look():
    optimizer = Optimizer({"x": (0.0, 1.0)}, random_state=0)
    optimizer.tell({"x": 0.1}, 0.0)
    assert optimizer.largest_expected_improvement() == math.inf
    optimizer.tell({"x": 0.2}, 1.0)
    gain = optimizer.largest_expected_improvement()
    assert gain < math.inf
    assert optimizer.largest_expected_improvement() == gain


def test_to_look_at_the_improvement_left_changes_no_proposal():
    plain, watched = tune({"x": (0.0, 1.0)}, 25), tune({"x": (0.0, 1.0)}, 25, look=True)
    assert [t.params for t in plain.trials] == [t.params for t in watched.trials]


def test_no_improvement_is_left_in_an_exhausted_space_but_by_what_is_pending():
    optimizer = Optimizer({"x": [1, 2, 3, 4]}, random_state=0)
    assert optimizer.largest_expected_improvement() == math.inf
    trials = optimizer.ask(4)
    for trial in trials[:3]:
        optimizer.tell(trial, -float(trial.params["x"]))
    assert optimizer.largest_expected_improvement() > 0
    optimizer.tell(trials[3], 0.0)
    assert optimizer.largest_expected_improvement() == 0.0


def test_what_is_pending_is_left_as_it_was_before_it_was_asked():
    optimizer = Optimizer({"x": [*range(12)], "kind": ["u", "v"]}, random_state=0)
    run(optimizer, lambda params: -((params["x"] - 7) ** 2) - (params["kind"] == "v"), 9)
    left = optimizer.largest_expected_improvement()
    optimizer.ask(4)
    assert optimizer.largest_expected_improvement() == pytest.approx(left)


def test_the_largest_of_floats_do_not_overflow():
    optimizer = Optimizer(cube(1), random_state=0)
    scores = iter([-1.7e308, 1.7e308, -1.7e308, 1.7e308, 0.0])
    run(optimizer, lambda _: next(scores), 5)
    with np.errstate(all="raise"):
        assert math.isfinite(optimizer.largest_expected_improvement())


def test_expected_excess_over_the_lowest_of_floats_does_not_overflow():
    warping = OutputWarping(np.array([-1.7e308, 0.0, 1.7e308]))
    with np.errstate(over="raise"):
        assert math.isfinite(warping.expected_excess(1.0, 0.5, -1.5))


@pytest.mark.parametrize("distance", [9.0, 12.0, 30.0])
def test_expected_excess_of_a_threshold_far_out_is_the_closed_form(distance):
    warping = OutputWarping(np.array([10.0, 14.0, 18.0]))
    slope = float(np.diff(warping.inverse(np.array([0.0, 1.0])))[0])
    std = 0.01
    expected = slope * std * np.exp(norm.logpdf(distance)) * (1 - distance * mills(distance))
    found = warping.expected_excess(0.0, std, distance * std)
    assert found == pytest.approx(expected, rel=1e-6, abs=0)


def mills(z):
    """(1 - Phi(z)) / phi(z)."""
    return math.sqrt(math.pi / 2) * erfcx(z / math.sqrt(2))


def test_expected_excess_of_what_is_certain_to_be_much_is_five_interquartile_ranges():
    warping = OutputWarping(np.array([10.0, 14.0, 18.0]))
    low, high = np.quantile([10.0, 14.0, 18.0], [0.25, 0.75])
    assert warping.expected_excess(20.0, 0.1, -20.0) == pytest.approx(5 * (high - low))
