"""Recurrences along time: positive messages, and linear ones whose gates see the messages."""

from __future__ import annotations

from typing import NamedTuple

import equinox as eqx
import jax
import jax.numpy as jnp
import numpy as np
from jaxtyping import Array, Bool, Float, Key

from retrodict.encode.keys import split_key
from retrodict.encode.lifted.gated import Features, Gated

# Entries of messages below this share count as none.
TINY = 1e-30
LEAST_LOG = -30.0

Present = Bool[Array, "steps rows"]
Steps = Float[Array, "steps rows _"]


class Messages(eqx.Module):
    r"""Positive messages, :math:`h_t \propto M_t h_{t+1}` with :math:`M_t = \exp(\text{gated layer of the input})`.

    Several, of ``states`` entries each. These are the backward messages of a hidden Markov model of so many states,
    and the filters of linear-Gaussian series, whose recursions are linear in numerators and denominators. They forget
    their end at a geometric rate, so that longer series than those of training are no harder.

    >>> layer = Messages(2, 3, 4, 8, jax.random.key(0))
    >>> layer(jnp.ones((6, 5, 2)), jnp.ones((6, 5), bool)).shape
    (6, 5, 12)
    """

    transfer: Gated
    end: Float[Array, "heads states"]
    heads: int = eqx.field(static=True)
    states: int = eqx.field(static=True)

    def __init__(self, inputs: int, heads: int, states: int, hidden: int, key: Key[Array, ""]) -> None:
        self.heads, self.states = heads, states
        transfer = Gated(inputs, heads * states * states, hidden, key)
        keep = np.linspace(1.0, 5.0, heads) if heads > 1 else np.array([3.0])
        bias = (np.eye(states)[None] * keep[:, None, None]).astype(np.float32)
        self.transfer = eqx.tree_at(lambda layer: layer.line.bias, transfer, jax.device_put(bias.reshape(-1)))
        self.end = jax.device_put(np.zeros((heads, states), np.float32))

    def __call__(self, inputs: Steps, present: Present) -> Steps:
        """Return the logarithms of the messages at each step, from the last step back to the first."""
        steps, rows = inputs.shape[:2]
        matrices = jnp.exp(self.transfer(inputs)).reshape(steps, rows, self.heads, self.states, self.states)

        def advance(message: Array, now: tuple[Array, Array]) -> tuple[Array, Array]:
            matrix, here = now
            moved = (matrix * message[:, :, None, :]).sum(axis=-1)
            moved = moved / moved.sum(axis=-1, keepdims=True)
            message = jnp.where(here[:, None, None], moved, message)
            return message, message

        start = jnp.broadcast_to(jax.nn.softmax(self.end), (rows, self.heads, self.states))
        _, found = jax.lax.scan(advance, start, (matrices, present), reverse=True)
        return jnp.maximum(jnp.log(found + TINY), LEAST_LOG).reshape(steps, rows, -1)

    @property
    def ending(self) -> Float[Array, " features"]:
        """The logarithms of the messages behind the last step."""
        return jax.nn.log_softmax(self.end).reshape(-1)


class Memory(NamedTuple):
    """What is handed from step to step of a linear recurrence: a factor, and what is added."""

    factor: Float[Array, "*steps channels"]
    added: Float[Array, "*steps channels"]


def recur(memory: Memory, *, parallel: bool = False) -> Steps:
    r"""Return :math:`h_t = a_t h_{t+1} + b_t`, from zero behind the last step.

    In ``parallel`` it takes as many rounds as the logarithm of the steps, each for all of them: for accelerators.

    >>> import numpy as np
    >>> memory = Memory(jnp.full((5, 1, 1), 0.5), jnp.ones((5, 1, 1)))
    >>> np.allclose(recur(memory), recur(memory, parallel=True))
    True
    """
    if parallel:

        def join(later: Memory, sooner: Memory) -> Memory:
            return Memory(sooner.factor * later.factor, sooner.factor * later.added + sooner.added)

        return jax.lax.associative_scan(join, memory, reverse=True).added

    def advance(state: Array, now: Memory) -> tuple[Array, Array]:
        state = now.factor * state + now.added
        return state, state

    return jax.lax.scan(advance, jnp.zeros_like(memory.added[0]), memory, reverse=True)[1]


class Recurrence(eqx.Module):
    r"""A backward scan: messages, then :math:`h_t = \sigma(g_t) h_{t+1} + \sigma(s_t) v_t` beside them.

    The gates :math:`g_t, s_t` see the input and the messages at t and t + 1, so that they can be the gains of an exact
    filter; values :math:`v_t` are gated layers of the input. Steps that are not present change nothing.

    >>> layer = Recurrence(2, 6, 8, jax.random.key(0))
    >>> layer(jnp.ones((4, 5, 2)), jnp.ones((4, 5), bool)).shape[:2], layer.size
    ((4, 5), 22)
    """

    messages: Messages
    gates: Gated
    value: Gated
    channels: int = eqx.field(static=True)

    def __init__(
        self, inputs: int, channels: int, hidden: int, key: Key[Array, ""], *, heads: int = 4, states: int = 4
    ) -> None:
        message, gate, value = split_key(key, 3)
        self.messages, self.channels = Messages(inputs, heads, states, hidden, message), channels
        gates = Gated(inputs + 2 * heads * states, 2 * channels, hidden, gate)
        kept = 1 - 1 / np.geomspace(1.5, 30.0, channels)  # memories of a step or two up to dozens
        bias = np.concatenate([np.log(kept / (1 - kept)), np.log((1 - kept) / kept)]).astype(np.float32)
        zeros = jnp.zeros_like(gates.line.weight)
        self.gates = eqx.tree_at(lambda g: (g.line.weight, g.line.bias), gates, (zeros, jax.device_put(bias)))
        self.value = Gated(inputs, channels, hidden, value)

    @property
    def size(self) -> int:
        """The number of features of a step."""
        return self.messages.heads * self.messages.states + self.channels

    def __call__(self, inputs: Steps, present: Present) -> Steps:
        """Return messages and memories at each step."""
        logs = self.messages(inputs, present)
        behind = jnp.concatenate([logs[1:], jnp.broadcast_to(self.messages.ending, logs[:1].shape)])
        gates = jax.nn.sigmoid(self.gates(jnp.concatenate([inputs, logs, behind], axis=-1)))
        factor, opening = jnp.split(gates, 2, axis=-1)
        here = present[..., None]
        memory = Memory(jnp.where(here, factor, 1.0), jnp.where(here, opening * self.value(inputs), 0.0))
        return jnp.concatenate([logs, recur(memory, parallel=jax.default_backend() != "cpu")], axis=-1)


def scan_along(
    layer: Recurrence, inputs: Features, present: Bool[Array, "*batch"], axis: int, *, forward: bool = False
) -> Features:
    """Return the features of a scan along one of the axes of inputs, backward or ``forward``."""
    moved, here = jnp.moveaxis(inputs, axis, 0), jnp.moveaxis(present, axis, 0)
    if forward:
        moved, here = moved[::-1], here[::-1]
    steps = moved.shape[0]
    found = layer(moved.reshape(steps, -1, moved.shape[-1]), here.reshape(steps, -1))
    found = found[::-1] if forward else found
    return jnp.moveaxis(found.reshape(*moved.shape[:-1], -1), 0, axis)
