"""What the model makes of trials that have failed."""

import math

import numpy as np
import pytest
from numpy.testing import assert_array_equal
from tuned import drawn

from sklearn_bo.model import Model
from sklearn_bo.space import Space
from sklearn_bo.trials import Trials

pytestmark = pytest.mark.usefixtures("one_blas_thread")

PLANE = Space({"x": (0.0, 1.0), "y": (0.0, 1.0)})


def test_success_is_likelier_than_not_where_trials_succeeded_and_nowhere_else():
    space, trials = Space({"x": (0.0, 1.0)}), Trials()
    for x in np.linspace(0, 1, 20):
        trial = trials.append({"x": x}, np.array([x]), "model")
        trials.finish(trial, math.nan if x > 0.7 else x)
    ((gp, log_probability),) = Model(space).success(list(trials))
    Z = np.array([[0.2], [0.5], [0.8], [0.95]])
    probability = np.exp(log_probability(*gp.predict(Z))[0])
    assert np.all(probability[:2] > 0.9)
    assert np.all(probability[2:] < 0.1)


@pytest.mark.parametrize("seed", range(5))
def test_failures_by_chance_are_left_out_and_those_of_a_region_are_not(seed):
    rng = np.random.RandomState(seed)
    Z, by_chance = PLANE.sample(30, rng), rng.uniform(size=30) < 0.4
    for fails, n_left in ((by_chance, (~by_chance).sum()), (Z[:, 0] > 0.6, 30)):
        trials = Trials()
        for z, failed in zip(Z, fails, strict=True):
            trial = trials.append(PLANE.decode(z), z, "model")
            trials.finish(trial, math.nan if failed else z.sum())
        assert len(Model(PLANE).fit(list(trials))[2]) == n_left


@pytest.mark.parametrize(("first", "then"), [(math.nan, 1.0), (1.0, math.nan)])
def test_the_few_of_either_state_are_remembered_after_hundreds_of_the_other(first, then):
    space, trials = Space({"x": (0.0, 1.0)}), Trials()
    for k, x in enumerate(np.random.RandomState(0).uniform(0.1, 1.0, size=260)):
        z = np.array([x / 10 if k < 3 else x])
        trials.finish(trials.append({"x": z[0]}, z, "model"), x * (first if k < 3 else then))
    ((gp, log_probability),) = Model(space).success(list(trials))
    near, far = np.exp(log_probability(*gp.predict(np.array([[0.05], [0.6]])))[0])
    assert near < far if math.isnan(first) else near > far


def test_success_where_nothing_is_known_is_as_likely_as_on_the_whole():
    space = Space({"x": (0.0, 1.0)})
    trials = drawn(space, lambda params: 1.0 if params["x"] < 0.1 else math.nan, 40).finished
    share = np.mean([trial.state == "complete" for trial in trials])
    ((_, log_probability),) = Model(space).success(trials)
    (unknown,) = np.exp(log_probability(np.zeros(1), np.ones(1))[0])
    assert unknown == pytest.approx(share, abs=0.05)


@pytest.mark.parametrize(("first", "then"), [(math.nan, 1.0), (1.0, math.nan)])
def test_one_of_another_state_counts_before_the_next_refit(first, then):
    trials = drawn(PLANE, lambda params: first * params["x"], 60).finished
    trials += drawn(PLANE, lambda params: then * params["x"], 1, seed=5).finished
    assert len(Model(PLANE).success(trials)) == 1


def test_the_latest_of_hundreds_tell_where_trials_succeed():
    space = Space({"x": (0.0, 1.0)})
    early = drawn(space, lambda p: math.nan if p["x"] < 0.5 else p["x"], 400).finished
    late = drawn(space, lambda p: p["x"] if p["x"] < 0.5 else math.nan, 400, seed=1).finished
    ((gp, log_probability),) = Model(space).success(early + late)
    low, high = np.exp(log_probability(*gp.predict(np.array([[0.2], [0.8]])))[0])
    assert low > 0.9
    assert high < 0.1


def test_failed_trials_are_taken_to_score_what_the_worst_did():
    trials = drawn(PLANE, lambda p: math.nan if p["x"] + p["y"] > 1.3 else p["x"], 30).finished
    _, _, Z, y = Model(PLANE).fit(trials)
    failed = Z.sum(axis=1) > 1.3
    assert_array_equal(y[failed], y[~failed].min())
    assert len(np.unique(y)) == (~failed).sum()


def test_beside_equal_scores_failed_trials_are_one_standard_deviation_below():
    trials = drawn(PLANE, lambda p: math.nan if p["x"] > 0.6 else 0.7, 30).finished
    _, _, Z, y = Model(PLANE).fit(trials)
    assert_array_equal(y, np.where(Z[:, 0] > 0.6, -1.0, 0.0))


def test_failures_by_chance_are_kept_beside_equal_scores():
    by_chance = iter(np.random.RandomState(0).uniform(size=30) < 0.4)
    trials = drawn(PLANE, lambda _: math.nan if next(by_chance) else 0.7, 30).finished
    assert len(Model(PLANE).fit(trials)[2]) == 30
