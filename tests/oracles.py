"""Slow and obvious answers, to compare the fast ones with. Nothing here comes from retrodict.

Variables are small integers and sets of them are bit masks: the set {0, 2} is 0b101. That keeps the definitions
short, and fast enough to run over every small graph.
"""

from __future__ import annotations

import itertools
from collections.abc import Callable, Collection, Hashable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from functools import cached_property
from math import inf

import numpy as np

Name = Hashable
Parents = Mapping[Name, Collection[Name]]
Separated = Callable[[int, int, int], bool]


def list_bits(mask: int) -> list[int]:
    """The members of a set."""
    return [i for i in range(mask.bit_length()) if mask >> i & 1]


def to_bits(members: Iterable[int]) -> int:
    """The set of these members."""
    return sum(1 << i for i in members)


@dataclass(frozen=True)
class Dag:
    """A directed acyclic graph: ``parents[v]`` is the set of the parents of ``v``, all smaller than ``v``."""

    parents: tuple[int, ...]

    def __len__(self) -> int:
        return len(self.parents)

    @cached_property
    def children(self) -> list[int]:
        return [to_bits(v for v in range(len(self)) if self.parents[v] >> u & 1) for u in range(len(self))]

    @cached_property
    def neighbors(self) -> list[int]:
        return [above | below for above, below in zip(self.parents, self.children, strict=True)]

    @cached_property
    def ancestors(self) -> list[int]:
        """The ancestors of each variable, itself among them."""
        found: list[int] = []
        for v, above in enumerate(self.parents):
            found.append(1 << v | unite(found[u] for u in list_bits(above)))
        return found

    @cached_property
    def descendants(self) -> list[int]:
        """The descendants of each variable, itself among them."""
        return [to_bits(v for v in range(len(self)) if self.ancestors[v] >> u & 1) for u in range(len(self))]

    def lists(self) -> dict[int, list[int]]:
        """The parents of each variable as `BayesNet` takes them."""
        return {v: list_bits(above) for v, above in enumerate(self.parents)}

    def find_barren(self, observed: int) -> int:
        """The latents without an observed descendant."""
        return to_bits(v for v in range(len(self)) if not self.descendants[v] & observed)


def unite(masks: Iterable[int]) -> int:
    """The union of sets."""
    union = 0
    for mask in masks:
        union |= mask
    return union


# -- every graph -----------------------------------------------------------------------------------


def list_dags(n: int) -> Iterator[Dag]:
    """Every graph of ``n`` variables whose edges go from a smaller to a larger number."""
    for parents in itertools.product(*(range(1 << v) for v in range(n))):
        yield Dag(parents)


def list_dags_up_to_isomorphism(n: int) -> list[Dag]:
    """One graph for every shape: 1, 2, 6, 31, 302 for n = 1 to 5 (OEIS A003087)."""
    permutations = list(itertools.permutations(range(n)))
    seen: set[frozenset[tuple[int, int]]] = set()
    chosen = []
    for dag in list_dags(n):
        edges = [(u, v) for v, above in enumerate(dag.parents) for u in list_bits(above)]
        if frozenset(edges) not in seen:
            seen |= {frozenset((p[u], p[v]) for u, v in edges) for p in permutations}
            chosen.append(dag)
    return chosen


def list_observations(n: int) -> range:
    """Every set of observed variables that leaves something observed and something latent."""
    return range(1, (1 << n) - 1)


def list_pairs_up_to_isomorphism(n: int) -> list[tuple[Dag, int]]:
    """One graph with a set of observed variables for every shape; something is observed and something latent.

    A shape of a graph is the least of its adjacency matrices, read as a binary number, over all numberings. Two
    observed sets of one graph are the same pair if a symmetry of the graph takes one to the other.
    """
    numberings = np.array(list(itertools.permutations(range(n))))
    weights = np.exp2(numberings[:, :, None] * n + numberings[:, None, :]).reshape(len(numberings), n * n)
    dags = list(list_dags(n))
    edges = np.array([[above >> u & 1 for u in range(n) for above in dag.parents] for dag in dags], dtype=float)
    least = np.full(len(dags), inf)
    for weight in weights:
        np.minimum(least, edges @ weight, out=least)
    chosen = np.unique(least, return_index=True)[1].tolist()
    codes = edges[chosen] @ weights.T
    masks = np.arange(1 << n)
    images = sum((masks >> v & 1) << numberings[:, v, None] for v in range(n))
    pairs = []
    for dag, code in zip(map(dags.__getitem__, chosen), codes, strict=True):
        symmetries = images[code == code[0]]
        smallest = masks == symmetries.min(axis=0)
        pairs += [(dag, observed) for observed in list_observations(n) if smallest[observed]]
    return pairs


