"""Ask and tell: what a user of Optimizer may rely on."""

import copy
import math
import pickle

import numpy as np
import pytest
from numpy.testing import assert_allclose
from scipy import stats
from sklearn.model_selection import ParameterGrid

from sklearn_bo import Optimizer

MIXED = {
    "lr": (1e-4, 1.0, "log-uniform"),
    "depth": (1, 12),
    "kernel": ["rbf", "linear", "poly"],
    "alpha": (0.0, 1.0),
}


def mixed_score(params):
    bonus = {"rbf": 0.0, "linear": -0.5, "poly": -1.0}[params["kernel"]]
    return (
        bonus
        - (math.log10(params["lr"]) + 2) ** 2
        - 0.05 * (params["depth"] - 7) ** 2
        - (params["alpha"] - 0.2) ** 2
    )


def cube(d):
    return {f"x{i}": (0.0, 1.0) for i in range(d)}


def sphere(params):
    return -sum((x - 0.3) ** 2 for x in params.values())


def run(optimizer, score, n):
    """Ask and tell n times; what was asked."""
    asked = []
    for _ in range(n):
        trial = optimizer.ask()
        optimizer.tell(trial, score(trial.params))
        asked.append(trial.params)
    return asked


def warmed_up(space=MIXED, score=mixed_score, n=12, seed=0, **options):
    optimizer = Optimizer(space, random_state=seed, **options)
    run(optimizer, score, n)
    return optimizer


def keys(trials):
    return [trial.key for trial in trials]


# Ask.


def test_ask_hands_out_a_pending_trial_and_records_it():
    optimizer = Optimizer(MIXED, random_state=0)
    trial = optimizer.ask()
    assert trial.state == "pending"
    assert optimizer.trials[0] is trial
    assert list(trial.params) == list(MIXED)


@pytest.mark.parametrize("n", [0, 12])
def test_params_have_native_python_values(n):
    params = warmed_up(n=n).ask().params
    assert [type(value) for value in params.values()] == [float, int, str, float]


@pytest.mark.parametrize("told", [0, 12])
def test_ask_n_gives_n_distinct_trials(told):
    trials = warmed_up(n=told).ask(5)
    assert isinstance(trials, list)
    assert len(set(keys(trials))) == 5


def test_ask_one_in_a_list():
    assert len(Optimizer(MIXED).ask(1)) == 1


@pytest.mark.parametrize("n", [0, -1, 1.5, "2"])
def test_ask_for_a_number_that_is_none_is_an_error(n):
    with pytest.raises(ValueError, match=r"ask\(n=.*integer of at least 1"):
        Optimizer(MIXED).ask(n)


def test_ask_n_is_ask_n_times():
    one, other = warmed_up(), warmed_up()
    assert keys(one.ask(4)) == keys([other.ask() for _ in range(4)])


def test_choices_come_back_as_the_very_objects():
    class Uncomparable:
        def __eq__(self, other):
            raise RuntimeError

        __hash__ = object.__hash__

    choices = [Uncomparable(), np.arange(3), None, len]
    optimizer = Optimizer({"a": choices, "x": (0.0, 1.0)}, random_state=0)
    for params in run(optimizer, lambda p: p["x"], 12):
        assert any(params["a"] is choice for choice in choices)


def test_origin_says_where_a_trial_came_from():
    optimizer = Optimizer(
        cube(1), random_state=0, n_initial_points=3, initial_candidates={"x0": 0.5}
    )
    run(optimizer, sphere, 4)
    optimizer.tell({"x0": 0.9}, 0.0)
    assert [t.origin for t in optimizer.trials] == [
        "user",
        "initial design",
        "initial design",
        "model",
        "told",
    ]


@pytest.mark.parametrize("n_initial_points", [1, 2, 7])
def test_the_model_proposes_after_the_initial_points(n_initial_points):
    optimizer = warmed_up(n=10, n_initial_points=n_initial_points)
    first = [t.origin for t in optimizer.trials].index("model")
    assert first == max(n_initial_points, 2)  # there is nothing to learn from one score


def test_auto_leaves_few_trials_to_the_initial_design_of_a_small_space():
    small, large = Optimizer(cube(1)).n_initial_points, Optimizer(cube(12)).n_initial_points
    assert 1 <= small < large <= 20


