"""Where to look next: each proposal maximises its acquisition function, computed here anew."""

import itertools
import math
from functools import partial

import numpy as np
import pytest
from scipy import stats
from tuned import cube, drawn, run

from sklearn_bo import Optimizer
from sklearn_bo.model import Model
from sklearn_bo.proposal import propose
from sklearn_bo.space import Space

MIXED = {"x": (0.0, 1.0), "n": (1, 40), "kind": ["good", "fair", "bad"]}


def hills(params):
    height = {"good": 0.0, "fair": -0.3, "bad": -9.0}[params["kind"]]
    return height - (params["x"] - 0.3) ** 2 - 1e-3 * (params["n"] - 25) ** 2


def waves(params):
    return sum(math.sin(9 * x + i) for i, x in enumerate(params.values()))


def search(spec, score, n, seed=0):
    """The space, its model and n random trials."""
    space = Space(spec, random_state=seed)
    return space, Model(space), drawn(space, score, n, seed)


def anywhere(Z):
    return np.ones(len(Z), dtype=bool)


def expected_improvement(gp, best, Z):
    mean, std = gp.predict(Z)
    gap = (mean - best) / std
    return std * (gap * stats.norm.cdf(gap) + stats.norm.pdf(gap))


def upper_bound(gp, Z):
    mean, std = gp.predict(Z)
    return mean + 2.5 * std


CASES = [(cube(1), waves), (cube(3), waves), (MIXED, hills)]


@pytest.mark.parametrize("n", [9, 10, 12, 13])
@pytest.mark.parametrize(("spec", "score"), CASES)
def test_two_of_three_maximise_the_expected_improvement(spec, score, n):
    space, model, trials = search(spec, score, n)
    z = propose(model, trials, anywhere, np.random.RandomState(0))
    gp, _, Z, _ = model.fit(trials.finished)
    improvement = partial(expected_improvement, gp, gp.predict(Z)[0].max())
    others = space.sample(5000, np.random.RandomState(1))
    assert improvement(z[None])[0] > 0.99 * improvement(others).max()


@pytest.mark.parametrize(("spec", "score"), CASES)
def test_the_third_maximises_a_bound_of_a_rougher_function(spec, score):
    space, model, trials = search(spec, score, 8)
    z = propose(model, trials, anywhere, np.random.RandomState(0))
    gp, _, Z, y = model.fit(trials.finished)
    bound = partial(upper_bound, gp.shortened(0.5).condition(Z, y))
    others = space.sample(5000, np.random.RandomState(1))
    assert bound(z[None])[0] > bound(others).max() - 0.01


def test_every_other_exploration_tries_any_category_and_no_other_proposal_a_hopeless_one():
    kinds = {}
    for n in (10, 11):
        _, model, trials = search(MIXED, hills, n)
        proposals = [propose(model, trials, anywhere, np.random.RandomState(s)) for s in range(30)]
        kinds[n] = [model.space.decode(z)["kind"] for z in proposals]
    assert "bad" not in kinds[10]
    assert min(kinds[11].count(kind) for kind in MIXED["kind"]) >= 4  # of about 10


HEIGHT = {"good": 1.0, "fair": 0.5, "poor": 0.0, "worst": -1.0}
TRAP = {**cube(2), "a": list(HEIGHT), "b": list(HEIGHT)}


def trap(params):
    """Best where both categories are the worst, each of which is bad beside all others."""
    both = 6.0 * (params["a"] == params["b"] == "worst")
    misfit = (params["x0"] - 0.3) ** 2 + (params["x1"] - 0.3) ** 2
    return HEIGHT[params["a"]] + HEIGHT[params["b"]] + both - 2 * misfit


def pairs(settings):
    return [(params["a"], params["b"]) for params in settings]


def test_exploration_asks_pairs_of_categories_that_no_trial_has():
    space, model, trials = search(TRAP, trap, 11)
    proposals = [propose(model, trials, anywhere, np.random.RandomState(s)) for s in range(30)]
    asked = set(pairs(map(space.decode, proposals)))
    assert not asked & set(pairs(trial.params for trial in trials))
    assert len(asked) >= 5


