"""From an encoder to a generative model and back: faithful, minimal, and round."""

from __future__ import annotations

import functools
import itertools
from random import Random

import pytest

import retrodict as rd
from retrodict.errors import CycleError, GraphError, GuideError, OrderError
from retrodict.graph.bayesnet import BayesNet
from tests.oracles import (
    Dag,
    Paths,
    find_border,
    find_minimal_parents,
    list_bits,
    list_dags_up_to_isomorphism,
    list_observations,
    separated_in_moral_graph,
)
from tests.random_models import RandomModel, draw_model

SEMI_SUPERVISED = {"y": ["x"], "z": ["x", "y"]}


def to_dag(net: BayesNet) -> tuple[Dag, dict[object, int]]:
    number = {name: v for v, name in enumerate(net.names)}
    return Dag(tuple(sum(1 << number[u] for u in net.parents(name)) for name in net.names)), number


def find_unfounded(first: Dag, numbered: dict[object, int], second: Dag, others: dict[object, int]) -> object:
    """An independence of the second structure that the first does not have. Both are of the same variables."""
    to_first = {others[name]: numbered[name] for name in numbered}
    n = len(first)
    for a, b in itertools.combinations(range(n), 2):
        rest = [v for v in range(n) if v not in (a, b)]
        for size in range(len(rest) + 1):
            for given in itertools.combinations(rest, size):
                mask = sum(1 << v for v in given)
                image = sum(1 << to_first[v] for v in given)
                if separated_in_moral_graph(second, a, b, mask) and not separated_in_moral_graph(
                    first, to_first[a], to_first[b], image
                ):
                    return (a, b, given)
    return None


def require_round(dag: Dag, observed: int) -> None:
    model = RandomModel(dag, observed, tuple(f"v{v}" for v in range(len(dag))))
    found = rd.generator(rd.invert(model.net))
    assert found.certificate.faithful
    assert found.certificate.minimal
    assert set(found.net.observed) == set(model.net.observed)
    first, second = to_dag(model.net), to_dag(found.net)
    assert find_unfounded(*first, *second) is None, (dag, observed)


@pytest.mark.parametrize("n", [2, 3, 4])
def test_round_trip_of_every_small_model(n: int) -> None:
    for dag in list_dags_up_to_isomorphism(n):
        for observed in list_observations(n):
            require_round(dag, observed)


@pytest.mark.slow
@pytest.mark.parametrize("part", range(4))
def test_round_trip_of_every_model_of_five(part: int) -> None:
    for dag in list_dags_up_to_isomorphism(5)[part::4]:
        for observed in list_observations(5):
            require_round(dag, observed)


@pytest.mark.parametrize("seed", range(60))
def test_parents_are_those_of_the_definition(seed: int) -> None:
    """In any order of the latents, by an oracle that knows the encoder's graph only."""
    model, draw = draw_model(seed, most=8), Random(seed)  # noqa: S311
    encoder = rd.invert(model.net)
    latents = draw.sample(model.net.latents, len(model.net.latents))
    found = rd.generator(encoder, latents)
    seen = list(model.net.observed)
    parents = {**encoder.parents, **{name: seen[:place] for place, name in enumerate(seen)}}
    net = BayesNet(parents, observed=seen)
    dag, number = to_dag(net)
    needed = find_minimal_parents(functools.partial(find_border, dag), [number[v] for v in found.sampling_order], 0)
    assert {number[v]: sorted(number[u] for u in above) for v, above in found.parents.items()} == needed
    assert found.sampling_order[: len(latents)] == tuple(latents)
    assert found.certificate.faithful
    assert found.certificate.minimal


@pytest.mark.parametrize("seed", range(20))
def test_auto_has_the_fewest_edges(seed: int) -> None:
    model = draw_model(seed, most=6)
    encoder = rd.invert(model.net)
    orders = itertools.permutations(model.net.latents)
    assert rd.generator(encoder).n_edges == min(rd.generator(encoder, order).n_edges for order in orders)


def test_many_latents() -> None:
    encoder = {f"z{i}": [f"x{i}", *([f"z{i - 1}"] if i else [])] for i in range(14)}
    found = rd.generator(encoder, data={}, budget=0.2)
    assert found.certificate.faithful
    assert found.certificate.minimal


