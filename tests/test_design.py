"""The initial design: in the space, spread, reproducible."""

import numpy as np
import pytest
from numpy.testing import assert_allclose, assert_array_equal
from scipy.stats import qmc

from sklearn_bo.design import default_n_initial_points, initial_design
from sklearn_bo.space import Space

SPACES = [
    {"x": (0.0, 1.0)},
    {"x": (1e-3, 1e3, "log-uniform"), "n": (1, 9), "c": ["a", "b", "c"]},
    {"c": list("abcd"), "d": [True, False]},
    [{"kernel": ["rbf"], "gamma": (0.1, 1.0)}, {"kernel": ["linear"]}],
    {f"x{i}": (0.0, 1.0) for i in range(30)},
]
spaces = pytest.mark.parametrize("spec", SPACES)


def draw(spec, n, seed=0):
    space = Space(spec)
    return space, initial_design(space, n, np.random.RandomState(seed))


@spaces
@pytest.mark.parametrize("n", [1, 2, 5, 8, 13])
def test_design_has_the_points_asked_for_and_they_lie_in_the_space(spec, n):
    space, Z = draw(spec, n)
    assert Z.shape == (n, space.n_dims)
    assert_array_equal(space.snap(Z), Z)
    assert_allclose([space.encode(space.decode(z)) for z in Z], Z)


def test_design_of_a_space_without_parameters_repeats_its_one_setting():
    assert draw({}, 3)[1].shape == (3, 0)


@spaces
def test_design_is_reproducible_by_its_random_state(spec):
    assert_array_equal(draw(spec, 8)[1], draw(spec, 8)[1])


def test_other_random_state_gives_another_design():
    assert not np.array_equal(draw(SPACES[0], 8, seed=0)[1], draw(SPACES[0], 8, seed=1)[1])


@pytest.mark.parametrize("seed", range(5))
def test_each_eighth_of_each_column_is_visited_once_in_eight_points(seed):
    _, Z = draw(SPACES[-1], 8, seed)
    assert_array_equal(np.sort(np.floor(Z * 8), axis=0), np.repeat(np.arange(8.0)[:, None], 30, 1))


@pytest.mark.parametrize("seed", range(5))
def test_each_of_four_categories_is_visited_twice_in_eight_points(seed):
    _, Z = draw(SPACES[2], 8, seed)
    assert np.unique(Z[:, 0], return_counts=True)[1].tolist() == [2, 2, 2, 2]
    assert np.unique(Z[:, 1], return_counts=True)[1].tolist() == [4, 4]


@pytest.mark.parametrize("n", [6, 10])
def test_design_fills_the_space_better_than_random_points(n):
    spec = {name: (0.0, 1.0) for name in "abcd"}
    ours = [qmc.discrepancy(draw(spec, n, seed)[1]) for seed in range(20)]
    rng = np.random.RandomState(0)
    random = [qmc.discrepancy(rng.uniform(size=(n, 4))) for _ in range(200)]
    assert np.mean(ours) < 0.75 * np.mean(random)


def test_default_size_grows_with_the_dimension_and_levels_off():
    sizes = [default_n_initial_points(d) for d in range(100)]
    assert sizes[1:5] == [4, 6, 8, 8]
    assert set(sizes[3:]) == {8}


@pytest.mark.parametrize("d", [1, 4, 30])
def test_default_size_leaves_most_of_a_small_budget_to_the_model(d):
    sizes = [default_n_initial_points(d, n_iter) for n_iter in (1, 2, 3, 4, 7, 20, 60, 1000)]
    third = np.array([1, 1, 1, 2, 3, 7, 20, 334])  # rounded up
    assert sizes == np.minimum(third, default_n_initial_points(d)).tolist()
