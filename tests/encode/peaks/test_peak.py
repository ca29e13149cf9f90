"""Peaks: exact where a density is normal, near the top of others, and harmless where there is none."""

from __future__ import annotations

import jax
import jax.numpy as jnp
import numpy as np
import pytest
from scipy import optimize

from retrodict.encode.peaks.distinct import map_distinct
from retrodict.encode.peaks.peak import find_peak


def sum_of_exponentials(point):
    """A scale's log likelihood has this form: 40 residuals whose mean square is 0.01."""
    return -40 * point[0] - 20 * 0.01 * jnp.exp(-2 * point[0]) - 0.5 * point[0] ** 2


@pytest.mark.parametrize("size", [1, 3, 6])
def test_a_normal_density_is_found_exactly(size):
    rng = np.random.default_rng(size)
    root, mean = rng.normal(size=(size, size)) + 2 * np.eye(size), rng.normal(size=size)
    precision = jnp.asarray(root @ root.T, jnp.float32)

    def score(point):
        return -0.5 * (point - mean) @ precision @ (point - mean)

    peak = jax.jit(lambda: find_peak(score, jnp.zeros((2, size))))()
    np.testing.assert_allclose(peak.inverse @ (peak.top - mean), 0, atol=0.01)  # in standard deviations
    np.testing.assert_allclose(peak.basis @ peak.basis.T, np.linalg.inv(root @ root.T), rtol=1e-3, atol=1e-4)
    np.testing.assert_allclose(peak.basis @ peak.inverse, np.eye(size), atol=1e-4)
    assert np.allclose(np.tril(peak.basis, -1), 0)


def test_the_top_of_a_scale_is_found_from_far_away():
    found = find_peak(sum_of_exponentials, jnp.array([[5.0]]))
    best = optimize.minimize_scalar(lambda u: -float(sum_of_exponentials(jnp.array([u]))), bracket=(-5, 0)).x
    assert abs(float(found.top[0]) - best) < 0.01
    assert abs(float(found.basis[0, 0]) - (4 * 20 * 0.01 * np.exp(-2 * best) + 1) ** -0.5) < 2e-3


def test_the_highest_start_is_taken():
    def two_tops(point):
        near, far = -50 * (point[0] + 2) ** 2, -50 * (point[0] - 2) ** 2 + 3.0
        return jnp.logaddexp(near, far)

    assert abs(float(find_peak(two_tops, jnp.array([[-2.0], [2.1]])).top[0]) - 2) < 1e-2
    assert abs(float(find_peak(two_tops, jnp.array([[-1.9]])).top[0]) + 2) < 1e-2


@pytest.mark.parametrize("value", [np.nan, -np.inf])
def test_where_nothing_is_known_a_peak_is_finite(value):
    found = find_peak(lambda point: value + 0 * point.sum(), jnp.zeros((1, 2)))
    assert np.isfinite(found.top).all()
    assert np.isfinite(found.basis).all()
    assert np.isfinite(found.inverse).all()


def test_what_lies_outside_of_the_support_is_no_step():
    def half(point):
        return jnp.where(point[0] > 0, 2 * jnp.log(jnp.maximum(point[0], 1e-30)) - 3 * point[0], -jnp.inf)

    assert abs(float(find_peak(half, jnp.array([[4.0]])).top[0]) - 2 / 3) < 1e-2


@pytest.mark.parametrize("groups", [1, 3, 40])
def test_equal_rows_have_equal_results(groups):
    rng = np.random.default_rng(groups)
    different = rng.normal(size=(groups, 5)).astype(np.float32)
    rows = jnp.asarray(different[rng.integers(groups, size=60)])
    found = jax.jit(lambda rows: map_distinct(lambda row: (row.sum(), row[:2] * 2), rows))(rows)
    np.testing.assert_allclose(found[0], rows.sum(axis=1), rtol=1e-5)
    np.testing.assert_array_equal(found[1], rows[:, :2] * 2)


def test_rows_that_are_projected_alike_stay_apart():
    direction = np.random.default_rng(0).standard_normal(2).astype(np.float32)
    other = np.array([direction[1], -direction[0]])
    rows = jnp.asarray(np.stack([0 * other, other, 0 * other, -other, other]), jnp.float32)
    np.testing.assert_array_equal(map_distinct(lambda row: row, rows), rows)
