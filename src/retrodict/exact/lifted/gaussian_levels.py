r"""A Gaussian block of a template, eliminated level by level: its exact conditional at any sizes.

A cell b of a level with precision A, couplings B to outer values v and linear term g is
:math:`\mathrm{Normal}(A^{-1}(g - B v), A^{-1})` given them, and leaves :math:`-B^\top A^{-1} B` and
:math:`-B^\top A^{-1} g` to them. Along time this is the backward information filter.
"""

from __future__ import annotations

import math
from collections.abc import Mapping
from itertools import combinations_with_replacement
from typing import Any, NamedTuple

import jax
import jax.numpy as jnp

from retrodict.exact.lifted.block_levels import BlockLevel, BlockMember, Dims
from retrodict.exact.lifted.gaussian_sums import BlockShape, GaussianSums, Ledger, move_time
from retrodict.exact.lifted.small_roots import solve_root, solve_twice, take_root

Vectors = dict[Dims, jax.Array]


class Solved(NamedTuple):
    """A level given what is outside: root of the precision, mean at zero, and how it moves with outer values."""

    root: jax.Array
    mean: jax.Array
    outer: dict[BlockMember, jax.Array]
    bands: dict[int, jax.Array]


def solve_block(ledger: Ledger, exists: Mapping[Dims, jax.Array]) -> tuple[Solved, ...]:
    """Return all levels, eliminated one after another; ``exists`` marks the numbers that there are."""
    found = []
    for level in ledger.shape.plan.levels:
        sums = ledger.sums[level.dims]
        sums.own = sums.own + jnp.where(exists[level.dims], 0.0, 1.0)[..., None] * jnp.eye(sums.own.shape[-1])
        found.append(_solve_series(ledger, level, sums) if level.span else _solve_cells(ledger, level, sums))
    return tuple(found)


def _solve_cells(ledger: Ledger, level: BlockLevel, sums: GaussianSums) -> Solved:
    root = take_root(sums.own)
    mean = solve_twice(root, sums.linear[..., None])[..., 0]
    outer = {member: solve_twice(root, own) for member, own in sums.outer.items()}
    for member, coupling in sums.outer.items():
        ledger.add_linear(member, -jnp.einsum("...kp,...k->...p", coupling, mean), level.dims)
    for one, other in combinations_with_replacement(sums.outer, 2):
        _add_left(ledger, level, (one, other), (sums.outer[one], outer[other]))
    return Solved(root, mean, outer, {})


def _add_left(
    ledger: Ledger, level: BlockLevel, pair: tuple[BlockMember, BlockMember], parts: tuple[jax.Array, jax.Array]
) -> None:
    """Add what an eliminated level leaves to two members; plates that both lack are summed over at once."""
    plan = ledger.shape.plan
    kept = set(plan.dims(pair[0].name)) | set(plan.dims(pair[1].name))
    dims = tuple(dim for dim in level.dims if dim in kept)
    letters = {dim: "abcdefgh"[place] for place, dim in enumerate(level.dims)}
    left, right = (f"r{''.join(letters.values())}k{last}" for last in "pq")
    wanted = f"r{''.join(letters[dim] for dim in dims)}pq"
    ledger.add_pair(*pair, -jnp.einsum(f"{left},{right}->{wanted}", *parts), dims)


def _solve_series(ledger: Ledger, level: BlockLevel, sums: GaussianSums) -> Solved:
    """Eliminate a level along time, from the last step to the first."""
    axis = 1 + level.dims.index(ledger.shape.plan.template.time or "")
    size, span, members = sums.own.shape[-1], level.span, list(sums.outer)
    beside = [sums.bands[lag] for lag in range(1, span + 1)] + [sums.outer[member] for member in members]
    steps = tuple(jnp.moveaxis(part, axis, 0) for part in (sums.own, jnp.concatenate(beside, axis=-1), sums.linear))
    window, rest = size * span, sum(part.shape[-1] for part in beside) - size * span
    batch = steps[2].shape[1:-1]
    width = window + rest

    def advance(left: Any, now: Any) -> tuple[Any, Any]:
        """Eliminate one step: what is left concerns the steps before, and outer values."""
        (pending, term), (own, coupling, linear) = left, now
        # What is pending concerns this step, the steps before as far as the window reaches, and outer values.
        places = jnp.concatenate([jnp.arange(window), jnp.arange(window, width) + size])
        whole = jnp.zeros((*batch, size + width, size + width)).at[..., places[:, None], places].add(pending)
        terms = jnp.zeros((*batch, size + width)).at[..., places].add(term)
        whole = whole.at[..., :size, :size].add(own)
        whole = whole.at[..., :size, size:].add(coupling).at[..., size:, :size].add(jnp.swapaxes(coupling, -1, -2))
        terms = terms.at[..., :size].add(linear)
        root, beside = take_root(whole[..., :size, :size]), whole[..., :size, size:]
        mean, moves = solve_twice(root, terms[..., :size, None])[..., 0], solve_twice(root, beside)
        pending = whole[..., size:, size:] - jnp.einsum("...kp,...kq->...pq", beside, moves)
        term = terms[..., size:] - jnp.einsum("...kp,...k->...p", beside, mean)
        return (pending, term), (root, mean, moves)

    nothing = jnp.zeros((*batch, width, width)), jnp.zeros((*batch, width))
    (pending, term), found = jax.lax.scan(advance, nothing, steps, reverse=True)
    dims = tuple(dim for dim in level.dims if dim != ledger.shape.plan.template.time)
    places = _list_places(ledger.shape, members, window)
    for member, own in places.items():
        ledger.add_linear(member, term[..., own], dims)
    for one, other in combinations_with_replacement(members, 2):
        ledger.add_pair(one, other, pending[..., places[one], places[other]], dims)
    root, mean, moves = (jnp.moveaxis(part, 0, axis) for part in found)
    bands = {lag: moves[..., size * (lag - 1) : size * lag] for lag in range(1, span + 1)}
    return Solved(root, mean, {member: moves[..., own] for member, own in places.items()}, bands)


