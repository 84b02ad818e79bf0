"""Analytic functions, negated where they are usually minimised."""

import math

import numpy as np

from ..spaces import Params
from .task import Task, plain, with_noise

HARTMANN_ALPHA = np.array([1.0, 1.2, 3.0, 3.2])
HARTMANN_A = np.array(
    [
        [10, 3, 17, 3.5, 1.7, 8],
        [0.05, 10, 17, 0.1, 8, 14],
        [3, 3.5, 1.7, 10, 17, 8],
        [17, 8, 0.05, 10, 0.1, 14],
    ]
)
HARTMANN_P = 1e-4 * np.array(
    [
        [1312, 1696, 5569, 124, 8283, 5886],
        [2329, 4135, 8307, 3736, 1004, 9991],
        [2348, 1451, 3522, 2883, 3047, 6650],
        [4047, 8828, 8732, 5743, 1091, 381],
    ]
)


def _vector(params: Params) -> np.ndarray:
    return np.array([params[f"x{k}"] for k in range(len(params))])


def _cube(n_dims: int, low: float, high: float) -> dict[str, tuple]:
    return {f"x{k}": (low, high) for k in range(n_dims)}


def branin(params: Params) -> float:
    """Return minus the Branin function."""
    x, y = params["x"], params["y"]
    a = y - 5.1 / (4 * math.pi**2) * x**2 + 5 / math.pi * x - 6
    return -(a**2 + 10 * (1 - 1 / (8 * math.pi)) * math.cos(x) + 10)


def hartmann6(params: Params) -> float:
    """Return minus the six-dimensional Hartmann function."""
    x = _vector(params)
    return float(HARTMANN_ALPHA @ np.exp(-np.sum(HARTMANN_A * (x - HARTMANN_P) ** 2, axis=1)))


def rosenbrock(params: Params) -> float:
    """Return minus log(1 + the Rosenbrock function)."""
    x = _vector(params)
    return -math.log1p(float(np.sum(100 * (x[1:] - x[:-1] ** 2) ** 2 + (1 - x[:-1]) ** 2)))


def ackley(params: Params) -> float:
    """Return minus the Ackley function, its optimum off the centre."""
    x = _vector(params) - 3.7
    root, wave = math.sqrt(float(np.mean(x**2))), float(np.mean(np.cos(2 * math.pi * x)))
    return 20 * math.exp(-0.2 * root) + math.exp(wave) - 20 - math.e


def levy(params: Params) -> float:
    """Return minus the Levy function."""
    w = 1 + (_vector(params) - 1) / 4
    middle = np.sum((w[:-1] - 1) ** 2 * (1 + 10 * np.sin(math.pi * w[:-1] + 1) ** 2))
    last = (w[-1] - 1) ** 2 * (1 + math.sin(2 * math.pi * w[-1]) ** 2)
    return -float(math.sin(math.pi * w[0]) ** 2 + middle + last)


def crater(params: Params) -> float:
    """Return a peak on a wide plateau, with a corner that fails."""
    x, y, z = params["x"], params["y"], params["z"]
    if x + y > 1.6:
        raise ValueError("The corner fails.")
    squared = (x - 0.72) ** 2 + (y - 0.64) ** 2 + 0.3 * (z - 0.4) ** 2
    return max(0.0, 1.0 - squared / 0.08)


_LANDSCAPE = np.random.RandomState(11).standard_normal((8, 4, 4))


def landscape(params: Params) -> float:
    """Return a sum of random interactions of neighbouring categories (an NK landscape)."""
    codes = ["abcd".index(params[f"c{k}"]) for k in range(8)]
    return float(sum(_LANDSCAPE[k, codes[k], codes[(k + 1) % 8]] for k in range(8)))


def ramps(params: Params) -> float:
    """Return four hills, one per category, of different heights and places."""
    height, x0, y0 = {
        "a": (0.7, 0.5, 0.5),
        "b": (1.0, 0.15, 0.85),
        "c": (0.8, 0.8, 0.3),
        "d": (0.4, 0.5, 0.2),
    }[params["kind"]]
    n = params["n"] / 20
    squared = (params["x"] - x0) ** 2 + (params["y"] - y0) ** 2 + (n - x0) ** 2
    return height * math.exp(-4 * squared)


BRANIN = {"x": (-5.0, 10.0), "y": (0.0, 15.0)}

TASKS = [
    Task("branin", BRANIN, plain(branin), memoise=False),
    Task("hartmann6", _cube(6, 0.0, 1.0), plain(hartmann6), memoise=False),
    Task("rosenbrock4", _cube(4, -2.0, 2.0), plain(rosenbrock), memoise=False),
    Task("ackley5", _cube(5, -10.0, 20.0), plain(ackley), memoise=False),
    Task("levy12", _cube(12, -5.0, 5.0), plain(levy), memoise=False),
    Task("crater", {k: (0.0, 1.0) for k in "xyz"}, plain(crater), memoise=False),
    Task(
        "landscape",
        {f"c{k}": ["a", "b", "c", "d"] for k in range(8)},
        plain(landscape),
        memoise=False,
    ),
    Task(
        "ramps",
        {"kind": ["a", "b", "c", "d"], "x": (0.0, 1.0), "y": (0.0, 1.0), "n": (0, 20)},
        plain(ramps),
        memoise=False,
    ),
    Task("branin-noisy", BRANIN, with_noise(branin, 5.0), noisy=True, mean=branin, memoise=False),
    Task(
        "hartmann6-noisy",
        _cube(6, 0.0, 1.0),
        with_noise(hartmann6, 0.15),
        noisy=True,
        mean=hartmann6,
        memoise=False,
    ),
]
