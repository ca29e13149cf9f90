"""Ancestors, and the latents that no observation can ever inform."""

from __future__ import annotations

import numpy as np

from retrodict.graph.bayesnet import BayesNet
from retrodict.graph.rows import Mask


def find_ancestors(net: BayesNet, of: Mask) -> Mask:
    """Mark these variables and all their ancestors.

    >>> net = BayesNet({"a": [], "b": ["a"], "c": ["b"], "d": ["a"]}, observed=["c"])
    >>> find_ancestors(net, net.is_observed).tolist()  # of a, b, d, c: topological, ties by name
    [True, True, False, True]
    """
    parents = net.parent_rows.lists
    marked = of.tolist()
    for i in range(len(marked) - 1, -1, -1):  # parents have smaller numbers
        if marked[i]:
            for parent in parents[i]:
                marked[parent] = True
    return np.array(marked, dtype=bool)


def find_barren(net: BayesNet) -> Mask:
    """Mark the latents without an observed descendant.

    Given everything else, such a latent follows the model's own conditional: it needs no network.

    Source: Shachter, Probabilistic inference and influence diagrams, 1988 (barren nodes).
    """
    return ~find_ancestors(net, net.is_observed)