# -- d-separation, twice ---------------------------------------------------------------------------


def list_paths(dag: Dag, start: int, end: int) -> list[tuple[int, ...]]:
    """Every path between two variables, whatever the direction of its edges, without repetition."""
    paths, stack = [], [(start,)]
    while stack:
        path = stack.pop()
        if path[-1] == end:
            paths.append(path)
        else:
            stack += [(*path, v) for v in list_bits(dag.neighbors[path[-1]]) if v not in path]
    return paths


def is_path(dag: Dag, path: Sequence[int]) -> bool:
    """Whether every step is an edge and no variable comes twice."""
    return len(set(path)) == len(path) and all(dag.neighbors[a] >> b & 1 for a, b in itertools.pairwise(path))


def is_collider(dag: Dag, before: int, middle: int, after: int) -> bool:
    return bool(dag.parents[middle] >> before & dag.parents[middle] >> after & 1)


def is_open(dag: Dag, path: Sequence[int], given: int) -> bool:
    """The definition of an open path (Pearl 1988; Koller & Friedman, definition 3.6)."""
    for before, middle, after in zip(path, path[1:], path[2:], strict=False):
        if is_collider(dag, before, middle, after):
            if not dag.descendants[middle] & given:
                return False
        elif given >> middle & 1:
            return False
    return True


class Paths:
    """d-separation by its definition: no path is open. All paths of a graph are listed beforehand."""

    def __init__(self, dag: Dag) -> None:
        self.tolls = {
            (a, b): [self._find_toll(dag, path) for path in list_paths(dag, a, b)]
            for a, b in itertools.combinations(range(len(dag)), 2)
        }

    @staticmethod
    def _find_toll(dag: Dag, path: Sequence[int]) -> tuple[int, list[int], int]:
        """What must not be given, the sets of which one member each must be given, and the length."""
        inner = list(zip(path, path[1:], path[2:], strict=False))
        colliders = [middle for a, middle, b in inner if is_collider(dag, a, middle, b)]
        blockers = to_bits(path[1:-1]) & ~to_bits(colliders)
        return blockers, [dag.descendants[c] for c in colliders], len(path)

    def list_open_lengths(self, a: int, b: int, given: int) -> list[int]:
        """The numbers of variables of all open paths."""
        tolls = self.tolls[min(a, b), max(a, b)]
        return [n for blockers, openers, n in tolls if not blockers & given and all(o & given for o in openers)]

    def separated(self, a: int, b: int, given: int) -> bool:
        return not self.list_open_lengths(a, b, given)


def separated_in_moral_graph(dag: Dag, a: int, b: int, given: int) -> bool:
    """d-separation by another theorem: no way round ``given`` in the moral graph of all ancestors (Lauritzen 1990)."""
    kept = unite(dag.ancestors[v] for v in list_bits(given | 1 << a | 1 << b))
    reached, stack = 1 << a, [a]
    while stack:
        v = stack.pop()
        below = dag.children[v] & kept
        near = dag.parents[v] | below | unite(dag.parents[child] for child in list_bits(below))
        new = near & ~reached & ~given
        reached |= new
        stack += list_bits(new)
    return not reached >> b & 1


# -- minimal parents -------------------------------------------------------------------------------


def find_boundaries(separated: Separated, child: int, known: int) -> list[int]:
    """Every smallest subset of the known variables given which the child is separated from the rest of them.

    Smallest by inclusion. There is only one (d-separation has the intersection property): a test holds it to that.
    """
    found: list[int] = []
    for size in range(known.bit_count() + 1):
        for members in itertools.combinations(list_bits(known), size):
            subset = to_bits(members)
            smaller = any(one & subset == one for one in found)
            if not smaller and all(separated(child, u, subset) for u in list_bits(known & ~subset)):
                found.append(subset)
    return found


