"""What is known of a generative model beforehand: tiers of latents, edges that must be and edges that must not."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass

from retrodict.errors import GraphError
from retrodict.generate.encoder_graph import EncoderGraph
from retrodict.graph.names import Name, list_entries, require_list

Pair = tuple[int, int]


@dataclass(frozen=True)
class PriorKnowledge:
    """``before[v]`` must be drawn before ``v``; ``required`` and ``forbidden`` are edges (parent, child) by number."""

    before: tuple[frozenset[int], ...]
    required: frozenset[Pair]
    forbidden: frozenset[Pair]

    def add_required(self, child: int, needed: Iterable[int]) -> list[int]:
        """Return the parents of a variable: those that it needs, and those that it must have."""
        return sorted({*needed, *(parent for parent, other in self.required if other == child)})

    def forbids(self, child: int, needed: Iterable[int]) -> bool:
        """Return whether one of these must not be a parent."""
        return any((parent, child) in self.forbidden for parent in needed)


def read_knowledge(
    graph: EncoderGraph,
    tiers: Iterable[Iterable[Name]],
    required: Iterable[tuple[Name, Name]],
    forbidden: Iterable[tuple[Name, Name]],
) -> PriorKnowledge:
    """Return what a user knows, or raise `GraphError` for what contradicts itself, and for unknown names."""
    wanted, unwanted = (
        _read_edges(graph, edges, what) for edges, what in ((required, "required="), (forbidden, "forbidden="))
    )
    both = wanted & unwanted
    if both:
        parent, child = graph.net.to_names(min(both))
        raise GraphError(
            "an edge is both required and forbidden, from and to {names}", [parent, child], remedy="Choose one."
        )
    before: list[set[int]] = [set() for _ in graph.net.names]
    for parent, child in wanted:
        before[child].add(parent)
    above: set[int] = set()
    for names in list_entries(tiers, "tiers="):
        tier = [_find_latent(graph, name, "tiers=") for name in require_list(names, "a tier")]
        for v in tier:
            before[v] |= above
        above |= set(tier)
    return PriorKnowledge(tuple(map(frozenset, before)), wanted, unwanted)


def _find_latent(graph: EncoderGraph, name: Name, what: str) -> int:
    number = graph.net.index(name)
    if number in graph.observed:
        raise GraphError(f"{what} names {{names}}, which is observed", [name], remedy="Name latents; data come last.")
    return number


def _read_edges(graph: EncoderGraph, edges: Iterable[tuple[Name, Name]], what: str) -> frozenset[Pair]:
    pairs = set()
    for edge in list_entries(edges, what):
        if not isinstance(edge, tuple | list) or len(edge) != 2:
            raise GraphError(
                f"{what} must have pairs (parent, child), not {{names}}", [repr(edge)], remedy="Write [('z', 'x')]."
            )
        parent, child = map(graph.net.index, edge)
        if parent in graph.observed and child in graph.latents:
            raise GraphError(
                f"{what} has an edge from data to a latent, {{names}}",
                edge,
                remedy="In a generative model p(z) p(x | z) latents come before data.",
            )
        pairs.add((parent, child))
    return frozenset(pairs)
