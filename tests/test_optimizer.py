"""What an optimizer asks, in what order, and that it does so again."""

import copy
import math
import pickle
import threading

import joblib
import numpy as np
import pytest
from joblib.externals.loky import get_reusable_executor
from numpy.testing import assert_allclose
from scipy import stats
from sklearn.model_selection import ParameterGrid
from threadpoolctl import threadpool_info, threadpool_limits
from tuned import MIXED, cube, keys, mixed_score, run, sphere, warmed_up

import sklearn_bo
from sklearn_bo import Optimizer
from sklearn_bo.surrogate import GaussianProcess

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


def test_the_initial_design_goes_on_while_scores_differ_by_rounding_alone():
    optimizer, scores = Optimizer(cube(2), random_state=0, n_initial_points=2), (0.3, 0.1 + 0.2)
    for number in range(12):
        trial = optimizer.ask()
        assert trial.origin == "initial design"
        optimizer.tell(trial, scores[number % 2])
    optimizer.tell(optimizer.ask(), 0.4)
    assert optimizer.ask().origin == "model"


def test_while_all_scores_are_equal_linear_ranges_are_tried_on_a_logarithmic_scale_too():
    space = {"n": (1, 1000), "x": (-1.0, 1.0), "rate": (1e-3, 1.0, "log-uniform")}
    asked = run(Optimizer(space, random_state=0), lambda params: 0.5, 88)[8:]
    small = {
        name: [params[name] < middle for params in asked]
        for name, middle in [("n", 32), ("x", 0.0), ("rate", 0.032)]
    }
    # Half of the draws have half of their integers below the geometric mean, the others 3 %.
    assert np.mean(small["n"]) == pytest.approx(0.27, abs=0.15)
    assert np.mean(small["x"]) == pytest.approx(0.5, abs=0.15)
    assert np.mean(small["rate"]) == pytest.approx(0.5, abs=0.15)


def test_before_any_score_is_known_what_follows_the_design_is_uniform():
    trials = Optimizer(cube(2), random_state=0).ask(68)[8:]
    small = np.array([list(trial.params.values()) for trial in trials]) < 0.1
    assert small.mean() == pytest.approx(0.1, abs=0.1)


def test_the_model_waits_for_as_many_failures_as_equal_scores():
    optimizer = Optimizer(cube(2), random_state=0, n_initial_points=2)
    scores = iter([0.5, 0.5, math.nan, math.nan, 0.5])
    run(optimizer, lambda _: next(scores), 5)
    assert [t.origin for t in optimizer.trials] == ["initial design"] * 4 + ["model"]


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


def test_bad_defaults_are_an_error_that_names_them():
    with pytest.raises(TypeError, match="defaults=3 must be a dict"):
        Optimizer(MIXED, defaults=3)
    with pytest.raises(TypeError, match=r"defaults=\[1\] must be a dict"):
        Optimizer(MIXED).enqueue({}, defaults=[1])


def test_what_is_no_list_of_trials_has_no_posterior():
    optimizer = warmed_up()
    with pytest.raises(TypeError, match="must be a list of trials"):
        optimizer.posterior(optimizer.trials[0])
    with pytest.raises(TypeError, match="trials holds 1, which is no Trial"):
        optimizer.posterior([1])
    other = Optimizer({"x": (0.0, 1.0)}, random_state=0)
    with pytest.raises(ValueError, match=r"trials holds Trial\(.*not asked of this optimizer"):
        optimizer.posterior([other.ask()])


def test_underflow_in_the_engine_concerns_nobody():
    with np.errstate(all="raise"):
        optimizer = Optimizer({"x": (0.0, 1.0), "y": (1e-8, 1.0, "log-uniform")}, random_state=0)
        for _ in range(30):
            trial = optimizer.ask()
            optimizer.tell(trial, -1e3 * (trial.params["x"] - 0.3) ** 2 - trial.params["y"])
        mean, std = optimizer.predict(trial.params)
        probabilities = optimizer.posterior()[2]
        optimizer.learn([{"x": x, "y": 0.5} for x in (0.1, 0.2)], [1e-300, 1e10])
        other = Optimizer({"x": (0.0, 1.0)}, random_state=0, n_initial_points=1)
        run(other, lambda p: 1e10 if p["x"] > 0.5 else 1e-300, 6)
    assert np.isfinite([mean, std]).all()
    assert probabilities.sum() == pytest.approx(1)


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


