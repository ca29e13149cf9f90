r"""The best elimination order of a part, with proof: branch and bound over connected sets of latents.

Let C be a connected set of latents and N(C) its neighbors outside, none of which is eliminated before all of
C is. Whichever latent v of C goes last has the parents N(C), all of them, and leaves the components of
C - v, which no longer meet. So the best value of C follows from those of smaller sets,

    edges beyond those of the graph   F(C) = min over v of  |N(C) - N(v)| + sum of F(C')
    width                             W(C) = min over v of  max(|N(C)|, max of W(C'))
    depth                             D(C) = min over v of  1 + max(tail of v, max of D(C'))

over the components C' of C - v, a recursion over elimination trees. A set is solved once. A search with
a bound that fails proves a lower bound, which is kept as well; the value returned is proved because every
other choice of v has been solved or has a lower bound that is no better.

Sources: Bodlaender, Fomin, Koster, Kratsch & Thilikos, On exact algorithms for treewidth, 2012 (dynamic
programming over sets); Bouchitte & Todinca 2001 (connected sets and their neighbors); Pothen 1988 (depth).
"""

from __future__ import annotations

from abc import ABC, abstractmethod

from retrodict.errors import OrderError
from retrodict.invert.bits import list_bits, pack_bits
from retrodict.invert.search.components import Part, peel, split
from retrodict.invert.search.ranking import rank_forest

# Larger problems are refused: 30 latents of a sparse random model take a minute or two.
MOST_LATENTS = 30
MOST_SETS = 1_000_000
MOST = 1 << 60


class TooManySetsError(Exception):
    """A search has met more sets of latents than it may."""


class _Search(ABC):
    """What is known of connected sets: proved ``lower`` bounds, values reached, and the ``root`` that reaches each."""

    def __init__(self, part: Part, most_sets: int) -> None:
        self.near = part.near
        self.tails = part.tails
        self.most_sets = most_sets
        self.lower: dict[int, int] = {}
        self.reached: dict[int, int] = {}
        self.root: dict[int, int] = {}

    @abstractmethod
    def bound(self, inside: int, outside: int) -> int:
        """Return a lower bound that takes little time; solve the set where that takes no more."""

    @abstractmethod
    def solve(self, inside: int, outside: int, most: int) -> int:
        """Return the value of a set if it is at most ``most``, otherwise a larger number that is not above it."""

    def look_up(self, inside: int, outside: int) -> int:
        """Return the best bound known of a set."""
        known = self.lower.get(inside)
        if known is None:
            if len(self.lower) >= self.most_sets:
                raise TooManySetsError
            known = self.lower[inside] = self.bound(inside, outside)
        return known

    def settle(self, inside: int, outside: int) -> int:
        """Return the value of a set: raise the bound until it is reached."""
        most = self.look_up(inside, outside)
        while (least := self.solve(inside, outside, most)) > most:
            most = least
        return least

    def record(self, inside: int, value: int, root: int) -> None:
        """Keep a value that a root reaches."""
        self.reached[inside] = value
        self.root[inside] = root

    def read_order(self, inside: int) -> list[int]:
        """Return the order that the recorded roots of a set and of what they leave give, the roots last."""
        order, stack = [], [inside]
        while stack:
            component = stack.pop()
            root = self.root.get(component, component.bit_length() - 1)  # none recorded: any will do
            order.append(root)
            stack += [smaller for smaller, _ in split(self.near, component ^ (1 << root))]
        return order[::-1]


class _FillSearch(_Search):
    """Fewest edges beyond those that the graph has already."""

    def bound(self, inside: int, outside: int) -> int:
        least = min((outside & ~self.near[v]).bit_count() for v in list_bits(inside))
        if not inside & (inside - 1):
            self.record(inside, least, inside.bit_length() - 1)
        return least

    def solve(self, inside: int, outside: int, most: int) -> int:
        lower = self.look_up(inside, outside)
        if lower > most or inside in self.reached:
            return lower
        least, best, beyond = most + 1, -1, MOST
        latents = list_bits(inside)
        added = {v: (outside & ~self.near[v]).bit_count() for v in latents}
        # Few new edges first, then many neighbors: their removal leaves small components.
        for v in sorted(latents, key=lambda v: (added[v], -(self.near[v] & inside).bit_count())):
            if added[v] >= least:
                beyond = min(beyond, added[v])
                break
            total = self._add_up(split(self.near, inside ^ (1 << v)), added[v], least)
            if total < least:
                least, best = total, v
                if least == lower:
                    break
            beyond = min(beyond, total)
        self.lower[inside] = least if best >= 0 else max(least, beyond)
        if best >= 0:
            self.record(inside, least, best)
        return self.lower[inside]

    def _add_up(self, components: list[tuple[int, int]], total: int, least: int) -> int:
        """Return the sum of values of components, or any number from ``least`` on once it must be that large."""
        bounds = [self.look_up(*component) for component in components]
        total += sum(bounds)
        for component, bound in zip(components, bounds, strict=True):
            if total >= least:
                break
            total += self.solve(*component, least - 1 - total + bound) - bound
        return total


