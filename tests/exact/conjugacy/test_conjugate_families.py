"""Densities of conjugate families, against SciPy in double precision."""

from __future__ import annotations

from fractions import Fraction

import jax
import jax.numpy as jnp
import numpy as np
import pytest
from scipy import stats

from retrodict.exact.conjugacy.conjugate_families import BetaFamily, DirichletFamily, Natural, PowerFamily


@pytest.mark.parametrize("shape", [0.01, 0.7, 3.0, 15.9, 16.1, 1e3, 1e5])
@pytest.mark.parametrize("rate", [1e-6, 1.0, 1e6])
def test_gamma_densities_near_their_mass(shape, rate):
    """Where log gamma is a million, single precision keeps thousandths."""
    law = stats.gamma(shape, scale=1 / rate)
    value = law.ppf([0.3, 0.5, 0.9]).astype(np.float32)
    value = value[value > 1e-30]
    natural = Natural(jnp.float32(shape - 1), jnp.float32(-rate))
    scores = [PowerFamily(Fraction(1)).score(natural, jnp.asarray(each)) for each in value]
    exact = stats.gamma(float(np.float32(shape - 1)) + 1, scale=1 / float(np.float32(rate)))
    np.testing.assert_allclose(scores, exact.logpdf(value.astype(float)), rtol=2e-5, atol=5e-4)


@pytest.mark.parametrize("power", [-2, -1, 1, 2])
def test_densities_of_powers(power):
    natural = Natural(jnp.float32(2.5 * power - 1), jnp.float32(-0.8))
    value = np.array([0.4, 0.9, 1.7], np.float32)
    raised = value.astype(float) ** power
    expected = stats.gamma(2.5, scale=1 / 0.8).logpdf(raised) + np.log(abs(power) * raised / value)
    scores = [PowerFamily(Fraction(power)).score(natural, jnp.asarray(each)) for each in value]
    np.testing.assert_allclose(scores, expected, rtol=1e-5)


@pytest.mark.parametrize(("a", "b"), [(0.1, 0.2), (2.0, 5.0), (1e5, 3e5), (1e6, 2.0)])
def test_beta_densities_near_their_mass(a, b):
    value = np.float32(stats.beta(a, b).ppf([0.4, 0.6])).clip(1e-30, 1 - 6e-8)
    natural = Natural(jnp.float32(a - 1), jnp.float32(b - 1))
    scores = [BetaFamily().score(natural, jnp.asarray(each)) for each in value]
    np.testing.assert_allclose(scores, stats.beta(a, b).logpdf(value.astype(float)), rtol=2e-5, atol=2e-3)


def test_dirichlet_densities():
    alpha, shares = np.array([0.5, 20.0, 3000.0]), np.array([0.001, 0.009, 0.99])
    score = DirichletFamily().score(Natural(*[jnp.asarray(alpha - 1, jnp.float32)] * 2), jnp.asarray(shares))
    np.testing.assert_allclose(score, stats.dirichlet(alpha).logpdf(shares), rtol=1e-5, atol=1e-3)


def test_draws_of_tiny_shapes_are_inside():
    """Where most draws would be zero or one in single precision, densities stay finite."""
    tiny = Natural(jnp.full(500, -0.999), jnp.full(500, -0.999))
    for family in (BetaFamily(), DirichletFamily(), PowerFamily(Fraction(1))):
        value = family.draw(jax.random.key(0), tiny)
        assert bool((value > 0).all())
        assert bool(jnp.isfinite(family.score(tiny, value)))
