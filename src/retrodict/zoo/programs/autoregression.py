"""A variational autoencoder whose pixels depend on the pixels before them."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import equinox as eqx
import jax
import jax.numpy as jnp
import numpyro
import numpyro.distributions as dist
from numpyro.contrib.control_flow import scan

from retrodict.zoo.programs.perceptron import Perceptron
from retrodict.zoo.sizes import require_at_least, require_layers


class AutoregressiveAutoencoder(eqx.Module):
    """Normal latents, and pixels one after another; of ``weights``, what is not below the diagonal is not used."""

    decoder: Perceptron
    weights: jax.Array
    latents: int = eqx.field(static=True)

    def __call__(self) -> None:
        """Describe one observation."""
        latents = numpyro.sample("z", dist.Normal(jnp.zeros(self.latents), 1.0))
        logits, pixels = self.decoder(latents), len(self.weights)

        def draw_pixel(before: jax.Array, row: tuple[jax.Array, ...]) -> tuple[jax.Array, Any]:
            place, weights, logit = row
            pixel = numpyro.sample("x", dist.Bernoulli(logits=logit + weights @ before))
            return before.at[place].set(jnp.asarray(pixel, jnp.float32)), pixel

        rows = (jnp.arange(pixels), jnp.tril(self.weights, -1), logits)
        scan(draw_pixel, jnp.zeros(pixels), rows)


def autoregressive_vae(
    latents: int = 10, pixels: int = 16, hidden: Sequence[int] = (200,), seed: int = 0
) -> AutoregressiveAutoencoder:
    r"""Return the generative half of a variational autoencoder with an autoregressive decoder, for binary images.

    :math:`z \sim N(0, I)`, :math:`x_i \sim \mathrm{Bernoulli}(\sigma(f_i(z) + \sum_{j < i} W_{ij} x_j))`: observed
    pixels have observed parents. It has ``latents * pixels + pixels * (pixels - 1) / 2`` edges.

    Raises `OptionError` for sizes that are too small.

    Source: Gulrajani et al. 2017 (PixelVAE); the masked linear part is that of Frey 1998.

    >>> from retrodict import from_numpyro
    >>> model = from_numpyro(autoregressive_vae(1, pixels=3, hidden=(8,)), observed=["x"], elementwise=True)
    >>> model.net.parents("x[2]")
    ('z[0]', 'x[0]', 'x[1]')
    """
    require_at_least(1, latents=latents, pixels=pixels)
    if hidden:
        require_layers(hidden=hidden)
    decoder, own = jax.random.split(jax.random.key(seed))
    weights = 0.1 * jax.random.normal(own, (pixels, pixels))
    return AutoregressiveAutoencoder(Perceptron(latents, pixels, hidden, decoder), weights, latents)