def find_needed(separated: Separated, child: int, known: int) -> int:
    """The known variables that matter to the child although all other known ones are given."""
    return to_bits(u for u in list_bits(known) if not separated(child, u, known & ~(1 << u)))


def find_border(dag: Dag, child: int, known: int) -> int:
    """The same in one walk: the known variables on the border of what the child reaches in a moral graph.

    It is one graph for all questions about a child: that of the ancestors of the child and all known variables.
    """
    kept = unite(dag.ancestors[v] for v in list_bits(known | 1 << child))
    reached, stack = 1 << child, [child]
    while stack:
        v = stack.pop()
        below = dag.children[v] & kept
        near = (dag.parents[v] | below | unite(dag.parents[child] for child in list_bits(below))) & ~reached
        reached |= near
        stack += list_bits(near & ~known)
    return reached & known


def find_minimal_parents(
    find: Callable[[int, int], int], sampling: Iterable[int], observed: int
) -> dict[int, list[int]]:
    """The parents of each latent when latents are drawn in this order; ``find(child, known)`` chooses them."""
    known, parents = observed, {}
    for latent in sampling:
        parents[latent] = list_bits(find(latent, known))
        known |= 1 << latent
    return parents


def is_faithful(dag: Dag, observed: int, guide: Mapping[int, Collection[int]]) -> bool:
    """Whether the model implies every independence that a guide states. No order enters.

    The guide states: given its parents, a latent is independent of everything else that is not its descendant
    in the guide (local Markov property; Koller & Friedman, definition 3.1).
    """
    everything = (1 << len(dag)) - 1
    for latent, listed in guide.items():
        parents = to_bits(listed)
        others = everything & ~parents & ~_find_guided(guide, latent)
        if not all(separated_in_moral_graph(dag, latent, other, parents) for other in list_bits(others)):
            return False
    return True


def _find_guided(guide: Mapping[int, Collection[int]], latent: int) -> int:
    """A latent and its descendants in a guide."""
    found = {latent}
    while True:
        more = {child for child, parents in guide.items() if found & set(parents)} - found
        if not more:
            return to_bits(found)
        found |= more


# -- elimination, on sets of names -----------------------------------------------------------------


def find_barren_names(parents: Parents, observed: Collection[Name]) -> set[Name]:
    """The latents without an observed descendant."""
    informed = set(observed)
    while more := {parent for name in informed for parent in parents[name]} - informed:
        informed |= more
    return set(parents) - informed


def marry(parents: Parents) -> dict[Name, set[Name]]:
    """The moral graph: families are joined."""
    neighbors: dict[Name, set[Name]] = {name: set() for name in parents}
    for child, above in parents.items():
        for one, other in itertools.permutations({child, *above}, 2):
            neighbors[one].add(other)
    return neighbors


def take_out(neighbors: dict[Name, set[Name]], name: Name) -> set[Name]:
    """Join the neighbors of a variable pairwise, remove it, and return them."""
    near = neighbors.pop(name)
    for other in near:
        neighbors[other] |= near - {other}
        neighbors[other].discard(name)
    return near


def count_fill(neighbors: dict[Name, set[Name]], name: Name, free: Collection[Name] = ()) -> int:
    """How many pairs of neighbors are not joined yet; pairs inside ``free`` cost nothing."""
    pairs = itertools.combinations(neighbors[name], 2)
    return sum(b not in neighbors[a] and not (a in free and b in free) for a, b in pairs)


def drop(parents: Parents, names: Collection[Name]) -> dict[Name, set[Name]]:
    """The graph without these variables."""
    return {name: set(above) - set(names) for name, above in parents.items() if name not in names}


def eliminate_explicitly(parents: Parents, observed: Collection[Name], order: Iterable[Name]) -> dict[Name, set[Name]]:
    """The inverse along an elimination order; barren latents keep their own parents."""
    barren = find_barren_names(parents, observed)
    neighbors = marry(drop(parents, barren))
    inverse = {name: set(parents[name]) for name in barren}
    for name in order:
        if name not in barren:
            inverse[name] = take_out(neighbors, name)
    return inverse


