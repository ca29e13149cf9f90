"""Fixed beginnings and ends, groups kept together or in sequence: respected by every order, or refused."""

from __future__ import annotations

from itertools import pairwise, permutations
from random import Random
from typing import Any

import pytest

import retrodict as rd
from retrodict.errors import GraphError, OrderError
from retrodict.invert import portfolio
from retrodict.invert.constraints import read_constraints
from retrodict.invert.problem import Problem

from .order_cases import draw_latents, draw_net, find_best, make_chain, make_grid

ORDERS = ["forward", "reverse", "min-fill", "min-degree", "nested-dissection", "exact", "auto"]


def respects(order: tuple[Any, ...], given: dict[str, Any]) -> bool:
    """Whether an order respects constraints, written down a second time."""
    place = {name: i for i, name in enumerate(order)}
    first, last = given.get("first", []), given.get("last", [])
    spans = [[place[name] for name in group] for group in given.get("together", [])]
    return (
        list(order[: len(first)]) == list(first)
        and (not last or list(order[-len(last) :]) == list(last))
        and all(max(span) - min(span) < len(span) for span in spans)
        and all(place[a] < place[b] for row in given.get("in_sequence", []) for a, b in pairwise(row))
    )


def draw_constraints(random: Random, names: list[Any]) -> dict[str, Any]:
    random.shuffle(names)
    given: dict[str, Any] = {}
    if random.random() < 0.4:
        given["first"] = names[: random.randint(0, 2)]
    if random.random() < 0.4:
        given["last"] = names[len(names) - random.randint(0, 2) :]
    if random.random() < 0.5:
        given["in_sequence"] = [random.sample(names, min(len(names), 3)) for _ in range(random.randint(1, 2))]
    if random.random() < 0.5:
        outer = random.sample(names, min(len(names), 4))
        given["together"] = [outer, outer[:2]]
    return given


@pytest.mark.parametrize("minimize", ["edges", "depth", "width"])
def test_exact_and_auto_are_the_best_that_respect_the_constraints(minimize: str) -> None:
    random = Random(7)  # noqa: S311
    solved = refused = 0
    for seed in range(60):
        net = draw_latents(seed, 5, 1.3)
        given = draw_constraints(random, list(net.latents))
        allowed = [order for order in permutations(net.latents) if respects(order, given)]
        if not allowed:
            with pytest.raises(OrderError, match="contradict"):
                rd.invert(net, **given)
            refused += 1
            continue
        solved += 1
        best = find_best(net, minimize, lambda order, net=net, given=given: respects(net.to_names(order), given))
        for order in ORDERS:
            inverse = rd.invert(net, order, minimize, **given)
            assert respects(inverse.elimination_order, given), (order, given)
            assert (
                order not in ("exact", "auto") or getattr(inverse, {"edges": "n_edges"}.get(minimize, minimize)) == best
            )
    assert solved > 30
    assert refused > 3


def test_exact_depth_under_a_fixed_beginning_and_end() -> None:
    for seed in range(30):
        net = draw_net(seed, 7, observed=0.25)
        names = [v for v in net.latents if not Problem.of(net).barren[net.index(v)]]
        given = {"first": names[:1], "last": names[-1:] if len(names) > 2 else []}
        best = find_best(net, "depth", lambda order, net=net, given=given: respects(net.to_names(order), given))
        for order in ("exact", "auto"):
            inverse = rd.invert(net, order, "depth", **given)
            assert inverse.depth == best
            eliminated = tuple(name for name in inverse.elimination_order if name not in inverse.generative)
            assert respects(eliminated, given)


def test_ties_that_local_search_misses_are_found() -> None:
    """The least depth takes moving two latents at once: no single move betters what the named orders give."""
    net = draw_latents(38, 6, 1.3)
    given = {"together": [["z0", "z3"]], "in_sequence": [["z5", "z1"]]}
    best = find_best(net, "depth", lambda order: respects(net.to_names(order), given))
    inverse = rd.invert(net, minimize="depth", **given)
    assert (inverse.depth, inverse.strategy) == (best, "exact")


def test_exact_depth_under_ties_counts_barren_latents() -> None:
    for seed in range(30):
        net = draw_net(seed, 8, observed=0.25)
        names = [v for v in net.latents if not Problem.of(net).barren[net.index(v)]]
        if len(names) > 3:
            given = {"together": [names[:3], names[:2]], "in_sequence": [[names[-1], names[1]]]}
            best = find_best(net, "depth", lambda order, net=net, given=given: respects(net.to_names(order), given))
            assert [rd.invert(net, order, "depth", **given).depth for order in ("exact", "auto")] == [best, best]


