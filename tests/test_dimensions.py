"""The laws that all kinds of dimensions obey."""

import math
import pickle
from fractions import Fraction

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy import stats
from spelled import Sampler, parse, without_address

from sklearn_bo.dimensions import Choices, Distribution, Integer, Real
from sklearn_bo.parsing import parse_dimension

property_test = settings(deadline=None)


KINDS = [
    Real(-2.0, 3.0),
    Real(1e-6, 1e3, log=True),
    Integer(-3, 12),
    Integer(1, 1000, log=True),
    Integer(0, 2**39),
    Integer(1, 2**40 - 1, log=True),
    parse(["a", None, 2, (1, 2)]),
    parse(np.logspace(-2, 2, 13)),
    parse([3]),
    parse(stats.norm()),
    parse(stats.expon()),
    parse(stats.beta(2, 3)),
    parse(stats.poisson(20)),
    parse_dimension("alpha", Sampler(lambda rng: rng.normal()), 0),
]
DISCRETE = [dimension for dimension in KINDS if dimension.n_levels < math.inf]
unit = st.floats(0.0, 1.0)


def test_choices_are_saved_without_keys_that_no_text_can_write():
    choices = parse(["a", 1, (2, "b")])
    assert not any(isinstance(part, dict) for part in choices.__getstate__().values())
    assert pickle.loads(pickle.dumps(choices)).encode((2, "b")) == choices.encode((2, "b"))


def test_numbers_that_are_spread_evenly_may_bend_as_far_as_their_logarithm():
    triangle = stats.triang(0.5, loc=1.0, scale=9.0)
    for dimension, max_bend in [
        (Real(2.0, 200.0), math.log(100)),
        (Real(0.0, 1.0), 7.0),
        (Real(-1.0, 1.0), 0.0),
        (Real(1e-3, 1.0, log=True), 0.0),
        (Integer(1, 8), math.log(8)),
        (Integer(1, 1000, log=True), 0.0),
        (Integer(0, 1), 0.0),  # two values have no scale
        (Choices(range(0, 100, 5)), 7.0),
        (Choices([2.0, 4.0, 6.0]), math.log(3)),
        (Choices([1, 10, 100, 1000]), 0.0),
        (Choices([10**400, 2 * 10**400, 4 * 10**400]), 0.0),
        (Choices([None, 2, 4, 6]), 0.0),
        (Choices(["2", "4", "6"]), 0.0),
        (Distribution(stats.expon(scale=3.0)), 7.0),
        (Distribution(triangle), math.log(triangle.ppf(0.999) / triangle.ppf(0.001))),
        (Distribution(stats.lognorm(2.0)), 0.0),
        (Distribution(stats.norm()), 0.0),
        (Distribution(stats.halfnorm()), 7.0),
        (Distribution(stats.logistic()), 0.0),
        (Real(1e-300, 1e300), 7.0),
        (Real(1.7e9, 1.7e9 + 1e-6), 0.0),
        (Integer(2**60, 2**60 + 100), 0.0),
        (Choices([10**17, 10**17 + 20, 10**17 + 40]), 0.0),
        (Choices([0, 1e-4, 1e-3, 1e-2, 0.1, 1]), 0.0),
        (Distribution(stats.gamma(0.01)), 0.0),
    ]:
        assert dimension.max_bend == pytest.approx(max_bend, rel=0.01)


@property_test
@given(dimension=st.sampled_from(KINDS), u=unit)
def test_value_at_a_coordinate_is_a_native_member_of_the_dimension(dimension, u):
    value = dimension.decode(u)
    assert not isinstance(value, np.generic)
    assert 0.0 <= dimension.encode(value) <= 1.0


@property_test
@given(dimension=st.sampled_from(DISCRETE), u=unit)
def test_discrete_value_survives_encoding_exactly(dimension, u):
    value = dimension.decode(u)
    assert dimension.decode(dimension.encode(value)) == value


