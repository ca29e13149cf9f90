"""Bounds, gradients and filters of series against linear-Gaussian models whose likelihood is known."""

import equinox as eqx
import jax
import jax.numpy as jnp
import numpy as np
import pytest

from retrodict import zoo
from retrodict.encode.series.named_patterns import find_patterns
from retrodict.learn.series.learned_series import LearnedSeries, judge_series, weigh_series
from retrodict.learn.series.series_data import read_series
from retrodict.learn.series.series_fit import build_encoder
from retrodict.train.history import History
from retrodict.train.series.series_bounds import find_elbo, find_iwae, list_weights
from retrodict.train.series.series_filter import run_filter
from retrodict.train.series.series_pair import SeriesPair
from tests.learn.series.linear_oracle import Dense, ExactEncoder, find_likelihood, kalman, simulate

LENGTHS = [9, 4, 1, 7]
PROGRAM = zoo.programs.linear_series(states=1, observations=2, seed=3)
SERIES = simulate(PROGRAM, LENGTHS)
BATCH = read_series(PROGRAM, {"x": SERIES})


def make_encoder(program=PROGRAM, order="derived"):
    return build_encoder(program, find_patterns(program.template, order), BATCH, "gru", (6, 5), jax.random.key(1))


@eqx.filter_jit
def find_filtered(pair, batch, particles, threshold):
    return run_filter(pair, jax.random.key(0), batch, particles, threshold=threshold).log_likelihood


@pytest.fixture(scope="module")
def exact_pair():
    return SeriesPair(PROGRAM, ExactEncoder.of(make_encoder(), PROGRAM))


def test_the_oracles_agree():
    filtered = [float(kalman(PROGRAM, jnp.asarray(x))) for x in SERIES]
    np.testing.assert_allclose(find_likelihood(PROGRAM, SERIES), filtered, rtol=1e-4)


def test_with_the_exact_posterior_every_draw_has_the_likelihood_as_its_weight(exact_pair):
    """Holds densities, links over time, lengths and padding together: one wrong term, and weights differ."""
    weights = np.asarray(eqx.filter_jit(list_weights)(exact_pair, jax.random.key(0), BATCH, 3))
    exact = find_likelihood(PROGRAM, SERIES)
    np.testing.assert_allclose(weights, np.repeat(exact[:, None], 3, axis=1), atol=2e-3)
    np.testing.assert_allclose(find_filtered(exact_pair, BATCH, 3, threshold=0.0), exact, atol=2e-3)


def test_the_bound_with_the_exact_posterior_is_the_likelihood(exact_pair):
    found = judge_series(exact_pair, jax.random.key(0), BATCH, 4000)
    np.testing.assert_allclose(found, find_likelihood(PROGRAM, SERIES), atol=0.08)


@pytest.mark.parametrize("name", ["iwae", "sequential", "elbo"])
def test_gradients_are_those_of_the_exact_likelihood(name):
    """The encoder moves with the program, so that weights stay constant: the gradient has no noise (elbo: little)."""

    encoder = make_encoder()

    def bound(program):
        pair = SeriesPair(program, ExactEncoder.of(encoder, program))
        if name == "sequential":
            return find_filtered(pair, BATCH, 3, threshold=0.0).sum()
        function, draws = (find_iwae, 3) if name == "iwae" else (find_elbo, 4000)
        return function(pair, jax.random.key(0), BATCH, draws).sum()

    found = eqx.filter_jit(eqx.filter_grad(bound))(PROGRAM)
    total = eqx.filter_jit(eqx.filter_grad(lambda program: sum(kalman(program, jnp.asarray(x)) for x in SERIES)))
    exact = total(PROGRAM)
    tolerance = 0.25 if name == "elbo" else 5e-3
    for ours, theirs in zip(jax.tree.leaves(found), jax.tree.leaves(exact), strict=True):
        np.testing.assert_allclose(ours, theirs, atol=tolerance)


def test_importance_sampling_with_an_untrained_encoder_finds_the_likelihood():
    short = [x[:3] for x in SERIES[:2]]
    pair = SeriesPair(PROGRAM, make_encoder())
    found = weigh_series(pair, jax.random.key(0), read_series(PROGRAM, {"x": short}), 20_000)
    np.testing.assert_allclose(found, find_likelihood(PROGRAM, short), atol=0.15)


def test_the_filter_is_unbiased_and_its_smoothing_exact():
    pair = SeriesPair(PROGRAM, make_encoder(order="past"))
    series = SERIES[0][:6]
    copies = read_series(PROGRAM, {"x": [series] * 1500})
    found = find_filtered(pair, copies, 10, threshold=1.0)
    ratio = np.exp(np.asarray(found, float) - find_likelihood(PROGRAM, [series])[0])
    error = ratio.std() / np.sqrt(len(ratio))
    assert error < 0.1
    assert abs(ratio.mean() - 1) < 3.5 * error

    learned = LearnedSeries(pair, find_patterns(PROGRAM.template, "past"), History())
    filtered = learned.smc({"x": [series]}, 1500)
    (paths,) = filtered.smooth(1500)
    mean, variance = Dense.of(PROGRAM, 6).smooth(series)
    np.testing.assert_allclose(paths["z"][..., 0].mean(axis=0), mean, atol=0.12)
    np.testing.assert_allclose(paths["z"][..., 0].var(axis=0), variance, atol=0.12)
    assert filtered.log_likelihood[0] == pytest.approx(find_likelihood(PROGRAM, [series])[0], abs=0.2)
    assert all(1 <= share <= 1500 for share in filtered.ess[0])
