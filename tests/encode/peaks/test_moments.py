"""Moments: those of a normal density without error, of others as integrals say, and at worst those of the peak."""

from __future__ import annotations

import jax
import jax.numpy as jnp
import numpy as np
import pytest
from scipy import special

from retrodict.encode.peaks.moments import POWER, MatchedNormal, draw_alike, match_moments
from retrodict.encode.peaks.peak import Peak, find_peak


def find_both(score, starts):
    """Return the peak of a density of rows, and the normal distribution with its moments."""
    peak = find_peak(lambda point: score(point[None])[0], starts)
    return peak, match_moments(score, peak)


@pytest.mark.parametrize("size", [1, 3, 8])
def test_a_normal_density_is_met_from_a_peak_that_is_off(size):
    rng = np.random.default_rng(size)
    root, mean = 0.3 * rng.normal(size=(size, size)) + np.eye(size), rng.normal(size=size)
    covariance = root @ root.T
    precision = jnp.asarray(np.linalg.inv(covariance), jnp.float32)

    def score(points):
        return -0.5 * jnp.einsum("ni,ij,nj->n", points - mean, precision, points - mean)

    unit = jnp.eye(size, dtype=jnp.float32)
    far = Peak(jnp.full(size, 1.0, jnp.float32), 0.5 * unit, 2.0 * unit, jnp.zeros((), jnp.float32))
    found = jax.jit(lambda: match_moments(score, far))()
    np.testing.assert_allclose(found.inverse @ (found.mean - mean), 0, atol=0.2)  # in standard deviations
    np.testing.assert_allclose(found.basis @ found.inverse, np.eye(size), atol=1e-4)
    assert np.allclose(np.tril(found.basis, -1), 0)
    assert found.share > 0.8  # one of a thousand at the peak


def test_the_peak_of_a_normal_density_stays():
    def score(points):
        return -0.5 * (((points - 3.0) / jnp.array([0.1, 2.0])) ** 2).sum(axis=-1)

    peak, found = find_both(score, jnp.zeros((1, 2)))
    np.testing.assert_allclose(found.mean, peak.top, atol=2e-3)
    np.testing.assert_allclose(found.basis, peak.basis, atol=2e-3)


@pytest.mark.parametrize("shape", [0.5, 1.0, 3.0])
def test_a_density_that_leans_has_its_own_moments(shape):
    """The logarithm of a gamma variable, of which neither mean nor spread is where the top says."""

    def score(points):
        return (shape * points - jnp.exp(points)).sum(axis=-1)

    peak, found = find_both(score, jnp.zeros((1, 1)))
    mean, spread = special.digamma(shape), special.polygamma(1, shape) ** 0.5
    assert abs(float(found.mean[0]) - mean) < 0.15 * spread < abs(float(peak.top[0]) - mean)
    assert abs(float(found.basis[0, 0]) / spread - 1) < 0.15
    assert abs(float(peak.basis[0, 0]) - spread) > 2 * abs(float(found.basis[0, 0]) - spread)


def test_a_funnel_is_wider_than_its_curvature_says():
    """Of v ~ N(0, 1), z | v ~ N(0, exp(v)) the mean of v is 0 and its spread 1; heavy tails of z are met in part."""

    def score(points):
        v, z = points[:, 0], points[:, 1]
        return -0.5 * v**2 - 0.5 * z**2 * jnp.exp(-v) - 0.5 * v

    peak, found = find_both(score, jnp.zeros((1, 2)))
    spread = np.sqrt((np.asarray(found.basis) ** 2).sum(axis=1))
    assert abs(float(found.mean[0])) < 0.15 < abs(float(peak.top[0]))
    assert abs(spread[0] - 1.0) < 0.15
    assert np.sqrt((np.asarray(peak.basis) ** 2).sum(axis=1))[1] < spread[1] < 1.1 * np.exp(0.25)


@pytest.mark.parametrize("value", [np.nan, -np.inf])
def test_where_nothing_is_known_the_peak_stays(value):
    peak, found = find_both(lambda points: value + 0 * points.sum(axis=-1), jnp.zeros((1, 2)))
    np.testing.assert_array_equal(found.mean, peak.top)
    np.testing.assert_array_equal(found.basis, peak.basis)
    assert found.share == 0


def test_moments_that_are_worse_than_the_peak_do_not_count():
    """Two far tops: draws around the one at zero never see the other, and the normal distribution stays at its top."""

    def score(points):
        return jnp.logaddexp(-0.5 * points**2, -0.5 * (points - 60.0) ** 2).sum(axis=-1)

    peak, found = find_both(score, jnp.zeros((1, 1)))
    np.testing.assert_allclose(found.mean, peak.top, atol=1e-2)
    assert found.share > 0.99


def test_points_are_drawn_as_a_power_of_a_density_that_leans():
    """Of the density exp(c - exp(c)) the power a is that of the logarithm of a gamma variable with shape and rate a."""

    def score(points):
        return (points - jnp.exp(points)).sum(axis=-1)

    _, normal = find_both(score, jnp.zeros((1, 1)))
    keys = jax.random.split(jax.random.key(0), 40)
    points, effective = jax.vmap(lambda key: draw_alike(score, normal, key, 50))(keys)
    mean, spread = special.digamma(POWER) - np.log(POWER), special.polygamma(1, POWER) ** 0.5
    standard = (np.asarray(points).ravel() - mean) / spread
    assert effective.min() > 50
    # Of each set some 150 candidates count, and 50 draws of these.
    assert abs(standard.mean()) < 4 * (40 * 50) ** -0.5 * 1.2
    assert abs(standard.std() - 1) < 0.1
    assert abs((standard**3).mean() - special.polygamma(2, POWER) / spread**3) < 0.5


def test_points_that_cannot_be_drawn_say_so():
    """A ridge of two far narrow tops: of the draws around their middle next to none weighs anything."""

    def score(points):
        return jnp.logaddexp(-0.5 * (points - 1) ** 2 / 1e-8, -0.5 * (points + 1) ** 2 / 1e-8).sum(axis=-1)

    unit = jnp.eye(1, dtype=jnp.float32)
    normal = MatchedNormal(jnp.zeros(1), unit, unit, jnp.zeros(()))
    assert draw_alike(score, normal, jax.random.key(0), 4)[1] < 10