def test_a_naive_bayes_generator_lacks_what_its_encoder_has() -> None:
    verdict = rd.lint_generator(SEMI_SUPERVISED, {"y": [], "z": [], "x": ["y", "z"]})
    assert verdict.n_missing == 1
    assert set(verdict.missing[0][:2]) == {"y", "z"}
    assert rd.lint_generator(SEMI_SUPERVISED, {"y": [], "z": ["y"], "x": ["y", "z"]})
    assert rd.lint_generator(SEMI_SUPERVISED, rd.generator(SEMI_SUPERVISED).net).minimal


def test_an_open_path_proves_what_is_missing() -> None:
    for seed in range(40):
        model = draw_model(seed, most=6)
        encoder = rd.invert(model.net)
        verdict = rd.lint_generator(encoder, dict.fromkeys(model.net.names, ()))
        net = verdict.inverse.net
        dag, number = to_dag(net)
        paths, sampling = Paths(dag), verdict.inverse.sampling_order
        for edge in verdict.missing:
            known = sum(1 << number[name] for name in sampling[: sampling.index(edge.child)] if name != edge.parent)
            assert not paths.separated(number[edge.parent], number[edge.child], known)
        if not list_bits(sum(dag.parents)):
            assert verdict.faithful


def test_prior_knowledge() -> None:
    encoder = {"a": ["x"], "b": ["x", "a"], "c": ["x", "b"]}
    tiers = rd.generator(encoder, tiers=[["c"], ["a", "b"]])
    assert tiers.sampling_order[0] == "c"
    assert tiers.certificate.faithful
    required = rd.generator({"a": ["x"], "b": ["y"]}, data={}, required=[("b", "a")])
    assert required.parents["a"] == ("b",)
    assert (required.certificate.faithful, required.certificate.minimal) == (True, False)
    allowed = rd.generator(SEMI_SUPERVISED, forbidden=[("y", "z")])
    assert allowed.parents["y"] == ("z",)
    with pytest.raises(GraphError, match="no order of the latents"):
        rd.generator(SEMI_SUPERVISED, forbidden=[("y", "z"), ("z", "y")])
    with pytest.raises(GraphError, match="is needed in this order"):
        rd.generator(SEMI_SUPERVISED, ["y", "z"], forbidden=[("y", "z")])
    with pytest.raises(OrderError, match="breaks the tiers"):
        rd.generator(SEMI_SUPERVISED, ["y", "z"], tiers=[["z"], ["y"]])


def test_bad_input() -> None:
    for wrong in ([("a", "b")], 3):
        with pytest.raises(GuideError, match="an encoder must be a mapping"):
            rd.generator(wrong)  # type: ignore[arg-type]
    with pytest.raises(GuideError, match="anything observed"):
        rd.generator({"a": [], "b": ["a"]})
    with pytest.raises(CycleError):
        rd.generator({"a": ["b", "x"], "b": ["a"]})
    with pytest.raises(GraphError, match="not among the observed"):
        rd.generator(SEMI_SUPERVISED, data={"y": []})
    with pytest.raises(GraphError, match="contradict"):
        rd.generator(SEMI_SUPERVISED, required=[("y", "z")], tiers=[["z"], ["y"]])
    with pytest.raises(GraphError, match="both required and forbidden"):
        rd.generator(SEMI_SUPERVISED, required=[("y", "z")], forbidden=[("y", "z")])
    with pytest.raises(GraphError, match="from data to a latent"):
        rd.generator(SEMI_SUPERVISED, required=[("x", "z")])
    with pytest.raises(GraphError, match="which is observed"):
        rd.generator(SEMI_SUPERVISED, tiers=[["x"]])
    with pytest.raises(OrderError, match="each of them once"):
        rd.generator(SEMI_SUPERVISED, ["y"])
    with pytest.raises(OrderError, match="does not exist"):
        rd.generator(SEMI_SUPERVISED, "forward")
    with pytest.raises(GuideError, match="not in the encoder"):
        rd.lint_generator(SEMI_SUPERVISED, {"y": [], "z": [], "w": []})
