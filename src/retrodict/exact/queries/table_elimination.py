"""Sums and maxima over the states of a network of tables, one variable after another.

Source: Koller & Friedman, algorithm 9.1 (sum) and 13.1 (maximum); the variable with the smallest product goes next.
"""

from __future__ import annotations

import math
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass

import numpy as np

from retrodict.errors import SizeError
from retrodict.graph.ancestry import find_ancestors
from retrodict.graph.names import to_mask
from retrodict.models.discrete.checks import Probabilities
from retrodict.models.discrete.discrete_network import DiscreteNetwork

MOST_ENTRIES = 1 << 24


@dataclass(frozen=True, eq=False)
class StateFactor:
    """A table over some variables, ascending, one axis each."""

    scope: tuple[int, ...]
    table: Probabilities


def list_state_factors(model: DiscreteNetwork, known: Mapping[int, int], of: Iterable[int]) -> list[StateFactor]:
    """Return the tables of all that lies above what is known or asked for, at the states that are known."""
    net = model.net
    kept = np.flatnonzero(find_ancestors(net, to_mask([*known, *of], len(net))))
    return [_restrict(model, int(v), known) for v in kept]


def _restrict(model: DiscreteNetwork, variable: int, known: Mapping[int, int]) -> StateFactor:
    family = [*model.net.parent_rows[variable].tolist(), variable]
    table = model.table(model.net.names[variable])[tuple(known.get(v, slice(None)) for v in family)]
    scope = [v for v in family if v not in known]
    order = np.argsort(scope)
    return StateFactor(tuple(scope[i] for i in order), np.transpose(table, order) if scope else table)


def sum_out(model: DiscreteNetwork, factors: Sequence[StateFactor], kept: Iterable[int]) -> tuple[Probabilities, float]:
    """Return the normalized table of what is kept, ascending, and the log of the sum of everything.

    The log is minus infinity where the sum is zero. Raises `SizeError` where a product has too many entries.
    """
    left, log_scale, stays = list(factors), 0.0, set(kept)
    while waiting := {v for f in left for v in f.scope} - stays:
        chosen, joined, left = _take_next(model, left, waiting)
        summed = joined.table.sum(axis=joined.scope.index(chosen))
        scale = float(summed.max())
        if scale == 0:
            return np.zeros([int(model.cards[v]) for v in sorted(stays)]), -math.inf
        log_scale += math.log(scale)
        left.append(StateFactor(tuple(v for v in joined.scope if v != chosen), summed / scale))
    table = _multiply(model, left).table
    total = float(table.sum())
    return (table / total, log_scale + math.log(total)) if total > 0 else (table, -math.inf)


def maximize_out(model: DiscreteNetwork, factors: Sequence[StateFactor]) -> dict[int, int]:
    """Return the states of all variables of the factors whose product is the largest."""
    left, trace = list(factors), list[tuple[int, StateFactor]]()
    while waiting := {v for f in left for v in f.scope}:
        chosen, joined, left = _take_next(model, left, waiting)
        trace.append((chosen, joined))
        best = joined.table.max(axis=joined.scope.index(chosen))
        rest = tuple(v for v in joined.scope if v != chosen)
        left.append(StateFactor(rest, best / (float(best.max()) or 1.0)))
    states: dict[int, int] = {}
    for chosen, joined in reversed(trace):
        states[chosen] = int(np.argmax(joined.table[tuple(states.get(v, slice(None)) for v in joined.scope)]))
    return states


def _take_next(
    model: DiscreteNetwork, left: Sequence[StateFactor], waiting: Iterable[int]
) -> tuple[int, StateFactor, list[StateFactor]]:
    """Return the variable with the smallest product, that product, and the factors without the variable."""
    scopes: dict[int, set[int]] = {v: set() for v in waiting}
    for factor in left:
        for v in factor.scope:
            if v in scopes:
                scopes[v].update(factor.scope)
    chosen = min(scopes, key=lambda v: (math.prod(int(model.cards[u]) for u in scopes[v]), v))
    joined = _multiply(model, [factor for factor in left if chosen in factor.scope])
    return chosen, joined, [factor for factor in left if chosen not in factor.scope]


def _multiply(model: DiscreteNetwork, factors: Sequence[StateFactor]) -> StateFactor:
    scope = tuple(sorted({v for factor in factors for v in factor.scope}))
    entries = math.prod(int(model.cards[v]) for v in scope)
    if entries > MOST_ENTRIES:
        raise SizeError(
            f"exact sums need a table of {entries:,} entries, more than {MOST_ENTRIES:,}, over {{names}}",
            model.net.to_names(scope),
            remedy="Ask for less, give more, or train a network.",
        )
    product = np.ones([1] * len(scope))
    for factor in factors:
        shape = [int(model.cards[v]) if v in factor.scope else 1 for v in scope]
        product = product * factor.table.reshape(shape)
    return StateFactor(scope, np.broadcast_to(product, [int(model.cards[v]) for v in scope]))