@pytest.mark.parametrize("n_categories", [6, 200])
def test_exploration_keeps_to_the_categories_that_it_draws(n_categories):
    kinds = ["w", "x", *map(str, range(n_categories - 2))]
    spec = {**cube(2), **{name: kinds for name in "ab"}}

    def hill(params):
        misses = (params["a"] != "w") + (params["b"] != "x")
        return -((params["x0"] - 0.3) ** 2) - (params["x1"] - 0.7) ** 2 - 0.3 * misses

    optimizer, new = Optimizer(spec, random_state=0), []
    for n in range(40):
        asked = pairs(trial.params for trial in optimizer.trials)
        trial = optimizer.ask()
        optimizer.tell(trial, hill(trial.params))
        if n >= 8 and n % 6 == 5:
            new.append(pairs([trial.params])[0] not in asked)
    assert new == [True] * 5


def test_exploration_asks_single_categories_once_all_pairs_were_tried():
    space, model = Space(TRAP), Model(Space(TRAP))
    trials = drawn(space, trap, 1)
    for a, b in itertools.product(HEIGHT, HEIGHT):
        params = {"x0": 0.5, "x1": 0.5, "a": a, "b": b}
        trials.finish(trials.append(params, space.encode(params), "told"), trap(params))
    proposals = [propose(model, trials, anywhere, np.random.RandomState(s)) for s in range(60)]
    for of_one in zip(*pairs(map(space.decode, proposals)), strict=True):
        assert set(of_one) == set(HEIGHT)


def test_search_finds_two_categories_that_are_good_together_alone():
    searches = [run(Optimizer(TRAP, random_state=seed), trap, 50) for seed in range(8)]
    assert sum(("worst", "worst") in pairs(asked) for asked in searches) >= 7


def test_categories_that_a_subspace_lacks_or_that_have_no_rival_are_not_drawn():
    spec = [
        {"model": ["lone"], "x": (0.0, 1.0)},
        {"model": ["choosy"], "kind": ["good", "bad"], "x": (0.0, 1.0)},
    ]

    def score(params):
        return -3.0 * (params.get("kind") == "bad") - (params["x"] - 0.3) ** 2

    _, model, trials = search(spec, score, 11)
    proposals = [propose(model, trials, anywhere, np.random.RandomState(s)) for s in range(40)]
    kinds = [model.space.decode(z).get("kind") for z in proposals]
    # A quarter each: one subspace, the other, and the other with each kind.
    assert kinds.count("bad") >= 5
    assert 20 <= len(kinds) - kinds.count(None) <= 39


def test_categories_of_a_subspace_that_has_had_its_trials_are_not_drawn():
    spec = [
        ({"model": ["choosy"], "kind": list("abcdefgh"), "sort": list("abcdefgh")}, 3),
        {"model": ["plain"], "way": ["good", "bad"], "x": (0.0, 1.0)},
    ]

    def score(params):
        return -3.0 * (params.get("way") == "bad") - params.get("x", 9.0)

    space, model, trials = search(spec, score, 17)

    def plain(Z):
        return space.subspace_of(Z) == 1

    proposals = [propose(model, trials, plain, np.random.RandomState(s)) for s in range(40)]
    ways = [space.decode(z)["way"] for z in proposals]
    # Half draw the subspace, half one way of two; of five before, four drew what had no trials.
    assert ways.count("bad") >= 5


def test_what_may_not_be_asked_is_not_proposed():
    _, model, trials = search(cube(2), waves, 9)
    free = propose(model, trials, anywhere, np.random.RandomState(0))

    def elsewhere(Z):
        return np.linalg.norm(Z - free, axis=1) > 0.2

    assert elsewhere(propose(model, trials, elsewhere, np.random.RandomState(0))[None])[0]
    assert propose(model, trials, lambda Z: ~anywhere(Z), np.random.RandomState(0)) is None


@pytest.mark.parametrize("n", [9, 12])
def test_pending_trial_is_taken_for_told_where_it_is_expected(n):
    space, model, trials = search(cube(2), waves, n)
    pending = propose(model, trials, anywhere, np.random.RandomState(0))
    trials.append(space.decode(pending), pending, "model")
    z = propose(model, trials, anywhere, np.random.RandomState(0))
    # Its expected improvement is spent.
    assert np.linalg.norm(z - pending) > 0.05


@pytest.mark.parametrize("n", [30, 33, 36])
def test_what_is_believed_of_a_pending_trial_has_no_noise(n):
    noise = np.random.RandomState(0)
    space, model, trials = search(cube(2), lambda params: waves(params) + noise.normal(), n)
    pending = propose(model, trials, anywhere, np.random.RandomState(0))[None]
    trials.append(space.decode(pending[0]), pending[0], "model")
    z = propose(model, trials, anywhere, np.random.RandomState(0))
    gp, _, Z, y = model.fit(trials.finished)
    believed = gp.predict(pending)[0]
    gp.condition(np.vstack([Z, pending]), np.r_[y, believed], n_exact=1)
    improvement = partial(expected_improvement, gp, gp.expected.max())
    others = space.sample(5000, np.random.RandomState(1))
    assert improvement(z[None])[0] > 0.99 * improvement(others).max()


