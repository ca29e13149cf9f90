"""Families of a block as quadratic functions of their members: values, slopes and curvatures, all at once.

Along directions that move one member of each family, second derivatives of log densities are entries of the precision.
Members of one kind at neighboring times are told apart by the remainder of their time.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from functools import cached_property
from itertools import combinations_with_replacement
from typing import NamedTuple

import jax
import jax.numpy as jnp
import numpy as np

from retrodict.exact.lifted.block_levels import BlockLevels, BlockMember
from retrodict.exact.lifted.tiles import Tiles, Values

Pair = tuple[BlockMember, BlockMember]


class Direction(NamedTuple):
    """All members of one kind, one number of each, at times with one remainder."""

    name: str
    number: int
    remainder: int


class Curves(NamedTuple):
    """Slopes of log densities at zero of all families, ``(rows, *dims, numbers)``, and curvatures for pairs of members.

    A curvature has a last axis for the numbers of each member. Where a variable has seats, these are the one dim.
    """

    slopes: dict[tuple[str, BlockMember], jax.Array]
    curvatures: dict[tuple[str, Pair], jax.Array]


@dataclass(frozen=True, eq=False)
class FamilyCurves:
    """Finds the quadratic functions of all families of a block, on tiles."""

    tiles: Tiles
    plan: BlockLevels

    @cached_property
    def period(self) -> int:
        """How many remainders of time are told apart."""
        return 1 + max(member.lag for members in self.plan.families.values() for member in members)

    def count(self, name: str) -> int:
        """Return how many numbers an instance of a variable has."""
        return int(self.tiles.densities.columns[name].shape[-1])

    @cached_property
    def directions(self) -> dict[Direction, int]:
        """All directions, numbered."""
        timed = self.plan.template.is_timed
        found = [
            Direction(name, number, remainder)
            for name in self.plan.names
            for number in range(self.count(name))
            for remainder in range(self.period if timed(name) else 1)
        ]
        return {direction: place for place, direction in enumerate(found)}

    @cached_property
    def pairs(self) -> dict[tuple[int, int], int]:
        """All pairs of directions that some family has, numbered."""
        found: dict[tuple[int, int], None] = {}
        for child, members in self.plan.families.items():
            for one, other in combinations_with_replacement(members, 2):
                for remainder in self._list_remainders(child):
                    for row in self._list_directions(one, remainder):
                        for column in self._list_directions(other, remainder):
                            found[min(row, column), max(row, column)] = None
        return {pair: place for place, pair in enumerate(found)}

    def _list_remainders(self, child: str) -> range:
        return range(self.period if self.plan.template.is_timed(child) else 1)

    def _list_directions(self, member: BlockMember, remainder: int) -> list[int]:
        """Return the directions that move the numbers of a member of a family at times with this remainder."""
        timed = self.plan.template.is_timed(member.name)
        own = (remainder - member.lag) % self.period if timed else 0
        return [self.directions[Direction(member.name, k, own)] for k in range(self.count(member.name))]

    def find(self, values: Values) -> Curves:
        """Return the functions, given the values of everything outside of the block."""
        zero = {name: jnp.zeros((1, *self.tiles.shape(name), self.count(name))) for name in self.plan.names}
        rows = self.tiles.fill({**values, **zero}, jnp.asarray(self.tiles.densities.filler))
        moves = jnp.stack([self._move(direction) for direction in self.directions])
        found = jax.vmap(lambda own: jax.vmap(self._differentiate)(own, jnp.moveaxis(moves, 1, 0)))(rows)
        families = list(self.plan.families)
        slopes, curvatures = (jnp.moveaxis(part, 1, -2) for part in found)
        return Curves(
            {
                (child, member): self._join_slopes(child, member, slopes)
                for child in families
                for member in self.plan.families[child]
            },
            {
                (child, pair): self._join_curvatures(child, pair, curvatures)
                for child in families
                for pair in combinations_with_replacement(self.plan.families[child], 2)
            },
        )

    def _move(self, direction: Direction) -> jax.Array:
        """Return the tangent of the rows of all tiles along a direction."""
        shape = (*self.tiles.shape(direction.name), self.count(direction.name))
        marks = np.zeros(shape)
        own, time = self.tiles.densities.dims[direction.name], self.plan.template.time
        if time in own:
            axis = own.index(time)
            times = np.arange(shape[axis]) % self.period == direction.remainder
            marks[..., direction.number] = times.reshape([-1 if i == axis else 1 for i in range(len(own))])
        else:
            marks[..., direction.number] = 1.0
        still = jnp.zeros(len(self.tiles.densities.filler))
        # Behind a barrier, or XLA would work tangents out while it compiles, which takes longer than all the rest.
        moved = jax.lax.optimization_barrier(jnp.asarray(marks))  # type: ignore[no-untyped-call]
        return self.tiles.fill({direction.name: moved[None]}, still)[0]

    def _differentiate(self, row: jax.Array, moves: jax.Array) -> tuple[jax.Array, jax.Array]:
        """Return slopes and curvatures of one tile."""
        score = self.tiles.densities
        first, second = (np.array([pair[side] for pair in self.pairs], np.int32) for side in (0, 1))

        def slope(move: jax.Array) -> jax.Array:
            return jax.jvp(score, (row,), (move,))[1]

        def curve(one: jax.Array, other: jax.Array) -> jax.Array:
            return jax.jvp(lambda at: jax.jvp(score, (at,), (one,))[1], (row,), (other,))[1]

        return jax.vmap(slope)(moves), jax.vmap(curve)(moves[first], moves[second])

    def _choose(self, child: str, found: jax.Array, places: list[int]) -> jax.Array:
        """Return the entry for each cell of a child, by the remainder of its time, of those of all tiles."""
        taken = [self.tiles.take_seated(found[:, place], child) for place in places]
        chosen, own = taken[0], self.tiles.densities.dims[child]
        for remainder, more in enumerate(taken[1:], 1):
            axis = own.index(self.plan.template.time or "")
            times = np.arange(chosen.shape[1 + axis]) % self.period
            here = (times == remainder).reshape([-1 if i == axis else 1 for i in range(len(own))])
            chosen = jnp.where(here, more, chosen)
        return chosen

    def _join_slopes(self, child: str, member: BlockMember, found: jax.Array) -> jax.Array:
        rows = [self._list_directions(member, remainder) for remainder in self._list_remainders(child)]
        return jnp.stack([self._choose(child, found, list(places)) for places in zip(*rows, strict=True)], axis=-1)

    def _join_curvatures(self, child: str, pair: Pair, found: jax.Array) -> jax.Array:
        one, other = pair
        entries = [
            [self._choose(child, found, places) for places in row] for row in self._find_entries(child, one, other)
        ]
        return jnp.stack([jnp.stack(row, axis=-1) for row in entries], axis=-2)

    def _find_entries(self, child: str, one: BlockMember, other: BlockMember) -> Iterator[list[list[int]]]:
        for row in range(self.count(one.name)):
            yield [
                [
                    self.pairs[min(a, b), max(a, b)]
                    for remainder in self._list_remainders(child)
                    for a, b in [
                        (self._list_directions(one, remainder)[row], self._list_directions(other, remainder)[column])
                    ]
                ]
                for column in range(self.count(other.name))
            ]
