"""What is added to the data of a black box: logarithms of spreads, which are hard to learn from few runs."""

from __future__ import annotations

from abc import abstractmethod
from typing import Any

import equinox as eqx
import jax
import jax.numpy as jnp
import numpy as np
from jaxtyping import Array, Float

# Vectors of fewer numbers have no spread to speak of; the least that counts as one.
LEAST_NUMBERS, TINY = 3, 1e-12


class FixedSpread(eqx.Module):
    """Logarithms of standard deviations, none below the ``least`` that was seen."""

    @abstractmethod
    def over(self, values: Float[np.ndarray, "rows ..."]) -> FixedSpread:
        """Return the same with the least spreads that any of these values has."""

    @abstractmethod
    def __call__(self, value: Float[Array, "*axes"]) -> Float[Array, " features"]:
        """Return the features of one value."""


class LogSpread(FixedSpread):
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
        return LogSpread(jnp.asarray(_find_least(values.reshape(len(values), -1).std(axis=1)), jnp.float32))

    def __call__(self, value: Float[Array, "*axes"]) -> Float[Array, " features"]:
        """Return it, as the one feature."""
        return jnp.log(jnp.maximum(jnp.std(value), jax.lax.stop_gradient(self.least)) + TINY)[None]


class PooledSpread(FixedSpread):
    r"""Logarithms of the spread of the means of several values, and of the pooled spread of numbers around them.

    :math:`s_b^2 = \frac1k \sum_i (\bar v_i - \bar v)^2` and :math:`s_w^2 = \frac1{kn} \sum_{ij} (v_{ij} - \bar v_i)^2`
    of k values of n numbers. Of single numbers there is the first alone.

    >>> [round(float(number), 3) for number in PooledSpread()(jnp.array([[0.0, 2.0], [4.0, 6.0]]))]
    [0.693, 0.0]
    >>> PooledSpread()(jnp.arange(4.0)).shape
    (1,)
    """

    least: Float[Array, ""] | Float[Array, " features"] = eqx.field(default_factory=lambda: jnp.zeros(()))

    def over(self, values: Float[np.ndarray, "rows ..."]) -> PooledSpread:
        """Return the same with the least spreads that any of these values has."""
        found = np.stack(_pool(np, values.reshape(*values.shape[:2], -1)), axis=-1)
        return PooledSpread(jnp.asarray([_find_least(column) for column in found.T], jnp.float32))

    def __call__(self, value: Float[Array, "*axes"]) -> Float[Array, " features"]:
        """Return one or two features."""
        spreads = jnp.stack(_pool(jnp, value.reshape(1, len(value), -1)), axis=-1)[0]
        return jnp.log(jnp.maximum(spreads, jax.lax.stop_gradient(self.least)) + TINY)


def _pool(xp: Any, values: Any) -> list[Any]:
    """Return the spread between means and, of several numbers, that within, of rows ``(rows, values, numbers)``."""
    between = xp.std(values.mean(axis=2), axis=1)
    return [between] if values.shape[2] == 1 else [between, xp.sqrt(xp.var(values, axis=2).mean(axis=1))]


def _find_least(spreads: np.ndarray) -> float:
    some = spreads[spreads > 0]
    return float(some.min()) if len(some) else 0.0
