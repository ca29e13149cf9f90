"""A generator without a density: it can be drawn from and inverted, and its posterior learned from its draws."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any, NoReturn

import jax
import jax.numpy as jnp
import numpy as np
from numpy.typing import NDArray

from retrodict.errors import DensityError
from retrodict.graph.bayesnet import BayesNet, Variable
from retrodict.graph.rows import Mask
from retrodict.models.model import Model
from retrodict.zoo.programs.perceptron import Perceptron
from retrodict.zoo.sizes import require_at_least, require_layers


@dataclass(frozen=True, eq=False, repr=False)
class ImplicitGenerator(Model):
    """A `Model` whose observed vector is a network of its latents and of noise; it has no density.

    The noise is no variable of the net, so the pixels are one variable: given the latents they are dependent.
    """

    net: BayesNet
    network: Perceptron
    noise: int

    def __repr__(self) -> str:
        return f"ImplicitGenerator({self.net!r})"

    def draw(self, key: jax.Array, n: int) -> jax.Array:
        """Return ``n`` joint draws, shape ``(n, layout.width)``: latents, then pixels."""
        for_latents, for_noise = jax.random.split(key)
        latents = jax.random.normal(for_latents, (n, len(self.net.latents)))
        return jnp.concatenate([latents, self._generate(for_noise, latents)], axis=-1)

    def redraw(self, key: jax.Array, columns: jax.Array, which: Mask | jax.Array) -> jax.Array:
        """Return the columns with the marked variables drawn anew: latents first, pixels from what they are then."""
        for_latents, for_noise = jax.random.split(key)
        marked, n = jnp.asarray(which), len(self.net.latents)
        latents = jnp.where(marked[:-1], jax.random.normal(for_latents, (*columns.shape[:-1], n)), columns[..., :n])
        pixels = jnp.where(marked[-1], self._generate(for_noise, latents), columns[..., n:])
        return jnp.concatenate([latents, pixels], axis=-1).astype(columns.dtype)

    def log_conditionals(self, columns: jax.Array) -> NoReturn:
        """Raise `DensityError`: what is only a simulator scores nothing."""
        raise DensityError(
            "an implicit generator has no density of {names}, so it cannot be scored and its draws cannot be weighted",
            self.net.observed,
            remedy="Use amortize, sample and log_prob of the posterior, which need simulations only.",
        )

    def numbers(self) -> Mapping[str, NDArray[Any]]:
        """Return the parameters of the network by name."""
        arrays = [(layer.weight, layer.bias) for layer in self.network.layers]
        named = {f"{kind}{i}": array for i, pair in enumerate(arrays) for kind, array in zip("wb", pair, strict=True)}
        return {name: np.asarray(array) for name, array in named.items()}

    def _generate(self, key: jax.Array, latents: jax.Array) -> jax.Array:
        rows = latents.reshape(-1, latents.shape[-1])
        noise = jax.random.normal(key, (len(rows), self.noise))
        pixels = jax.vmap(self.network)(jnp.concatenate([rows, noise], axis=-1))
        return pixels.reshape(*latents.shape[:-1], -1)


def implicit_generator(
    latents: int = 4, pixels: int = 16, hidden: Sequence[int] = (64,), noise: int = 16, seed: int = 0
) -> ImplicitGenerator:
    r"""Return a generator as of a generative adversarial network, for inference compilation only.

    :math:`z \sim N(0, I)`, :math:`x = G(z, \epsilon)` with :math:`\epsilon \sim N(0, I)` of size ``noise``, G a tanh
    network. Latents are ``z0``, ``z1``, and so on; the observed variable ``x`` holds all pixels, real numbers.

    ``log_joint`` and what weights draws raise `DensityError`. Raises `OptionError` for sizes that are too small.

    Source: Goodfellow et al. 2014; Mohamed & Lakshminarayanan 2016 (implicit generative models).

    >>> model = implicit_generator(latents=3, pixels=5)
    >>> model.net, model.simulate(n=10)["x"].shape
    (BayesNet(3 latent, 1 observed, 3 edges), (10, 5))
    """
    require_at_least(1, latents=latents, pixels=pixels, noise=noise)
    if hidden:
        require_layers(hidden=hidden)
    names = [f"z{i}" for i in range(latents)]
    parents: dict[str, list[str]] = {**{name: [] for name in names}, "x": names}
    net = BayesNet(parents, observed=["x"], variables=[Variable("x", size=pixels, shape=(pixels,))])
    return ImplicitGenerator(net, Perceptron(latents + noise, pixels, hidden, jax.random.key(seed)), noise)
