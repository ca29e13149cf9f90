r"""A network for each slot that answers for every set of parents.

:math:`p(v \mid x_S)` depends on the set :math:`S` of parents and on their values, on nothing else: so a network that
sees both can serve all evidence. Values outside of :math:`S` are multiplied by zero before anything is computed, which
makes derivatives off the inverse of this evidence exactly zero.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import NamedTuple

import jax
import jax.numpy as jnp
import numpy as np

from retrodict.posterior.any_evidence.gated.evidence_columns import EvidenceColumns

# A linear prediction of a probability may lie outside of 0 and 1.
LEAST_PROBABILITY = 0.01
SMALLEST = -1e30


class GatedWeights(NamedTuple):
    """Weights of all slots, each in a row of its own: three layers."""

    first: jax.Array
    first_bias: jax.Array
    second: jax.Array
    second_bias: jax.Array
    last: jax.Array
    last_bias: jax.Array


class Start(NamedTuple):
    """Regressions under one set of evidence for each row: of each input on its parents, with what is left over."""

    slopes: jax.Array | None
    offset: jax.Array
    spread: jax.Array


@dataclass(frozen=True, eq=False)
class GatedNetwork:
    """Networks over the slots of a model; numbers have mixtures of so many normal ``components``.

    Codes of numbers are spread about the regression, in units of what it leaves; categories start at their linear
    probabilities.
    """

    columns: EvidenceColumns
    components: int = 1

    @property
    def n_outputs(self) -> int:
        """The numbers that a slot needs, for the widest of them."""
        numbers = 3 * self.components if (self.columns.cards == 0).any() else 0
        return max(int(self.columns.cards.max()), numbers)

    def initialize(self, width: int, seed: int) -> GatedWeights:
        """Return first weights; the last layer is zero, so that every slot starts at its regression."""
        n, own = self.columns.own.shape
        inputs = len(self.columns.owner) + n + own + 1
        rng = np.random.default_rng([seed, 23])

        def draw(rows: int, columns: int) -> jax.Array:
            return jnp.asarray(rng.normal(0, np.sqrt(2 / rows), (n, rows, columns)), jnp.float32)

        zeros = jnp.zeros((n, width), jnp.float32)
        return GatedWeights(
            draw(inputs, width) * float(np.sqrt(max(1.0, inputs / 16))),
            zeros,
            draw(width, width),
            zeros,
            jnp.zeros((n, width, self.n_outputs), jnp.float32),
            jnp.asarray(self._first_outputs(), jnp.float32),
        )

    def _first_outputs(self) -> np.ndarray:
        """Return where outputs begin: one component is the regression, the others stand about it with small weights."""
        outputs = np.zeros((len(self.columns.cards), self.n_outputs))
        many = self.components
        if many > 1:
            numbers = np.flatnonzero(self.columns.cards == 0)
            outputs[numbers, 1:many] = -4.0
            outputs[numbers, many + 1 : 2 * many] = np.linspace(-1.5, 1.5, many - 1)
        return outputs

    # -- all slots, and one --------------------------------------------------------------------------

    def run(self, weights: GatedWeights, inputs: jax.Array, parents: jax.Array, start: Start) -> Outputs:
        """Return what is said of every slot, of rows with their own sets of parents ``(rows, slots, slots)``."""
        gates = jnp.concatenate([parents[..., self.columns.owner], parents], axis=-1)
        values = jnp.concatenate([inputs, jnp.ones((len(inputs), parents.shape[-1]))], axis=-1)
        place = start.offset if start.slopes is None else start.offset + jnp.einsum("btu,bu->bt", start.slopes, inputs)
        place, left = place[:, self.columns.own], start.spread[:, self.columns.own[:, 0]]
        seen = jnp.concatenate([gates * values[:, None, :], place, jnp.log(left)[..., None]], axis=-1)
        return Outputs(_apply(weights, seen), place, left)

    def run_one(
        self, weights: GatedWeights, slot: jax.Array, inputs: jax.Array, parents: jax.Array, start: Start
    ) -> Outputs:
        """Return what is said of one slot, for rows that share one set of parents."""
        own = jnp.asarray(self.columns.own)[slot]
        place = start.offset[own]
        if start.slopes is not None:
            place = place + inputs @ start.slopes[own].T
        rows = len(inputs)
        place, left = jnp.broadcast_to(place, (rows, len(own))), jnp.broadcast_to(start.spread[own[0]], (rows,))
        given = jnp.broadcast_to(parents[slot], (rows, len(parents)))
        seen = jnp.concatenate([inputs * given[:, self.columns.owner], given, place, jnp.log(left)[:, None]], axis=-1)
        alone = jax.tree.map(lambda array: array[slot][None], weights)
        return Outputs(_apply(alone, seen[:, None]), place[:, None], left[:, None])

    # -- densities -----------------------------------------------------------------------------------

    def log_states(self, outputs: Outputs, slots: jax.Array | slice = slice(None)) -> jax.Array:
        """Return log q of every category of these slots, ``(rows, slots, most)``."""
        most = self.columns.own.shape[1]
        possible = jnp.asarray(np.arange(most) < self.columns.cards[:, None])[slots]
        scores = outputs.values[..., :most] + jnp.log(jnp.maximum(outputs.place, LEAST_PROBABILITY))
        return jax.nn.log_softmax(jnp.where(possible, scores, SMALLEST), axis=-1)

    def log_numbers(self, outputs: Outputs, units: jax.Array) -> jax.Array:
        """Return log q of numbers, one a slot."""
        logits, means, scales = self._mixture(outputs)
        away = (units[..., None] - means) / scales
        parts = logits - 0.5 * away**2 - jnp.log(scales) - 0.5 * np.log(2 * np.pi)
        return jax.nn.logsumexp(parts, axis=-1)

    def draw_numbers(self, outputs: Outputs, key: jax.Array) -> jax.Array:
        """Return a draw of each number."""
        choose, spread = jax.random.split(key)
        logits, means, scales = self._mixture(outputs)
        chosen = jax.random.categorical(choose, logits)[..., None]
        mean, scale = (jnp.take_along_axis(part, chosen, -1)[..., 0] for part in (means, scales))
        return mean + scale * jax.random.normal(spread, mean.shape)

    def _mixture(self, outputs: Outputs) -> tuple[jax.Array, jax.Array, jax.Array]:
        many, place, left = self.components, outputs.place[..., :1], outputs.left[..., None]
        logits, means, scales = (outputs.values[..., many * i : many * (i + 1)] for i in range(3))
        return jax.nn.log_softmax(logits), place + left * means, left * jnp.exp(jnp.clip(scales, -7, 7))


class Outputs(NamedTuple):
    """What the networks say of slots, where their regressions lie, and how much these leave over."""

    values: jax.Array
    place: jax.Array
    left: jax.Array


def _apply(w: GatedWeights, inputs: jax.Array) -> jax.Array:
    hidden = jax.nn.gelu(jnp.einsum("bvi,vih->bvh", inputs, w.first) + w.first_bias[None])
    hidden = hidden + jax.nn.gelu(jnp.einsum("bvi,vih->bvh", hidden, w.second) + w.second_bias[None])
    return jnp.einsum("bvi,vis->bvs", hidden, w.last) + w.last_bias[None]
