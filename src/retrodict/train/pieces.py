"""Means over the rows of a minibatch, piece by piece where one pass over all of them is too wide."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import equinox as eqx
import jax
import jax.numpy as jnp

from retrodict.encode.encoder import Encoder

# Rows are differentiated together while their widest layer has at most so many numbers: 4 MiB, what caches hold.
PIECE = 2**20
LEAST_ROWS = 64
# The gradient of a piece is added to that of the others; this is repaid where activations outnumber weights so often.
REPAYS = 8


def average(function: Callable[[Any], Any], batch: Any, piece: int | None) -> Any:
    """Return the mean over rows of a function that is a mean over rows, taking at most ``piece`` rows at once.

    Memory is bounded, whatever the batch, and a piece fits into a cache.

    >>> average(lambda rows: rows.mean(), jnp.arange(10.0), piece=4).item()
    4.5
    """
    rows = len(jax.tree.leaves(batch)[0]) if piece else 0
    if piece is None or rows <= piece:
        return function(batch)
    count = -(-rows // piece)
    size, left = divmod(rows, count)
    pieces = jax.tree.map(lambda part: part[left:].reshape(count, size, *part.shape[1:]), batch)

    def add(total: Any, rows_of_piece: Any) -> tuple[Any, None]:
        found = function(rows_of_piece)
        return jax.tree.map(lambda whole, part: whole + part * (size / rows), total, found), None

    if left:
        rest = function(jax.tree.map(lambda part: part[:left], batch))
        start = jax.tree.map(lambda part: part * (left / rows), rest)
    else:
        shapes = jax.eval_shape(function, jax.tree.map(lambda part: part[0], pieces))
        start = jax.tree.map(lambda shape: jnp.zeros(shape.shape, shape.dtype), shapes)
    return jax.lax.scan(add, start, pieces)[0]


def choose_piece(encoder: Encoder) -> int:
    """Return how many rows to take at once: as many as caches hold, or as repay adding up the gradient of a piece."""
    weights = sum(leaf.size for leaf in jax.tree.leaves(eqx.filter(encoder, eqx.is_inexact_array)))
    return max(LEAST_ROWS, PIECE // encoder.network.width, REPAYS * weights // encoder.network.width)
