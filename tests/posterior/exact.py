"""Encoders with closed forms: exact conditionals along any inverse, and the same with a known fault."""

from __future__ import annotations

from types import SimpleNamespace
from typing import Any, ClassVar

import equinox as eqx
import jax
import jax.numpy as jnp
import numpy as np

from retrodict import AmortizedPosterior, LinearGaussian, invert
from retrodict.graph.inverse import Inverse


class ExactEncoder(eqx.Module):
    """Draws z = A e + B x + c, e standard normal; ``sd`` scales A, ``bias`` is added to c in units of A's rows."""

    network: ClassVar[SimpleNamespace] = SimpleNamespace(width=1)

    noise: jax.Array
    unmix: jax.Array
    data: jax.Array
    center: jax.Array
    log_volume: jax.Array

    @classmethod
    def along(cls, model: LinearGaussian, inverse: Inverse, sd: float = 1.0, shift: float = 0.0) -> ExactEncoder:
        factors = model.posterior(inverse)
        n, seen = len(model.net.latents), len(model.net.observed)
        center = factors.transform(np.zeros(n), np.zeros(seen))
        data = factors.transform(np.zeros((seen, n)), np.eye(seen)) - center
        noise = factors.transform(np.eye(n), np.zeros((n, seen))) - center
        spread = np.sqrt((noise**2).sum(axis=0))
        noise = sd * noise
        matrices = noise, np.linalg.inv(noise), data, center + shift * spread
        volume = np.log(np.abs(np.linalg.det(noise)))
        return cls(*(jnp.asarray(array, jnp.float32) for array in (*matrices, volume)))

    def sample(self, key: jax.Array, observed: jax.Array) -> jax.Array:
        return self.sample_and_log_prob(key, observed)[0]

    def sample_and_log_prob(self, key: jax.Array, observed: jax.Array) -> tuple[jax.Array, jax.Array]:
        noise = jax.random.normal(key, (*observed.shape[:-1], len(self.noise)))
        latents = noise @ self.noise + observed @ self.data + self.center
        return latents, jax.scipy.stats.norm.logpdf(noise).sum(axis=-1) - self.log_volume

    def log_prob(self, latents: jax.Array, observed: jax.Array) -> jax.Array:
        noise = (latents - observed @ self.data - self.center) @ self.unmix
        return jax.scipy.stats.norm.logpdf(noise).sum(axis=-1) - self.log_volume


def exact_posterior(model: LinearGaussian, inverse: Inverse | None = None, **faults: float) -> AmortizedPosterior:
    """A posterior whose encoder has closed-form conditionals along an inverse, with a fault if one is given."""
    chosen = inverse or invert(model)
    encoder: Any = ExactEncoder.along(model, chosen, **faults)
    return AmortizedPosterior.of(model, chosen, encoder)