def test_exact_depth_under_ties_of_too_many_latents_is_refused(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(portfolio.MOST_SETS_TIED, "depth", 1_000)
    with pytest.raises(OrderError, match="would take more than 1,000 sets"):
        rd.invert(make_grid(6), "exact", "depth", in_sequence=[[(0, 0), (5, 5)]])


def test_what_is_not_proved_is_not_called_exact() -> None:
    inverse = rd.invert(make_grid(5), minimize="depth", in_sequence=[[(0, 0), (4, 4)]], budget=0.01)
    assert inverse.strategy.endswith(" + local search")


def test_large_models_keep_their_constraints() -> None:
    net = make_chain(60)
    given = {
        "together": [[f"z{t}" for t in range(s, s + 10)] for s in range(0, 60, 10)],
        "in_sequence": [["z40", "z3"]],
    }
    for order in ("forward", "reverse", "min-fill", "min-degree", "nested-dissection", "auto"):
        inverse = rd.invert(net, order, budget=0.2, **given)
        assert respects(inverse.elimination_order, given)
        assert rd.certify(inverse).faithful
        assert rd.certify(inverse).minimal
    with pytest.raises(OrderError, match="cannot prove"):
        rd.invert(net, "exact", in_sequence=[["z40", "z3"]])


def test_a_time_axis_can_be_kept() -> None:
    net = make_chain(8)
    forward_in_time = rd.invert(net, in_sequence=[[f"z{t}" for t in reversed(range(8))]])
    assert forward_in_time.sampling_order == tuple(f"z{t}" for t in range(8))
    assert forward_in_time.parents["z3"] == ("z2", "x3", "x4", "x5", "x6", "x7")


CONTRADICTIONS: list[tuple[dict[str, Any], set[str]]] = [
    ({"in_sequence": [["z0", "z1"], ["z1", "z0"]]}, {"z0", "z1"}),
    ({"in_sequence": [["z0", "z1"], ["z1", "z2"], ["z2", "z0"]]}, {"z0", "z1", "z2"}),
    ({"first": ["z0"], "in_sequence": [["z1", "z0"]]}, {"z0", "z1"}),
    ({"first": ["z0"], "last": ["z0"]}, {"z0"}),
    ({"together": [["z0", "z2"]], "in_sequence": [["z0", "z1", "z2"]]}, {"z0", "z1", "z2"}),
    ({"together": [["z0", "z1"], ["z1", "z2"]]}, {"z1"}),
    ({"first": ["z0"], "last": ["z1"], "together": [["z0", "z1"]]}, {"z0", "z1"}),
]


@pytest.mark.parametrize(("given", "named"), CONTRADICTIONS)
@pytest.mark.parametrize("order", ORDERS)
def test_contradictions_are_refused_with_the_latents(order: str, given: dict[str, Any], named: set[str]) -> None:
    with pytest.raises(
        OrderError, match=r"(contradict each other.*z|share .*z.*neither lies inside the other).*\. (Drop|Make)"
    ) as caught:
        rd.invert(make_chain(4), order, **given)
    assert named <= set(caught.value.variables)


def test_wrong_names_are_refused() -> None:
    net = make_chain(3)
    for given, message in (
        ({"first": ["x0"]}, r"first= names 'x0', which is not among the latents of the model"),
        ({"last": ["nobody"]}, r"last= names 'nobody', which is not among the latents of the model"),
        ({"together": [["z0", "x1"]]}, r"a group in together= names 'x1', which is not among the latents of the model"),
        ({"in_sequence": [["z0", "z0"]]}, r"a group in in_sequence= names 'z0' twice"),
    ):
        with pytest.raises(OrderError, match=message):
            rd.invert(net, **given)
    for given in ({"first": "z0"}, {"together": ["z0", "z1"]}, {"in_sequence": 3}):
        with pytest.raises(GraphError, match="list"):
            rd.invert(net, **given)


def test_an_explicit_order_must_respect_the_constraints() -> None:
    net = make_chain(3)
    assert rd.invert(net, ["z2", "z0", "z1"], first=["z2"], in_sequence=[["z0", "z1"]]).strategy == "explicit"
    for given in (
        {"first": ["z0"]},
        {"last": ["z0"]},
        {"together": [["z2", "z1"]]},
        {"in_sequence": [["z1", "z0"]]},
    ):
        with pytest.raises(OrderError, match="breaks a constraint"):
            rd.invert(net, ["z2", "z0", "z1"], **given)


def test_barren_latents_take_no_part_in_constraints() -> None:
    net = rd.BayesNet({"a": [], "b": ["a"], "c": ["a"]}, observed=["b"])
    inverse = rd.invert(net, first=["a"], in_sequence=[["a", "c"]])
    assert inverse.generative == ("c",)
    assert inverse.elimination_order == ("c", "a")


def test_an_order_that_respects_the_constraints_is_left_alone() -> None:
    random = Random(3)  # noqa: S311
    for seed in range(100):
        net = draw_latents(seed, 7, 1.0)
        order = net.latent_index.tolist()
        given = draw_constraints(random, list(net.latents))
        random.shuffle(order)
        if respects(net.to_names(order), given):
            constraints = read_constraints(net, Problem.of(net).barren, **given)
            assert constraints.obey(order) == order
