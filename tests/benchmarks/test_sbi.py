"""The benchmark of stored runs: the exact posterior is exact, and the page is made of the results."""

from __future__ import annotations

import numpy as np

from benchmarks.sbi.__main__ import PAGE, read_results
from benchmarks.sbi.page import write_page
from benchmarks.sbi.three_levels import GROUPS, NAMES, find_exact, make_net, simulate
from benchmarks.stamp import unstamp


def test_truths_lie_where_the_exact_posterior_says() -> None:
    """Standardized by exact means and standard deviations they have mean zero and variance one."""
    n = 250
    runs = simulate(np.random.default_rng(5), n)
    scores = []
    for row in range(n):
        mean, spread = find_exact(np.stack([runs[f"y{i}"][row] for i in range(GROUPS)]))
        scores.append((np.array([runs[name][row] for name in NAMES]) - mean) / spread)
    found = np.array(scores)
    assert np.abs(found.mean(axis=0)).max() < 3.8 / np.sqrt(n)
    assert np.abs(found.var(axis=0) - 1).max() < 4.5 * np.sqrt(2 / n)


def test_the_structure_has_nineteen_latents() -> None:
    assert set(make_net().latents) == set(NAMES)
    assert len(NAMES) == 19


def test_the_page_is_made_of_the_results() -> None:
    assert unstamp(PAGE.read_text(encoding="utf-8")) == write_page(read_results())