@property_test
@given(u=unit)
def test_real_value_survives_encoding(u):
    for dimension in (Real(-2.0, 3.0), Real(1e-6, 1e3, log=True)):
        value = dimension.decode(u)
        assert dimension.low <= value <= dimension.high
        assert dimension.decode(dimension.encode(value)) == pytest.approx(value, rel=1e-9, abs=1e-9)


@property_test
@given(dimension=st.sampled_from(DISCRETE), u=unit)
def test_snap_is_encoding_of_decoding_to_the_bit(dimension, u):
    assert dimension.snap(np.array([u]))[0] == dimension.encode(dimension.decode(u))


@property_test
@given(dimension=st.sampled_from(KINDS), u=st.lists(st.floats(-1.0, 2.0), min_size=1))
def test_snap_is_idempotent_and_stays_in_the_unit_interval(dimension, u):
    once = dimension.snap(np.array(u))
    assert np.all((once >= 0.0) & (once <= 1.0))
    assert dimension.snap(once).tobytes() == once.tobytes()


@property_test
@given(dimension=st.sampled_from(KINDS), u=st.lists(unit, min_size=2, max_size=40))
def test_snap_does_not_depend_on_the_memory_layout(dimension, u):
    strided = np.asfortranarray(np.tile(np.array(u)[:, None], (1, 3))).T.copy().T[:, 1]
    one_by_one = [dimension.snap(np.array([each]))[0] for each in u]
    assert dimension.snap(strided).tolist() == one_by_one


@property_test
@given(dimension=st.sampled_from(KINDS), u=unit)
def test_neighbours_are_other_values_of_the_dimension(dimension, u):
    neighbours = dimension.neighbours(u)
    assert dimension.snap(neighbours).tobytes() == neighbours.tobytes()
    assert dimension.snap(np.array([u]))[0] not in neighbours


@pytest.mark.parametrize("dimension", KINDS, ids=without_address)
def test_dimension_pickles(dimension):
    copy = pickle.loads(pickle.dumps(dimension))
    assert copy == dimension
    assert copy.decode(0.3) == dimension.decode(0.3)


def test_dates_and_complex_numbers_are_kept_and_found_by_value():
    for values in (np.array(["2020-01-01", "2021-01-01"], "M8[D]"), np.array([1j, 2 + 1j])):
        dimension = parse([*values, values[1].copy()])
        assert [type(value) for value in dimension.values] == 2 * [type(values[0])]
        assert dimension.encode(pickle.loads(pickle.dumps(values))[1]) == 0.75


def test_nan_and_identical_objects_are_found_after_pickling():
    dimension, nan = pickle.loads(pickle.dumps((parse([np.nan, None]), np.nan)))
    assert dimension.encode(nan) == 0.25


def test_tuples_are_told_apart_by_the_types_of_what_they_hold():
    dimension = parse([(1, 2), (1.0, 2), (True, 2), (1, (2, None)), (1, 2), (np.nan, 2)])
    assert dimension.n_levels == 5
    assert dimension.decode(dimension.encode((1.0, 2)))[0].__class__ is float
    assert dimension.encode((1, (2, None))) == 0.7
    assert dimension.encode(pickle.loads(pickle.dumps((np.nan, 2)))) == 0.9
    with pytest.raises(ValueError, match="is not in"):
        dimension.encode((2, 1))


def test_neighbours_of_ordered_values_are_the_adjacent_ones():
    dimension = parse([1, 2, 4, 8])
    assert [dimension.decode(u) for u in dimension.neighbours(dimension.encode(4))] == [2, 8]
    assert [dimension.decode(u) for u in dimension.neighbours(dimension.encode(1))] == [2]
    assert [Integer(1, 9).decode(u) for u in Integer(1, 9).neighbours(1.0)] == [8]


