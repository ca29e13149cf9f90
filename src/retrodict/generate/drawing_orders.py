"""In which order a generative model draws its latents: the one with the fewest edges that is found, or proved."""

from __future__ import annotations

from collections.abc import Sequence
from math import inf

from retrodict.errors import GraphError
from retrodict.generate.encoder_graph import EncoderGraph
from retrodict.generate.prior_knowledge import PriorKnowledge
from retrodict.graph.borders import Borders
from retrodict.invert.search.improvement import Allowance
from retrodict.invert.search.reinsertion import reinsert

# Up to this many latents all sets of them are gone through: some thousand searches of the graph.
MOST_PROVED = 9


def find_drawing_order(graph: EncoderGraph, known: PriorKnowledge, allowance: Allowance) -> list[int]:
    """Return the latents in an order with few edges; proved to have the fewest for up to nine latents.

    Raises `GraphError` where no order respects what is known.
    """
    if len(graph.latents) <= MOST_PROVED:
        order = _go_through_sets(graph, known)
    else:
        starts = [graph.latents, graph.latents[::-1]]
        orders = [obey(list(start), known) for start in starts]
        start = min(orders, key=lambda order: judge(graph, known, order))
        order = reinsert(start, lambda o: judge(graph, known, o), lambda o: obey(o, known), allowance)
    if order is None or judge(graph, known, order)[0] == inf:
        pairs = sorted(known.forbidden | known.required)
        raise GraphError(
            "no order of the latents gives a faithful generative model without the forbidden edges, and with "
            "the tiers and required edges",
            graph.net.to_names(dict.fromkeys(v for pair in pairs for v in pair)),
            remedy="Drop one of them, or judge the model you want with rd.lint_generator.",
        )
    return order


def judge(graph: EncoderGraph, known: PriorKnowledge, order: Sequence[int]) -> tuple[float, ...]:
    """Return how many edges an order of the latents takes, and the largest number of parents."""
    borders = Borders(graph.net, [])
    sizes = [_weigh(known, v, borders.draw(v)) for v in order]
    return (sum(sizes), max(sizes, default=0))


def obey(order: list[int], known: PriorKnowledge) -> list[int]:
    """Return an order changed so that all come after what must come before: of all that may come, the earliest.

    Raises `GraphError` where that contradicts itself.
    """
    left, obeyed = list(order), list[int]()
    while left:
        drawn = set(obeyed)
        ready = next((v for v in left if not (known.before[v] - drawn) & set(left)), None)
        if ready is None:
            raise GraphError("the tiers and required edges contradict each other", remedy="Drop one of them.")
        left.remove(ready)
        obeyed.append(ready)
    return obeyed


def _weigh(known: PriorKnowledge, child: int, needed: Sequence[int]) -> float:
    return inf if known.forbids(child, needed) else len(known.add_required(child, needed))


def _go_through_sets(graph: EncoderGraph, known: PriorKnowledge) -> list[int] | None:
    """Return the best order by dynamic programming: what a latent needs depends on the set of those before it."""
    latents = graph.latents
    obey(list(latents), known)  # raises where nothing can be obeyed
    bit = {v: 1 << place for place, v in enumerate(latents)}
    must = [sum(bit[u] for u in known.before[v] if u in bit) for v in latents]
    best: list[tuple[float, float, tuple[int, ...]]] = [(0, 0, ())]
    for drawn in range(1, 1 << len(latents)):
        options = []
        for place, v in enumerate(latents):
            before = drawn & ~(1 << place)
            if before == drawn or must[place] & ~before or best[before][0] == inf:
                continue
            needed = Borders(graph.net, [u for u in latents if bit[u] & before]).draw(v)
            size = _weigh(known, v, needed)
            edges, widest, order = best[before]
            options.append((edges + size, max(widest, size), (*order, v)))
        best.append(min(options, default=(inf, inf, ())))
    return list(best[-1][2]) if best[-1][0] < inf else None
