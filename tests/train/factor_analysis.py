"""The learned model whose likelihood is known in closed form: what tests of objectives are made of."""

from __future__ import annotations

import jax
import jax.numpy as jnp
from jaxtyping import Array, Float, Key

from retrodict.encode.build import build_encoder
from retrodict.graph.bayesnet import BayesNet
from retrodict.invert import invert
from retrodict.train.autoencoder import Autoencoder, Generator


class FactorAnalysis(Generator):
    r"""Factor analysis, :math:`z \sim N(0, I)`, :math:`x \mid z \sim N(W^\top z + b, \mathrm{diag}\, e^{2 s})`.

    Source: Bishop 2006, section 12.2.4.
    """

    weight: Float[Array, "latents observed"]
    bias: Float[Array, " observed"]
    log_scale: Float[Array, " observed"]

    def __init__(self, latents: int, observed: int, key: Key[Array, ""]) -> None:
        self.weight = jax.random.normal(key, (latents, observed))
        self.bias, self.log_scale = jnp.zeros(observed), jnp.zeros(observed)

    @property
    def net(self) -> BayesNet:
        """The structure: every latent is a parent of every observed variable."""
        latents, observed = (
            tuple(f"{name}{i:03d}" for i in range(n)) for name, n in zip("zx", self.weight.shape, strict=True)
        )
        return BayesNet({**dict.fromkeys(latents, ()), **dict.fromkeys(observed, latents)}, observed=observed)

    def log_joint(
        self, latents: Float[Array, "*batch latents"], observed: Float[Array, "*batch observed"]
    ) -> Float[Array, "*batch"]:
        """Return log p(z, x) in nats."""
        residual = (observed - latents @ self.weight - self.bias) * jnp.exp(-self.log_scale)
        constant = self.log_scale.sum() + 0.5 * sum(self.weight.shape) * jnp.log(2 * jnp.pi)
        return -0.5 * (latents**2).sum(axis=-1) - 0.5 * (residual**2).sum(axis=-1) - constant

    def draw(self, key: Key[Array, ""], n: int) -> tuple[Float[Array, "n latents"], Float[Array, "n observed"]]:
        """Return joint draws."""
        first, second = jax.random.split(key)
        latents = jax.random.normal(first, (n, len(self.weight)))
        noise = jnp.exp(self.log_scale) * jax.random.normal(second, (n, len(self.bias)))
        return latents, latents @ self.weight + self.bias + noise

    def log_likelihood(self, observed: Float[Array, "*batch observed"]) -> Float[Array, "*batch"]:
        """Return log p(x) in nats, exactly."""
        covariance = self.weight.T @ self.weight + jnp.diag(jnp.exp(2 * self.log_scale))
        return jnp.asarray(jax.scipy.stats.multivariate_normal.logpdf(observed, self.bias, covariance))


def build_factor_analysis(latents: int, observed: int, key: Key[Array, ""]) -> Autoencoder[FactorAnalysis]:
    """Return the model with parameters drawn at random, and an untrained encoder along its faithful inverse."""
    first, second = jax.random.split(key)
    generator = FactorAnalysis(latents, observed, first)
    return Autoencoder(generator, build_encoder(invert(generator.net), second))
