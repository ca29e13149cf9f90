"""Latents of a template with finitely many states, summed out exactly at any sizes and with anything missing."""

from __future__ import annotations

import itertools
from collections.abc import Mapping
from dataclasses import dataclass
from functools import cached_property
from typing import Any, ClassVar

import jax
import jax.numpy as jnp
import numpy as np

from retrodict.exact.lifted.block_levels import BlockLevels, BlockMember
from retrodict.exact.lifted.finite_levels import FiniteBlock, Summed, draw_states, score_states, sum_out
from retrodict.exact.lifted.lifted_form import Drawn, LiftedForm, TemplateCells
from retrodict.exact.lifted.tiles import Tiles, Values

# A latent at times with one remainder: all of its instances have one state while tables are filled.
Color = tuple[str, int]


@dataclass(frozen=True, eq=False)
class FiniteForm(LiftedForm):
    """Latents of few states, each instance a single number; ``lowest`` is the value of the first state."""

    kind: ClassVar[str] = "finite"

    states: Mapping[str, int]
    lowest: Mapping[str, int]

    @cached_property
    def plan(self) -> BlockLevels:
        """How the latents are summed out: no plate is unrolled."""
        return BlockLevels(self.densities.source.template, self.families, ())

    @cached_property
    def period(self) -> int:
        """How many remainders of time are told apart."""
        return 1 + max(member.lag for members in self.families.values() for member in members)

    @cached_property
    def colors(self) -> dict[Color, int]:
        """Latents by remainders, numbered."""
        timed = self.densities.source.template.is_timed
        found = [(name, rest) for name in self.names for rest in range(self.period if timed(name) else 1)]
        return {color: place for place, color in enumerate(found)}

    @cached_property
    def assignments(self) -> np.ndarray:
        """All combinations of states of colors."""
        return np.array(list(itertools.product(*(range(self.states[name]) for name, _ in self.colors))), np.int64)

    def measure(self, tiles: Tiles, values: Values) -> dict[str, jax.Array]:
        """Return the tables of all families, ``(rows, *dims, *states)``, given values of all others."""
        outside = {name: value for name, value in values.items() if name not in self.names}
        terms = jax.lax.map(lambda states: self._score_at(tiles, outside, states), jnp.asarray(self.assignments))
        return {
            child: self._gather(child, own, tiles.take(terms, child), tiles) for child, own in self.families.items()
        }

    def draw(self, key: jax.Array, tiles: Tiles, measured: Any, cells: TemplateCells, rows: int) -> Drawn:
        """Return one draw of each latent for each row, and the log probability of all of them in nats."""
        block, summed = self._sum(tiles, measured, cells)
        drawn, density = draw_states(block, summed, key, cells.exists, rows)
        return {name: (drawn[name] + self.lowest[name])[..., None].astype(float) for name in self.names}, density

    def score(self, tiles: Tiles, measured: Any, cells: TemplateCells) -> jax.Array:
        """Return the log probability of the values of the latents given all others, in nats."""
        block, summed = self._sum(tiles, measured, cells)
        states = {name: self._read(name, cells.values[name]) for name in self.names}
        return score_states(block, summed, states, cells.exists)

    def _read(self, name: str, values: jax.Array) -> jax.Array:
        found = jnp.round(values[..., 0]).astype(jnp.int32) - self.lowest[name]
        return jnp.clip(found, 0, self.states[name] - 1)

    def count_numbers(self, tiles: Tiles) -> int:
        """Return how many numbers one row takes: densities at all assignments, and the tables."""
        block = FiniteBlock(self.plan, self.states, tiles.sizes)
        tables = [
            int(np.prod([*block.count(block.slots(level)), *(tiles.sizes[dim] for dim in level.dims)]))
            for level in self.plan.levels
        ]
        return tiles.count * len(self.densities.filler) * len(self.assignments) + 2 * sum(tables)

    def _sum(self, tiles: Tiles, measured: Any, cells: TemplateCells) -> tuple[FiniteBlock, tuple[Summed, ...]]:
        block = FiniteBlock(self.plan, self.states, tiles.sizes)
        tables = block.empty(len(next(iter(measured.values()))))
        for child, members in self.families.items():
            marks = cells.counted[child].reshape(*cells.counted[child].shape, *(1 for _ in members))
            found = jnp.where(marks, measured[child], 0.0).astype(float)
            block.add(tables, members, found, self.densities.dims[child])
        return block, sum_out(block, tables)

    def _score_at(self, tiles: Tiles, outside: Mapping[str, jax.Array], states: jax.Array) -> jax.Array:
        """Return the densities of all tiles, ``(rows, tiles, variables)``, where colors have these states."""
        inside = {}
        for name in self.names:
            own = self.densities.dims[name]
            shape, time = tiles.shape(name), self.densities.source.template.time
            axis = own.index(time) if time in own else None
            rest = np.zeros(1, np.int64) if axis is None else np.arange(shape[axis]) % self.period
            places = np.array([self.colors[name, int(i)] for i in rest])
            values = states[places].reshape([-1 if i == axis else 1 for i in range(len(shape))]) + self.lowest[name]
            inside[name] = jnp.broadcast_to(values, shape)[None, ..., None].astype(float)
        rows = tiles.fill({**outside, **inside}, jnp.asarray(self.densities.filler))
        return jax.vmap(jax.vmap(self.densities))(rows)

    def _gather(self, child: str, members: tuple[BlockMember, ...], found: jax.Array, tiles: Tiles) -> jax.Array:
        """Return the tables of families, ``(rows, *dims, *states)``, from densities ``(assignments, rows, *dims)``."""
        template = self.densities.source.template
        own, timed = self.densities.dims[child], template.is_timed(child)
        tables = [self._choose(found, members, rest) for rest in range(self.period if timed else 1)]
        if not timed:
            return tables[0]
        axis = own.index(template.time or "")
        times = np.arange(tiles.shape(child)[axis]) % self.period
        chosen = tables[0]
        for rest, table in enumerate(tables[1:], 1):
            here = (times == rest).reshape([-1 if i == 1 + axis else 1 for i in range(table.ndim)])
            chosen = jnp.where(here, table, chosen)
        return chosen

    def _choose(self, found: jax.Array, members: tuple[BlockMember, ...], rest: int) -> jax.Array:
        """Return the table of families at times with one remainder; colors of no member are in their first state."""
        timed = self.densities.source.template.is_timed
        places = [self.colors[m.name, (rest - m.lag) % self.period if timed(m.name) else 0] for m in members]
        cards = [self.states[member.name] for member in members]
        whole = found.reshape(*(self.states[name] for name, _ in self.colors), *found.shape[1:])
        index = tuple(slice(None) if place in places else 0 for place in range(len(self.colors)))
        table = whole[index]  # axes of members in the order of their colors, then rows and dims
        order = np.argsort(np.argsort(places)).tolist()
        last = range(len(cards), table.ndim)
        return jnp.transpose(table, (*last, *order))
