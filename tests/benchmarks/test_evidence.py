"""What the page of any evidence compares with: exact where it should be, and the same questions for all."""

from __future__ import annotations

import numpy as np

import retrodict as rd
from benchmarks.evidence.baselines import JunctionTree, LikelihoodWeighting, LoopyPropagation
from benchmarks.evidence.questions import draw_evidence, measure_distance
from benchmarks.evidence.run import without_masks
from retrodict.posterior.any_evidence.gated import slot_plans
from tests.processes import ROOT

ASIA = rd.from_bif(ROOT / "tests" / "data" / "asia.bif")


def make_tree() -> rd.DiscreteNetwork:
    """Return a tree of three-state variables."""
    rng = np.random.default_rng(0)
    parents = {"a": [], "b": ["a"], "c": ["a"], "d": ["b"], "e": ["b"]}
    states = {name: ["0", "1", "2"] for name in parents}
    tables = {name: rng.dirichlet(np.ones(3), (3,) * len(above)) for name, above in parents.items()}
    return rd.DiscreteNetwork.from_tables(parents, states, tables, ["e"])


def test_the_junction_tree_agrees_with_our_sums() -> None:
    tree = JunctionTree(ASIA)
    for given in draw_evidence(ASIA, 10, 0):
        assert max(measure_distance(rd.query(ASIA, given).marginals, tree.answer(given))) < 1e-9


def test_loopy_propagation_is_exact_on_trees() -> None:
    model = make_tree()
    loopy = LoopyPropagation(model)
    for given in draw_evidence(model, 10, 1):
        assert max(measure_distance(rd.query(model, given).marginals, loopy.answer(given, 10.0))) < 1e-4


def test_likelihood_weighting_comes_near() -> None:
    model = make_tree()
    weighting = LikelihoodWeighting(model)
    for given in draw_evidence(model, 5, 2):
        assert max(measure_distance(rd.query(model, given).marginals, weighting.answer(given, 0.1))) < 0.05


def test_without_masks_everything_earlier_is_seen() -> None:
    net = ASIA.net
    known = np.isin(net.names, ["xray", "dysp"])
    minimal = slot_plans.find_parents(net, known)
    with without_masks():
        whole = slot_plans.find_parents(net, known)
    assert (whole | ~minimal).all()
    assert whole.sum() > minimal.sum()
    assert not whole[known].any()
    assert (slot_plans.find_parents(net, known) == minimal).all()
