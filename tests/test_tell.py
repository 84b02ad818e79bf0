"""What may be told of a trial, and what failed trials do to the search."""

import math
import pickle

import numpy as np
import pytest
from scipy import stats
from tuned import MIXED, cube, keys, mixed_score, run, sphere, warmed_up

from sklearn_bo import Optimizer


def test_tell_returns_the_finished_trial():
    optimizer = Optimizer(MIXED, random_state=0)
    trial = optimizer.tell(optimizer.ask(), 0.5)
    assert (trial.state, trial.score) == ("complete", 0.5)
    assert optimizer.best_trial is trial is optimizer.trials[0]


def test_best_trial_is_none_before_any_and_then_the_earliest_best():
    optimizer = Optimizer(MIXED, random_state=0)
    assert optimizer.best_trial is None
    for score in (1.0, 3.0, math.nan, 3.0, 2.0):
        optimizer.tell(optimizer.ask(), score)
    assert optimizer.best_trial.number == 1


def test_trials_may_be_asked_while_others_are_pending():
    optimizer = Optimizer(MIXED, random_state=0)
    pending = [optimizer.ask() for _ in range(3)]
    for _ in range(15):
        trial = pending.pop(1)
        optimizer.tell(trial, mixed_score(trial.params))
        pending.append(optimizer.ask())
    assert len(set(keys(optimizer.trials))) == 18
    assert keys(optimizer.trials.pending) == keys(pending)


def test_plain_dict_of_a_pending_trial_tells_that_trial():
    optimizer = warmed_up()
    first, second = optimizer.ask(2)
    told = optimizer.tell(second.params, 1.5)
    assert (told.number, told.origin) == (second.number, "model")
    assert keys(optimizer.trials.pending) == [first.key]


def test_plain_dict_tells_a_trial_though_the_params_of_another_were_changed():
    optimizer = Optimizer(MIXED, random_state=0)
    first, second = optimizer.ask(2)
    first.params.pop("kernel")
    assert optimizer.tell(dict(second.params), 1.5).number == second.number


def test_plain_dict_of_another_value_beyond_the_ends_is_a_trial_of_its_own():
    optimizer = Optimizer({"x": stats.norm(), "k": ["a", math.nan]}, random_state=0)
    for k in ("a", math.nan):
        optimizer.enqueue({"x": 50.0, "k": k})
        pending = optimizer.ask()
        other = optimizer.tell({"x": 60.0, "k": k}, 2.0)
        assert other.params["x"] == 60.0
        assert optimizer.tell({"x": np.float64(50.0), "k": k}, 1.0).number == pending.number
    assert not optimizer.trials.pending


@pytest.mark.parametrize("spec", [(1e-4, 1e4, "log-uniform"), stats.loguniform(1e-4, 1e4)])
def test_plain_dict_of_the_same_point_tells_its_trial_though_its_last_digit_differs(spec):
    optimizer = Optimizer({"x": spec}, random_state=0, n_initial_points=50)
    for _ in range(50):
        pending = optimizer.ask()
        value = pending.params["x"]
        near = [math.nextafter(value, end) for end in (0.0, math.inf)]
        told = next((x for x in near if optimizer.space.encode({"x": x}) == pending.z), value)
        assert optimizer.tell({"x": told}, 1.0).number == pending.number
    assert not optimizer.trials.pending


@pytest.mark.parametrize("law", [stats.expon(), stats.beta(2, 3), stats.lognorm(2.0)])
def test_plain_dict_of_a_pending_trial_tells_it_at_the_edge_of_a_distribution(law):
    optimizer = Optimizer({"x": law}, random_state=0)
    for _ in range(16):  # the best lies at the lower edge, where quantiles are cut
        params = dict(optimizer.ask().params)
        optimizer.tell(params, -params["x"])
    assert optimizer.trials.pending == []


def test_setting_that_was_never_asked_is_added_and_learnt_from():
    optimizer = Optimizer(cube(1), random_state=0, n_initial_points=4)
    for x in (0.0, 0.25, 0.75, 1.0):
        optimizer.tell({"x0": x}, -((x - 0.4) ** 2))
    assert [t.origin for t in optimizer.trials] == ["told"] * 4
    trial = optimizer.ask()
    assert trial.origin == "model"
    assert 0.2 < trial.params["x0"] < 0.75


def test_told_setting_is_recorded_with_native_values():
    told = Optimizer(MIXED).tell(
        {"lr": np.float32(0.1), "depth": np.int64(3), "kernel": np.str_("rbf"), "alpha": 0.5}, 1.0
    )
    assert [type(value) for value in told.params.values()] == [float, int, str, float]


def test_told_setting_is_not_asked():
    optimizer = Optimizer({"a": ["x", "y", "z"]}, random_state=0)
    optimizer.tell({"a": "y"}, 1.0)
    assert sorted(t.params["a"] for t in optimizer.ask(5)) == ["x", "z"]


def test_same_setting_may_be_told_as_a_dict_again():
    optimizer = warmed_up(cube(2), sphere)
    params = optimizer.best_trial.params
    again = optimizer.tell(params, optimizer.best_trial.score - 0.01)
    assert again.number == 12
    assert again.origin == "told"
    assert optimizer.ask().key not in keys(optimizer.trials[:13])


def test_a_score_beyond_floats_is_an_error_and_leaves_the_trial_pending():
    optimizer = Optimizer(MIXED, random_state=0)
    trial = optimizer.ask()
    with pytest.raises(ValueError, match="score is beyond what a float holds"):
        optimizer.tell(trial, 10**400)
    assert optimizer.trials[0].state == "pending"


