"""Drawing from and scoring a discrete network in JAX, level by level: the program does not grow with it.

A state is drawn by bisection in the cumulative probabilities of its row, all tables lying in one flat array: tables
of all shapes are one program, and no row is ever gathered as a whole.
"""

from __future__ import annotations

from dataclasses import dataclass

import jax
import jax.numpy as jnp
import numpy as np

from retrodict.graph.rows import Integers, Mask
from retrodict.models.discrete.checks import Probabilities
from retrodict.models.discrete.flat_tables import Tables
from retrodict.models.levels import Levels, arrange


@dataclass(frozen=True, eq=False)
class DiscreteSimulator:
    """A network by levels, with the strides of its edges; the empty place past the last variable has one state.

    ``cumulative`` holds, for each entry of each table, the probability of this state and those before it.
    """

    levels: Levels
    start: Integers
    cards: Integers
    cumulative: Probabilities

    @classmethod
    def of(cls, model: Tables) -> DiscreteSimulator:
        """Arrange a network by levels."""
        levels = arrange(model.net, model.strides)
        return cls(levels, model.start, np.append(model.cards, 1), np.append(accumulate(model), 1.0))

    def run(self, noise: jax.Array, keep: Mask | jax.Array | None = None, values: jax.Array | None = None) -> jax.Array:
        """Return draws, one row a variable, from uniform noise; kept variables have the values given."""
        cumulative = jnp.asarray(self.cumulative, noise.dtype)
        cards, start = jnp.asarray(self.cards), jnp.asarray(self.start)
        uniform = jnp.concatenate([noise, jnp.zeros((1, noise.shape[1]), noise.dtype)])
        nothing = jnp.zeros(uniform.shape, jnp.int32)
        given = nothing if values is None else nothing.at[:-1].set(values.astype(jnp.int32))
        kept = jnp.zeros(len(self.cards), bool) if keep is None else jnp.append(jnp.asarray(keep), False)
        halvings = int(self.cards.max() - 1).bit_length()

        def draw_level(drawn: jax.Array, level: tuple[jax.Array, ...]) -> tuple[jax.Array, None]:
            variables, parents, strides = level
            row = jnp.einsum("vp,vpn->vn", strides, drawn[parents])
            first = start[variables][:, None] + row * cards[variables][:, None]
            low = jnp.zeros_like(row)
            high = jnp.zeros_like(row) + (cards[variables] - 1)[:, None]
            for _ in range(halvings):
                middle = (low + high) // 2
                beyond = uniform[variables] >= cumulative[first + middle]
                low, high = jnp.where(beyond, middle + 1, low), jnp.where(beyond, high, middle)
            chosen = jnp.where(kept[variables][:, None], given[variables], low)
            return drawn.at[variables].set(chosen), None

        levels = tuple(jnp.asarray(part, jnp.int32) for part in self.levels)
        return jax.lax.scan(draw_level, nothing, levels)[0][:-1].astype(noise.dtype)


def accumulate(model: Tables) -> Probabilities:
    """Return for each entry the probability of this state and those before it, exactly 1 from the last possible on.

    A uniform number below 1 then never draws a state of probability zero, however the sums are rounded.
    """
    sums = np.cumsum(model.entries)
    lengths = np.repeat(model.cards, np.diff(model.start) // model.cards)  # of each row
    stop = np.cumsum(lengths)
    before = np.concatenate([[0.0], sums[stop[:-1] - 1]])
    sums -= np.repeat(before, lengths)
    place = np.arange(len(sums))
    last = np.maximum.reduceat(np.where(model.entries > 0, place, -1), stop - lengths)
    sums[place >= np.repeat(last, lengths)] = 1.0
    return sums


def score(model: Tables, columns: jax.Array) -> jax.Array:
    """Return the log probability of each variable given its parents, in nats, shape as ``columns``."""
    rows, last = model.net.parent_rows, jnp.asarray(model.cards - 1)
    codes = jnp.clip(columns.astype(jnp.int32), 0, last)
    weighted = codes[..., rows.index] * jnp.asarray(model.strides, jnp.int32)
    row = jnp.zeros_like(codes).at[..., rows.sources].add(weighted)
    with np.errstate(divide="ignore"):
        logarithms = jnp.asarray(np.log(model.entries), columns.dtype)
    found = logarithms[jnp.asarray(model.start[:-1]) + row * jnp.asarray(model.cards) + codes]
    return jnp.where(codes == columns, found, -jnp.inf)
