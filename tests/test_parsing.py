"""What each spelling of a parameter means, and what is said of those that mean nothing."""

import math
from decimal import Decimal
from types import SimpleNamespace

import numpy as np
import pandas as pd
import pytest
from scipy import stats
from sklearn.ensemble import (
    ExtraTreesClassifier,
    GradientBoostingClassifier,
    RandomForestClassifier,
)
from sklearn.linear_model import Ridge
from sklearn.svm import SVC
from spelled import Sampler, parse, values_of, without_address

from sklearn_bo.dimensions import Choices, Integer, Real

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
        ((Decimal("0.5"), Decimal("2.5")), Real(0.5, 2.5)),
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
        range(1, 10, 2),
        range(4, 5),
        [0.5, 1],
        pd.Series([3, 4, 5], index=list("abc")),
        pd.Index([0.1, 0.2]),
        [np.array(1), np.array(2)],
    ],
)
def test_numeric_choices_are_ordered_native_and_equally_spaced(spec):
    dimension = parse(spec)
    n = len(spec)
    assert not len(dimension.categories())
    assert dimension.values == list(spec)
    assert {type(value) for value in dimension.values} <= {int, float}
    np.testing.assert_allclose(dimension.coordinates(), (np.arange(n) + 0.5) / n, rtol=1e-15)


@pytest.mark.parametrize(
    "choices",
    [
        *([1, "a", "uniform"], ["uniform", 1, 2], [1, 2, "distance"], [1, 2, 3, "uniform"]),
        *([1, 2, np.ones(2)], ["uniform"], ["uniform", "log-uniform"]),
    ],
)
def test_a_list_that_is_no_range_of_another_library_holds_choices(choices):
    assert set(map(str, parse(choices).values)) == set(map(str, choices))


def test_two_numbers_in_a_list_are_two_choices_not_a_range():
    assert parse([250, 500]).n_levels == 2


def test_numeric_choices_are_sorted_by_size():
    assert parse([10, 0.1, 1]).values == [0.1, 1, 10]


@pytest.mark.parametrize(
    "spec", [[None, 8, 2], [8, None, 2], (2, None, 8), np.array([2, 8, None], dtype=object)]
)
def test_numbers_beside_none_are_in_order_and_none_is_a_category(spec):
    dimension = parse(spec)
    assert len(dimension.categories())
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
    assert len(dimension.categories())
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
    assert len(dimension.categories())
    assert dimension.n_levels == 2
    assert not any(isinstance(value, np.generic) for value in dimension.values)
    assert [dimension.encode(value) for value in spec] == [0.25, 0.75]


def test_what_has_a_list_of_its_elements_holds_choices():
    tensor = SimpleNamespace(tolist=lambda: [1, 2, 5])
    assert parse(tensor).values == [1, 2, 5]


def test_polars_series_holds_choices():
    polars = pytest.importorskip("polars")
    assert parse(polars.Series([1, 2, 5])).values == [1, 2, 5]
    assert parse(polars.Series(["a", "b"])).values == ["a", "b"]


@pytest.mark.parametrize(
    "spec",
    [
        [(10,), (5, 5)],
        [[64], [64, 64]],
        [{"a": 1}, {"a": 1, "b": 2}],
        [(SVC(),), (Ridge(),)],
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


def test_a_range_of_python_is_one_of_integers_however_long():
    assert parse(range(1, 10)) == Integer(1, 9)
    assert parse(range(2**39)).n_levels == 2**39


def test_equal_values_of_one_type_are_one_choice():
    assert parse([3, 1, 3, 1.0]).values == [3, 1, 1.0]
    assert parse([(1, 2), (1, 2), (1, 2.0)]).n_levels == 2
    assert parse([np.arange(2), np.arange(2)]).n_levels == 1
    ragged = [np.array([np.arange(2), np.arange(n)], dtype=object) for n in (3, 3, 4)]
    assert parse(ragged).n_levels == 2
    assert parse([{"a": 1}, {"a": 1}, {"a": 1.0}, {"a": True}, {"b": 1}]).n_levels == 4
    estimator = SVC()
    assert parse([estimator, estimator]).n_levels == 1


@pytest.mark.parametrize(
    "spec",
    [
        [np.timedelta64(7, "D"), np.timedelta64(1, "D")],
        [10**400, 1],
        [RandomForestClassifier, ExtraTreesClassifier],
    ],
)
def test_numbers_that_no_float_holds_durations_and_classes_are_choices(spec):
    dimension = parse(spec)
    assert [dimension.decode(dimension.encode(choice)) for choice in spec] == spec
    for stranger in (GradientBoostingClassifier, np.timedelta64(2, "D"), 10**401):
        with pytest.raises(ValueError, match="is not in Choices"):
            dimension.encode(stranger)


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
        (optuna_range(0.0, 0.3, step=0.1), Choices([0.0, 0.1, 0.2, 3 * 0.1])),
        (optuna_range(0.0, 3.0, step=1.0), Choices([0.0, 1.0, 2.0, 3.0])),
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
        (("1e-3", "10", "log-uniform"), ValueError, "needs numbers, got.*leave out the quotes"),
        (("1e-3", 1000.0, "log-uniform"), ValueError, "needs numbers, got.*leave out the quotes"),
        ((1, "100", "uniform", 10), ValueError, "needs numbers, got.*leave out the quotes"),
        ([1e-3, 1e3, "log-uniform"], ValueError, r"write \(0\.001, 1000\.0, 'log-uniform'\)"),
        ([1, 100, "log-uniform", 10], ValueError, r"write \(1, 100, 'log-uniform', 10\)"),
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
        (
            stats.uniform(1, 0),
            ValueError,
            r"uniform\(1, 0\).*write \[value\] for one that is fixed",
        ),
        (stats.uniform(0, scale=-1), ValueError, r"uniform\(0, scale=-1\).*check its parameters"),
        (stats.norm([0], [1]), ValueError, r"norm\(\[0\], \[1\]\).*no scalar quantiles"),
        (stats.uniform([0, 1], [1, 1]), ValueError, r"uniform\(\[0, 1\], .*no scalar quantiles"),
        (stats.poisson(-1), ValueError, "[Dd]omain error"),
        (stats.randint(5, 2), ValueError, "[Dd]omain error"),
        (optuna_range(2, 1, step=1), ValueError, "low < high"),
        (optuna_range(2.0, 1.0), ValueError, "low < high"),
        (optuna_range(-1.0, 1.0, log=True), ValueError, "low > 0"),
        (skopt_range(2.0, 1.0), ValueError, "low < high"),
        (skopt_range(1, 2, "normal"), ValueError, "unknown prior"),
        (SimpleNamespace(categories=["a"], prior=[0.0]), ValueError, "positive"),
        (Sampler(lambda rng: math.nan), ValueError, "NaN"),
    ],
    ids=without_address,
)
def test_malformed_dimension_raises_an_error_with_a_cure(spec, error, message):
    with pytest.raises(error, match=r"(?s)^Parameter 'alpha': .*" + message):
        parse(spec)
