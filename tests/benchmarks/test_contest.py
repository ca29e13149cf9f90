"""The contest judges fairly: its simulators are the models, exact draws score well, and the page is made of results."""

from __future__ import annotations

import json

import numpy as np
import pytest

from benchmarks.hierarchical.contest.arena import RESULTS, score
from benchmarks.hierarchical.contest.models import TASKS, fill_rows, unbound
from benchmarks.hierarchical.contest.questions import solve
from benchmarks.hierarchical.contest.section import write_contest
from benchmarks.hierarchical.page import PAGE


@pytest.mark.parametrize("name", TASKS)
def test_truths_of_the_simulators_lie_where_the_exact_posterior_says(name: str) -> None:
    task, count = TASKS[name], 150
    drawn = task.simulate(np.random.default_rng(3), count, 6)
    mean, sd = solve(task, drawn)
    scores = (task.read(drawn) - mean) / sd
    assert scores.shape == (count, len(task.asked))
    assert np.abs(scores.mean(axis=0)).max() < 3.8 / np.sqrt(count)
    assert np.abs(scores.var(axis=0) - 1).max() < 4.5 * np.sqrt(2 / count)


@pytest.mark.parametrize("name", TASKS)
def test_simulations_of_training_have_sizes_of_their_own(name: str) -> None:
    task = TASKS[name]
    drawn = task.simulate(np.random.default_rng(0), 400)
    assert (drawn.sizes.min(), drawn.sizes.max()) == (task.least, task.most)
    rows, here = fill_rows(task, drawn)
    assert np.isfinite(rows).all()
    assert (here.sum(axis=1) == drawn.sizes).all()
    assert (rows[~here] == 0).all()
    inside = drawn.data[here]
    assert np.isnan(inside).mean() == pytest.approx(task.missing, abs=0.02)
    np.testing.assert_allclose(unbound(task, unbound(task, task.read(drawn)), back=True), task.read(drawn))


def test_exact_draws_score_well_and_others_do_not() -> None:
    rng = np.random.default_rng(1)
    mean, sd = rng.normal(size=(400, 2)), np.exp(rng.normal(size=(400, 2)))
    truth = mean + sd * rng.normal(size=mean.shape)
    noise = rng.normal(size=(400, 1000, 2))
    exact = score(mean[:, None] + sd[:, None] * noise, truth, mean, sd)
    assert exact["mean"] < 0.04
    assert exact["sd"] < 0.03
    assert exact["ratio"] == pytest.approx(1, abs=0.01)
    assert exact["coverage"] == pytest.approx(0.9, abs=0.04)
    narrow = score(mean[:, None] + sd[:, None] * (0.3 + 0.5 * noise), truth, mean, sd)
    assert narrow["mean"] == pytest.approx(0.3, abs=0.02)
    assert narrow["ratio"] == pytest.approx(0.5, abs=0.01)
    assert narrow["coverage"] < 0.65


def test_draws_that_are_not_finite_are_refused() -> None:
    with pytest.raises(ValueError, match="not finite"):
        score(np.full((2, 3, 1), np.nan), *np.zeros((3, 2, 1)))


def test_the_page_has_the_results() -> None:
    assert write_contest(json.loads(RESULTS.read_text())) in PAGE.read_text(encoding="utf-8")
