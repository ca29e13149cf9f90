"""A model is what was written down, in whatever order it was written."""

from __future__ import annotations

import itertools
from collections.abc import Callable

import networkx as nx
import pytest
from hypothesis import given
from hypothesis import strategies as st

from retrodict.errors import CycleError, GraphError, UnknownVariableError
from retrodict.graph.ancestry import find_ancestors, find_barren
from retrodict.graph.bayesnet import BayesNet, Variable
from retrodict.graph.moral import moralize
from retrodict.graph.names import to_mask
from tests.cases import CASES, Case
from tests.oracles import drop, find_barren_names, marry
from tests.random_models import RandomModel, models


@given(models())
def test_what_was_written_is_what_is_read(model: RandomModel) -> None:
    net, parents = model.net, model.parents
    assert {name: set(net.parents(name)) for name in net.names} == {name: set(above) for name, above in parents.items()}
    assert all(name in net.children(parent) for name, above in parents.items() for parent in above)
    assert net.n_edges == sum(map(len, parents.values())) == sum(len(net.children(name)) for name in net.names)
    assert set(net.observed) == set(model.observed_names)
    assert set(net.latents) | set(net.observed) == set(net.names)
    assert len(net.latents) + len(net.observed) == len(net) == len(parents)


@given(models())
def test_parents_have_smaller_numbers(model: RandomModel) -> None:
    net = model.net
    assert all(net.index(parent) < net.index(name) for name in net.names for parent in net.parents(name))


@given(models(), st.integers(0, 1000))
def test_the_order_of_writing_does_not_matter(model: RandomModel, seed: int) -> None:
    shuffled = model.shuffle(seed)
    assert shuffled == model.net
    assert hash(shuffled) == hash(model.net)
    assert (shuffled.names, shuffled.observed) == (model.net.names, model.net.observed)


@pytest.mark.parametrize("case", CASES, ids=str)
def test_networkx_reads_the_same_graph(case: Case) -> None:
    graph = case.net.to_networkx()
    assert list(graph) == list(case.net.names)
    assert set(graph.edges) == {(parent, name) for name, above in case.parents.items() for parent in above}
    assert {name for name, seen in graph.nodes(data="observed") if seen} == set(case.observed)


@pytest.mark.parametrize("case", CASES, ids=str)
def test_ancestors_are_those_of_networkx(case: Case) -> None:
    graph = case.net.to_networkx()
    for i, name in enumerate(case.net.names):
        marked = find_ancestors(case.net, to_mask([i], len(case.net)))
        assert {other for other, mark in zip(case.net.names, marked, strict=True) if mark} == (
            nx.ancestors(graph, name) | {name}
        )


@pytest.mark.parametrize("case", CASES, ids=str)
def test_barren_latents_are_those_that_no_observation_informs(case: Case) -> None:
    barren = {name for name, mark in zip(case.net.names, find_barren(case.net), strict=True) if mark}
    assert barren == set(case.barren) == find_barren_names(case.parents, case.observed)


@given(models(most=10))
def test_moral_graph_joins_families_but_no_two_observed(model: RandomModel) -> None:
    net = model.net
    barren = find_barren_names(model.parents, model.observed_names)
    neighbors = moralize(net, keep=~find_barren(net))
    expected = marry(drop(model.parents, barren))
    for name in net.names:
        near = expected.get(name, set())
        free = set(net.observed) if name in net.observed else set()
        assert set(net.to_names(neighbors[net.index(name)])) == near - free


def test_different_models_are_not_equal() -> None:
    nets = [
        BayesNet({"a": [], "b": ["a"], "c": ["b"]}, observed=["c"]),
        BayesNet({"a": [], "b": ["a"], "c": ["b"]}, observed=["b", "c"]),
        BayesNet({"a": [], "b": ["a"], "c": ["a"]}, observed=["c"]),
        BayesNet({"a": [], "b": ["a"], "d": ["b"]}, observed=["d"]),
        BayesNet({"a": [], "b": ["a"], "c": ["b"]}, observed=["c"], variables=[Variable("a", size=3)]),
    ]
    assert all(one != other for one, other in itertools.combinations(nets, 2))
    assert nets[0] != "a model"


def test_variables_are_what_readers_said_of_them_and_a_real_number_otherwise() -> None:
    described = Variable("a", size=3, support="categorical", plates=("rows",))
    net = BayesNet({"a": [], "b": ["a"]}, observed=["b"], variables=[described])
    assert net.variable("a") == described
    assert net.variable("b") == Variable("b", size=1, support="real", plates=())


def test_a_model_cannot_be_changed() -> None:
    net = CASES[0].net
    with pytest.raises(AttributeError):
        net.names = ()
    with pytest.raises(ValueError, match="read-only"):
        net.is_observed[0] = True
    with pytest.raises(ValueError, match="read-only"):
        net.parent_rows.index[0] = 0


def test_a_shape_holds_the_numbers_of_a_variable():
    assert Variable("a").shape == ()
    assert Variable("a", size=3).shape == (3,)
    assert Variable("a", size=6, shape=(3, 2)).shape == (3, 2)
    with pytest.raises(GraphError, match=r"'a' has the shape \(3, 2\), which does not hold 5 numbers"):
        Variable("a", size=5, shape=(3, 2))


def nest(depth: int) -> tuple[object, ...]:
    nested: tuple[object, ...] = ()
    for _ in range(depth):
        nested = (nested,)
    return nested


@pytest.mark.parametrize(
    ("make", "shown"),
    [
        (lambda: 10**5000, "an int too long"),
        (lambda: -(10**5000), "an int too long"),
        (lambda: nest(100_000), "a tuple too deep"),
    ],
    ids=["long", "negative", "deep"],
)
def test_names_that_cannot_be_written_are_refused(make: Callable[[], object], shown: str) -> None:
    name = make()
    net = BayesNet({"a": [], "b": ["a"]}, ["b"])
    for parents, observed in [({name: [], "b": [name]}, "b"), ({name: [name], 5: []}, 5), ({name: [5], 5: [name]}, 5)]:
        with pytest.raises(GraphError, match=f"{shown} to write cannot be a name. Use text"):
            BayesNet(parents, [observed])
    for ask in (net.parents, net.children, lambda given: BayesNet({"a": [given], "b": []}, ["b"])):
        with pytest.raises(
            UnknownVariableError,
            match=f"{shown} to write(, given as a parent,)? is not among the variables of the model. The",
        ):
            ask(name)


def test_long_names_are_cut_in_messages() -> None:
    name = "x" * 100_000
    net = BayesNet({name: [], "b": [name]}, ["b"])
    assert net.parents("b") == (name,)
    for wrong in (lambda: net.parents("c"), lambda: net.parents(name + "y"), lambda: BayesNet({name: [name]}, [name])):
        with pytest.raises(GraphError, match=r"'xxx[^.]*\.\.\. \(100,00[23] characters\)") as caught:
            wrong()
        assert len(str(caught.value)) < 1000
    with pytest.raises(CycleError) as caught:
        BayesNet({name: ["\ud800"], "\ud800": [name], "c": []}, ["c"])
    str(caught.value).encode()


def test_a_model_of_sorted_variables_is_the_model_written_down() -> None:
    written = BayesNet({"x10": ["z"], "z": [], "x2": ["z", "x10"], "a": ["x2"]}, observed=["x2", "x10"])
    assert BayesNet.of_sorted(written.names, written.parent_rows, written.is_observed) == written
