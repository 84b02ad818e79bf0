"""The cube of one or several subspaces: its laws, and how it reads and refuses settings."""

import math
import pickle
from collections import Counter
from types import MappingProxyType

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from hypothesis.extra.numpy import arrays
from scipy import stats
from sklearn.model_selection import ParameterGrid
from sklearn.svm import SVC
from spelled import Sampler

from sklearn_bo.space import Space

property_test = settings(deadline=None)

LINEAR, RBF = SVC(kernel="linear"), SVC()

ONE = Space(
    {
        "C": (1e-3, 1e3, "log-uniform"),
        "degree": (1, 5),
        "kernel": ["linear", "rbf", None],
        "gamma": stats.expon(),
        "coef0": [0.0, 0.1, 10.0],
    }
)
SEVERAL = Space(
    [
        {"kernel": ["linear"], "C": (0.1, 10.0)},
        ({"kernel": ["rbf", "poly"], "C": (0.1, 10.0), "gamma": (0.5, 2.0)}, 7),
        {"kernel": ["linear"], "C": (20.0, 99.0)},
        {},
    ]
)
FINITE = Space([{"a": [1, 2], "b": ["x", "y", "z"]}, {"a": [1, 2], "c": (1, 3)}, {"c": [None]}])
SPACES = [ONE, SEVERAL, FINITE, Space({})]


def rows(space):
    return arrays(
        float,
        st.tuples(st.integers(0, 6), st.just(space.n_dims)),
        elements=st.floats(0.0, 1.0),
    )


space_and_rows = st.sampled_from(SPACES).flatmap(
    lambda space: st.tuples(st.just(space), rows(space))
)


# Shape of the cube.


def test_one_dict_has_a_column_per_parameter_in_the_users_order():
    assert ONE.n_dims == 5
    assert list(ONE.subspaces[0].columns.items()) == list(
        zip(["C", "degree", "kernel", "gamma", "coef0"], range(5), strict=True)
    )
    assert ONE.is_categorical.tolist() == [False, False, True, False, False]
    assert ONE.is_continuous.tolist() == [True, False, False, True, False]
    assert ONE.n_settings == math.inf


def test_several_dicts_have_a_column_that_chooses_among_them():
    assert SEVERAL.is_categorical[0]
    assert not SEVERAL.is_continuous[0]
    assert [subspace.n_trials for subspace in SEVERAL.subspaces] == [None, 7, None, None]


def test_subspaces_share_a_column_only_for_the_same_parameter():
    linear, rbf, wide, empty = (subspace.columns for subspace in SEVERAL.subspaces)
    assert linear["C"] == rbf["C"]
    assert linear["kernel"] == wide["kernel"] != rbf["kernel"]
    assert wide["C"] not in (linear["C"], 0)
    assert empty == {}
    assert SEVERAL.n_dims == 1 + len({*linear.values(), *rbf.values(), *wide.values()})


def test_subspaces_share_a_distribution_that_is_equal():
    for law in (stats.norm, stats.expon, lambda: stats.poisson(3), lambda: stats.loguniform(1, 9)):
        assert Space([{"a": law()}, {"a": law()}]).n_dims == 2
    assert Space([{"a": stats.norm(0, 1)}, {"a": stats.norm(0, 2)}]).n_dims == 3


def test_subspaces_share_a_sampler():
    sampler = Sampler(lambda rng: rng.normal())
    assert Space([{"a": sampler}, {"a": sampler}]).n_dims == 2


@pytest.mark.parametrize(
    "grid", [{"a": [1, 2, 3], "b": ["x", "y"]}, {}, [{"a": [1]}, {"b": [1, 2]}, {}]]
)
def test_settings_of_a_finite_space_are_those_of_the_grid(grid):
    space = Space(grid)
    found = [space.decode(z) for z in space.settings()]
    assert space.n_settings == len(ParameterGrid(grid)) == len(found)
    assert found == list(ParameterGrid(grid))


def test_settings_are_distinct_snapped_points():
    Z = np.array(list(FINITE.settings()))
    assert len({z.tobytes() for z in Z}) == FINITE.n_settings == 6 + 6 + 1
    assert FINITE.snap(Z).tobytes() == Z.tobytes()


def test_settings_of_an_infinite_space_are_refused():
    with pytest.raises(ValueError, match="infinitely many"):
        next(ONE.settings())


