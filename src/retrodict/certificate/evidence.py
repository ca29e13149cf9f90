r"""Open paths that prove missing edges: one search a child, and every path is traced back from it.

The search rolls the Bayes ball from the child, given all that is known before it. That reaches every needed variable
:math:`u`, but the path that proves the edge must be open with :math:`u` itself not given. Along the traced path only
one thing can depend on :math:`u`: a collider that nothing else below it opens. From the first such collider (seen from
the child) a directed path leads down to :math:`u` through unknown variables; it replaces the rest.

Sources: Shachter 1998 (Bayes ball); Pearl 1988.
"""

from __future__ import annotations

import itertools
from collections.abc import Iterable

from retrodict.graph.bayesnet import BayesNet
from retrodict.graph.rows import Integers
from retrodict.graph.separation import DOWN, UP

NOTHING = -1


class Knowledge:
    """What is known so far, and for each variable up to two known variables at or below it.

    Two are enough: a collider is open without ``u`` exactly if one that is not ``u`` lies at or below it.

    >>> net = BayesNet({"a": [], "b": [], "c": ["a", "b"], "d": ["c"]}, observed=["d"])
    >>> knowledge = Knowledge(net, net.observed_index)
    >>> path, drawing = knowledge.trace(net.index("a"), [net.index("d")])[net.index("d")]
    >>> net.to_names(path), drawing
    (('d', 'c', 'a'), 'd <- c <- a')
    """

    def __init__(self, net: BayesNet, given: Integers) -> None:
        self.net = net
        self.parents, self.children = net.parent_rows.lists, net.child_rows.lists
        self.known = [False] * len(net)
        self.one, self.other, self.way = ([NOTHING] * len(net) for _ in range(3))
        for variable in given.tolist():
            self.add(variable)

    def add(self, variable: int) -> None:
        """Learn a variable; no variable is told of more than two."""
        self.known[variable] = True
        stack = [(variable, NOTHING)]
        while stack:
            v, below = stack.pop()
            if self.one[v] == NOTHING:
                self.one[v], self.way[v] = variable, below
            elif self.other[v] == NOTHING and self.one[v] != variable:
                self.other[v] = variable
            else:
                continue
            stack += [(parent, v) for parent in self.parents[v]]

    def trace(self, child: int, wanted: Iterable[int]) -> dict[int, tuple[list[int], str]]:
        """Return for each wanted variable a path from it to the child, and its drawing.

        The path is open given all that is known, the variable aside. Those that the child does not need have none.
        """
        came_from, arrivals = self._search(child, set(wanted))
        return {target: self._draw(self._trace(came_from, state, target)) for target, state in arrivals.items()}

    def _search(self, child: int, wanted: set[int]) -> tuple[dict[int, int], dict[int, int]]:
        """Roll the ball breadth first until all that is wanted is met; state 2 v + direction is one number."""
        known, one, parents, children = self.known, self.one, self.parents, self.children
        came_from, queue, arrivals = {2 * child + UP: NOTHING}, [2 * child + UP], {}
        for state in queue:  # the list grows while it is read
            v = state >> 1
            if v in wanted:
                wanted.discard(v)
                arrivals[v] = state
                if not wanted:
                    break
            moves = []
            if (one[v] != NOTHING) if state & 1 == DOWN else not known[v]:
                moves = [2 * parent + UP for parent in parents[v]]
            if not known[v]:
                moves += [2 * below + DOWN for below in children[v]]
            for move in moves:
                if move not in came_from:
                    came_from[move] = state
                    queue.append(move)
        return came_from, arrivals

    def _trace(self, came_from: dict[int, int], state: int, target: int) -> list[int]:
        """Return the states from the child to the target, led down to it where it alone opens a collider."""
        states = []
        while state != NOTHING:
            states.append(state)
            state = came_from[state]
        states.reverse()
        for place in range(1, len(states) - 1):
            collides = states[place] & 1 == DOWN and states[place + 1] & 1 == UP
            if collides and not self._is_open_without(states[place] >> 1, target):
                return self._lead_down(states[: place + 1], target)
        return states

    def _is_open_without(self, variable: int, target: int) -> bool:
        return self.one[variable] not in (NOTHING, target) or self.other[variable] != NOTHING

    def _lead_down(self, states: list[int], target: int) -> list[int]:
        """Go from the last of these states down to the target; where the way down meets them, cut out the detour."""
        place = {state >> 1: index for index, state in enumerate(states)}
        cut, down, v = len(states) - 1, [], states[-1] >> 1
        while v != target:
            v = self.way[v]
            down.append(2 * v + DOWN)
            if v in place:
                cut, down = place[v], []
        return states[: cut + 1] + down

    def _draw(self, states: list[int]) -> tuple[list[int], str]:
        """Return a path from the target to the child, with its drawing such as ``a -> b <- c``."""
        names, states = self.net.names, states[::-1]
        text = str(names[states[0] >> 1])
        for state, following in itertools.pairwise(states):
            text += f" {'->' if state & 1 == UP else '<-'} {names[following >> 1]}"
        return [state >> 1 for state in states], text
