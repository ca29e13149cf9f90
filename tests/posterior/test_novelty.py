"""Warnings for observations unlike training: as seldom as stated on the model's own, always on what is far away."""

from __future__ import annotations

import warnings
from functools import cache

import jax
import numpy as np
import pytest

from retrodict import AmortizedPosterior, LinearGaussian, amortize, invert, zoo
from retrodict.errors import NoveltyWarning
from retrodict.graph.bayesnet import BayesNet
from retrodict.posterior.novelty import FALSE_ALARM, Familiar
from retrodict.posterior.sharing import share
from tests.posterior.exact import exact_posterior

TREE = zoo.binary_tree(4, seed=0)
WIDE = zoo.hmm(100)

DISTRIBUTIONS = {
    "normal": lambda rng, n: rng.normal(size=(n, 4)) @ np.triu(np.ones((4, 4))),
    "heavy": lambda rng, n: rng.standard_t(2, size=(n, 3)),
    "two humps": lambda rng, n: rng.normal(size=(n, 2)) + 20 * rng.integers(0, 2, (n, 1)),
    "counts": lambda rng, n: rng.poisson(2.0, size=(n, 5)).astype(float),
    "many columns": lambda rng, n: rng.normal(size=(n, 200)),
    "a constant": lambda rng, n: np.column_stack([np.full(n, 0.1), rng.normal(size=n)]),
    "a copy": lambda rng, n: np.repeat(rng.normal(size=(n, 1)), 2, axis=1),
}


@cache
def learn(name: str) -> Familiar:
    rng = np.random.default_rng(0)
    return Familiar.learn(*(DISTRIBUTIONS[name](rng, 8192) for _ in range(2)))


@pytest.mark.parametrize("name", DISTRIBUTIONS)
def test_false_alarms_are_as_seldom_as_stated(name):
    """50,000 further observations raise at most 50 alarms on average; the limits vary, by a factor below two."""
    further = DISTRIBUTIONS[name](np.random.default_rng(1), 50_000)
    assert learn(name).mark(further).mean() < 2 * FALSE_ALARM


def test_the_rate_holds_on_average_over_what_was_learned():
    """Forty summaries, 200,000 observations: 200 alarms at most on average, but 2 sd more in one of forty tests."""
    rng = np.random.default_rng(1)
    alarms = [Familiar.learn(*rng.normal(size=(2, 8192, 3))).mark(rng.normal(size=(5000, 3))).mean() for _ in range(40)]
    assert np.mean(alarms) < 1.3 * FALSE_ALARM
    assert np.mean(alarms) > 0.3 * FALSE_ALARM


@pytest.mark.parametrize(
    ("name", "observation"),
    [
        ("normal", [0.0, 0.0, 30.0, 0.0]),
        ("heavy", [1e6, 0.0, 0.0]),
        ("two humps", [-20.0, -20.0]),
        ("two humps", [0.0, 20.0]),
        ("counts", [2.0, 2.0, 2.0, 50.0, 2.0]),
        ("many columns", [3.0] * 200),
        ("a constant", [0.2, 0.0]),
        ("a copy", [1.0, -1.0]),
    ],
)
def test_the_unlike_are_told(name, observation):
    assert learn(name).find_alarming(np.array([observation])).tolist() == [True]


def test_a_batch_of_the_models_own_observations_is_no_alarm_but_a_stranger_in_it_is():
    rng = np.random.default_rng(2)
    familiar = Familiar.learn(*rng.normal(size=(2, 8192, 3)))
    batch = rng.normal(size=(20_000, 3))
    assert familiar.mark(batch).any()
    assert not familiar.find_alarming(batch).any()
    batch[7] = 40.0
    assert np.flatnonzero(familiar.find_alarming(batch)).tolist() == [7]


def test_many_that_are_somewhat_unlike_are_an_alarm():
    rng = np.random.default_rng(3)
    familiar = Familiar.learn(*rng.normal(size=(2, 8192, 3)))
    assert familiar.find_alarming(1.3 * rng.normal(size=(2000, 3))).sum() > 10


def test_up_to_64_columns_the_distance_is_that_of_mahalanobis():
    columns = np.random.default_rng(0).normal(size=(4000, 5)) @ np.random.default_rng(1).normal(size=(5, 5))
    familiar = Familiar.learn(columns, columns)
    centered = columns - columns.mean(axis=0)
    precision = np.linalg.inv(centered.T @ centered / len(columns))
    expected = np.sqrt(np.einsum("ni,ij,nj->n", centered, precision, centered))
    np.testing.assert_allclose(familiar.score(columns).distance, expected, rtol=1e-6)


def test_of_wide_data_the_leading_directions_are_kept():
    """A hundred steps of a chain: moves along its slow directions are usual, as large ones against them are not."""
    familiar = Familiar.of(share(WIDE, invert(WIDE)), jax.random.key(0))
    assert familiar.directions.shape == (64, 100)
    np.testing.assert_allclose(familiar.directions @ familiar.directions.T, np.eye(64), atol=1e-8)
    slow, fast = np.full(100, 4.0), 4.0 * (-1.0) ** np.arange(100)
    assert familiar.mark(np.stack([slow, fast])).tolist() == [False, True]


@pytest.fixture(scope="module")
def posterior() -> AmortizedPosterior:
    exact = exact_posterior(TREE)
    familiar = Familiar.of(share(TREE, invert(TREE)), jax.random.key(1))
    return AmortizedPosterior.of(TREE, exact.inverse, exact.encoder, familiar=familiar)


FAR = {**dict.fromkeys(TREE.net.observed, 0.0), "x9": 200.0}


@pytest.mark.parametrize("use", ["sample", "stream", "importance", "to_arviz", "log_prob"])
def test_every_use_of_strange_data_warns_once_and_names_the_worst_variable(posterior, use):
    with warnings.catch_warnings(record=True) as caught:
        warnings.simplefilter("always")
        if use == "log_prob":
            posterior.log_prob(dict.fromkeys(TREE.net.latents, 0.0), FAR)
        else:
            getattr(posterior, use)(FAR, 10)
    told = [str(warning.message) for warning in caught if issubclass(warning.category, NoveltyWarning)]
    assert len(told) == 1
    assert told[0].startswith("1 of 1 observations lie outside what training saw: observation 0 is at distance")
    assert "'x9' is 200, training saw -" in told[0]
    assert [warning.filename for warning in caught if issubclass(warning.category, NoveltyWarning)] == [__file__]


def test_familiar_data_do_not_warn(posterior):
    values = TREE.simulate(seed=5, n=3000)
    posterior.sample({name: values[name] for name in TREE.net.observed}, 2)


def test_without_a_summary_nothing_is_said():
    exact_posterior(TREE).sample(FAR, 10)


def test_amortize_keeps_a_summary():
    trained = amortize(zoo.binary_tree(2), steps=2, exact=False, quiet=True)
    trained.sample({"x1": 0.5, "x2": 1.0}, 5)
    with pytest.warns(NoveltyWarning, match="lie outside what training saw"):
        trained.sample({"x1": 50.0, "x2": 1.0}, 5)
    model = LinearGaussian.from_weights(BayesNet({"x": [], "z": ["x"]}, observed=["x"]), {})
    amortize(model, exact=False, quiet=True).sample({"x": 50.0}, 5)  # nothing was learned, and the answer is exact


def test_the_inverse_plays_no_part():
    assert invert(TREE).n_edges > 0
    one, other = (Familiar.of(share(TREE, invert(TREE)), jax.random.key(0)) for _ in range(2))
    assert one.limits == other.limits
