"""What every search for an order starts from: the moral graph of the latents that have to be eliminated."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from functools import cached_property

import numpy as np

from retrodict.graph.ancestry import find_ancestors
from retrodict.graph.bayesnet import BayesNet, HasStructure, structure_of
from retrodict.graph.borders import Borders
from retrodict.graph.elimination import Elimination, eliminate
from retrodict.graph.inverse import Inverse
from retrodict.graph.moral import moralize
from retrodict.graph.parentsets import ParentSets
from retrodict.graph.rows import Integers, Mask, Rows
from retrodict.invert.asked.asked_roles import Roles
from retrodict.invert.asked.integrated import integrate_out, order_hidden


@dataclass(frozen=True, eq=False)
class Problem:
    """A model without its barren latents: ``latents`` are to be ordered, ``neighbors`` is the moral graph.

    Hidden variables are integrated out of ``neighbors``; ``moral`` still has them.

    >>> problem = Problem.of(BayesNet({"a": [], "b": ["a"], "c": ["a"]}, observed=["b"]))
    >>> problem.latents.tolist(), problem.barren.tolist()
    ([0], [False, False, True])
    """

    net: BayesNet
    roles: Roles
    moral: Rows
    latents: Integers
    model: HasStructure | None = None

    @classmethod
    def of(cls, source: BayesNet | HasStructure) -> Problem:
        """Set the barren latents of a model aside."""
        net = structure_of(source)
        roles = Roles.of(net)
        latents = np.flatnonzero(roles.asked)
        model = None if isinstance(source, BayesNet) else source
        return cls(net, roles, moralize(net, keep=roles.kept), latents, model)

    @property
    def barren(self) -> Mask:
        """Latents that are set aside: drawn last, each given its generative parents."""
        return self.roles.barren

    @cached_property
    def neighbors(self) -> Rows:
        """Neighbors of each variable, hidden ones integrated out; raises `SizeError` where they are too many."""
        hidden = self.roles.hidden
        return integrate_out(self.net, self.moral, hidden) if hidden.any() else self.moral

    @property
    def n_edges(self) -> int:
        """Number of edges of an inverse without fill: no inverse has fewer.

        Each edge of the moral graph that ends in a latent is in every inverse, and so are the edges of the
        model into its barren latents.
        """
        seen = self.net.is_observed
        between = int((~seen[self.neighbors.index] & ~seen[self.neighbors.sources]).sum()) // 2
        into_observed = int((seen[self.neighbors.index] & ~seen[self.neighbors.sources]).sum())
        return between + into_observed + int(self.net.parent_rows.lengths[self.barren].sum())

    @cached_property
    def tails(self) -> list[int]:
        """For each variable the length of the longest chain of barren latents that hangs below it.

        Barren latents are sampled after everything else, so the chain adds to the depth.
        """
        tails, rows = [0] * len(self.net), self.net.parent_rows
        for child in np.flatnonzero(self.barren & (rows.lengths > 0))[::-1].tolist():  # children have larger numbers
            for v in rows[child].tolist():
                tails[v] = max(tails[v], 1 + tails[child])
        return tails

    def follow(self, order: Iterable[int], strategy: str) -> Inverse:
        """Eliminate in this order and add the barren latents, each with its generative parents.

        Latents from the first up to the last that is downstream (`invert/asked/asked_roles.py`) are eliminated from no
        graph: each looks for its parents by itself.
        """
        net = self.net
        eliminated = np.fromiter(order, dtype=np.int64)
        loose = 1 + int(np.flatnonzero(self.roles.downstream[eliminated]).max(initial=-1))
        result = self._eliminate(eliminated[loose:], eliminated[:loose])
        places, n = net.place[eliminated], len(net.latents)
        upper = places[loose:]
        barren, lower = net.place[self.barren], places[:loose]
        is_generative = np.zeros(n, dtype=bool)
        is_generative[barren] = True
        sets = result.sets.renumber(upper, n).replace(barren, ParentSets.of(net, self._pick_parents()))
        sets = sets.replace(lower, ParentSets.of(net, self._look_for_parents(eliminated, loose)))
        forest = None if loose else _place_forest(result.forest, upper, n)
        return Inverse(net, strategy, sets, np.concatenate([barren[::-1], places]), is_generative, forest, self.model)

    def _eliminate(self, order: Integers, later: Integers) -> Elimination:
        """Eliminate what is unknown while these latents are drawn, then the latents, and return what they get.

        Unknown are hidden variables, and latents drawn ``later``.
        """
        roles = self.roles
        if not roles.hidden.any():
            return eliminate(self.net, self.moral, order)
        above = find_ancestors(self.net, self.net.is_observed)
        moral = moralize(self.net, keep=above) if roles.downstream.any() else self.moral
        unknown = roles.hidden.copy()
        unknown[later] = True
        first = order_hidden(self.net, moral, np.flatnonzero(unknown & above))
        return eliminate(self.net, moral, np.concatenate([first, order])).after(len(first))

    def _pick_parents(self) -> Rows:
        return self.net.parent_rows.pick(np.flatnonzero(self.barren))

    def _look_for_parents(self, eliminated: Integers, loose: int) -> Rows:
        known: Sequence[int] = [*self.net.observed_index.tolist(), *eliminated[loose:].tolist()]
        borders = Borders(self.net, known)
        return Rows.from_lists([borders.draw(v) for v in eliminated[:loose][::-1].tolist()][::-1])


def _place_forest(forest: Integers, places: Integers, n: int) -> Integers:
    """Return a forest of steps as one of latents by their place."""
    placed = np.full(n, -1, dtype=np.int64)
    inner = forest >= 0
    placed[places[inner]] = places[forest[inner]]
    return placed
