"""Factors of precisions with three diagonals, against dense algebra."""

import jax.numpy as jnp
import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from retrodict.posterior.answers.noise.tridiagonal import factor


def make_precision(seed, size):
    rng = np.random.default_rng(seed)
    root = np.diag(rng.uniform(0.5, 2.0, size)) + np.diag(rng.normal(size=size - 1), -1)
    return root, root @ root.T


@given(st.integers(0, 2**32 - 1), st.integers(1, 12))
def test_factors_are_those_of_dense_algebra(seed, size):
    root, precision = make_precision(seed, size)
    found, good = factor(jnp.asarray(np.diag(precision)), jnp.asarray(np.diag(precision, 1)))
    assert good
    np.testing.assert_allclose(found.diagonal, np.diag(root), rtol=2e-3)
    noise = np.random.default_rng(seed).normal(size=size)
    spread = found.spread(jnp.asarray(noise))
    exact = np.linalg.solve(root.T, noise)
    np.testing.assert_allclose(spread, exact, rtol=1e-2, atol=1e-2 * np.abs(exact).max())
    np.testing.assert_allclose(found.gather(spread), noise, rtol=1e-3, atol=1e-3)
    residual = precision @ np.asarray(found.solve(jnp.asarray(noise)), float) - noise
    assert np.abs(residual).max() < 1e-2 * max(1.0, np.abs(np.linalg.solve(precision, noise)).max())


@pytest.mark.parametrize(
    ("diagonal", "beside"), [([1.0, 1.0], [2.0]), ([-1.0, 1.0], [0.0]), ([np.nan, 1.0], [0.0]), ([0.0, 0.0], [0.0])]
)
def test_what_is_no_precision_is_said_to_be_none(diagonal, beside):
    assert not factor(jnp.asarray(diagonal), jnp.asarray(beside))[1]
