"""Ancestors, and the latents that no observation can ever inform."""

from __future__ import annotations

import numpy as np

from retrodict.graph.bayesnet import BayesNet
from retrodict.graph.rows import Mask

FEW = 50  # below this many variables at once a Python loop is faster than NumPy


def find_ancestors(net: BayesNet, of: Mask) -> Mask:
    """Mark these variables and all their ancestors.

    >>> net = BayesNet({"a": [], "b": ["a"], "c": ["b"], "d": ["a"]}, observed=["c"])
    >>> find_ancestors(net, net.is_observed).tolist()  # of a, b, d, c: topological, ties by name
    [True, True, False, True]
    """
    marked = of.copy()
    wave = np.flatnonzero(marked)
    while len(wave) > FEW:
        above = net.parent_rows.gather(wave)
        wave = np.sort(above[~marked[above]])
        wave = wave[np.append(True, wave[1:] != wave[:-1])[: len(wave)]]
        marked[wave] = True
    stack = wave.tolist()
    while stack:
        for parent in net.parent_rows[stack.pop()].tolist():
            if not marked[parent]:
                marked[parent] = True
                stack.append(parent)
    return marked


def find_barren(net: BayesNet) -> Mask:
    """Mark the latents without an observed descendant.

    Given everything else, such a latent follows the model's own conditional: it needs no network.

    Source: Shachter, Probabilistic inference and influence diagrams, 1988 (barren nodes).
    """
    return ~find_ancestors(net, net.is_observed)
