"""The networks of one latent: from the families of its component to a context at each of its instances."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from math import prod

import equinox as eqx
import jax.numpy as jnp
import numpy as np
from jaxtyping import Array, Bool, Float, Key

from retrodict.encode.keys import split_key
from retrodict.encode.lifted.cells import CellVariable, SeenCells, shift, spread
from retrodict.encode.lifted.filled_cells import FilledCells
from retrodict.encode.lifted.gated import Gated
from retrodict.encode.lifted.pools import Pool
from retrodict.encode.lifted.reading_plan import Direct, FamilyPlan, GroupPlan, Member, TargetPlan
from retrodict.encode.lifted.scans import Recurrence, scan_along


@dataclass(frozen=True)
class Widths:
    """How wide the networks of each latent are.

    Arguments:
        width: features of an embedded family and of a group, channels of a pool and of a recurrence.
        hidden: products in a hidden layer.
        heads: messages of a recurrence.
        states: entries of each message.
    """

    width: int = 16
    hidden: int = 24
    heads: int = 3
    states: int = 4


@dataclass(frozen=True, eq=False)
class Surroundings:
    """What networks of all latents are built from: what each computes, the variables, and the typical size of dims.

    ``plans`` stand in the order in which latents are drawn; ``present`` marks the instances that the program has.
    """

    plans: Mapping[str, TargetPlan]
    described: Mapping[str, CellVariable]
    time: str | None
    typical: Mapping[str, float]
    widths: Widths
    present: Mapping[str, np.ndarray]

    def count_member(self, member: Member) -> int:
        """Return how many numbers are seen of a member, with a mark where it may be missing."""
        return self.described[member.name].features + bool(member.lag)

    def may_be_missing(self, direct: Direct) -> bool:
        """Whether a mark comes with what is read as it is."""
        return direct.lag != 0 or direct.at is not None or not self.described[direct.name].is_drawn

    def count_direct(self, direct: Direct) -> int:
        """Return how many numbers are seen of what is read as it is."""
        return self.described[direct.name].features + self.may_be_missing(direct)


class FamilyNetwork(eqx.Module):
    """Embeds families of one kind and pools them over the dims that the group which receives them has not."""

    embed: Gated
    pool: Pool | None
    plan: FamilyPlan = eqx.field(static=True)
    lost: tuple[str, ...] = eqx.field(static=True)

    def __init__(self, plan: FamilyPlan, group: GroupPlan, around: Surroundings, key: Key[Array, ""]) -> None:
        embed, pool = split_key(key)
        widths = around.widths
        inputs = sum(around.count_member(member) for member in plan.members)
        self.plan, self.lost = plan, tuple(dim for dim in plan.dims if dim not in group.dims)
        self.embed = Gated(inputs, widths.width, widths.hidden, embed)
        self.pool = _build_pool(self.lost, group, around, pool) if self.lost else None

    @property
    def size(self) -> int:
        """The number of features that the group receives; a mark comes with a single family."""
        return self.pool.size if self.pool is not None else self.embed.out.shape[1] + 1

    def __call__(self, seen: SeenCells, around: Surroundings, group: GroupPlan) -> Float[Array, "rows ..."]:
        """Return what the group receives."""
        present = _mark_children(seen, self.plan.child, around)
        parts = [self._read(member, seen, around) for member in self.plan.members]
        shape = present.shape
        inputs = jnp.concatenate([jnp.broadcast_to(part, (*shape, part.shape[-1])) for part in parts], axis=-1)
        kept = tuple(dim for dim in self.plan.dims if dim not in self.lost)
        filled = FilledCells.choose(around.present[self.plan.child], shape[1:]) if seen.is_within else None
        if filled is None:
            found = self._gather(inputs, present, lambda values: values.sum(_find_axes(self.lost, self.plan.dims)))
        else:
            places = tuple(map(self.plan.dims.index, kept))
            found = self._gather(filled.take(inputs), filled.take(present), lambda values: filled.add(values, places))
        return self._place(found, kept, seen, around, group)

    def _gather(self, inputs: Array, present: Array, add: Callable[[Array], Array]) -> Array:
        """Return embedded families, those that ``add`` puts together pooled."""
        elements = self.embed(inputs)
        if self.pool is not None:
            return self.pool.join(elements, present, add)
        return add(jnp.concatenate([elements * present[..., None], present[..., None]], axis=-1))

    def _read(self, member: Member, seen: SeenCells, around: Surroundings) -> Float[Array, "rows ..."]:
        features, marks = seen.features[member.name], seen.marks[member.name][..., None]
        values = features * marks
        if member.lag:
            axis = 1 + around.described[member.name].dims.index(around.time or "")
            values = shift(jnp.concatenate([values, marks], axis=-1), axis, member.lag)
        return spread(values, around.described[member.name].dims, self.plan.dims)

    def _place(
        self, found: Array, kept: tuple[str, ...], seen: SeenCells, around: Surroundings, group: GroupPlan
    ) -> Float[Array, "rows ..."]:
        """Return what was found at the times of the unknown members."""
        if self.plan.shift and around.time in kept:
            found = shift(found, 1 + kept.index(around.time or ""), -self.plan.shift)
        found = spread(found, kept, group.dims)
        if self.plan.at is None or around.time not in group.dims:
            return found
        exists = mark_group(seen, group, around)
        axis = 1 + group.dims.index(around.time or "")
        beyond = shift(exists, axis, 1 if self.plan.at == 0 else -1)
        return found * (exists & ~beyond)[..., None]


class GroupNetwork(eqx.Module):
    """Puts together what a group receives, and scans it along time where its members hang together."""

    families: tuple[FamilyNetwork, ...]
    pools: tuple[Pool, ...]
    update: Gated
    backward: Recurrence | None
    forward: Recurrence | None
    series: Gated | None
    over_time: Pool | None
    collapse: Gated | None
    plan: GroupPlan = eqx.field(static=True)
    lost: tuple[tuple[str, ...], ...] = eqx.field(static=True)

    def __init__(self, plan: TargetPlan, place: int, around: Surroundings, key: Key[Array, ""]) -> None:
        self.plan = group = plan.groups[place]
        widths, time = around.widths, around.time
        family, pool, update, back, fore, series, over, collapse = split_key(key, 8)
        self.families = tuple(
            FamilyNetwork(own, group, around, own_key)
            for own, own_key in zip(group.families, split_key(family, max(1, len(group.families))), strict=False)
        )
        self.lost = tuple(_list_lost(plan.groups[sender], group, time) for sender in group.senders)
        self.pools = tuple(
            _build_pool(lost, group, around, own_key)
            for lost, own_key in zip(self.lost, split_key(pool, max(1, len(self.lost))), strict=False)
        )
        received = sum(f.size for f in self.families) + sum(
            own.size if lost else widths.width for own, lost in zip(self.pools, self.lost, strict=True)
        )
        self.update = Gated(max(1, received), widths.width, widths.hidden, update)
        own = place == len(plan.groups) - 1
        build = (widths.width, widths.width, widths.hidden)
        shape = {"heads": widths.heads, "states": widths.states}
        looks_back = group.is_chain and not (own and plan.reach == "earlier")
        looks_fore = group.is_chain and not (own and plan.reach == "later")
        self.backward = Recurrence(*build, back, **shape) if looks_back else None
        self.forward = Recurrence(*build, fore, **shape) if looks_fore else None
        self.series = self.over_time = self.collapse = None
        if group.is_chain and not own:
            scanned = self.backward.size if self.backward is not None else 0
            self.series = Gated(widths.width + 2 * scanned, widths.width, widths.hidden, series)
            self.over_time = _build_pool((time or "",), group, around, over)
            self.collapse = Gated(self.over_time.size + scanned, widths.width, widths.hidden, collapse)

    @property
    def size(self) -> int:
        """The number of features of a context, where the group is that of the latent."""
        scans = [scan for scan in (self.backward, self.forward) if scan is not None]
        return self.update.out.shape[1] + sum(scan.size for scan in scans)

    def receive(self, seen: SeenCells, sent: list[Array], around: Surroundings, plan: TargetPlan) -> Array:
        """Return the features of the group before it is scanned."""
        parts = [family(seen, around, self.plan) for family in self.families]
        for sender, pool, lost in zip(self.plan.senders, self.pools, self.lost, strict=True):
            other = plan.groups[sender]
            dims = _drop_time(other, around.time)
            marks = _mark_without(seen, other, dims, around)
            parts.append(pool(sent[sender], marks, _find_axes(lost, dims)) if lost else sent[sender] * marks[..., None])
        exists = mark_group(seen, self.plan, around)
        parts = [jnp.broadcast_to(part, (*exists.shape, part.shape[-1])) for part in parts]
        return self.update(jnp.concatenate(parts or [jnp.zeros((*exists.shape, 1))], axis=-1))

    def scan(self, received: Array, seen: SeenCells, around: Surroundings) -> tuple[Array | None, Array | None]:
        """Return the states of the scans backward and forward, at each time."""
        if not self.plan.is_chain:
            return None, None
        exists, axis = mark_group(seen, self.plan, around), 1 + self.plan.dims.index(around.time or "")
        back = scan_along(self.backward, received, exists, axis) if self.backward is not None else None
        fore = scan_along(self.forward, received, exists, axis, forward=True) if self.forward is not None else None
        return back, fore

    def send(self, received: Array, seen: SeenCells, around: Surroundings) -> Array:
        """Return what the group sends on, without time where it is a series."""
        back, fore = self.scan(received, seen, around)
        if self.series is None or self.over_time is None or self.collapse is None or back is None or fore is None:
            return received
        axis = 1 + self.plan.dims.index(around.time or "")
        elements = self.series(jnp.concatenate([received, shift(back, axis, -1), shift(fore, axis, 1)], axis=-1))
        pooled = self.over_time(elements, mark_group(seen, self.plan, around), (axis,))
        first = jnp.take(back, 0, axis=axis)
        return self.collapse(jnp.concatenate([pooled, first], axis=-1))

    def finish(self, received: Array, seen: SeenCells, around: Surroundings) -> Array:
        """Return the context of the latent, whose group this is."""
        scanned = [state for state in self.scan(received, seen, around) if state is not None]
        return jnp.concatenate([received, *scanned], axis=-1)


class ContextNetwork(eqx.Module):
    """The groups of a latent, from those with the most dims to its own."""

    groups: tuple[GroupNetwork, ...]

    def __init__(self, plan: TargetPlan, around: Surroundings, key: Key[Array, ""]) -> None:
        keys = split_key(key, max(2, len(plan.groups)))
        self.groups = tuple(GroupNetwork(plan, i, around, keys[i]) for i in range(len(plan.groups)))

    @property
    def size(self) -> int:
        """The number of features of a context."""
        return self.groups[-1].size

    def __call__(self, seen: SeenCells, plan: TargetPlan, around: Surroundings) -> Float[Array, "rows ..."]:
        """Return the context of each instance of the latent."""
        sent: list[Array] = []
        for group in self.groups[:-1]:
            sent.append(group.send(group.receive(seen, sent, around, plan), seen, around))
        last = self.groups[-1]
        return last.finish(last.receive(seen, sent, around, plan), seen, around)


def _mark_children(seen: SeenCells, child: str, around: Surroundings) -> Bool[Array, "rows ..."]:
    """Return which families there are: those of all latents, and those of what is seen.

    A latent that is drawn later is not seen while others are drawn, but is when they are scored.
    """
    return seen.exists[child] if around.described[child].is_drawn else seen.marks[child]


def mark_group(seen: SeenCells, group: GroupPlan, around: Surroundings) -> Bool[Array, "rows ..."]:
    """Return which instances of a group there are."""
    marks = [spread(seen.exists[name], around.described[name].dims, group.dims) for name in group.names]
    found = marks[0]
    for more in marks[1:]:
        found = found | more
    return found


def _mark_without(seen: SeenCells, group: GroupPlan, dims: tuple[str, ...], around: Surroundings) -> Array:
    """Return which instances of a group there are; of a series, those with any time."""
    marks = mark_group(seen, group, around)
    return marks if dims == group.dims else marks.any(axis=1 + group.dims.index(around.time or ""))


def _drop_time(group: GroupPlan, time: str | None) -> tuple[str, ...]:
    return tuple(dim for dim in group.dims if dim != time) if group.is_chain else group.dims


def _list_lost(sender: GroupPlan, group: GroupPlan, time: str | None) -> tuple[str, ...]:
    return tuple(dim for dim in _drop_time(sender, time) if dim not in group.dims)


def _build_pool(lost: tuple[str, ...], group: GroupPlan, around: Surroundings, key: Key[Array, ""]) -> Pool:
    """Return a pool over dims. Sums are for whole numbers, of whose log probabilities they are those of data."""
    widths = around.widths
    sums = any(around.described[name].is_whole for name in group.names)
    typical = prod(around.typical[dim] for dim in lost)
    return Pool(widths.width, widths.width, widths.hidden, key, typical=typical, sums=sums)


def _find_axes(lost: tuple[str, ...], dims: tuple[str, ...]) -> tuple[int, ...]:
    return tuple(1 + dims.index(dim) for dim in lost)
