"""The exact likelihood of sigmoid belief networks, beside a sum over all states of the program's own density."""

from __future__ import annotations

import itertools

import equinox as eqx
import jax
import numpy as np
import pytest
from scipy.special import logsumexp

import retrodict as rd
from retrodict import errors, zoo

SIZES = [(3,), (2, 3), (2, 2, 3)]


def list_states(n):
    return np.array(list(itertools.product([0, 1], repeat=n)))


def shake(network, seed):
    """The network with biases that are not zero, so that their place matters."""
    draw = np.random.default_rng(seed).normal
    biases = tuple(bias + draw(size=bias.shape).astype(np.float32) for bias in network.biases)
    return eqx.tree_at(lambda n: n.biases, network, biases)


@pytest.mark.parametrize("sizes", SIZES)
def test_the_likelihood_is_the_sum_over_states(sizes):
    network = shake(zoo.programs.sigmoid_belief_network(sizes, pixels=5, seed=1, scale=2.0), seed=2)
    model = rd.from_numpyro(network, observed=["x"], elementwise=True)
    images, states = list_states(5)[[0, 7, 12, 31]], list_states(sum(sizes))
    names = [f"z{len(sizes) - k}[{i}]" for k, size in enumerate(sizes) for i in range(size)]
    latents = {name: states[:, [i]] for i, name in enumerate(names)}
    pixels = {f"x[{i}]": np.broadcast_to(images[:, i], (len(states), 4)) for i in range(5)}
    joint = model.log_joint({**{k: np.broadcast_to(v, (len(states), 4)) for k, v in latents.items()}, **pixels})
    np.testing.assert_allclose(network.log_likelihood(images), logsumexp(joint, axis=0), rtol=1e-5)


@pytest.mark.parametrize("sizes", SIZES)
def test_images_have_probability_one_in_all(sizes):
    network = shake(zoo.programs.sigmoid_belief_network(sizes, pixels=6, seed=3, scale=2.0), seed=4)
    probabilities = np.exp(np.asarray(network.log_likelihood(list_states(6)), float))
    assert probabilities.sum() == pytest.approx(1, abs=1e-5)
    assert probabilities.std() > 0.1 / 64


def test_the_likelihood_keeps_leading_axes_and_has_gradients():
    network = zoo.programs.sigmoid_belief_network((4,), pixels=5)
    images = np.random.default_rng(0).integers(0, 2, (2, 70, 5))
    found = network.log_likelihood(images)
    assert found.shape == (2, 70)
    np.testing.assert_allclose(found[1, 69], network.log_likelihood(images[1, 69]), rtol=1e-6)
    gradients = jax.tree.leaves(eqx.filter_grad(lambda n: n.log_likelihood(images).sum())(network))
    assert all(np.abs(gradient).max() > 1e-3 for gradient in gradients)


def test_sixteen_latents_are_summed_over():
    network = zoo.programs.sigmoid_belief_network((16,), pixels=4)
    assert float(np.exp(network.log_likelihood(list_states(4))).sum()) == pytest.approx(1, abs=1e-3)


def test_more_latents_are_refused():
    network = zoo.programs.sigmoid_belief_network((7, 10), pixels=4)
    with pytest.raises(errors.SizeError, match="17 latents have 131,072 states"):
        network.log_likelihood(np.zeros(4))


@pytest.mark.parametrize("shape", [(), (3,), (2, 5)])
def test_images_of_another_size_are_refused(shape):
    with pytest.raises(errors.DataError, match="the model has 4 pixels"):
        zoo.programs.sigmoid_belief_network((2,), pixels=4).log_likelihood(np.zeros(shape))
