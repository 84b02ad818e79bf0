"""How the tests spell a dimension."""

import functools
import re

from sklearn_bo.parsing import parse_dimension

parse = functools.partial(parse_dimension, "alpha")


def without_address(value):
    """Name a test case alike in every process that collects it."""
    return re.sub(r" at 0x[0-9a-f]+", "", repr(value))


class Sampler:
    """Nothing but rvs, as scikit-learn asks of a distribution."""

    def __init__(self, draw):
        self.draw = draw

    def rvs(self, random_state=None):
        return self.draw(random_state)


def values_of(dimension):
    return [dimension.decode(u) for u in dimension.coordinates()]
