"""The figures of an inverse are those of the graph that it stands for."""

import networkx as nx
import pytest
from hypothesis import given

from retrodict.errors import SizeError
from retrodict.graph.inverse import Inverse
from retrodict.invert import fully_connected, invert, mean_field, reversal
from tests.cases import CASES, STRATEGIES, Case
from tests.oracles import find_depth
from tests.random_models import RandomModel, models

MAKERS = [
    *(lambda net, name=name: invert(net, order=name) for name in STRATEGIES),
    reversal,
    mean_field,
    fully_connected,
]


def require_figures(inverse: Inverse) -> None:
    parents = dict(inverse.parents)
    assert inverse.n_edges == sum(map(len, parents.values()))
    assert inverse.width == max(map(len, parents.values()))
    assert inverse.depth == find_depth(parents)
    assert repr(inverse).startswith(f"Inverse({inverse.strategy}: {len(parents)} latents, {inverse.n_edges} edges")


def require_orders(inverse: Inverse) -> None:
    """Parents of a latent are observed or drawn before it; the orders are each other's reverse."""
    assert inverse.elimination_order == inverse.sampling_order[::-1]
    assert sorted(map(repr, inverse.sampling_order)) == sorted(map(repr, inverse.net.latents))
    known = set(inverse.net.observed)
    for name in inverse.sampling_order:
        assert set(inverse.parents[name]) <= known
        known.add(name)


def require_same_graph(inverse: Inverse) -> None:
    graph = inverse.to_networkx()
    assert set(graph) == set(inverse.net.names)
    assert {name for name, seen in graph.nodes(data="observed") if seen} == set(inverse.net.observed)
    assert all(set(graph.predecessors(name)) == set(inverse.parents[name]) for name in inverse.parents)
    assert nx.is_directed_acyclic_graph(graph)
    assert graph.number_of_edges() == inverse.n_edges


@pytest.mark.parametrize("case", CASES, ids=str)
def test_named_models(case: Case) -> None:
    for make in MAKERS:
        inverse = make(case.net)
        require_figures(inverse)
        require_orders(inverse)
        require_same_graph(inverse)


@given(models())
def test_random_models(model: RandomModel) -> None:
    net = model.net
    for make in MAKERS:
        inverse = make(net)
        require_figures(inverse)
        require_orders(inverse)
        require_same_graph(inverse)


@pytest.mark.parametrize("case", CASES, ids=str)
def test_barren_latents_keep_their_own_parents_and_come_last(case: Case) -> None:
    for strategy in STRATEGIES:
        inverse = invert(case.net, order=strategy)
        assert set(inverse.generative) == set(case.barren)
        assert set(inverse.sampling_order[len(inverse.sampling_order) - len(case.barren) :]) == set(case.barren)
        assert all(inverse.parents[name] == case.net.parents(name) for name in case.barren)


@pytest.mark.parametrize("case", CASES, ids=str)
def test_parents_are_listed_as_the_model_numbers_them(case: Case) -> None:
    inverse = invert(case.net)
    for parents in inverse.parents.values():
        assert list(parents) == sorted(parents, key=case.net.names.index)
    assert list(inverse.parents) == list(case.net.latents)


def test_too_many_edges_are_not_written_out() -> None:
    inverse = invert(CASES[0].net, order="forward")
    inverse.require_size(9)
    with pytest.raises(SizeError, match=r"the forward inverse has 9 edges, more than the 8 .*, 4, is that of 'x2'\."):
        inverse.require_size(8)
