"""What an inverse states beside what its latents need: counted without writing either out, listed on request."""

from __future__ import annotations

import itertools
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from functools import cached_property

import numpy as np

from retrodict.certificate.boundaries import Phase, find_phase
from retrodict.certificate.families import Families
from retrodict.certificate.slices import Slices
from retrodict.errors import SizeError
from retrodict.graph.inverse import MOST_EDGES, Inverse
from retrodict.graph.rows import Integers, Mask, sort_edges

AT_ONCE = 1 << 21  # entries written out at a time while counting
MOST_LISTED = 10_000_000

Pairs = tuple[Integers, Integers]


@dataclass(frozen=True, eq=False)
class Differences:
    """How many edges each latent lacks and how many it could do without, by step (0 is drawn last).

    ``order`` has the variable of each step, hidden ones first: these are never drawn, and lack nothing.
    ``latents`` and ``observed`` are the parents that the inverse states, latents by step, observed by their place;
    ``lacks`` and ``spares`` hold the numbers for each of these kinds.
    """

    inverse: Inverse
    order: Integers
    phases: tuple[Phase, ...]
    latents: Slices
    observed: Slices
    lacks: tuple[Integers, Integers]
    spares: tuple[Integers, Integers]

    @cached_property
    def n_missing(self) -> int:
        """Number of edges that the inverse lacks."""
        return int(sum(counts.sum() for counts in self.lacks))

    @cached_property
    def n_removable(self) -> int:
        """Number of edges that the inverse could do without."""
        return int(sum(counts.sum() for counts in self.spares))

    def list_missing(self) -> list[tuple[int, int]]:
        """List pairs of parent and child, numbers in the model: children in sampling order, parents ascending."""
        self._require_few(self.n_missing, "lacks")
        pairs = []
        for phase in self.phases:
            latent, seen = (phase.rows[counts[phase.rows] > 0] for counts in self.lacks)
            row, parent = phase.expand_latents(latent)
            absent = ~self.latents.contains(row, parent)
            pairs.append(self._name_latents(row[absent], parent[absent]))
            row, parent = _expand(phase.observed, seen)
            absent = ~self.observed.contains(row, parent)
            pairs.append(self._name_observed(row[absent], parent[absent]))
        return self._sort(pairs)

    def list_removable(self) -> list[tuple[int, int]]:
        """List pairs of parent and child, in the same order."""
        self._require_few(self.n_removable, "could do without")
        pairs = []
        for phase in self.phases:
            latent, seen = (phase.rows[counts[phase.rows] > 0] for counts in self.spares)
            row, parent = _expand(self.latents, latent)
            spare = ~phase.needs(row, parent)
            pairs.append(self._name_latents(row[spare], parent[spare]))
            row, parent = _expand(self.observed, seen)
            spare = ~phase.observed.contains(row, parent)
            pairs.append(self._name_observed(row[spare], parent[spare]))
        return self._sort(pairs)

    def _name_latents(self, row: Integers, latent: Integers) -> Pairs:
        return row, self.order[latent]

    def _name_observed(self, row: Integers, seen: Integers) -> Pairs:
        return row, self.inverse.net.observed_index[seen]

    def _sort(self, pairs: list[Pairs]) -> list[tuple[int, int]]:
        """Sort pairs of a step and a variable by time, and name the latent of the step."""
        n = len(self.order)
        time = np.concatenate([n - 1 - row for row, _ in pairs])
        time, parent = sort_edges(time, np.concatenate([variable for _, variable in pairs]))
        child = self.order[n - 1 - time]
        return list(zip(parent.tolist(), child.tolist(), strict=True))

    def _require_few(self, count: int, what: str) -> None:
        if count > MOST_LISTED:
            raise SizeError(
                f"the inverse {what} {count:,} edges, more than the {MOST_LISTED:,} that may be listed",
                remedy="Use n_missing and n_removable.",
            )


def compare_with_needs(inverse: Inverse) -> Differences:
    """Compare the parents that an inverse states with the boundaries of components, one phase after another."""
    families = Families.of(inverse.net, inverse.elimination)
    net, n = inverse.net, families.n
    starts = [*families.starts, n - families.hidden + 1]
    phases = tuple(find_phase(families, net.place, *pair) for pair in itertools.pairwise(starts))
    latents, observed = _number_by_step(inverse, families.hidden)
    lacks, spares = _zeros(2, n), np.stack([latents.count(np.arange(n)), observed.count(np.arange(n))])
    for phase in phases:
        rows = phase.rows
        common = count_common(rows, latents, phase.needs)
        lacks[0][rows] = phase.n_latents - common
        spares[0][rows] -= common
        common = _count_common_observed(phase, observed, families.hidden)
        lacks[1][rows] = phase.n_observed - common
        spares[1][rows] -= common
    return Differences(inverse, families.order, phases, latents, observed, (lacks[0], lacks[1]), (spares[0], spares[1]))


