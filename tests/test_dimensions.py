"""What each spelling of a parameter means, and the laws that all kinds of dimensions obey."""

import functools
import math
import pickle
import re
from types import SimpleNamespace

import numpy as np
import pandas as pd
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy import stats
from sklearn.linear_model import Ridge
from sklearn.svm import SVC

from sklearn_bo.dimensions import Choices, Distribution, Integer, Real
from sklearn_bo.parsing import parse_dimension

parse = functools.partial(parse_dimension, "alpha")


def without_address(value):
    """Name a test case alike in every process that collects it."""
    return re.sub(r" at 0x[0-9a-f]+", "", repr(value))


property_test = settings(deadline=None)

newer_scipy = pytest.mark.skipif(
    not hasattr(stats, "make_distribution"), reason="scipy has no new-style distributions"
)


class Sampler:
    """Nothing but rvs, as scikit-learn asks of a distribution."""

    def __init__(self, draw):
        self.draw = draw

    def rvs(self, random_state=None):
        return self.draw(random_state)


class UnseededSampler:
    def __init__(self):
        self.n_draws = 0

    def rvs(self):
        self.n_draws += 1
        return self.n_draws % 3


def values_of(dimension):
    return [dimension.decode(u) for u in dimension.coordinates()]


# Tuples are ranges, where they are two real numbers.


def test_tuple_of_floats_is_a_real_range():
    assert parse((0.1, 1.0)) == Real(0.1, 1.0)


def test_tuple_of_integers_is_an_inclusive_integer_range():
    dimension = parse((1, 8))
    assert dimension == Integer(1, 8)
    assert values_of(dimension) == [1, 2, 3, 4, 5, 6, 7, 8]


def test_tuple_of_an_integer_and_a_float_is_a_real_range():
    assert parse((1, 8.0)) == Real(1.0, 8.0)


@pytest.mark.parametrize(
    ("spec", "expected"),
    [
        ((1, 1000, "log-uniform"), Integer(1, 1000, log=True)),
        ((1, 1000, "uniform"), Integer(1, 1000)),
        ((1e-6, 1e1, "log-uniform"), Real(1e-6, 1e1, log=True)),
        ((0.5, 2.5, "uniform"), Real(0.5, 2.5)),
        ((1, 1000, "log-uniform", 10), Integer(1, 1000, log=True)),
        ((1e-6, 1e1, "log-uniform", 2), Real(1e-6, 1e1, log=True)),
        ((np.float64(0.5), np.float32(2.5)), Real(0.5, 2.5)),
        ((np.int64(1), np.int32(9)), Integer(1, 9)),
    ],
)
def test_prior_base_and_numpy_scalars_are_read_in_a_range(spec, expected):
    assert parse(spec) == expected


@pytest.mark.parametrize(
    "spec", [(1, 2, 3), ("a", "b"), (True, False), (None, 3), (5,), (1, True), (1, 2, "a", "b")]
)
def test_other_tuples_hold_choices(spec):
    dimension = parse(spec)
    assert isinstance(dimension, Choices)
    assert dimension.values == list(spec)
    assert [type(value) for value in dimension.values] == [type(value) for value in spec]


# Lists and arrays are choices.


@pytest.mark.parametrize(
    "spec",
    [
        [250, 500],
        [1, 2, 3],
        np.logspace(-3, 3, 7),
        np.arange(4),
        range(1, 10),
        [0.5, 1],
        pd.Series([3, 4, 5], index=list("abc")),
        pd.Index([0.1, 0.2]),
    ],
)
def test_numeric_choices_are_ordered_native_and_equally_spaced(spec):
    dimension = parse(spec)
    n = len(spec)
    assert dimension.ordered
    assert dimension.values == list(spec)
    assert {type(value) for value in dimension.values} <= {int, float}
    np.testing.assert_allclose(dimension.coordinates(), (np.arange(n) + 0.5) / n, rtol=1e-15)


def test_two_numbers_in_a_list_are_two_choices_not_a_range():
    assert parse([250, 500]).n_levels == 2


def test_numeric_choices_are_sorted_by_size():
    assert parse([10, 0.1, 1]).values == [0.1, 1, 10]


