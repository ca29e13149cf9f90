"""The moral graph: parents of a common child are married, directions are forgotten."""

from __future__ import annotations

import numpy as np

from retrodict.graph.bayesnet import BayesNet
from retrodict.graph.rows import Integers, Mask, Rows, cumulate, drop_repeats, sort_edges

FEW = 4  # families of up to this many parents have too few pairs to look for equal ones


def moralize(net: BayesNet, keep: Mask) -> Rows:
    """Return the neighbors of each variable in the moral graph of the kept variables.

    ``keep`` must be closed under parents. Pairs of observed variables are left out: conditioning on both,
    an edge between them can never become a parent of anything.

    Source: Koller & Friedman, definition 4.16; Webb et al. 2017, the first step of CoMI.

    >>> net = BayesNet({"a": [], "b": [], "c": ["a", "b"]}, observed=["c"])
    >>> moralize(net, np.array([True, True, True])).to_lists()
    [[1, 2], [0, 2], [0, 1]]
    """
    inside = keep[net.parent_rows.sources]
    first, second = _marry(net, keep)
    source = np.concatenate([net.parent_rows.index[inside], first])
    target = np.concatenate([net.parent_rows.sources[inside], second])
    wanted = ~(net.is_observed[source] & net.is_observed[target])
    source, target = source[wanted], target[wanted]
    pairs = sort_edges(np.concatenate([source, target]), np.concatenate([target, source]))
    source, target = drop_repeats(*pairs)
    return Rows(cumulate(np.bincount(source, minlength=len(net))), target)


def _marry(net: BayesNet, keep: Mask) -> tuple[Integers, Integers]:
    """Pair the parents of each kept child with each other, all families of one size at once."""
    sizes = net.parent_rows.lengths
    sources, targets = [np.empty(0, dtype=np.int64)], [np.empty(0, dtype=np.int64)]
    for size in np.flatnonzero(np.bincount(sizes[keep & (sizes > 1)])).tolist():
        children = np.flatnonzero(keep & (sizes == size))
        families = net.parent_rows.index[net.parent_rows.pointer[children][:, None] + np.arange(size)]
        if size > FEW:
            families = _drop_equal(families)
        first, second = np.triu_indices(size, k=1)
        sources.append(families[:, first].ravel())
        targets.append(families[:, second].ravel())
    return np.concatenate(sources), np.concatenate(targets)


def _drop_equal(families: Integers) -> Integers:
    """Leave one of equal rows: a layer that is fully connected to the next has its pairs once for each child."""
    different = b"".join(dict.fromkeys(row.tobytes() for row in families))
    return np.frombuffer(different, dtype=np.int64).reshape(-1, families.shape[1])