def _zeros(*shape: int) -> Integers:
    return np.zeros(shape, dtype=np.int64)


def _number_by_step(inverse: Inverse, hidden: int) -> tuple[Slices, Slices]:
    """Return the latent and the observed parents that an inverse states for each step: none for hidden variables."""
    order, sets, none = inverse.elimination, inverse.sets, _zeros(hidden)
    step = np.empty_like(order)
    step[order] = hidden + np.arange(len(order))
    starts, stops = sets.latents.pointer[:-1][order], sets.latents.pointer[1:][order]
    latents = Slices(step[sets.latents.index], np.append(none, starts), np.append(none, stops))
    return latents, Slices(sets.walk, np.append(none, sets.start[order]), np.append(none, sets.stop[order]))


def _count_common_observed(phase: Phase, stated: Slices, hidden: int) -> Integers:
    """Return how many of the observed variables that each row needs are stated.

    All of them, if the slice that is stated holds a place of each variable hung up in the subtree. Where the places
    looked at do not show that, the shorter of both sets is written out, and the other is asked.
    """
    common = phase.n_observed.copy()
    lowest, highest = _find_places(phase, stated, hidden)
    doubtful = (lowest < stated.start[phase.rows]) | (highest >= stated.stop[phase.rows])
    fewer = stated.lengths[phase.rows] < phase.observed.lengths[phase.rows]
    for chosen, listed, asked in (fewer, stated, phase.observed), (~fewer, phase.observed, stated):
        chosen &= doubtful
        common[chosen] = count_common(phase.rows[chosen], listed, asked.contains)
    return common


def _find_places(phase: Phase, stated: Slices, hidden: int) -> Pairs:
    """Return for each row the first and the last place, in the stated walk, of what is hung up in its subtree.

    Of the places of a variable one in the slice of its own step is looked at, if there is one: where slices lie
    inside each other as in the inverse of an elimination, all slices above hold the same place. A hidden step has no
    slice: the first step above it that has one takes its part.
    """
    place = stated.find(_climb_from_hidden(phase.forest, hidden)[phase.hooks], phase.observed.walk)
    low, high = np.full(len(phase.forest), len(stated.walk)), _zeros(len(phase.forest)) - 1
    np.minimum.at(low, phase.hooks, place)
    np.maximum.at(high, phase.hooks, place)
    lowest, highest = low.tolist(), high.tolist()
    for step, above in enumerate(phase.forest.tolist()):  # what is above has a larger number
        if above >= 0:
            if lowest[step] < lowest[above]:
                lowest[above] = lowest[step]
            if highest[step] > highest[above]:
                highest[above] = highest[step]
    first = int(phase.rows[0])
    return np.array(lowest[first:], dtype=np.int64), np.array(highest[first:], dtype=np.int64)


def _climb_from_hidden(forest: Integers, hidden: int) -> Integers:
    """Return for each step itself, or the first one above it that is not hidden, if there is one.

    >>> _climb_from_hidden(np.array([1, 2, -1]), 2).tolist()
    [2, 2, 2]
    """
    reached = np.arange(len(forest))
    above = forest[:hidden].tolist()
    for step in range(len(above) - 1, -1, -1):  # what is above has a larger number
        if above[step] >= 0:
            reached[step] = reached[above[step]]
    return reached


def count_common(rows: Integers, listed: Slices, holds: Callable[[Integers, Integers], Mask]) -> Integers:
    """Return for each row how many values of its listed set hold, a part of the rows at a time.

    Raises `SizeError` when that would take more than `MOST_EDGES` steps.
    """
    lengths = listed.lengths[rows]
    _require_small(lengths)
    counts = np.zeros(len(rows), dtype=np.int64)
    for part in _part(lengths):
        row, value = listed.expand(rows[part])
        counts[part] = np.bincount(np.searchsorted(rows[part], row[holds(row, value)]), minlength=len(rows[part]))
    return counts


def _expand(slices: Slices, rows: Integers) -> Pairs:
    _require_small(slices.lengths[rows])
    return slices.expand(rows)


def _require_small(lengths: Integers) -> None:
    size = int(lengths.sum())
    if size > MOST_EDGES:
        raise SizeError(
            f"the parent sets can be compared only when they are written out, and have {size:,} entries, more than "
            f"{MOST_EDGES:,}",
            remedy="Counting and listing edges is quick for what invert() makes, and for smaller models.",
        )


def _part(lengths: Integers) -> Iterator[slice]:
    """Part a range so that the lengths in each part come to about `AT_ONCE`."""
    parts = np.cumsum(lengths) // AT_ONCE
    cuts = [0, *(np.flatnonzero(np.diff(parts)) + 1).tolist(), len(lengths)]
    yield from (slice(start, stop) for start, stop in itertools.pairwise(cuts) if stop > start)