# Laws.


@property_test
@given(space_and_rows)
def test_snap_is_idempotent_to_the_bit(pair):
    space, Z = pair
    once = space.snap(Z)
    assert once.shape == Z.shape
    assert space.snap(once).tobytes() == once.tobytes()


@property_test
@given(space_and_rows)
def test_snap_keeps_the_setting(pair):
    space, Z = pair
    assert [space.decode(z) for z in space.snap(Z)] == [space.decode(z) for z in Z]


@property_test
@given(space_and_rows)
def test_encoding_of_a_decoded_point_is_its_snapped_point(pair):
    space, Z = pair
    for z in space.snap(Z):
        code = space.encode(space.decode(z))
        np.testing.assert_allclose(code, z, atol=1e-5)  # expon covers its open end within 1e-6
        discrete = ~space.is_continuous
        assert code[discrete].tobytes() == z[discrete].tobytes()


@property_test
@given(space_and_rows)
def test_columns_of_other_subspaces_rest_at_one_value(pair):
    space, Z = pair
    snapped, active = space.snap(Z), space.active(Z)
    middle = space.snap(np.full((1, space.n_dims), 0.5))
    assert np.all(active | (snapped == middle))
    for z, k, has in zip(Z, space.subspace_of(Z), active, strict=True):
        columns = set(space.subspaces[k].columns.values())
        assert set(np.flatnonzero(has)) - columns == ({0} if len(space.subspaces) > 1 else set())
        assert list(space.decode(z)) == list(space.subspaces[k].dimensions)


@property_test
@given(space_and_rows)
def test_neighbours_differ_in_one_parameter_or_in_the_subspace(pair):
    space, Z = pair
    for z in space.snap(Z):
        near = space.neighbours(z)
        assert near.shape[1] == space.n_dims
        assert near.tobytes() == space.snap(near).tobytes()
        assert len({row.tobytes() for row in near} | {z.tobytes()}) == len(near) + 1
        here = space.subspace_of(z[None])[0]
        there = space.subspace_of(near)
        assert sorted(there[there != here]) == sorted(set(range(len(space.subspaces))) - {here})
        assert np.all((near != z).sum(axis=1)[there == here] == 1)


@property_test
@given(seed=st.integers(0, 99), space=st.sampled_from(SPACES), new=st.booleans())
def test_draws_are_snapped_members_of_the_space(seed, space, new):
    rng = np.random.default_rng(seed) if new else np.random.RandomState(seed)
    Z = space.sample(5, rng)
    assert Z.shape == (5, space.n_dims)
    assert space.snap(Z).tobytes() == Z.tobytes()
    for z in Z:
        space.encode(space.decode(z))


def test_draws_follow_the_prior_and_choose_subspaces_equally():
    Z = SEVERAL.sample(4000, np.random.RandomState(0))
    counts = Counter(SEVERAL.subspace_of(Z).tolist())
    assert stats.chisquare([counts[k] for k in range(4)]).pvalue > 0.01
    values = [SEVERAL.decode(z)["gamma"] for z in Z[SEVERAL.subspace_of(Z) == 1]]
    assert stats.kstest(values, stats.uniform(0.5, 1.5).cdf).pvalue > 0.01


def test_draws_keep_to_the_allowed_subspaces():
    Z = SEVERAL.sample(1000, np.random.RandomState(0), subspaces=[0, 3])
    counts = Counter(SEVERAL.subspace_of(Z).tolist())
    assert set(counts) == {0, 3}
    assert stats.chisquare(list(counts.values())).pvalue > 0.01
    assert ONE.sample(3, np.random.RandomState(0), subspaces=[0]).shape == (3, 5)


def test_sampler_is_seeded_by_the_random_state():
    settings = [
        [space.decode(z) for z in space.settings()]
        for space in (
            Space({"a": Sampler(lambda rng: rng.normal())}, random_state=seed) for seed in (1, 1, 2)
        )
    ]
    assert settings[0] == settings[1] != settings[2]


@pytest.mark.parametrize("space", SPACES)
def test_space_pickles(space):
    copy = pickle.loads(pickle.dumps(space))
    Z = space.sample(5, np.random.RandomState(0))
    assert copy.snap(Z).tobytes() == Z.tobytes()
    assert [copy.decode(z) for z in Z] == [space.decode(z) for z in Z]


