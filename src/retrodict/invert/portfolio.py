"""Choosing an order: every known one is tried, small parts are solved exactly, the others improved."""

from __future__ import annotations

from collections.abc import Callable, Sequence

from retrodict.errors import OptionError, OrderError
from retrodict.graph.inverse import Inverse
from retrodict.invert.constraints import Constraints
from retrodict.invert.objectives import NAMED, Goal, Key
from retrodict.invert.orders import CHEAP, ORDERS
from retrodict.invert.problem import Problem
from retrodict.invert.search.components import MOST_BITS, Part, TooManyBitsError, fall_apart, join
from retrodict.invert.search.exact import MOST_LATENTS, MOST_SETS, TooManySetsError, count_hard, order_exactly, refuse
from retrodict.invert.search.improvement import Allowance, improve
from retrodict.invert.search.reinsertion import reinsert
from retrodict.invert.search.rotation import EliminationTree
from retrodict.invert.search.tied import order_exactly_tied

# Beyond this many latents only the cheap orders are tried, and none is improved.
LARGE = 5_000
# Parts of at most this many latents are solved exactly if that takes few sets: about a quarter of a second.
MOST_LATENTS_AT_ONCE, MOST_SETS_AT_ONCE = 40, 2_000
# Under ties a set takes longer, for the depth most of all: this many take some ten seconds.
MOST_SETS_TIED = {"edges": 200_000, "depth": 50_000, "width": 200_000}
# The improvement of a small part starts from the two best orders, of a larger one from the best.
SMALL = 200


def invert_exactly(problem: Problem, objective: Goal, constraints: Constraints) -> Inverse:
    """Return an inverse with the proved least edges, depth or width of all that respect the constraints.

    Raises `OptionError` for an objective of the user's own, `OrderError` for problems that are too large.
    """
    minimize = objective.name
    if not minimize:
        raise OptionError(
            "order='exact' proves the least edges, depth or width only, not of a function",
            remedy=f"Minimize one of {', '.join(NAMED)}, or use order='auto'.",
        )
    try:
        return problem.follow(_solve(problem, minimize, constraints), "exact")
    except TooManyBitsError as error:
        raise refuse(problem.net.to_names(error.args), f"that would take more than {MOST_BITS:,} bits") from None


def _solve(problem: Problem, minimize: str, constraints: Constraints) -> list[int]:
    if constraints.ties:
        return _solve_tied(problem, minimize, constraints, MOST_SETS_TIED[minimize])
    order: list[int] = []
    for part in fall_apart(problem, constraints):
        names = problem.net.to_names(part.variables)
        if count_hard(part, minimize) > MOST_LATENTS:
            raise refuse(names, f"they are more than {MOST_LATENTS}")
        try:
            order += part.to_variables(order_exactly(part, minimize))
        except TooManySetsError:
            raise refuse(names, f"that would take more than {MOST_SETS:,} sets of them") from None
    return _enclose(order, constraints)


def _solve_tied(problem: Problem, minimize: str, constraints: Constraints, most_sets: int) -> list[int]:
    whole = join(problem)
    try:
        return whole.to_variables(order_exactly_tied(whole, minimize, constraints, most_sets=most_sets))
    except TooManySetsError:
        raise refuse(problem.net.to_names(whole.variables), f"that would take more than {most_sets:,} sets") from None


def invert_well(problem: Problem, objective: Goal, constraints: Constraints, allowance: Allowance) -> Inverse:
    """Return the best inverse that the portfolio, exact solution of small parts and local search find."""
    candidates = try_orders(problem, objective, constraints)
    best = min(candidates, key=objective.key)
    n = len(problem.latents)
    if n > LARGE or n * len(problem.net) > MOST_BITS or n < 2:
        return best
    orders = [_read_order(problem, inverse) for inverse in sorted(candidates, key=objective.key)]
    if constraints.ties or not objective.name:
        improved = _improve_whole(problem, objective, constraints, orders[0], best.strategy, allowance)
    else:
        improved = _improve_parts(problem, objective, constraints, orders, best.strategy, allowance)
    return min(improved, best, key=objective.key)


def try_orders(problem: Problem, objective: Goal, constraints: Constraints) -> list[Inverse]:
    """Follow the named orders and return what they give; of a large model the best alone, to save space."""
    if len(problem.latents) < 2:  # one order
        return [problem.follow(problem.latents.tolist(), next(iter(ORDERS)))]
    if len(problem.latents) <= LARGE:
        return [problem.follow(constraints.obey(order(problem)), name) for name, order in ORDERS.items()]
    natural = problem.follow(constraints.obey(CHEAP["natural"](problem)), "natural")
    if not _is_worth_dissecting(problem, objective, natural):
        return [natural]
    divided = problem.follow(constraints.obey(CHEAP["nested-dissection"](problem)), "nested-dissection")
    return [min(natural, divided, key=objective.key)]


