r"""What each variable needs of those known before it, in any order, whatever is known and whatever is hidden.

A variable :math:`v` needs the known neighbors of its component among the unknown in the moral graph of
:math:`\mathrm{An}(K \cup v)` (Lauritzen et al. 1990). One search a variable finds them: no order is too odd, nothing is
filled in, and what is not known is integrated out by not being known.
"""

from __future__ import annotations

from collections.abc import Iterable

from retrodict.graph.bayesnet import BayesNet


class Borders:
    """What is known so far, and all that is above it.

    >>> net = BayesNet({"h": [], "a": ["h"], "b": ["h"], "x": ["a"]}, observed=["x"])
    >>> borders = Borders(net, [net.index("x")])
    >>> [net.to_names(borders.draw(net.index(name))) for name in ("b", "a")]
    [('x',), ('b', 'x')]
    """

    def __init__(self, net: BayesNet, known: Iterable[int]) -> None:
        self.parents, self.children = net.parent_rows.lists, net.child_rows.lists
        self.known, self.alive = [False] * len(net), [False] * len(net)
        for variable in known:
            self.learn(variable)

    def learn(self, variable: int) -> None:
        """Take a variable as known from now on."""
        self.known[variable] = True
        self._enliven(variable)

    def draw(self, variable: int) -> list[int]:
        """Return what a variable needs of what is known, ascending, and take it as known from now on."""
        self._enliven(variable)
        needed = self._find(variable)
        self.known[variable] = True
        return needed

    def _enliven(self, variable: int) -> None:
        stack = [variable]
        while stack:
            v = stack.pop()
            if not self.alive[v]:
                self.alive[v] = True
                stack += self.parents[v]

    def _find(self, variable: int) -> list[int]:
        """Go through whole families, each once, from unknown member to unknown member."""
        reached, joined, stack = {variable}, set[int](), [variable]
        needed: list[int] = []
        while stack:
            v = stack.pop()
            for family in (v, *self.children[v]):
                if family in joined or not self.alive[family]:
                    continue
                joined.add(family)
                for member in (family, *self.parents[family]):
                    if member not in reached:
                        reached.add(member)
                        (needed if self.known[member] else stack).append(member)
        return sorted(needed)
