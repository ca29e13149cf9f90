"""The order in which variables are drawn, one for all evidence: that of three under which they need the fewest parents.

Candidates are topological, its reverse, and what greedy elimination of the moral graph leaves last first. What is
informed needs its neighbors among what is known and what was drawn, so that a good order of elimination of the whole
graph, reversed, keeps parent sets small for most sets of evidence.

Source: Koller & Friedman, section 9.4.3 (greedy elimination).
"""

from __future__ import annotations

from collections.abc import Sequence
from functools import lru_cache
from itertools import combinations

import numpy as np

from retrodict.graph.ancestry import find_ancestors
from retrodict.graph.bayesnet import BayesNet
from retrodict.graph.borders import Borders

# Random sets of evidence over which edges are counted, and the most variables known in them.
SETS, MOST_KNOWN = 24, 20


@lru_cache(maxsize=64)
def find_drawing_order(net: BayesNet) -> tuple[int, ...]:
    """Return all variables in the order in which those that are informed are drawn.

    >>> net = BayesNet({"root": [], **{f"leaf{i}": ["root"] for i in range(3)}}, observed=["leaf0"])
    >>> net.to_names(find_drawing_order(net))
    ('root', 'leaf0', 'leaf1', 'leaf2')
    """
    n = len(net)
    orders = [tuple(range(n)), tuple(reversed(range(n))), tuple(reversed(eliminate_greedily(net)))]
    rng = np.random.default_rng(0)
    sets = [rng.permutation(n)[: rng.integers(0, min(MOST_KNOWN, n - 1) + 1)].tolist() for _ in range(SETS)]
    return min(orders, key=lambda order: sum(_count_edges(net, order, known) for known in sets))


def eliminate_greedily(net: BayesNet) -> list[int]:
    """Return the variables in the order of fewest neighbors, which are joined when a variable goes; ties by number."""
    neighbors: list[set[int]] = [set() for _ in range(len(net))]
    for v, parents in enumerate(net.parent_rows.lists):
        _join(neighbors, [v, *parents])
    left, order = set(range(len(net))), []
    while left:
        v = min(left, key=lambda u: (len(neighbors[u]), u))
        for u in neighbors[v]:
            neighbors[u].discard(v)
        _join(neighbors, sorted(neighbors[v]))
        left.discard(v)
        order.append(v)
    return order


def _join(neighbors: list[set[int]], together: Sequence[int]) -> None:
    for one, other in combinations(together, 2):
        neighbors[one].add(other)
        neighbors[other].add(one)


def _count_edges(net: BayesNet, order: Sequence[int], known: list[int]) -> int:
    """Return how many parents all informed variables have together."""
    marks = np.zeros(len(net), dtype=bool)
    marks[known] = True
    informed = find_ancestors(net, marks) & ~marks
    borders = Borders(net, known)
    return sum(len(borders.draw(v)) for v in order if informed[v])