def _is_worth_dissecting(problem: Problem, objective: Goal, natural: Inverse) -> bool:
    """Whether nested dissection can win, and takes linear time where the depth is not what counts.

    It gives a latent of a forest about as many parents as n has binary digits, so a natural order with no more
    edges than that stays.
    """
    if objective.name == "depth":
        return True
    n = len(problem.net)
    return _is_forest(problem) and (objective.name != "edges" or natural.n_edges > n * n.bit_length())


def _is_forest(problem: Problem) -> bool:
    """Whether no two paths join two latents."""
    seen = problem.net.is_observed
    rows = problem.neighbors
    edges = int((~seen[rows.index] & ~seen[rows.sources]).sum()) // 2
    return edges < len(problem.latents)


def _read_order(problem: Problem, inverse: Inverse) -> list[int]:
    """Return the order of the latents of a problem, the barren ones left out."""
    eliminated = problem.net.latent_index[inverse.elimination]
    return [v for v in eliminated.tolist() if not problem.barren[v]]


def _enclose(order: Sequence[int], constraints: Constraints) -> list[int]:
    """Put the fixed beginning and end around an order of what lies between."""
    return list(dict.fromkeys([*constraints.first, *order, *constraints.last]))


def _improve_parts(
    problem: Problem,
    objective: Goal,
    constraints: Constraints,
    orders: Sequence[list[int]],
    strategy: str,
    allowance: Allowance,
) -> Inverse:
    """Order every part by itself: exactly where that is quick, otherwise by local search."""
    order: list[int] = []
    proved = True
    parts = fall_apart(problem, constraints)
    latents = sum(map(len, parts))
    for part in parts:
        share = Allowance(allowance.left * len(part) / latents)
        solved, is_optimal = order_part(part, [part.restrict(order) for order in orders], objective.name, share)
        order += part.to_variables(solved)
        proved &= is_optimal
    return problem.follow(_enclose(order, constraints), "exact" if proved else f"{strategy} + local search")


def order_part(
    part: Part, orders: Sequence[Sequence[int]], minimize: str, allowance: Allowance
) -> tuple[list[int], bool]:
    """Return the best order found of a part, and whether it is proved to be the best there is."""
    if len(part) == 1:
        return [0], True
    if count_hard(part, minimize) <= MOST_LATENTS_AT_ONCE:
        try:
            optimal = order_exactly(part, minimize, most_sets=MOST_SETS_AT_ONCE)
        except TooManySetsError:
            pass
        else:
            # Edges decide between equals of the same depth or width, and there may be many: worth a real search.
            return improve(part, optimal, minimize, allowance, kick=minimize != "edges"), True
    starts = sorted(orders, key=lambda order: EliminationTree(part, order).key(minimize))
    starts = starts[: 2 if len(part) <= SMALL else 1]
    share = allowance.left / len(starts)
    improved = [improve(part, start, minimize, Allowance(share)) for start in starts]
    return min(improved, key=lambda order: EliminationTree(part, order).key(minimize)), False


def _improve_whole(
    problem: Problem,
    objective: Goal,
    constraints: Constraints,
    order: list[int],
    strategy: str,
    allowance: Allowance,
) -> Inverse:
    """Order all parts together, for objectives and constraints that reach across them."""
    solved = _solve_few_sets(problem, objective, constraints)
    if solved and objective.name != "depth":
        return problem.follow(solved, "exact")
    judge = _judge_orders(problem, objective)
    # Edges decide between equals of the same depth, and there may be many: worth a search, from the proved one too.
    starts = [order, solved] if solved else [order]
    found = min([reinsert(start, judge, constraints.obey, allowance) for start in starts], key=judge)
    return problem.follow(found, "exact" if solved else f"{strategy} + local search")


def _solve_few_sets(problem: Problem, objective: Goal, constraints: Constraints) -> list[int] | None:
    """Return a proved order under ties, or None where that takes too many sets or the objective is the user's own."""
    if not objective.name:
        return None
    try:
        return _solve_tied(problem, objective.name, constraints, MOST_SETS_AT_ONCE)
    except OrderError:
        return None


def _judge_orders(problem: Problem, objective: Goal) -> Callable[[list[int]], Key]:
    """Return what tells how good an order of all latents is."""
    if not objective.name:
        return lambda order: objective.key(problem.follow(order, "candidate"))
    whole = join(problem)
    place = {v: i for i, v in enumerate(whole.variables)}
    return lambda order: EliminationTree(whole, [place[v] for v in order]).key(objective.name)