@pytest.mark.parametrize(
    "spec", [[None, 8, 2], [8, None, 2], (2, None, 8), np.array([2, 8, None], dtype=object)]
)
def test_numbers_beside_none_are_in_order_and_none_is_a_category(spec):
    dimension = parse(spec)
    assert not dimension.ordered
    assert dimension.values == [2, 8, None]
    assert [dimension.encode(value) for value in [2, 8, None]] == [1 / 6, 3 / 6, 5 / 6]
    np.testing.assert_array_equal(dimension.categories(), [5 / 6])


@pytest.mark.parametrize(
    "spec",
    [
        [None, 1, "auto"],
        [None, 1, 1.0],
        [None, 1, True],
        [None, 1, math.nan],
        [None, 1, math.inf],
        [None, 1, np.arange(3)],
    ],
    ids=repr,
)
def test_choices_of_which_some_have_no_size_are_all_categories(spec):
    dimension = parse(spec)
    assert not dimension.ordered
    assert [dimension.encode(value) for value in spec] == [1 / 6, 3 / 6, 5 / 6]
    np.testing.assert_array_equal(dimension.categories(), dimension.coordinates())


@pytest.mark.parametrize(
    "spec",
    [
        [None, 3],
        ["a", "b"],
        np.array(["a", "b"]),
        np.array([True, False]),
        np.array([1, None], dtype=object),
        [True, False],
        [1, 1.0],
        [1, "auto"],
        pd.Series(["x", "y"]),
        ["passthrough", Ridge()],
        [(10,), (5, 5)],
        [[1, 2], [3]],
        [np.nan, "mean"],
    ],
)
def test_all_other_choices_are_unordered_categories(spec):
    dimension = parse(spec)
    assert not dimension.ordered
    assert dimension.n_levels == 2
    assert not any(isinstance(value, np.generic) for value in dimension.values)
    assert [dimension.encode(value) for value in spec] == [0.25, 0.75]


def test_polars_series_holds_choices():
    polars = pytest.importorskip("polars")
    assert parse(polars.Series([1, 2, 5])).values == [1, 2, 5]
    assert parse(polars.Series(["a", "b"])).values == ["a", "b"]


@pytest.mark.parametrize(
    "spec",
    [
        [(10,), (5, 5)],
        [SVC(), Ridge(), SVC()],
        ["passthrough", Ridge(), None],
        [len, abs],
        [np.arange(3), np.arange(3.0), np.arange(4)],
        [pd.DataFrame({"a": [1]}), pd.DataFrame({"a": [1]})],
    ],
)
def test_choices_are_kept_and_found_by_identity(spec):
    dimension = parse(spec)
    assert dimension.n_levels == len(spec)
    for choice in spec:
        assert dimension.decode(dimension.encode(choice)) is choice


def test_equal_values_of_one_type_are_one_choice():
    assert parse([3, 1, 3, 1.0]).values == [3, 1, 1.0]
    assert parse([(1, 2), (1, 2), (1, 2.0)]).n_levels == 2
    assert parse([np.arange(2), np.arange(2)]).n_levels == 1
    estimator = SVC()
    assert parse([estimator, estimator]).n_levels == 1


def test_choices_are_found_by_type_and_equality():
    dimension = parse([1, "1", (1, 2), np.arange(2)])
    assert dimension.encode(np.int64(1)) == dimension.encode(1)
    assert dimension.decode(dimension.encode(np.arange(2))) is dimension.values[3]
    for stranger in (True, 1.0, (1, 2.0), np.arange(2.0), SVC()):
        with pytest.raises(ValueError, match="is not in Choices"):
            dimension.encode(stranger)


def test_choice_whose_equality_raises_does_no_harm():
    class Odd:
        def __eq__(self, other):
            raise RuntimeError

        __hash__ = object.__hash__

    first, second = Odd(), Odd()
    dimension = parse([first, second])
    assert dimension.decode(dimension.encode(second)) is second


def test_one_choice_is_a_fixed_value():
    dimension = parse(["rbf"])
    assert dimension.n_levels == 1
    assert dimension.decode(0.9) == "rbf"
    assert len(dimension.neighbours(0.5)) == 0


# Distributions of scipy.