def test_telling_twice_is_an_error():
    optimizer = Optimizer(MIXED, random_state=0)
    trial = optimizer.ask()
    finished = optimizer.tell(trial, 1.0)
    for again in (trial, finished):
        with pytest.raises(ValueError, match="Trial 0 was told already"):
            optimizer.tell(again, 2.0)
    assert optimizer.best_trial.score == 1.0


def test_telling_a_trial_of_another_optimizer_is_an_error():
    foreign = Optimizer(MIXED, random_state=1).ask()
    optimizer = Optimizer(MIXED, random_state=0)
    with pytest.raises(ValueError, match="not asked of this optimizer"):
        optimizer.tell(foreign, 1.0)
    optimizer.ask()
    with pytest.raises(ValueError, match="not asked of this optimizer"):
        optimizer.tell(foreign, 1.0)


def test_telling_a_trial_of_another_space_at_the_same_point_is_an_error():
    optimizer, other = (Optimizer({"x": (0.0, high)}, random_state=0) for high in (1.0, 9.0))
    own, foreign = optimizer.ask(), other.ask()
    assert own.key == foreign.key
    with pytest.raises(ValueError, match="not asked of this optimizer"):
        optimizer.tell(foreign, 1.0)
    assert optimizer.tell(pickle.loads(pickle.dumps(own)), 1.0).state == "complete"


def test_what_is_popped_from_a_trials_params_stays_on_record():
    optimizer = Optimizer(MIXED, random_state=0)
    trial = optimizer.ask()
    params = dict(trial.params)
    trial.params.pop("kernel")
    optimizer.tell(trial, 1.0)
    assert optimizer.best_trial.params == params


@pytest.mark.parametrize("score", ["0.5", None, 1 + 2j, [0.5], np.timedelta64(3, "s")])
def test_score_that_is_no_number_is_an_error_that_shows_it(score):
    optimizer = Optimizer(MIXED, random_state=0)
    trial = optimizer.ask()
    with pytest.raises(TypeError, match="score="):
        optimizer.tell(trial, score)
    assert optimizer.trials.pending == [trial]


@pytest.mark.parametrize("score", [np.float32(0.5), np.float64(0.5), np.int64(2), 2])
def test_numbers_of_numpy_are_scores(score):
    optimizer = Optimizer(MIXED, random_state=0)
    assert type(optimizer.tell(optimizer.ask(), score).score) is float


@pytest.mark.parametrize(
    "params",
    [
        {},
        {"x0": 0.5},
        {"x0": 0.5, "x1": 1.5},
        {"x0": 0.5, "x1": 0.5, "x2": 0.5},
    ],
)
def test_telling_a_setting_outside_the_space_is_an_error_and_leaves_no_trace(params):
    optimizer = Optimizer(cube(2), random_state=0)
    with pytest.raises(ValueError, match=r"'x[012]'"):
        optimizer.tell(params, 1.0)
    assert len(optimizer.trials) == 0


# Failures.


@pytest.mark.parametrize("score", [math.nan, math.inf, -math.inf])
def test_score_that_is_not_finite_means_failed_and_is_not_asked_again(score):
    optimizer = Optimizer({"a": list("abcdefgh")}, random_state=0, n_initial_points=2)
    asked = run(optimizer, lambda p: score if p["a"] in "bdf" else ord(p["a"]), 8)
    assert len({params["a"] for params in asked}) == 8
    assert {t.params["a"] for t in optimizer.trials.failed} == set("bdf")
    assert optimizer.best_trial.params == {"a": "h"}


def test_search_goes_on_when_all_trials_fail():
    optimizer = Optimizer(cube(2), random_state=0)
    run(optimizer, lambda params: math.nan, 30)
    assert len(set(keys(optimizer.trials))) == 30
    assert optimizer.best_trial is None


def test_more_than_a_hundred_failures_before_the_first_success():
    optimizer = Optimizer(MIXED, random_state=0)
    run(optimizer, lambda params: math.nan, 120)
    run(optimizer, mixed_score, 12)
    assert optimizer.ask().origin == "model"


def test_region_that_fails_is_left():
    def score(params):
        return math.nan if params["x0"] > 0.5 else params["x0"]

    optimizer = warmed_up(cube(2), score, n=40)
    late = optimizer.trials[20:]
    assert sum(t.state == "failed" for t in late) < 10
    assert optimizer.best_trial.score > 0.45


@pytest.mark.parametrize("seed", range(4))
@pytest.mark.parametrize("level", [False, True], ids=["slope", "equal scores"])
def test_where_most_settings_fail_few_that_succeed_are_enough_to_go_by(level, seed):
    def score(params):
        succeeds = max(params.values()) < 0.5
        return (1.0 if level else sum(params.values())) if succeeds else math.nan

    optimizer = Optimizer(cube(3), random_state=seed)  # one setting in eight succeeds
    run(optimizer, score, 50)
    late = optimizer.trials[30:]
    assert sum(t.state == "complete" for t in late) >= 8  # of 20; at random once in 500


def test_failures_by_chance_cost_little_but_their_trials():
    found = []
    for seed in range(12):
        rng = np.random.RandomState(1000 + seed)
        optimizer = Optimizer(cube(4), random_state=seed)

        def score(params, rng=rng):
            distance = sum((value - 0.3) ** 2 for value in params.values())
            return math.nan if rng.uniform() < 0.5 else -distance

        run(optimizer, score, 40)
        found.append(optimizer.best_trial.score)
    assert np.mean(found) > -0.06  # at random -0.09
