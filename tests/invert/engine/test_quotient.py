"""The quotient graph gives the minimum degree order of the definition; its inverses are proved."""

from __future__ import annotations

from random import Random

import numpy as np
import pytest

import retrodict as rd
from retrodict.graph.bayesnet import BayesNet
from retrodict.invert.engine.algebra import Bits, Sets
from retrodict.invert.engine.greedy import Greedy
from retrodict.invert.engine.latentgraph import condense, precede
from retrodict.invert.engine.quotient import Quotient
from retrodict.invert.problem import Problem
from tests.invert.engine.test_greedy_engines import DIRECTIONS, count_edges, draw_net, order_slowly, prepare


@pytest.mark.parametrize("sinks", [True, False])
@pytest.mark.parametrize("most_parents", [1, 2, 4])
def test_the_order_is_that_of_the_definition(most_parents: int, sinks: bool) -> None:
    dice = Random(most_parents)  # noqa: S311
    for _ in range(200):
        net = draw_net(dice, most_parents, sinks)
        neighbors, latents = prepare(net)
        graph = condense(net, neighbors, latents)
        for direction in DIRECTIONS:
            expected = order_slowly(net, neighbors, latents, "degree", direction)
            found = Quotient(graph.adjacency, precede(net, latents, direction)).run()
            assert found is not None
            assert latents[found.latents].tolist() == expected, direction
            assert found.n_edges == count_edges(net, neighbors, expected)


@pytest.mark.parametrize(("reach", "most"), [(6, 2), (40, 3), (400, 2), (400, 4)])
def test_the_order_is_that_of_filled_graphs_on_larger_models(reach: int, most: int) -> None:
    dice = Random(reach)  # noqa: S311
    parents = {i: dice.sample(range(max(0, i - reach), i), min(i, dice.randint(0, most))) for i in range(400)}
    net = BayesNet(parents, dice.sample(range(400), 100))
    neighbors, latents = prepare(net)
    graph = condense(net, neighbors, latents)
    for direction in DIRECTIONS:
        precedence = precede(net, latents, direction)
        found = Quotient(graph.adjacency, precedence).run()
        for algebra in (Bits(), Sets()):
            assert found == Greedy(graph, precedence, "degree", algebra).run()


def test_a_run_ends_when_it_takes_too_many_edges() -> None:
    net = draw_net(Random(8), 3, sinks=True)  # noqa: S311
    neighbors, latents = prepare(net)
    graph = condense(net, neighbors, latents)
    precedence = precede(net, latents, "reverse")
    whole = Quotient(graph.adjacency, precedence).run()
    assert whole is not None
    assert Quotient(graph.adjacency, precedence).run(whole.n_edges) == whole
    assert Quotient(graph.adjacency, precedence).run(whole.n_edges - 1) is None


def test_nothing_is_as_good_as_an_empty_order() -> None:
    net = BayesNet({"x": [], "barren": []}, observed=["x"])
    neighbors, latents = prepare(net)
    found = Quotient(condense(net, neighbors, latents).adjacency, precede(net, latents, None)).run()
    assert found is not None
    assert (found.latents, found.n_edges) == ([], 0)


def test_inverses_are_faithful_and_minimal() -> None:
    dice = Random(2)  # noqa: S311
    for _ in range(60):
        net = draw_net(dice, 3, sinks=dice.random() < 0.5)
        problem = Problem.of(net)
        graph = condense(net, problem.neighbors, problem.latents)
        for direction in DIRECTIONS:
            found = Quotient(graph.adjacency, precede(net, problem.latents, direction)).run()
            assert found is not None
            verdict = rd.certify(problem.follow(problem.latents[found.latents].tolist(), "min-degree"))
            assert verdict.faithful
            assert verdict.minimal


def test_names_and_the_order_of_insertion_do_not_matter() -> None:
    dice = Random(4)  # noqa: S311
    net = draw_net(dice, 3, sinks=True)
    shuffled = list(net.names)
    dice.shuffle(shuffled)
    again = BayesNet({name: list(reversed(net.parents(name))) for name in shuffled}, list(net.observed))
    assert rd.invert(again, "auto").elimination_order == rd.invert(net, "auto").elimination_order


def test_adjacency_writes_groups_out() -> None:
    children = [f"x{i}" for i in range(100)]
    net = BayesNet({"z": [], "y": ["z"], **{x: ["z", "y"] for x in children}}, observed=children)
    neighbors, latents = prepare(net)
    adjacency = condense(net, neighbors, latents).adjacency
    seen = ((1 << 100) - 1) << 2
    assert adjacency.around == [seen | 2, seen | 1, *[3] * 100]
    assert adjacency.n_latents == len(np.unique(latents))
