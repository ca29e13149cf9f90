"""The moral graph as bits: for each variable one big integer that says what it is next to."""

from __future__ import annotations

from dataclasses import dataclass
from itertools import chain, repeat

import numpy as np

from retrodict.graph.rows import Integers, Rows
from retrodict.invert.bits import pack_bits


@dataclass(frozen=True, eq=False)
class Adjacency:
    """What each variable is next to, as bits: first come the ``n_latents`` latents, then the observed variables.

    >>> pair, both = Rows.from_lists([[1], [0]]), Rows.from_lists([[0], [0]])
    >>> [bin(near) for near in Adjacency.of(pair, both, Rows.from_lists([[0, 1]]), np.array([2])).around]
    ['0b1110', '0b1101', '0b11', '0b11']
    """

    n_latents: int
    around: list[int]

    @classmethod
    def of(cls, neighbors: Rows, groups: Rows, members: Rows, weights: Integers) -> Adjacency:
        """Pack a `LatentGraph`, given by its fields; every group of observed variables is written out."""
        m, sizes, starts = len(neighbors), weights.tolist(), (len(neighbors) + np.cumsum(weights) - weights).tolist()
        bundles = [((1 << size) - 1) << start for size, start in zip(sizes, starts, strict=True)]
        latents = [pack_bits(row) for row in neighbors.to_lists()]
        for v, g in zip(groups.sources.tolist(), groups.index.tolist(), strict=True):
            latents[v] |= bundles[g]
        members_packed = [pack_bits(row) for row in members.to_lists()]
        return cls(m, [*latents, *chain.from_iterable(map(repeat, members_packed, sizes))])
