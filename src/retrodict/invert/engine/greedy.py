"""Greedy elimination: of the latents that may go next, take the one with the lowest score.

Its score is its *degree*, the number of parents it would get, or its *fill*, the number of pairs of neighbors
that its elimination would newly join. Pairs of observed variables cost nothing: no edge of an inverse ends in an
observed variable, so none is added there. Ties go to the latent that became eligible most recently, then the smallest
number: that keeps working in one corner of the graph, where few latents are touched.

Sources: Koller & Friedman, section 9.4.3.2 (greedy ordering); George & Liu 1989 (minimum degree).
"""

from __future__ import annotations

import math
from heapq import heapify, heappop, heappush

from retrodict.invert.engine.algebra import Algebra, Bits, Sets
from retrodict.invert.engine.arborescence import (
    Rule,
    find_arborescence,
    has_few_kinds,
    order_children_first,
    order_parents_first,
)
from retrodict.invert.engine.fill import FillCount
from retrodict.invert.engine.latentgraph import Direction, LatentGraph, Ordering, Precedence
from retrodict.invert.engine.quotient import Quotient
from retrodict.invert.engine.scratch import Scratch

# A Python set takes some 20 ns an element, a big integer some 20 ps a bit, in the set or not, and that for every cell.
SPARSEST, MOST_BITS_A_SET = 200, 50_000
# The quotient graph holds about three sets of bits for each latent: 100 MB for this many variables.
MOST_IN_QUOTIENT = 30_000

Entry = tuple[int, int, int, int]  # score, minus the step since which it may go, the signed latent, its cell


def order_greedily(
    graph: LatentGraph,
    precedence: Precedence,
    rule: Rule,
    direction: Direction | None = None,
    most_edges: float = math.inf,
) -> Ordering | None:
    """Return the latents in greedy order; None as soon as this takes more than ``most_edges``.

    With a ``direction``, trees and chains take the fast lane; by degree, models of moderate size the quotient graph.
    """
    if len(graph) == 0:
        return Ordering([], 0)
    forest = find_arborescence(graph, precedence, direction) if direction else None
    if forest and direction == "reverse":
        return order_children_first(forest, rule, most_edges)
    if forest and has_few_kinds(forest, rule):
        return order_parents_first(forest, rule, most_edges)
    if rule == "degree" and graph.n_variables <= MOST_IN_QUOTIENT:
        return Quotient(graph.adjacency, precedence).run(most_edges)
    engine = Greedy(graph, precedence, rule, choose_algebra(graph), from_end=direction == "forward")
    return engine.run(most_edges)


