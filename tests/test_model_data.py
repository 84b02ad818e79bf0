"""Which trials and other searches the model uses, and that nothing else leaves a trace."""

import math

import numpy as np
import pytest
from numpy.testing import assert_allclose, assert_array_equal
from tuned import drawn

from sklearn_bo.model import Model
from sklearn_bo.space import Space
from sklearn_bo.trials import Trials

pytestmark = pytest.mark.usefixtures("one_blas_thread")

PLANE = Space({"x": (0.0, 1.0), "y": (0.0, 1.0)})


def slope_or_failure(params):
    return math.nan if params["x"] + params["y"] > 1.3 else params["x"] - params["y"] ** 2


def predictions(model, trials):
    """Moments of scores and probabilities of success somewhere."""
    Z = PLANE.sample(5, np.random.RandomState(2))
    ((gp, log_probability),) = model.success(trials)
    return [*model.fit(trials)[0].predict(Z), log_probability(*gp.predict(Z))[0]]


def source():
    return drawn(PLANE, lambda params: params["y"], 8, seed=1).finished


def test_fit_to_fewer_trials_leaves_no_trace():
    trials = drawn(PLANE, slope_or_failure, 30).finished
    fresh, used = Model(PLANE), Model(PLANE)
    predictions(used, trials[:12])
    assert_array_equal(predictions(used, trials), predictions(fresh, trials))


def test_fit_without_a_source_leaves_no_trace():
    trials = drawn(PLANE, slope_or_failure, 14).finished
    fresh, used = Model(PLANE), Model(PLANE)
    predictions(used, trials)
    for model in (fresh, used):
        model.learn(source())
    assert_array_equal(predictions(used, trials), predictions(fresh, trials))


def test_source_that_is_forgotten_leaves_no_trace():
    complete = drawn(PLANE, lambda params: params["x"], 20).finished
    failed = drawn(PLANE, lambda params: math.nan, 26, seed=2).finished
    trials = complete[:19] + failed + complete[19:]
    taught = Model(PLANE)
    taught.learn(source())
    predictions(taught, trials[:-1])
    assert_array_equal(predictions(taught, trials), predictions(Model(PLANE), trials))


def test_sources_are_forgotten_once_twenty_trials_are_complete():
    complete = drawn(PLANE, lambda params: params["x"], 20).finished
    failed = drawn(PLANE, lambda params: math.nan, 10, seed=2).finished
    model = Model(PLANE)
    model.learn(source())
    assert len(model.fit(complete[:19] + failed)[0].source_Z) == 8
    assert len(model.fit(complete)[0].source_Z) == 0


def test_of_very_many_trials_half_are_the_best_and_half_a_spread_over_the_others():
    space = Space({"x": (0.0, 1.0)})
    trials = drawn(space, lambda params: params["x"], 1000).finished
    ranked = np.sort([trial.score for trial in trials])
    used = np.sort(Model(space).fit(trials)[2].ravel())
    assert_array_equal(used[-150:], ranked[-150:])
    assert used[0] == ranked[0]
    assert_allclose(used[:150], np.linspace(used[0], ranked[-151], 150), atol=0.05)


def test_of_very_many_equal_scores_those_that_count_lie_everywhere():
    space = Space({"x": (0.0, 1.0), "y": (0.0, 1.0)})
    trials = drawn(space, lambda params: float(params["x"] * 1e9 % 3 > 1), 1000).finished
    _, _, Z, y = Model(space).fit(trials)
    best = Z[y == y.max()]
    assert len(best) >= 150
    assert np.all(abs(best.mean(axis=0) - 0.5) < 4 * math.sqrt(1 / 12 / len(best)))


def test_order_of_repeated_observations_does_not_matter():
    found = []
    for scores in ([0.1, 0.5, 0.3, 0.9], [0.5, 0.3, 0.1, 0.9]):
        trials = Trials()
        for z, score in zip(np.array([[0.3, 0.4]] * 3 + [[0.8, 0.6]]), scores, strict=True):
            trials.finish(trials.append(PLANE.decode(z), z, "told"), score)
        Z = PLANE.sample(5, np.random.RandomState(0))
        found.append(Model(PLANE).fit(list(trials))[0].predict(Z))
    assert_array_equal(*found)
