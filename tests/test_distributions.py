"""Distributions and samplers as dimensions."""

import numpy as np
import pytest
from scipy import stats
from spelled import Sampler, parse, values_of, without_address

from sklearn_bo.dimensions import Choices, Distribution, Integer, Real
from sklearn_bo.parsing import parse_dimension

newer_scipy = pytest.mark.skipif(
    not hasattr(stats, "make_distribution"), reason="scipy has no new-style distributions"
)


class UnseededSampler:
    def __init__(self):
        self.n_draws = 0

    def rvs(self):
        self.n_draws += 1
        return self.n_draws % 3


class Forwarding(Sampler):
    """Its signature does not tell that draws have a random state."""

    def rvs(self, **options):
        return super().rvs(**options)


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


NEARLY_UNIFORM = [stats.beta(1.01, 1), stats.truncexpon(0.01)]
BOUNDED = [stats.beta(2, 5), stats.triang(0.3, 1, 2), stats.truncnorm(-1, 2)]
UNBOUNDED = [stats.norm(3, 2), stats.cauchy(), stats.t(3), stats.laplace(1, 2)]
HALF_BOUNDED = [stats.expon(scale=3), stats.gamma(2), stats.lognorm(1), stats.halfnorm()]


@pytest.mark.parametrize("law", [*BOUNDED, *NEARLY_UNIFORM, stats.loguniform(1, 10, loc=5)])
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
    assert not len(dimension.categories())
    assert values_of(dimension) == values.tolist()
    np.testing.assert_allclose(dimension.coordinates(), expected, rtol=1e-9)


def test_a_distribution_of_a_single_value_is_fixed():
    assert parse(stats.geom(1)).values == [1]
    assert parse(stats.randint(3, 4)).values == [3]


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


@pytest.mark.parametrize("law", [stats.poisson(20), stats.zipf(1.3), stats.binom(10**6, 0.5)])
def test_discrete_distribution_leaves_the_global_random_state_alone(law):
    np.random.seed(0)
    before = np.random.get_state()[1].copy()
    parse_dimension("alpha", law, 0)
    np.testing.assert_array_equal(np.random.get_state()[1], before)


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
    assert not len(dimension.categories())
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
    assert len(parse(Sampler(lambda rng: "ab"[rng.randint(2)])).categories())
    assert parse(UnseededSampler()).values == [0, 1, 2]


def test_a_distribution_that_defines_draws_alone_is_known_by_these():
    class Coin(stats.rv_continuous):
        def _rvs(self, size=None, random_state=None):
            return random_state.choice([1.0, 2.0], size=size)

    assert parse(Coin()()).values == [1.0, 2.0]


@pytest.mark.parametrize("kind", [Sampler, Forwarding])
def test_sampler_is_seeded_by_the_random_state(kind):
    sampler = kind(lambda rng: rng.normal())
    assert parse_dimension("a", sampler, 1) == parse_dimension("a", sampler, 1)
    assert parse_dimension("a", sampler, 1) != parse_dimension("a", sampler, 2)


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
