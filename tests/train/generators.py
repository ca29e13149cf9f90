"""Small pairs of a generator and an encoder whose bounds and gradients can be enumerated or integrated."""

import itertools

import equinox as eqx
import jax
import jax.numpy as jnp
from jax.flatten_util import ravel_pytree

from retrodict import BayesNet, invert
from retrodict.encode.build import build_encoder
from retrodict.encode.features import Scaling
from retrodict.graph.bayesnet import Variable
from retrodict.train.autoencoder import Autoencoder, Generator
from tests.train.factor_analysis import FactorAnalysis


class BeliefNet(Generator):
    """A sigmoid belief network of one layer."""

    prior: jax.Array
    weight: jax.Array
    bias: jax.Array

    def log_joint(self, latents, observed):
        return log_bernoulli(self.prior, latents) + log_bernoulli(latents @ self.weight + self.bias, observed)

    def draw(self, key, n):
        first, second = jax.random.split(key)
        latents = flip(first, jnp.broadcast_to(self.prior, (n, len(self.prior))))
        return latents, flip(second, latents @ self.weight + self.bias)

    def relax(self, temperature):
        return RelaxedBeliefNet(self, jnp.asarray(temperature))


class RelaxedBeliefNet(Generator):
    """The same with binary Concrete latents, given by their logits."""

    net: BeliefNet
    temperature: jax.Array

    def log_joint(self, latents, observed):
        noise = self.temperature * latents - self.net.prior
        prior = jnp.log(self.temperature) + jax.nn.log_sigmoid(noise) + jax.nn.log_sigmoid(-noise)
        logits = jax.nn.sigmoid(latents) @ self.net.weight + self.net.bias
        return prior.sum(axis=-1) + log_bernoulli(logits, observed)

    def draw(self, key, n):
        first, second = jax.random.split(key)
        noise = jax.random.logistic(first, (n, len(self.net.prior)))
        latents = (self.net.prior + noise) / self.temperature
        return latents, flip(second, jax.nn.sigmoid(latents) @ self.net.weight + self.net.bias)


def log_bernoulli(logits, values):
    return (values * jax.nn.log_sigmoid(logits) + (1 - values) * jax.nn.log_sigmoid(-logits)).sum(axis=-1)


def flip(key, logits):
    return jax.random.bernoulli(key, jax.nn.sigmoid(logits)).astype(jnp.float32)


def all_binary(count: int) -> jax.Array:
    """Every row of ``count`` binary numbers."""
    return jnp.array(list(itertools.product([0.0, 1.0], repeat=count)))


def binary_net(latents: int, observed: int, real: int = 0) -> BayesNet:
    """One layer of binary variables; ``real`` latents more are real numbers."""
    below = [f"x{i}" for i in range(observed)]
    binary, numbers = [f"z{i}" for i in range(latents)], [f"w{i}" for i in range(real)]
    variables = [Variable(name, support="boolean", categories=2, bounds=(0, 1)) for name in binary + below]
    parents = dict.fromkeys(binary + numbers, ()) | dict.fromkeys(below, binary + numbers)
    return BayesNet(parents, observed=below, variables=variables)


def shake(encoder, seed: int = 0, size: float = 0.4):
    """The encoder with a network that is far from its start, where all answers are much the same."""
    flat, restore = ravel_pytree(eqx.filter(encoder.network, eqx.is_inexact_array))
    moved = restore(flat + size * jax.random.normal(jax.random.key(seed), flat.shape))
    return eqx.tree_at(lambda e: e.network, encoder, eqx.combine(moved, encoder.network))


def binary_pair(latents: int = 3, observed: int = 4, **options) -> Autoencoder:
    keys = jax.random.split(jax.random.key(5), 3)
    shapes = (latents,), (latents, observed), (observed,)
    generator = BeliefNet(
        *(scale * jax.random.normal(k, s) for k, s, scale in zip(keys, shapes, (1, 2, 1), strict=True))
    )
    encoder = build_encoder(invert(binary_net(latents, observed)), jax.random.key(1), widths=(6,), **options)
    return Autoencoder(generator, shake(encoder))


def normal_pair(latents: int = 1, **options) -> Autoencoder:
    generator = FactorAnalysis(latents, 2, jax.random.key(3))
    values = 0.6 * generator.weight, jnp.array([0.5, -1.0]), jnp.array([0.2, -0.3])
    generator = eqx.tree_at(lambda g: (g.weight, g.bias, g.log_scale), generator, values)
    columns = jnp.arange(2.0 + latents)
    scaling = Scaling(0.2 - 0.1 * columns, 1.2 - 0.2 * columns)
    encoder = build_encoder(invert(generator.net), jax.random.key(1), widths=(4,), scaling=scaling, **options)
    return Autoencoder(generator, shake(encoder, size=0.15))
