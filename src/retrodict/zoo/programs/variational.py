"""Variational autoencoders of one layer: the generative half, with latents that are real or binary."""

from __future__ import annotations

from collections.abc import Callable, Sequence

import equinox as eqx
import jax
import jax.numpy as jnp
import numpyro
import numpyro.distributions as dist

from retrodict.zoo.programs.perceptron import Perceptron
from retrodict.zoo.sizes import require_at_least, require_layers


class VariationalAutoencoder(eqx.Module):
    r"""The program :math:`z \sim N(0, I)`, :math:`x_i \sim \mathrm{Bernoulli}(\sigma(f_i(z)))`.

    ``decoder`` is any Equinox module from a vector of latents to one of logits. With ``scalar``, each latent is a
    site of its own, ``z0``, ``z1``, and so on.
    """

    decoder: Callable[[jax.Array], jax.Array]
    latents: int = eqx.field(static=True)
    scalar: bool = eqx.field(static=True, default=False)

    def __call__(self) -> None:
        """Describe one observation."""
        numpyro.sample("x", dist.Bernoulli(logits=self.decoder(self._draw_latents())))

    def _draw_latents(self) -> jax.Array:
        if self.scalar:
            return jnp.stack([numpyro.sample(f"z{i}", dist.Normal(0.0, 1.0)) for i in range(self.latents)])
        return numpyro.sample("z", dist.Normal(jnp.zeros(self.latents), 1.0))


def vae(
    latents: int = 30, pixels: int = 64, hidden: Sequence[int] = (200,), seed: int = 0, scalar: bool = False
) -> VariationalAutoencoder:
    r"""Return the generative half of a variational autoencoder for binary images.

    :math:`z \sim N(0, I)`, :math:`x_i \sim \mathrm{Bernoulli}(\sigma(f_i(z)))`, f a tanh network with ``hidden``
    units. All latents have common children, so the posterior needs a fully connected encoder:
    ``latents * pixels + latents * (latents - 1) / 2`` edges.

    Raises `OptionError` for sizes that are too small.

    Source: Kingma & Welling 2014, appendix C.1.

    >>> from retrodict import from_numpyro, invert
    >>> model = from_numpyro(vae(latents=3, pixels=4, hidden=(8,)), observed=["x"], elementwise=True)
    >>> model.net.n_edges, invert(model, "forward").n_edges
    (12, 15)
    """
    _require_sizes(latents, pixels, hidden)
    return VariationalAutoencoder(Perceptron(latents, pixels, hidden, jax.random.key(seed)), latents, scalar)


class BernoulliAutoencoder(eqx.Module):
    """Binary latents with learned logits, above binary pixels whose logits are a network of them."""

    prior_logits: jax.Array
    decoder: Callable[[jax.Array], jax.Array]

    def __call__(self) -> None:
        """Describe one observation."""
        latents = numpyro.sample("z", dist.Bernoulli(logits=self.prior_logits))
        numpyro.sample("x", dist.Bernoulli(logits=self.decoder(jnp.asarray(latents, jnp.float32))))


def bernoulli_vae(
    latents: int = 30, pixels: int = 64, hidden: Sequence[int] = (200,), seed: int = 0
) -> BernoulliAutoencoder:
    r"""Return the generative half of a variational autoencoder with binary latents, for binary images.

    :math:`z_j \sim \mathrm{Bernoulli}(\sigma(b_j))`, :math:`x_i \sim \mathrm{Bernoulli}(\sigma(f_i(z)))`. This is
    the discrete model itself, on which an encoder trained with relaxed latents is evaluated; b starts at zero.

    Raises `OptionError` for sizes that are too small.

    Source: Maddison, Mnih & Teh 2017; Jang, Gu & Poole 2017 (relaxations of this model).

    >>> from retrodict import from_numpyro
    >>> model = from_numpyro(bernoulli_vae(latents=3, pixels=4, hidden=(8,)), observed=["x"], elementwise=True)
    >>> model.net.variable("z[0]").support, model.net.n_edges
    ('boolean', 12)
    """
    _require_sizes(latents, pixels, hidden)
    return BernoulliAutoencoder(jnp.zeros(latents), Perceptron(latents, pixels, hidden, jax.random.key(seed)))


def _require_sizes(latents: int, pixels: int, hidden: Sequence[int]) -> None:
    require_at_least(1, latents=latents, pixels=pixels)
    if hidden:
        require_layers(hidden=hidden)
