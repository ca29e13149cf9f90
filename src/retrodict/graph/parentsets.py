"""Parent sets of every latent, in space that does not grow with what they imply.

Observed variables are never eliminated, so written-out parent sets grow with the data: the inverse of a chain
of a million steps has 5e11 edges. But the observed parents of a latent are those of its subtree of the
elimination forest. Listed in the order of a walk through that forest, every such set is one slice.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass

import numpy as np

from retrodict.graph.bayesnet import BayesNet
from retrodict.graph.rows import Integers, Rows, cumulate


@dataclass(frozen=True, eq=False)
class ParentSets:
    """For each latent its latent parents, a row, and its observed parents, a slice of ``walk``.

    Latents and observed variables are numbered each among their own kind. A slice may hold an observed
    variable more than once; ``count`` is the number of different ones in it.

    >>> net = BayesNet({"y": [], "z": ["y"], "w": ["y", "z"], "x": ["z"]}, observed=["w", "x"])
    >>> sets = ParentSets.of(net, Rows.from_lists([[2, 3], [0, 3]]))
    >>> sets.observed(0).tolist(), sets.latents[1].tolist(), sets.sizes.tolist()
    ([0, 1], [0], [2, 2])
    """

    latents: Rows
    walk: Integers
    start: Integers
    stop: Integers
    count: Integers

    @classmethod
    def of(cls, net: BayesNet, parents: Rows) -> ParentSets:
        """Hold sets that are written out, by the numbers of variables: every latent has a slice of its own."""
        seen = net.is_observed[parents.index]
        latents, observed = (
            Rows.from_edges(parents.sources[chosen], net.place[parents.index[chosen]], len(parents))
            for chosen in (~seen, seen)
        )
        return cls(latents, observed.index, observed.pointer[:-1], observed.pointer[1:], observed.lengths)

    @property
    def sizes(self) -> Integers:
        """Number of parents of each latent."""
        return self.latents.lengths + self.count

    def observed(self, latent: int) -> Integers:
        """Return the observed parents of a latent, ascending."""
        return np.unique(self.walk[self.start[latent] : self.stop[latent]])

    def depths(self, sampling: Iterable[int]) -> Integers:
        """Return for each latent the number of latents on the longest chain that ends in it."""
        flat, stops = self.latents.index.tolist(), self.latents.pointer.tolist()
        depth = [0] * len(self.latents)
        for latent in sampling:
            parents = flat[stops[latent] : stops[latent + 1]]
            depth[latent] = 1 + max(map(depth.__getitem__, parents), default=0)
        return np.array(depth, dtype=np.int64)

    def renumber(self, place: Integers, n: int) -> ParentSets:
        """Return the same sets as those of ``place[i]`` instead of ``i``, among ``n`` latents, the others empty."""
        sources, targets = place[self.latents.sources], place[self.latents.index]
        start, stop, count = (np.zeros(n, dtype=np.int64) for _ in range(3))
        start[place], stop[place], count[place] = self.start, self.stop, self.count
        return ParentSets(Rows.from_edges(sources, targets, n), self.walk, start, stop, count)

    def replace(self, where: Integers, by: ParentSets) -> ParentSets:
        """Return these sets with those of the latents ``where`` taken from ``by``, one each in this order."""
        if len(where) == 0:
            return self
        kept = ~np.isin(self.latents.sources, where)
        sources = np.concatenate([self.latents.sources[kept], where[by.latents.sources]])
        targets = np.concatenate([self.latents.index[kept], by.latents.index])
        start, stop, count = self.start.copy(), self.stop.copy(), self.count.copy()
        start[where], stop[where] = by.start + len(self.walk), by.stop + len(self.walk)
        count[where] = by.count
        return ParentSets(
            Rows.from_edges(sources, targets, len(self.latents)),
            np.concatenate([self.walk, by.walk]),
            start,
            stop,
            count,
        )


def attach(forest: Integers, owner: Integers, observed: Integers) -> tuple[Integers, Integers, Integers, Integers]:
    """Lay out observed variables so that those attached anywhere in a subtree of a forest are one slice.

    ``forest[i]`` is the parent of node ``i``, larger than ``i``, or -1. ``observed[j]`` is attached to node
    ``owner[j]``. Returns the walk and, for each node, the start and stop of its slice of the walk and the number
    of different observed variables in that slice.

    Sources: Liu, The role of elimination trees in sparse factorization, 1990 (subtrees give row patterns);
    Gilbert, Ng & Peyton 1994 (counting without listing: take one away where two occurrences meet).
    """
    first, last = number_postorder(forest)
    where = last[owner]
    order = np.lexsort((where, observed))
    observed, owner, where = observed[order], owner[order], where[order]
    repeated = np.zeros(len(observed), dtype=bool)
    repeated[1:] = (observed[1:] == observed[:-1]) & (where[:-1] >= first[owner[1:]])
    observed, owner, where = observed[~repeated], owner[~repeated], where[~repeated]
    again = np.flatnonzero(observed[1:] == observed[:-1])
    meets = _find_meetings(forest, last, owner[again], owner[again + 1])

    n = len(forest)
    before = cumulate(np.bincount(where, minlength=n))
    surplus = cumulate(np.bincount(last[meets], minlength=n))
    start, stop = before[first], before[last + 1]
    count = stop - start - (surplus[last + 1] - surplus[first])
    return observed[np.lexsort((observed, where))], start, stop, count


def number_postorder(forest: Integers) -> tuple[Integers, Integers]:
    """Return for each node the postorder numbers of the first and the last node of its subtree: the last is its own.

    Parents are larger than their children, so two sweeps do what a recursion would.

    >>> [numbers.tolist() for numbers in number_postorder(np.array([2, 3, 3, -1]))]
    [[0, 2, 0, 0], [0, 2, 1, 3]]
    """
    parents = forest.tolist()
    size = [1] * len(parents)
    for node, parent in enumerate(parents):
        if parent >= 0:
            size[parent] += size[node]
    first, free, total = [0] * len(parents), [0] * len(parents), 0
    for node in range(len(parents) - 1, -1, -1):
        parent = parents[node]
        if parent < 0:
            first[node] = total
            total += size[node]
        else:
            first[node] = free[parent]
            free[parent] += size[node]
        free[node] = first[node]
    starts = np.array(first, dtype=np.int64)
    return starts, starts + np.array(size, dtype=np.int64) - 1


def _find_meetings(forest: Integers, last: Integers, left: Integers, right: Integers) -> Integers:
    """Return the lowest common ancestors of pairs of nodes; pairs in different trees have none.

    ``left`` comes before ``right`` in postorder, and neither is above the other. Tarjan 1979: merge each node
    into its parent once it is done; what a done node has been merged into is its lowest ancestor not done.
    """
    parents, done_at = forest.tolist(), last.tolist()
    root = list(range(len(parents)))
    pairs = sorted(zip(left.tolist(), right.tolist(), strict=True), key=lambda pair: done_at[pair[1]])
    nodes = iter(np.argsort(last).tolist() if pairs else [])
    meetings, done = [], -1
    for one, other in pairs:
        while done < done_at[other] - 1:
            node = next(nodes)
            done = done_at[node]
            if parents[node] >= 0:
                root[node] = parents[node]
        meeting = _find_root(root, one)
        if done_at[meeting] > done_at[other]:
            meetings.append(meeting)
    return np.array(meetings, dtype=np.int64)


def _find_root(root: list[int], node: int) -> int:
    while root[node] != node:
        root[node] = root[root[node]]  # halve the path, so that later searches are short
        node = root[node]
    return node
