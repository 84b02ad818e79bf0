"""What is left to ask: each setting once, each subspace within its budget."""

import numpy as np
import pytest
from scipy import stats

from sklearn_bo import Optimizer
from sklearn_bo.remaining import Remaining
from sklearn_bo.space import Space

SPACES = {
    "one": {"a": [1, 2, 3], "b": ["x", "y"]},
    "shared settings": [{"a": [1, 2, 3]}, {"a": [3, 2, 4]}, {"a": [4, 1]}],
    "other parameters": [{"a": [1, 2]}, {"b": (0, 4)}, {"a": [1, 2], "b": (0, 1)}],
}


@pytest.mark.parametrize("spec", SPACES.values(), ids=SPACES)
def test_drawing_until_nothing_is_left_gives_each_setting_once(spec):
    space = Space(spec)
    remaining, drawn = Remaining(space), []
    rng = np.random.RandomState(0)
    while remaining:
        z = remaining.draw(rng)
        assert remaining.may_ask(z)
        assert remaining.admissible(z[None])[0]
        drawn.append(space.decode(z))
        remaining.take(space.encodings(drawn[-1]))
        assert not remaining.may_ask(z)
        assert not remaining.admissible(z[None])[0]
    found = {tuple(sorted(params.items())) for params in drawn}
    everything = {tuple(sorted(space.decode(z).items())) for z in space.settings()}
    assert found == everything
    assert len(drawn) == len(everything) == remaining.n_settings


@pytest.mark.parametrize(
    "spec",
    [[{"x": stats.expon()}, {"x": [0.0]}], [{"x": [0.0]}, {"x": stats.expon()}]],
    ids=["distribution first", "choice first"],
)
def test_an_open_end_belongs_to_the_subspace_that_asks_it(spec):
    first, second = ((entry, 3) if entry["x"] == [0.0] else entry for entry in spec)
    assert Remaining(Space([first, second])).share(9) == 10
    space = Space(spec)
    remaining = Remaining(space)
    end = space.encode({"x": 0.0})
    assert space.decode(end) == {"x": 0.0}
    assert remaining.may_ask(end)
    assert remaining.admissible(end[None]).all()


def test_subspaces_keep_to_their_own_budget_and_to_the_shared_one():
    space = Space([({"a": (0.0, 1.0)}, 3), {"b": (0.0, 1.0)}, {"c": (0.0, 1.0)}])
    remaining = Remaining(space)
    assert remaining.share(4) == 7
    rng, counts = np.random.RandomState(0), np.zeros(3, dtype=int)
    while remaining:
        z = remaining.draw(rng)
        counts[space.subspace_of(z[None])[0]] += 1
        remaining.take(z[None])
    assert counts[0] == 3
    assert counts[1] + counts[2] == 4


@pytest.mark.parametrize(
    "spec",
    [
        [({"C": (0.01, 10.0)}, 3), {"C": (5.0, 20.0)}],
        [{"C": (10.0, 20.0)}, ({"C": (0.1, 10.0)}, 3)],
    ],
    ids=["ranges overlap", "the second loses its end"],
)
def test_settings_of_two_subspaces_do_not_exceed_the_budget_of_the_first(spec):
    optimizer = Optimizer(spec, random_state=0)
    assert optimizer.share(20) == 23
    for _ in range(23):
        trial = optimizer.ask()
        optimizer.tell(trial, -abs(trial.params["C"] - 9.0))
    counts = np.bincount(optimizer.space.subspace_of(np.array([t.z for t in optimizer.trials])))
    limits = [20 if subspace.n_trials is None else 3 for subspace in optimizer.space.subspaces]
    assert counts.tolist() == limits


def test_more_may_be_asked_than_is_shared_where_no_subspace_has_a_budget_of_its_own():
    space = Space([{"a": [1, 2, 3]}, {"b": [1, 2, 3]}])
    remaining = Remaining(space)
    assert remaining.share(2) == 2
    for n in (1, 2, 3):
        remaining.take(space.encodings({"a": n}))
    assert remaining


@pytest.mark.parametrize("n_iter", [0, -1, 2.5, None, "3"])
def test_what_is_shared_is_a_number_of_trials(n_iter):
    with pytest.raises(ValueError, match=f"n_iter={n_iter!r} must be an integer of at least 1"):
        Optimizer(SPACES["one"]).share(n_iter)


def test_a_setting_told_twice_counts_once():
    space = Space(({"a": [1, 2]}, {"b": [1]}))
    remaining = Remaining(space)
    for _ in range(3):
        remaining.take(space.encodings({"a": 1}))
    assert remaining.admissible(space.encodings({"a": 2}))[0]


def test_a_setting_of_two_subspaces_is_known_in_both():
    space = Space([{"C": (0.0, 1.0)}, {"C": (0.0, 2.0)}])
    remaining, points = Remaining(space), space.encodings({"C": 0.5})
    assert remaining.admissible(points).tolist() == [True, True]
    remaining.take(points)
    assert remaining.admissible(points).tolist() == [False, False]


def test_a_setting_is_known_by_coordinates_that_differ_by_rounding():
    space = Space({"x": (1e-3, 1e3, "log-uniform"), "law": stats.norm(), "y": (-0.3, 0.7)})
    remaining = Remaining(space)
    Z = space.sample(50, np.random.RandomState(0))
    assert remaining.admissible(Z).all()
    for z in Z:
        remaining.take(space.encodings(space.decode(z)))
    assert not remaining.admissible(Z).any()


def test_a_setting_is_known_by_a_zero_of_either_sign():
    remaining = Remaining(Space({"x": (0.0, 1.0), "y": (0.0, 1.0)}))
    remaining.take(np.array([[0.0, 0.5]]))
    assert remaining.admissible(np.array([[-1e-17, 0.5], [-0.0, 0.5]])).tolist() == [False, False]
