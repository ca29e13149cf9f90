"""A network padded to levels of equal size, so that a program over it does not grow with it."""

from __future__ import annotations

from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from retrodict.graph.bayesnet import BayesNet
from retrodict.graph.rows import Integers


class Levels(NamedTuple):
    """Variables, their parents, and a number for each parent: one row a level, the same length for all.

    A level holds variables whose parents are all in earlier levels. Empty places point at a variable past the last
    one, which nothing reads.
    """

    variables: Integers
    parents: Integers
    factors: NDArray[np.generic]


def arrange(net: BayesNet, factors: NDArray[np.generic]) -> Levels:
    """Arrange a network by levels; ``factors`` has a number for each edge, in the order of ``net.parent_rows``.

    >>> net = BayesNet({"a": [], "b": [], "c": ["a", "b"]}, observed=["c"])
    >>> levels = arrange(net, np.array([0.5, 2.0]))
    >>> levels.variables.tolist(), levels.parents.tolist(), levels.factors.tolist()
    ([[0, 1], [2, 3]], [[[3, 3], [3, 3]], [[0, 1], [3, 3]]], [[[0.0, 0.0], [0.0, 0.0]], [[0.5, 2.0], [0.0, 0.0]]])
    """
    n, rows, levels = len(net), net.parent_rows, net.levels
    sizes = np.bincount(levels)
    variables = np.full((len(sizes), sizes.max()), n)
    order = np.argsort(levels, kind="stable")
    within = np.arange(n) - np.repeat(np.cumsum(sizes) - sizes, sizes)
    variables[levels[order], within] = order
    widest = max(1, int(rows.lengths.max()))
    parents, padded = np.full((n + 1, widest), n), np.zeros((n + 1, widest), factors.dtype)
    column = np.arange(len(rows.index)) - rows.pointer[rows.sources]
    parents[rows.sources, column], padded[rows.sources, column] = rows.index, factors
    return Levels(variables, parents[variables], padded[variables])
