"""Learning from other searches: what is invariant, what it is worth, how long it counts."""

import math

import numpy as np
import pytest

from sklearn_bo import Optimizer

CUBE = {"x": (0.0, 1.0), "y": (0.0, 1.0), "c": ["u", "v", "w"]}


def bowl(params):
    return -((params["x"] - 0.3) ** 2) - (params["y"] - 0.8) ** 2 - 0.3 * "vuw".index(params["c"])


def draws(n, seed):
    optimizer = Optimizer(CUBE)
    Z = optimizer.space.sample(n, np.random.RandomState(seed))
    return [optimizer.space.decode(z) for z in Z]


def run(sources, n=6, score=bowl, seed=0):
    """Return the optimizer after n trials, and the points it asked."""
    optimizer = Optimizer(CUBE, random_state=seed)
    for params, scores in sources:
        optimizer.learn(params, scores)
    for _ in range(n):
        trial = optimizer.ask()
        optimizer.tell(trial, score(trial.params))
    return optimizer, np.array([trial.z for trial in optimizer.trials])


def source(n=15, seed=0, score=bowl):
    params = draws(n, seed)
    return params, [score(p) for p in params]


@pytest.mark.parametrize(("scale", "shift"), [(2.0**30, 0.0), (2.0**-30, 0.0)])
def test_unit_of_a_source_changes_no_bit_of_the_proposals(scale, shift):
    params, scores = source()
    other = source(seed=1)
    moved = [scale * score + shift for score in scores]
    plain, changed = (run([(params, s), other])[1] for s in (scores, moved))
    assert plain.tobytes() == changed.tobytes()


@pytest.mark.parametrize(("scale", "shift"), [(3.7, 0.0), (1e-9, 0.0), (1.0, 100.0), (9.0, -5.0)])
def test_scale_and_shift_of_a_source_leave_the_proposals_as_they_are(scale, shift):
    params, scores = source()
    moved = [scale * score + shift for score in scores]
    plain, changed = (run([(params, s)], n=3)[1] for s in (scores, moved))
    np.testing.assert_allclose(changed, plain, atol=1e-3)


def test_order_of_sources_and_of_their_rows_does_not_matter():
    # Of equal size, which would settle the order of others.
    sources = [source(15, 0), source(15, 1), source(15, 2, lambda p: 5 - 3 * bowl(p))]
    mixed = [(params[::-1], scores[::-1]) for params, scores in sources[::-1]]
    assert run(sources)[1].tobytes() == run(mixed)[1].tobytes()


def test_a_source_that_only_failed_at_the_worst_places_keeps_away_from_them():
    params, scores = source(20)
    scores = [math.nan if p["c"] == "w" else s for p, s in zip(params, scores, strict=True)]
    assert all(trial.params["c"] != "w" for trial in run([(params, scores)], n=2)[0].trials)


def test_search_goes_on_when_all_of_many_trials_fail():
    optimizer = Optimizer(CUBE, random_state=0)
    optimizer.learn(*source(8))
    for _ in range(45):
        optimizer.tell(optimizer.ask(), math.nan)
    assert optimizer.ask().origin == "model"


def test_learned_settings_are_no_trials_and_may_be_asked():
    space = {"n": [1, 2, 3]}
    optimizer = Optimizer(space, random_state=0)
    optimizer.learn([{"n": 1}, {"n": 2}, {"n": 3}], [0.0, 5.0, 1.0])
    assert (len(optimizer.trials), optimizer.best_trial) == (0, None)
    assert optimizer.ask(3)[0].params == {"n": 2}
    assert len(optimizer.trials) == 3


def test_failed_settings_of_a_source_do_not_count_as_initial_points():
    optimizer = Optimizer(CUBE, random_state=0, n_initial_points=4)
    optimizer.learn(draws(5, 0), [1.0, 2.0, *[math.nan] * 3])
    assert [trial.origin for trial in optimizer.ask(3)] == ["initial design"] * 2 + ["model"]


def test_posterior_is_of_the_own_trials_alone():
    plain, _ = run([])
    taught, _ = run([])
    taught.learn(*source(5))
    np.testing.assert_array_equal(taught.posterior(), plain.posterior())


