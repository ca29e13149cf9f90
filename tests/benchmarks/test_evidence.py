"""What the page of any evidence compares with: exact where it should be, and the same questions for all."""

from __future__ import annotations

import json

import numpy as np
import pytest

import retrodict as rd
from benchmarks.evidence.baselines import JunctionTree, LikelihoodWeighting, LoopyPropagation
from benchmarks.evidence.page import PAGE, write_page
from benchmarks.evidence.questions import draw_evidence, measure_distance
from benchmarks.evidence.run import RESULTS
from benchmarks.evidence.tasks import TASKS, Task, draw_question
from benchmarks.evidence.training import without_masks
from benchmarks.stamp import unstamp
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


@pytest.mark.parametrize("name", TASKS)
def test_draws_of_a_task_are_those_of_importance_sampling(name: str) -> None:
    """Moments given all leaves, and given some places and leaves, beside 200,000 weighted joint draws."""
    task, rng = TASKS[name](), np.random.default_rng(5)
    truth = {name: float(column[0]) for name, column in task.draw({}, 1, rng).items()}
    for given in ([*task.leaves][:3], [*task.leaves][:1] + [*task.links][-1:]):
        values = {name: truth[name] for name in given}
        drawn = task.draw(values, 20_000, rng)
        assert set(drawn) == set(task.names) - set(given)
        weighed, weights = weigh(task, values, 400_000, rng)
        for place in set(task.links) - set(given):
            for power in (1, 2):
                assert abs((drawn[place] ** power).mean() - weights @ weighed[place] ** power) < 0.1


def weigh(
    task: Task, given: dict[str, float], n: int, rng: np.random.Generator
) -> tuple[dict[str, np.ndarray], np.ndarray]:
    """Return places by their own links, what is known held, and weights by all that is known."""
    places: dict[str, np.ndarray] = {}
    score = np.zeros(n)
    for name, link in task.links.items():
        center = places[link.parent] if link.parent else np.zeros(n)
        places[name] = np.full(n, given[name]) if name in given else center + link.spread * rng.normal(size=n)
        if name in given:
            score -= 0.5 * ((given[name] - center) / link.spread) ** 2
    for name, leaf in task.leaves.items():
        if name in given:
            score -= 0.5 * ((given[name] - leaf.shape(places[leaf.place])) / leaf.spread) ** 2
    weights = np.exp(score - score.max())
    return places, weights / weights.sum()


def test_questions_leave_something_unknown() -> None:
    task, rng = TASKS["tree"](), np.random.default_rng(0)
    asked = [set(draw_question(task, rng)) for _ in range(200)]
    assert all(len(given) < len(task.names) for given in asked)
    assert {frozenset(), frozenset(task.links), frozenset(task.leaves)} <= set(map(frozenset, asked))


def test_the_page_is_that_of_the_results() -> None:
    assert write_page(json.loads(RESULTS.read_text())) == unstamp(PAGE.read_text(encoding="utf-8"))
