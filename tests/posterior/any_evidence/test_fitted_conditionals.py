"""Conditionals of a structure learned from few runs, which then simulate: what they draw, and when they are used."""

from __future__ import annotations

from typing import Any

import jax
import numpy as np
import pytest

import retrodict as rd
from retrodict.models.black_box import BlackBox
from retrodict.posterior.any_evidence.evidence_amortization import FEW, choose_lesson
from retrodict.posterior.any_evidence.fitted_conditionals import FittedEvidence, can_fit, fit_conditionals
from retrodict.posterior.any_evidence.gated.evidence_columns import EvidenceColumns
from retrodict.posterior.any_evidence.gated.evidence_supply import StoredEvidence, look_at
from retrodict.posterior.any_evidence.gated.evidence_training import EvidencePlan
from retrodict.posterior.tables.runs import Runs

NET = rd.BayesNet({"z": [], "x": ["z"], "w": ["z"]}, observed=["x", "w"])
PLAN = EvidencePlan(300, 128, 3e-3)


def draw(fitted: FittedEvidence, n: int) -> dict[str, Any]:
    return dict(zip(NET.names, np.asarray(fitted.simulate(jax.random.key(0), n)).T, strict=True))


def simulate(n: int, seed: int = 0) -> dict[str, Any]:
    """A parabola, and two branches: what one normal density cannot say."""
    rng = np.random.default_rng(seed)
    z = rng.normal(size=n)
    return {
        "z": z,
        "x": z**2 + 0.2 * rng.normal(size=n),
        "w": np.where(rng.random(n) < 0.5, 1.0, -1.0) * (2 + z) + 0.1 * rng.normal(size=n),
    }


def fit(runs: Runs, components: int) -> FittedEvidence:
    return fit_conditionals(BlackBox(NET), runs, look_at(runs, 4096, 0), PLAN, components, 0)


@pytest.fixture(scope="module")
def fitted() -> FittedEvidence:
    return fit(Runs.split(NET, simulate(800), 0), 5)


def test_draws_follow_curves_and_branches(fitted: FittedEvidence) -> None:
    drawn = draw(fitted, 20_000)
    z, x, w = (drawn[name] for name in "zxw")
    assert abs(z.mean()) < 0.15
    assert abs(z.std() - 1) < 0.15
    for middle in (-1.0, 0.0, 1.0):
        near = np.abs(z - middle) < 0.1
        assert abs(x[near].mean() - middle**2) < 0.1
        assert abs((w[near] > 0).mean() - 0.5) < 0.12
        assert abs(np.abs(w[near]).mean() - (2 + middle)) < 0.25


def test_neighboring_rows_are_of_different_networks(fitted: FittedEvidence) -> None:
    """Each network draws from its own key; as many rows come back as were asked for."""
    rows = np.asarray(fitted.simulate(jax.random.key(1), 7))
    assert rows.shape == (7, 3)
    assert len(np.unique(rows[:, 0])) == 7


def test_runs_without_weight_teach_nothing() -> None:
    wrong = np.arange(800) % 2 == 1
    table = {name: np.where(wrong, 50.0, column) for name, column in simulate(800).items()}
    runs = Runs.split(NET, table, 0, np.where(wrong, 0.0, 1.0))
    found = fit(runs, 1)
    drawn = draw(found, 4000)
    assert np.abs(drawn["z"]).max() < 10
    assert abs(drawn["x"][np.abs(drawn["z"]) < 0.2].mean()) < 0.5


@pytest.mark.parametrize(("n", "steps", "kind"), [(200, 50, FittedEvidence), (200, 0, StoredEvidence)])
def test_few_runs_of_a_structure_teach_its_conditionals_first(n: int, steps: int, kind: type) -> None:
    lesson = choose_lesson(BlackBox(NET), Runs.split(NET, simulate(n), 0), EvidencePlan(steps, 64, 1e-2), 0)
    assert isinstance(lesson.supply, kind)
    assert (lesson.judges is None) == (kind is FittedEvidence)


def test_many_runs_and_models_that_can_be_run_teach_directly() -> None:
    plan = EvidencePlan(50, 64, 1e-2)
    many = choose_lesson(BlackBox(NET), Runs.split(NET, simulate(FEW), 0), plan, 0)
    lines = rd.LinearGaussian.from_weights(rd.BayesNet({"a": [], "b": ["a"]}, observed=["b"]), {"b": {"a": 1.0}})
    few = choose_lesson(lines, Runs.split(lines.net, lines.simulate(200), 0), plan, 0)
    assert isinstance(many.supply, StoredEvidence)
    assert isinstance(few.supply, StoredEvidence)


def test_time_is_shared_with_the_training_that_follows() -> None:
    first, then = EvidencePlan(100, 64, 1e-2, seconds=10.0).split(0.4)
    assert (first.seconds, then.seconds) == (4.0, 6.0)
    assert PLAN.split(0.4) == (PLAN, PLAN)


def test_counts_and_large_structures_cannot_be_fitted() -> None:
    counted = rd.BayesNet({"z": [], "n": ["z"]}, observed=["n"], variables=[rd.Variable("n", support="count")])
    assert not can_fit(EvidenceColumns.of(BlackBox(counted), np.arange(40.0).reshape(20, 2)))
    chain = rd.BayesNet({i: [i - 1] if i else [] for i in range(300)}, observed=[299])
    rows = np.random.default_rng(0).normal(size=(20, 300))
    assert not can_fit(EvidenceColumns.of(BlackBox(chain), rows))
