r"""Greedy orders of trees and chains, in a few machine words a latent.

The case: the latents' moral graph is a forest whose edges are those of the model, and what is observed hangs
on one latent or on a latent and its parent. Most time series and hierarchies are so. There the score of a
latent follows from counts, and no graph need be kept.

*Children first*. When latent v may go, its subtree is gone, and everything observed below has come up to it:

.. math:: T(v) = \mathrm{own}(v) + \sum_{w \in \mathrm{ch}(v)} (T(w) - \mathrm{shared}(w))

with own(v) what is observed next to v, shared(v) what v and its parent are both next to. Only the parent u
of v is left of its latent neighbors: the degree of v is T(v) + 1, its fill T(v) - shared(v).

*Parents first*. The k latents of a tree that may go are joined with each other and with the o observed
variables next to what is gone. With c children and own' = own - shared, the degree of v is k - 1 + o + own' + c,
and its fill

.. math:: \binom{c}{2} + c\,\mathrm{own}' - \sum_{w \in \mathrm{ch}(v)} \mathrm{shared}(w)
    + c (k - 1 + o) + (k - 1) \mathrm{own}'

Latents with the same three coefficients form a class, whose best member is the one that may go since last.

Source: worked out for this package; the reference engine in the tests holds it to the general definition.
"""

from __future__ import annotations

import math
from dataclasses import dataclass
from heapq import heapify, heappop, heappush, heapreplace
from typing import Literal

import numpy as np

from retrodict.graph.rows import Integers, Rows
from retrodict.invert.engine.latentgraph import Direction, LatentGraph, Ordering, Precedence

Rule = Literal["fill", "degree"]
MOST_KINDS = 64


@dataclass(frozen=True, eq=False)
class Arborescence:
    """A forest of latents: the parent of each (-1: none), its children, and what is observed around it."""

    parent: Integers
    children: Rows
    own: Integers
    shared: Integers


def find_arborescence(graph: LatentGraph, precedence: Precedence, direction: Direction) -> Arborescence | None:
    """Return the forest that the latents form, or None when they do not form one."""
    m, steps = len(graph), precedence.released
    if 2 * len(steps.index) != len(graph.neighbors.index):
        return None
    children = steps if direction == "forward" else steps.transpose(m)
    parents = children.transpose(m)
    if parents.lengths.max(initial=0) > 1:
        return None
    parent = np.full(m, -1, dtype=np.int64)
    parent[parents.lengths == 1] = parents.index
    lower = _find_lower(graph, parent)
    if lower is None:
        return None
    pairs, below = lower
    own = np.bincount(graph.members.index, np.repeat(graph.weights, graph.members.lengths), minlength=m)
    shared = np.bincount(below, graph.weights[pairs], minlength=m)
    return Arborescence(parent, children, own.astype(np.int64), shared.astype(np.int64))


def _find_lower(graph: LatentGraph, parent: Integers) -> tuple[Integers, Integers] | None:
    """Return the groups on a latent and its parent, and that latent; None when some group is on others."""
    sizes = graph.members.lengths
    pairs = np.flatnonzero(sizes == 2)
    first, second = (graph.members.index[graph.members.pointer[pairs] + i] for i in (0, 1))
    if sizes.max(initial=0) > 2 or not ((parent[first] == second) | (parent[second] == first)).all():
        return None
    return pairs, np.where(parent[first] == second, first, second)


def order_children_first(forest: Arborescence, rule: Rule, most_edges: float = math.inf) -> Ordering | None:
    """Return the latents in greedy order, each after all its children; None when this takes too many edges."""
    inner = forest.parent >= 0
    given = _gather_from_below(forest)
    degrees = given + forest.shared + inner
    n_edges = int(degrees.sum())
    if n_edges > most_edges:
        return None
    scores = np.where(inner, given, 0) if rule == "fill" else degrees
    return Ordering(_walk_up(forest, scores.tolist()), n_edges)


def _walk_up(forest: Arborescence, scores: list[int]) -> list[int]:
    m = len(scores)
    parent, waiting = forest.parent.tolist(), forest.children.lengths.tolist()
    heap = [scores[v] * (m + 1) * m + m * m + v for v, children in enumerate(waiting) if children == 0]
    heapify(heap)
    order: list[int] = []
    while heap:
        v = heappop(heap) % m
        order.append(v)
        u = parent[v]
        if u >= 0:
            waiting[u] -= 1
            if waiting[u] == 0:  # the later a latent comes in, the smaller its key among those of equal score
                heappush(heap, (scores[u] * (m + 1) + m - len(order)) * m + u)
    return order


