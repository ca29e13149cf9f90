"""A variational autoencoder with several layers of real latents."""

from __future__ import annotations

import itertools
from collections.abc import Sequence

import equinox as eqx
import jax
import jax.numpy as jnp
import numpyro
import numpyro.distributions as dist

from retrodict.zoo.programs.perceptron import Perceptron
from retrodict.zoo.sizes import require_at_least, require_layers


class LayeredAutoencoder(eqx.Module):
    """A chain of layers of normals above binary pixels; ``z1`` is next to them.

    ``conditionals`` map each layer to the means and the raw scales of the one below, from the top down.
    """

    conditionals: tuple[Perceptron, ...]
    decoder: Perceptron
    sizes: tuple[int, ...] = eqx.field(static=True)

    def __call__(self) -> None:
        """Describe one observation."""
        depth = len(self.sizes)
        latents = numpyro.sample(f"z{depth}", dist.Normal(jnp.zeros(self.sizes[0]), 1.0))
        for layer, conditional in zip(range(depth - 1, 0, -1), self.conditionals, strict=True):
            mean, raw_scale = jnp.split(conditional(latents), 2)
            latents = numpyro.sample(f"z{layer}", dist.Normal(mean, jax.nn.softplus(raw_scale)))
        numpyro.sample("x", dist.Bernoulli(logits=self.decoder(latents)))


def layered_vae(
    sizes: Sequence[int] = (10, 20), pixels: int = 64, hidden: Sequence[int] = (200,), seed: int = 0
) -> LayeredAutoencoder:
    r"""Return the generative half of a layered variational autoencoder; ``sizes`` are its layers from the top down.

    :math:`z_L \sim N(0, I)`, :math:`z_l \sim N(\mu(z_{l+1}), \mathrm{softplus}(s(z_{l+1}))^2)` and
    :math:`x_i \sim \mathrm{Bernoulli}(\sigma(f_i(z_1)))`, each map a tanh network with ``hidden`` units.

    Raises `OptionError` for sizes that are too small.

    Source: Rezende, Mohamed & Wierstra 2014; Sonderby et al. 2016.

    >>> from retrodict import from_numpyro
    >>> model = from_numpyro(layered_vae((2, 3), pixels=4, hidden=(8,)), observed=["x"], elementwise=True)
    >>> model.net.parents("z1[0]"), model.net.n_edges
    (('z2[0]', 'z2[1]'), 18)
    """
    require_at_least(1, pixels=pixels)
    require_layers(sizes=sizes)
    if hidden:
        require_layers(hidden=hidden)
    own, *keys = jax.random.split(jax.random.key(seed), len(sizes))
    pairs = zip(itertools.pairwise(sizes), keys, strict=True)
    conditionals = tuple(Perceptron(above, 2 * below, hidden, key) for (above, below), key in pairs)
    return LayeredAutoencoder(conditionals, Perceptron(sizes[-1], pixels, hidden, own), tuple(sizes))
