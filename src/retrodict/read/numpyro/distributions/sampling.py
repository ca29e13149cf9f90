"""Draws of distributions whose own sampler cannot be relied on."""

from __future__ import annotations

from typing import Any

import jax
import jax.numpy as jnp
from numpyro import distributions as dist

from retrodict.read.numpyro.distributions.numpyro_supports import peel


def draw(fn: Any, key: jax.Array, sample_shape: tuple[int, ...]) -> Any:
    """Return a draw of a distribution, with JAX's sampler where it is binomial.

    NumPyro's own goes through the elements one by one and, compiled for a batch, sometimes never ends: one draw in some
    millions, which stopped the training of programs with binomial counts.
    """
    base = peel(fn)
    if isinstance(base, dist.BinomialProbs | dist.BinomialLogits):
        return _draw_binomial(key, base.total_count, base.probs, sample_shape + fn.shape())
    if isinstance(base, dist.BetaBinomial):
        first, second = jax.random.split(key)
        shape = sample_shape + fn.shape()
        beta = jax.random.beta(first, base.concentration1, base.concentration0, shape)
        return _draw_binomial(second, base.total_count, beta, shape)
    return fn(rng_key=key, sample_shape=sample_shape)


def _draw_binomial(key: jax.Array, total: Any, probs: Any, shape: tuple[int, ...]) -> jax.Array:
    """Return counts; zero where a probability is no number, which the other sites of a failed simulation show."""
    drawn = jax.random.binomial(key, jnp.asarray(total, jnp.result_type(float)), jnp.asarray(probs), shape)
    return jnp.where(jnp.isnan(drawn), 0, drawn).astype(jnp.result_type(int))