@pytest.mark.parametrize(
    ("spec", "expected"),
    [
        (stats.loguniform(1e-3, 1e2), Real(1e-3, 1e2, log=True)),
        (stats.reciprocal(0.5, 8), Real(0.5, 8.0, log=True)),
        (stats.loguniform(1, 10, scale=3), Real(3.0, 30.0, log=True)),
        (stats.uniform(0.1, 0.8), Real(0.1, 0.9)),
        (stats.uniform(-1, 2), Real(-1.0, 1.0)),
        (stats.uniform, Real(0.0, 1.0)),
        (stats.randint(1, 10), Integer(1, 9)),
        (stats.randint(-3, 4, loc=2), Integer(-1, 5)),
        (stats.randint(3, 4), Choices([3])),
    ],
)
def test_uniform_laws_are_ranges(spec, expected):
    assert parse(spec) == expected


BOUNDED = [stats.beta(2, 5), stats.triang(0.3, 1, 2), stats.truncnorm(-1, 2)]
UNBOUNDED = [stats.norm(3, 2), stats.cauchy(), stats.t(3), stats.laplace(1, 2)]
HALF_BOUNDED = [stats.expon(scale=3), stats.gamma(2), stats.lognorm(1), stats.halfnorm()]


@pytest.mark.parametrize("law", [*BOUNDED, stats.loguniform(1, 10, loc=5)])
def test_bounded_distribution_is_decoded_by_its_quantiles(law):
    dimension = parse(law)
    assert isinstance(dimension, Distribution)
    for u in (0.01, 0.3, 0.5, 0.99):
        assert dimension.decode(u) == pytest.approx(law.ppf(u), rel=1e-12)
        assert dimension.encode(law.ppf(u)) == pytest.approx(u, rel=1e-9)


@pytest.mark.parametrize("law", UNBOUNDED)
def test_unbounded_distribution_covers_its_central_quantiles(law):
    dimension = parse(law)
    assert dimension.decode(0.0) == pytest.approx(law.ppf(0.001))
    assert dimension.decode(0.5) == pytest.approx(law.ppf(0.5))
    assert dimension.decode(1.0) == pytest.approx(law.ppf(0.999))
    assert dimension.encode(-1e9) == 0.0
    assert dimension.encode(1e9) == 1.0


@pytest.mark.parametrize("law", HALF_BOUNDED)
def test_open_end_of_a_distribution_is_approached_but_never_proposed(law):
    dimension = parse(law)
    assert 0.0 < dimension.decode(0.0) < law.ppf(1e-5)
    assert dimension.decode(1.0) == pytest.approx(law.ppf(0.999))
    assert dimension.encode(0.0) == dimension.snap(np.zeros(1))[0] < 1e-5
    with pytest.raises(ValueError, match=r"-1\.0 is not in Distribution"):
        dimension.encode(-1.0)


@pytest.mark.parametrize(
    "law", [stats.poisson(3), stats.geom(0.2), stats.nbinom(3, 0.4), stats.skellam(3, 2)]
)
def test_discrete_distribution_places_values_by_its_cdf(law):
    dimension = parse(law)
    low = law.support()[0]
    first = int(low if np.isfinite(low) else law.ppf(0.001))
    last = int(law.ppf(0.999))
    values = np.arange(first, last + 1)
    start, end = law.cdf(first - 1), law.cdf(last)
    expected = ((law.cdf(values - 1) + law.cdf(values)) / 2 - start) / (end - start)
    assert dimension.ordered
    assert values_of(dimension) == values.tolist()
    np.testing.assert_allclose(dimension.coordinates(), expected, rtol=1e-9)


def test_finite_discrete_distribution_covers_all_its_values():
    assert parse(stats.binom(10, 0.5)).values == list(range(11))


def test_tabulated_distribution_keeps_its_points_and_probabilities():
    law = stats.rv_discrete(values=([1, 5, 7], [0.2, 0.8, 0.0]))
    for spec in (law, law()):
        dimension = parse(spec)
        assert dimension.values == [1, 5]
        np.testing.assert_allclose(dimension.coordinates(), [0.1, 0.6])
    assert parse(law(loc=10)).values == [11, 15]
    assert parse(stats.rv_discrete(values=([0.5, 1.5], [0.5, 0.5]))).values == [0.5, 1.5]


