"""What the kernel takes to be alike: categories, directions and scales that are learnt."""

import numpy as np
import pytest
from numpy.testing import assert_allclose, assert_array_equal
from sklearn.gaussian_process.kernels import Matern
from test_surrogate import NUMERIC, logarithmic, points, process, targets

from sklearn_bo.kernel import NO_SHARE, Kernel
from sklearn_bo.surrogate import GaussianProcess

pytestmark = pytest.mark.usefixtures("one_blas_thread")


def test_category_beside_numbers_is_a_point_apart_from_their_line():
    # [2, 4, 8, None] and a float, whose lengthscales are 0.7 and 0.4
    Z = np.array([[u, x] for u in (1 / 8, 3 / 8, 5 / 8, 7 / 8) for x in (0.1, 0.5, 0.6)])
    is_none = Z[:, 0] == 7 / 8
    kernel = Kernel([np.array([7 / 8]), np.empty(0)])
    height = np.where(is_none, np.sqrt(0.5), 0.0)
    middle = 3 / 8  # of the numbers, whose cells end at 3 / 4
    embedded = np.column_stack([np.where(is_none, middle, Z[:, 0]), height, Z[:, 1]])
    theta = np.r_[np.log([0.7, 0.4]), NO_SHARE]  # of one number, which has no pair
    k = kernel(theta, Z, Z)
    assert_allclose(k, Matern([0.7, 0.7, 0.4], nu=2.5)(embedded), rtol=1e-12)
    for share in (NO_SHARE, 1.0):
        theta[-1] = share
        k = kernel(theta, Z, Z)
        assert np.linalg.eigvalsh(k).min() > 0
        assert_allclose(kernel.with_gradients(theta, kernel.differences(Z, Z))[0], k, rtol=1e-12)


@pytest.mark.parametrize("sign", [1, -1])
def test_a_ridge_across_the_axes_is_found(sign):
    Z, new = points(NUMERIC, 25), points(NUMERIC, 200, seed=9)

    def ridge(Z):
        return np.sin(6 * (Z[:, 0] + sign * Z[:, 1]))

    gp = process(NUMERIC).fit(Z, ridge(Z))
    across = np.array([[0.5, 0.5, 0.5], [0.7, 0.5 - sign * 0.2, 0.5], [0.7, 0.5 + sign * 0.2, 0.5]])
    k = gp._kernel(gp._theta_kernel, across[:1], across[1:])[0]
    assert 1 - k[0] < 0.05 * (1 - k[1])
    assert np.corrcoef(gp.predict(new)[0], ridge(new))[0, 1] > 0.99  # 0.96 and 0.87 without


@pytest.mark.parametrize("is_mirrored", [False, True])
def test_a_logarithmic_scale_of_a_linear_range_is_learnt(is_mirrored):
    def score(Z):
        return logarithmic(1 - Z if is_mirrored else Z)

    Z = points(NUMERIC, 25)
    new = points(NUMERIC, 500, seed=1)
    bent, straight = process(NUMERIC), GaussianProcess(Kernel([np.empty(0)] * 3))
    errors = [np.std(gp.fit(Z, score(Z)).predict(new)[0] - score(new)) for gp in (bent, straight)]
    assert errors[0] < 0.5 * errors[1]


@pytest.mark.parametrize("seed", range(5))
def test_scales_do_not_bend_without_need(seed):
    Z = points(NUMERIC, 25, seed)
    y = targets(Z, noise=0.3, seed=seed)
    gp = process(NUMERIC).fit(Z, y)
    assert_array_equal(gp._theta[gp._kernel.bends], 0.0)


def test_a_scale_bends_no_further_than_its_range_allows():
    kernel = Kernel([np.empty(0)] * 3, max_bends=np.array([2.5, 0.5, 7.0]))
    assert_array_equal(kernel.bounds[kernel.bends], [[-2.5, 2.5], [-7.0, 7.0]])


def test_directions_are_learnt_of_a_few_numbers_only():
    counts = [len(Kernel([np.empty(0)] * d).prior) - d - 1 for d in (1, 2, 10, 11)]
    assert counts == [0, 1, 45, 0]


def test_lengthscales_grow_with_the_root_of_the_columns_that_vary():
    number, constant = np.empty(0), np.array([0.5])
    (one,) = GaussianProcess(Kernel([number])).lengthscales
    assert_allclose(GaussianProcess(Kernel([number] * 4)).lengthscales, 2 * one)
    assert_allclose(GaussianProcess(Kernel([number, constant], n_varying=1)).lengthscales, one)
