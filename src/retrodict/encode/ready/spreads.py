"""What is added to vectors of a black box: the logarithm of their spread, which is hard to learn from few runs."""

from __future__ import annotations

import equinox as eqx
import jax.numpy as jnp
from jaxtyping import Array, Float

# Vectors of fewer numbers have no spread to speak of; equal numbers count as if spread by this share of their size,
# since the logarithm of nothing is far from all that training sees.
LEAST_NUMBERS, SHARE, TINY = 3, 0.03, 1e-12


class LogSpread(eqx.Module):
    """The logarithm of the standard deviation of the numbers of a value.

    >>> round(float(LogSpread()(jnp.array([1.0, 1.0, 4.0]))[0]), 3)
    0.397
    """

    def __call__(self, value: Float[Array, "*axes"]) -> Float[Array, " features"]:
        """Return it, as the one feature."""
        return jnp.log(jnp.std(value) + SHARE * jnp.sqrt((value**2).mean()) + TINY)[None]
