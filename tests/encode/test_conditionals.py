"""Families of conditionals: densities that sum to one, draws that follow them, columns that keep to their own."""

import equinox as eqx
import jax
import jax.numpy as jnp
import numpy as np
import pytest

from retrodict.encode.build import build_encoder
from retrodict.encode.conditionals import Categorical, Mixed, Normal, choose_conditional
from retrodict.encode.features import REAL, Features, Scaling
from retrodict.graph.bayesnet import BayesNet, Variable
from retrodict.invert import invert
from retrodict.masks import Dependencies

# Two categorical latents of different size, a real one between them, a categorical and a real observation.
MIXED = BayesNet(
    {"a": [], "b": ["a"], "c": ["b"], "x": ["c"], "y": ["a"]},
    observed=["x", "y"],
    variables=[Variable("a", categories=2), Variable("c", categories=3), Variable("y", categories=4)],
)


def test_probabilities_of_a_categorical_sum_to_one_over_its_own_categories():
    family = Categorical(np.array([2, 4, 3]))
    logits = jax.random.normal(jax.random.key(0), (3, 4))
    codes = jnp.arange(4.0)
    total = jnp.exp(jax.vmap(lambda code: family.log_prob(logits, jnp.full(3, code)))(codes)).sum(axis=0)
    np.testing.assert_allclose(total, 1.0, rtol=1e-6)


@pytest.mark.parametrize("value", [-1.0, 0.5, 2.0, 1e9])
def test_what_is_no_category_has_probability_zero(value):
    assert float(Categorical(np.array([2])).log_prob(jnp.zeros((1, 2)), jnp.array([value]))[0]) == -np.inf


def test_draws_of_a_categorical_follow_its_probabilities():
    family = Categorical(np.array([2, 3]))
    logits = jnp.array([[0.3, -0.5, 9.0], [1.0, 0.0, -1.0]])  # the third logit of the first column means nothing
    draws = np.asarray(family.sample(jax.random.key(0), jnp.broadcast_to(logits, (40_000, 2, 3))))
    for column, count in enumerate([2, 3]):
        expected = np.asarray(jax.nn.softmax(logits[column, :count]))
        found = np.bincount(draws[:, column].astype(int), minlength=count) / len(draws)
        np.testing.assert_allclose(found, expected, atol=4.5 * np.sqrt(0.25 / len(draws)))


@pytest.mark.parametrize("columns", [np.array([2, 0]), jnp.array([1])])
def test_a_family_restricted_to_columns_is_that_of_these_columns(columns):
    family = Mixed(Normal(), Categorical(np.array([2, 0, 3])))
    parameters = jax.random.normal(jax.random.key(0), (5, 3, 3))
    values = jnp.broadcast_to(jnp.array([1.0, 0.4, 2.0]), (5, 3))
    whole = family.log_prob(parameters, values)
    np.testing.assert_allclose(
        family.at(columns).log_prob(parameters[:, columns], values[:, columns]), whole[:, columns], rtol=1e-6
    )


def test_the_family_follows_the_latents():
    assert isinstance(choose_conditional(Dependencies.of(invert(MIXED))), Mixed)
    real = BayesNet({"z": [], "x": ["z"]}, observed=["x"])
    assert isinstance(choose_conditional(Dependencies.of(invert(real))), Normal)


def test_categories_are_seen_as_indicators_and_numbers_in_standard_units():
    features = Features.of(Dependencies.of(invert(MIXED)))  # y (4), x, a (2), b, c (3)
    assert features.category == (0, 1, 2, 3, REAL, 0, 1, REAL, 0, 1, 2)
    scaling = Scaling(jnp.array([0, 1.0, 0, 2.0, 0]), jnp.array([1, 2.0, 1, 4.0, 1]))
    columns = jnp.array([[2.0, 3.0, 1.0, 6.0, 0.0]])
    assert features(scaling, columns).tolist() == [[0, 0, 1, 0, 1.0, 0, 1, 1.0, 1, 0, 0]]
    assert features(scaling, columns[:, :2]).tolist() == [[0, 0, 1, 0, 1.0]]


@pytest.mark.parametrize("kind", ["shared", "separate"])
@pytest.mark.parametrize("most_steps", [0, 64], ids=["loop", "written out"])
def test_a_mixed_encoder_is_a_density_and_draws_from_it(kind, most_steps, monkeypatch):
    """Summed over all categories and a grid of the real latent it is one; a draw comes with its own density."""
    monkeypatch.setattr("retrodict.encode.encoder.MOST_STEPS", most_steps)
    encoder = build_encoder(invert(MIXED), jax.random.key(3), kind, widths=(30, 30))
    grid = np.linspace(-12, 12, 601)
    points = np.stack(np.meshgrid([0.0, 1.0], grid, [0.0, 1.0, 2.0]), axis=-1).reshape(-1, 3)
    observed = np.broadcast_to([3.0, 0.7], (len(points), 2))
    density = np.exp(
        eqx.filter_jit(encoder.log_prob)(jnp.asarray(points, jnp.float32), jnp.asarray(observed, jnp.float32))
    )
    assert density.sum() * (grid[1] - grid[0]) == pytest.approx(1.0, abs=1e-3)
    rows = jnp.asarray(observed[:50], jnp.float32)
    latents, log_prob = eqx.filter_jit(encoder.sample_and_log_prob)(jax.random.key(1), rows)
    np.testing.assert_allclose(log_prob, encoder.log_prob(latents, rows), rtol=1e-4, atol=1e-4)
    assert set(np.asarray(latents[:, 0]).tolist()) <= {0.0, 1.0}
    assert set(np.asarray(latents[:, 2]).tolist()) <= {0.0, 1.0, 2.0}
