"""What the choice of an order has to know of a model: arrays of integers, and nothing else.

This is the seam behind which orders are made: flat arrays go in, an order of the latents comes out. Whoever
writes a faster engine, in this language or a compiled one, meets the rest of the package here.
"""

from __future__ import annotations

from dataclasses import dataclass
from functools import cached_property
from typing import Literal

import numpy as np

from retrodict.graph.bayesnet import BayesNet
from retrodict.graph.rows import Integers, Rows
from retrodict.invert.engine.adjacency import Adjacency

Direction = Literal["forward", "reverse"]


@dataclass(frozen=True, eq=False)
class LatentGraph:
    """The moral graph, its observed variables taken together in groups; latents are numbered from 0 in model order.

    ``neighbors`` are the latent neighbors of each latent, ``groups`` the groups it has, ``members`` the
    latents that have each group, ``weights`` the number of observed variables in each group: those with the
    same latent neighbors, which no elimination can tell apart.
    """

    neighbors: Rows
    groups: Rows
    members: Rows
    weights: Integers

    def __len__(self) -> int:
        return len(self.neighbors)

    @property
    def n_variables(self) -> int:
        """Number of latents and of observed variables around them."""
        return len(self) + int(self.weights.sum())

    @property
    def n_edges(self) -> int:
        """Number of edges that end in a latent: no order gives an inverse with fewer."""
        return len(self.neighbors.index) // 2 + int((self.weights * self.members.lengths).sum())

    @cached_property
    def adjacency(self) -> Adjacency:
        """The same graph as bits."""
        return Adjacency.of(self.neighbors, self.groups, self.members, self.weights)

    def flip(self) -> LatentGraph:
        """Return the same graph with its latents numbered from the other end."""
        members = flip_entries(self.members, len(self))
        neighbors = flip_entries(flip_rows(self.neighbors), len(self))
        return LatentGraph(neighbors, flip_rows(self.groups), members, self.weights)


@dataclass(frozen=True, eq=False)
class Precedence:
    """Who has to wait for whom: ``waiting`` counts for each latent those before it, ``released`` lists those after."""

    waiting: Integers
    released: Rows

    def flip(self) -> Precedence:
        """Return the same for latents numbered from the other end."""
        return Precedence(self.waiting[::-1].copy(), flip_entries(flip_rows(self.released), len(self.waiting)))


def flip_rows(rows: Rows) -> Rows:
    """Return the last row first.

    >>> flip_rows(Rows.from_lists([[1], [0, 2]])).to_lists()
    [[0, 2], [1]]
    """
    return Rows.from_edges(len(rows) - 1 - rows.sources, rows.index, len(rows))


def flip_entries(rows: Rows, m: int) -> Rows:
    """Return the rows with every entry counted from the end of ``m`` numbers.

    >>> flip_entries(Rows.from_lists([[1], [0, 2]]), 3).to_lists()
    [[1], [0, 2]]
    """
    return Rows.from_edges(rows.sources, m - 1 - rows.index, len(rows))


@dataclass(frozen=True)
class Ordering:
    """Latents in the order of their elimination, and how many edges the inverse will have, barren latents aside."""

    latents: list[int]
    n_edges: int


def condense(net: BayesNet, neighbors: Rows, latents: Integers) -> LatentGraph:
    """Return the graph of these latents, in ascending order, and of the observed variables around them.

    >>> from retrodict.graph.moral import moralize
    >>> net = BayesNet({"z": [], "x": ["z"], "y": ["z"]}, observed=["x", "y"])
    >>> graph = condense(net, moralize(net, np.ones(3, dtype=bool)), net.latent_index)
    >>> graph.groups.to_lists(), graph.weights.tolist()
    ([[0]], [2])
    """
    number = _number(latents, len(net))
    source, target = number[neighbors.sources], neighbors.index
    inside = (source >= 0) & (number[target] >= 0)
    seen = (source >= 0) & net.is_observed[target]
    m = len(latents)
    around = Rows.from_edges(net.place[target[seen]], source[seen], len(net.observed_index))
    members, weights = _group(around)
    return LatentGraph(
        Rows.from_edges(source[inside], number[target[inside]], m), members.transpose(m), members, weights
    )


def precede(net: BayesNet, latents: Integers, direction: Direction | None) -> Precedence:
    """Return who waits for whom: in a natural direction for parents or for children, otherwise nobody."""
    m, number = len(latents), _number(latents, len(net))
    if direction is None:
        return Precedence(np.zeros(m, dtype=np.int64), Rows.from_lists([[]] * m))
    parent, child = number[net.parent_rows.index], number[net.parent_rows.sources]
    inside = (parent >= 0) & (child >= 0)
    before, after = (parent, child) if direction == "forward" else (child, parent)
    return Precedence(np.bincount(after[inside], minlength=m), Rows.from_edges(before[inside], after[inside], m))


def _number(latents: Integers, n: int) -> Integers:
    number = np.full(n, -1, dtype=np.int64)
    number[latents] = np.arange(len(latents))
    return number


def _group(around: Rows) -> tuple[Rows, Integers]:
    """Take rows that are equal together; return the different ones, and how many rows each stands for.

    Rows of one entry, by far the most, are counted by NumPy, the others looked up one by one.
    """
    single = around.lengths == 1
    counts = np.bincount(around.index[around.pointer[:-1][single]], minlength=1)
    alone = np.flatnonzero(counts)
    found: dict[bytes, int] = {}
    for i in np.flatnonzero(around.lengths > 1).tolist():
        row = around[i].tobytes()
        found[row] = found.get(row, 0) + 1
    several = [np.frombuffer(row, dtype=np.int64) for row in found]
    lengths = np.array([len(row) for row in several], dtype=np.int64)
    members = Rows(
        np.concatenate([np.arange(len(alone) + 1), len(alone) + np.cumsum(lengths)]),
        np.concatenate([alone, *several]),
    )
    return members, np.concatenate([counts[alone], np.array(list(found.values()), dtype=np.int64)])