def count_fewest_edges(dag: Dag, observed: int) -> int:
    """The fewest edges of all elimination orders, by dynamic programming over the sets of eliminated latents.

    When a latent is eliminated, its neighbors are what it reaches through latents eliminated before (Rose, Tarjan
    & Lueker 1976): they depend on the set of these, not on their order. Barren latents keep their own parents.
    """
    barren = dag.find_barren(observed)
    own = sum(dag.parents[v].bit_count() for v in list_bits(barren))
    near = _marry_bits(dag, barren)
    latents = list_bits(((1 << len(dag)) - 1) & ~observed & ~barren)
    fewest = {0: own}
    for size in range(1, len(latents) + 1):
        for members in itertools.combinations(latents, size):
            done = to_bits(members)
            fewest[done] = min(fewest[done ^ 1 << v] + _count_reached(near, v, done) for v in members)
    return fewest[to_bits(latents)]


def _marry_bits(dag: Dag, barren: int) -> list[int]:
    """The moral graph without barren latents."""
    near = [0] * len(dag)
    for child, above in enumerate(dag.parents):
        if not barren >> child & 1:
            family = above | 1 << child
            for v in list_bits(family):
                near[v] |= family & ~(1 << v)
    return near


def _count_reached(near: Sequence[int], start: int, through: int) -> int:
    """How many variables border on what can be reached from here through these latents."""
    reached, left = 1 << start, near[start]
    while new := left & ~reached:
        reached |= new
        left = unite(near[v] for v in list_bits(new & through))
    return (reached & ~through).bit_count()


def invert_as_published(parents: Parents, observed: Collection[Name], direction: str) -> dict[Name, set[Name]]:
    """The algorithm of Webb et al. 2017 (NaMI, algorithm 1), line by line: every latent is eliminated,
    every pair counts as fill; the first frontier is all latents without an upstream latent.
    """
    children = {name: {child for child, above in parents.items() if name in above} for name in parents}
    upstream, downstream = (parents, children) if direction == "forward" else (children, parents)
    latents = set(parents) - set(observed)
    J = marry(parents)
    S = [v for v in parents if v in latents and not set(upstream[v]) & latents]
    inverse: dict[Name, set[Name]] = {}
    while S:
        v = min(S, key=lambda name: count_fill(J, name))
        S.remove(v)
        inverse[v] = take_out(J, v)
        S += [u for u in downstream[v] if u in latents and set(upstream[u]) & latents <= inverse.keys()]
    return inverse


def find_depth(parents: Parents) -> int:
    """The number of latents on the longest chain of an inverse."""
    depths: dict[Name, int] = {}
    while len(depths) < len(parents):
        for name, above in parents.items():
            inner = [parent for parent in above if parent in parents]
            if name not in depths and all(parent in depths for parent in inner):
                depths[name] = 1 + max((depths[parent] for parent in inner), default=0)
    return max(depths.values())


# -- any part of a model given any other ------------------------------------------------------------


def list_questions(n: int) -> Iterator[tuple[int, int]]:
    """Every pair of disjoint sets of ``n`` variables, neither empty: what is given, and what is asked for."""
    for roles in itertools.product(range(3), repeat=n):
        given, asked = (to_bits(v for v in range(n) if roles[v] == role) for role in range(2))
        if given and asked:
            yield given, asked


def count_fewest_asked(find: Callable[[int, int], int], given: int, asked: int) -> int:
    """The fewest edges of all sampling orders of the variables asked for, all others hidden or given.

    ``find(child, known)`` has what a variable needs of those known; it depends on their set, not on their order.
    """
    variables = list_bits(asked)
    fewest = {0: 0}
    for size in range(1, len(variables) + 1):
        for members in itertools.combinations(variables, size):
            drawn = to_bits(members)
            fewest[drawn] = min(fewest[drawn ^ 1 << v] + find(v, given | drawn ^ 1 << v).bit_count() for v in members)
    return fewest[asked]
