"""Sigmoid belief networks: layers of binary latents, small ones with an exact likelihood."""

from __future__ import annotations

import itertools
import math
from collections.abc import Sequence

import equinox as eqx
import jax
import jax.numpy as jnp
import numpy as np
import numpyro
import numpyro.distributions as dist
from jax.nn import log_sigmoid, logsumexp

from retrodict.errors import DataError, SizeError
from retrodict.zoo.sizes import require_at_least, require_layers

MOST_LATENTS = 16  # whose states are enumerated
IMAGES_AT_ONCE = 64


class SigmoidBeliefNetwork(eqx.Module):
    """Layers of binary latents above binary pixels; ``z1`` is next to them.

    ``biases`` has one array a layer, from the top down, pixels last; ``weights`` are the maps between them, shape
    ``(below, above)``.
    """

    weights: tuple[jax.Array, ...]
    biases: tuple[jax.Array, ...]

    def __call__(self) -> None:
        """Describe one observation."""
        *names, pixels = self.names
        units = numpyro.sample(names[0], dist.Bernoulli(logits=self.biases[0]))
        for place, name in enumerate([*names[1:], pixels]):
            units = numpyro.sample(name, dist.Bernoulli(logits=self._find_logits(place, units)))

    @property
    def names(self) -> tuple[str, ...]:
        """Sites from the top down."""
        return (*(f"z{layer}" for layer in range(len(self.weights), 0, -1)), "x")

    @property
    def sizes(self) -> tuple[int, ...]:
        """Units of each layer from the top down, those of the pixels last."""
        return tuple(len(bias) for bias in self.biases)

    def log_likelihood(self, images: jax.Array) -> jax.Array:
        r"""Return :math:`\log p(x) = \log \sum_z p(z, x)` of each image in nats, summed over all states z.

        ``images`` has shape ``(..., pixels)``, the result ``(...)``; differentiable by the parameters.

        Raises `SizeError` for more than 16 latents, and `DataError` for images of another size.
        """
        images = jnp.asarray(images, jnp.float32)
        *latents, pixels = self.sizes
        if images.ndim == 0 or images.shape[-1] != pixels:
            raise DataError(f"{{names}} has images of shape {images.shape}, but the model has {pixels} pixels", ["x"])
        if sum(latents) > MOST_LATENTS:
            raise SizeError(
                f"{sum(latents)} latents have {2 ** sum(latents):,} states to sum over, more than {2**MOST_LATENTS:,}",
                remedy=f"Use at most {MOST_LATENTS} latents, or estimate the likelihood by importance sampling.",
            )
        prior, logits = self._enumerate(latents)
        # log p(x | z) = x . logits + sum of log sigmoid(-logits), for all images and states at once
        base = prior + log_sigmoid(-logits).sum(axis=-1)
        rows = images.reshape(-1, pixels)
        found = jax.lax.map(lambda row: logsumexp(base + logits @ row), rows, batch_size=IMAGES_AT_ONCE)
        return found.reshape(images.shape[:-1])

    def _enumerate(self, latents: Sequence[int]) -> tuple[jax.Array, jax.Array]:
        """Return log p(z) of every state of the latents, and the logits of the pixels given it."""
        states = np.array(list(itertools.product([0.0, 1.0], repeat=sum(latents))), np.float32)
        layers = [jnp.asarray(layer) for layer in np.split(states, np.cumsum(latents)[:-1].tolist(), axis=1)]
        logits, prior = self.biases[0], jnp.zeros(len(states))
        for place, units in enumerate(layers):
            prior = prior + (units * logits + log_sigmoid(-logits)).sum(axis=-1)
            logits = self._find_logits(place, units)
        return prior, logits

    def _find_logits(self, place: int, units: jax.Array) -> jax.Array:
        """Return the logits of the layer below, for values of the layer at this place from the top."""
        return jnp.asarray(units, jnp.float32) @ self.weights[place].T + self.biases[place + 1]


def sigmoid_belief_network(
    sizes: Sequence[int] = (8,), pixels: int = 16, seed: int = 0, scale: float = 1.0
) -> SigmoidBeliefNetwork:
    r"""Return a sigmoid belief network for binary images; ``sizes`` are its latent layers from the top down.

    :math:`z_L \sim \mathrm{Bernoulli}(\sigma(b_L))`, :math:`z_l \sim \mathrm{Bernoulli}(\sigma(W_l z_{l+1} + b_l))`,
    the pixels as a last layer. Biases start at zero, weights are normal with standard deviation ``scale`` over the
    root of the number of units above. With up to 16 latents, ``log_likelihood`` is exact.

    Raises `OptionError` for sizes that are too small.

    Source: Neal 1992; Saul, Jaakkola & Jordan 1996.

    >>> network = sigmoid_belief_network((2, 3), pixels=4)
    >>> images = np.array(list(itertools.product([0, 1], repeat=4)))
    >>> round(float(jnp.exp(network.log_likelihood(images)).sum()), 4)
    1.0
    """
    require_at_least(1, pixels=pixels)
    require_layers(sizes=sizes)
    units = (*sizes, pixels)
    keys = jax.random.split(jax.random.key(seed), len(sizes))
    weights = tuple(
        scale / math.sqrt(above) * jax.random.normal(key, (below, above))
        for (above, below), key in zip(itertools.pairwise(units), keys, strict=True)
    )
    return SigmoidBeliefNetwork(weights, tuple(jnp.zeros(size) for size in units))