def choose_algebra(graph: LatentGraph) -> Algebra:
    """Return the better form of sets to begin with: bits when small or dense."""
    m = len(graph)
    return Bits() if m <= 2_000 or pays_in_bits(m, len(graph.neighbors.index) // m) else Sets()


def pays_in_bits(m: int, size: int) -> bool:
    """Say whether sets of this size among ``m`` latents are handled faster as bits, and in tolerable space."""
    return size > m // SPARSEST and m <= MOST_BITS_A_SET


class Greedy:
    """One run of greedy elimination.

    ``from_end`` numbers the latents from the other end inside: where the first numbers go first, the big integers
    that stand for what is left get shorter with every step.
    """

    def __init__(
        self, graph: LatentGraph, precedence: Precedence, rule: Rule, algebra: Algebra, *, from_end: bool = False
    ) -> None:
        if from_end:
            graph, precedence = graph.flip(), precedence.flip()
        self.sign = -1 if from_end else 1
        self.recent = 0.0  # how many neighbors those eliminated lately had
        self.graph = Scratch(graph, algebra)
        self.waiting: list[int] = precedence.waiting.tolist()
        self.released = precedence.released.lists
        self.fill = FillCount(self.graph) if rule == "fill" else None
        self.ready: dict[int, list[tuple[int, int]]] = {}  # of each cell the latents that may go, a heap
        self.posted: dict[int, Entry] = {}
        self.heap: list[Entry] = []
        self.order: list[int] = []

    def run(self, most_edges: float = math.inf) -> Ordering | None:
        """Eliminate all latents and return them in order; None as soon as this takes too many edges."""
        n_edges = 0
        graph = self.graph
        graph.merge_alike(range(len(self.waiting)), self._merge)
        self._admit([v for v, count in enumerate(self.waiting) if count == 0])
        while len(self.order) < len(self.waiting):
            _, _, signed, cell = self._pop()
            v = self.sign * signed
            n_edges += self.graph.count_degree(cell)
            if n_edges > most_edges:
                return None
            self.order.append(v)
            heappop(self.ready[cell])
            changed = self._eliminate(v, cell)
            if self.ready.get(cell) == []:
                self._forget(cell)
            for u in changed:
                if u in self.ready:
                    self._post(u)
            self._admit(self._release(v))
        last = len(self.order) - 1
        return Ordering([last - v for v in self.order] if self.sign < 0 else self.order, n_edges)

    def _eliminate(self, v: int, cell: int) -> list[int]:
        """Eliminate a latent; return the cells whose score may have changed."""
        graph, fill = self.graph, self.fill
        self._consider_bits(graph.algebra.size(graph.closed[cell]))
        if fill is None:
            _, touched = graph.eliminate(v)
            return graph.merge_alike(touched, self._merge)
        groups = graph.groups[cell]
        near = graph.algebra.minus(graph.closed[cell], graph.algebra.pack([v]))
        fewer = fill.foresee(cell, near)
        near, touched = graph.eliminate(v)
        fill.recount(touched, near)
        for u, pairs in fewer.items():
            fill.unjoined[u] -= pairs
        seeing = graph.algebra.empty
        for g in groups:
            seeing = seeing | graph.having[g]
        outside = graph.each_cell(graph.algebra.minus(seeing, near))
        return [*graph.merge_alike(touched, self._merge), *outside, *fewer]

    def _consider_bits(self, size: int) -> None:
        """Go over to bits once the sets have become large for long enough."""
        self.recent += (size - self.recent) / 64
        if isinstance(self.graph.algebra, Sets) and pays_in_bits(len(self.waiting), int(self.recent)):
            self.graph.change_algebra(Bits())

    def _release(self, v: int) -> list[int]:
        freed = []
        for u in self.released[v]:
            self.waiting[u] -= 1
            if self.waiting[u] == 0:
                freed.append(u)
        return freed

    def _admit(self, latents: list[int]) -> None:
        """Let these latents go from now on."""
        step = len(self.order)
        cells = {self.graph.cell_of[v]: None for v in latents}
        for v in latents:
            heappush(self.ready.setdefault(self.graph.cell_of[v], []), (-step, self.sign * v))
        for cell in cells:
            self._post(cell)

    def _post(self, cell: int) -> None:
        """Put the latent of a cell that would go first on the heap, with its score."""
        score = self.fill.score(cell) if self.fill else self.graph.count_degree(cell)
        entry = (score, *self.ready[cell][0], cell)
        if self.posted.get(cell) != entry:
            self.posted[cell] = entry
            heappush(self.heap, entry)

    def _pop(self) -> Entry:
        while True:
            entry = heappop(self.heap)
            if self.posted.get(entry[3]) == entry:
                del self.posted[entry[3]]
                return entry

    def _merge(self, cell: int, into: int) -> None:
        """Put the latents of a cell that may go to those of another."""
        ready = self.ready.get(cell)
        if ready:
            if into in self.ready:
                self.ready[into].extend(ready)
                heapify(self.ready[into])
            else:
                self.ready[into] = ready
                if self.fill:
                    self.fill.unjoined[into] = self.fill.unjoined[cell]
        self._forget(cell)

    def _forget(self, cell: int) -> None:
        """Forget the score of a cell that has nobody who may go."""
        self.ready.pop(cell, None)
        self.posted.pop(cell, None)
        if self.fill:
            self.fill.unjoined.pop(cell, None)
