"""Tables of a finite block of a template, summed out level by level: forward filtering and sampling along time.

A level has a table over its own states, those of steps before, and those of outer members. Summed over its own states
it is a table of the rest, which falls to the level of these.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any, NamedTuple

import jax
import jax.numpy as jnp
import numpy as np

from retrodict.exact.lifted.block_levels import BlockLevel, BlockLevels, BlockMember
from retrodict.exact.lifted.gaussian_sums import move_time

Tables = dict[tuple[str, ...], jax.Array]


@dataclass(frozen=True, eq=False)
class FiniteBlock:
    """How many states each latent of a block has, and how it is eliminated, on cells of some sizes."""

    plan: BlockLevels
    states: Mapping[str, int]
    sizes: Mapping[str, int]

    def slots(self, level: BlockLevel) -> list[BlockMember]:
        """Return the axes of the table of a level: its latents, those of steps before, outer members."""
        own = [BlockMember(name, lag) for lag in range(level.span + 1) for name in level.names]
        return [*own, *level.outer]

    def empty(self, rows: int) -> Tables:
        """Return tables of zeros."""
        return {
            level.dims: jnp.zeros((rows, *(self.sizes[d] for d in level.dims), *self.count(self.slots(level))))
            for level in self.plan.levels
        }

    def count(self, slots: Sequence[BlockMember]) -> list[int]:
        """Return how many states each of some members has."""
        return [self.states[slot.name] for slot in slots]

    def add(self, tables: Tables, members: Sequence[BlockMember], found: jax.Array, dims: tuple[str, ...]) -> None:
        """Add a table ``(rows, *dims, *states)`` of some members to the level that is eliminated first."""
        own = members[0]
        for other in members[1:]:
            home = self.plan.find_home(own, other)
            if home is None:
                raise ValueError("members of one family must lie inside of each other")
            own = home[0]
        level = next(level for level in self.plan.levels if own.name in level.names)
        time = self.plan.template.time
        if own.lag and time in level.dims:
            found = move_time(found, 1 + dims.index(time or ""), own.lag)
        lost = tuple(1 + place for place, dim in enumerate(dims) if dim not in level.dims)
        found = found.sum(axis=lost)
        slots = self.slots(level)
        places = [slots.index(self._see(level, own, member)) for member in members]
        first = 1 + len(level.dims)
        found = jnp.transpose(found, (*range(first), *(first + int(i) for i in np.argsort(places))))
        shape = [self.states[slot.name] if place in places else 1 for place, slot in enumerate(slots)]
        tables[level.dims] = tables[level.dims] + found.reshape(*found.shape[:first], *shape)

    def _see(self, level: BlockLevel, own: BlockMember, member: BlockMember) -> BlockMember:
        if member.name in level.names:
            return BlockMember(member.name, member.lag - own.lag)
        return self.plan.see_from(own, member)


class Summed(NamedTuple):
    """The table of a level with what follows it, and its logarithmic sum over the level's own states."""

    whole: jax.Array
    total: jax.Array


def sum_out(block: FiniteBlock, tables: Tables) -> tuple[Summed, ...]:
    """Return all levels, summed out one after another."""
    found = []
    for level in block.plan.levels:
        own, first = len(level.names), 1 + len(level.dims)
        if level.span:
            summed, left = _sum_series(block, level, tables[level.dims])
            dims = tuple(dim for dim in level.dims if dim != block.plan.template.time)
        else:
            axes = tuple(range(first, first + own))
            left = jax.scipy.special.logsumexp(tables[level.dims], axis=axes)
            summed, dims = Summed(tables[level.dims], left), level.dims
        found.append(summed)
        if level.outer:
            block.add(tables, level.outer, left, dims)
    return tuple(found)


def _sum_series(block: FiniteBlock, level: BlockLevel, table: jax.Array) -> tuple[Summed, jax.Array]:
    """Sum out a level along time, from the last step to the first; what is left is a table of outer members."""
    axis, own = _find_time(block, level), len(level.names)
    steps = jnp.moveaxis(table, axis, 0)
    first = steps.ndim - 1 - len(block.slots(level))  # the dims beside time, rows first
    outer = steps.shape[1 + first + own * (1 + level.span) :]
    window = steps.shape[1 + first + own : 1 + first + own * (1 + level.span)]
    oldest = tuple(1 for _ in level.names)

    def advance(message: jax.Array, now: jax.Array) -> tuple[jax.Array, Any]:
        whole = now + message.reshape(*now.shape[:first], *window, *oldest, *outer)
        total = jax.scipy.special.logsumexp(whole, axis=tuple(range(first, first + own)))
        return total, (whole, total)

    start = jnp.zeros((*steps.shape[1 : 1 + first], *window, *outer))
    message, (whole, total) = jax.lax.scan(advance, start, steps, reverse=True)
    left = message[(slice(None),) * first + (0,) * len(window)]
    return Summed(jnp.moveaxis(whole, 0, axis), jnp.moveaxis(total, 0, axis)), left


