"""Logistic regression against SciPy's optimizer on the same penalized likelihood."""

import numpy as np
import pytest
from scipy.optimize import minimize
from scipy.special import logsumexp

from retrodict.encode.start.logistic import RIDGE, fit_logistic
from retrodict.encode.start.ridge import Cases, Sampled


def simulate(categories, parents, draws=1500, seed=0):
    rng = np.random.default_rng(seed)
    inputs = rng.standard_normal((draws, parents))
    logits = inputs @ rng.standard_normal((parents, categories)) + rng.standard_normal(categories)
    chosen = (logits + rng.gumbel(size=logits.shape)).argmax(axis=1).astype(float)
    weights = rng.exponential(size=draws)
    return Cases(Sampled.of(inputs, chosen[:, None], weights), np.arange(parents), np.arange(1))


def score(logits, cases):
    """The penalized log likelihood of intercepts and slopes, the last category at zero."""
    linear = np.vstack([np.ones(cases.inputs.shape[1]), cases.inputs]).T @ logits
    chosen = np.take_along_axis(linear, cases.values[0].astype(int)[:, None], axis=1)[:, 0]
    likelihood = (chosen - logsumexp(linear, axis=1)) @ cases.draws.weights
    return likelihood - 0.5 * RIDGE * (logits[1:] ** 2).sum() - 0.005 * RIDGE * (logits[0] ** 2).sum()


@pytest.mark.parametrize("bounded", [False, True])
@pytest.mark.parametrize(("categories", "parents"), [(2, 0), (2, 3), (4, 2)])
def test_the_penalized_likelihood_is_at_its_maximum(categories, parents, bounded, monkeypatch):
    if bounded:  # by the bound of the curvature, which is for many numbers
        monkeypatch.setattr("retrodict.encode.start.logistic.MOST_NUMBERS", 0)
    cases = simulate(categories, parents)
    found = fit_logistic(cases, 0, categories)
    shape = 1 + parents, categories - 1

    def loss(flat):
        return -score(np.hstack([flat.reshape(shape), np.zeros((shape[0], 1))]), cases)

    best = -minimize(loss, np.zeros(shape).ravel(), method="BFGS", options={"gtol": 1e-4}).fun
    assert score(found, cases) == pytest.approx(best, abs=0.2 if bounded else 1e-3)


def test_categories_that_are_told_apart_without_error_have_finite_logits():
    rng = np.random.default_rng(1)
    inputs = rng.integers(0, 2, (800, 1)).astype(float)
    cases = Cases(Sampled.of(inputs, inputs), np.arange(1), np.arange(1))
    logits = fit_logistic(cases, 0, 2)
    assert np.isfinite(logits).all()
    assert logits[0, 0] > 4
    assert logits[0, 0] + logits[1, 0] < -4


def test_a_single_category_has_no_logits_to_fit():
    cases = Cases(Sampled.of(np.zeros((10, 1)), np.zeros((10, 1))), np.arange(1), np.arange(1))
    np.testing.assert_array_equal(fit_logistic(cases, 0, 1), np.zeros((2, 1)))
