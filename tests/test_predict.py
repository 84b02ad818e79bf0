"""Predictions of an optimizer, in the unit of the scores."""

import math

import numpy as np
import pytest
from numpy.testing import assert_allclose
from scipy import stats
from tuned import cube, mixed_score, run, sphere, warmed_up

from sklearn_bo import Optimizer


def test_predict_before_any_score_is_an_error():
    optimizer = Optimizer(cube(1), random_state=0)
    optimizer.tell(optimizer.ask(), math.nan)
    with pytest.raises(ValueError, match="at least one complete trial"):
        optimizer.predict({"x0": 0.5})


def test_predict_gives_floats_for_one_setting_and_arrays_for_several():
    optimizer = warmed_up()
    params = [t.params for t in optimizer.trials[:3]]
    means, stds = optimizer.predict(params)
    assert means.shape == stds.shape == (3,)
    mean, std = optimizer.predict(params[1])
    assert (type(mean), type(std)) == (float, float)
    assert_allclose([mean, std], [means[1], stds[1]])
    assert np.all(stds > 0)


@pytest.mark.parametrize("seed", [0, 1])
def test_accuracies_are_predicted_to_be_some(seed):
    rng = np.random.RandomState(seed)
    optimizer = Optimizer(cube(3), random_state=0)
    for x in rng.uniform(size=(50, 3)):
        loss = 0.5 * math.hypot(x[0] - 0.5, 0.55 * (x[2] - 0.6)) + 0.15 * (
            x[2] > 0.7 and x[1] > 0.5
        )
        accuracy = min(0.96, math.floor(50 * (1.1 - loss)) / 50)  # most are near the best
        optimizer.tell(dict(zip(cube(3), x.tolist(), strict=True)), accuracy)
    others = [dict(zip(cube(3), x, strict=True)) for x in rng.uniform(size=(800, 3)).tolist()]
    mean, std = optimizer.predict(others)
    assert 0.2 < mean.min() < mean.max() < 1.1
    assert std.max() < 0.3


def test_predict_of_no_setting_is_empty():
    mean, std = warmed_up().predict([])
    assert mean.shape == std.shape == (0,)


def test_predict_outside_the_space_is_an_error():
    with pytest.raises(ValueError, match="'alpha'"):
        warmed_up(n=3).predict({"lr": 0.1, "depth": 3, "kernel": "rbf", "alpha": 3.0})


@pytest.mark.parametrize(("scale", "shift"), [(1.0, 0.0), (1e4, 2e5), (1e-6, -1.0)])
def test_predict_is_in_the_unit_of_the_scores(scale, shift):
    def score(params):
        return scale * sphere(params) + shift

    optimizer = Optimizer(cube(2), random_state=0)
    for z in np.random.RandomState(0).uniform(size=(40, 2)):
        params = {"x0": float(z[0]), "x1": float(z[1])}
        optimizer.tell(params, score(params))
    new = [{"x0": 0.2, "x1": 0.4}, {"x0": 0.7, "x1": 0.6}, {"x0": 0.5, "x1": 0.1}]
    means, stds = optimizer.predict(new)
    assert_allclose(means, [score(p) for p in new], rtol=1e-9, atol=0.05 * scale)
    assert np.all(stds < 0.1 * scale)


def test_predict_after_a_single_score_is_that_score():
    optimizer = Optimizer(cube(2), random_state=0)
    optimizer.tell({"x0": 0.5, "x1": 0.5}, 7.0)
    mean, std = optimizer.predict({"x0": 0.5, "x1": 0.5})
    assert mean == pytest.approx(7.0)
    assert std > 0


def test_prediction_intervals_cover_new_noisy_scores():
    rng = np.random.RandomState(0)
    covered = []
    for seed in range(4):
        optimizer = Optimizer(cube(2), random_state=seed)
        settings = [{"x0": float(a), "x1": float(b)} for a, b in rng.uniform(size=(100, 2))]
        scores = [math.sin(5 * p["x0"]) + p["x1"] + 0.2 * rng.normal() for p in settings]
        for params, score in zip(settings[:40], scores[:40], strict=True):
            optimizer.tell(params, score)
        means, stds = optimizer.predict(settings[40:])
        covered.extend(np.abs(scores[40:] - means) < stats.norm.ppf(0.9) * stds)
    assert 0.7 < np.mean(covered) < 0.9  # 80 % intervals


@pytest.mark.parametrize("n", [1, 6, 12])
def test_predict_does_not_change_what_is_proposed_next(n):
    quiet, curious = warmed_up(n=n), warmed_up(n=n)
    for _ in range(4):
        curious.predict(curious.trials[0].params)
        assert run(quiet, mixed_score, 1) == run(curious, mixed_score, 1)


def test_predict_does_not_need_choices_that_can_be_copied():
    class Single:
        def __deepcopy__(self, memo):
            raise TypeError

    optimizer = warmed_up({"a": [Single(), None], "x": (0.0, 1.0)}, lambda p: p["x"], n=3)
    mean, _ = optimizer.predict(optimizer.best_trial.params)
    assert math.isfinite(mean)


def test_posterior_of_trials_as_they_were_asked_is_of_what_was_told_since():
    optimizer = warmed_up()
    asked = optimizer.ask(3)
    for trial in asked:
        optimizer.tell(trial, 0.5)
    for part, whole in zip(optimizer.posterior(asked)[:2], optimizer.posterior()[:2], strict=True):
        assert_allclose(part, whole[-3:], rtol=1e-9)


def test_posterior_of_some_trials_is_theirs_among_all():
    optimizer = warmed_up(cube(2), lambda p: math.nan if p["x0"] > 0.7 else sphere(p), n=15)
    mean, std, _ = optimizer.posterior()
    numbers = [9, 2, 5]
    chosen = [optimizer.trials[number] for number in numbers]
    *moments, prob_best = optimizer.posterior(chosen)
    assert_allclose(moments, [mean[numbers], std[numbers]], rtol=1e-9)
    assert np.isnan(moments[0]).tolist() == [trial.state == "failed" for trial in chosen]
    assert prob_best.sum() == pytest.approx(1)
    assert [len(part) for part in optimizer.posterior([])] == [0, 0, 0]


def test_posterior_makes_no_merit_of_luck_among_hundreds_of_trials():
    optimizer = Optimizer(cube(1), random_state=0)
    for x, score in np.random.RandomState(0).uniform(size=(600, 2)).tolist():
        optimizer.tell({"x0": x}, score)
    mean, *_ = optimizer.posterior()
    assert mean.mean() == pytest.approx(0.5, abs=0.04)