# Encoding and decoding.


def test_values_are_decoded_to_native_types_in_the_users_order():
    setting = ONE.decode(ONE.encode(dict(C=1.0, gamma=0.5, kernel="rbf", degree=3, coef0=0.1)))
    assert list(setting) == ["C", "degree", "kernel", "gamma", "coef0"]
    assert setting == pytest.approx(
        {"C": 1.0, "degree": 3, "kernel": "rbf", "gamma": 0.5, "coef0": 0.1}
    )
    assert [type(value) for value in setting.values()] == [float, int, str, float, float]


def test_estimators_are_decoded_by_identity():
    space = Space({"clf": [LINEAR, RBF], "clf__C": (0.1, 1.0)})
    setting = space.decode(space.encode({"clf": RBF, "clf__C": 0.5}))
    assert setting["clf"] is RBF


def test_setting_is_encoded_in_the_first_subspace_that_contains_it():
    def subspace_of(params):
        return SEVERAL.subspace_of(SEVERAL.encode(params)[None])[0]

    assert subspace_of({"kernel": "linear", "C": 5.0}) == 0
    assert subspace_of({"kernel": "linear", "C": 50.0}) == 2
    assert subspace_of({"kernel": "poly", "C": 5.0, "gamma": 1.0}) == 1
    assert subspace_of({}) == 3
    twins = Space([{"a": [1, 2]}, {"a": [1, 2]}])
    assert twins.subspace_of(twins.encode({"a": 1})[None])[0] == 0


def test_setting_beyond_what_a_distribution_covers_is_encoded_where_it_is_searched():
    space = Space([{"a": stats.expon()}, {"a": (0.0, 1e3)}])
    for value, subspace in [(2.0, 0), (500.0, 1)]:
        z = space.encode({"a": value})
        assert space.subspace_of(z[None])[0] == subspace
        assert space.decode(z)["a"] == pytest.approx(value)
    # No other subspace has it, so the end of the covered quantiles stands for it.
    assert space.subspace_of(space.encode({"a": 5e3})[None])[0] == 0


def test_setting_has_a_point_in_each_subspace_that_contains_it():
    space = Space([{"a": (0.0, 1.0)}, {"b": [1]}, {"a": (1e-6, 1e2, "log-uniform")}])
    for setting, subspaces in [({"a": 0.5}, [0, 2]), ({"a": 0.0}, [0]), ({"a": 50.0}, [2])]:
        points = space.encodings(setting)
        assert space.subspace_of(points).tolist() == subspaces
        for z in points:
            assert space.decode(z) == pytest.approx(setting)


@pytest.mark.parametrize(
    ("space", "params", "message"),
    [
        (
            Space({"a": (0.0, 1.0), "b": [1]}),
            {"a": 2.0, "b": 1},
            r"2\.0 is not in Real\(.*widen the space",
        ),
        (Space({"a": (0.0, 1.0), "b": [1]}), {"a": 0.5}, "'b' is missing"),
        (Space({"a": (0.0, 1.0)}), {"a": 0.5, "c": 1}, "'c' is not in the space, which has 'a'"),
        (Space({}), {"c": 1}, "'c' is not in the space, which has no parameters"),
        (SEVERAL, {"kernel": "rbf", "C": 5.0, "gamma": 9.0}, r"^parameter 'gamma': 9\.0 is not in"),
        (SEVERAL, {"kernel": "sigmoid", "C": 5.0}, "'kernel': 'sigmoid' is not in Choices"),
    ],
)
def test_setting_outside_the_space_is_refused_by_name(space, params, message):
    with pytest.raises(ValueError, match=message):
        space.encode(params)


# Partial settings.


def test_partial_setting_is_completed_from_the_fallback_then_from_the_middle():
    fallback = {"C": 1.0, "degree": 3, "kernel": "poly", "gamma": "scale", "verbose": False}
    setting = ONE.complete({"coef0": np.float64(0.1)}, fallback)
    assert list(setting) == ["C", "degree", "kernel", "gamma", "coef0"]
    assert setting["C"] == 1.0
    assert setting["degree"] == 3
    assert setting["coef0"] == 0.1
    assert type(setting["coef0"]) is float
    assert setting["kernel"] == "rbf"
    assert setting["gamma"] == pytest.approx(stats.expon().ppf(0.4995))
    ONE.encode(setting)


