"""Laws that hold for any space and any scores, and cases that break lesser optimisers."""

import math

import numpy as np
import pytest
from hypothesis import assume, given, settings
from hypothesis import strategies as st
from numpy.testing import assert_allclose
from spaces import contains, single, spaces
from tuned import cube, run, sphere

from sklearn_bo import Optimizer, SpaceExhaustedError
from sklearn_bo.space import Space
from sklearn_bo.warping import OutputWarping

cheap = settings(deadline=None, derandomize=True, max_examples=60)
fitted = settings(deadline=None, derandomize=True, max_examples=12)
seeds = st.integers(0, 2**31 - 1)


def told(optimizer, n, score, seed=0):
    """Tell the scores of n random settings."""
    rng = np.random.RandomState(seed)
    for z in optimizer.space.sample(n, rng):
        params = optimizer.space.decode(z)
        optimizer.tell(params, score(params))
    return optimizer


def proposals(optimizer, n=1):
    return np.array([trial.z for trial in optimizer.ask(n)])


@cheap
@given(spaces, seeds, st.integers(1, 12))
def test_every_initial_trial_lies_in_the_space(spec, seed, n):
    optimizer = Optimizer(spec, random_state=seed, n_initial_points=20)
    for trial in optimizer.ask(n):
        assert contains(spec, trial.params)


@fitted
@given(spaces, seeds, st.lists(st.floats(), min_size=5, max_size=10))
def test_every_proposal_lies_in_the_space_and_is_new_whatever_the_scores(spec, seed, scores):
    optimizer = Optimizer(spec, random_state=seed, n_initial_points=2)
    for score in scores[: min(optimizer.space.n_settings, len(scores))]:
        trial = optimizer.ask()
        assert contains(spec, trial.params)
        optimizer.tell(trial, score)
    assert len({trial.key for trial in optimizer.trials}) == len(optimizer.trials)


@cheap
@given(spaces, seeds)
def test_encoding_undoes_decoding(spec, seed):
    space = Space(spec)
    for z in space.sample(5, np.random.RandomState(seed)):
        params = space.decode(z)
        again = space.decode(space.encode(params))
        assert again.keys() == params.keys()
        for name, value in params.items():
            assert again[name] == (
                pytest.approx(value, rel=1e-9) if type(value) is float else value
            )


@fitted
@given(single, seeds, st.permutations(range(8)), st.sampled_from([0, 6]))
def test_order_of_telling_does_not_change_the_next_proposals(spec, seed, order, n_before):
    found = []
    for sequence in (range(8), order):
        optimizer = Optimizer(spec, random_state=seed, n_initial_points=4)
        assume(optimizer.space.n_settings >= 10 + n_before)
        told(optimizer, n_before, lambda p: float(len(repr(p))), seed=seed)
        trials = optimizer.ask(8)
        for i in sequence:
            optimizer.tell(trials[i], math.sin(7 * trials[i].z.sum()))
        found.append(proposals(optimizer, 2))
    assert found[0].tobytes() == found[1].tobytes()


@fitted
@given(single, seeds)
def test_same_seed_gives_the_same_proposals(spec, seed):
    runs = []
    for _ in range(2):
        optimizer = Optimizer(spec, random_state=seed, n_initial_points=2)
        assume(optimizer.space.n_settings >= 8)
        told(optimizer, 5, lambda p: float(len(repr(p))), seed=seed)
        runs.append([trial.key for trial in optimizer.ask(2)])
    assert runs[0] == runs[1]


@cheap
@given(
    st.lists(st.floats(allow_nan=False, allow_infinity=False), min_size=1, max_size=30),
)
def test_warping_keeps_the_order_of_any_scores_and_stays_finite(values):
    scores = np.array(values)
    targets = OutputWarping(scores)(scores)
    assert np.all(np.isfinite(targets))
    assert np.all(np.diff(targets[np.argsort(scores)]) >= 0)


# Finite spaces and budgets.

FINITE = [
    {"a": [1, 2, 3], "b": ["x", "y"]},
    {"a": (1, 7)},
    [{"a": ["x", "y"], "n": (1, 3)}, {"b": [True, False]}],
    {"only": ["one"]},
    {},
]


