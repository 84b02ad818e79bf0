"""What the model says of success, where some trials have failed."""

import math

import numpy as np

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
