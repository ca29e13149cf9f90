r"""Unit triangular systems, :math:`r = L r + e`, solved block by block, with products of matrices alone.

One step a column would be slow, and LAPACK, many systems at once, has stood still in JAX's pool of threads.
"""

from __future__ import annotations

import jax
import jax.numpy as jnp
from jaxtyping import Array, Float

# Blocks of so many columns are inverted, a power of two: larger ones cost more than a step of substitution.
BLOCK = 32

Matrix = Float[Array, "columns columns"]
Columns = Float[Array, "columns rows"]
Blocks = Float[Array, "blocks size size"]


def substitute(lower: Matrix, values: Columns) -> Columns:
    """Return r of r = L r + values, for L strictly lower triangular.

    >>> substitute(jnp.array([[0.0, 0.0], [3.0, 0.0]]), jnp.array([[1.0], [2.0]])).ravel().tolist()
    [1.0, 5.0]
    """
    blocks = -(-len(lower) // BLOCK)
    size = BLOCK if blocks > 1 else 1 << (len(lower) - 1).bit_length()
    added = blocks * size - len(lower)
    padded = jnp.pad(lower, ((0, added), (0, added)))
    inverses = invert_blocks(jax.lax.stop_gradient(_take_diagonal(padded, size)))

    def solve(_: object, right: Columns) -> Columns:
        return _go_through(padded, inverses, right)

    def solve_transposed(_: object, right: Columns) -> Columns:  # in reverse, the transpose is lower triangular, too
        turned = inverses[::-1, ::-1, ::-1].swapaxes(1, 2)
        return _go_through(padded[::-1, ::-1].T, turned, right[::-1])[::-1]

    padded_values = jnp.pad(values, ((0, added), (0, 0)))
    solved = jax.lax.custom_linear_solve(
        lambda found: found - padded @ found, padded_values, solve, transpose_solve=solve_transposed
    )
    return jnp.asarray(solved)[: len(lower)]


def invert_blocks(lower: Blocks) -> Blocks:
    """Return the inverse of I - L for each of some blocks, whose size is a power of two.

    Halves have been inverted when the whole is: what is left is a product of three. Powers of L, whose sum the inverse
    is too, would cancel each other.
    """
    count, size, _ = lower.shape
    inverse = jnp.ones((count * size, 1, 1), lower.dtype)
    half = 1
    while half < size:
        pairs = jax.vmap(lambda block, half=half: _take_diagonal(block, 2 * half))(lower)
        corner = pairs.reshape(-1, 2 * half, 2 * half)[:, half:, :half]
        first, second = inverse[::2], inverse[1::2]
        left = jnp.concatenate([first, second @ corner @ first], axis=1)
        right = jnp.concatenate([jnp.zeros_like(second), second], axis=1)
        inverse, half = jnp.concatenate([left, right], axis=2), 2 * half
    return inverse


def _go_through(lower: Matrix, inverses: Blocks, values: Columns) -> Columns:
    """Solve block by block, given the inverse of each block on the diagonal."""
    count, size, _ = inverses.shape
    if count == 1:
        return inverses[0] @ values

    def step(found: Columns, block: tuple[Array, Array, Array]) -> tuple[Columns, None]:
        number, inverse, own = block
        start = number * size
        rows = jax.lax.dynamic_slice_in_dim(lower, start, size)
        return jax.lax.dynamic_update_slice_in_dim(found, inverse @ (own + rows @ found), start, 0), None

    blocks = jnp.arange(count), inverses, values.reshape(count, size, -1)
    return jax.lax.scan(step, jnp.zeros_like(values), blocks)[0]


def _take_diagonal(matrix: Matrix, size: int) -> Blocks:
    """Return the blocks of this size on the diagonal."""
    count = len(matrix) // size
    cut = matrix.reshape(count, size, count, size)
    return cut[jnp.arange(count), :, jnp.arange(count)]
