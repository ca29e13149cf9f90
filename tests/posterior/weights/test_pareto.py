"""Our fit of the tail against ArviZ's, on weights of many shapes, and where ArviZ has no answer."""

from __future__ import annotations

import warnings

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from retrodict.posterior.weights.pareto import bound_shape, fit_pareto, smooth, threshold

with warnings.catch_warnings():
    warnings.simplefilter("ignore")  # of ArviZ 0.23 about ArviZ 1
    import arviz

SAME_FIT = hasattr(arviz, "psislw")
needs_same_fit = pytest.mark.skipif(not SAME_FIT, reason="ArviZ 1 takes another tail: see the test of nearness")

SHAPES = {
    "pareto": lambda rng, n: rng.exponential(size=n) * rng.uniform(0.1, 1.5),
    "normal": lambda rng, n: rng.normal(size=n) * rng.uniform(0.01, 10),
    "bounded": lambda rng, n: np.log(rng.uniform(size=n)),
    "student": lambda rng, n: rng.standard_t(2, size=n),
    "some zero": lambda rng, n: np.where(rng.uniform(size=n) < 0.3, -np.inf, rng.normal(size=n)),
    "most zero": lambda rng, n: np.where(rng.uniform(size=n) < 0.9, -np.inf, rng.normal(size=n)),
    "ties": lambda rng, n: rng.normal(size=n).round(1),
    "far down": lambda rng, n: rng.normal(size=n) - 5000,
}


def ask_arviz(log_weights):
    with warnings.catch_warnings(), np.errstate(all="ignore"):
        warnings.simplefilter("ignore")
        smoothed, khat = arviz.psislw(log_weights.copy()) if SAME_FIT else ask_arviz_1(log_weights)
    return np.asarray(smoothed), float(khat)


def ask_arviz_1(log_weights):
    """Its function is of log densities whose inverse are the weights."""
    from arviz_stats.base import array_stats

    return array_stats.psislw(-log_weights)


@needs_same_fit
@pytest.mark.parametrize("shape", SHAPES)
@pytest.mark.parametrize("n", [30, 100, 1000, 4321])
def test_shape_and_weights_are_those_of_arviz(shape, n):
    for seed in range(10):
        log_weights = SHAPES[shape](np.random.default_rng(seed), n)
        smoothed, khat = ask_arviz(log_weights)
        ours = smooth(log_weights)
        assert ours.khat == pytest.approx(khat, rel=1e-8, abs=1e-10)
        weights, expected = np.exp(ours.log_weights), np.exp(smoothed)
        if shape == "ties":  # which of equal weights gets which quantile is nobody's concern
            weights, expected = np.sort(weights), np.sort(expected)
        np.testing.assert_allclose(weights, expected, rtol=1e-8, atol=1e-12)


@pytest.mark.parametrize("shape", [shape for shape in SHAPES if shape != "ties"])  # which ArviZ 1 cuts elsewhere
def test_shape_and_weights_are_near_those_of_any_arviz(shape):
    """Ten times 4,321 weights: shapes differed by 0.028 at most, shares of the weights by 0.017 in sum."""
    for seed in range(10):
        log_weights = SHAPES[shape](np.random.default_rng(seed), 4321)
        smoothed, khat = ask_arviz(log_weights)
        ours = smooth(log_weights)
        assert ours.khat == pytest.approx(khat, abs=0.04)
        shares, expected = np.exp(ours.log_weights), np.exp(smoothed)
        assert np.abs(shares / shares.sum() - expected / expected.sum()).sum() < 0.03


@needs_same_fit
@given(st.integers(0, 2**32 - 1), st.integers(25, 400), st.floats(0.05, 20))
def test_random_weights_agree_with_arviz(seed, n, scale):
    log_weights = scale * np.random.default_rng(seed).normal(size=n)
    smoothed, khat = ask_arviz(log_weights)
    ours = smooth(log_weights)
    assert ours.khat == pytest.approx(khat, rel=1e-7, abs=1e-9)
    np.testing.assert_allclose(np.exp(ours.log_weights), np.exp(smoothed), rtol=1e-7, atol=1e-12)


