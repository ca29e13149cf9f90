"""Graphs of networkx, there and back."""

from __future__ import annotations

import sys

import networkx as nx
import pytest
from hypothesis import given
from hypothesis import strategies as st

import retrodict as rd
from retrodict.errors import CycleError, GraphError, MissingPackageError, SourceError
from tests.models.discrete.test_network import ASIA
from tests.random_models import models


@given(st.data())
def test_a_model_goes_there_and_back(data):
    net = data.draw(models()).net
    assert rd.from_networkx(net.to_networkx()) == net
    assert rd.from_networkx(net.to_networkx(), observed=net.observed) == net


def test_what_is_known_of_variables_goes_there_and_back():
    again = rd.from_networkx(ASIA.net.to_networkx())
    assert again == ASIA.net
    assert again.variable("asia").states == ("yes", "no")


def test_without_marks_the_leaves_are_observed():
    net = rd.from_networkx(nx.DiGraph([(0, 1), (1, 2), (0, 3)]))
    assert (net.latents, net.observed) == ((0, 1), (3, 2))


def test_marks_count_before_leaves_and_names_before_marks():
    graph = nx.DiGraph([("a", "b"), ("b", "c")])
    graph.nodes["b"]["observed"] = True
    assert rd.from_networkx(graph).observed == ("b",)
    assert rd.from_networkx(graph, observed=["c"]).observed == ("c",)


def test_an_inverse_can_be_drawn_as_a_graph_and_read():
    inverse = rd.invert(ASIA)
    graph = inverse.to_networkx()
    assert {name: set(graph.predecessors(name)) for name in ASIA.net.latents} == {
        name: set(parents) for name, parents in inverse.parents.items()
    }


def test_parallel_edges_count_once():
    assert rd.from_networkx(nx.MultiDiGraph([("a", "b"), ("a", "b")])).n_edges == 1


@pytest.mark.parametrize(
    ("graph", "error", "message"),
    [
        (nx.Graph([("a", "b")]), SourceError, "not a Graph"),
        ({"a": ["b"]}, SourceError, "not a dict"),
        (nx.DiGraph([("a", "b"), ("b", "a"), ("b", "c")]), CycleError, "cycle"),
        (nx.DiGraph([("a", "b"), ("b", "a")]), CycleError, "cycle"),
        (nx.DiGraph([("a", "a"), ("a", "b")]), GraphError, "own parent"),
        (nx.empty_graph(3, create_using=nx.DiGraph), GraphError, "nothing would be latent"),
        (nx.DiGraph(), GraphError, "no variables"),
    ],
)
def test_what_is_no_model_is_refused(graph, error, message):
    with pytest.raises(error, match=message):
        rd.from_networkx(graph)


@pytest.mark.parametrize(
    ("read", "package"),
    [
        (lambda: rd.from_networkx(None), "networkx"),
        (lambda: rd.from_pgmpy(None), "pgmpy"),
        (lambda: rd.from_pyagrum(None), "pyagrum"),
        (lambda: rd.from_pymc(None), "pymc"),
        (lambda: rd.from_pyro(lambda: None), "pyro"),
    ],
    ids=lambda value: value if isinstance(value, str) else "",
)
def test_a_missing_package_is_named_with_its_extra(monkeypatch, read, package):
    for module in [name for name in sys.modules if name.split(".")[0] == package]:
        monkeypatch.delitem(sys.modules, module)
    monkeypatch.setitem(sys.modules, package, None)
    with pytest.raises(MissingPackageError, match=rf"{package} is needed .*pip install 'retrodict\[{package}\]'"):
        read()
