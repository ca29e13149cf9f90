r"""How many pairs of neighbors elimination of a latent would join, kept up to date and not counted again.

After v is eliminated its neighbors N are joined, so of the neighbors of a latent u in N only those outside N,
X, still miss anybody:

.. math:: \mathrm{fill}(u) = \sum_{x \in X} (|N \setminus N(x)| + \tfrac{1}{2} |X \setminus N(x)|)

A latent outside N loses the new edges among its neighbors. Pairs with an observed variable are counted by
groups when a score is asked for; pairs of observed variables cost nothing.
"""

from __future__ import annotations

from retrodict.invert.engine.algebra import Numbers
from retrodict.invert.engine.scratch import Scratch


class FillCount:
    """The number of neighboring pairs of latents not joined, for each cell that somebody asked about."""

    def __init__(self, graph: Scratch) -> None:
        self.graph = graph
        self.unjoined: dict[int, int] = {}

    def score(self, cell: int) -> int:
        """Return the fill of a latent of this cell."""
        if cell not in self.unjoined:
            self.unjoined[cell] = self._count_unjoined(cell)
        return self.unjoined[cell] + self._count_unseen(cell)

    def _count_unjoined(self, cell: int) -> int:
        graph, near = self.graph, self.graph.closed[cell]
        lack, closed, size = graph.algebra.lack, graph.closed, graph.size
        return sum([size[a] * lack(near, closed[a]) for a in graph.each_cell(near)]) // 2

    def _count_unseen(self, cell: int) -> int:
        graph, near = self.graph, self.graph.closed[cell]
        lack, weight, having = graph.algebra.lack, graph.weight, graph.having
        return sum([weight[g] * lack(near, having[g]) for g in graph.groups[cell]])

    def foresee(self, cell: int, near: Numbers) -> dict[int, int]:
        """Return how many pairs each cell outside ``near`` has the less when these latents are joined."""
        if self.unjoined[cell] == 0:
            return {}
        graph = self.graph
        minus, closed, size = graph.algebra.minus, graph.closed, graph.size
        new = {a: minus(near, closed[a]) for a in graph.each_cell(near)}
        new = {a: pairs for a, pairs in new.items() if pairs}
        around = graph.algebra.empty
        for a in new:
            around = around | closed[a]
        fewer = {}
        for u in graph.each_cell(minus(around, near)):
            if u in self.unjoined and u != cell:
                common = closed[u] & near
                pairs = sum(
                    [size[a] * graph.algebra.size(new[a] & common) for a in graph.each_cell(common) if a in new]
                )
                if pairs:
                    fewer[u] = pairs // 2
        return fewer

    def recount(self, touched: list[int], near: Numbers) -> None:
        """Count the pairs of these cells of ``near`` anew, after its latents have been joined."""
        graph = self.graph
        minus, lack, closed, size = graph.algebra.minus, graph.algebra.lack, graph.closed, graph.size
        missing: dict[int, int] = {}
        for u in touched:
            if u not in self.unjoined:
                continue
            outer = minus(closed[u], near)
            twice = 0
            if outer:
                for x in graph.each_cell(outer):
                    if x not in missing:
                        missing[x] = 2 * lack(near, closed[x])
                    twice += size[x] * (missing[x] + lack(outer, closed[x]))
            self.unjoined[u] = twice // 2
