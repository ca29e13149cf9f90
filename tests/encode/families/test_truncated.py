"""Truncated mixtures against SciPy's truncated normal, and their numbers far from the ends."""

import equinox as eqx
import jax
import jax.numpy as jnp
import numpy as np
import pytest
import scipy.special
import scipy.stats

from retrodict.encode.families.choice import choose_conditional
from retrodict.encode.families.tails import invert_between, log_between, log_mills
from retrodict.encode.families.truncated import OPEN, Truncated
from retrodict.encode.start.truncated_line import log_between as log_between_in_double

LOW, HIGH = float(np.float32(-1.7)), float(np.float32(1.75))


def cases(n=4000, seed=0):
    """Means from inside to far outside, scales from a thousandth to twice the width, values between the ends."""
    random = np.random.default_rng(seed)
    mean, scale = random.normal(size=n) * 10 ** random.uniform(-1, 2, n), 10 ** random.uniform(-3, 0.7, n)
    values = random.uniform(LOW, HIGH, n)
    mean = np.where(random.random(n) < 0.5, values + 2 * scale * random.normal(size=n), mean)
    return [np.float32(part).astype(np.float64) for part in (values, mean, scale)]


def in_single(function, *numbers):
    return np.asarray(jax.jit(function)(*(jnp.asarray(part, jnp.float32) for part in numbers)), np.float64)


def expect_log_density(values, mean, scale):
    return scipy.stats.truncnorm.logpdf(values, (LOW - mean) / scale, (HIGH - mean) / scale, mean, scale)


def test_the_ratio_of_mills_is_that_of_scipy_and_has_its_slope():
    x = np.concatenate([np.linspace(0, 8, 801), np.geomspace(8, 1e5, 100)])
    expected = np.log(scipy.special.erfcx(x / np.sqrt(2))) + 0.5 * np.log(np.pi / 2)
    np.testing.assert_allclose(in_single(log_mills, x), expected, rtol=1e-6, atol=2e-6)
    some = x[x < 200]
    slope = in_single(jax.vmap(jax.grad(log_mills)), some)
    np.testing.assert_allclose(slope, some - np.exp(-expected[: len(some)]), rtol=2e-4)


def test_the_density_is_that_of_scipy_in_single_and_in_double_precision():
    values, mean, scale = cases()
    expected = expect_log_density(values, mean, scale)
    known = np.isfinite(expected) & (expected > -50)
    assert known.mean() > 0.5
    found = in_single(log_between, values, mean, scale, LOW, HIGH)
    assert np.isfinite(found).all()
    np.testing.assert_allclose(found[known], expected[known], rtol=2e-5, atol=2e-5)
    for scale in (0.01, 0.5, 4.0):
        double = log_between_in_double(values, mean, scale, (LOW, HIGH))
        expected = expect_log_density(values, mean, scale)
        known = np.isfinite(expected) & (expected > -50)
        np.testing.assert_allclose(double[known], expected[known], rtol=1e-6, atol=1e-6)


def test_slopes_of_the_density_are_finite_and_those_of_scipy():
    values, mean, scale = cases(seed=1)
    h = 1e-5 * scale
    found = in_single(jax.vmap(jax.grad(log_between, 1), (0, 0, 0, None, None)), values, mean, scale, LOW, HIGH) * scale
    expected = (expect_log_density(values, mean + h, scale) - expect_log_density(values, mean - h, scale)) / 2e-5
    known = np.isfinite(expected) & (expect_log_density(values, mean, scale) > -50)
    assert np.isfinite(found).all()
    np.testing.assert_allclose(found[known], expected[known], rtol=1e-3, atol=1e-3)


def test_quantiles_are_those_of_scipy():
    values, mean, scale = cases(seed=2)
    share = np.float32(np.random.default_rng(3).uniform(0.001, 0.999, len(values))).astype(np.float64)
    found = in_single(invert_between, share, mean, scale, LOW, HIGH)
    below = np.where(2 * mean <= LOW + HIGH, share, 1 - share)
    expected = scipy.stats.truncnorm.ppf(below, (LOW - mean) / scale, (HIGH - mean) / scale, mean, scale)
    known = np.isfinite(expected)
    assert known.mean() > 0.99
    assert (np.abs(found - expected) / np.minimum(scale, HIGH - LOW))[known].max() < 2e-3


@pytest.mark.parametrize("shift", [0.0, 3.0, 40.0])
def test_a_truncated_mixture_integrates_to_one_and_its_draws_follow_it(shift):
    family = Truncated(3).between(np.full(6, LOW), np.full(6, HIGH))
    parameters = jax.random.normal(jax.random.key(0), (6, 9)) + shift * jnp.repeat(jnp.array([0.0, 1.0, 0.0]), 3)
    nodes, weights = scipy.special.roots_legendre(2000)
    grid = (LOW + HIGH) / 2 + (HIGH - LOW) / 2 * nodes
    score = jax.jit(jax.vmap(lambda value: family.log_prob(parameters, jnp.full(6, value))))
    density = np.exp(np.asarray(score(jnp.asarray(grid, jnp.float32)), np.float64))
    cumulative = np.cumsum(density * weights[:, None] * (HIGH - LOW) / 2, axis=0)
    np.testing.assert_allclose(cumulative[-1], 1.0, atol=1e-3)
    draws = np.asarray(eqx.filter_jit(family.sample)(jax.random.key(1), jnp.broadcast_to(parameters, (8000, 6, 9))))
    assert draws.min() >= LOW
    assert draws.max() <= HIGH
    for column in range(6):
        levels = np.interp(draws[:, column], grid, cumulative[:, column])
        assert scipy.stats.kstest(levels, "uniform").pvalue > 1e-3 / 18


def test_without_ends_it_is_the_mixture():
    parameters, values = (
        jax.random.normal(jax.random.key(0), (50, 2, 15)),
        jax.random.normal(jax.random.key(1), (50, 2)),
    )
    open_ended = Truncated(5).between(np.array([-np.inf, -np.inf]), np.array([np.inf, np.inf]))
    assert float(open_ended.high[0]) == OPEN
    np.testing.assert_allclose(
        open_ended.log_prob(parameters, values),
        Truncated(5)._mixture.log_prob(parameters, values),
        rtol=1e-4,
        atol=1e-4,
    )


def test_the_name_makes_the_family():
    from retrodict import BayesNet, Variable, invert
    from retrodict.plan.dependencies import Dependencies

    ends = Variable("z", size=2, support="interval", bounds=(2.0, 4.0))
    net = BayesNet({"z": [], "y": [], "x": ["z", "y"]}, ["x"], variables=[ends])
    dependencies = Dependencies.of(invert(net, ["y", "z"])).by_column()
    family = choose_conditional(dependencies, None, "truncated")
    by_name = dict.fromkeys(dependencies.latents)
    assert set(by_name) == {"y", "z"}
    bounded = [name == "z" for name in dependencies.latents]
    np.testing.assert_allclose(family.low, np.where(bounded, 0.0, -OPEN))
    np.testing.assert_allclose(family.high, np.where(bounded, 1.0, OPEN))