def draw_states(
    block: FiniteBlock, summed: tuple[Summed, ...], key: jax.Array, exists: Mapping[str, jax.Array], rows: int
) -> tuple[dict[str, jax.Array], jax.Array]:
    """Return a state of each latent, ``(rows, *dims)``, and the log probability of all, ``(rows,)``."""
    drawn: dict[str, jax.Array] = {}
    for place, (level, own) in reversed(list(enumerate(zip(block.plan.levels, summed, strict=True)))):
        table = _choose_outer(block, level, own.whole, drawn)
        states = [block.states[name] for name in level.names]
        cells = table.shape[1 : 1 + len(level.dims)]
        noise = jax.random.gumbel(jax.random.fold_in(key, place), (rows, *cells, *states))
        draw = _draw_series if level.span else _draw_cells
        drawn |= dict(zip(level.names, draw(block, level, table, noise), strict=True))
    return drawn, score_states(block, summed, drawn, exists)


def _draw_cells(block: FiniteBlock, level: BlockLevel, table: jax.Array, noise: jax.Array) -> list[jax.Array]:
    del block
    return _find_highest(table + noise, len(level.names))


def _draw_series(block: FiniteBlock, level: BlockLevel, table: jax.Array, noise: jax.Array) -> list[jax.Array]:
    axis = _find_time(block, level)

    def advance(past: Any, now: Any) -> tuple[Any, Any]:
        logits, own = now
        for state in reversed([state for step in past for state in step]):
            logits = _choose_last(logits, state)
        states = tuple(_find_highest(logits + own, len(level.names)))
        return (states, *past[:-1]), states

    batch = tuple(size for place, size in enumerate(noise.shape[: 1 + len(level.dims)]) if place != axis)
    start = tuple(tuple(jnp.zeros(batch, jnp.int32) for _ in level.names) for _ in range(level.span))
    _, found = jax.lax.scan(advance, start, (jnp.moveaxis(table, axis, 0), jnp.moveaxis(noise, axis, 0)))
    return [jnp.moveaxis(states, 0, axis) for states in found]


def _find_highest(scores: jax.Array, own: int) -> list[jax.Array]:
    """Return the states of the highest entry of the last axes."""
    shape = scores.shape[scores.ndim - own :]
    best = jnp.argmax(scores.reshape(*scores.shape[: scores.ndim - own], -1), axis=-1)
    return [states.astype(jnp.int32) for states in jnp.unravel_index(best, shape)]


def score_states(
    block: FiniteBlock, summed: tuple[Summed, ...], states: Mapping[str, jax.Array], exists: Mapping[str, jax.Array]
) -> jax.Array:
    """Return the log probability of states ``(rows, *dims)``, in nats."""
    result = jnp.zeros(max(len(own.whole) for own in summed))
    for level, own in zip(block.plan.levels, summed, strict=True):
        whole = _choose_outer(block, level, own.whole, states)
        total = _choose_outer(block, level, own.total, states)
        axis = _find_time(block, level)
        for lag in range(level.span, 0, -1):
            for name in reversed(level.names):
                before = move_time(states[name], axis, -lag)
                whole, total = _choose_last(whole, before), _choose_last(total, before)
        for name in reversed(level.names):
            whole = _choose_last(whole, states[name])
        here = jnp.stack([jnp.broadcast_to(exists[name], whole.shape) for name in level.names]).any(axis=0)
        terms = jnp.where(here, whole - total, 0.0)
        result = result + terms.reshape(len(terms), -1).sum(axis=1)
    return result


def _choose_outer(
    block: FiniteBlock, level: BlockLevel, table: jax.Array, states: Mapping[str, jax.Array]
) -> jax.Array:
    """Return a table at the states of outer members, its last axes."""
    for member in reversed(level.outer):
        dims, own = block.plan.dims(member.name), states[member.name]
        if member.lag:
            own = move_time(own, 1 + dims.index(block.plan.template.time or ""), -member.lag)
        index = tuple(slice(None) if dim in dims else None for dim in level.dims)
        table = _choose_last(table, own[(slice(None), *index)])
    return table


def _choose_last(table: jax.Array, states: jax.Array) -> jax.Array:
    """Return a table at a state of its last axis, for each cell that its first axes hold."""
    index = states.reshape(*states.shape, *(1 for _ in range(table.ndim - states.ndim)))
    rows = max(len(table), len(states))
    table = jnp.broadcast_to(table, (rows, *table.shape[1:]))
    index = jnp.broadcast_to(index, (rows, *table.shape[1 : states.ndim], *index.shape[states.ndim :]))
    return jnp.take_along_axis(table, index, axis=-1)[..., 0]


def _find_time(block: FiniteBlock, level: BlockLevel) -> int:
    time = block.plan.template.time
    return 1 + level.dims.index(time) if time in level.dims else 0
