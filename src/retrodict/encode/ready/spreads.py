"""What is added to vectors of a black box: the logarithm of their spread, which is hard to learn from few runs."""

from __future__ import annotations

import equinox as eqx
import jax.numpy as jnp
from jaxtyping import Array, Float

# Vectors of fewer numbers have no spread to speak of; the least that counts as one.
LEAST_NUMBERS, TINY = 3, 1e-12


class LogSpread(eqx.Module):
    """The logarithm of the standard deviation of the numbers of a value.

    >>> round(float(LogSpread()(jnp.array([1.0, 1.0, 4.0]))[0]), 3)
    0.347
    """

    def __call__(self, value: Float[Array, "*axes"]) -> Float[Array, " features"]:
        """Return it, as the one feature."""
        return jnp.log(jnp.std(value)[None] + TINY)
