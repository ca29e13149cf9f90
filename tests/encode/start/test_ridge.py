"""Ridge regression: what least squares gives where draws are many, and nothing absurd where they are few."""

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from retrodict.encode.start.ridge import LEAST_SPREAD, Cases, Sampled


def regress(inputs, values, weights=None, shared=False):
    draws = Sampled.of(inputs, values, weights)
    return Cases(draws, np.arange(inputs.shape[1]), np.arange(values.shape[1]), shared).line


@settings(max_examples=25, deadline=None)
@given(st.integers(0, 2**32 - 1), st.integers(0, 6), st.integers(1, 3), st.booleans(), st.booleans())
def test_many_draws_give_weighted_least_squares(seed, parents, columns, weighted, shared):
    rng = np.random.default_rng(seed)
    inputs = rng.standard_normal((2000, parents)) + 1.0
    values = inputs @ rng.standard_normal((parents, columns)) + 0.3 * rng.standard_normal((2000, columns))
    weights = rng.exponential(size=2000) if weighted else np.ones(2000)
    slopes, intercepts, spreads = regress(inputs, values, weights * 7.0, shared)
    root = np.sqrt(weights)[:, None]
    design = np.hstack([np.ones((2000, 1)), inputs])
    solved = np.linalg.lstsq(design * root, values * root, rcond=None)[0]
    left = np.average((values - design @ solved) ** 2, axis=0, weights=weights)
    effective = weights.sum() ** 2 / (weights**2).sum()
    np.testing.assert_allclose(np.vstack([intercepts, slopes]), solved, atol=2e-3)
    np.testing.assert_allclose(spreads**2, left * (effective / (effective - 1 - parents)) ** 2, rtol=5e-3)


@pytest.mark.parametrize("parents", [60, 300])
def test_with_as_many_parents_as_draws_new_draws_are_predicted_as_well_as_is_said(parents):
    rng = np.random.default_rng(0)
    true = rng.standard_normal((parents, 4)) / np.sqrt(parents)
    inputs, fresh = rng.standard_normal((60, parents)), rng.standard_normal((20_000, parents))
    values, new = (rows @ true + 0.5 * rng.standard_normal((len(rows), 4)) for rows in (inputs, fresh))
    slopes, intercepts, spreads = regress(inputs, values)
    found = (new - fresh @ slopes - intercepts).std(axis=0)
    assert (found < 1.15 * np.sqrt(1.25)).all()  # hardly worse than to say the mean
    assert (np.abs(np.log(spreads / found)) < 0.5).all()


def test_collinear_and_constant_inputs_and_columns_are_no_error():
    rng = np.random.default_rng(1)
    one = rng.integers(0, 2, 500)
    inputs = np.stack([one == 0, one == 1, np.ones(500)], axis=1).astype(float)
    values = np.stack([np.where(one, 2.0, -1.0), np.full(500, 3.0)], axis=1)
    slopes, intercepts, spreads = regress(inputs, values)
    np.testing.assert_allclose(inputs @ slopes + intercepts, values, atol=1e-6)
    np.testing.assert_allclose(spreads, LEAST_SPREAD)


def test_draws_that_are_not_finite_are_left_out():
    rng = np.random.default_rng(2)
    inputs = rng.standard_normal((400, 2))
    values = inputs @ np.array([[1.0], [-2.0]]) + rng.standard_normal((400, 1))
    spoiled_inputs, spoiled_values = inputs.copy(), values.copy()
    spoiled_inputs[3, 1], spoiled_values[7, 0] = np.nan, np.inf
    kept = np.delete(np.arange(400), [3, 7])
    for found, expected in zip(
        regress(spoiled_inputs, spoiled_values), regress(inputs[kept], values[kept]), strict=True
    ):
        np.testing.assert_array_equal(found, expected)


def test_of_very_many_parents_those_that_matter_are_found(monkeypatch):
    monkeypatch.setattr("retrodict.encode.start.ridge.MOST_PARENTS", 5)
    rng = np.random.default_rng(3)
    inputs = rng.standard_normal((3000, 40))
    values = inputs[:, [4, 31]] @ np.array([[1.0], [-0.5]]) + 0.1 * rng.standard_normal((3000, 1))
    slopes, _, spreads = regress(inputs, values)
    assert (slopes != 0).sum() == 5
    np.testing.assert_allclose(slopes[[4, 31], 0], [1.0, -0.5], atol=0.01)
    np.testing.assert_allclose(spreads, 0.1, rtol=0.05)
