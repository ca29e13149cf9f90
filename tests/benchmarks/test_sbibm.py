"""The benchmark of sbibm's tasks: densities and references are exact, the classifier sees differences, and the page."""

from __future__ import annotations

import bz2
from pathlib import Path
from typing import Any

import jax
import jax.numpy as jnp
import numpy as np
import pytest
from scipy import stats

import retrodict as rd
from benchmarks.sbibm.__main__ import DEFAULTS, PAGE, RESULTS, read_option, read_results
from benchmarks.sbibm.distributions import Crescent, SpikeSums
from benchmarks.sbibm.page import ASKED, write_page
from benchmarks.sbibm.programs import PROGRAMS, integrate
from benchmarks.sbibm.references import TASKS, find_files, join_columns, load_task
from benchmarks.sbibm.score import score_draws
from benchmarks.sbibm.structured import STRUCTURED
from benchmarks.stamp import unstamp

REPEATS, DRAWS, BINS, ALPHA = 200, 99, 10, 0.001


def test_the_density_of_a_crescent_is_that_of_its_draws() -> None:
    crescent = Crescent(jnp.array([0.4, -0.2]))
    across, along = np.linspace(0.55, 0.85, 1201), np.linspace(-0.4, 0.0, 1201)
    grid = np.stack(np.meshgrid(across, along, indexing="ij"), axis=-1)
    cells = np.exp(np.asarray(crescent.log_prob(jnp.asarray(grid)))) * (across[1] - across[0]) * (along[1] - along[0])
    draws = np.asarray(crescent.sample(jax.random.key(0), (20_000,)))
    assert cells.sum() == pytest.approx(1.0, abs=0.005)
    distance = (draws.mean(axis=0) - (cells[..., None] * grid).sum(axis=(0, 1))) / (draws.std(axis=0) / 20_000**0.5)
    assert np.abs(distance).max() < stats.norm.isf(ALPHA / 4)


def test_the_score_of_sums_over_spikes_is_zero_on_average() -> None:
    weights, design = jnp.array([0.3, -1.0]), jnp.asarray(np.random.default_rng(0).standard_normal((30, 2)))
    spikes = SpikeSums(weights, design)
    draws = spikes.sample(jax.random.key(0), (4000,))
    scores = np.asarray(jax.vmap(jax.grad(lambda w, x: SpikeSums(w, design).log_prob(x)), (None, 0))(weights, draws))
    assert np.abs(scores.mean(axis=0) / (scores.std(axis=0) / 4000**0.5)).max() < stats.norm.isf(ALPHA / 4)


def test_a_differential_equation_is_solved() -> None:
    states = integrate(lambda state: -state, np.array([1.0]), 0.1, 20)
    np.testing.assert_allclose(states[:, 0], np.exp(-0.1 * np.arange(21)), rtol=1e-5)


@pytest.mark.parametrize("name", [pytest.param(name, marks=pytest.mark.slow) for name in STRUCTURED])
def test_references_of_our_own_are_calibrated(name: str) -> None:
    task, random = STRUCTURED[name], np.random.default_rng(0)
    simulated = rd.from_numpyro(task.program, observed=task.observed).simulate(seed=2, n=REPEATS)
    truth = join_columns({column: simulated[column] for column in task.columns})
    data = join_columns({site: simulated[site] for site in task.observed})
    ranks = np.array([(task.draw(x, DRAWS, random) < z).sum(axis=0) for x, z in zip(data, truth, strict=True)])
    counts = [np.bincount(column * BINS // (DRAWS + 1), minlength=BINS) for column in ranks.T]
    assert min(stats.chisquare(count).pvalue for count in counts) > ALPHA / len(counts)


def test_the_classifier_tells_apart_what_differs_alone() -> None:
    random = np.random.default_rng(0)
    same, other = random.standard_normal((2, 500, 2))
    assert abs(score_draws(same, other) - 0.5) < 0.06
    assert score_draws(same + np.array([5.0, 0.0]), other) > 0.9


@pytest.mark.parametrize("name", ["two_moons", "slcp"])
def test_files_of_sbibm_are_read(name: str, tmp_path: Path) -> None:
    """Files of the same form, with numbers of our own."""
    model = rd.from_numpyro(PROGRAMS[name], observed=["x"])
    simulated = model.simulate(seed=0, n=10)
    for row in range(10):
        folder = tmp_path / "sbibm" / "tasks" / name / "files" / f"num_observation_{row + 1}"
        folder.mkdir(parents=True)
        for file, value in (("observation.csv", "x"), ("reference_posterior_samples.csv.bz2", "theta")):
            numbers = np.asarray(simulated[value][row], np.float64).ravel()
            text = f"{','.join('c' * len(numbers))}\n{','.join(map(repr, numbers.tolist()))}\n".encode()
            (folder / file).write_bytes(bz2.compress(text) if file.endswith("bz2") else text)
    task = load_task(name, tmp_path)
    np.testing.assert_array_equal(task.data["x"], simulated["x"])
    np.testing.assert_array_equal(task.references[3][0], simulated["theta"][3])
    assert task.flatten({"theta": simulated["theta"][None]}, 2).shape == (1, simulated["theta"].shape[1])


def test_missing_files_are_asked_for(tmp_path: Path) -> None:
    with pytest.raises(SystemExit, match="pip download sbibm"):
        find_files("slcp", None)
    with pytest.raises(SystemExit, match="unpacked wheel"):
        find_files("slcp", tmp_path)


@pytest.mark.parametrize("name", ["bernoulli_glm", "sir", "lotka_volterra", "gaussian_mixture"])
def test_a_task_simulates_finite_data(name: str) -> None:
    simulated = rd.from_numpyro(PROGRAMS[name], observed=["x"]).simulate(seed=0, n=100)
    assert all(np.isfinite(values).all() for values in simulated.values())


def test_options_are_literals_or_words() -> None:
    assert [read_option("widths=8,8"), read_option("conditional=mixture")] == [
        ("widths", (8, 8)),
        ("conditional", "mixture"),
    ]


def test_the_page_says_what_is_reached_and_what_not() -> None:
    row: dict[str, Any] = {
        "label": DEFAULTS,
        "cpu": 9.0,
        "steps": 10,
        "parameters": 5,
        "weighted": [0.5],
        "khat": [0.1],
    }
    rows = [row | {"task": "slcp", "c2st": [0.7]}, row | {"task": "hmm", "c2st": [0.5, 0.5], "ess": [9000.0]}]
    page = write_page([*rows, row | {"task": "slcp", "label": "wide", "c2st": [0.6]}])
    assert "| slcp (1) | 0.700 | 0.65 | not reached | 0.500 | 0.56 | reached | 0.10 |" in page
    assert "| hmm (2) | 0.500 | 0.51 | reached |" in page
    assert "| slcp (1) | 0.700 (9 s) | 0.600 (9 s) |" in page


def test_the_page_is_that_of_the_results() -> None:
    assert set(TASKS) == set(ASKED)
    assert unstamp(PAGE.read_text(encoding="utf-8")) == write_page(read_results(RESULTS)), "run make bench-sbibm"
