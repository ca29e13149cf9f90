"""Latents of a template that are jointly Gaussian given all others, at any sizes and with anything missing."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, ClassVar

import jax
import jax.numpy as jnp
import numpy as np

from retrodict.errors import SizeError
from retrodict.exact.lifted.aligned_families import Aligned, align_family
from retrodict.exact.lifted.block_levels import BlockLevel, BlockLevels, Dims, plan_levels
from retrodict.exact.lifted.family_curves import Curves, FamilyCurves
from retrodict.exact.lifted.gaussian_levels import Solved, draw_block, score_block, solve_block
from retrodict.exact.lifted.gaussian_sums import BlockShape, Ledger
from retrodict.exact.lifted.lifted_form import Drawn, LiftedForm, TemplateCells
from retrodict.exact.lifted.tiles import Tiles, Values

# The most numbers of a cell that are solved for at once, of plates that cross.
MOST_TOGETHER = 3000


@dataclass(frozen=True, eq=False)
class GaussianForm(LiftedForm):
    """Latents whose log density given all others is quadratic, which is proved where the form is found."""

    kind: ClassVar[str] = "Gaussian"

    def measure(self, tiles: Tiles, values: Values) -> Curves:
        """Return all families as quadratic functions of the latents, given values of all others."""
        outside = {name: value for name, value in values.items() if name not in self.names}
        return self._find_curves(tiles).find(outside)

    def draw(self, key: jax.Array, tiles: Tiles, measured: Any, cells: TemplateCells, rows: int) -> Drawn:
        """Return one draw of each latent for each row, rounded to single precision, and the log density of all."""
        shape, exists, solved = self._solve(tiles, measured, cells)
        drawn = draw_block(shape, solved, key, rows)
        kept = {name: values.astype(jnp.float32).astype(values.dtype) for name, values in drawn.items()}
        values = {name: shape.unflatten(name, kept[name]) for name in self.names}
        return values, score_block(shape, solved, kept, exists)

    def score(self, tiles: Tiles, measured: Any, cells: TemplateCells) -> jax.Array:
        """Return the log density of the values of the latents given all others, in nats."""
        shape, exists, solved = self._solve(tiles, measured, cells)
        return score_block(shape, solved, {n: shape.flatten(n, cells.values[n]) for n in self.names}, exists)

    def count_numbers(self, tiles: Tiles) -> int:
        """Return how many numbers one row takes: densities along all pairs of directions, and the largest matrices."""
        curves = self._find_curves(tiles)
        shape = self._shape(tiles, curves.plan)
        cells = [shape.total(level) ** 2 for level in curves.plan.levels]
        return tiles.count * len(self.densities.filler) * (1 + len(curves.pairs)) + sum(cells)

    def _find_curves(self, tiles: Tiles) -> FamilyCurves:
        plan = plan_levels(self.densities.source.template, self.families, tiles.sizes)
        if plan is None:
            raise SizeError("the plates of the Gaussian latents do not nest", remedy="Amortize with exact=False.")
        return FamilyCurves(tiles, plan)

    def _shape(self, tiles: Tiles, plan: BlockLevels) -> BlockShape:
        numbers = {name: int(self.densities.columns[name].shape[-1]) for name in self.names}
        shape = BlockShape(plan, tiles.sizes, numbers)
        widest = max(map(shape.total, plan.levels))
        if widest > MOST_TOGETHER:
            raise SizeError(
                f"{widest:,} Gaussian effects of crossed plates hang together, more than {MOST_TOGETHER:,}",
                remedy="Give data of fewer groups, or amortize with exact=False.",
            )
        return shape

    def _solve(
        self, tiles: Tiles, measured: Any, cells: TemplateCells
    ) -> tuple[BlockShape, dict[Dims, jax.Array], tuple[Solved, ...]]:
        plan = self._find_curves(tiles).plan
        shape = self._shape(tiles, plan)
        ledger = Ledger.empty(shape, len(next(iter(measured.slopes.values()))))
        for child, members in self.families.items():
            found, dims = align_family(measured, child, members), self.densities.dims[child]
            if child in tiles.seats:
                enter_seated(ledger, found, cells.counted[child], dims, tiles.seats[child])
            else:
                _enter_families(ledger, child, found, cells, dims)
        exists = {level.dims: _mark_level(shape, level, cells) for level in plan.levels}
        return shape, exists, solve_block(ledger, exists)


def _enter_families(ledger: Ledger, child: str, found: Aligned, cells: TemplateCells, dims: Dims) -> None:
    """Add what the families of a child that count say of their members."""
    marks = cells.counted[child]
    for member, slope in found.slopes.items():
        own, left = _spread_one(ledger.shape, member.name, jnp.where(marks[..., None], slope, 0.0), dims)
        ledger.add_linear(member, own, left)
    for (one, other), curve in found.precisions.items():
        kept = jnp.where(marks[..., None, None], curve, 0.0)
        pair, left = _spread_two(ledger.shape, (one.name, other.name), kept, dims)
        ledger.add_pair(one, other, pair, left)


def enter_seated(ledger: Ledger, found: Aligned, marks: jax.Array, dims: Dims, seats: tuple[Any, ...]) -> None:
    """Add what families say that stand in a list of cells: summed first over the dims that their members have not."""
    kept = marks[(slice(None), *seats)]
    for member, slope in found.slopes.items():
        own, left = _sum_seats(ledger.shape, (member.name,), jnp.where(kept[..., None], slope, 0.0), dims, seats)
        spread, rest = _spread_one(ledger.shape, member.name, own, left)
        ledger.add_linear(member, spread, rest)
    for (one, other), curve in found.precisions.items():
        names = one.name, other.name
        own, left = _sum_seats(ledger.shape, names, jnp.where(kept[..., None, None], curve, 0.0), dims, seats)
        spread, rest = _spread_two(ledger.shape, names, own, left)
        ledger.add_pair(one, other, spread, rest)


def _sum_seats(
    shape: BlockShape, names: tuple[str, ...], found: jax.Array, dims: Dims, seats: tuple[Any, ...]
) -> tuple[jax.Array, Dims]:
    """Return ``(rows, seats, ...)`` as sums over the dims of some latents, and these dims."""
    inside = {dim for name in names for dim in shape.plan.template[name].dims}
    kept = tuple(dim for dim in dims if dim in inside)
    sizes = tuple(shape.sizes[dim] for dim in kept)
    places = tuple(seats[dims.index(dim)] for dim in kept)
    if not kept:
        return found.sum(axis=1), kept
    flat = np.ravel_multi_index(places, sizes).astype(np.int32)
    empty = jnp.zeros((found.shape[0], int(np.prod(sizes)), *found.shape[2:]), found.dtype)
    return empty.at[:, flat].add(found).reshape(found.shape[0], *sizes, *found.shape[2:]), kept


def _spread_one(
    shape: BlockShape, name: str, found: jax.Array, dims: tuple[str, ...]
) -> tuple[jax.Array, tuple[str, ...]]:
    """Return linear terms with unrolled dims among the numbers of a member, and the dims that are left."""
    spread = shape.plan.spread(name)
    letters = _name_axes(dims)
    kept = tuple(dim for dim in dims if dim not in shape.plan.unrolled)
    text = f"r{_write(dims, letters)}k->r{_write(kept, letters)}k{_write(spread, letters)}"
    own = jnp.einsum(text, found)
    return own.reshape(*own.shape[: 1 + len(kept)], -1), kept


def _spread_two(
    shape: BlockShape, names: tuple[str, str], found: jax.Array, dims: tuple[str, ...]
) -> tuple[jax.Array, tuple[str, ...]]:
    """Return entries of the precision with unrolled dims among the numbers of both members.

    Instances of both at different unrolled indices share no family.
    """
    letters = _name_axes(dims)
    kept = tuple(dim for dim in dims if dim not in shape.plan.unrolled)
    one, other = (shape.plan.spread(name) for name in names)
    twice = [dim for dim in one if dim in other]
    again = letters | {dim: letters[dim].upper() for dim in twice}
    text = f"r{_write(dims, letters)}kl"
    parts = [found]
    for dim in twice:
        text += f",{letters[dim]}{again[dim]}"
        parts.append(jnp.eye(shape.sizes[dim]))
    text += f"->r{_write(kept, letters)}k{_write(one, letters)}l{_write(other, again)}"
    own = jnp.einsum(text, *parts)
    return own.reshape(*own.shape[: 1 + len(kept)], shape.width(names[0]), shape.width(names[1])), kept


def _name_axes(dims: tuple[str, ...]) -> dict[str, str]:
    return {dim: "abcdefgh"[place] for place, dim in enumerate(dims)}


def _write(dims: tuple[str, ...], letters: Mapping[str, str]) -> str:
    return "".join(letters[dim] for dim in dims)


def _mark_level(shape: BlockShape, level: BlockLevel, cells: TemplateCells) -> jax.Array:
    """Return which numbers of a level there are."""
    parts = []
    for name in level.names:
        marks = cells.exists[name][..., None]
        wide = jnp.broadcast_to(marks, (*marks.shape[:-1], shape.numbers[name]))
        parts.append(shape.flatten(name, wide))
    rows = max(map(len, parts))
    return jnp.concatenate([jnp.broadcast_to(part, (rows, *part.shape[1:])) for part in parts], axis=-1)
