r"""Roots of many small positive matrices, and what is solved with them: :math:`P = L L^\top` with L lower triangular.

LAPACK is of no use here: where XLA runs two of its batched kernels at once, each waits for threads that the other one
holds, for ever. The loops below are over the rows of a matrix, each for all matrices together.

Source: Golub & Van Loan, sections 3.1 and 4.2.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import jax
import jax.numpy as jnp

# Loops over so few rows are written out, which XLA makes one pass over all matrices of.
WRITTEN_OUT = 4


def take_root(precision: jax.Array) -> jax.Array:
    """Return the lower triangular roots of positive matrices; they are no numbers where one is not positive.

    >>> take_root(jnp.array([[[4.0, 2.0], [2.0, 2.0]]])).tolist()
    [[[2.0, 0.0], [1.0, 1.0]]]
    """
    size = precision.shape[-1]

    def take(column: Any, root: jax.Array) -> jax.Array:
        left = precision[..., column] - jnp.einsum("...ij,...j->...i", root, root[..., column, :])
        pivot = jnp.sqrt(left[..., column])[..., None]
        return root.at[..., column].set(jnp.where(jnp.arange(size) >= column, left / pivot, 0.0))

    return jnp.sqrt(precision) if size == 1 else _go_through(size, take, jnp.zeros_like(precision))


def solve_twice(root: jax.Array, right: jax.Array) -> jax.Array:
    """Return the solutions with the matrices that roots belong to.

    >>> solve_twice(take_root(jnp.array([[4.0, 2.0], [2.0, 2.0]])), jnp.array([[6.0], [4.0]])).tolist()
    [[1.0], [1.0]]
    """
    return right / root**2 if root.shape[-1] == 1 else _solve_upward(root, _solve_downward(root, right))


def solve_root(root: jax.Array, noise: jax.Array) -> jax.Array:
    """Return noise with the covariances that belong to roots of precisions."""
    return noise / root[..., 0] if root.shape[-1] == 1 else _solve_upward(root, noise[..., None])[..., 0]


def _solve_downward(root: jax.Array, right: jax.Array) -> jax.Array:
    """Return the solutions with lower triangular matrices, from the first row to the last."""

    def take(row: Any, found: jax.Array) -> jax.Array:
        left = right[..., row, :] - jnp.einsum("...j,...jp->...p", root[..., row, :], found)
        return found.at[..., row, :].set(left / root[..., row, row][..., None])

    return _go_through(root.shape[-1], take, jnp.zeros_like(right))


def _solve_upward(root: jax.Array, right: jax.Array) -> jax.Array:
    """Return the solutions with the transposed matrices, from the last row to the first."""
    last = root.shape[-1] - 1

    def take(number: Any, found: jax.Array) -> jax.Array:
        row = last - number
        left = right[..., row, :] - jnp.einsum("...j,...jp->...p", root[..., row], found)
        return found.at[..., row, :].set(left / root[..., row, row][..., None])

    return _go_through(last + 1, take, jnp.zeros_like(right))


def _go_through(count: int, take: Callable[[Any, jax.Array], jax.Array], state: jax.Array) -> jax.Array:
    if count > WRITTEN_OUT:
        found: jax.Array = jax.lax.fori_loop(0, count, take, state)
        return found
    for number in range(count):
        state = take(number, state)
    return state