def test_partial_setting_wins_over_the_fallback():
    assert ONE.complete({"C": 2.0}, {"C": 1.0})["C"] == 2.0


def test_partial_setting_is_completed_in_the_subspace_that_takes_most_of_the_fallback():
    space = Space([{"a": [1, 2]}, {"a": [1, 2], "b": [1, 2], "c": [1, 2]}, {"a": [1], "b": [2]}])
    assert space.complete({"a": 1}, {}) == {"a": 1}
    assert space.complete({"a": 2}, {"b": 2, "c": 7}) == {"a": 2, "b": 2, "c": 2}
    assert space.complete({"b": 1}, {"a": 3}) == {"a": 2, "b": 1, "c": 2}
    # What the setting has itself is not taken.
    space = Space([{"a": [1, 2], "c": [1, 2]}, {"a": [2], "b": [5]}])
    assert space.complete({"a": 2}, {"a": 1, "b": 5}) == {"a": 2, "b": 5}


def test_partial_setting_outside_every_subspace_is_refused_by_name():
    with pytest.raises(ValueError, match=r"parameter 'C': 1000\.0 is not in Real"):
        SEVERAL.complete({"C": 1000.0}, {})
    with pytest.raises(ValueError, match="parameter 'tol' is not in the space"):
        ONE.complete({"tol": 1.0}, {})


def test_closest_takes_what_lies_in_the_space():
    found = ONE.closest({**SVC().get_params(), "C": np.float64(1.0)})
    assert found == {"C": 1.0, "degree": 3, "kernel": "rbf", "coef0": 0.0}
    assert type(found["C"]) is float


@pytest.mark.parametrize(
    ("choices", "value", "found"),
    [
        ([0.1, 1, 10], 1.0, 1),
        ([0.1, 1.0, 10.0], 1, 1.0),
        ([None, 0.5, 1], 1.0, 1),
        ([1, 2, 4], 1.0, None),  # as of max_features: one of them, or all
        ([0.5, 1, 1.0], 1.0, 1.0),
        ([0.1, 1, 10], True, None),
        ([1, 2, math.inf], 1.0, None),
        ([0.1, 1, 10], "1", None),
    ],
)
def test_closest_takes_the_equal_number_where_fractions_tell_that_all_are_reals(
    choices, value, found
):
    closest = Space({"C": choices, "kernel": ["rbf"]}).closest({"C": value, "kernel": "rbf"})
    assert repr(closest.get("C")) == repr(found)


def test_closest_takes_an_integer_in_a_range_of_floats_for_a_float():
    space = Space({"x": (0.0, 1.0), "log": (1e-3, 1e3, "log-uniform"), "law": stats.norm()})
    assert repr(space.closest({"x": 1, "log": 10, "law": 0})) == str(
        {"x": 1.0, "log": 10.0, "law": 0.0}
    )
    assert space.closest({"x": True, "log": "10"}) is None


def test_values_from_elsewhere_are_made_native():
    space = Space({"n": (1, 9), "m": (1, 100, "log-uniform"), "x": (0.0, 1.0)})
    values = {"n": np.int64(3), "m": np.int32(7), "x": np.float32(0.5)}
    for setting in (space.complete({}, values), space.complete(values, {}), space.closest(values)):
        assert [type(value) for value in setting.values()] == [int, int, float]


def test_closest_prefers_the_subspace_with_the_largest_share():
    assert SEVERAL.closest({"kernel": "linear", "C": 50.0}) == {"kernel": "linear", "C": 50.0}
    assert SEVERAL.closest({"kernel": "poly", "C": 1.0}) == {"kernel": "poly", "C": 1.0}


def test_closest_is_none_if_nothing_lies_in_the_space():
    assert ONE.closest({"C": -1.0, "tol": 1e-3}) is None
    assert Space({}).closest({"C": 1.0}) is None


def test_parameters_vary_where_they_have_values_to_choose_from():
    one = {"a": (0.0, 1.0), "b": ["u", "v"], "c": [7], "d": ["only"], "e": (2, 5)}
    assert Space(one).n_varying == 3
    # The subspace itself is a choice, and each has columns that the other lacks.
    assert Space([one, {"f": (0.0, 1.0)}]).n_varying == ((3 + 1) + (1 + 1)) / 2
    assert Space({}).n_varying == 0