def test_discrete_distribution_too_wide_to_list_is_known_by_its_draws():
    dimension = parse_dimension("alpha", stats.zipf(1.3), 0)
    assert dimension.n_levels <= 1000
    assert dimension.encode(1) == pytest.approx(stats.zipf(1.3).pmf(1) / 2, abs=0.03)


def test_discrete_distribution_of_many_values_leaves_out_those_never_drawn():
    law = stats.binom(10**6, 0.5)
    dimension = parse(law)
    assert dimension.n_levels < 10_000
    assert dimension.decode(0.9) == law.ppf(0.9)


def test_histogram_is_a_distribution():
    rng = np.random.RandomState(0)
    law = stats.rv_histogram(np.histogram(rng.normal(size=100)), density=False)
    assert parse(law).decode(0.4) == pytest.approx(law.ppf(0.4))


@newer_scipy
@pytest.mark.parametrize(
    ("make", "old"),
    [
        (lambda: stats.Normal(mu=1.0, sigma=2.0), stats.norm(1, 2)),
        (lambda: stats.make_distribution(stats.gamma)(a=2.0), stats.gamma(2)),
        (lambda: stats.exp(stats.Normal(mu=0.0, sigma=1.0)), stats.lognorm(1)),
        (lambda: stats.truncate(stats.Normal(), -1.0, 2.0), stats.truncnorm(-1, 2)),
    ],
)
def test_new_style_distribution_equals_the_frozen_one(make, old):
    new = parse(make())
    for u in (0.0, 0.2, 0.5, 1.0):
        assert new.decode(u) == pytest.approx(parse(old).decode(u), rel=1e-6, abs=1e-9)
    assert new.encode(1.5) == pytest.approx(parse(old).encode(1.5), rel=1e-6)


@newer_scipy
def test_new_style_uniform_laws_are_ranges():
    assert parse(stats.Uniform(a=1.0, b=3.0)) == Real(1.0, 3.0)
    log_uniform = parse(stats.make_distribution(stats.loguniform)(a=1e-3, b=1.0))
    assert log_uniform.log
    assert log_uniform.decode(0.5) == pytest.approx(10**-1.5)


@pytest.mark.skipif(not hasattr(stats, "Binomial"), reason="scipy has no new-style binomial")
def test_new_style_discrete_distribution_equals_the_frozen_one():
    new, old = parse(stats.Binomial(n=10, p=0.3)), parse(stats.binom(10, 0.3))
    assert new.values == old.values
    np.testing.assert_allclose(new.coordinates(), old.coordinates())


# Objects with nothing but rvs.


def test_numeric_sampler_is_its_empirical_distribution():
    dimension = parse_dimension("alpha", Sampler(lambda rng: rng.normal()), 0)
    assert dimension.ordered
    assert dimension.n_levels == 1000
    values = np.array(dimension.values)
    assert np.all(np.diff(values) > 0)
    assert stats.kstest(values, stats.norm().cdf).pvalue > 0.01


def test_few_values_of_a_sampler_are_weighted_by_their_frequency():
    dimension = parse_dimension("alpha", Sampler(lambda rng: rng.binomial(1, 0.2)), 0)
    assert dimension.values == [0, 1]
    share = 2 * dimension.encode(0)  # the middle of a cell that starts at 0
    assert stats.binomtest(round(share * 1000), 1000, 0.8).pvalue > 0.01
    assert dimension.encode(1) == pytest.approx((1 + share) / 2)


def test_samplers_of_any_objects_work():
    assert parse(Sampler(lambda rng: [rng.randint(2)])).n_levels == 2
    assert not parse(Sampler(lambda rng: "ab"[rng.randint(2)])).ordered
    assert parse(UnseededSampler()).values == [0, 1, 2]


def test_sampler_is_seeded_by_the_random_state():
    sampler = Sampler(lambda rng: rng.normal())
    assert parse_dimension("a", sampler, 1) == parse_dimension("a", sampler, 1)
    assert parse_dimension("a", sampler, 1) != parse_dimension("a", sampler, 2)


# Dimensions of other libraries, first as stand-ins with their attributes.


def skopt_range(low, high, prior="uniform", dtype=float):
    return SimpleNamespace(low=low, high=high, prior=prior, base=10, dtype=dtype, rvs=None)


