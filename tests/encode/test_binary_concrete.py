"""Relaxed binary latents: the density of their logits, the limit of low temperature, and what networks see of them."""

from functools import cache

import equinox as eqx
import jax
import jax.numpy as jnp
import numpy as np
import pytest
from scipy.stats import kstest, logistic, norm

from retrodict.encode import encoder as encoder_module
from retrodict.encode.binary_concrete import BinaryConcrete, relax_encoder
from retrodict.encode.build import build_encoder, list_layers
from retrodict.encode.families.conditionals import Normal
from retrodict.encode.families.discrete import Categorical
from retrodict.encode.features import Scaling
from retrodict.errors import OptionError
from retrodict.graph.bayesnet import BayesNet, Variable
from retrodict.invert import invert

KEY = jax.random.key(0)
BOTH = {"support": "boolean", "categories": 2, "bounds": (0, 1)}
NET = BayesNet(
    {"a": [], "b": ["a"], "w": ["a"], "x": ["a", "b", "w"], "y": ["b", "w"]},
    observed=["x", "y"],
    variables=[Variable(name, **BOTH) for name in ("a", "b", "x")],
)
SCALING = Scaling(jnp.array([0.0, 1.0, 0.0, 0.0, 2.0]), jnp.array([1.0, 2.0, 1.0, 1.0, 3.0]))
OBSERVED = jnp.array([[1.0, 0.4], [0.0, -3.0]])


@cache
def make_encoder(kind="shared"):
    return move(build_encoder(invert(NET), KEY, kind, widths=(12,), scaling=SCALING))


def move(encoder):
    rng = np.random.default_rng(0)
    moved = [
        jnp.asarray(leaf + 0.3 * rng.standard_normal(leaf.shape), leaf.dtype) if eqx.is_inexact_array(leaf) else leaf
        for leaf in map(np.asarray, weights(encoder))
    ]
    return eqx.tree_at(weights, encoder, moved)


def weights(encoder):
    return [leaf for layer in list_layers(encoder) for leaf in (layer.weight, layer.bias)]


# -- the family --------------------------------------------------------------------------------------


@pytest.mark.parametrize("temperature", [0.1, 0.7, 2.0])
def test_the_density_is_that_of_a_scaled_logistic(temperature):
    parameters = jax.random.normal(KEY, (200, 1, 2))
    values = 4 * jax.random.normal(jax.random.key(1), (200, 1))
    found = BinaryConcrete(temperature).log_prob(parameters, values)
    log_odds = np.asarray(parameters[..., 1] - parameters[..., 0], np.float64)
    exactly = logistic.logpdf(np.asarray(values, np.float64), log_odds / temperature, 1 / temperature)
    np.testing.assert_allclose(found, exactly, rtol=1e-4, atol=1e-5)


def test_draws_follow_the_density():
    draws = BinaryConcrete(0.4).sample(KEY, jnp.broadcast_to(jnp.array([[0.5, -0.7]]), (20_000, 1, 2)))
    assert kstest(np.asarray(draws).ravel(), logistic(-1.2 / 0.4, 1 / 0.4).cdf).pvalue > 0.01


@pytest.mark.parametrize("value", [-1e4, 1e4])
def test_far_out_densities_and_gradients_are_finite(value):
    family = BinaryConcrete(0.01)
    function = jax.value_and_grad(lambda parameters: family.log_prob(parameters, jnp.array([value]))[0])
    found, gradient = function(jnp.array([[-50.0, 50.0]]))
    assert np.isfinite(found)
    assert np.isfinite(gradient).all()


@pytest.mark.parametrize("log_odds", [-2.0, 0.0, 1.0])
def test_cold_draws_agree_with_discrete_ones(log_odds):
    parameters = jnp.broadcast_to(jnp.array([[0.3, 0.3 + log_odds]]), (40_000, 1, 2))
    shares = np.asarray(jax.nn.sigmoid(BinaryConcrete(1e-3).sample(KEY, parameters)))
    assert (np.minimum(shares, 1 - shares) < 0.01).mean() > 0.99
    discrete = np.asarray(Categorical(np.array([2])).sample(jax.random.key(1), parameters))
    room = norm.ppf(1 - 0.01 / 6) * np.sqrt(0.5 / len(shares))
    assert abs(shares.mean() - discrete.mean()) < room


# -- the encoder -------------------------------------------------------------------------------------


@pytest.mark.parametrize("kind", ["shared", "separate"])
@pytest.mark.parametrize("most", [64, 1], ids=["written out", "looped"])
def test_the_density_of_a_draw_is_that_of_one_pass(kind, most, monkeypatch):
    monkeypatch.setattr(encoder_module, "MOST_STEPS", most)
    relaxed = relax_encoder(make_encoder(kind), 0.5)
    rows = np.tile(OBSERVED, (50, 1))
    latents, log_density = eqx.filter_jit(relaxed.sample_and_log_prob)(KEY, rows)
    np.testing.assert_allclose(eqx.filter_jit(relaxed.log_prob)(latents, rows), log_density, rtol=1e-3, atol=1e-4)