@pytest.mark.parametrize("wrong", [5, "x", [5], None])
def test_settings_that_are_no_dicts_are_an_error_that_shows_them(wrong):
    optimizer = Optimizer(cube(1), random_state=0)
    run(optimizer, sphere, 3)
    for call in (optimizer.predict, optimizer.enqueue, lambda _: optimizer.restore(wrong, "user")):
        with pytest.raises(TypeError, match=r"(5|'x'|None).* must be a dict"):
            call(wrong)


def n_blas_threads():
    return [pool["num_threads"] for pool in threadpool_info() if pool["user_api"] == "blas"]


def blas_threads_around_proposals_of_two_threads():
    """Count the threads of BLAS before and after; the proposal that begins first ends first."""
    first, second = warmed_up(), warmed_up()
    first_proposes, second_proposes, first_has = (threading.Event() for _ in range(3))

    def propose(model, *_):
        if model is first._model:
            first_proposes.set()
            second_proposes.wait(0.3)
        else:
            second_proposes.set()
            first_has.wait(0.3)

    sklearn_bo.optimizer.propose = propose  # this process ends with the test
    before = n_blas_threads()
    threads = [threading.Thread(target=optimizer.ask) for optimizer in (first, second)]
    threads[0].start()
    first_proposes.wait()
    threads[1].start()
    threads[0].join()
    first_has.set()
    threads[1].join()
    return before, n_blas_threads()


def test_threads_that_propose_leave_the_number_of_blas_threads_as_it_was():
    with joblib.parallel_config("loky", n_jobs=2, inner_max_num_threads=2):
        call = joblib.delayed(blas_threads_around_proposals_of_two_threads)()
        ((before, after),) = joblib.Parallel()([call])
    get_reusable_executor().shutdown()
    assert set(before) == {2}
    assert after == before


@pytest.mark.parametrize(
    "call",
    [
        Optimizer.ask,
        lambda optimizer: optimizer.predict(optimizer.trials[0].params),
        Optimizer.posterior,
        Optimizer.largest_expected_improvement,
    ],
    ids=["ask", "predict", "posterior", "improvement"],
)
def test_blas_has_one_thread_while_the_surrogate_works(call, monkeypatch):
    optimizer, seen, condition = warmed_up(), [], GaussianProcess.condition

    def spy(*args, **options):
        seen.extend(n_blas_threads())
        return condition(*args, **options)

    monkeypatch.setattr(GaussianProcess, "condition", spy)
    with threadpool_limits(2, user_api="blas"):
        call(optimizer)
        assert set(n_blas_threads()) == {2}
    assert set(seen) == {1}


def test_enqueued_setting_is_asked_next_and_completed_from_the_defaults():
    optimizer = warmed_up()
    defaults = {"depth": 2, "alpha": 0.75, "other": 1, "lr": 5.0}  # lr lies outside the space
    optimizer.enqueue({"kernel": "poly"}, defaults=defaults, origin="estimator")
    trial = optimizer.ask()
    assert trial.origin == "estimator"
    assert trial.params == {"lr": pytest.approx(1e-2), "depth": 2, "kernel": "poly", "alpha": 0.75}


def test_a_setting_cannot_be_enqueued_as_the_models_own():
    with pytest.raises(ValueError, match="origin='model' must be 'user' or 'estimator'"):
        warmed_up().enqueue({"kernel": "poly"}, origin="model")


# Reproducibility.


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


def test_params_of_a_restored_trial_are_a_copy():
    optimizer = Optimizer(cube(1), random_state=0)
    params = {"x0": 0.5}
    trial = optimizer.restore(params, "user")
    params["x0"] = 0.7
    assert trial.params == {"x0": 0.5}


def test_an_unknown_origin_is_an_error_that_names_it():
    with pytest.raises(ValueError, match="origin='elsewhere' must be one of estimator, user"):
        Optimizer({"x": (0.0, 1.0)}).restore({"x": 0.5}, "elsewhere")


def test_one_score_of_another_search_and_one_of_this_are_two_to_learn_from():
    optimizer = Optimizer(cube(2), random_state=0, n_initial_points=2)
    optimizer.learn([{"x0": 0.5, "x1": 0.5}], [1.0])
    optimizer.tell(optimizer.ask(), 0.5)
    assert [trial.origin for trial in (*optimizer.trials, optimizer.ask())] == [
        "initial design",
        "model",
    ]