@pytest.mark.parametrize("space", FINITE)
@pytest.mark.parametrize("n_initial_points", [1, 100])
def test_each_setting_of_a_finite_space_is_asked_once(space, n_initial_points):
    optimizer = Optimizer(space, random_state=0, n_initial_points=n_initial_points)
    n = optimizer.space.n_settings
    asked = run(optimizer, lambda params: float(len(str(params))), n)
    assert len({repr(params) for params in asked}) == n
    with pytest.raises(SpaceExhaustedError, match="have been asked"):
        optimizer.ask()


@pytest.mark.parametrize("told", [0, 3])
def test_ask_n_is_shorter_at_the_end_of_a_finite_space(told):
    optimizer = Optimizer({"a": [1, 2, 3], "b": ["x", "y"]}, random_state=0, n_initial_points=2)
    run(optimizer, lambda p: float(p["a"]), told)
    assert len(optimizer.ask(10)) == 6 - told
    with pytest.raises(SpaceExhaustedError):
        optimizer.ask(2)


@pytest.mark.parametrize("place", [0, 39])
def test_where_a_choice_stands_in_its_list_does_not_decide_when_it_is_tried(place):
    names = [f"choice {i}" for i in range(40)]
    turns = []
    for seed in range(20):
        rng = np.random.RandomState(seed)
        scores = dict(zip(names, rng.uniform(size=40), strict=True))
        asked = run(Optimizer({"a": names}, random_state=seed), lambda p, s=scores: s[p["a"]], 40)
        turns.append([params["a"] for params in asked].index(names[place]))
    # uniform on 0 .. 39: the mean of 20 has a standard deviation of 2.6
    assert np.mean(turns) == pytest.approx(19.5, abs=8)


def test_exhausted_optimizer_still_learns_and_says_what_is_best():
    optimizer = Optimizer({"a": [1, 2, 3]}, random_state=0)
    for trial in optimizer.ask(3):
        optimizer.tell(trial, float(trial.params["a"]))
    assert optimizer.best_trial.params == {"a": 3}
    mean, _ = optimizer.predict([{"a": a} for a in (1, 2, 3)])
    assert list(mean) == sorted(mean)


def test_setting_that_two_subspaces_have_is_asked_once():
    space = [{"a": [1, 2], "b": ["x"]}, {"a": [1, 2, 3], "b": ["y", "x"]}]
    optimizer = Optimizer(space, random_state=0)
    asked = [tuple(trial.params.values()) for trial in optimizer.ask(20)]
    assert sorted(asked) == [(a, b) for a in (1, 2, 3) for b in ("x", "y")]
    assert Optimizer(space).share(20) == 6
    with pytest.raises(RuntimeError, match="All 6 settings"):
        optimizer.ask()


def test_setting_in_a_corner_of_two_subspaces_is_asked_once():
    space = [
        {"C": (0.0, 1.0), "gamma": (0.0, 1.0)},
        {"C": (0.0, 1.0), "gamma": (1e-6, 100.0, "log-uniform")},
    ]
    for seed in range(3):
        optimizer = Optimizer(space, random_state=seed, n_initial_points=2)
        run(optimizer, lambda params: params["C"] - abs(params["gamma"] - 1e-6), 12)
        assert optimizer.best_trial.score == pytest.approx(1, abs=1e-5)  # that corner was met
        assert len({trial.key for trial in optimizer.trials}) == 12


@pytest.mark.parametrize("n_initial_points", [2, 100])
def test_subspace_with_a_budget_of_its_own_gets_that_many_trials(n_initial_points):
    space = [({"x": (0.0, 1.0)}, 4), ({"n": (1, 100)}, 3), ({"c": ["a", "b"]}, 10)]
    optimizer = Optimizer(space, random_state=0, n_initial_points=n_initial_points)
    asked = run(optimizer, lambda p: float("x" in p), 4 + 3 + 2)
    counts = {name: sum(name in params for params in asked) for name in "xnc"}
    assert counts == {"x": 4, "n": 3, "c": 2}
    with pytest.raises(SpaceExhaustedError):
        optimizer.ask()


def test_rare_choice_is_found_once_all_else_is_spent():
    # A choice that draws never give, beside a subspace that has no list of settings.
    class Rare:
        categories, prior = ("often", "rarely"), (1 - 1e-9, 1e-9)

    optimizer = Optimizer(
        [({"x": (0.0, 1.0)}, 2), {"c": Rare()}], random_state=0, n_initial_points=2
    )
    asked = run(optimizer, lambda p: float("x" in p), 4)
    assert {params.get("c") for params in asked} == {None, "often", "rarely"}