@pytest.mark.parametrize("true", [0.2, 0.5, 0.8])
def test_the_shape_of_pareto_weights_is_found(true):
    """The tail of exp(k E), E exponential, has shape k; the error over 40 repeats is some 2 / sqrt(40 * tail)."""
    rng = np.random.default_rng(0)
    found = [smooth(true * rng.exponential(size=10_000)).khat for _ in range(40)]
    assert np.mean(found) == pytest.approx(true, abs=0.04)


@pytest.mark.parametrize(
    ("log_weights", "khat"),
    [
        (np.zeros(1000), -np.inf),
        (1e-6 * np.random.default_rng(0).normal(size=1000), -np.inf),
        (np.zeros(1), np.inf),
        (np.random.default_rng(0).normal(size=10), np.inf),
        (np.where(np.arange(1000) < 150, 1.0, np.where(np.arange(1000) < 700, 0.0, -np.inf)), -np.inf),
        (np.where(np.arange(1000) < 60, 1.0, 0.0), -np.inf),
        (np.where(np.arange(1000) < 4, np.arange(1000.0), -np.inf), np.inf),
    ],
    ids=[
        "equal",
        "nearly equal",
        "one draw",
        "ten draws",
        "two values",
        "two values, few above",
        "four draws with a weight",
    ],
)
def test_weights_without_a_tail(log_weights, khat):
    smoothed = smooth(log_weights)
    assert smoothed.khat == khat
    np.testing.assert_allclose(smoothed.log_weights, log_weights - np.log(np.exp(log_weights).sum()))


def test_smoothing_keeps_order_and_zeros():
    log_weights = np.random.default_rng(3).standard_t(1, size=2000)
    log_weights[:50] = -np.inf
    smoothed = smooth(log_weights).log_weights
    order = np.argsort(log_weights, kind="stable")
    assert (np.diff(smoothed[order][50:]) >= -1e-12).all()
    assert np.isneginf(smoothed[:50]).all()
    assert np.exp(smoothed).sum() == pytest.approx(1)


def test_the_fit_does_not_depend_on_the_unit():
    excess = np.sort(np.random.default_rng(4).pareto(3, size=200))
    one, other = fit_pareto(excess), fit_pareto(1e6 * excess)
    assert other == pytest.approx((one[0], 1e6 * one[1]))


@pytest.mark.parametrize(("draws", "limit"), [(1, -np.inf), (10, 0.0), (100, 0.5), (1000, 2 / 3), (10**6, 0.7)])
def test_the_threshold_grows_with_the_number_of_draws(draws, limit):
    assert threshold(draws) == pytest.approx(limit)


def weigh_normal(sd, n, seed):
    """Log weights of draws of a normal of standard deviation ``sd`` against one of 1; their tail has shape 1 - sd^2."""
    draws = sd * np.random.default_rng(seed).normal(size=n)
    return -0.5 * draws**2 + 0.5 * (draws / sd) ** 2


@pytest.mark.parametrize("n", [1000, 4000, 20_000])
@pytest.mark.parametrize("seed", range(20))
def test_even_weights_have_the_shape_of_their_largest(n, seed):
    """Nine of a thousand are a little larger than the others, of which a fit says that they have no mean."""
    rng = np.random.default_rng(seed)
    even = 0.001 * rng.normal(size=n)
    even[: n // 100] = 0.01 * np.exp(3 * rng.uniform(size=n // 100))
    shape = smooth(even).khat
    largest = np.exp(even.max()) / np.exp(even).mean()
    assert bound_shape(shape, even) == pytest.approx(min(shape, np.log(largest) / np.log(n)))
    assert bound_shape(shape, even) < 0.2


@pytest.mark.parametrize("n", [1000, 4000, 20_000])
@pytest.mark.parametrize("seed", range(20))
def test_the_shape_of_a_heavy_tail_is_left_as_it_is(n, seed):
    tails = [weigh_normal(sd, n, seed) for sd in (0.75, 0.7, 0.5, 0.3)]
    tails += [shape * np.random.default_rng(seed).exponential(size=n) for shape in (0.5, 0.7, 1.0)]
    for log_weights in tails:
        shape = smooth(log_weights).khat
        assert bound_shape(shape, log_weights) == shape


def test_the_shape_of_one_weight_or_none_is_left_as_it_is():
    for log_weights in (np.zeros(1), np.zeros(100), np.r_[0.0, np.full(99, -np.inf)]):
        shape = smooth(log_weights).khat
        assert bound_shape(shape, log_weights) == shape
