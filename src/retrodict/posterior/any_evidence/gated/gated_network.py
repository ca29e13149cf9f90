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
from retrodict.posterior.any_evidence.gated.slot_plans import SlotPlan

# A linear prediction of a probability may lie outside of 0 and 1.
LEAST_PROBABILITY = 0.01
SMALLEST = -1e30
# Log weights of further components at first.
SMALL, SHUT = -4.0, -30.0


class GatedWeights(NamedTuple):
    """Weights of all slots, each in a row of its own: three layers, the first of inputs and of regressions."""

    first: jax.Array
    further: jax.Array
    first_bias: jax.Array
    second: jax.Array
    second_bias: jax.Array
    last: jax.Array
    last_bias: jax.Array


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

    def initialize(self, width: int, seed: int, *, single: bool = False) -> GatedWeights:
        """Return first weights; the last layer is zero, so that every slot starts at its regression.

        ``single`` shuts all components of a number but one, for good: none of their gradients is above rounding.
        """
        n, own = self.columns.own.shape
        inputs = len(self.columns.owner) + n
        rng = np.random.default_rng([seed, 23])

        def draw(rows: int, columns: int) -> jax.Array:
            return jnp.asarray(rng.normal(0, np.sqrt(2 / rows), (n, rows, columns)), jnp.float32)

        zeros = jnp.zeros((n, width), jnp.float32)
        return GatedWeights(
            draw(inputs, width) * float(np.sqrt(max(1.0, inputs / 16))),
            draw(own + 1, width),
            zeros,
            draw(width, width),
            zeros,
            jnp.zeros((n, width, self.n_outputs), jnp.float32),
            jnp.asarray(self._first_outputs(SHUT if single else SMALL), jnp.float32),
        )

    def _first_outputs(self, weight: float) -> np.ndarray:
        """Return where outputs begin: one component is the regression, the others stand about it with small weights."""
        outputs = np.zeros((len(self.columns.cards), self.n_outputs))
        many = self.components
        if many > 1:
            numbers = np.flatnonzero(self.columns.cards == 0)
            outputs[numbers, 1:many] = weight
            outputs[numbers, many + 1 : 2 * many] = np.linspace(-1.5, 1.5, many - 1)
        return outputs

    def run(self, weights: GatedWeights, units: jax.Array, plan: SlotPlan) -> Outputs:
        """Return what is said of the slots of one set of evidence, ``(rows, slots, ...)``, of rows of values."""
        return self.say(weights, self.columns.show_some(units, plan.inputs), plan)

    def say(self, weights: GatedWeights, inputs: jax.Array, plan: SlotPlan) -> Outputs:
        """Return what is said of slots that see these inputs, ``(rows, slots, inputs)``; none but theirs count."""
        shown = inputs * plan.seen
        place = plan.offset + jnp.einsum("rlm,lkm->rlk", shown, plan.slopes)
        left = jnp.broadcast_to(plan.spread, place.shape[:2])
        further = jnp.concatenate([place, jnp.log(left)[..., None]], axis=-1)
        own = jax.tree.map(lambda array: array[plan.slots], weights._replace(first=weights.further))
        first = weights.first[plan.slots[:, None], plan.inputs]
        hidden = jnp.einsum("rlm,lmh->rlh", shown, first) + jnp.einsum("rlf,lfh->rlh", further, own.further)
        hidden = jax.nn.gelu(hidden + own.first_bias)
        hidden = hidden + jax.nn.gelu(jnp.einsum("rlh,lhi->rli", hidden, own.second) + own.second_bias)
        return Outputs(jnp.einsum("rlh,lhs->rls", hidden, own.last) + own.last_bias, place, left)

    # -- densities -----------------------------------------------------------------------------------

    def log_states(self, outputs: Outputs, slots: jax.Array) -> jax.Array:
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
