"""Patterns spread out at given sizes: pairs of a child and its parents, made by NumPy alone."""

from __future__ import annotations

import itertools
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, replace

import numpy as np

from retrodict.errors import SizeError
from retrodict.graph.inverse import MOST_EDGES
from retrodict.graph.rows import Integers, spread
from retrodict.lift.patterns.pattern import Pattern, RunEnd, split_signs
from retrodict.lift.templates.template_grounding import Grounding

Pairs = tuple[Integers, Integers]
Bounds = tuple[Integers, Integers]


@dataclass(frozen=True)
class PatternRows:
    """The patterns of one latent at given sizes.

    ``gaps`` are for each time the first and the last time of the gap that it is drawn in, for a series in halves.
    """

    grounding: Grounding
    name: str
    gaps: Bounds | None = None

    def expand(self, pattern: Pattern, children: Integers) -> Pairs:
        """Return the pairs of the place of a child among ``children`` and of an instance that is its parent.

        Raises `SizeError` for more pairs than can be written out.
        """
        parts = [self._expand_box(box, children) for box in split_pattern(pattern)]
        return np.concatenate([place for place, _ in parts]), np.concatenate([parent for _, parent in parts])

    def _expand_box(self, pattern: Pattern, children: Integers) -> Pairs:
        bounds = self._find_bounds(pattern, self.grounding.unravel(self.name, children), len(children))
        lengths = [np.maximum(high - low + 1, 0) for low, high in bounds.values()]
        total = int(np.prod(np.array(lengths, dtype=np.float64).reshape(len(lengths), len(children)), axis=0).sum())
        if total > MOST_EDGES:
            dims, time = self.grounding.dims[pattern.name], self.grounding.time
            raise SizeError(
                f"the parents {pattern.write(dims, time)} of {{names}} come to {total:,} edges at these sizes, more "
                f"than the {MOST_EDGES:,} that may be written out",
                [self.name],
                remedy="Give smaller sizes.",
            )
        place = np.arange(len(children))
        parent = np.full(len(children), self.grounding.starts[pattern.name])
        strides = self.grounding.find_strides(pattern.name)
        for (low, _), length, stride in zip(bounds.values(), lengths, strides, strict=True):
            parent = np.repeat(parent, length[place]) + stride * spread(low[place], length[place])
            place = np.repeat(place, length[place])
        return place, parent

    def _find_bounds(self, pattern: Pattern, at: Mapping[str, Integers], n: int) -> dict[str, Bounds]:
        """Return along each dim of the parent the first and the last index that is meant, for each child."""
        signs, bounds = dict(pattern.cells), {}
        for dim in self.grounding.dims[pattern.name]:
            last = self.grounding.sizes[dim] - 1
            if dim == self.grounding.time and pattern.run is not None:
                low, high = (self._find_time(end, at.get(dim), n) for end in pattern.run)
            else:
                low, high = _find_cell(signs.get(dim), at.get(dim), last, n)
            bounds[dim] = np.maximum(low, 0), np.minimum(high, last)
        return bounds

    def _find_time(self, end: RunEnd, t: Integers | None, n: int) -> Integers:
        if end.base in ("0", "T") or t is None:
            last = self.grounding.sizes[self.grounding.time or ""] - 1
            return np.full(n, end.offset + (last if end.base == "T" else 0))
        if end.base == "t" or self.gaps is None:
            return t + end.offset
        return self.gaps[end.base == "h"][t] + end.offset


def _find_cell(signs: frozenset[int] | None, own: Integers | None, last: int, n: int) -> Bounds:
    if signs is None or own is None:
        return np.zeros(n, dtype=np.int64), np.full(n, last)
    low = np.zeros(n, dtype=np.int64) if -1 in signs else own + (0 if 0 in signs else 1)
    high = np.full(n, last) if 1 in signs else own - (0 if 0 in signs else 1)
    return low, high


def split_pattern(pattern: Pattern) -> Iterable[Pattern]:
    """Return a pattern as several, of which each means one stretch of indices along each plate."""
    sides = [[(dim, part) for part in split_signs(signs)] for dim, signs in pattern.cells]
    return [replace(pattern, cells=cells) for cells in itertools.product(*sides)]
