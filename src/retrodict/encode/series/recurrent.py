"""Networks that run along a series: gated units beside a linear memory, which holds what linear models ask for."""

from __future__ import annotations

import equinox as eqx
import jax
import jax.numpy as jnp
from jaxtyping import Array, Bool, Float, Key

from retrodict.encode.keys import split_key
from retrodict.errors import OptionError

CELLS = ("gru", "relu")
# What is left of a linear memory after a step, to begin with.
KEPT = 0.6


class SeriesRecurrence(eqx.Module):
    r"""A summary of a series at each time: gated recurrent units (Cho et al. 2014), or rectified ones, and a memory.

    The memory is :math:`m_t = A m_{t \pm 1} + B x_t`, without bounds.
    """

    inputs: Array
    bias: Array
    recurrent: Array
    memory: Array
    feed: Array
    cell: str = eqx.field(static=True)

    def __init__(self, inputs: int, width: int, memory: int, cell: str, key: Key[Array, ""]) -> None:
        if cell not in CELLS:
            raise OptionError(f"cell={cell!r} does not exist", remedy=f"Choose one of {', '.join(CELLS)}.")
        first, second, third, fourth = split_key(key, 4)
        gates = 3 if cell == "gru" else 1
        self.cell = cell
        self.inputs = jax.random.normal(first, (inputs, gates * width)) / inputs**0.5
        self.bias = jnp.zeros(gates * width)
        turned = jax.random.orthogonal(second, width, (gates,))
        self.recurrent = jnp.moveaxis(turned, 0, 1).reshape(width, gates * width)
        self.memory = KEPT * jnp.eye(memory) + 0.05 * jax.random.normal(third, (memory, memory))
        self.feed = jax.random.normal(fourth, (inputs, memory)) / inputs**0.5

    @property
    def size(self) -> int:
        """The number of features at each time."""
        return self.recurrent.shape[0] + self.memory.shape[0]

    def __call__(
        self, values: Float[Array, "series times inputs"], exists: Bool[Array, "series times"], is_backward: bool
    ) -> Float[Array, "series times features"]:
        """Return the features at each time, of the values up to it, or from it on; padding leaves them at zero."""
        fed = jnp.moveaxis(values @ self.inputs + self.bias, 1, 0)
        linear = jnp.moveaxis(values @ self.feed, 1, 0)
        marks = jnp.moveaxis(exists, 1, 0)[..., None]
        width, kept = self.recurrent.shape[0], self.memory.shape[0]
        start = jnp.zeros((len(values), width)), jnp.zeros((len(values), kept))

        def step(carry: tuple[Array, Array], given: tuple[Array, Array, Array]) -> tuple[tuple[Array, Array], Array]:
            state, memory = carry
            now, more, mark = given
            state = jnp.where(mark, self._move(state, now), 0.0)
            memory = jnp.where(mark, memory @ self.memory + more, 0.0)
            return (state, memory), jnp.concatenate([state, memory], axis=-1)

        _, features = jax.lax.scan(step, start, (fed, linear, marks), reverse=is_backward)
        return jnp.moveaxis(features, 0, 1)

    def _move(self, state: Array, fed: Array) -> Array:
        recurrent = state @ self.recurrent
        if self.cell == "relu":
            return jax.nn.relu(fed + recurrent)
        width = state.shape[-1]
        reset, update = jnp.split(jax.nn.sigmoid((fed + recurrent)[..., : 2 * width]), 2, axis=-1)
        fresh = jnp.tanh(fed[..., 2 * width :] + reset * recurrent[..., 2 * width :])
        return update * state + (1 - update) * fresh
