"""One step of training, whatever is trained: a minibatch in pieces, if it is wide; a step that may be left out."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import equinox as eqx
import jax
import jax.numpy as jnp
import optax
from jaxtyping import Array, Bool, Float, Int

from retrodict.encode.encoder import Encoder

# The most numbers in the widest layer of rows that are differentiated together: 4 MiB, which caches hold.
PIECE = 2**20
LEAST_ROWS = 64
# Adding up the gradients of pieces pays where activations outnumber weights this many times.
REPAYS = 8


class TrainingState(eqx.Module):
    """All that changes from step to step: ``parameters``, ``optimizer``; ``failed`` is the first bad step, or -1."""

    parameters: Any
    optimizer: Any
    step: Int[Array, ""]
    failed: Int[Array, ""]

    @classmethod
    def begin(cls, parameters: Any, optimizer: optax.GradientTransformation) -> TrainingState:
        """Return the state before the first step.

        >>> int(TrainingState.begin(jnp.zeros(3), optax.sgd(0.1)).step)
        0
        """
        return cls(parameters, optimizer.init(parameters), jnp.array(0), jnp.array(-1))

    def take(self, optimizer: optax.GradientTransformation, loss: Float[Array, ""], gradient: Any) -> TrainingState:
        """Return the state after a step; the same parameters where loss or gradient, now or before, are not finite.

        The optimizer sees the loss as ``value``.

        >>> state = TrainingState.begin(jnp.zeros(3), optax.sgd(0.1))
        >>> state.take(optax.sgd(0.1), jnp.array(jnp.nan), jnp.ones(3)).parameters.tolist()
        [0.0, 0.0, 0.0]
        """
        good = _is_finite(loss, gradient) & (self.failed < 0)

        def move() -> tuple[Any, Any]:
            informed = optax.with_extra_args_support(optimizer)
            updates, moved = informed.update(gradient, self.optimizer, self.parameters, value=loss)
            return apply(self.parameters, updates), moved

        parameters, kept = jax.lax.cond(good, move, lambda: (self.parameters, self.optimizer))
        failed = jnp.where(good | (self.failed >= 0), self.failed, self.step)
        return TrainingState(parameters, kept, self.step + 1, failed)


def apply(parameters: Any, updates: Any) -> Any:
    """Return parameters with updates added, each in its own precision: flattened updates are in the widest of all.

    >>> apply(jnp.ones(2, jnp.float16), jnp.ones(2, jnp.float32)).dtype.name
    'float16'
    """
    moved = eqx.apply_updates(parameters, updates)
    return jax.tree.map(lambda new, old: new.astype(old.dtype), moved, parameters)


def _is_finite(loss: Float[Array, ""], gradient: Any) -> Bool[Array, ""]:
    leaves = [jnp.isfinite(leaf).all() for leaf in jax.tree.leaves(gradient)]
    return jnp.isfinite(loss) & jnp.all(jnp.array(leaves))


def average(function: Callable[[Any], Any], batch: Any, piece: int | None, parts: int = 1) -> Any:
    """Return the mean over rows of a function that is a mean over rows, taking at most ``piece`` rows at once.

    Memory is bounded, whatever the batch, and a piece fits into a cache. Where so many devices have a part of the rows
    each, a piece takes from all of them, each at most ``piece``.

    >>> average(lambda rows: rows.mean(), jnp.arange(10.0), piece=4).item()
    4.5
    """
    rows = len(jax.tree.leaves(batch)[0]) if piece else 0
    if piece is None or rows <= piece * parts:
        return function(batch)
    count = -(-rows // (piece * parts))
    size, left = divmod(rows, count)
    pieces = jax.tree.map(lambda part: _divide(part[left:], count, size, parts), batch)

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


def _divide(rows: Any, count: int, size: int, parts: int) -> Any:
    """Return rows in so many pieces; those of each part stay where they are, which takes every so many-th row."""
    if parts == 1:
        return rows.reshape(count, size, *rows.shape[1:])
    return jnp.swapaxes(rows.reshape(size, count, *rows.shape[1:]), 0, 1)


def choose_piece(encoder: Encoder) -> int:
    """Return how many rows to take at once: as many as caches hold, or as repay adding up the gradient of a piece."""
    weights = sum(leaf.size for leaf in jax.tree.leaves(eqx.filter(encoder, eqx.is_inexact_array)))
    return max(LEAST_ROWS, PIECE // encoder.network.width, REPAYS * weights // encoder.network.width)
