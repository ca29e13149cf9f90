r"""Minimum degree on a quotient graph: what has been eliminated is kept as elements, and nothing is ever filled in.

Eliminated latents that touch form an *element*; its *reach*, a set listed once, is what they are next to. The
neighbors of a latent v are those that it has in the moral graph and the reaches of the elements it is next to:

.. math:: \mathrm{near}(v) = A(v) \cup \bigcup_{e \sim v} \mathrm{reach}(e)

Eliminating v makes one element of those next to it, at the cost of their size, not of its square. Latents next
to one element e alone have degree :math:`|\mathrm{reach}(e)| - 1 + |A(v) \setminus \mathrm{reach}(e)|`: their
order among each other changes only where the last term does, so they stand in a queue of the element and only
the first of them is scored. Those next to several elements are scored one by one, exactly: with reaches as bits
a union costs no more than the upper bound of Amestoy, Davis & Duff. Latents that are not yet eligible are not scored.

Sources: George & Liu 1989 (quotient graphs, element absorption, mass elimination); Amestoy, Davis & Duff 1996.
"""

from __future__ import annotations

import math
from heapq import heappop, heappush

from retrodict.invert.bits import list_bits
from retrodict.invert.engine.adjacency import Adjacency
from retrodict.invert.engine.latentgraph import Ordering, Precedence

Turn = tuple[int, int, int]  # score, minus the step since which it may go, the latent
Entry = tuple[int, int, int, int]  # the same, and the element in whose queue it stands, NONE: in no queue

NONE = -1


