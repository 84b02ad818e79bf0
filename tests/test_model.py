"""What the model makes of trials that have failed."""

import math

import numpy as np
import pytest

from sklearn_bo.model import Model
from sklearn_bo.space import Space
from sklearn_bo.trials import Trials


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
    space = Space({"x": (0.0, 1.0), "y": (0.0, 1.0)})
    rng = np.random.RandomState(seed)
    Z, by_chance = space.sample(30, rng), rng.uniform(size=30) < 0.4
    for fails, n_left in ((by_chance, (~by_chance).sum()), (Z[:, 0] > 0.6, 30)):
        trials = Trials()
        for z, failed in zip(Z, fails, strict=True):
            trial = trials.append(space.decode(z), z, "model")
            trials.finish(trial, math.nan if failed else z.sum())
        assert len(Model(space).fit(list(trials))[2]) == n_left


@pytest.mark.parametrize(("first", "then"), [(math.nan, 1.0), (1.0, math.nan)])
def test_the_few_of_either_state_are_remembered_after_hundreds_of_the_other(first, then):
    space, trials = Space({"x": (0.0, 1.0)}), Trials()
    for k, x in enumerate(np.random.RandomState(0).uniform(0.1, 1.0, size=260)):
        z = np.array([x / 10 if k < 3 else x])
        trials.finish(trials.append({"x": z[0]}, z, "model"), x * (first if k < 3 else then))
    ((gp, log_probability),) = Model(space).success(list(trials))
    near, far = np.exp(log_probability(*gp.predict(np.array([[0.05], [0.6]])))[0])
    assert near < far if math.isnan(first) else near > far
