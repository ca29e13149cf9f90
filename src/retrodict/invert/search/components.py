"""Parts of a model that can be ordered each by itself, as graphs of bit masks.

Latents that no path of latents joins never meet during elimination, so edges and stored sets add up over the
connected components of the latents, and depth and width are the largest of any component. Observed variables,
and latents that are eliminated after all others, stay: to a part they are one clique of lookers-on.

A set of latents is a Python integer: intersection, union and size are single operations on machine words.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass

from retrodict.invert.bits import list_bits, pack_bits
from retrodict.invert.constraints import Constraints
from retrodict.invert.problem import Problem

# Sets of bits take this many bits at most, 125 MB.
MOST_BITS = 1_000_000_000


class TooManyBitsError(Exception):
    """The sets of neighbors of these variables, ``args``, would take more than ``MOST_BITS`` bits."""


@dataclass(frozen=True)
class Part:
    """A connected set of latents to order: ``variables`` are their numbers in the model.

    Bit ``j`` of ``near[i]`` says that ``i`` and ``j`` are neighbors; bits from ``len(near)`` on stand for variables
    that stay. ``tails`` are the lengths of the barren chains below each latent, which count in the depth only.
    """

    variables: tuple[int, ...]
    near: tuple[int, ...]
    tails: tuple[int, ...]

    def __len__(self) -> int:
        return len(self.near)

    @property
    def all(self) -> int:
        """The set of all latents of the part."""
        return (1 << len(self.near)) - 1

    def to_variables(self, order: Iterable[int]) -> list[int]:
        """Return an order of the part in numbers of the model."""
        return [self.variables[i] for i in order]

    def restrict(self, order: Iterable[int]) -> list[int]:
        """Return where an order of the whole model takes the latents of the part."""
        place = {v: i for i, v in enumerate(self.variables)}
        return [place[v] for v in order if v in place]


def fall_apart(problem: Problem, constraints: Constraints) -> list[Part]:
    """Return the parts of what lies between a fixed beginning and end of the order.

    Raises `TooManyBitsError` for a part that is too large for sets of bits.

    >>> import retrodict as rd
    >>> problem = Problem.of(rd.BayesNet({"a": [], "b": [], "c": ["a"], "d": ["b"]}, observed=["c", "d"]))
    >>> [part.variables for part in fall_apart(problem, Constraints(problem.net))]
    [(0,), (1,)]
    """
    near, tails = _eliminate_first(problem, constraints.first)
    staying = set(constraints.last)
    seen = problem.net.is_observed.tolist()
    parts = []
    free = dict.fromkeys(v for v in problem.latents.tolist() if v in near and v not in staying)
    while free:
        start = next(iter(free))
        del free[start]
        found = [start]
        for v in found:  # the list grows while it is read
            for u in near[v]:
                if u in free:
                    del free[u]
                    found.append(u)
        parts.append(_mask(sorted(found), near, tails, seen))
    return parts


def join(problem: Problem) -> Part:
    """Return all latents of a problem as if they were one part, to order them together.

    Raises `TooManyBitsError` where they are too many for sets of bits.
    """
    rows = problem.neighbors.lists
    near = {v: set(rows[v]) for v in problem.latents.tolist()}
    return _mask(problem.latents.tolist(), near, problem.tails, problem.net.is_observed.tolist())


def _eliminate_first(problem: Problem, first: Sequence[int]) -> tuple[dict[int, set[int]], list[int]]:
    """Return the neighbors of each latent left when the fixed beginning is eliminated, and all tails.

    What is eliminated first is sampled below its neighbors, so it makes their tails longer.
    """
    rows, tails = problem.neighbors.lists, list(problem.tails)
    near = {v: set(rows[v]) for v in problem.latents.tolist()}
    for v in first:
        around = near.pop(v)
        for u in around:
            if u in near:
                near[u] |= around
                near[u] -= {u, v}
                tails[u] = max(tails[u], 1 + tails[v])
    return near, tails


def _mask(variables: list[int], near: dict[int, set[int]], tails: list[int], seen: list[bool]) -> Part:
    inside = set(variables)
    outside = sorted({u for v in variables for u in near[v]} - inside, key=lambda u: (seen[u], u))
    if len(variables) * (len(variables) + len(outside)) > MOST_BITS:
        raise TooManyBitsError(*variables)
    place = {v: i for i, v in enumerate([*variables, *outside])}
    masks = tuple(pack_bits(place[u] for u in near[v]) for v in variables)
    return Part(tuple(variables), masks, tuple(tails[v] for v in variables))


def split(near: Sequence[int], latents: int) -> list[tuple[int, int]]:
    """Return the connected components of a set of latents, each with the set of all its neighbors outside.

    >>> split([0b0010, 0b0101, 0b1010, 0b0100], 0b1011)  # a path of four without its third
    [(3, 4), (8, 4)]
    """
    components = []
    while latents:
        frontier = latents & -latents
        found, around = frontier, 0
        while frontier:
            low = frontier & -frontier
            frontier ^= low
            neighbors = near[low.bit_length() - 1]
            around |= neighbors
            new = neighbors & latents & ~found
            found |= new
            frontier |= new
        latents &= ~found
        components.append((found, around & ~found))
    return components


def peel(part: Part) -> tuple[list[int], int]:
    """Return the latents that may be eliminated first without loss, in order, and the set of those left.

    A latent whose neighbors are pairwise joined (those that stay count as joined) is simplicial: some
    triangulation of fewest edges, and one of least width, eliminates it first. For the depth this does not hold.

    Source: Bodlaender & Koster, Safe separators for treewidth, 2006; Rose, Tarjan & Lueker 1976.

    >>> peel(Part((0, 1, 2), (0b1010, 0b1101, 0b1010), (0, 0, 0)))  # a path of three that all see the same
    ([0, 1, 2], 0)
    """
    far = [~(mask | 1 << v) for v, mask in enumerate(part.near)]
    first: dict[int, int] = {}
    twins = [first.setdefault(mask, v) for v, mask in enumerate(far)]  # of those that see the same, one is asked
    unjoined = [0] * len(part)  # two neighbors of each latent that are not joined: as long as both are left, it stays
    peeled: list[int] = []
    gone, waiting = 0, part.all
    while waiting:
        low = waiting & -waiting
        waiting ^= low
        v = low.bit_length() - 1
        if unjoined[v] and not unjoined[v] & gone:
            continue
        around = part.near[v] & ~gone
        inside = around & part.all
        asked = {twins[u]: u for u in list_bits(inside)}.values()
        unjoined[v] = _find_unjoined(around, asked, far)
        if not unjoined[v]:
            peeled.append(v)
            gone |= low
            waiting |= inside
    return peeled, part.all & ~gone


def _find_unjoined(around: int, asked: Iterable[int], far: Sequence[int]) -> int:
    """Return two of these variables that are not neighbors, one of them among those asked; 0 where there are none."""
    for u in asked:
        lacking = around & far[u]
        if lacking:
            return 1 << u | 1 << (lacking.bit_length() - 1)
    return 0
