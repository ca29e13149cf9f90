"""Orders that claim to be optimal, against all permutations."""

from __future__ import annotations

import math

import pytest

import retrodict as rd
from retrodict.errors import OptionError, OrderError
from retrodict.invert.problem import Problem
from retrodict.invert.search.components import Part, fall_apart
from retrodict.invert.search.exact import SEARCHES, TooManySetsError, order_exactly
from retrodict.invert.search.rotation import EliminationTree
from tests.invert.order_cases import draw_latents, draw_net, find_best, free, make_chain, make_tree


@pytest.mark.parametrize("minimize", ["edges", "depth", "width"])
@pytest.mark.parametrize("order", ["exact", "auto"])
def test_optimal_on_random_models_with_barren_latents_and_observed_parents(order: str, minimize: str) -> None:
    for seed in range(30):
        net = draw_net(seed, 5 + seed % 4)
        inverse = rd.invert(net, order=order, minimize=minimize)
        value = {"edges": inverse.n_edges, "depth": inverse.depth, "width": inverse.width}[minimize]
        assert value == find_best(net, minimize), seed


@pytest.mark.parametrize("minimize", ["edges", "depth", "width"])
def test_optimal_on_sparse_models_of_nine(minimize: str) -> None:
    for seed in range(4):
        net = draw_net(seed + 1000, 9, density=0.25, observed=0.25)
        inverse = rd.invert(net, order="exact", minimize=minimize)
        value = {"edges": inverse.n_edges, "depth": inverse.depth, "width": inverse.width}[minimize]
        assert value == find_best(net, minimize), seed


def test_peeling_loses_no_optimum() -> None:
    for seed in range(60):
        net = draw_net(seed + 500, 8)
        parts = fall_apart(Problem.of(net), free(net))
        for minimize in ("edges", "width"):
            for part in parts:
                with_all = SEARCHES[minimize](part, 10**6)
                with_all.settle(part.all, _look_on(part))
                values = [
                    EliminationTree(part, order).key(minimize)[0]
                    for order in (with_all.read_order(part.all), order_exactly(part, minimize))
                ]
                assert values[0] == values[1]


def _look_on(part: Part) -> int:
    around = 0
    for mask in part.near:
        around |= mask
    return around & ~part.all


def test_twenty_latents() -> None:
    for minimize in ("edges", "depth"):
        inverse = rd.invert(draw_latents(0, 20, 1.5), order="exact", minimize=minimize)
        assert (inverse.n_edges, inverse.depth)[minimize == "depth"] == {"edges": 140, "depth": 7}[minimize]
        assert rd.certify(inverse).faithful
        assert rd.certify(inverse).minimal


def test_too_many_latents_are_refused_with_their_number() -> None:
    net = draw_latents(1, 60, 2.0)
    with pytest.raises(OrderError, match=r"60 connected latents.*more than 30.*order='auto'") as caught:
        rd.invert(net, order="exact")
    assert len(caught.value.variables) == 60
    part = fall_apart(Problem.of(net), free(net))[0]
    with pytest.raises(TooManySetsError):
        order_exactly(part, "edges", most_sets=100)


def test_peeled_and_independent_latents_do_not_count() -> None:
    parents = {f"z{i}": [f"z{i - 1}"] if i % 5 else [] for i in range(100)}
    net = rd.BayesNet(parents | {f"x{i}": [f"z{i}"] for i in range(100)}, observed=[f"x{i}" for i in range(100)])
    assert rd.invert(net, order="exact").n_edges == 20 * rd.invert(make_chain(5), order="exact").n_edges


def test_a_function_cannot_be_proved() -> None:
    with pytest.raises(OptionError, match="proves"):
        rd.invert(make_tree(3), order="exact", minimize=lambda inverse: inverse.n_edges)


@pytest.mark.parametrize("order", ["nested-dissection", "exact", "auto"])
@pytest.mark.parametrize("steps", [1, 2, 3, 4, 7, 8, 15, 16, 20])
def test_chains_are_as_shallow_as_can_be(order: str, steps: int) -> None:
    assert rd.invert(make_chain(steps), order=order, minimize="depth").depth == steps.bit_length()


def test_long_chains_are_shallow_too() -> None:
    for steps in (31, 64, 100):
        assert rd.invert(make_chain(steps), minimize="depth", budget=0.1).depth <= math.ceil(math.log2(steps)) + 1
    assert rd.invert(make_chain(20_000), order="nested-dissection").depth == 15
