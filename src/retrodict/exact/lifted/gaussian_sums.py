"""The precision of a block by levels: what families and eliminated levels add to it, put where it belongs."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field

import jax
import jax.numpy as jnp
import numpy as np

from retrodict.exact.lifted.block_levels import BlockLevel, BlockLevels, BlockMember

Sizes = Mapping[str, int]


@dataclass(frozen=True, eq=False)
class BlockShape:
    """How the numbers of a level stand in a vector: latent by latent, number by number, unrolled indices last."""

    plan: BlockLevels
    sizes: Sizes
    numbers: Mapping[str, int]

    def width(self, name: str) -> int:
        """Return how many numbers a cell of a latent has."""
        return int(np.prod([self.numbers[name], *(self.sizes[dim] for dim in self.plan.spread(name))]))

    def find(self, level: BlockLevel, name: str) -> slice:
        """Return where a latent stands among the numbers of a cell of its level."""
        start = sum(self.width(other) for other in level.names[: level.names.index(name)])
        return slice(start, start + self.width(name))

    def total(self, level: BlockLevel) -> int:
        """Return how many numbers a cell of a level has."""
        return sum(map(self.width, level.names))

    def flatten(self, name: str, values: jax.Array) -> jax.Array:
        """Return values ``(rows, *dims, numbers)`` as ``(rows, *cell dims, width)``."""
        dims = self._list_dims(name)
        kept = [1 + dims.index(dim) for dim in self.plan.dims(name)]
        turned = [1 + dims.index(dim) for dim in self.plan.spread(name)]
        moved = jnp.transpose(values, (0, *kept, values.ndim - 1, *turned))
        return moved.reshape(*moved.shape[: 1 + len(kept)], -1)

    def unflatten(self, name: str, vectors: jax.Array) -> jax.Array:
        """Return ``(rows, *cell dims, width)`` as values ``(rows, *dims, numbers)``."""
        dims, cells, spread = self._list_dims(name), self.plan.dims(name), self.plan.spread(name)
        whole = vectors.reshape(*vectors.shape[:-1], self.numbers[name], *(self.sizes[dim] for dim in spread))
        last = 1 + len(cells)
        order = [1 + cells.index(dim) if dim in cells else last + 1 + spread.index(dim) for dim in dims]
        return jnp.transpose(whole, (0, *order, last))

    def _list_dims(self, name: str) -> tuple[str, ...]:
        return tuple(dim for dim in self.plan.template.dims if dim in self.plan.template[name].dims)


@dataclass(eq=False)
class GaussianSums:
    """The sums of one level: own precision, bands of earlier times, couplings with outer members, linear terms."""

    own: jax.Array
    linear: jax.Array
    bands: dict[int, jax.Array] = field(default_factory=dict)
    outer: dict[BlockMember, jax.Array] = field(default_factory=dict)


@dataclass(frozen=True, eq=False)
class Ledger:
    """The sums of all levels, to which families and eliminated levels add; a value that is filled while it is made."""

    shape: BlockShape
    sums: Mapping[tuple[str, ...], GaussianSums]

    @classmethod
    def empty(cls, shape: BlockShape, rows: int) -> Ledger:
        """Return sums of zero."""
        sums = {}
        for level in shape.plan.levels:
            cells, total = (rows, *(shape.sizes[dim] for dim in level.dims)), shape.total(level)
            sums[level.dims] = GaussianSums(
                jnp.zeros((*cells, total, total)),
                jnp.zeros((*cells, total)),
                {lag: jnp.zeros((*cells, total, total)) for lag in range(1, level.span + 1)},
                {member: jnp.zeros((*cells, total, shape.width(member.name))) for member in level.outer},
            )
        return cls(shape, sums)

    def add_linear(self, member: BlockMember, found: jax.Array, dims: tuple[str, ...]) -> None:
        """Add linear terms ``(rows, *dims, width)`` of a member, at cells that see it so many steps before."""
        level = self._find_level(member.name)
        placed = self._place(member, found, dims)
        part = (..., self.shape.find(level, member.name))
        own = self.sums[level.dims]
        own.linear = own.linear.at[part].add(placed)

    def add_pair(self, one: BlockMember, other: BlockMember, found: jax.Array, dims: tuple[str, ...]) -> None:
        """Add entries ``(rows, *dims, width, width)`` of the precision that belong to two members."""
        home = self.shape.plan.find_home(one, other)
        if home is None:
            raise ValueError("members of one family must lie inside of each other")
        if home[0] != one:
            one, other, found = other, one, jnp.swapaxes(found, -1, -2)
        level, placed = self._find_level(one.name), self._place(one, found, dims)
        sums, rows = self.sums[level.dims], self.shape.find(level, one.name)
        if self._find_level(other.name) is not level:
            member = self.shape.plan.see_from(one, other)
            sums.outer[member] = sums.outer[member].at[..., rows, :].add(placed)
            return
        columns = self.shape.find(level, other.name)
        if other.lag > one.lag:
            lag = other.lag - one.lag
            sums.bands[lag] = sums.bands[lag].at[..., rows, columns].add(placed)
            return
        sums.own = sums.own.at[..., rows, columns].add(placed)
        if one != other:
            sums.own = sums.own.at[..., columns, rows].add(jnp.swapaxes(placed, -1, -2))

    def _find_level(self, name: str) -> BlockLevel:
        return next(level for level in self.shape.plan.levels if name in level.names)

    def _place(self, own: BlockMember, found: jax.Array, dims: tuple[str, ...]) -> jax.Array:
        """Return what was found at cells of some dims at the cells of a member: moved in time, and added up."""
        time, kept = self.shape.plan.template.time, self.shape.plan.dims(own.name)
        if own.lag and time in kept:
            axis = 1 + dims.index(time or "")
            found = move_time(found, axis, own.lag)
        lost = tuple(1 + place for place, dim in enumerate(dims) if dim not in kept)
        return found.sum(axis=lost) if lost else found


def move_time(array: jax.Array, axis: int, lag: int) -> jax.Array:
    """Return what lies ``lag`` steps later along an axis, earlier where it is negative; zeros where there is nothing.

    >>> move_time(jnp.arange(1, 5), 0, 1).tolist(), move_time(jnp.arange(1, 5), 0, -1).tolist()
    ([2, 3, 4, 0], [0, 1, 2, 3])
    """
    length = array.shape[axis]
    at = np.arange(length) + lag
    shape = [-1 if i == axis else 1 for i in range(array.ndim)]
    inside = ((at >= 0) & (at < length)).reshape(shape)
    return jnp.where(inside, jnp.take(array, np.clip(at, 0, length - 1), axis=axis), 0)
