"""d-separation, with an open path as evidence.

Influence travels along paths of the graph, whatever the direction of their edges. Whether it passes a
variable depends on how the path goes through it, and on whether the variable is given:

    chain     a -> b -> c     open unless b is given
    fork      a <- b -> c     open unless b is given
    collider  a -> b <- c     open only if b or one of its descendants is given

Two variables are d-separated when every path between them is blocked somewhere. In the model

    rain -> wet <- sprinkler

rain and sprinkler are d-separated, and no longer so once ``wet`` is given:

>>> net = BayesNet({"rain": [], "sprinkler": [], "wet": ["rain", "sprinkler"]}, observed=["wet"])
>>> bool(d_separated(net, "rain", "sprinkler"))
True
>>> verdict = d_separated(net, "rain", "sprinkler", given=["wet"])
>>> bool(verdict), str(verdict)
(False, 'rain -> wet <- sprinkler')

Sources: Pearl, Probabilistic Reasoning in Intelligent Systems, 1988; the search is the Bayes ball of
Shachter 1998 (Koller & Friedman, algorithm 3.1), linear in the edges.
"""

from __future__ import annotations

import itertools
from collections.abc import Iterable
from dataclasses import dataclass

import numpy as np

from retrodict.errors import GraphError
from retrodict.graph.ancestry import find_ancestors
from retrodict.graph.bayesnet import BayesNet, HasStructure, structure_of
from retrodict.graph.names import Name, require_list, to_mask
from retrodict.graph.rows import Mask

# A ball at a variable, and how it came: UP along an edge from a child, DOWN along an edge from a parent.
UP, DOWN = 0, 1
Ball = tuple[int, int]


@dataclass(frozen=True)
class Separation:
    """The verdict on a separation: true when separated, otherwise with an open path from one to the other.

    ``path`` lists the variables of the open path (empty when separated); printing the verdict draws it.
    """

    path: tuple[Name, ...]
    drawing: str

    def __bool__(self) -> bool:
        return not self.path

    def __str__(self) -> str:
        return self.drawing or "separated"


def d_separated(
    net_or_model: BayesNet | HasStructure, first: Name, second: Name, given: Iterable[Name] = ()
) -> Separation:
    """Return whether two variables are d-separated given others: every path between them is blocked.

    Arguments:
        net_or_model: a model or its structure.
        first: the name of a variable.
        second: the name of another variable.
        given: names of the variables that are given. Default none.

    Returns: a `Separation`, true when the variables are d-separated; otherwise it holds an open path.

    Raises: `UnknownVariableError` for a name that is not in the model, `GraphError` when ``first`` and ``second`` are
    the same variable or one of them is among the given ones.

    Source: Koller & Friedman, definition 3.7.

    >>> net = BayesNet({"x0": [], "x1": ["x0"], "x2": ["x0"]}, observed=["x1", "x2"])
    >>> bool(d_separated(net, "x1", "x2", given=["x0"])), d_separated(net, "x1", "x2").path
    (True, ('x1', 'x0', 'x2'))

    """
    net = structure_of(net_or_model)
    ends = (net.index(first), net.index(second))
    conditions = [net.index(name) for name in require_list(given, "given=")]
    for end in ends:
        if end in conditions:
            raise GraphError("{names} is asked about and also given", [net.names[end]], remedy="Take it out of given=.")
    if ends[0] == ends[1]:
        raise GraphError("{names} cannot be separated from itself", [first], remedy="Name two variables.")
    path = find_open_path(net, *ends, given=to_mask(conditions, len(net)))
    return Separation(net.to_names(path), draw_path(net, path))


def find_open_path(net: BayesNet, start: int, end: int, given: Mask) -> list[int]:
    """Return a shortest open path from ``start`` to ``end``, empty when they are d-separated.

    A shortest way of the ball repeats no variable: cut out the detour, and what remains is open too. Where it was
    cut, the variable is either no collider, and then it was passed ungiven, or it is one now; in that case the
    detour left it upwards, or downwards and came back from an open collider below. Either way it is open itself.
    """
    opens = find_ancestors(net, given).tolist()
    came_from = roll_ball(net.parent_rows.lists, net.child_rows.lists, start, given.tolist(), opens, end)
    arrivals = [state for state in came_from if state[0] == end]
    if not arrivals:
        return []
    state: Ball | None = arrivals[0]
    path = []
    while state is not None:
        path.append(state[0])
        state = came_from[state]
    return path[::-1]


def roll_ball(
    parents: list[list[int]],
    children: list[list[int]],
    start: int,
    given: list[bool],
    opens: list[bool],
    end: int = -1,
) -> dict[Ball, Ball | None]:
    """Return every state that a ball rolled from ``start`` reaches, each with the state it came from.

    ``opens`` marks the given variables and their ancestors: a collider lets the ball pass exactly there.
    The search stops at ``end``; given variables are reached, and passed only upwards from a parent.
    """
    came_from: dict[Ball, Ball | None] = {(start, UP): None}
    queue = [(start, UP)]
    for state in queue:  # the list grows while it is read: breadth first, so paths are shortest
        variable, direction = state
        if variable == end:
            break
        moves: list[Ball] = []
        if direction == UP and not given[variable]:
            moves += [(parent, UP) for parent in parents[variable]]
        if not given[variable]:
            moves += [(child, DOWN) for child in children[variable]]
        if direction == DOWN and opens[variable]:
            moves += [(parent, UP) for parent in parents[variable]]
        for move in moves:
            if move not in came_from:
                came_from[move] = state
                queue.append(move)
    return came_from


def draw_path(net: BayesNet, path: list[int]) -> str:
    """Return a path with the directions of its edges, such as ``a -> b <- c``."""
    if not path:
        return ""
    text = str(net.names[path[0]])
    for before, after in itertools.pairwise(path):
        forward = bool(np.isin(before, net.parent_rows[after]))
        text += f" {'->' if forward else '<-'} {net.names[after]}"
    return text
