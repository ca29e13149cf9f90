"""The shallowest elimination of a tree: optimal vertex ranking.

A ranking gives each node a number such that between two nodes of the same rank there is always one of a higher
rank. Eliminating the nodes by rank, lowest first, gives an inverse as deep as there are ranks, and no order does
better. Working up from the leaves, a node only has to know which ranks below it are not yet hidden behind a
higher one, and takes the lowest rank that does not clash.

Sources: Iyer, Ratliff & Vijayan 1988; Schaeffer, Optimal node ranking of trees in linear time, 1989.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence


def rank_forest(adjacent: Mapping[int, Sequence[int]], tails: Sequence[int]) -> dict[int, int]:
    """Return the rank, from 1, of every node of a forest.

    The rank of a node is at least one more than its entry in ``tails``, the barren latents below it.

    >>> rank_forest({0: [1], 1: [0, 2], 2: [1]}, [0, 0, 0])
    {2: 1, 1: 2, 0: 1}
    """
    once, twice = dict.fromkeys(adjacent, 0), dict.fromkeys(adjacent, 0)  # sets of ranks seen from here, below
    rank: dict[int, int] = {}
    walk, above = _walk_down(adjacent)
    for v in reversed(walk):
        seen, clashing = once[v], twice[v]
        lowest = max(clashing.bit_length(), tails[v])  # a rank seen twice needs a higher one in between
        taken = seen >> lowest
        lowest += (~taken & (taken + 1)).bit_length() - 1
        rank[v] = lowest + 1
        visible = (seen >> lowest | 1) << lowest
        parent = above[v]
        twice[parent] |= once[parent] & visible
        once[parent] |= visible
    return rank


def _walk_down(adjacent: Mapping[int, Sequence[int]]) -> tuple[list[int], dict[int, int]]:
    """Return all nodes, parents first, and the parent of each; a root is its own."""
    above: dict[int, int] = {}
    walk: list[int] = []
    for root in adjacent:
        if root in above:
            continue
        above[root] = root
        found = [root]
        for v in found:  # the list grows while it is read
            for u in adjacent[v]:
                if u != above[v]:
                    above[u] = v
                    found.append(u)
        walk += found
    return walk, above
