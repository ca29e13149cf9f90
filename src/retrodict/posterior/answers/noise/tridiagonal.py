r"""Noise of latents whose precision has three diagonals, as that of the states of a random walk has."""

from __future__ import annotations

from typing import NamedTuple

import jax
import jax.numpy as jnp
from jaxtyping import Array, Bool, Float

# Pivots are no smaller than this share of the largest entry of the diagonal, so that gradients are numbers.
LEAST_PIVOT = 1e-12


class Bidiagonal(NamedTuple):
    r"""The factor L of a precision :math:`P = L L^\top`: its diagonal, and what stands below."""

    diagonal: Float[Array, " k"]
    below: Float[Array, " k-1"]

    def spread(self, noise: Float[Array, " k"]) -> Float[Array, " k"]:
        r"""Return :math:`L^{-\top} \epsilon`, whose covariance is the inverse of P where the noise is standard."""
        return _substitute(noise, self.diagonal, jnp.append(self.below, 0.0), reverse=True)

    def gather(self, values: Float[Array, " k"]) -> Float[Array, " k"]:
        r"""Return :math:`L^\top v`, the inverse of `spread`."""
        return self.diagonal * values + jnp.append(self.below * values[1:], 0.0)

    def solve(self, slope: Float[Array, " k"]) -> Float[Array, " k"]:
        r"""Return :math:`P^{-1} g`."""
        return self.spread(_substitute(slope, self.diagonal, jnp.append(0.0, self.below), reverse=False))


def _substitute(given: Array, diagonal: Array, beside: Array, *, reverse: bool) -> Array:
    """Solve a system of two diagonals, one value after the other, from the first or from the last."""

    def step(before: Array, own: tuple[Array, Array, Array]) -> tuple[Array, Array]:
        value = (own[0] - own[2] * before) / own[1]
        return value, value

    begin = jnp.zeros((), given.dtype)
    return jax.lax.scan(step, begin, (given, diagonal, beside.astype(given.dtype)), reverse=reverse)[1]


def factor(diagonal: Float[Array, " k"], beside: Float[Array, " k-1"]) -> tuple[Bidiagonal, Bool[Array, ""]]:
    """Return the factor of a precision by its diagonal and what stands beside it, and whether it is one.

    >>> precision = jnp.diag(jnp.array([2.0, 2.0, 1.0])) - jnp.eye(3, k=1) - jnp.eye(3, k=-1)
    >>> found, good = factor(jnp.diag(precision), jnp.diag(precision, 1))
    >>> [round(float(value), 2) for value in found.solve(jnp.ones(3))], bool(good)
    ([3.0, 5.0, 6.0], True)
    """
    least = LEAST_PIVOT * jnp.max(jnp.abs(diagonal))

    def step(before: tuple[Array, Array], own: tuple[Array, Array]) -> tuple[tuple[Array, Array], tuple[Array, Array]]:
        (pivot, good), (entry, off) = before, own
        below = off / pivot
        left = entry - below**2
        pivot = jnp.sqrt(jnp.maximum(left, least))
        return (pivot, good & (left > least)), (pivot, below)

    begun = jnp.ones((), diagonal.dtype), jnp.isfinite(least) & (least > 0)
    entries = diagonal, jnp.append(jnp.zeros(1, diagonal.dtype), beside)
    (_, good), (pivots, below) = jax.lax.scan(step, begun, entries)
    return Bidiagonal(pivots, below[1:]), good
