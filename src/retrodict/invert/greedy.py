"""Greedy elimination: of the latents that may go next, take the one that adds the fewest edges.

The fill of a latent is the number of pairs of its neighbours that its elimination would newly join. Pairs of
observed variables cost nothing: no edge of an inverse ends in an observed variable, so none is added there.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass, field
from heapq import heappop, heappush
from itertools import combinations

from retrodict.graph.bayesnet import BayesNet
from retrodict.graph.rows import Rows


@dataclass
class Frontier:
    """Latents that may be eliminated next: those whose upstream latents are all gone.

    ``waiting`` counts for each latent its upstream latents still there; ``downstream`` lists whom to tell.
    """

    waiting: list[int]
    downstream: list[list[int]]

    def start(self, latents: Iterable[int]) -> list[int]:
        """Return the latents that wait for nobody."""
        return [v for v in latents if self.waiting[v] == 0]

    def release(self, eliminated: int) -> list[int]:
        """Return the latents that waited for this one last."""
        freed = []
        for v in self.downstream[eliminated]:
            self.waiting[v] -= 1
            if self.waiting[v] == 0:
                freed.append(v)
        return freed


@dataclass
class _Scratch:
    """The graph during elimination: neighbours of each latent, and a heap of who may go next.

    Of latents with equal fill the one that became eligible last goes first, then the smallest number: that
    keeps working in one corner of the graph, where few latents are touched.
    """

    latents: dict[int, set[int]]
    observed: dict[int, set[int]]
    born: dict[int, int] = field(default_factory=dict)
    fill: dict[int, int] = field(default_factory=dict)
    heap: list[tuple[int, int, int]] = field(default_factory=list)

    def admit(self, v: int, step: int) -> None:
        self.born[v] = step
        self.score(v)

    def score(self, v: int) -> None:
        fill = self.count_fill(v)
        if self.fill.get(v) != fill:
            self.fill[v] = fill
            heappush(self.heap, (fill, -self.born[v], v))

    def count_fill(self, v: int) -> int:
        near, seen = self.latents[v], self.observed[v]
        unjoined = sum(b not in self.latents[a] for a, b in combinations(near, 2))
        return unjoined + sum(len(seen - self.observed[a]) for a in near)

    def pop(self) -> int:
        while True:
            fill, _, v = heappop(self.heap)
            if self.fill.get(v) == fill:
                del self.fill[v]
                return v

    def eliminate(self, v: int) -> set[int]:
        """Join the neighbours of a latent, remove it, and return the latents whose fill may have changed."""
        near, seen = self.latents.pop(v), self.observed.pop(v)
        changed = set(near)
        for a in near:
            mine = self.latents[a]
            mine.discard(v)
            new = near - mine - {a}
            if new or not seen <= self.observed[a]:
                changed |= mine
            mine |= new
            self.observed[a] |= seen
        return changed


def order_greedily(net: BayesNet, neighbours: Rows, latents: Iterable[int], frontier: Frontier) -> list[int]:
    """Return these latents in greedy order of elimination, restricted at every step to the frontier."""
    chosen = list(latents)
    rows = {v: neighbours[v].tolist() for v in chosen}
    graph = _Scratch(
        {v: {u for u in row if not net.is_observed[u]} for v, row in rows.items()},
        {v: {u for u in row if net.is_observed[u]} for v, row in rows.items()},
    )
    for v in frontier.start(chosen):
        graph.admit(v, step=0)
    order: list[int] = []
    while len(order) < len(chosen):
        v = graph.pop()
        order.append(v)
        for u in graph.eliminate(v) & graph.fill.keys():
            graph.score(u)
        for u in frontier.release(v):
            graph.admit(u, step=len(order))
    return order
