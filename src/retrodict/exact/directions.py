r"""Directions in which a Gaussian block is standard normal: W with :math:`W^\top P W = I`, P being its precision.

Gram's and Schmidt's process, each direction twice, on the unit vectors. What LAPACK offers is of no use here: where XLA
runs two of its batched kernels at once, each waits for threads that the other one holds, for ever.

Sources: Giraud et al. 2005 (twice is enough); Golub & Van Loan, section 5.2.
"""

from __future__ import annotations

from typing import NamedTuple

import jax
import jax.numpy as jnp
from jaxtyping import Array, Float


class Directions(NamedTuple):
    """The basis W and its inverse, both upper triangular: standard normal noise times the one has the covariance."""

    basis: Float[Array, "k k"]
    inverse: Float[Array, "k k"]


def orthogonalize_columns(columns: Float[Array, "m k"]) -> tuple[Directions, Float[Array, "m k"]]:
    """Return the directions for the precision that columns A have, A' A, and what A makes of them: orthonormal columns.

    >>> directions, orthonormal = orthogonalize_columns(jnp.array([[3.0, 1.0], [4.0, 2.0]]))
    >>> bool(jnp.allclose(orthonormal.T @ orthonormal, jnp.eye(2), atol=1e-6))
    True
    """
    rows, count = columns.shape

    def take(number: Array, state: tuple[Directions, Array]) -> tuple[Directions, Array]:
        known, images = state
        first = images.T @ columns[:, number]
        left = columns[:, number] - images @ first
        second = images.T @ left
        left = left - images @ second
        length = jnp.sqrt((left**2).sum())
        return _add(known, number, first + second, length), images.at[:, number].set(left / length)

    begin = _begin(count, columns.dtype), jnp.zeros((rows, count), columns.dtype)
    return jax.lax.fori_loop(0, count, take, begin) if count else begin


def orthogonalize_precision(precision: Float[Array, "k k"], least: float) -> Directions:
    """Return the directions for a precision with a unit diagonal.

    Squared lengths that rounding leaves at or about zero, within ``least``, count as so large: the matrix is then as if
    a little were added to its diagonal. They are not finite where the precision is not positive.

    >>> precision = jnp.array([[1.0, 0.5], [0.5, 1.0]])
    >>> basis = orthogonalize_precision(precision, 1e-6).basis
    >>> bool(jnp.allclose(basis @ basis.T, jnp.linalg.inv(precision), atol=1e-5))
    True
    """
    count = len(precision)

    def take(number: Array, state: tuple[Directions, Array]) -> tuple[Directions, Array]:
        known, images = state
        first = images[number]
        left = (jnp.arange(count) == number) - known.basis @ first
        second = images.T @ left
        left = left - known.basis @ second
        square = left @ precision @ left
        length = jnp.sqrt(jnp.where(jnp.abs(square) < least, least, square))
        return _add(known, number, first + second, length), images.at[:, number].set(precision @ left / length)

    return jax.lax.fori_loop(0, count, take, (_begin(count, precision.dtype), jnp.zeros_like(precision)))[0]


def _begin(count: int, dtype: jnp.dtype) -> Directions:
    return Directions(jnp.zeros((count, count), dtype), jnp.zeros((count, count), dtype))


def _add(known: Directions, number: Array, shares: Float[Array, " k"], length: Float[Array, ""]) -> Directions:
    """Return one direction more: a unit vector less its shares of those before it, divided by its length."""
    unit = (jnp.arange(len(shares)) == number).astype(shares.dtype)
    direction = (unit - known.basis @ shares) / length
    inverse = shares.at[number].set(length)
    return Directions(known.basis.at[:, number].set(direction), known.inverse.at[:, number].set(inverse))