def optuna_range(low, high, log=False, step=None):
    return SimpleNamespace(low=low, high=high, log=log, step=step)


@pytest.mark.parametrize(
    ("spec", "expected"),
    [
        (skopt_range(1, 10), Real(1.0, 10.0)),
        (skopt_range(1e-3, 1, "log-uniform", "float32"), Real(1e-3, 1.0, log=True)),
        (skopt_range(1, 10, dtype=np.int64), Integer(1, 10)),
        (skopt_range(1, 10, "log-uniform", "int"), Integer(1, 10, log=True)),
        (optuna_range(0.5, 2.0), Real(0.5, 2.0)),
        (optuna_range(0.5, 2.0, log=True), Real(0.5, 2.0, log=True)),
        (optuna_range(1.0, 2.0, step=0.25), Choices([1.0, 1.25, 1.5, 1.75, 2.0])),
        (optuna_range(1, 9, step=1), Integer(1, 9)),
        (optuna_range(1, 9, log=True, step=1), Integer(1, 9, log=True)),
        (optuna_range(1, 9, step=4), Choices([1, 5, 9])),
        (optuna_range(4, 4, step=1), Choices([4])),
        (optuna_range(0.5, 0.5), Choices([0.5])),
        (SimpleNamespace(choices=("a", None)), Choices(["a", None])),
        (SimpleNamespace(categories=("a", "b"), prior=None, rvs=None), Choices(["a", "b"])),
    ],
)
def test_dimensions_of_other_libraries_are_read_by_their_attributes(spec, expected):
    assert parse(spec) == expected


def test_prior_of_a_foreign_category_is_kept():
    dimension = parse(SimpleNamespace(categories=("a", "b", "c"), prior=[0.75, 0.0, 0.25]))
    assert values_of(dimension) == ["a", "c"]
    np.testing.assert_allclose(dimension.coordinates(), [0.375, 0.875])


def test_real_scikit_optimize_dimensions_are_read():
    space = pytest.importorskip("skopt.space")
    assert parse(space.Real(1e-3, 1, "log-uniform")) == Real(1e-3, 1.0, log=True)
    assert parse(space.Integer(1, 8)) == Integer(1, 8)
    assert parse(space.Categorical(["a", "b"])) == Choices(["a", "b"])


def test_real_optuna_distributions_are_read():
    distributions = pytest.importorskip("optuna.distributions")
    assert parse(distributions.FloatDistribution(1e-3, 1, log=True)) == Real(1e-3, 1.0, log=True)
    assert parse(distributions.IntDistribution(2, 8, step=2)) == Choices([2, 4, 6, 8])
    assert parse(distributions.CategoricalDistribution(["a", "b"])) == Choices(["a", "b"])


# Laws of every kind of dimension.

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


def test_dates_and_complex_numbers_are_found_by_value():
    for values in (np.array(["2020-01-01", "2021-01-01"], "M8[D]"), np.array([1j, 2 + 1j])):
        dimension = parse([*values, values[1].copy()])
        assert dimension.n_levels == 2
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


def test_neighbours_of_a_category_are_all_others():
    dimension = parse(["a", "b", "c"])
    assert [dimension.decode(u) for u in dimension.neighbours(0.5)] == ["a", "c"]


def test_continuous_value_has_no_neighbours():
    assert len(Real(0.0, 1.0).neighbours(0.5)) == 0


# Uniform coordinates follow the prior.


@pytest.mark.parametrize(
    ("dimension", "law"),
    [
        (parse((0.5, 3.0)), stats.uniform(0.5, 2.5)),
        (parse((1e-4, 1e2, "log-uniform")), stats.loguniform(1e-4, 1e2)),
        *[(parse(law), law) for law in [*BOUNDED, *UNBOUNDED, *HALF_BOUNDED]],
    ],
    ids=without_address,
)
def test_uniform_coordinates_follow_the_continuous_law(dimension, law):
    draws = [dimension.decode(u) for u in np.random.RandomState(0).uniform(size=500)]
    assert stats.kstest(draws, law.cdf).pvalue > 0.01


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


# Errors name the parameter, what was seen and a cure.