class Quotient:
    """One run of minimum degree. An element has the name of one of its latents."""

    def __init__(self, adjacency: Adjacency, precedence: Precedence) -> None:
        m = adjacency.n_latents
        self.latents = (1 << m) - 1
        self.around = adjacency.around
        self.left = (1 << len(self.around)) - 1  # what has not been eliminated
        self.elements: list[list[int]] = [[] for _ in range(m)]  # next to each latent; some are absorbed by now
        self.absorbed_by = list(range(m))
        self.reach = [0] * m
        self.size = [0] * m
        self.queue: list[list[Turn]] = [[] for _ in range(m)]
        self.posted: list[Entry | None] = [None] * m  # of each element, what stands for its queue on the heap
        self.heap: list[Entry] = []
        self.waiting: list[int] = precedence.waiting.tolist()
        self.released = precedence.released.lists
        self.since = [0] * m
        self.ready = self.alone = 0  # those that may go, and of them those in no queue
        self.near = [0] * m  # of those alone: their neighbors and themselves,
        self.degree = [NONE] * m  # and how many
        self.outside = [NONE] * m  # of those in a queue: neighbors that the element does not reach
        self.order: list[int] = []

    def run(self, most_edges: float = math.inf) -> Ordering | None:
        """Eliminate all latents and return them in order; None as soon as this takes too many edges."""
        n_edges, waiting, released = 0, self.waiting, self.released
        for v in [v for v, count in enumerate(waiting) if count == 0]:
            self._admit(v, NONE)
        for _ in range(len(waiting)):
            degree, v = self._pop()
            n_edges += degree
            self.order.append(v)
            e = self._eliminate(v)
            if n_edges + self._count_joined(e) > most_edges:
                return None
            for u in released[v]:
                waiting[u] -= 1
                if waiting[u] == 0:
                    self._admit(u, e)
            self._post(e)
        return Ordering(self.order, n_edges)

    def _count_joined(self, e: int) -> int:
        """Return how many edges join what an element reaches: all of them will be edges of the inverse."""
        k = (self.reach[e] & self.latents).bit_count()
        return k * (self.size[e] - k) + k * (k - 1) // 2

    def _pop(self) -> tuple[int, int]:
        """Take the latent with the lowest degree off the heap; return both."""
        while True:
            entry = heappop(self.heap)
            degree, _, v, e = entry
            if e == NONE:
                if self.degree[v] == degree:
                    return degree, v
            elif self.posted[e] is entry:
                if self.outside[v] >= 0:
                    heappop(self.queue[e])
                    return degree, v
                self._post(e)  # it has left the queue: a second element is next to it now

    def _eliminate(self, v: int) -> int:
        """Make one element of a latent and those next to it, place anew whom that concerns, and return the element."""
        bit = 1 << v
        self.left ^= bit
        self.ready ^= bit
        self.alone &= ~bit
        self.outside[v] = self.degree[v] = NONE
        found = self._find_elements(v)
        e, shared = v, 0
        if found:
            e = found[0]
            if len(found) > 1:
                e = max(found, key=self.size.__getitem__)
        before = inside = self.reach[e] & ~bit
        if len(found) > 1:
            inside, shared = self._absorb(found, e, before)
            inside &= ~bit
        new = self.around[v] & self.left & ~inside
        self.reach[e] = reach = inside | new
        self.size[e] = reach.bit_count()
        for u in list_bits(new & self.latents):
            self.elements[u].append(e)
        if reach != before:
            self._place_new(reach, before)
        if before & self.alone:
            self._widen(reach, before, shared)
        return e

    def _absorb(self, found: list[int], e: int, reach: int) -> tuple[int, int]:
        """Let one element absorb the others; return what they all reach, and what several of them reach."""
        shared = 0
        for other in found:
            if other != e:
                shared |= reach & self.reach[other]
                reach |= self.reach[other]
                self.absorbed_by[other] = e
                self.reach[other], self.queue[other], self.posted[other] = 0, [], None
        return reach, shared

    def _place_new(self, reach: int, before: int) -> None:
        """Place those anew that an element did not reach before, and those in its queue that are next to such."""
        new, around = reach & ~before, self.around
        concerned = new
        if before & self.ready & ~self.alone:
            for b in list_bits(new):
                concerned |= around[b]
        for u in list_bits(concerned & reach & self.ready & ~(self.alone & before)):
            self._place(u)

    def _widen(self, reach: int, before: int, shared: int) -> None:
        """Score those anew that stand alone next to a changed element; who is next to no other now gets in line."""
        near, left, degree, heap = self.near, self.left, self.degree, self.heap
        for u in list_bits(shared & before & self.alone):
            if len(self._find_elements(u)) == 1:
                self._place(u)
        for u in list_bits(before & self.alone):
            near[u] = wide = (near[u] | reach) & left
            size = wide.bit_count() - 1
            if size != degree[u]:
                degree[u] = size
                heappush(heap, (size, self.since[u], u, NONE))

    def _admit(self, v: int, changed: int) -> None:
        """Let a latent go from now on; the element that has just changed is posted later."""
        self.since[v] = -len(self.order)
        self.ready |= 1 << v
        e = self._place(v)
        if e not in (NONE, changed) and self.queue[e][0][2] == v:
            self._post(e)

    def _place(self, v: int) -> int:
        """Put a latent in the queue of its only element and return that, or on the heap by itself."""
        found = self._find_elements(v)
        if len(found) != 1:
            return self._place_alone(v, found)
        e = found[0]
        outside = (self.around[v] & self.left & ~self.reach[e]).bit_count()
        self.outside[v] = outside
        if self.degree[v] != NONE:
            self.degree[v] = NONE
            self.alone ^= 1 << v
        heappush(self.queue[e], (outside, self.since[v], v))
        return e

    def _place_alone(self, v: int, found: list[int]) -> int:
        wide = self.around[v] & self.left | 1 << v
        for e in found:
            wide |= self.reach[e]
        self.near[v], self.outside[v] = wide, NONE
        self.alone |= 1 << v
        size = wide.bit_count() - 1
        if size != self.degree[v]:
            self.degree[v] = size
            heappush(self.heap, (size, self.since[v], v, NONE))
        return NONE

    def _post(self, e: int) -> None:
        """Put the first of a queue on the heap; those are passed over that have moved in it or left it."""
        queue, outside = self.queue[e], self.outside
        while queue and outside[queue[0][2]] != queue[0][0]:
            heappop(queue)
        if not queue:
            self.posted[e] = None
            return
        beyond, since, v = queue[0]
        self.posted[e] = entry = (self.size[e] - 1 + beyond, since, v, e)
        heappush(self.heap, entry)

    def _find_elements(self, v: int) -> list[int]:
        """Return the elements next to a latent, those absorbed replaced by what has absorbed them."""
        elements, absorbed_by = self.elements[v], self.absorbed_by
        if len(elements) == 1 and absorbed_by[elements[0]] == elements[0]:
            return elements
        found = []
        for e in elements:
            while absorbed_by[e] != e:
                absorbed_by[e] = e = absorbed_by[absorbed_by[e]]
            if e not in found:
                found.append(e)
        self.elements[v] = found
        return found
