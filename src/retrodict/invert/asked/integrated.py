"""What is left of a moral graph when hidden variables are integrated out.

Eliminating them joins the neighbors of each connected component pairwise, whatever the order; pairs of observed
variables stay apart, as everywhere. A component between a few latents and many observed variables, or the other
way round, therefore costs the product of both numbers: what searches for an order work on is written out, while
`Problem.follow` eliminates hidden variables one by one and writes out nothing.
"""

from __future__ import annotations

import numpy as np

from retrodict.errors import SizeError
from retrodict.graph.bayesnet import BayesNet
from retrodict.graph.inverse import MOST_EDGES
from retrodict.graph.rows import Integers, Mask, Rows, cumulate, drop_repeats, sort_edges
from retrodict.invert.comi import order_by_degree


def order_hidden(net: BayesNet, neighbors: Rows, hidden: Integers) -> Integers:
    """Return hidden variables in an order in which their elimination joins few: it changes nothing for the others."""
    return np.array(order_by_degree(net, neighbors, hidden), dtype=np.int64)


def integrate_out(net: BayesNet, neighbors: Rows, hidden: Mask) -> Rows:
    """Return the neighbors of each variable that is left when the hidden ones are eliminated.

    Raises `SizeError` where a component of hidden variables joins too many pairs.

    >>> net = BayesNet({"h": [], "a": ["h"], "b": ["h"], "x": ["h"], "y": ["a"]}, observed=["x", "y"])
    >>> from retrodict.graph.moral import moralize
    >>> rows = integrate_out(net, moralize(net, np.ones(5, dtype=bool)), np.array([True, False, False, False, False]))
    >>> net.to_names(rows[net.index("a")])
    ('b', 'x', 'y')
    """
    component = _find_components(neighbors, hidden)
    near = hidden[neighbors.sources] & ~hidden[neighbors.index]
    place, member = drop_repeats(*sort_edges(component[neighbors.sources[near]], neighbors.index[near]))
    borders = Rows(cumulate(np.bincount(place, minlength=int(component.max(initial=-1)) + 1)), member)
    seen = net.is_observed
    latents = np.bincount(place[~seen[member]], minlength=len(borders))
    _require_small(net, borders, latents * borders.lengths)
    plain = ~hidden[neighbors.sources] & ~hidden[neighbors.index]
    sources, targets = [neighbors.sources[plain]], [neighbors.index[plain]]
    for border in map(borders.__getitem__, np.flatnonzero(latents).tolist()):
        first, second = np.repeat(border, len(border)), np.tile(border, len(border))
        joined = (first != second) & ~(seen[first] & seen[second])
        sources.append(first[joined])
        targets.append(second[joined])
    source, target = drop_repeats(*sort_edges(np.concatenate(sources), np.concatenate(targets)))
    return Rows(cumulate(np.bincount(source, minlength=len(net))), target)


def _require_small(net: BayesNet, borders: Rows, pairs: Integers) -> None:
    if int(pairs.sum()) > MOST_EDGES:
        largest = borders[int(pairs.argmax())]
        raise SizeError(
            f"integrating out the hidden variables joins {int(pairs.sum()):,} pairs of the others, more than the "
            f"{MOST_EDGES:,} among which an order can be looked for; the most are among {{names}}",
            net.to_names(largest),
            remedy="Give the order of elimination as a sequence, or ask for the hidden variables between them as well.",
        )


def _find_components(neighbors: Rows, hidden: Mask) -> Integers:
    """Return for each hidden variable the number of its component among the hidden, -1 for all others."""
    component = np.full(len(hidden), -1, dtype=np.int64)
    rows, is_hidden, found = neighbors.lists, hidden.tolist(), component.tolist()
    number = 0
    for start in np.flatnonzero(hidden).tolist():
        if found[start] >= 0:
            continue
        found[start], stack = number, [start]
        while stack:
            for near in rows[stack.pop()]:
                if is_hidden[near] and found[near] < 0:
                    found[near] = number
                    stack.append(near)
        number += 1
    component[:] = found
    return component
