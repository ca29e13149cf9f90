"""The orders that have a name, each a function of the problem alone."""

from __future__ import annotations

from collections.abc import Callable

from retrodict.invert.comi import choose_naturally, order_by_degree, order_by_fill, order_naturally
from retrodict.invert.problem import Problem
from retrodict.invert.search.dissection import order_by_dissection

ORDERS: dict[str, Callable[[Problem], list[int]]] = {
    "forward": lambda problem: order_naturally(problem.net, problem.neighbors, problem.latents, "forward"),
    "reverse": lambda problem: order_naturally(problem.net, problem.neighbors, problem.latents, "reverse"),
    "min-fill": lambda problem: order_by_fill(problem.net, problem.neighbors, problem.latents),
    "min-degree": lambda problem: order_by_degree(problem.net, problem.neighbors, problem.latents),
    "nested-dissection": lambda problem: order_by_dissection(
        problem.net, problem.neighbors, problem.latents, problem.tails
    ),
}

# Tried on problems of any size. Of the natural directions the worse one is abandoned once it has more edges.
CHEAP: dict[str, Callable[[Problem], list[int]]] = {
    "natural": lambda problem: choose_naturally(problem.net, problem.neighbors, problem.latents),
    "nested-dissection": ORDERS["nested-dissection"],
}
