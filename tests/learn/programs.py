"""Programs to learn, with answers that are known."""

from __future__ import annotations

from typing import Any

import equinox as eqx
import jax
import jax.numpy as jnp
import numpy as np
import numpyro
import numpyro.distributions as dist
from numpyro.contrib.module import eqx_module


class Factors(eqx.Module):
    """Normal latents, pixels with a common standard deviation: probabilistic principal components."""

    weights: jax.Array
    log_scale: jax.Array

    def __call__(self) -> None:
        z = numpyro.sample("z", dist.Normal(jnp.zeros(self.weights.shape[1]), 1.0))
        numpyro.sample("x", dist.Normal(self.weights @ z, jnp.exp(self.log_scale)))

    def covariance(self) -> np.ndarray:
        """Covariance of the pixels, in closed form."""
        weights = np.asarray(self.weights, np.float64)
        return weights @ weights.T + np.exp(2 * float(self.log_scale)) * np.eye(len(weights))


def factors(latents: int = 2, pixels: int = 4, seed: int = 0) -> Factors:
    return Factors(jax.random.normal(jax.random.key(seed), (pixels, latents)), jnp.zeros(()))


def log_normal(values: np.ndarray, covariance: np.ndarray) -> np.ndarray:
    """Log density of rows under a normal distribution of mean zero."""
    solved = np.linalg.solve(covariance, values.T).T
    constant = np.linalg.slogdet(2 * np.pi * covariance)[1]
    return -0.5 * ((values * solved).sum(axis=1) + constant)


class Mixed(eqx.Module):
    """A binary latent above a real one, and a barren latent beside them."""

    weights: jax.Array

    def __call__(self) -> None:
        switch = numpyro.sample("switch", dist.Bernoulli(logits=self.weights[0]))
        z = numpyro.sample("z", dist.Normal(self.weights[1] * jnp.asarray(switch, jnp.float32), 1.0))
        numpyro.sample("x", dist.Normal(self.weights[2] * z, 0.5).expand([3]))
        numpyro.sample("unused", dist.Gamma(2.0, jnp.exp(z)))


class Categories(eqx.Module):
    """A latent with three categories."""

    logits: jax.Array

    def __call__(self) -> None:
        z = numpyro.sample("z", dist.Categorical(logits=self.logits))
        numpyro.sample("x", dist.Normal(self.logits[z], 1.0))


class Broken(eqx.Module):
    """Its parameters are numbers, its scale is none."""

    weights: jax.Array

    def __call__(self) -> None:
        z = numpyro.sample("z", dist.Normal(0.0, 1.0))
        numpyro.sample("x", dist.Normal(z, jnp.sqrt(-jnp.exp(self.weights)), validate_args=False))


class Fragile(eqx.Module):
    """It breaks a step or two from where its parameter begins."""

    weights: jax.Array

    def __call__(self) -> None:
        z = numpyro.sample("z", dist.Normal(0.0, 1.0))
        scale = jnp.where(self.weights > 0.5, jnp.nan, 1.0)
        numpyro.sample("x", dist.Normal(z + self.weights, scale, validate_args=False))


class Square(eqx.Module):
    """A variational autoencoder of images of three rows and columns."""

    inner: Any

    def __call__(self) -> None:
        z = numpyro.sample("z", dist.Normal(jnp.zeros(2), 1.0))
        numpyro.sample("x", dist.Bernoulli(logits=self.inner.decoder(z).reshape(3, 3)))


NETWORK = eqx.nn.MLP(2, 4, 8, 1, key=jax.random.key(0))


def with_sites() -> None:
    """A function whose parameters are sites of NumPyro."""
    scale = numpyro.param("scale", jnp.ones(2), constraint=dist.constraints.positive)
    decoder = eqx_module("decoder", NETWORK)
    z = numpyro.sample("z", dist.Normal(jnp.zeros(2), scale))
    numpyro.sample("x", dist.Bernoulli(logits=decoder(z)))


def shifted(by: float = 1.0) -> None:
    z = numpyro.sample("z", dist.Normal(numpyro.param("mean", 0.0), 1.0))
    numpyro.sample("x", dist.Normal(z + by, 1.0))


def without_parameters() -> None:
    z = numpyro.sample("z", dist.Normal(0.0, 1.0))
    numpyro.sample("x", dist.Normal(z, 1.0))