def test_shared_budget_is_spread_over_the_subspaces_without_one():
    space = [({"x": (0.0, 1.0)}, 2), {"y": (0.0, 1.0)}, {"z": ["a", "b"]}]
    optimizer = Optimizer(space, random_state=0, n_initial_points=3)
    assert optimizer.share(5) == 7
    asked = run(optimizer, lambda p: p.get("y", 0.0), 7)
    assert sum("x" in params for params in asked) == 2
    with pytest.raises(SpaceExhaustedError):
        optimizer.ask()


def test_shared_budget_is_no_larger_than_the_settings():
    assert Optimizer([{"a": [1, 2]}, {"b": [1, 2, 3]}]).share(50) == 5


# The unit of the scores.

MIXED = {"lr": (1e-4, 1.0, "log-uniform"), "depth": (1, 12), "kernel": ["rbf", "linear"]}
GRID = {"a": list(range(10)), "b": list(range(10)), "c": ["x", "y", "z"]}


def ripple(params):
    return sum(
        math.sin(3 * value) if isinstance(value, float) else -0.1 * len(str(value)) * i
        for i, value in enumerate(params.values())
    )


def rescaled(spec, scale, shift, seed):
    """Proposals after scores in two units."""
    plain = Optimizer(spec, random_state=seed, n_initial_points=2)
    moved = Optimizer(spec, random_state=seed, n_initial_points=2)
    told(plain, 12, ripple, seed)
    told(moved, 12, lambda params: scale * ripple(params) + shift, seed)
    return proposals(plain, 3), proposals(moved, 3)


@fitted
@given(st.sampled_from([MIXED, GRID]), st.integers(-60, 60), seeds)
def test_scaling_the_scores_by_a_power_of_two_changes_no_bit_of_the_proposals(spec, power, seed):
    plain, scaled = rescaled(spec, 2.0**power, 0.0, seed)
    assert plain.tobytes() == scaled.tobytes()


@pytest.mark.parametrize("spec", [MIXED, GRID, {"x": (0.0, 1.0)}], ids=["mixed", "grid", "one"])
@pytest.mark.parametrize(
    ("scale", "shift"), [(3.7, 0.0), (1e-12, 0.0), (1e12, 0.0), (1.0, 0.3), (1.0, -1e4), (9.0, 5.0)]
)
def test_scale_and_shift_of_the_scores_leave_the_proposals_as_they_are(spec, scale, shift):
    for seed in range(2):
        plain, moved = rescaled(spec, scale, shift, seed)
        assert_allclose(moved, plain, atol=1e-4)


def test_whole_search_is_the_same_in_another_unit():
    runs = []
    for scale in (1.0, 2.0**20):
        optimizer = Optimizer(MIXED, random_state=0)
        runs.append(run(optimizer, lambda params, scale=scale: scale * ripple(params), 18))
    assert runs[0] == runs[1]


# Scores and spaces that break lesser optimisers. Warnings are errors throughout.


def assert_goes_on(optimizer, n=4):
    """More trials can be asked, told and predicted, each new and in the space."""
    before = {trial.key for trial in optimizer.trials}
    for trial in optimizer.ask(n):
        assert optimizer.space.encode(trial.params).shape == trial.z.shape
        assert trial.key not in before
        before.add(trial.key)
    mean, std = optimizer.predict(optimizer.trials[0].params)
    assert math.isfinite(mean)
    assert 0 <= std < math.inf


rng = np.random.RandomState(0)
NORMAL = rng.normal(size=20)
HOSTILE = {
    "constant": np.full(20, 0.7),
    "all zero": np.zeros(20),
    "two values": np.r_[np.zeros(19), 1.0],
    "two trials": NORMAL[:2],
    "three trials": NORMAL[:3],
    "tiny": 1e-12 * NORMAL,
    "huge": 1e12 * NORMAL,
    "of all sizes": 10.0 ** np.linspace(-12, 12, 20),
    "of all sizes and signs": np.tile([-1.0, 1.0], 10) * 10.0 ** np.linspace(-12, 12, 20),
    "shifted": 1e12 + NORMAL,
    "bad outlier": np.r_[NORMAL, -1e6],
    "good outlier": np.r_[NORMAL, 1e6],
    "absurd outliers": np.r_[NORMAL, -1e300, 1e300],
    "equal up to rounding": 0.1 + np.spacing(0.1) * rng.randint(4, size=20),
    "largest floats": np.r_[NORMAL, 1.7e308, -1.7e308],
    "smallest floats": 5e-324 * rng.randint(-3, 4, size=20),
    "mostly failed": np.r_[np.full(17, math.nan), 1.0, 2.0, math.inf],
    "long bad tail": -np.exp(4 * NORMAL),
}


