"""Any space, and whether a setting lies in one."""

from hypothesis import strategies as st
from scipy import stats

dimensions = st.sampled_from(
    [
        (0.0, 1.0),
        (-3.5, 1e3),
        (1e-6, 1e2, "log-uniform"),
        (1, 5),
        (1, 10_000, "log-uniform"),
        [0.1, 0.5, 0.7],
        ["a", "b", "c", "d"],
        [None, True, "auto", 3],
        [None, 2, 4, 8],
        ["only"],
        stats.expon(scale=2.0),
        stats.norm(),
        stats.randint(2, 9),
    ]
)
names = st.sampled_from(["C", "gamma", "depth", "kernel", "alpha", "tol"])
single = st.dictionaries(names, dimensions, min_size=1, max_size=5)
spaces = st.one_of(single, st.lists(single, min_size=1, max_size=3))


def contains(spec, params):
    """Whether one dict of the space has just these parameters, each with a value of its own."""
    subspaces = [spec] if isinstance(spec, dict) else spec
    return any(
        params.keys() == subspace.keys()
        and all(is_value(subspace[name], value) for name, value in params.items())
        for subspace in subspaces
    )


def is_value(spec, value):
    if isinstance(spec, list):
        return any(value is choice for choice in spec)
    if isinstance(spec, tuple):
        return type(value) is type(spec[0]) and spec[0] <= value <= spec[1]
    low, high = spec.support()
    return isinstance(value, int | float) and low <= value <= high
