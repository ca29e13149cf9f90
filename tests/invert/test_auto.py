"""Auto: what it reaches, what it refuses, and that it always gives the same."""

from __future__ import annotations

import math
from random import Random
from typing import Any

import pytest

import retrodict as rd
from retrodict.errors import OptionError
from retrodict.invert import portfolio
from retrodict.invert.objectives import read_objective
from retrodict.invert.orders import ORDERS
from retrodict.invert.problem import Problem
from retrodict.invert.search.components import fall_apart
from retrodict.invert.search.improvement import Allowance, improve
from retrodict.invert.search.rotation import ROOT, EliminationTree

from .order_cases import draw_latents, draw_net, free, make_chain, make_grid, make_tree


@pytest.mark.parametrize(("depth", "edges"), [(4, 27), (5, 70), (6, 168), (7, 388), (8, 870)])
def test_trees(depth: int, edges: int) -> None:
    inverse = rd.invert(make_tree(depth))
    assert inverse.n_edges <= edges
    assert rd.certify(inverse).faithful
    assert rd.certify(inverse).minimal
    assert rd.invert(make_tree(depth), minimize="depth", budget=0.1).depth <= depth - 1


def test_hidden_markov_model_of_64_steps() -> None:
    assert rd.invert(make_chain(64)).n_edges <= 443
    assert rd.invert(make_chain(64), "min-fill").n_edges == 452


def test_local_search_alone_finds_most_optima() -> None:
    found = 0
    for seed in range(40):
        net = draw_latents(seed, 12, 1.5)
        problem = Problem.of(net)
        best = rd.invert(net, "exact").n_edges
        reached = 0
        for part in fall_apart(problem, free(net)):
            order = improve(part, range(len(part)), "edges", Allowance(50_000))
            reached += EliminationTree(part, order).edges
        found += reached == best
    assert found >= 38


def test_rotated_trees_equal_trees_built_anew() -> None:
    random = Random(1)  # noqa: S311
    for seed in range(30):
        net = draw_net(seed, 14, observed=0.3)
        problem = Problem.of(net)
        for part in fall_apart(problem, free(net)):
            tree = EliminationTree(part, random.sample(range(len(part)), len(part)))
            for _ in range(30):
                v = random.randrange(len(part))
                if tree.parent[v] != ROOT:
                    tree.rotate(v)
                anew = EliminationTree(part, tree.order)
                assert (tree.parent, tree.column, tree.height) == (anew.parent, anew.column, anew.height)
                for minimize in ("edges", "depth", "width"):
                    assert tree.key(minimize) == anew.key(minimize)


def test_a_tree_counts_what_the_inverse_has() -> None:
    for seed in range(40):
        net = draw_net(seed, 10)
        problem = Problem.of(net)
        inverse = rd.invert(net, "reverse")
        order = [net.index(name) for name in inverse.elimination_order]
        parts = fall_apart(problem, free(net))
        trees = [EliminationTree(part, part.restrict(order)) for part in parts]
        generative = sum(len(net.parents(name)) for name in inverse.generative)
        assert sum(tree.edges for tree in trees) + generative == inverse.n_edges
        if not inverse.generative:
            assert max(tree.depth for tree in trees) == inverse.depth
            assert max(tree.width for tree in trees) == inverse.width


@pytest.mark.parametrize("minimize", ["edges", "depth", "width"])
def test_never_worse_than_any_named_order_and_always_the_same(minimize: str) -> None:
    attribute = {"edges": "n_edges"}.get(minimize, minimize)
    for net in (make_grid(7), draw_latents(3, 60, 1.4), draw_net(5, 60, density=0.05)):
        inverse = rd.invert(net, minimize=minimize, budget=0.2)
        again = rd.invert(net, minimize=minimize, budget=0.2)
        assert inverse.elimination_order == again.elimination_order
        for order in ("forward", "reverse", "min-fill", "min-degree", "nested-dissection"):
            assert getattr(inverse, attribute) <= getattr(rd.invert(net, order), attribute)
        assert rd.certify(inverse).faithful
        assert rd.certify(inverse).minimal


def test_more_budget_is_never_worse_and_none_is_allowed() -> None:
    net = make_grid(8)
    edges = [rd.invert(net, budget=budget).n_edges for budget in (0, 0.3, 3)]
    assert edges == sorted(edges, reverse=True)
    assert edges[0] == min(
        rd.invert(net, order).n_edges for order in ("min-fill", "min-degree", "nested-dissection", "reverse")
    )


