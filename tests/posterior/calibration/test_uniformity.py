"""The tests of uniformity against SciPy's, their level on uniform numbers, and Holm's rule by its definition."""

from __future__ import annotations

import itertools

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from scipy import stats

from retrodict.posterior.calibration.uniformity import chi_square, gap_bound, holm, kolmogorov_smirnov, largest_gap

SETS = np.stack([np.random.default_rng(seed).uniform(size=400) ** (1 + 0.03 * seed) for seed in range(12)], axis=1)


def test_p_values_are_those_of_scipy():
    for column, chi, gap, ks in zip(SETS.T, chi_square(SETS), largest_gap(SETS), kolmogorov_smirnov(SETS), strict=True):
        assert chi == pytest.approx(stats.chisquare(np.histogram(column, 20, (0, 1))[0]).pvalue)
        expected = stats.kstest(column, "uniform", method="exact")
        assert gap == pytest.approx(expected.statistic)
        assert ks == pytest.approx(expected.pvalue, abs=5e-3)


@pytest.mark.parametrize("test", [chi_square, kolmogorov_smirnov])
def test_uniform_numbers_are_rejected_as_often_as_stated(test):
    """4,000 sets at level 5 %: between 160 and 240 but for 1 run in 5,000."""
    uniforms = np.random.default_rng(0).uniform(size=(300, 4000))
    assert 150 < (test(uniforms) <= 0.05).sum() < 250


def test_the_bound_is_where_the_p_value_is_alpha():
    for n, alpha in itertools.product((100, 5000), (0.1, 0.001)):
        uniforms = np.full((n, 1), 0.0)
        bound = gap_bound(n, alpha)
        assert bound == pytest.approx(stats.kstwo.isf(alpha, n), rel=0.01)
        assert largest_gap(uniforms) == pytest.approx(1.0)


def test_numbers_at_the_edges_are_counted():
    edges = np.concatenate([np.linspace(0, 1, 399), [1.0]])[:, None]
    assert chi_square(edges)[0] > 0.99


@given(st.lists(st.floats(0, 1), min_size=1, max_size=8))
def test_holm_rejects_what_its_steps_reject(p_values):
    """Step by step, smallest first, each against alpha over the number of those left, until one is not rejected."""
    for alpha in (0.01, 0.05, 0.3):
        rejected = set()
        for step, i in enumerate(np.argsort(p_values, kind="stable").tolist()):
            if p_values[i] * (len(p_values) - step) > alpha:
                break
            rejected.add(i)
        assert set(np.flatnonzero(holm(np.array(p_values)) <= alpha).tolist()) == rejected
