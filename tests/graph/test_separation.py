"""d-separation agrees with its definition, and shows a path that is open by definition."""

import itertools

import networkx as nx
import pytest
from hypothesis import given
from hypothesis import strategies as st

from retrodict.graph.bayesnet import BayesNet
from retrodict.graph.separation import Separation, d_separated
from tests.cases import SMALL_CASES, Case
from tests.oracles import (
    Dag,
    Paths,
    is_open,
    is_path,
    list_dags,
    separated_in_moral_graph,
)
from tests.quick import quick
from tests.random_models import RandomModel, grow_large_model, models


def require_evidence(dag: Dag, verdict: Separation, query: tuple[int, int, int], path: list[int]) -> None:
    """A path from one variable to the other, open by definition, drawn as its edges lie."""
    start, end, given_set = query
    assert (path[0], path[-1]) == (start, end)
    assert is_path(dag, path)
    assert is_open(dag, path, given_set)
    text = str(verdict.path[0])
    for (before, after), name in zip(itertools.pairwise(path), verdict.path[1:], strict=True):
        text += f" {'->' if dag.parents[after] >> before & 1 else '<-'} {name}"
    assert str(verdict) == verdict.drawing == text


def require_agreement(dag: Dag) -> None:
    """Every question about a graph, asked of the library and of the definition."""
    net, paths = BayesNet(dag.lists(), observed=[0]), Paths(dag)
    for start, end in itertools.permutations(range(len(dag)), 2):
        others = [v for v in range(len(dag)) if v not in (start, end)]
        for size in range(len(others) + 1):
            for conditions in itertools.combinations(others, size):
                given_set = sum(1 << v for v in conditions)
                verdict = d_separated(net, start, end, given=conditions)
                lengths = paths.list_open_lengths(start, end, given_set)
                assert bool(verdict) == (not lengths)
                assert len(verdict.path) == min(lengths, default=0)
                if not verdict:
                    require_evidence(dag, verdict, (start, end, given_set), list(verdict.path))


@pytest.mark.parametrize("n", [2, 3, 4])
def test_every_question_about_every_small_graph(n: int) -> None:
    for dag in list_dags(n):
        require_agreement(dag)


@pytest.mark.parametrize("part", quick(range(4), [0]))
def test_every_question_about_every_graph_of_five(part: int) -> None:
    for dag in list(list_dags(5))[part::4]:
        require_agreement(dag)


@given(models(most=12), st.data())
def test_random_graphs_with_any_names(model: RandomModel, data: st.DataObject) -> None:
    start, end, *others = data.draw(st.permutations(range(len(model.dag))))
    conditions = data.draw(st.sets(st.sampled_from(others))) if others else set()
    query = (start, end, sum(1 << v for v in conditions))
    verdict = d_separated(model.net, model.names[start], model.names[end], [model.names[v] for v in conditions])
    assert bool(verdict) == separated_in_moral_graph(model.dag, *query)
    if not verdict:
        require_evidence(model.dag, verdict, query, [model.number(name) for name in verdict.path])


@pytest.mark.parametrize("seed", range(20))
def test_large_graphs(seed: int) -> None:
    model = grow_large_model(seed)
    net, given_set = model.net, model.observed
    for start, end in itertools.combinations(model.latents, 2):
        verdict = d_separated(net, model.names[start], model.names[end], model.observed_names)
        assert bool(verdict) == separated_in_moral_graph(model.dag, start, end, given_set)
        if not verdict:
            path = [model.number(name) for name in verdict.path]
            require_evidence(model.dag, verdict, (start, end, given_set), path)


@pytest.mark.parametrize("case", SMALL_CASES, ids=str)
def test_networkx_agrees_on_named_models(case: Case) -> None:
    graph = case.net.to_networkx()
    for start, end in itertools.combinations(case.net.names, 2):
        conditions = [name for name in case.observed if name not in (start, end)]
        verdict = d_separated(case.net, start, end, given=conditions)
        assert bool(verdict) == nx.is_d_separator(graph, {start}, {end}, set(conditions))


@pytest.mark.parametrize("case", SMALL_CASES, ids=str)
def test_markov_condition(case: Case) -> None:
    """Given its parents, a variable is separated from everything that is not its descendant."""
    graph = case.net.to_networkx()
    for name in case.net.names:
        above = case.net.parents(name)
        for other in set(graph) - nx.descendants(graph, name) - {name, *above}:
            assert d_separated(case.net, name, other, given=above)


@given(models())
def test_separation_is_symmetric(model: RandomModel) -> None:
    for start, end in itertools.combinations(model.names, 2):
        conditions = [name for name in model.observed_names if name not in (start, end)]
        one, other = (d_separated(model.net, *ends, given=conditions) for ends in [(start, end), (end, start)])
        assert bool(one) == bool(other)
        assert len(one.path) == len(other.path)


def test_separated_variables_have_no_path() -> None:
    net = BayesNet({"a": [], "b": [], "c": ["a", "b"]}, observed=["c"])
    verdict = d_separated(net, "a", "b")
    assert (verdict.path, str(verdict)) == ((), "separated")


def test_a_long_path_is_found_without_recursion() -> None:
    n = 10_000
    net = BayesNet({i: [i - 1] if i else [] for i in range(n)}, observed=[n - 1])
    assert d_separated(net, 0, n - 1).path == tuple(range(n))
    assert d_separated(net, 0, n - 1, given=[n // 2])