@pytest.mark.parametrize(
    ("spec", "error", "message"),
    [
        ((2, 1), ValueError, r"low < high, got \(2, 1\)"),
        ((2.0, 2.0), ValueError, r"write \[2\.0\] for a fixed value"),
        ((5, 5), ValueError, r"write \[5\] for a fixed value"),
        ((0.0, math.inf), ValueError, r"finite, got \(0\.0, inf\).*scipy"),
        ((math.nan, 1.0), ValueError, "finite"),
        ((-1e308, 1e308), ValueError, "finite"),
        ((0, 10, "log-uniform"), ValueError, r"low > 0, got \(0, 10\)"),
        ((-1.0, 1.0, "log-uniform"), ValueError, "raise low or use 'uniform'"),
        ((1, 10, "normal"), ValueError, "unknown prior 'normal'.*'log-uniform'"),
        ((0, 2**50), ValueError, "too many"),
        ([], ValueError, "at least one"),
        ((), ValueError, "at least one"),
        (np.array([]), ValueError, "at least one"),
        (np.ones((2, 2)), ValueError, r"one-dimensional.*\(2, 2\).*list"),
        (np.array(3), ValueError, r"one-dimensional.*use \[3\]"),
        ((1, 10**400), ValueError, "too large"),
        ((1e10, 1e10 + 2e-6, "log-uniform"), ValueError, "logarithms.*widen the range"),
        ((1, 100, "log-uniform", "e"), ValueError, "base 'e' is no number; leave it out"),
        ("rbf", TypeError, r"'rbf'.*\['rbf'\]"),
        (b"rbf", TypeError, r"\[b'rbf'\]"),
        (3, TypeError, r"3.*\[3\]"),
        (np.float64(0.5), TypeError, "float64"),
        (True, TypeError, r"\[True\]"),
        (None, TypeError, r"None.*\[None\]"),
        ({1, 2}, TypeError, "of type set.*list"),
        ({"a": 1}, TypeError, "of type dict.*list"),
        (iter([1]), TypeError, "list_iterator.*list"),
        (pd.DataFrame({"a": [1]}), TypeError, "DataFrame"),
        (object(), TypeError, "nor a distribution"),
        (Ridge(), TypeError, r"Ridge.*\[Ridge\(\)\]"),
        (Sampler, TypeError, r"class Sampler.*Sampler\(\.\.\.\)"),
        (stats.beta, TypeError, r"beta lacks its parameters.*scipy\.stats\.beta\(a, b\)"),
        (stats.randint, TypeError, r"randint\(low, high\)"),
        (stats.beta(-1, 2), ValueError, r"beta\(-1, 2\).*check its parameters"),
        (stats.uniform(0, scale=-1), ValueError, r"uniform\(0, scale=-1\).*check its parameters"),
        (stats.uniform([0, 1], [1, 1]), ValueError, r"uniform\(\[0, 1\], .*no scalar quantiles"),
        (stats.poisson(-1), ValueError, "[Dd]omain error"),
        (stats.randint(5, 2), ValueError, "[Dd]omain error"),
        (optuna_range(2, 1, step=1), ValueError, "low < high"),
        (skopt_range(1, 2, "normal"), ValueError, "unknown prior"),
        (SimpleNamespace(categories=["a"], prior=[0.0]), ValueError, "positive"),
        (Sampler(lambda rng: math.nan), ValueError, "NaN"),
    ],
    ids=without_address,
)
def test_malformed_dimension_raises_an_error_with_a_cure(spec, error, message):
    with pytest.raises(error, match=r"(?s)^Parameter 'alpha': .*" + message):
        parse(spec)


@pytest.mark.parametrize(
    ("dimension", "value", "message"),
    [
        (Real(0.1, 1.0), 2.0, r"2\.0 is not in Real\(low=0\.1, high=1\.0"),
        (Real(0.1, 1.0), math.nan, "nan is not in"),
        (Real(0.1, 1.0), "a", "'a' is not in"),
        (Real(0.1, 2.0), True, "True is not in"),
        (Integer(1, 8), 9, r"9 is not in Integer\(low=1, high=8"),
        (Integer(1, 8), 2.0, r"2\.0 is not in"),
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
    assert (dimension.decode(0.0), dimension.decode(1.0)) == pytest.approx(bounds, rel=1e-15)
    assert dimension.decode(1.0) == bounds[1]