@pytest.mark.parametrize("budget", [-1, math.nan, "long", None, True])
def test_a_wrong_budget_is_refused(budget: Any) -> None:
    with pytest.raises(OptionError, match=f"budget={budget!r} is out of range. Give seconds .* or 0 for none"):
        rd.invert(make_chain(3), budget=budget)


@pytest.mark.parametrize("minimize", ["edges", "depth", "width", lambda inverse: inverse.n_edges])
def test_a_budget_of_zero_gives_the_right_answer_without_search(minimize: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    """Moving a latent raises; what is left is the best of the orders, or an exact solution of small parts."""

    def refuse(*_: object) -> None:
        raise AssertionError("searched without a budget")

    monkeypatch.setattr(EliminationTree, "rotate", refuse)
    monkeypatch.setattr(portfolio, "MOST_LATENTS_AT_ONCE", 3)
    with pytest.raises(AssertionError, match="searched"):
        rd.invert(make_grid(5), "auto", "depth", budget=0.1)
    for net in (make_grid(5), draw_latents(3, 30, 1.4), draw_net(5, 40, density=0.05)):
        inverse = rd.invert(net, "auto", minimize, budget=0)
        assert rd.certify(inverse).faithful
        assert rd.certify(inverse).minimal
        key = read_objective(minimize).key
        assert all(key(inverse)[0] <= key(rd.invert(net, order))[0] for order in ORDERS)


def test_an_endless_budget_ends() -> None:
    assert rd.invert(make_tree(5), budget=math.inf).n_edges == 70


def test_a_function_of_the_inverse_is_minimized() -> None:
    net = make_chain(6)
    assert len(rd.invert(net, minimize=lambda inverse: len(inverse.parents["z0"])).parents["z0"]) == 2
    latest = rd.invert(net, minimize=lambda inverse: -inverse.sampling_order.index("z0"))
    assert latest.sampling_order[-1] == "z0"


@pytest.mark.parametrize(
    ("function", "message"),
    [
        (lambda inverse: 1 / 0, "failed on the .* inverse, ZeroDivisionError"),
        (lambda inverse: math.nan, "nan"),
        (lambda inverse: math.inf, "inf"),
        (lambda inverse: "three", "three"),
        (lambda inverse: None, "None"),
    ],
)
def test_a_function_that_fails_is_named(function: Any, message: str) -> None:
    def price(inverse: rd.Inverse) -> Any:
        return function(inverse)

    with pytest.raises(OptionError, match=f"price.*{message}"):
        rd.invert(make_chain(4), minimize=price)


def test_an_unknown_objective_is_refused() -> None:
    for wrong in ("size", 3, None):
        with pytest.raises(OptionError, match="edges, depth, width"):
            rd.invert(make_chain(3), minimize=wrong)  # type: ignore[arg-type]


ONLY_BARREN = rd.BayesNet({"x": [], "a": ["x"], "b": ["a"]}, observed=["x"])
OBJECTIVES = ["edges", "depth", "width", lambda inverse: inverse.width]


WAYS = [
    (order, minimize)
    for order in [*ORDERS, "exact", "auto", ["b", "a"], ["a", "b"]]
    for minimize in OBJECTIVES
    if order != "exact" or not callable(minimize)  # a function cannot be proved
]


@pytest.mark.parametrize(("order", "minimize"), WAYS)
def test_only_barren_latents(order: Any, minimize: Any) -> None:
    inverse = rd.invert(ONLY_BARREN, order, minimize)
    assert dict(inverse.parents) == {"a": ("x",), "b": ("a",)}
    assert inverse.generative == ("a", "b")
    assert inverse.sampling_order == ("a", "b")
    assert rd.certify(inverse).faithful
    assert rd.certify(inverse).minimal


@pytest.mark.parametrize("minimize", OBJECTIVES)
def test_only_barren_latents_are_compared(minimize: Any) -> None:
    rows = rd.compare(ONLY_BARREN, minimize).rows
    assert {row.order for row in rows} >= {*ORDERS, "auto"}
    assert {(row.edges, row.depth, row.width) for row in rows} == {(2, 2, 1)}


def test_large_models_take_the_cheap_orders(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(portfolio, "LARGE", 50)
    chain = rd.invert(make_chain(100))
    assert (chain.strategy, chain.depth) == ("nested-dissection", 7)
    grid = rd.invert(make_grid(8))
    assert grid.n_edges == rd.invert(make_grid(8), "reverse").n_edges
    assert rd.invert(make_grid(8), minimize="depth").strategy == "nested-dissection"
    without_fill = rd.BayesNet({0: [], **{i: [i - 1] for i in range(1, 80)}}, observed=[79])
    assert rd.invert(without_fill).n_edges == 79
