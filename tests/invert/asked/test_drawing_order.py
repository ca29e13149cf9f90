"""The order in which one network draws for any evidence: all variables, and no more parents than other orders need."""

from __future__ import annotations

from collections.abc import Iterable
from itertools import chain, combinations

import numpy as np

import retrodict as rd
from retrodict.graph.ancestry import find_ancestors
from retrodict.graph.borders import Borders
from retrodict.invert.asked.drawing_order import eliminate_greedily, find_drawing_order


def test_every_variable_has_its_place() -> None:
    rng = np.random.default_rng(0)
    for _ in range(50):
        n = int(rng.integers(2, 15))
        net = rd.BayesNet({v: np.flatnonzero(rng.random(v) < 0.3).tolist() for v in range(n)}, observed=[0])
        assert sorted(find_drawing_order(net)) == sorted(eliminate_greedily(net)) == list(range(n))
        assert find_drawing_order(net) == find_drawing_order(net.observing([1]))


def test_elimination_of_a_chain_fills_nothing_in() -> None:
    """Drawn in the reverse of elimination, with both ends known, no variable needs more than its two neighbors."""
    n = 12
    net = rd.BayesNet({v: [v - 1] if v else [] for v in range(n)}, observed=[n - 1])
    borders = Borders(net, [0, n - 1])
    assert max(len(borders.draw(v)) for v in reversed(eliminate_greedily(net)) if 0 < v < n - 1) == 2


def test_asia_needs_fewer_parents_than_in_topological_order() -> None:
    """Over all sets of evidence of up to seven variables, not only those by which the order was chosen."""
    net = rd.zoo.asia()

    def count(order: Iterable[int]) -> int:
        edges = 0
        for known in map(list, chain.from_iterable(combinations(range(8), size) for size in range(8))):
            informed = find_ancestors(net, np.isin(np.arange(8), known))
            borders = Borders(net, known)
            edges += sum(len(borders.draw(v)) for v in order if informed[v] and v not in known)
        return edges

    assert count(find_drawing_order(net)) < 0.9 * count(range(8))