def test_networks_see_shares_where_they_saw_indicators():
    encoder = make_encoder()
    relaxed = relax_encoder(encoder, 0.5)
    names = NET.latents
    columns = jnp.array([[1.0, 0.4, 0.0, 1.0, 5.0]])
    logits = columns.at[0, 2:4].set(jnp.array([-40.0, 40.0]))
    assert names == ("a", "b", "w")
    np.testing.assert_allclose(relaxed.features(SCALING, logits), encoder.features(SCALING, columns), atol=1e-6)
    seen = relaxed.features(SCALING, logits.at[0, 2].set(1.0))[0]
    np.testing.assert_allclose(seen[3:5], [1 - jax.nn.sigmoid(1.0), jax.nn.sigmoid(1.0)], rtol=1e-6)
    np.testing.assert_allclose(seen[7], (5.0 - 2.0) / 3.0, rtol=1e-6)


def test_real_columns_keep_their_family():
    """At the same place of the others, the conditional of a real latent is what it was."""
    encoder = make_encoder()
    latents = jnp.array([[0.0, 1.0, 2.5], [1.0, 0.0, -1.0]])
    logits = latents.at[:, :2].set(jnp.where(latents[:, :2] > 0, 40.0, -40.0))
    plain, relaxed = (
        eqx.filter_jit(one.log_factors)(z, OBSERVED)
        for one, z in ((encoder, latents), (relax_encoder(encoder, 0.5), logits))
    )
    np.testing.assert_allclose(plain[:, 2], relaxed[:, 2], rtol=1e-5)


def test_cold_encoders_draw_what_discrete_ones_draw():
    encoder, count = make_encoder(), 40_000
    rows = jnp.tile(OBSERVED[:1], (count, 1))
    discrete = np.asarray(eqx.filter_jit(encoder.sample)(KEY, rows))
    cold = np.asarray(eqx.filter_jit(relax_encoder(encoder, 1e-3).sample)(jax.random.key(1), rows))
    both = [np.bincount((2 * (z[:, 0] > 0) + (z[:, 1] > 0)).astype(int), minlength=4) / count for z in (discrete, cold)]
    np.testing.assert_allclose(*both, atol=norm.ppf(1 - 0.01 / 8) * np.sqrt(0.5 / count))
    assert kstest(discrete[:, 2], cold[:, 2]).pvalue > 0.01


def test_the_temperature_may_be_traced_and_gets_no_gradient():
    encoder = make_encoder()

    @jax.jit
    def draw(temperature):
        return relax_encoder(encoder, temperature).sample(KEY, OBSERVED).sum()

    plainly = eqx.filter_jit(relax_encoder(encoder, 0.5).sample)(KEY, OBSERVED).sum()
    assert float(draw(jnp.array(0.5))) == pytest.approx(float(plainly), rel=1e-5)
    assert float(jax.jit(jax.grad(draw))(jnp.array(0.5))) == 0


def test_gradients_flow_through_relaxed_latents_to_what_needs_them():
    """The draw of a latent has a gradient by the network of one that it needs; a discrete one has none."""

    def sum_last(encoder):
        place = int(np.argmax(encoder.structure.level))
        return encoder.sample(KEY, OBSERVED[:, :1])[:, place].sum()

    variables = [Variable(name, **BOTH) for name in "abx"]
    net = BayesNet({"a": [], "b": ["a"], "x": ["b"]}, observed=["x"], variables=variables)
    encoder = move(build_encoder(invert(net), KEY, "separate", widths=(12,)))
    hard = eqx.filter_jit(eqx.filter_grad(sum_last))(encoder)
    soft = eqx.filter_jit(eqx.filter_grad(lambda one: sum_last(relax_encoder(one, 0.5))))(encoder)
    first = int(np.argmin(encoder.structure.level))
    assert not np.asarray(hard.network.layers[0].weight)[first].any()
    assert np.asarray(soft.network.layers[0].weight)[first].any()


# -- what cannot be relaxed --------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("variable", "is_binary"),
    [
        (Variable("b", support="categorical", categories=3), False),
        (Variable("b", support="count", bounds=(0, np.inf)), False),
        (Variable("b", **BOTH), True),
    ],
)
def test_latents_that_are_not_binary_are_refused(variable, is_binary):
    net = BayesNet(
        {"a": [], "b": ["a"], "x": ["b"], "y": ["a"]}, observed=["x", "y"], variables=[Variable("a", **BOTH), variable]
    )
    encoder = build_encoder(invert(net), KEY, widths=(8,))
    if not is_binary:
        with pytest.raises(OptionError, match="only binary latents can be relaxed"):
            eqx.filter_jit(relax_encoder)(encoder, jnp.array(0.5))
    else:
        assert any(relax_encoder(encoder, 0.5).features.relaxed)


def test_real_latents_alone_are_refused():
    encoder = build_encoder(invert(BayesNet({"z": [], "x": ["z"]}, observed=["x"])), KEY, widths=(4,))
    assert isinstance(encoder.conditional, Normal)
    with pytest.raises(OptionError, match="no binary latents to relax"):
        relax_encoder(encoder, 0.5)
