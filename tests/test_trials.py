"""The record of trials: numbers, states, identity, the best of them."""

import dataclasses
import math
import pickle

import numpy as np
import pytest

from sklearn_bo.trials import Trial, Trials, best_of


def recorded(*scores):
    """Trials at 0, 1, 2, ... with these scores; None leaves one pending."""
    trials = Trials()
    for i, score in enumerate(scores):
        trial = trials.append({"x": i}, np.array([float(i)]), "model")
        if score is not None:
            trials.finish(trial, score)
    return trials


def test_trials_are_numbered_in_order_from_zero():
    assert [trial.number for trial in recorded(1.0, None, 2.0)] == [0, 1, 2]


def test_new_trial_is_pending_and_has_no_score():
    (trial,) = recorded(None)
    assert trial.state == "pending"
    assert math.isnan(trial.score)


def test_finite_score_completes_a_trial():
    (trial,) = recorded(-3.5)
    assert (trial.state, trial.score) == ("complete", -3.5)


@pytest.mark.parametrize("score", [math.nan, math.inf, -math.inf])
def test_score_that_is_not_finite_fails_a_trial(score):
    (trial,) = recorded(score)
    assert trial.state == "failed"
    assert math.isnan(trial.score)


def test_finishing_returns_the_trial_on_record_and_keeps_the_one_handed_out():
    trials = Trials()
    asked = trials.append({"x": 1}, np.zeros(1), "user")
    finished = trials.finish(asked, 2.0)
    assert finished is trials[0]
    assert asked.state == "pending"
    assert (finished.params, finished.origin, finished.key) == ({"x": 1}, "user", asked.key)


def test_trial_is_frozen():
    (trial,) = recorded(None)
    with pytest.raises(dataclasses.FrozenInstanceError):
        trial.score = 1.0


def test_coordinates_are_a_read_only_copy():
    z = np.array([0.25])
    trial = Trials().append({"x": 1}, z, "model")
    z[0] = 0.75
    assert trial.z[0] == 0.25
    with pytest.raises(ValueError, match="read-only"):
        trial.z[0] = 0.5


def test_key_tells_settings_apart_by_their_coordinates():
    a, b, c = (Trial(i, {}, np.array([z, 0.5]), "model") for i, z in enumerate((0.1, 0.1, 0.2)))
    assert a.key == b.key != c.key


def test_states_partition_the_trials():
    trials = recorded(1.0, math.nan, None, 2.0, None)
    assert [t.number for t in trials.complete] == [0, 3]
    assert [t.number for t in trials.failed] == [1]
    assert [t.number for t in trials.pending] == [2, 4]


def test_best_is_the_highest_score():
    assert best_of(recorded(1.0, None, 3.0, math.inf, 2.0)).number == 2


def test_best_is_the_earliest_of_equals():
    assert best_of(recorded(1.0, 2.0, 2.0)).number == 1


@pytest.mark.parametrize("scores", [(), (None,), (math.nan, None)])
def test_there_is_no_best_before_a_trial_is_complete(scores):
    assert best_of(recorded(*scores)) is None


def test_trials_are_a_sequence():
    trials = recorded(1.0, 2.0, None)
    assert len(trials) == 3
    assert trials[-1].params == {"x": 2}
    assert [t.number for t in trials[:2]] == [0, 1]
    assert list(trials) == [trials[0], trials[1], trials[2]]
    assert trials[1] in trials
    with pytest.raises(IndexError):
        trials[3]


def test_repr_counts_the_states():
    text = repr(recorded(1.0, math.nan, None, None))
    assert "1 complete" in text
    assert "1 failed" in text
    assert "2 pending" in text


def test_pickled_copy_is_independent():
    trials = recorded(1.0, None)
    copy = pickle.loads(pickle.dumps(trials))
    copy.finish(copy[1], 5.0)
    assert trials[1].state == "pending"
    assert (best_of(copy).number, copy[0].key) == (1, trials[0].key)


@pytest.mark.parametrize("score", [1.0, math.nan])
def test_finishing_twice_is_an_error_that_names_the_trial_and_its_score(score):
    trials = recorded(None, score)
    with pytest.raises(ValueError, match=rf"Trial 1 was told already.*{score!r}"):
        trials.finish(trials[1], 2.0)


@pytest.mark.parametrize("number", [0, 7])
def test_finishing_a_foreign_trial_is_an_error_that_shows_its_params(number):
    foreign = Trial(number, {"x": "elsewhere"}, np.array([0.123]), "model")
    with pytest.raises(ValueError, match=rf"Trial {number}.*elsewhere.*plain dict"):
        recorded(None).finish(foreign, 1.0)
