"""The verdict on a guide is the verdict of the definition, and its evidence holds."""

from __future__ import annotations

import itertools
from collections.abc import Iterator

import pytest
from hypothesis import given

from retrodict.certificate.certify import Certificate, certify
from retrodict.graph.bayesnet import BayesNet
from retrodict.guide.judging.lint import lint
from retrodict.invert import fully_connected, invert, mean_field, reversal
from tests import oracles
from tests.cases import CASES, SMALL_CASES, Case, link_chain, pick
from tests.oracles import Dag, is_faithful, list_bits, list_dags, to_bits
from tests.quick import quick
from tests.random_models import RandomModel, guided_models

Guide = dict[int, list[int]]


def without(guide: Guide, parent: int, child: int) -> Guide:
    return guide | {child: [one for one in guide[child] if one != parent]}


def repair(guide: Guide, certificate: Certificate, model: RandomModel) -> Guide:
    """The guide with all its missing edges."""
    repaired = {child: list(parents) for child, parents in guide.items()}
    for edge in certificate.missing:
        repaired[model.number(edge.child)].append(model.number(edge.parent))
    return repaired


def require_evidence(model: RandomModel, certificate: Certificate) -> None:
    """Every missing edge comes with a path that is open given all that is known before its child, the parent aside."""
    sampling = [model.number(name) for name in certificate.inverse.sampling_order]
    for edge in certificate.missing:
        parent, child = model.number(edge.parent), model.number(edge.child)
        known = model.observed | to_bits(sampling[: sampling.index(child)])
        path = [model.number(name) for name in edge.path]
        assert known >> parent & 1
        assert edge.parent not in certificate.inverse.parents[edge.child]
        assert (path[0], path[-1]) == (parent, child)
        assert oracles.is_path(model.dag, path)
        assert oracles.is_open(model.dag, path, known & ~(1 << parent))
        assert edge.drawing.replace("<-", "->").split(" -> ") == [str(name) for name in edge.path]


def require_edges(model: RandomModel, guide: Guide, certificate: Certificate) -> None:
    """With the missing edges the guide is faithful, and then exactly the removable ones can be dropped."""
    repaired = repair(guide, certificate, model)
    assert is_faithful(model.dag, model.observed, repaired)
    removable = {(model.number(edge.parent), model.number(edge.child)) for edge in certificate.removable}
    edges = {(parent, child) for child, parents in repaired.items() for parent in parents}
    assert removable <= {(parent, child) for child, parents in guide.items() for parent in parents}
    for edge in edges:
        assert is_faithful(model.dag, model.observed, without(repaired, *edge)) == (edge in removable)


def require_verdict(model: RandomModel, net: BayesNet, guide: Guide) -> None:
    written = {model.names[child]: [model.names[one] for one in parents] for child, parents in guide.items()}
    certificate = lint(net, written)
    assert bool(certificate) == certificate.faithful == is_faithful(model.dag, model.observed, guide)
    assert certificate.faithful == (not certificate.missing)
    assert certificate.minimal == (not certificate.removable)
    require_evidence(model, certificate)
    require_edges(model, guide, certificate)


def list_guides(dag: Dag, observed: int) -> Iterator[Guide]:
    """Every guide that can be sampled, most of them unfaithful."""
    latents = [v for v in range(len(dag)) if not observed >> v & 1]
    seen = set()
    for sampling in itertools.permutations(latents):
        known = [observed | to_bits(sampling[:place]) for place in range(len(sampling))]
        for parents in itertools.product(*(list_subsets(mask) for mask in known)):
            guide = tuple(sorted(zip(sampling, parents, strict=True)))
            if guide not in seen:
                seen.add(guide)
                yield {latent: list_bits(mask) for latent, mask in guide}


def list_subsets(mask: int) -> list[int]:
    return [subset for subset in range(mask + 1) if subset & ~mask == 0]


def test_every_guide_of_every_graph_of_three() -> None:
    for dag, observed in itertools.product(list_dags(3), oracles.list_observations(3)):
        model = RandomModel(dag, observed, ("a", "b", "c"))
        for guide in list_guides(dag, observed):
            require_verdict(model, model.net, guide)


@pytest.mark.parametrize("part", quick(range(4), [0]))
def test_every_guide_of_every_shape_of_four_with_two_latents(part: int) -> None:
    pairs = [observed for observed in oracles.list_observations(4) if observed.bit_count() == 2]
    for dag, observed in itertools.product(oracles.list_dags_up_to_isomorphism(4)[part::4], pairs):
        model = RandomModel(dag, observed, ("a", "b", "c", "d"))
        for guide in list_guides(dag, observed):
            require_verdict(model, model.net, guide)


@given(guided_models())
def test_random_guides(guided: tuple[RandomModel, Guide]) -> None:
    model, guide = guided
    require_verdict(model, model.net, guide)


@pytest.mark.parametrize("case", CASES, ids=str)
def test_certify_and_lint_agree(case: Case) -> None:
    for make in (invert, reversal, mean_field):
        inverse = make(case.net)
        ours, theirs = certify(inverse), lint(case.net, dict(inverse.parents))
        assert ours.faithful == theirs.faithful
        assert (not ours.faithful) or set(ours.removable) == set(theirs.removable)


@pytest.mark.parametrize("case", SMALL_CASES, ids=str)
def test_every_edge_of_an_inverse_is_needed(case: Case) -> None:
    parents = dict(invert(case.net).parents)
    for child, above in parents.items():
        for parent in above:
            broken = lint(case.net, parents | {child: [one for one in above if one != parent]})
            assert not broken.faithful
            assert broken.missing


@pytest.mark.parametrize("case", SMALL_CASES, ids=str)
def test_what_a_full_inverse_could_do_without_leaves_a_minimal_one(case: Case) -> None:
    certificate = certify(fully_connected(case.net))
    assert certificate.faithful
    spare = set(certificate.removable)
    parents = {
        child: [parent for parent in above if (parent, child) not in spare]
        for child, above in certificate.inverse.parents.items()
    }
    pruned = lint(case.net, parents)
    assert pruned.faithful
    assert pruned.minimal


def test_missing_edges_come_in_sampling_order() -> None:
    certificate = certify(mean_field(pick("tree 4").net))
    order = certificate.inverse.sampling_order
    places = [order.index(edge.child) for edge in certificate.missing]
    assert places == sorted(places)
    assert len(set(places)) > 1


def test_a_certificate_says_how_many() -> None:
    net = pick("figure 1").net
    assert repr(certify(reversal(net))) == "Certificate(3 missing, 0 removable)"
    assert repr(certify(fully_connected(net))) == "Certificate(0 missing, 6 removable)"


def test_a_model_is_taken_where_its_structure_is_meant() -> None:
    class Model:
        net = pick("explaining away").net

    assert lint(Model(), {"a": ["c", "b"], "b": ["c"]}).faithful
    assert invert(Model()).net is Model.net


def test_a_deep_chain_needs_no_recursion() -> None:
    n = 1_100
    net = BayesNet(link_chain(n), observed=[f"x{n - 1}"])
    assert certify(invert(net)).minimal
    assert lint(net, {f"x{i}": [f"x{i + 1}"] for i in range(n - 1)}).minimal
