"""The best order of a few latents that are tied to each other by constraints: dynamic programming over sets.

Ties reach across parts of the model, so nothing can be split or peeled. What the next latent costs depends on the
set that is gone, not on its order, so the best way to each set follows from those to the sets one smaller:

    best(S) = min over v in S of  best(S - v) + cost of v when S - v is gone

(or the larger of both instead of the sum). Only sets that respect the constraints are met. The depth does depend on
the order of what is gone, by the heights of its connected components alone: the next latent stands on those that it
touches. So each set keeps all ways to it of which none is at least as low as another in every component.

Source: Bodlaender, Fomin, Koster, Kratsch & Thilikos, On exact algorithms for treewidth, 2012, section 3.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass
from functools import cache
from itertools import pairwise
from operator import add

from retrodict.invert.bits import list_bits, pack_bits
from retrodict.invert.constraints import Constraints
from retrodict.invert.search.components import Part, split
from retrodict.invert.search.exact import TooManySetsError

COMBINE: dict[str, Callable[[int, int], int]] = {"edges": add, "width": max}


def order_exactly_tied(part: Part, minimize: str, constraints: Constraints, *, most_sets: int) -> list[int]:
    """Return the order of fewest edges, least depth or least width among those that respect the constraints.

    Raises `TooManySetsError` when more sets respect them than allowed, or there are more ways to them.

    >>> import retrodict as rd
    >>> path = Part((0, 1, 2), (0b010, 0b101, 0b010), (0, 0, 0))
    >>> net = rd.BayesNet({0: [], 1: [0], 2: [1], 3: [2]}, observed=[3])
    >>> order_exactly_tied(path, "edges", Constraints(net, sequences=((1, 0),)), most_sets=10)
    [2, 1, 0]
    """
    rules = _Rules(part, constraints)
    if minimize == "depth":
        return _order_by_depth(part, rules, most_sets)
    return _order_by_cost(part, rules, COMBINE[minimize], most_sets)


def _order_by_cost(part: Part, rules: _Rules, combine: Callable[[int, int], int], most_sets: int) -> list[int]:
    layers: list[dict[int, tuple[int, int]]] = [{0: (0, -1)}]
    for _ in range(len(part)):
        layer: dict[int, tuple[int, int]] = {}
        for gone, (value, _) in layers[-1].items():
            for v in rules.list_next(gone):
                reached = gone | 1 << v
                total = combine(value, find_column(part.near, gone, v).bit_count())
                if reached not in layer or (total, v) < layer[reached]:
                    layer[reached] = (total, v)
            if len(layer) > most_sets:
                raise TooManySetsError
        most_sets -= len(layer)
        layers.append(layer)
    gone, order = part.all, []
    for layer in reversed(layers[1:]):
        v = layer[gone][1]
        order.append(v)
        gone ^= 1 << v
    return order[::-1]


@dataclass(frozen=True)
class _Way:
    """An order of a set that is gone: what went ``last``, and the way ``before`` it.

    ``heights`` are the depth of what no latent left can touch, and that of each other component of the set.
    """

    heights: tuple[int, ...] = (0,)
    last: int = -1
    before: _Way | None = None

    def list_latents(self) -> list[int]:
        """Return the order."""
        order, way = [], self
        while way.before is not None:
            order.append(way.last)
            way = way.before
        return order[::-1]

    def is_as_low(self, other: _Way) -> bool:
        """Whether this way is at least as good for whatever comes."""
        return all(mine <= theirs for mine, theirs in zip(self.heights, other.heights, strict=True))


def _order_by_depth(part: Part, rules: _Rules, most_sets: int) -> list[int]:
    @cache
    def list_open(gone: int) -> list[int]:
        """Return the components of a set that is gone which some latent left touches."""
        return [component for component, around in split(part.near, gone) if around & part.all]

    layer: dict[int, list[_Way]] = {0: [_Way()]}
    for _ in range(len(part)):
        following: dict[int, list[_Way]] = {}
        for gone, ways in layer.items():
            for v in rules.list_next(gone):
                reached = gone | 1 << v
                longer = _go_on(part, v, list_open(gone), list_open(reached), ways)
                _keep_lowest(following.setdefault(reached, []), longer)
            most_left = most_sets - sum(map(len, following.values()))
            if most_left < 0:
                raise TooManySetsError
        most_sets, layer = most_left, following
    return layer[part.all][0].list_latents()


def _go_on(part: Part, v: int, components: list[int], later: list[int], ways: Sequence[_Way]) -> Iterator[_Way]:
    """Give the ways on which a latent goes next, from the open components that there are to those there will be."""
    touched = [i for i, component in enumerate(components, 1) if part.near[v] & component]
    kept = [1 + components.index(component) if component in components else 0 for component in later]
    for way in ways:
        height = 1 + max([part.tails[v], *(way.heights[i] for i in touched)])
        closed = way.heights[0] if 0 in kept else max(way.heights[0], height)
        yield _Way((closed, *(way.heights[i] if i else height for i in kept)), v, way)


def _keep_lowest(ways: list[_Way], new: Iterable[_Way]) -> None:
    """Add ways to a set to those known, and leave out which have another at least as low."""
    for way in new:
        if not any(old.is_as_low(way) for old in ways):
            ways[:] = [*(old for old in ways if not way.is_as_low(old)), way]


def find_column(near: Sequence[int], gone: int, v: int) -> int:
    """Return the neighbors of a latent when a set of others is eliminated: those it reaches through the set."""
    reached = near[v]
    waiting = reached & gone
    passed = 1 << v
    while waiting:
        low = waiting & -waiting
        passed |= low
        reached |= near[low.bit_length() - 1]
        waiting = reached & gone & ~passed
    return reached & ~gone & ~(1 << v)


class _Rules:
    """Constraints as sets of latents of a part."""

    def __init__(self, part: Part, constraints: Constraints) -> None:
        place = {v: i for i, v in enumerate(part.variables)}
        self.all = part.all
        self.groups = [pack_bits(place[v] for v in group) for group in constraints.together]
        self.before = [0] * len(part)
        for sequence in (*constraints.sequences, constraints.first, constraints.last):
            for one, other in pairwise(sequence):
                self.before[place[other]] |= 1 << place[one]
        first, last = (pack_bits(place[v] for v in row) for row in (constraints.first, constraints.last))
        for v in range(len(part)):
            if not first >> v & 1:
                self.before[v] |= first
            if last >> v & 1:
                self.before[v] |= part.all & ~last

    def list_next(self, gone: int) -> Iterator[int]:
        """Iterate over the latents that may go next: of a group that is begun the rest comes first."""
        allowed = self.all & ~gone
        for group in self.groups:
            if group & gone and group & ~gone:
                allowed &= group
        return (v for v in list_bits(allowed) if not self.before[v] & ~gone)
