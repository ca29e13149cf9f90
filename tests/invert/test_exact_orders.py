"""Orders that claim to be optimal, against all permutations."""

from __future__ import annotations

import math
from random import Random

import pytest

import retrodict as rd
from retrodict.errors import OptionError, OrderError
from retrodict.invert.exact import SEARCHES, TooManySetsError, order_exactly
from retrodict.invert.parts import fall_apart, peel
from retrodict.invert.problem import Problem

from .order_cases import draw_latents, draw_net, find_best, free, list_nets, make_chain, make_tree


@pytest.mark.parametrize("minimize", ["edges", "depth", "width"])
@pytest.mark.parametrize("order", ["exact", "auto"])
def test_optimal_on_random_models_with_barren_latents_and_observed_parents(order: str, minimize: str) -> None:
    for seed in range(60):
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


def test_auto_has_fewest_edges_on_every_model_of_up_to_four_variables() -> None:
    for n in (2, 3, 4):
        for net in list_nets(n):
            assert rd.invert(net).n_edges == find_best(net, "edges")


def test_auto_has_fewest_edges_on_a_sample_of_all_models_of_five_and_six_variables() -> None:
    random = Random(0)  # noqa: S311
    for seed in range(300):
        net = draw_net(seed, random.choice([5, 6]), density=random.random(), observed=random.random())
        assert rd.invert(net).n_edges == find_best(net, "edges"), seed


@pytest.mark.slow
@pytest.mark.parametrize("n", [5, 6])
def test_auto_has_fewest_edges_on_every_model(n: int) -> None:
    for count, net in enumerate(list_nets(n)):
        if n == 5 or count % 37 == 0:
            assert rd.invert(net, budget=0).n_edges == find_best(net, "edges")


def test_peeling_loses_no_optimum() -> None:
    for seed in range(60):
        net = draw_net(seed + 500, 8)
        for part in fall_apart(Problem.of(net), free(net)):
            for minimize in ("edges", "width"):
                search = SEARCHES[minimize](part, 10**6)
                whole = search.settle(part.all, _look_on(part))
                peeled, left = peel(part)
                assert sorted(peeled + [v for v in range(len(part)) if left >> v & 1]) == list(range(len(part)))
                inverse = rd.invert(net, order="exact", minimize=minimize)
                if len(fall_apart(Problem.of(net), free(net))) == 1 and not inverse.generative:
                    extra = Problem.of(net).n_edges if minimize == "edges" else 0
                    assert whole + extra == (inverse.n_edges if minimize == "edges" else inverse.width)


def _look_on(part: object) -> int:
    around = 0
    for mask in part.near:  # type: ignore[attr-defined]
        around |= mask
    return around & ~part.all  # type: ignore[attr-defined]


def test_twenty_latents() -> None:
    for minimize, best in (("edges", 184), ("depth", 7)):
        inverse = rd.invert(draw_latents(0, 20, 1.5), order="exact", minimize=minimize)
        assert inverse.strategy == "exact"
        value = inverse.n_edges if minimize == "edges" else inverse.depth
        assert value <= best + 40
        assert rd.certify(inverse).faithful
        assert rd.certify(inverse).minimal


def test_too_many_latents_are_refused_with_their_number() -> None:
    net = draw_latents(1, 60, 2.0)
    with pytest.raises(OrderError, match=r"60 latents.*more than 30.*order='auto'") as caught:
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