def _list_places(shape: BlockShape, members: list[BlockMember], start: int) -> dict[BlockMember, slice]:
    found = {}
    for member in members:
        found[member] = slice(start, start + shape.width(member.name))
        start += shape.width(member.name)
    return found


# -- drawing and scoring -----------------------------------------------------------------------------


def draw_block(shape: BlockShape, solved: tuple[Solved, ...], key: jax.Array, rows: int) -> dict[str, jax.Array]:
    """Return a draw of each latent, ``(rows, *cell dims, width)``."""
    drawn: dict[str, jax.Array] = {}
    for place, (level, own) in reversed(list(enumerate(zip(shape.plan.levels, solved, strict=True)))):
        noise = jax.random.normal(jax.random.fold_in(key, place), (rows, *own.mean.shape[1:]), own.mean.dtype)
        centre = own.mean - _move_with(shape, level, own, drawn)
        vectors = centre + solve_root(own.root, noise)
        if level.span:
            vectors = _run_series(shape, level, own, vectors)
        drawn |= {name: vectors[..., shape.find(level, name)] for name in level.names}
    return drawn


def score_block(
    shape: BlockShape,
    solved: tuple[Solved, ...],
    values: Mapping[str, jax.Array],
    exists: Mapping[Dims, jax.Array],
) -> jax.Array:
    """Return the log density of values ``(rows, *cell dims, width)``, in nats."""
    total = jnp.zeros(max(map(len, values.values())))
    for level, own in zip(shape.plan.levels, solved, strict=True):
        vectors = jnp.concatenate([values[name] for name in level.names], axis=-1)
        centre = own.mean - _move_with(shape, level, own, values)
        axis = _find_time(shape, level)
        for lag, moves in own.bands.items():
            centre = centre - jnp.einsum("...kp,...p->...k", moves, move_time(vectors, axis, -lag))
        noise = jnp.einsum("...ki,...k->...i", own.root, vectors - centre)
        total = total + _add_density(own, noise, exists[level.dims])
    return total


def _move_with(shape: BlockShape, level: BlockLevel, own: Solved, drawn: Mapping[str, jax.Array]) -> Any:
    """Return by how much outer values lower the mean of a level."""
    total: Any = 0.0
    for member, moves in own.outer.items():
        dims, values = shape.plan.dims(member.name), drawn[member.name]
        if member.lag:
            values = move_time(values, 1 + dims.index(shape.plan.template.time or ""), -member.lag)
        index = tuple(slice(None) if dim in dims else None for dim in level.dims)
        total = total + jnp.einsum("...kp,...p->...k", moves, values[(slice(None), *index)])
    return total


def _run_series(shape: BlockShape, level: BlockLevel, own: Solved, alone: jax.Array) -> jax.Array:
    """Return a series from what its steps are without those before them."""
    axis = _find_time(shape, level)
    bands = [jnp.moveaxis(own.bands[lag], axis, 0) for lag in range(1, level.span + 1)]
    steps = jnp.moveaxis(alone, axis, 0)

    def advance(past: Any, now: Any) -> tuple[Any, Any]:
        value, moves = now
        for before, band in zip(past, moves, strict=True):
            value = value - jnp.einsum("...kp,...p->...k", band, before)
        return (value, *past[:-1]), value

    start = tuple(jnp.zeros_like(steps[0]) for _ in bands)
    _, found = jax.lax.scan(advance, start, (steps, bands))
    return jnp.moveaxis(found, 0, axis)


def _find_time(shape: BlockShape, level: BlockLevel) -> int:
    time = shape.plan.template.time
    return 1 + level.dims.index(time) if time in level.dims else 0


def _add_density(own: Solved, noise: jax.Array, exists: jax.Array) -> jax.Array:
    terms = -0.5 * (noise**2 + math.log(2 * math.pi)) + jnp.log(jnp.diagonal(own.root, axis1=-2, axis2=-1))
    terms = jnp.where(exists, terms, 0.0)
    return terms.reshape(len(terms), -1).sum(axis=1)
