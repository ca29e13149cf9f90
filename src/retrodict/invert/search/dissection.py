"""Nested dissection: eliminate both sides of a separator before the separator, and so on within the sides.

Trees and chains are ranked instead, which gives the least depth there is. Other components are cut at a level
of a breadth-first search from a far end; the separator is then improved by moving single latents.

Sources: George, Nested dissection of a regular finite element mesh, 1973; George & Liu 1978 (automatic nested
dissection, level structures); Lipton & Tarjan 1979 (separators); Ashcraft & Liu 1997 (improving separators).
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence

from retrodict.graph.bayesnet import BayesNet
from retrodict.graph.names import to_mask
from retrodict.graph.rows import Integers, Rows
from retrodict.invert.search.ranking import rank_forest

Graph = Mapping[int, set[int]]


def order_by_dissection(
    net: BayesNet, neighbors: Rows, latents: Integers, tails: Sequence[int] | None = None
) -> list[int]:
    """Return latents in the order of a nested dissection of their moral graph.

    For a chain of T latents the depth is the least, the number of binary digits of T; for a tree as well.

    >>> import numpy as np
    >>> net = BayesNet({0: [], 1: [0], 2: [1], 3: [2]}, observed=[3])
    >>> order_by_dissection(net, Rows.from_lists([[1], [0, 2], [1, 3], [2]]), np.array([0, 1, 2]))
    [0, 2, 1]
    """
    rows, tails = neighbors.lists, tails or [0] * len(net)
    chosen = to_mask(latents.tolist(), len(net)).tolist()
    adjacent = {v: [u for u in rows[v] if chosen[u]] for v in latents.tolist()}
    components = _find_components(adjacent, adjacent)
    if sum(map(len, adjacent.values())) == 2 * (len(adjacent) - len(components)):
        return _order_forest(adjacent, tails)
    graph = {v: set(row) for v, row in adjacent.items()}
    backwards: list[int] = []
    stack = components
    while stack:
        component = stack.pop()
        edges = sum(len(graph[v]) for v in component) // 2
        if edges == len(component) - 1:
            backwards += _order_forest({v: sorted(graph[v]) for v in component}, tails)[::-1]
            continue
        separator = find_separator(graph, component)
        backwards += separator
        _remove(graph, separator)
        stack += _find_components(graph, [v for v in component if v in graph])
    return backwards[::-1]


def _order_forest(adjacent: Mapping[int, Sequence[int]], tails: Sequence[int]) -> list[int]:
    """Return the nodes of a forest by rank."""
    rank = rank_forest(adjacent, tails)
    return sorted(sorted(rank), key=rank.__getitem__)


def find_separator(graph: Graph, component: Sequence[int]) -> list[int]:
    """Return latents whose removal cuts a connected component with loops in two of similar size.

    Where all are joined no cut exists: all but the last two go.
    """
    n = len(component)
    if sum(len(graph[v]) for v in component) == n * (n - 1):
        return list(component[:-2])
    levels = _find_levels(graph, component[0])
    for _ in range(3):  # a few restarts from the far end find one that is nearly as far as can be
        further = _find_levels(graph, min(levels[-1], key=lambda v: (len(graph[v]), v)))
        if len(further) <= len(levels):
            break
        levels = further
    below, cuts = len(levels[0]), []
    for i in range(1, len(levels) - 1):
        above = n - below - len(levels[i])
        cuts.append((len(levels[i]) * (1 + n / (1 + min(below, above))), i))
        below += len(levels[i])
    cut = min(cuts)[1]
    side = {v: (i > cut) - (i < cut) for i, level in enumerate(levels) for v in level}
    _move_separator(graph, side)
    return sorted(v for v, where in side.items() if where == 0)


def _find_levels(graph: Graph, start: int) -> list[list[int]]:
    """Return latents by their distance from a start."""
    seen, levels = {start}, [[start]]
    while True:
        reached = sorted({u for v in levels[-1] for u in graph[v]} - seen)
        if not reached:
            return levels
        seen.update(reached)
        levels.append(reached)


def _move_separator(graph: Graph, side: dict[int, int]) -> None:
    """Move latents out of the separator (side 0) into a side as long as it shrinks, or balance improves."""
    balance = sum(side.values())
    for _ in range(8):
        moved = False
        for v in sorted(u for u, where in side.items() if where == 0):
            towards = -1 if balance > 0 else 1
            for into in (towards, -towards):
                pulled = [u for u in graph[v] if side[u] == -into]
                if not pulled or (len(pulled) == 1 and abs(balance + 2 * into) < abs(balance)):
                    side[v] = into
                    side.update(dict.fromkeys(pulled, 0))
                    balance += into * (1 + len(pulled))
                    moved = True
                    break
        if not moved:
            break


def _find_components(graph: Mapping[int, Iterable[int]], among: Iterable[int]) -> list[list[int]]:
    """Return the connected components that these latents lie in."""
    components, seen = [], set()
    for start in among:
        if start not in seen:
            seen.add(start)
            found = [start]
            for v in found:  # the list grows while it is read
                new = [u for u in graph[v] if u not in seen]
                seen.update(new)
                found += new
            components.append(sorted(found))
    return components


def _remove(graph: dict[int, set[int]], latents: Iterable[int]) -> None:
    for v in latents:
        for u in graph.pop(v):
            if u in graph:
                graph[u].discard(v)
