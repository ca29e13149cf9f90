"""Draws from numbers given from outside: the numbers that JAX would draw give the draws that it would make."""

from __future__ import annotations

import jax
import jax.numpy as jnp
import numpy as np
import pytest
import scipy.stats

from retrodict.errors import OptionError
from retrodict.posterior.outward.uniform_draws import UniformDraws

SCALAR = jax.ShapeDtypeStruct((), jnp.float32)


def test_normal_draws_are_quantiles_of_the_numbers():
    drawn = UniformDraws.of(lambda key, mean: mean + jax.random.normal(key, (5,)), SCALAR)
    uniforms = np.array([0.01, 0.3, 0.5, 0.8, 0.999], np.float32)
    assert drawn.count == 5
    np.testing.assert_allclose(drawn(uniforms, 2.0)[0], 2 + scipy.stats.norm.ppf(uniforms), rtol=1e-4)
    assert np.isfinite(drawn(np.array([0, 1, 1, 0, 1], np.float32), 0.0)[0]).all()


def test_keys_that_are_split_take_numbers_one_after_another():
    def draw(key, low):
        one, other = jax.random.split(key)
        return jax.random.uniform(one, (2,), minval=low), jax.random.uniform(
            jax.random.fold_in(other, 3), (), maxval=4.0
        )

    drawn = UniformDraws.of(draw, SCALAR)
    first, second = drawn(jnp.array([0.0, 0.5, 0.25]), -1.0)
    assert (first.tolist(), second.item()) == ([-1.0, 0.0], 1.0)


def test_gumbel_draws_are_quantiles_of_the_numbers():
    drawn = UniformDraws.of(lambda key, mean: mean + jax.random.gumbel(key, (3,)), SCALAR)
    uniforms = np.array([0.01, 0.5, 0.9], np.float32)
    np.testing.assert_allclose(drawn(uniforms, 0.0)[0], scipy.stats.gumbel_r.ppf(uniforms), rtol=1e-4)


def test_draws_by_rejection_are_refused():
    with pytest.raises(OptionError, match="cannot be written as ONNX"):
        UniformDraws.of(lambda key, a: jax.random.gamma(key, a), SCALAR)
