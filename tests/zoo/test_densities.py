"""Densities of the learned programs, beside the same written out in NumPy; and their derivatives."""

from __future__ import annotations

import equinox as eqx
import jax
import jax.numpy as jnp
import numpy as np
import pytest
from numpyro import handlers
from numpyro.infer.util import log_density
from scipy import stats
from scipy.special import expit

from tests.quick import quick
from tests.zoo.programs import CASES, read

DRAWS = 6


def run_perceptron(network, values):
    """Affine maps with tanh between them, in float64, for rows of values."""
    for i, layer in enumerate(network.layers):
        values = (np.tanh(values) if i else values) @ np.asarray(layer.weight, float).T + np.asarray(layer.bias, float)
    return values


def score_bits(bits, logits):
    return stats.bernoulli.logpmf(bits, expit(logits)).sum(axis=1)


def score_vae(program, sites):
    z = sites["z"] if "z" in sites else np.stack([sites[f"z{i}"] for i in range(5)], axis=1)
    return stats.norm.logpdf(z).sum(axis=1) + score_bits(sites["x"], run_perceptron(program.decoder, z))


def score_bernoulli_vae(program, sites):
    prior = score_bits(sites["z"], np.zeros(5))
    return prior + score_bits(sites["x"], run_perceptron(program.decoder, sites["z"]))


def score_layered_vae(program, sites):
    parts = run_perceptron(program.conditionals[0], sites["z2"])
    scale = np.log1p(np.exp(parts[:, 4:]))
    top = stats.norm.logpdf(sites["z2"]).sum(axis=1)
    middle = stats.norm.logpdf(sites["z1"], parts[:, :4], scale).sum(axis=1)
    return top + middle + score_bits(sites["x"], run_perceptron(program.decoder, sites["z1"]))


def score_belief_network(program, sites):
    names = [*sorted((name for name in sites if name != "x"), reverse=True), "x"]
    total = score_bits(sites[names[0]], np.zeros(sites[names[0]].shape[1]))
    for weights, above, below in zip(program.weights, names, names[1:], strict=False):
        total = total + score_bits(sites[below], sites[above] @ np.asarray(weights, float).T)
    return total


def score_family(program, sites):
    upper, lower = (np.log1p(np.exp(np.asarray(raw, float))) for raw in program.raw_weights)
    mean, rate = sites["z2"] @ upper.T, sites["z1"] @ lower.T
    total = stats.gamma.logpdf(sites["z2"], 0.3, scale=1 / 0.3).sum(axis=1)
    total += stats.gamma.logpdf(sites["z1"], 0.3, scale=mean / 0.3).sum(axis=1)
    if program.observation == "poisson":
        return total + stats.poisson.logpmf(sites["x"], rate).sum(axis=1)
    return total + stats.bernoulli.logpmf(sites["x"], -np.expm1(-rate)).sum(axis=1)


def score_autoregressive_vae(program, sites):
    logits = run_perceptron(program.decoder, sites["z"]) + sites["x"] @ np.tril(program.weights, -1).astype(float).T
    return stats.norm.logpdf(sites["z"]).sum(axis=1) + score_bits(sites["x"], logits)


BY_HAND = {
    "vae": score_vae,
    "vae without hidden layer": score_vae,
    "scalar vae": score_vae,
    "Bernoulli vae": score_bernoulli_vae,
    "layered vae": score_layered_vae,
    "belief network": score_belief_network,
    "belief network of three layers": score_belief_network,
    "Poisson family": score_family,
    "Bernoulli family": score_family,
    "autoregressive vae": score_autoregressive_vae,
}


@pytest.mark.parametrize("name", CASES)
def test_the_density_is_that_of_the_formula(name):
    model = read(name)
    draws = model.simulate(seed=3, n=DRAWS)
    sites = {site: np.asarray(value, float) for site, value in model.join(draws).items()}
    expected = BY_HAND[name](CASES[name].make(), sites)
    assert np.isfinite(expected).all()
    np.testing.assert_allclose(model.log_joint(draws), expected, rtol=2e-5, atol=2e-4)


@pytest.mark.parametrize("name", ["Poisson family", "Bernoulli family"])
def test_no_draw_of_many_is_without_density(name):
    draws = read(name).draw(jax.random.key(5), 5000)
    assert np.isfinite(read(name).log_conditionals(draws)).all()


def list_values(name):
    """Values of the sites for some observations, of the types that NumPyro draws."""
    return {
        site: jnp.asarray(value, read(name).sites[site].dtype)
        for site, value in read(name).join(read(name).simulate(seed=3, n=DRAWS)).items()
    }


def differentiate(name):
    """Gradients of the log joint of these observations by the parameters."""
    values = list_values(name)

    @eqx.filter_jit
    @eqx.filter_grad
    def take_gradient(program):
        return jax.vmap(lambda one: log_density(program, (), {}, one)[0])(values).sum()

    return take_gradient(CASES[name].make())


@pytest.mark.parametrize("name", quick(CASES, ["belief network of three layers", "layered vae", "Poisson family"]))
def test_every_parameter_has_a_gradient(name):
    found = jax.tree.leaves(differentiate(name))
    assert len(found) == len(jax.tree.leaves(eqx.filter(CASES[name].make(), eqx.is_inexact_array)))
    for gradient in found:
        assert np.isfinite(gradient).all()
        assert np.abs(gradient).max() > 1e-6


def test_weights_of_later_pixels_are_not_used():
    gradient = np.asarray(differentiate("autoregressive vae").weights)
    assert not np.triu(gradient).any()
    assert gradient.any()


@pytest.mark.parametrize("name", ["Bernoulli vae", "belief network", "belief network of three layers"])
def test_relaxed_latents_reach_the_pixels(name):
    """Training puts real numbers between 0 and 1 where the program draws 0 or 1."""
    program = CASES[name].make()
    lowest = "z" if "vae" in name else "z1"
    relaxed = jnp.linspace(0.1, 0.9, read(name).sites[lowest].n_elements)

    def find_logits(values):
        with handlers.seed(rng_seed=0), handlers.trace() as trace, handlers.substitute(data={lowest: values}):
            program()
        return trace["x"]["fn"].logits

    jacobian = jax.jacobian(find_logits)(relaxed)
    assert np.abs(jacobian).min() > 1e-5
    whole = jnp.round(relaxed)
    np.testing.assert_array_equal(find_logits(whole.astype(jnp.int32)), find_logits(whole))
