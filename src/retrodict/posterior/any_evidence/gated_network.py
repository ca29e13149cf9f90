r"""A network for each variable that answers for every set of parents.

:math:`p(v \mid x_S)` depends on the set :math:`S` of parents and on their values, on nothing else: so a network that
sees both can serve all evidence. Values outside of :math:`S` are multiplied by zero before anything is computed, which
makes derivatives off the inverse of this evidence exactly zero.
"""

from __future__ import annotations

from typing import NamedTuple

import jax
import jax.numpy as jnp
import numpy as np

from retrodict.models.discrete.discrete_network import DiscreteNetwork


class GatedWeights(NamedTuple):
    """Weights of all variables, each in a row of its own: three layers."""

    first: jax.Array
    first_bias: jax.Array
    second: jax.Array
    second_bias: jax.Array
    last: jax.Array
    last_bias: jax.Array


class GatedNetwork(NamedTuple):
    """Networks over the states of a discrete network: ``owner`` has the variable of each indicator that is an input."""

    owner: jax.Array
    state: jax.Array
    possible: jax.Array

    @classmethod
    def of(cls, model: DiscreteNetwork) -> GatedNetwork:
        """Return the networks of a model: an indicator for each state of each variable, a bit for each parent."""
        cards = model.cards
        owner = np.repeat(np.arange(len(cards)), cards)
        state = np.concatenate([np.arange(card) for card in cards])
        return cls(jnp.asarray(owner), jnp.asarray(state), jnp.asarray(np.arange(cards.max()) < cards[:, None]))

    def initialize(self, width: int, seed: int) -> GatedWeights:
        """Return first weights; the last layer is zero, so that all states start equally likely."""
        n, inputs, states = len(self.possible), len(self.owner) + len(self.possible), self.possible.shape[1]
        rng = np.random.default_rng([seed, 23])

        def draw(rows: int, columns: int) -> jax.Array:
            return jnp.asarray(rng.normal(0, np.sqrt(2 / rows), (n, rows, columns)), jnp.float32)

        zeros = jnp.zeros((n, width), jnp.float32)
        return GatedWeights(
            draw(inputs, width) * float(np.sqrt(inputs / 16)),
            zeros,
            draw(width, width),
            zeros,
            jnp.zeros((n, width, states), jnp.float32),
            jnp.zeros((n, states), jnp.float32),
        )

    def encode(self, columns: jax.Array) -> jax.Array:
        """Return the indicators of states, shape ``(..., indicators)``."""
        return (columns[..., self.owner] == self.state).astype(jnp.float32)

    def log_probabilities(self, weights: GatedWeights, indicators: jax.Array, parents: jax.Array) -> jax.Array:
        """Return log q of every state of every variable, ``(rows, variables, states)``; ``parents`` are 0 or 1."""
        gates = jnp.concatenate([parents[..., self.owner], parents], axis=-1)
        values = jnp.concatenate([indicators, jnp.ones((*indicators.shape[:-1], len(self.possible)))], axis=-1)
        return self._run(weights, gates * values[:, None, :])

    def log_probabilities_of(
        self, weights: GatedWeights, variable: jax.Array, indicators: jax.Array, parents: jax.Array
    ) -> jax.Array:
        """Return log q of the states of one variable, ``(rows, states)``; ``parents`` is its row."""
        own = jax.tree.map(lambda array: array[variable][None], weights)
        inputs = jnp.concatenate(
            [indicators * parents[self.owner], jnp.broadcast_to(parents, (len(indicators), len(parents)))], axis=-1
        )
        return self._run(own, inputs[:, None, :], self.possible[variable][None])[:, 0]

    def _run(self, w: GatedWeights, inputs: jax.Array, possible: jax.Array | None = None) -> jax.Array:
        hidden = jax.nn.gelu(jnp.einsum("bvi,vih->bvh", inputs, w.first) + w.first_bias)
        hidden = hidden + jax.nn.gelu(jnp.einsum("bvi,vih->bvh", hidden, w.second) + w.second_bias)
        scores = jnp.einsum("bvi,vis->bvs", hidden, w.last) + w.last_bias
        allowed = self.possible if possible is None else possible
        return jax.nn.log_softmax(jnp.where(allowed, scores, -1e30), axis=-1)
