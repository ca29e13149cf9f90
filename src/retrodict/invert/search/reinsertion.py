"""Local search where rotations will not do: orders under constraints, and objectives of the user's own.

A latent is taken out of the order and put back elsewhere, near by first and then further off. Constraints are
restored after every move, so a block moves as one; the whole order is judged anew.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence

from retrodict.invert.objectives import Key
from retrodict.invert.search.improvement import Allowance

# Work that judging an order takes, as a multiple of the work one rotation takes.
WORK_PER_ORDER, WORK_PER_LATENT = 300, 5


def reinsert(
    order: Sequence[int],
    judge: Callable[[list[int]], Key],
    obey: Callable[[list[int]], list[int]],
    allowance: Allowance,
) -> list[int]:
    """Return an order that no single move betters, or the best one met when the allowance is spent.

    >>> reinsert([2, 0, 1], lambda order: tuple(order), lambda order: order, Allowance(1e6))
    [0, 1, 2]
    """
    best = list(order)
    key = judge(best)
    work = WORK_PER_ORDER + WORK_PER_LATENT * len(best)
    settled = False
    while not settled:
        settled = True
        for v in sorted(best):
            for moved in _list_moves(best, v):
                if not allowance.spend(work):
                    return best
                candidate = obey(moved)
                found = judge(candidate)
                if found < key:
                    best, key, settled = candidate, found, False
                    break
    return best


def _list_moves(order: list[int], v: int) -> Iterator[list[int]]:
    """Iterate over the orders with one latent moved by 1, 2, 4, ... places, or to an end."""
    place, step = order.index(v), 1
    rest = order[:place] + order[place + 1 :]
    while step < 2 * len(order):
        for to in (place + step, place - step):
            to = min(max(to, 0), len(rest))
            if to != place:
                yield [*rest[:to], v, *rest[to:]]
        step *= 2