@pytest.mark.parametrize("n_own", [0, 2])  # of which the next would explore
def test_the_best_of_a_source_that_may_be_asked_is_the_first_proposal(n_own):
    params = [{"n": n} for n in range(10)]
    optimizer = Optimizer(
        {"n": [*range(10)]}, random_state=0, n_initial_points=3, initial_candidates=params[:n_own]
    )
    for trial in optimizer.ask(n_own) if n_own else []:
        optimizer.tell(trial, float(trial.number))
    optimizer.learn(params, [9.0, 8.0, *range(8)])  # settings 0 and 1, then 9
    trial = optimizer.ask()
    assert trial.origin == "model"
    assert trial.params == {"n": 9 if n_own else 0}


def test_every_third_proposal_is_made_from_the_trials_alone():
    for n in (11, 12):
        plain, taught = run([], n=n)[0], run([], n=n)[0]
        taught.learn(*source(15))
        assert (plain.ask().params == taught.ask().params) == (n == 11)


def test_predictions_are_in_the_unit_of_the_own_scores():
    params, scores = source(30, score=lambda p: 1e6 * bowl(p) + 1e9)
    optimizer = Optimizer(CUBE, random_state=0)
    optimizer.learn(params, scores)
    with pytest.raises(ValueError, match="complete trial"):
        optimizer.predict(params[0])
    for _ in range(15):
        trial = optimizer.ask()
        optimizer.tell(trial, bowl(trial.params))
    mean, std = optimizer.predict(optimizer.best_trial.params)
    assert mean == pytest.approx(optimizer.best_trial.score, abs=0.05)
    assert 0 < std < 0.2


def test_failures_of_the_own_trials_alone_do_not_stop_the_proposals():
    Z = run([source(20)], n=5, score=lambda params: math.nan)[1]
    assert len(np.unique(Z, axis=0)) == 5


def test_a_good_source_saves_trials():
    warm = [run([source(30, seed)], n=5, seed=seed)[0].best_trial.score for seed in range(3)]
    cold = [run([], n=5, seed=seed)[0].best_trial.score for seed in range(3)]
    assert np.median(warm) > -0.02
    assert np.median(cold) < -0.05


@pytest.mark.parametrize("kind", ["negated", "noise"])
def test_search_recovers_from_a_misleading_source(kind):
    rng = np.random.RandomState(0)
    for seed in range(2):
        params, scores = source(20, seed)
        wrong = [-s for s in scores] if kind == "negated" else rng.permutation(scores).tolist()
        assert run([(params, wrong)], n=25, seed=seed)[0].best_trial.score > -0.02


@pytest.mark.parametrize(
    ("sizes", "n_representatives"),
    [
        ([1000, 10], 100),
        ([200, 5, 5], 100),
        ([70, 5, 5], 80),
        ([10] * 40, 100),
        ([1] * 25 + [60], 60 + 19),
    ],
    ids=["large", "large and small", "all", "many", "many small"],
)
def test_a_large_source_costs_no_more_than_its_representatives(sizes, n_representatives):
    optimizer, _ = run([source(n, seed) for seed, n in enumerate(sizes)], n=1)
    assert len(optimizer._model._gp.source_Z) == n_representatives


@pytest.mark.parametrize(
    ("params", "scores", "match"),
    [
        ([{"x": 0.5}], [], "1 params and 0 scores"),
        ([{"x": 5.0}], [1.0], "5.0 is not in"),
        ([{"x": 0.5}], [math.nan], "finite"),
        ([], [], "finite"),
        ([{"x": 0.5}, {"x": 5.0}], [1.0, 1.0], r"^params\[1\]="),
        ([5], [1.0], r"^params\[0\]=5 must be a dict"),
        ([{"x": 0.5}], ["a"], r"^scores\[0\]='a' must be a number"),
        ({"x": 0.5}, [1.0], r"^params=.*must be a list"),
        ([{"x": 0.5}], 1.0, r"^scores=1.0 must be a list"),
        ([{"x": 0.5}], [10**400], r"^scores\[0\] is beyond what a float holds"),
    ],
)
def test_optimizer_says_what_it_cannot_learn(params, scores, match):
    with pytest.raises((ValueError, TypeError), match=match):
        Optimizer({"x": (0.0, 1.0)}).learn(params, scores)
