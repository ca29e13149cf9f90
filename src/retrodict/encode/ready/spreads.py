"""What is added to vectors of a black box: the logarithm of their spread, which is hard to learn from few runs."""

from __future__ import annotations

import equinox as eqx
import jax
import jax.numpy as jnp
import numpy as np
from jaxtyping import Array, Float

# Vectors of fewer numbers have no spread to speak of; the least that counts as one.
LEAST_NUMBERS, TINY = 3, 1e-12


class LogSpread(eqx.Module):
    """The logarithm of the standard deviation of the numbers of a value.

    Values with less than the ``least`` spread, which is known and not learned, count as if they had that: the
    logarithm of equal numbers would be far from all that training sees.

    >>> round(float(LogSpread()(jnp.array([1.0, 1.0, 4.0]))[0]), 3)
    0.347
    >>> seen = np.array([[0.0, 1.0, 2.0], [0.0, 10.0, 20.0]])
    >>> spread = LogSpread().over(seen)
    >>> bool(spread(jnp.ones(3))[0] == spread(jnp.array([5.0, 6.0, 7.0]))[0])
    True
    """

    least: Float[Array, ""] = eqx.field(default_factory=lambda: jnp.zeros(()))

    def over(self, values: Float[np.ndarray, "rows ..."]) -> LogSpread:
        """Return the same with the least spread that any of these values has."""
        spreads = values.reshape(len(values), -1).std(axis=1)
        some = spreads[spreads > 0]
        return LogSpread(jnp.asarray(some.min() if len(some) else 0.0, jnp.float32))

    def __call__(self, value: Float[Array, "*axes"]) -> Float[Array, " features"]:
        """Return it, as the one feature."""
        return jnp.log(jnp.maximum(jnp.std(value), jax.lax.stop_gradient(self.least)) + TINY)[None]
