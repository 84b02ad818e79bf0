"""The maximiser against closed forms and brute force."""

import itertools
import warnings
from functools import partial

import numpy as np
import pytest
from numpy.testing import assert_allclose, assert_array_equal
from scipy import stats

from sklearn_bo.acquisition import log_expected_improvement, upper_confidence_bound
from sklearn_bo.kernel import Kernel
from sklearn_bo.maximizer import maximize
from sklearn_bo.space import Space
from sklearn_bo.surrogate import GaussianProcess

pytestmark = pytest.mark.usefixtures("one_blas_thread")


class Known:
    """A surrogate whose mean is a function of known maximum."""

    def __init__(self, mean, gradient=None):
        self.mean, self.gradient = mean, gradient

    def predict(self, Z):
        return self.mean(Z), np.ones(len(Z))

    def predict_gradient(self, Z):
        return *self.predict(Z), self.gradient(Z), np.zeros_like(Z)


def peak(target):
    """-|z - target|^2 with its gradient."""
    return Known(lambda Z: -((Z - target) ** 2).sum(1), lambda Z: -2 * (Z - target))


def mean_only(mean, std):
    return mean, np.ones_like(mean), np.zeros_like(std)


def anywhere(Z):
    return np.ones(len(Z), dtype=bool)


def find(surrogate, space, *, acquisition=mean_only, admissible=anywhere, anchors=None, seed=0):
    if anchors is None:
        anchors = space.sample(3, np.random.RandomState(99))
    rng = np.random.RandomState(seed)
    return maximize([(surrogate, acquisition)], space, anchors, admissible, rng)


def cube(d):
    return Space({f"x{i}": (0.0, 1.0) for i in range(d)})


@pytest.mark.parametrize("d", [1, 2, 6, 30])
def test_smooth_peak_inside_the_cube_is_climbed(d):
    target = np.random.RandomState(d).uniform(0.1, 0.9, size=d)
    assert_allclose(find(peak(target), cube(d)), target, atol=1e-4)


@pytest.mark.parametrize("target", [[-0.5, 0.3], [1.5, 2.0]])
def test_peak_outside_the_cube_is_sought_on_its_faces(target):
    found = find(peak(np.array(target)), cube(2))
    assert_allclose(found, np.clip(target, 0, 1), atol=1e-4)


@pytest.mark.parametrize("seed", range(5))
def test_narrow_peak_near_an_anchor_is_found(seed):
    target = np.random.RandomState(seed).uniform(0.1, 0.9, size=6)

    def mean(Z):
        return np.exp(-((Z - target) ** 2).sum(1) / (2 * 0.02**2))

    def gradient(Z):
        return -mean(Z)[:, None] * (Z - target) / 0.02**2

    found = find(Known(mean, gradient), cube(6), anchors=(target + 0.01)[None], seed=seed)
    assert_allclose(found, target, atol=1e-3)


@pytest.mark.parametrize(
    ("space", "targets", "between"),
    [
        (cube(2), [[0.1, 0.8], [0.7, 0.2]], [0.4, 0.5]),
        (Space({"n": (0, 9)}), [[0.15], [0.75]], [0.45]),
    ],
    ids=["continuous", "finite"],
)
def test_sum_of_two_peaks_is_highest_between_them(space, targets, between):
    terms = [(peak(np.array(target)), mean_only) for target in targets]
    anchors = np.full((1, space.n_dims), 0.5)
    found = maximize(terms, space, anchors, anywhere, np.random.RandomState(0))
    assert_allclose(found, between, atol=1e-4)


# 5 x 40 x 1 x 31 settings and more: too many to be evaluated whole.
LARGE = {"n": (1, 40), "m": (1, 1000, "log-uniform"), "c": list("vwxyz"), "o": [1, 10, 100]}


def additive(space, seed):
    """A function that is best where each column is, of a different scale each."""
    rng = np.random.RandomState(seed)
    target, scale = space.sample(1, rng)[0], np.exp(rng.normal(size=space.n_dims))

    def mean(Z):
        distance = np.where(space.is_categorical, target != Z, np.abs(Z - target))
        return -(distance * scale).sum(1)

    def gradient(Z):
        return np.where(space.is_categorical, 0, -np.sign(Z - target) * scale)

    return Known(mean, gradient), target


@pytest.mark.parametrize("seed", range(5))
def test_discrete_space_too_large_to_list_is_searched_to_its_best_setting(seed):
    space = Space(LARGE)
    surrogate, target = additive(space, seed)
    found = find(surrogate, space, seed=seed)
    assert_array_equal(space.snap(found[None])[0], found)
    # One step along the finest column is the most that may be missing.
    assert surrogate.mean(found[None])[0] >= -2e-2
    assert space.decode(found)["c"] == space.decode(target)["c"]


@pytest.mark.parametrize("seed", range(5))
def test_mixed_space_is_searched_along_both_kinds_of_columns(seed):
    space = Space({"x": (0.0, 1.0), **LARGE, "y": (1e-5, 1e5, "log-uniform")})
    surrogate, target = additive(space, seed)
    found = find(surrogate, space, seed=seed)
    assert surrogate.mean(found[None])[0] >= -0.1
    assert space.decode(found)["c"] == space.decode(target)["c"]