@pytest.mark.parametrize(
    "space",
    [
        {f"x{i}": (0, 1000) for i in range(110)},
        {**{f"x{i}": (0, 1000) for i in range(110)}, "c": (0.0, 1.0)},
        {f"x{i}": [True, False] for i in range(1030)},
    ],
    ids=["integers", "and a float", "feature mask"],
)
def test_more_settings_than_a_float_can_count(space):
    optimizer = Optimizer(space, random_state=0)
    assert optimizer.n_settings == math.inf
    run(optimizer, lambda params: float(sum(params.values())), 2)
    optimizer.ask(7)
    assert [trial.origin for trial in optimizer.trials][-1] == "model"
    assert len(set(keys(optimizer.trials))) == 9


@pytest.mark.parametrize(
    "law", [stats.beta(5, 0.1), stats.beta(0.1, 0.1), stats.uniform(1e15, 3.0)]
)
def test_no_setting_is_asked_twice_where_floats_are_coarser_than_quantiles(law):
    asked = run(Optimizer({"x": law}, random_state=0), lambda params: params["x"], 20)
    assert len({params["x"] for params in asked}) == 20


@pytest.mark.parametrize("seed", [-1, 2**32, "a"])
def test_bad_random_state_is_an_error_that_names_it(seed):
    with pytest.raises(ValueError, match="random_state="):
        Optimizer(MIXED, random_state=seed)


@pytest.mark.parametrize("value", [0, -3, 2.5, "many", None])
def test_bad_n_initial_points_is_an_error_that_names_it(value):
    with pytest.raises(ValueError, match="n_initial_points="):
        Optimizer(MIXED, n_initial_points=value)


# Initial candidates.


def test_initial_candidates_come_first_in_their_order():
    candidates = [
        {"lr": 0.1, "depth": 3, "kernel": "poly", "alpha": 0.5},
        {"lr": 0.01, "depth": 9, "kernel": "rbf", "alpha": 0.0},
    ]
    trials = Optimizer(MIXED, initial_candidates=candidates, random_state=0).ask(3)
    assert [trial.params for trial in trials[:2]] == candidates
    assert [trial.origin for trial in trials] == ["user", "user", "initial design"]


def test_partial_initial_candidate_takes_the_middle_of_the_other_ranges():
    params = Optimizer(MIXED, initial_candidates={"kernel": "linear"}).ask().params
    assert params["kernel"] == "linear"
    assert params["depth"] in (6, 7)
    assert_allclose([params["lr"], params["alpha"]], [1e-2, 0.5])


def test_repeated_initial_candidate_is_asked_once():
    optimizer = Optimizer(cube(1), initial_candidates=[{"x0": 0.5}, {"x0": 0.5}], random_state=0)
    assert [t.origin for t in optimizer.ask(2)] == ["user", "initial design"]


def test_initial_candidates_of_any_iterable():
    grid = ParameterGrid({"x0": [0.25, 0.5]})
    trials = Optimizer(cube(1), initial_candidates=grid, random_state=0).ask(2)
    assert [trial.params for trial in trials] == list(grid)


def test_defaults_fill_what_initial_candidates_lack():
    defaults = {"depth": 2, "alpha": 3.0, "lr": 0.1}  # alpha lies outside the space
    optimizer = Optimizer(MIXED, initial_candidates={"kernel": "poly"}, defaults=defaults)
    expected = {"lr": pytest.approx(0.1), "depth": 2, "kernel": "poly", "alpha": 0.5}
    assert optimizer.ask().params == expected


def test_initial_candidates_count_among_the_initial_points():
    candidates = [{"x0": 0.1}, {"x0": 0.4}]
    optimizer = Optimizer(
        cube(1), initial_candidates=candidates, n_initial_points=3, random_state=0
    )
    run(optimizer, sphere, 5)
    origins = [t.origin for t in optimizer.trials]
    assert origins == ["user", "user", "initial design", "model", "model"]


@pytest.mark.parametrize("candidate", [{"x0": 2.0}, {"y": 0.5}, {"x0": "a"}])
def test_initial_candidate_outside_the_space_is_an_error_that_names_it(candidate):
    with pytest.raises(ValueError, match=r"^initial_candidates\[1\]=.*('x0'|'y')"):
        Optimizer(cube(1), initial_candidates=[{"x0": 0.5}, candidate])