# Malformed spaces.


def test_any_mapping_is_a_dict():
    assert Space(MappingProxyType({"a": [1, 2]})).n_settings == 2
    assert Space([MappingProxyType({"a": [1, 2]}), {"a": [3]}]).n_settings == 3


@pytest.mark.parametrize(
    ("spec", "error", "message"),
    [
        ([], ValueError, "empty list"),
        (None, TypeError, "param_distributions=.*None.*not a dict or a list"),
        (3, TypeError, "param_distributions=.*3 of type int.*not a dict or a list"),
        ("abc", TypeError, "param_distributions=.*'abc'.*not a dict or a list"),
        ({"a", "b"}, TypeError, "param_distributions=.*set.*not a dict or a list"),
        ([3], TypeError, "not a dict.*3"),
        ([["a", [1]]], TypeError, "not a dict"),
        ([{"a": [1]}, None], TypeError, "not a dict.*None"),
        (({"a": [1]}, 5), TypeError, "not a dict.*5"),
        ([({"a": [1]}, 0)], ValueError, ">= 1, got 0"),
        ([({"a": [1]}, -2)], ValueError, ">= 1, got -2"),
        ([({"a": [1]}, 2.0)], ValueError, r">= 1, got 2\.0"),
        ([({"a": [1]}, True)], ValueError, ">= 1, got True"),
        ([({"a": [1]}, None)], ValueError, ">= 1, got None"),
        ([({"a": [1]},)], TypeError, "not a dict"),
        ({1: [1]}, TypeError, "must be strings, got 1"),
        ([{"a": [1]}, {None: [1]}], TypeError, "must be strings, got None"),
        ({"a": [1], "b": (2, 1)}, ValueError, "Parameter 'b'.*low < high"),
        ({"a": [1], "b": 3}, TypeError, "Parameter 'b'.*3"),
        ([{"a": [1]}, {"b": []}], ValueError, "Parameter 'b'.*at least one"),
    ],
)
def test_malformed_space_raises_an_error_with_a_cure(spec, error, message):
    with pytest.raises(error, match=r"(?s)" + message):
        Space(spec)


@pytest.mark.parametrize("seed", range(5))
def test_duplicates_are_the_settings_whose_point_in_an_earlier_subspace_is_first(seed):
    rng = np.random.RandomState(seed)
    kinds = [[1, 2, 3], [2, 1], (1, 3), [None, 2], ["a", 2], stats.randint(1, 4), [3, "a", 2.0]]
    subspaces = [
        {name: kinds[rng.randint(len(kinds))] for name in ("a", "b", "c")[: 2 + (rng.rand() < 0.5)]}
        for _ in range(6)
    ]
    space = Space([*subspaces, {"a": (0.0, 9.0), "b": (1, 3)}, {"a": [1, 2], "b": [2, "a"]}])
    finite = space.settings([0, 1, 2, 3, 4, 5, 7])
    expected = [z for z in finite if not np.array_equal(space.encode(space.decode(z)), z)]
    assert len(expected) > 5
    assert {z.tobytes() for z in space.duplicates()} == {z.tobytes() for z in expected}
    assert len(list(space.duplicates())) == len(expected)


def test_closest_prefers_the_larger_share_to_the_larger_number():
    space = Space([{"a": (0, 9), "b": (0, 9), "c": (0, 9), "d": (0, 9)}, {"e": (0, 9)}])
    assert space.closest({"a": 1, "b": 2, "c": 3, "e": 4}) == {"e": 4}


def test_choice_beyond_the_ends_of_a_distribution_is_no_duplicate_of_what_it_searches():
    space = Space([{"x": stats.norm()}, {"x": [1.0, 50.0]}])
    assert [space.decode(z) for z in space.duplicates()] == [{"x": 1.0}]
    finite = list(space.settings([1]))
    first = [np.array_equal(space.encode(space.decode(z)), z) for z in finite]
    assert first == [False, True]


def test_zeros_of_either_sign_are_one_point():
    spec = {"x": (-1.0, 1.0), "log": (1e-3, 1e3, "log-uniform"), "n": (1, 9), "law": stats.norm()}
    signed = Space(spec).snap(np.array([[0.0] * 4, [-0.0] * 4]))
    assert signed[0].tobytes() == signed[1].tobytes()
