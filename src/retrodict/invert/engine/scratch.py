"""The graph of the latents during elimination, with latents that cannot be told apart held together.

Two latents with the same neighbors, each other included, and the same observed ones, stay alike whatever is
eliminated, so they share one set of neighbors and one score: a *cell*, named by one of its first latents.
Every cell has the set of its latents and their neighbors. Observed variables are there as groups, each with
the set of latents that have it; when all latents of two groups are joined, the groups become one.

Source: George & Liu 1989, The evolution of the minimum degree ordering algorithm (indistinguishable nodes).
"""

from __future__ import annotations

from collections.abc import Callable, Iterable

from retrodict.invert.engine.algebra import Algebra, Numbers
from retrodict.invert.engine.latentgraph import LatentGraph

Merge = Callable[[int, int], None]


class Scratch:
    """Cells and groups, and what elimination does to them. ``on_merge`` hears which cell goes into which other."""

    def __init__(self, graph: LatentGraph, algebra: Algebra) -> None:
        m = len(graph)
        self.algebra = algebra
        self.closed: list[Numbers] = [algebra.pack([v, *row]) for v, row in enumerate(graph.neighbors.to_lists())]
        self.cell_of = list(range(m))
        self.size = [1] * m
        self.groups: list[frozenset[int]] = [frozenset(row) for row in graph.groups.to_lists()]
        self.weight: list[int] = graph.weights.tolist()
        self.load = [sum([self.weight[g] for g in groups]) for groups in self.groups]  # observed neighbors of each
        self.having: list[Numbers] = [algebra.pack(row) for row in graph.members.to_lists()]
        self._marker = list(range(m))  # one latent of each cell
        self._markers = algebra.gather(range(m))
        self._alike: dict[int, dict[int, None]] = {}  # the latents of cells that have several

    def change_algebra(self, algebra: Algebra) -> None:
        """Hold the same sets in another form."""
        each = self.algebra.each
        self.closed = [algebra.pack(each(near)) for near in self.closed]
        self.having = [algebra.pack(each(having)) for having in self.having]
        self._markers = algebra.gather(each(self._markers))
        self.algebra = algebra

    def each_cell(self, latents: Numbers) -> list[int]:
        """List the cells of these latents; they hold a cell as a whole or not at all."""
        cell_of = self.cell_of
        return [cell_of[v] for v in self.algebra.each(latents & self._markers)]

    def count_degree(self, cell: int) -> int:
        """Return how many parents a latent of this cell would have now."""
        return self.algebra.size(self.closed[cell]) - 1 + self.load[cell]

    def eliminate(self, v: int) -> tuple[Numbers, list[int]]:
        """Take a latent out and join its neighbors; return them and their cells."""
        cell, minus = self.cell_of[v], self.algebra.minus
        gone = self.algebra.pack([v])
        near = minus(self.closed[cell], gone)
        self._leave(cell, v)
        touched = self.each_cell(near)
        mine = self.groups[cell]
        kept = self._join_groups(mine, near, gone)
        kept_load = sum([self.weight[g] for g in kept])
        closed, groups, load, merge = self.closed, self.groups, self.load, self.algebra.merge
        for u in touched:
            closed[u] = merge(closed[u], near, gone)
            theirs = groups[u]
            if theirs <= mine:
                groups[u], load[u] = kept, kept_load
            else:
                groups[u] = (theirs - mine) | kept
                load[u] = sum([self.weight[g] for g in groups[u]])
        return near, touched

    def _leave(self, cell: int, v: int) -> None:
        """Take a latent out of its cell; if others are left, one of them marks it now."""
        self.size[cell] -= 1
        alike = self._alike.get(cell)
        if alike is None:
            self._markers = self.algebra.drop(self._markers, v)
            return
        del alike[v]
        if self._marker[cell] == v:
            self._marker[cell] = next(iter(alike))
            self._markers = self.algebra.add(self.algebra.drop(self._markers, v), self._marker[cell])
        if len(alike) == 1:
            del self._alike[cell]

    def _join_groups(self, mine: frozenset[int], near: Numbers, gone: Numbers) -> frozenset[int]:
        """Give the groups of an eliminated latent to all its neighbors; return those left of them."""
        kept, whole = [], -1
        for g in sorted(mine):
            having = self.algebra.minus(self.having[g] | near, gone)
            if having == near and whole >= 0:
                self.weight[whole] += self.weight[g]
                continue
            if having == near:
                whole = g
            self.having[g] = having
            kept.append(g)
        return mine if len(kept) == len(mine) else frozenset(kept)

    def merge_alike(self, cells: Iterable[int], on_merge: Merge) -> list[int]:
        """Put cells that cannot be told apart together; return those that are left of them."""
        first: dict[tuple[Numbers, frozenset[int]], int] = {}
        left = []
        for cell in cells:
            other = first.setdefault((self.closed[cell], self.groups[cell]), cell)
            if other == cell:
                left.append(cell)
            else:
                self._merge(cell, other)
                on_merge(cell, other)
        return left

    def _merge(self, cell: int, into: int) -> None:
        moved = self._alike.pop(cell, None) or {self._marker[cell]: None}
        self._alike.setdefault(into, {self._marker[into]: None}).update(moved)
        for v in moved:
            self.cell_of[v] = into
        self.size[into] += self.size[cell]
        self._markers = self.algebra.drop(self._markers, self._marker[cell])
