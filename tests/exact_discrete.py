"""Exact posteriors of discrete networks: one by listing every state, one by eliminating variable after variable."""

from __future__ import annotations

import itertools
import math
from collections.abc import Mapping
from typing import Any

import numpy as np
from numpy.typing import NDArray

from retrodict.models.discrete import DiscreteNetwork

Codes = Mapping[Any, float]
Factor = tuple[tuple[int, ...], NDArray[np.float64]]


def enumerate_joint(model: DiscreteNetwork) -> dict[tuple[int, ...], float]:
    """The probability of each assignment of numbers of states, in topological order: the definition, slowly."""
    net = model.net
    joint = {}
    for states in itertools.product(*(range(len(model.states(name))) for name in net.names)):
        probability = 1.0
        for name, state in zip(net.names, states, strict=True):
            row = tuple(states[net.position[parent]] for parent in net.parents(name))
            probability *= float(model.table(name)[(*row, state)])
        joint[states] = probability
    return joint


def enumerate_marginals(model: DiscreteNetwork, evidence: Codes) -> dict[Any, NDArray[np.float64]]:
    """p(latent | evidence) of each latent, from the list of all states."""
    net = model.net
    sums = {name: np.zeros(len(model.states(name))) for name in net.latents}
    for states, probability in enumerate_joint(model).items():
        if all(states[net.position[name]] == code for name, code in evidence.items()):
            for name, total in sums.items():
                total[states[net.position[name]]] += probability
    return {name: total / total.sum() for name, total in sums.items()}


def compute_marginals(model: DiscreteNetwork, evidence: Codes) -> dict[Any, NDArray[np.float64]]:
    """p(latent | evidence) of each latent, by eliminating all other variables, those in few factors first."""
    return {name: _eliminate_all_but(model, model.net.position[name], evidence) for name in model.net.latents}


def _eliminate_all_but(model: DiscreteNetwork, kept: int, evidence: Codes) -> NDArray[np.float64]:
    known = {model.net.position[name]: int(code) for name, code in evidence.items()}
    factors = [_restrict(factor, known) for factor in _list_factors(model)]
    waiting = set(range(len(model.net))) - set(known) - {kept}
    while waiting:
        chosen = min(waiting, key=lambda variable: _count_joined(factors, variable, model))
        waiting.remove(chosen)
        joined = [factor for factor in factors if chosen in factor[0]]
        rest = tuple(sorted(set().union(*(factor[0] for factor in joined)) - {chosen}))
        factors = [factor for factor in factors if chosen not in factor[0]]
        factors.append((rest, _multiply(joined, rest)))
    answer = _multiply(factors, (kept,))
    return answer / answer.sum()


def _list_factors(model: DiscreteNetwork) -> list[Factor]:
    net = model.net
    return [
        ((*net.parent_rows[i].tolist(), i), np.asarray(model.table(name), dtype=np.float64))
        for i, name in enumerate(net.names)
    ]


def _restrict(factor: Factor, known: Mapping[int, int]) -> Factor:
    variables, table = factor
    at = tuple(known.get(variable, slice(None)) for variable in variables)
    return tuple(variable for variable in variables if variable not in known), table[at]


def _count_joined(factors: list[Factor], variable: int, model: DiscreteNetwork) -> int:
    return math.prod(
        int(model.cards[other])
        for other in set().union(*(variables for variables, _ in factors if variable in variables))
    )


def _multiply(factors: list[Factor], kept: tuple[int, ...]) -> NDArray[np.float64]:
    """The product of factors, summed over what is not kept; letters are numbered afresh, einsum has only 52."""
    letter = {v: i for i, v in enumerate(sorted(set(kept).union(*(factor[0] for factor in factors))))}
    operands: list[Any] = []
    for variables, table in factors:
        operands += [table, [letter[v] for v in variables]]
    return np.asarray(np.einsum(*operands, [letter[v] for v in kept], optimize=True))
