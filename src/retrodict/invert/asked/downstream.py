"""Orders where some latents that are asked for inform nothing given, yet have hidden variables above them.

What such a latent adds to the moral graph is there only once it is drawn, so that the parents of a latent depend on
what is drawn before it and no single graph is eliminated. Two kinds of orders are tried. Drawn last, parents first, the
downstream latents disturb nobody: the others are then a problem of their own, which is searched as any other. And all
named orders of the graph with everything in it; of these only those parents are kept that are needed.
"""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from retrodict.errors import OrderError
from retrodict.graph.borders import Borders
from retrodict.graph.inverse import Inverse
from retrodict.invert.constraints import Constraints
from retrodict.invert.objectives import Goal
from retrodict.invert.orders import ORDERS
from retrodict.invert.portfolio import invert_well
from retrodict.invert.problem import Problem
from retrodict.invert.search.improvement import Allowance
from retrodict.invert.search.reinsertion import reinsert

# Up to this many latents all sets of them are gone through, a few thousand searches of the graph: at once, or for a
# proof. Beyond MOST_IMPROVED only orders that draw downstream latents last are tried.
MOST_AT_ONCE, MOST_PROVED, MOST_IMPROVED = 8, 15, 500


def invert_downstream_exactly(problem: Problem, objective: Goal, constraints: Constraints) -> Inverse:
    """Return an inverse with the proved least edges or width; raise `OrderError` where no proof is known."""
    names = problem.net.to_names(problem.latents)
    if objective.name not in ("edges", "width") or constraints:
        raise OrderError(
            "with hidden variables above latents that inform nothing given, order='exact' proves the least edges or "
            "width, without constraints",
            names,
            remedy="Use order='auto', or ask for the hidden variables as well.",
        )
    if len(names) > MOST_PROVED:
        raise OrderError(
            f"no exact order of {len(names)} latents can be found, {{names}}: some inform nothing given and have "
            f"hidden variables above them, and then it takes at most {MOST_PROVED}",
            names,
            remedy="Use order='auto', or ask for the hidden variables as well.",
        )
    return problem.follow(order_by_sets(problem, objective.name), "exact")


def invert_downstream_well(
    problem: Problem, objective: Goal, constraints: Constraints, allowance: Allowance
) -> Inverse:
    """Return the best inverse of those tried, improved by local search where latents are few."""
    candidates = [problem.follow(constraints.obey(_draw_last(problem, objective, allowance)), "downstream last")]
    n = len(problem.latents)
    if n <= MOST_IMPROVED:
        candidates += [problem.follow(constraints.obey(order(problem)), name) for name, order in ORDERS.items()]
    if n <= MOST_AT_ONCE and objective.name in ("edges", "width") and not constraints:
        candidates.append(problem.follow(order_by_sets(problem, objective.name), "exact"))
        return min(reversed(candidates), key=objective.key)
    best = min(candidates, key=objective.key)
    if n > MOST_IMPROVED:
        return best
    eliminated = [v for v in problem.net.latent_index[best.elimination].tolist() if not problem.barren[v]]
    found = reinsert(
        eliminated, lambda order: objective.key(problem.follow(order, "candidate")), constraints.obey, allowance
    )
    return min(best, problem.follow(found, f"{best.strategy} + local search"), key=objective.key)


def _draw_last(problem: Problem, objective: Goal, allowance: Allowance) -> list[int]:
    """Return an order that eliminates downstream latents first, children before parents, and the others well."""
    net, downstream = problem.net, problem.roles.downstream
    others = problem.latents[~downstream[problem.latents]]
    first = problem.latents[downstream[problem.latents]][::-1].tolist()
    if len(others) == 0:
        return first
    upper = Problem.of(net.observing(net.observed, of=net.to_names(others)))
    goal = objective if objective.name else Goal("edges", objective.key)
    inverse = invert_well(upper, goal, Constraints(upper.net), Allowance(allowance.left / 2))
    return first + upper.net.latent_index[inverse.elimination].tolist()


def order_by_sets(problem: Problem, minimize: str) -> list[int]:
    """Return the order with the least edges or width, by dynamic programming over the sets of latents drawn.

    What a latent needs depends on the set of those drawn before it, not on their order.

    >>> import retrodict as rd
    >>> net = rd.BayesNet({"x": [], "h": ["x"], "a": ["h"], "b": ["h"]}, observed=["x"])
    >>> problem = Problem.of(net.observing(["x"], of=["a", "b"]))
    >>> len(order_by_sets(problem, "edges"))
    2
    """
    net, latents = problem.net, problem.latents.tolist()
    combine = max if minimize == "width" else int.__add__
    least: list[tuple[tuple[int, int], int]] = [((0, 0), -1)]
    for drawn in range(1, 1 << len(latents)):
        options = []
        for place in range(len(latents)):
            if drawn >> place & 1:
                before = drawn & ~(1 << place)
                size = _count_needed(net.observed_index, problem, latents, before, place)
                (width, edges), _ = least[before]
                options.append(((combine(width, size), edges + size), place))
        least.append(min(options))
    return _read_back(least, latents)


def _count_needed(seen: np.ndarray, problem: Problem, latents: Sequence[int], before: int, place: int) -> int:
    known = [*seen.tolist(), *(v for at, v in enumerate(latents) if before >> at & 1)]
    return len(Borders(problem.net, known).draw(latents[place]))


def _read_back(least: Sequence[tuple[tuple[int, int], int]], latents: Sequence[int]) -> list[int]:
    """Return the latents from the last drawn to the first."""
    drawn, order = len(least) - 1, []
    while drawn:
        place = least[drawn][1]
        order.append(latents[place])
        drawn &= ~(1 << place)
    return order