def test_neighbours_of_a_category_and_of_a_number_beside_one_are_all_others():
    dimension = parse(["a", "b", "c"])
    assert [dimension.decode(u) for u in dimension.neighbours(0.5)] == ["a", "c"]
    dimension = parse([None, 2, 4, 8])
    assert [dimension.decode(u) for u in dimension.neighbours(dimension.encode(2))] == [4, 8, None]


def test_estimator_of_a_subclass_is_no_clone():
    class Parent:
        def get_params(self, deep=True):
            return {"x": 1}

    class Child(Parent):
        pass

    dimension = parse([Parent(), 3])
    assert dimension.encode(Parent()) == 0.25
    with pytest.raises(ValueError, match="is not in Choices"):
        dimension.encode(Child())


def test_integers_too_large_for_a_logarithm_may_be_uniform():
    with pytest.raises(ValueError, match="too many"):
        Integer(2**41, 2**41 + 5, log=True)
    assert Integer(2**41, 2**41 + 5).n_levels == 6


@pytest.mark.parametrize("value", [Fraction(1, 2), 10**30])
def test_any_kind_of_number_has_a_quantile(value):
    dimension = Distribution(stats.norm())
    assert dimension.encode(value) == dimension.encode(float(value))


def test_continuous_value_has_no_neighbours():
    assert len(Real(0.0, 1.0).neighbours(0.5)) == 0


@pytest.mark.parametrize("low", [1, 5])
def test_cells_of_log_uniform_integers_are_halves_around_them_in_the_logarithm(low):
    dimension = Integer(low, 20, log=True)
    borders = np.log(np.arange(low, 22) - 0.5)
    borders = (borders - borders[0]) / (borders[-1] - borders[0])
    np.testing.assert_allclose(dimension.coordinates(), (borders[:-1] + borders[1:]) / 2)
    inside = np.concatenate([borders[:-1] + 1e-9, borders[1:] - 1e-9])
    assert [dimension.decode(u) for u in inside] == 2 * list(range(low, 21))


def test_uniform_integers_and_choices_have_equal_cells():
    u = (np.arange(1000) + 0.5) / 1000
    for dimension in (Integer(3, 7), parse(list("abcde"))):
        counts = np.unique(dimension.snap(u), return_counts=True)[1]
        assert counts.tolist() == [200] * 5


@pytest.mark.parametrize(
    ("dimension", "value", "message"),
    [
        (Real(0.1, 1.0), 2.0, r"2\.0 is not in Real\(low=0\.1, high=1\.0"),
        (Real(0.1, 1.0), math.nan, "nan is not in"),
        (Real(0.1, 1.0), "a", "'a' is not in"),
        (Real(0.1, 2.0), True, "True is not in"),
        (Integer(1, 8), 9, r"9 is not in Integer\(low=1, high=8"),
        (Integer(1, 8), 2.0, r"2\.0 is not in .*; write 2 for the integer$"),
        (Integer(1, 8), 2.5, r"2\.5 is not in Integer\(.*\)$"),
        (Integer(0, 8), False, "False is not in"),
        (parse(["a", "b"]), "c", r"'c' is not in Choices\(\['a', 'b'\]\)"),
        (parse(stats.norm()), None, r"None is not in Distribution\(norm"),
    ],
    ids=without_address,
)
def test_value_outside_is_refused_and_the_dimension_described(dimension, value, message):
    with pytest.raises(ValueError, match=message):
        dimension.encode(value)


@pytest.mark.parametrize("bounds", [(1e-2, 1e4), (0.3, 500.0), (20.0, 70.0)])
def test_ends_of_a_logarithmic_range_are_exact(bounds):
    dimension = Real(*bounds, log=True)
    assert (dimension.decode(0.0), dimension.decode(1.0)) == bounds


@pytest.mark.parametrize("value", [3, 0.5])
def test_a_single_number_beside_none_has_no_order(value):
    choices = Choices([None, value])
    assert choices.categories().tolist() == choices.coordinates().tolist()