@pytest.mark.parametrize("candidates", [5, "x", [{"x0": 0.5}, "x"], [None]])
def test_initial_candidates_that_are_no_dicts_are_an_error_that_names_them(candidates):
    with pytest.raises(TypeError, match=r"^initial_candidates.*must be a dict"):
        Optimizer(cube(1), initial_candidates=candidates)


def test_enqueued_setting_is_asked_next_and_completed_from_the_defaults():
    optimizer = warmed_up()
    defaults = {"depth": 2, "alpha": 0.75, "other": 1, "lr": 5.0}  # lr lies outside the space
    optimizer.enqueue({"kernel": "poly"}, defaults=defaults, origin="estimator")
    trial = optimizer.ask()
    assert trial.origin == "estimator"
    assert trial.params == {"lr": pytest.approx(1e-2), "depth": 2, "kernel": "poly", "alpha": 0.75}


# Tell.


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


@pytest.mark.parametrize("told", [0, 12])
def test_order_of_telling_does_not_matter(told):
    forward, backward = warmed_up(n=told), warmed_up(n=told)
    for trial in forward.ask(4):
        forward.tell(trial, mixed_score(trial.params))
    for trial in reversed(backward.ask(4)):
        backward.tell(trial, mixed_score(trial.params))
    assert keys(forward.ask(3)) == keys(backward.ask(3))


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


@pytest.mark.parametrize("score", ["0.5", None, 1 + 2j, [0.5]])
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


# Reproducibility.


def test_same_seed_same_proposals():
    assert run(Optimizer(MIXED, random_state=3), mixed_score, 15) == run(
        Optimizer(MIXED, random_state=3), mixed_score, 15
    )


def test_other_seed_other_proposals():
    first, second = (Optimizer(MIXED, random_state=seed).ask().params for seed in (0, 1))
    assert first != second


def test_random_state_instance_is_accepted():
    a, b = (Optimizer(MIXED, random_state=np.random.RandomState(5)).ask(3) for _ in range(2))
    assert keys(a) == keys(b)


def test_global_random_state_is_left_alone():
    np.random.seed(0)
    before = np.random.get_state()[1].copy()
    run(Optimizer(MIXED, random_state=0), mixed_score, 12)
    np.testing.assert_array_equal(np.random.get_state()[1], before)


@pytest.mark.parametrize("n", [0, 3, 14])
@pytest.mark.parametrize("duplicate", [copy.deepcopy, lambda o: pickle.loads(pickle.dumps(o))])
def test_copy_goes_on_exactly_as_the_original(n, duplicate):
    original = Optimizer(
        MIXED, random_state=0, initial_candidates=[{"depth": 1}, {"depth": 2}, {"depth": 3}]
    )
    run(original, mixed_score, n)
    pending = original.ask(2)
    twin = duplicate(original)
    for optimizer in (original, twin):
        for trial in pending:
            optimizer.tell(trial, mixed_score(trial.params))
    assert run(original, mixed_score, 12) == run(twin, mixed_score, 12)
    assert repr(original.trials) == repr(twin.trials)


# Predict.


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


# After an interruption.


def mixed_score_or_failure(params):
    return math.nan if params["depth"] > 9 else mixed_score(params)


@pytest.mark.parametrize(
    ("n", "score"),
    [(0, mixed_score), (3, mixed_score), (14, mixed_score), (90, mixed_score_or_failure)],
)
def test_restored_trials_are_all_that_the_next_proposal_needs(n, score):
    original = Optimizer(MIXED, random_state=0)
    run(original, score, n)
    restored = Optimizer(MIXED, random_state=original.seed)
    for trial in original.trials:
        restored.tell(restored.restore(trial.params, trial.origin), trial.score)
    pending = original.ask(2)
    assert keys(restored.restore(trial.params, trial.origin) for trial in pending) == keys(pending)
    assert keys(original.ask(2)) == keys(restored.ask(2))


def test_an_unknown_origin_is_an_error_that_names_it():
    with pytest.raises(ValueError, match="origin='elsewhere' must be one of estimator, user"):
        Optimizer({"x": (0.0, 1.0)}).restore({"x": 0.5}, "elsewhere")