@pytest.mark.parametrize("scale", ["uniform", "log-uniform"])
@pytest.mark.parametrize("seed", range(3))
def test_many_integers_reach_what_floats_in_their_place_reach(scale, seed):
    d = 6
    rng = np.random.RandomState(seed)
    mixing, target = rng.normal(size=(d, d)), rng.uniform(0.2, 0.8, d)
    Z = rng.uniform(size=(25, d))
    y = -np.linalg.norm((Z - target) @ mixing, axis=1)  # a valley across the columns
    y = (y - y.mean()) / y.std()
    gp = GaussianProcess(Kernel([np.empty(0)] * d)).fit(Z, y)
    acquisition = partial(log_expected_improvement, best=gp.predict(Z)[0].max())
    values = []
    for low, high in ((100, 10_100), (100.0, 10_100.0)):
        space = Space({f"p{j}": (low, high, scale) for j in range(d)})
        found = find(gp, space, acquisition=acquisition, anchors=Z[np.argsort(-y)[:5]])
        values.append(acquisition(*gp.predict(found[None]))[0][0])
    assert values[0] >= values[1] - 0.05


def surrogate_of(space, n=15, seed=0):
    rng = np.random.RandomState(seed)
    Z = space.sample(n, rng)
    y = np.sin(6 * Z).sum(1) + 0.3 * rng.normal(size=n)
    return GaussianProcess(Kernel(space.categories)).fit(Z, (y - y.mean()) / y.std()), Z, y


ACQUISITIONS = [
    lambda mean, std: log_expected_improvement(mean, std, 1.5),
    lambda mean, std: upper_confidence_bound(mean, std, 2.0),
]


@pytest.mark.parametrize("acquisition", ACQUISITIONS, ids=["log EI", "UCB"])
@pytest.mark.parametrize("seed", range(3))
def test_acquisition_of_a_process_is_at_least_that_of_the_best_point_of_a_grid(acquisition, seed):
    space = Space({"x": (0.0, 1.0), "y": (0.0, 1.0), "c": ["a", "b", "c"], "n": (1, 4)})
    surrogate, Z, y = surrogate_of(space, seed=seed)
    line = np.linspace(0, 1, 61)
    grid = np.array(
        list(itertools.product(line, line, (np.arange(3) + 0.5) / 3, (np.arange(4) + 0.5) / 4))
    )
    best = acquisition(*surrogate.predict(grid))[0].max()
    found = find(
        surrogate, space, acquisition=acquisition, anchors=Z[np.argsort(-y)[:5]], seed=seed
    )
    assert acquisition(*surrogate.predict(found[None]))[0][0] >= best - 1e-3 * abs(best) - 1e-3


@pytest.mark.parametrize("seed", range(3))
def test_small_finite_space_gives_its_exact_maximum(seed):
    space = Space({"a": (1, 12), "b": [0.1, 1.0, 10.0], "c": list("wxyz")})
    surrogate, *_ = surrogate_of(space, seed=seed)
    every = np.array(list(space.settings()))
    values = surrogate.predict(every)[0]
    assert_array_equal(find(surrogate, space, seed=seed), every[np.argmax(values)])


def test_small_finite_space_gives_its_best_admissible_setting():
    space = Space({"a": (1, 12), "b": list("wxyz")})
    surrogate, *_ = surrogate_of(space)
    every = np.array(list(space.settings()))
    ranked = every[np.argsort(-surrogate.predict(every)[0], kind="stable")]
    taken = {z.tobytes() for z in ranked[:20]}
    found = find(
        surrogate,
        space,
        admissible=lambda Z: np.array([z.tobytes() not in taken for z in Z], dtype=bool),
    )
    assert_array_equal(found, ranked[20])


@pytest.mark.parametrize("spec", [{"x": (0.0, 1.0), "n": (1, 5)}, LARGE])
def test_point_found_is_admissible_even_where_the_peak_is_not(spec):
    space = Space(spec)
    surrogate, target = additive(space, 0)
    found = find(surrogate, space, admissible=lambda Z: np.abs(Z - target).max(1) > 0.2)
    assert np.abs(found - target).max() > 0.2


@pytest.mark.parametrize("spec", [{"a": (1, 12), "b": list("wxyz")}, LARGE])
def test_nothing_is_found_where_nothing_is_admissible(spec):
    space = Space(spec)
    surrogate, _ = additive(space, 0)
    assert find(surrogate, space, admissible=lambda Z: np.zeros(len(Z), dtype=bool)) is None


def test_same_random_state_gives_the_same_point():
    space = Space({"x": (0.0, 1.0), **LARGE})
    surrogate, *_ = surrogate_of(space)
    assert_array_equal(find(surrogate, space, seed=3), find(surrogate, space, seed=3))


def test_flat_acquisition_gives_some_point_of_the_space_without_a_warning():
    space = Space({"x": (0.0, 1.0), "c": ["a", "b"]})
    flat = Known(lambda Z: np.zeros(len(Z)), np.zeros_like)
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        found = find(flat, space)
    space.decode(found)
    assert np.all((found >= 0) & (found <= 1))


def test_columns_that_a_subspace_lacks_stay_at_rest():
    space = Space([{"x": (0.0, 1.0)}, {"y": (0.0, 1.0), "c": list("abc")}])
    surrogate, *_ = surrogate_of(space)
    for seed in range(5):
        found = find(surrogate, space, seed=seed)
        assert_array_equal(space.snap(found[None])[0], found)


@pytest.mark.parametrize("best", [["a", "b", "c"], ["a", "c"]], ids="".join)
def test_of_equals_in_a_finite_space_any_is_found(best):
    space = Space({"c": list("abc")})
    highest = Known(lambda Z: np.array([float(space.decode(z)["c"] in best) for z in Z]))
    found = [space.decode(find(highest, space, seed=seed))["c"] for seed in range(60)]
    counts = [found.count(choice) for choice in best]
    assert sum(counts) == 60
    assert stats.chisquare(counts).pvalue > 1e-3