class _BottleneckSearch(_Search):
    """Least largest cost; ``step`` is what it costs a component to hang below a root."""

    step: int

    @abstractmethod
    def cost(self, v: int, outside: int) -> int:
        """Return what a root costs by itself."""

    @abstractmethod
    def is_light(self, inside: int, outside: int, most: int) -> bool:
        """Whether any order at all stays within the bound."""

    def solve(self, inside: int, outside: int, most: int) -> int:
        lower = self.look_up(inside, outside)
        if lower > most:
            return lower
        if self.reached.get(inside, MOST) <= most:
            return self.reached[inside]
        latents = list_bits(inside)
        least = MOST
        for v in sorted(latents, key=lambda v: -(self.near[v] & inside).bit_count()):
            if self.is_dominated(v, latents, inside):
                continue
            value = max(self.cost(v, outside), self._find_worst(split(self.near, inside ^ (1 << v)), most))
            if value <= most:
                self.record(inside, value, v)
                return value
            least = min(least, value)
        self.lower[inside] = least
        return least

    def is_dominated(self, v: int, latents: list[int], inside: int) -> bool:
        """Whether another root is at least as good."""
        return False

    def _find_worst(self, components: list[tuple[int, int]], most: int) -> int:
        worst = self.step + max((self.look_up(*component) for component in components), default=-self.step)
        for component in components:
            if worst > most:
                break
            if not self.is_light(*component, most - self.step):
                worst = max(worst, self.step + self.solve(*component, most - self.step))
        return worst


class _WidthSearch(_BottleneckSearch):
    """Least size of the largest parent set."""

    step = 0

    def bound(self, inside: int, outside: int) -> int:
        # Whichever latent goes first has at least the neighbors it has now.
        return max(outside.bit_count(), min(self.near[v].bit_count() for v in list_bits(inside)))

    def cost(self, v: int, outside: int) -> int:
        return outside.bit_count()

    def is_light(self, inside: int, outside: int, most: int) -> bool:
        return outside.bit_count() + inside.bit_count() - 1 <= most


class _DepthSearch(_BottleneckSearch):
    """Least number of latents on the longest chain."""

    step = 1

    def bound(self, inside: int, outside: int) -> int:
        """Return one more than the degeneracy: a subgraph in which all have k neighbors needs k + 1 levels."""
        longest = 1 + max(self.tails[v] for v in list_bits(inside))
        left, most = inside, 0
        while left.bit_count() > most:
            degrees = {v: (self.near[v] & left).bit_count() for v in list_bits(left)}
            v = min(degrees, key=degrees.__getitem__)
            most = max(most, degrees[v])
            left ^= 1 << v
        return max(longest, most + 1)

    def cost(self, v: int, outside: int) -> int:
        return 1 + self.tails[v]

    def is_light(self, inside: int, outside: int, most: int) -> bool:
        return inside.bit_count() + max(self.tails[v] for v in list_bits(inside)) <= most

    def is_dominated(self, v: int, latents: list[int], inside: int) -> bool:
        """Whether another has all its neighbors and no shorter tail: the two may change places."""
        mine = self.near[v] & inside
        for u in latents:
            if u != v and self.tails[v] <= self.tails[u] and not mine & ~self.near[u] & ~(1 << u):
                theirs = self.near[u] & inside
                mutual = self.tails[v] == self.tails[u] and not theirs & ~self.near[v] & ~(1 << v)
                if not mutual or u < v:
                    return True
        return False


SEARCHES: dict[str, type[_Search]] = {"edges": _FillSearch, "width": _WidthSearch, "depth": _DepthSearch}


def order_exactly(part: Part, minimize: str, *, most_sets: int = MOST_SETS) -> list[int]:
    """Return an elimination order of a part with the proved least edges, width or depth.

    Simplicial latents are peeled off first; for the depth they are not, but trees are ranked. Raises
    `TooManySetsError` when the proof would take more than ``most_sets`` sets of latents.

    >>> order_exactly(Part((0, 1, 2), (0b010, 0b101, 0b010), (0, 0, 0)), "depth")  # the middle of a path last
    [0, 2, 1]
    """
    if minimize == "depth" and is_tree(part):
        return _rank(part)
    peeled, left = ([], part.all) if minimize == "depth" else peel(part)
    search = SEARCHES[minimize](_without(part, peeled), most_sets)
    order = list(peeled)
    for inside, outside in split(search.near, left):
        search.settle(inside, outside)
        order += search.read_order(inside)
    return order


def count_hard(part: Part, minimize: str) -> int:
    """Return how many latents of a part are left to search over once the simplicial ones are peeled off.

    For the depth nothing is peeled, but a tree of any size is easy.
    """
    if minimize == "depth":
        return 0 if is_tree(part) else len(part)
    return peel(part)[1].bit_count()


def is_tree(part: Part) -> bool:
    """Whether no two paths join two latents of a part."""
    return sum((mask & part.all).bit_count() for mask in part.near) == 2 * (len(part) - 1)


def _rank(part: Part) -> list[int]:
    """Return the shallowest order of a tree."""
    rank = rank_forest({v: list_bits(mask & part.all) for v, mask in enumerate(part.near)}, part.tails)
    return sorted(rank, key=lambda v: (rank[v], v))


def refuse(names: tuple[object, ...], why: str) -> OrderError:
    """Build the error for a part that is too large to be solved exactly."""
    return OrderError(
        f"order='exact' cannot prove an optimum for {len(names)} connected latents ({{names}}): {why}",
        names,
        remedy="Use order='auto', which finds good orders of any size without proof.",
    )


def _without(part: Part, peeled: list[int]) -> Part:
    """Return a part whose peeled latents nobody sees any more."""
    gone = pack_bits(peeled)
    return Part(part.variables, tuple(mask & ~gone for mask in part.near), part.tails)