@pytest.mark.parametrize("scores", HOSTILE.values(), ids=HOSTILE.keys())
@pytest.mark.parametrize("spec", [cube(2), MIXED], ids=["continuous", "mixed"])
def test_hostile_scores_are_survived(scores, spec):
    optimizer = Optimizer(spec, random_state=0, n_initial_points=2)
    values = iter(scores.tolist())
    told(optimizer, len(scores), lambda params: next(values))
    assert_goes_on(optimizer)


@pytest.mark.parametrize("size", [1e2, 1e6, 1e12])
def test_bad_outlier_does_not_hide_where_the_best_is(size):
    optimizer = told(Optimizer(cube(2), random_state=0), 30, sphere)
    optimizer.tell({"x0": 0.99, "x1": 0.99}, -size)
    run(optimizer, sphere, 6)
    assert optimizer.best_trial.origin == "model"
    assert optimizer.best_trial.score > -1e-2


@pytest.mark.parametrize("scale", [1e-12, 1.0, 1e12])
def test_one_dimension_is_searched_to_its_best(scale):
    optimizer = Optimizer({"x": (0.0, 1.0)}, random_state=0)
    run(optimizer, lambda params: scale * sphere(params), 15)
    assert optimizer.best_trial.params["x"] == pytest.approx(0.3, abs=0.01)


def test_constant_scores_lead_to_exploration():
    optimizer = Optimizer(cube(2), random_state=0)
    for _ in range(30):
        optimizer.tell(optimizer.ask(), 0.5)
    Z = np.array([trial.z for trial in optimizer.trials])
    assert len(np.unique(np.floor(4 * Z).clip(0, 3), axis=0)) >= 10  # of 16 cells
    assert np.mean((Z == 0) | (Z == 1)) < 0.1  # a peak may be anywhere, not at the border alone


def test_only_categories_are_searched_to_their_best():
    def score(params):
        return -float(sum(value != "d" for value in params.values()))

    optimizer = Optimizer({name: list("abcdef") for name in "pqrst"}, random_state=0)
    run(optimizer, score, 40)  # of 7,776 settings
    assert optimizer.best_trial.score >= -1


def test_rare_categories_are_told_apart():
    class Weighted:
        categories, prior = ("a", "b", "c"), (0.8, 0.1, 0.1)

    optimizer = Optimizer({"k": Weighted(), "x": (0.0, 1.0)}, random_state=0)
    for x in np.linspace(0, 1, 8).tolist():
        optimizer.tell({"k": "b", "x": x}, 0.0)
        optimizer.tell({"k": "c", "x": x}, 1.0)
    (of_b, of_c), _ = optimizer.predict([{"k": "b", "x": 0.4}, {"k": "c", "x": 0.4}])
    assert of_c - of_b > 0.8


def test_thirty_dimensions():
    optimizer = Optimizer(cube(30), random_state=0)
    run(optimizer, sphere, 40)
    assert optimizer.best_trial.origin == "model"
    assert_goes_on(optimizer)


def test_five_thousand_told_trials():
    optimizer = told(Optimizer(cube(3), random_state=0), 5000, sphere)
    trial = optimizer.ask()
    assert trial.origin == "model"
    assert sphere(trial.params) > -0.05
    assert_goes_on(optimizer)


def test_told_duplicates():
    optimizer = Optimizer(cube(2), random_state=0)
    for score in np.r_[NORMAL, NORMAL].tolist():
        optimizer.tell({"x0": 0.4, "x1": 0.6}, score)
    optimizer.tell({"x0": 0.1, "x1": 0.1}, 0.0)
    assert_goes_on(optimizer)
    mean, _ = optimizer.predict({"x0": 0.4, "x1": 0.6})
    assert mean == pytest.approx(np.median(NORMAL), abs=0.5)


def test_settings_closer_than_rounding_allows():
    optimizer = Optimizer({"x": (0.0, 1.0)}, random_state=0)
    x = 0.5
    for score in NORMAL.tolist():
        optimizer.tell({"x": x}, score)
        x = math.nextafter(x, 1.0)
    assert_goes_on(optimizer)
