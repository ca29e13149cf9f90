"""What every search for an order starts from: the moral graph of the latents that have to be eliminated."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from functools import cached_property

import numpy as np

from retrodict.graph.ancestry import find_barren
from retrodict.graph.bayesnet import BayesNet, HasStructure, structure_of
from retrodict.graph.elimination import eliminate
from retrodict.graph.inverse import Inverse
from retrodict.graph.moral import moralize
from retrodict.graph.parentsets import ParentSets
from retrodict.graph.rows import Integers, Mask, Rows


@dataclass(frozen=True, eq=False)
class Problem:
    """A model without its barren latents: ``latents`` are to be ordered, ``neighbors`` is the moral graph.

    >>> problem = Problem.of(BayesNet({"a": [], "b": ["a"], "c": ["a"]}, observed=["b"]))
    >>> problem.latents.tolist(), problem.barren.tolist()
    ([0], [False, False, True])
    """

    net: BayesNet
    barren: Mask
    neighbors: Rows
    latents: Integers
    model: HasStructure | None = None

    @classmethod
    def of(cls, source: BayesNet | HasStructure) -> Problem:
        """Set the barren latents of a model aside."""
        net = structure_of(source)
        barren = find_barren(net)
        latents = np.flatnonzero(~net.is_observed & ~barren)
        model = None if isinstance(source, BayesNet) else source
        return cls(net, barren, moralize(net, keep=~barren), latents, model)

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
        """Eliminate in this order and add the barren latents, each with its generative parents."""
        net = self.net
        eliminated = np.fromiter(order, dtype=np.int64)
        result = eliminate(net, self.neighbors, eliminated)
        places, n = net.place[eliminated], len(net.latents)
        forest = np.full(n, -1, dtype=np.int64)
        inner = result.forest >= 0
        forest[places[inner]] = places[result.forest[inner]]
        is_generative = np.ones(n, dtype=bool)
        is_generative[places] = False
        barren = np.flatnonzero(is_generative)
        own = ParentSets.of(net, net.parent_rows.pick(net.latent_index[barren]))
        sets = result.sets.renumber(places, n).replace(barren, own)
        return Inverse(net, strategy, sets, np.concatenate([barren[::-1], places]), is_generative, forest, self.model)
