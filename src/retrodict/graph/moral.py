"""The moral graph: parents of a common child are married, directions are forgotten."""

from __future__ import annotations

import numpy as np

from retrodict.graph.bayesnet import BayesNet
from retrodict.graph.rows import Integers, Mask, Rows, cumulate, drop_repeats, sort_edges


def moralise(net: BayesNet, keep: Mask) -> Rows:
    """Return the neighbours of each variable in the moral graph of the kept variables.

    ``keep`` must be closed under parents. Pairs of observed variables are left out: conditioning on both,
    an edge between them can never become a parent of anything.

    Source: Koller & Friedman, definition 4.16; Webb et al. 2017, the first step of CoMI.

    >>> net = BayesNet({"a": [], "b": [], "c": ["a", "b"]}, observed=["c"])
    >>> moralise(net, np.array([True, True, True])).to_lists()
    [[1, 2], [0, 2], [0, 1]]
    """
    source, target = _pair_families(net, keep)
    wanted = ~(net.is_observed[source] & net.is_observed[target])
    source, target = source[wanted], target[wanted]
    pairs = sort_edges(np.concatenate([source, target]), np.concatenate([target, source]))
    source, target = drop_repeats(*pairs)
    return Rows(cumulate(np.bincount(source, minlength=len(net))), target)


def _pair_families(net: BayesNet, keep: Mask) -> tuple[Integers, Integers]:
    """Pair each kept child with its parents and these with each other, all families of one size at once."""
    sizes = net.parent_rows.lengths
    sources, targets = [], []
    for size in np.unique(sizes[keep & (sizes > 0)]).tolist():
        children = np.flatnonzero(keep & (sizes == size))
        places = net.parent_rows.pointer[children][:, None] + np.arange(size)
        families = np.column_stack([net.parent_rows.index[places], children])
        first, second = np.triu_indices(size + 1, k=1)
        sources.append(families[:, first].ravel())
        targets.append(families[:, second].ravel())
    if not sources:
        return np.empty(0, dtype=np.int64), np.empty(0, dtype=np.int64)
    return np.concatenate(sources), np.concatenate(targets)