def _gather_from_below(forest: Arborescence) -> Integers:
    """Return for each latent how many observed variables it passes on to its parent."""
    parent, gives = forest.parent.tolist(), (forest.own - forest.shared).tolist()
    waiting = forest.children.lengths.tolist()
    ready = [v for v, children in enumerate(waiting) if children == 0]
    for v in ready:  # the list grows while it is read
        u = parent[v]
        if u >= 0:
            gives[u] += gives[v]
            waiting[u] -= 1
            if waiting[u] == 0:
                ready.append(u)
    return np.array(gives, dtype=np.int64)


Key = tuple[int, int, int]  # score, minus the step since which it may go, the latent


@dataclass(slots=True)
class _Top:
    """One tree of which the top is gone: k latents may go, o observed variables are next to what is gone.

    ``stacks`` holds those k by kind, each with the key it has among its kind: on top the one that came last.
    """

    k: int
    o: int
    stacks: dict[int, list[tuple[int, int]]]

    def find_best(self, kinds: list[list[int]]) -> Key:
        """Return the latent to go next, with its score."""
        others, around = self.k - 1, self.k - 1 + self.o
        best: Key | None = None
        for i, stack in self.stacks.items():
            fixed, slope, extra = kinds[i]
            key = (fixed + slope * around + extra * others, *stack[-1])
            if best is None or key < best:
                best = key
        return best or (0, 0, -1)

    def take(self, kind: int) -> None:
        """Take the last of a kind away."""
        stack = self.stacks[kind]
        if len(stack) == 1:
            del self.stacks[kind]
        else:
            stack.pop()

    def put(self, kind: int, step: int, latent: int) -> None:
        """Let a latent go from now on."""
        stack = self.stacks.get(kind)
        if stack is None:
            self.stacks[kind] = [(-step, latent)]
        else:
            stack.append((-step, latent))


def has_few_kinds(forest: Arborescence, rule: Rule) -> bool:
    """Say whether `order_parents_first` is fast: a step takes time in the kinds of latents that may go together."""
    return len(_classify(forest, rule)[0]) <= MOST_KINDS or forest.children.lengths.max() <= 1


def order_parents_first(forest: Arborescence, rule: Rule, most_edges: float = math.inf) -> Ordering | None:
    """Return the latents in greedy order, each after its parent; None when this takes too many edges."""
    kinds, kind = _classify(forest, rule)
    return _walk_down(forest, kinds.tolist(), kind.tolist(), most_edges)


def _classify(forest: Arborescence, rule: Rule) -> tuple[Integers, Integers]:
    """Return the different coefficients of scores, and for each latent which of them it has."""
    c, own = forest.children.lengths, forest.own - forest.shared
    inner = np.flatnonzero(forest.parent >= 0)
    joined = np.bincount(forest.parent[inner], forest.shared[inner], minlength=len(c)).astype(np.int64)
    if rule == "fill":
        coefficients = np.column_stack([c * (c - 1) // 2 + c * own - joined, c, own])
    else:
        coefficients = np.column_stack([own + c, np.ones_like(c), np.zeros_like(c)])
    kind = np.zeros(len(c), dtype=np.int64)
    for column in coefficients.T:  # rank column by column: unique rows of three columns take ten times as long
        kind = _rank(kind * (int(column.max()) + 1) + column)
    kinds = np.empty((int(kind.max()) + 1, 3), dtype=np.int64)
    kinds[kind] = coefficients
    return kinds, kind


def _rank(values: Integers) -> Integers:
    """Return for each value its place among the different ones."""
    ordered = np.sort(values)
    different = ordered[np.append(True, ordered[1:] != ordered[:-1])]
    return np.searchsorted(different, values)


def _walk_down(forest: Arborescence, kinds: list[list[int]], kind: list[int], most_edges: float) -> Ordering | None:
    own = (forest.own - forest.shared).tolist()
    flat, stops = forest.children.index.tolist(), forest.children.pointer.tolist()
    tops = [_Top(1, 0, {kind[v]: [(0, v)]}) for v in np.flatnonzero(forest.parent < 0).tolist()]
    heap = [(top.find_best(kinds), i) for i, top in enumerate(tops)]
    heapify(heap)
    order: list[int] = []
    n_edges = 0
    while heap:
        (_, _, v), i = heap[0]
        top = tops[i]
        order.append(v)
        top.take(kind[v])
        children = flat[stops[v] : stops[v + 1]]
        n_edges += top.k - 1 + top.o + own[v] + len(children)
        if n_edges > most_edges:
            return None
        for child in reversed(children):  # the smallest number on top
            top.put(kind[child], len(order), child)
        top.k += len(children) - 1
        top.o += own[v]
        if top.k:
            heapreplace(heap, (top.find_best(kinds), i))
        else:
            heappop(heap)
    return Ordering(order, n_edges)