def test_the_bound_too_takes_what_is_believed_of_a_pending_trial_for_exact():
    noise = np.random.RandomState(1)
    space, model, trials = search(
        cube(2), lambda params: waves(params) + 3 * noise.normal(), 31, seed=1
    )
    pending = propose(model, trials, anywhere, np.random.RandomState(0))[None]
    trials.append(space.decode(pending[0]), pending[0], "model")
    z = propose(model, trials, anywhere, np.random.RandomState(0))
    gp, _, Z, y = model.fit(trials.finished)
    Z, y = np.vstack([Z, pending]), np.r_[y, gp.predict(pending)[0]]
    bound = partial(upper_bound, gp.shortened(0.5).condition(Z, y, n_exact=1))
    others = space.sample(5000, np.random.RandomState(1))
    assert bound(z[None])[0] > bound(others).max() - 0.01


@pytest.mark.parametrize(("n", "edge"), [(9, 0.4), (12, 0.6), (11, 0.6)])
def test_where_trials_fail_the_chance_of_success_counts(n, edge):
    def slope(params):
        return params["x0"] + 0.3 * params["x1"] if params["x0"] < edge else math.nan

    space, model, trials = search(cube(2), slope, n, seed=1)
    z = propose(model, trials, anywhere, np.random.RandomState(0))
    gp, _, *data = model.fit(trials.finished)
    ((process, log_chance),) = model.success(trials.finished)
    rougher = gp.shortened(0.5).condition(*data)

    def value(Z):
        if n % 3 == 2:
            gain = np.exp(upper_bound(rougher, Z))
        else:
            gain = expected_improvement(gp, gp.expected.max(), Z)
        return gain * np.exp(log_chance(*process.predict(Z))[0])

    others = space.sample(5000, np.random.RandomState(1))
    assert value(z[None])[0] > 0.99 * value(others).max()


@pytest.mark.parametrize("n", [3, 4])
def test_beside_another_search_the_improvement_is_over_the_own_trials(n):
    space, model, trials = search(cube(2), waves, n)
    model.learn(drawn(space, waves, 20, seed=10).finished)
    z = propose(model, trials, anywhere, np.random.RandomState(0))
    gp, _, Z, _ = model.fit(trials.finished)
    improvement = partial(expected_improvement, gp, gp.predict(Z)[0].max())
    others = space.sample(5000, np.random.RandomState(1))
    assert improvement(z[None])[0] > 0.99 * improvement(others).max()


@pytest.mark.parametrize(("d", "n"), [(3, 10), (6, 15)])
def test_eight_pending_are_distinct_and_spread_out(d, n):
    medians = []
    for seed in range(4):
        optimizer = Optimizer(cube(d), random_state=seed)
        for trial in optimizer.ask(n):
            optimizer.tell(trial, waves(trial.params))
        pending = optimizer.ask(8)
        assert len({trial.key for trial in pending}) == 8
        Z = np.array([trial.z for trial in pending])
        gaps = np.linalg.norm(Z[:, None] - Z[None], axis=2)[np.triu_indices(8, 1)]
        medians.append(np.median(gaps))
    # Two random points of the cube are about sqrt(d / 6) apart.
    assert np.mean(medians) > 0.3 * np.sqrt(d / 6)


def test_batches_of_eight_find_what_single_trials_find():
    optimizer = Optimizer(cube(2), random_state=0)
    for _ in range(5):
        for trial in optimizer.ask(8):
            optimizer.tell(trial, -sum((x - 0.3) ** 2 for x in trial.params.values()))
    assert optimizer.best_trial.score > -1e-2


@pytest.mark.parametrize("seed", range(3))
def test_exploration_leaves_the_end_of_a_slope_of_which_all_is_known(seed):
    optimizer = Optimizer(cube(2), random_state=seed)
    for _ in range(40):
        trial = optimizer.ask()
        optimizer.tell(trial, -0.5 * trial.params["x0"] - 0.3 * trial.params["x1"])
    explored = np.array([trial.z for trial in optimizer.trials[20::3]])
    assert (explored.max(axis=1) > 0.05).mean() > 0.5
    assert max(trial.score for trial in optimizer.trials) > -1e-3
