"""Drawing from and scoring a linear-Gaussian network in JAX, level by level: the program does not grow with it."""

from __future__ import annotations

from dataclasses import dataclass

import jax
import jax.numpy as jnp
import numpy as np

from retrodict.graph.rows import Mask
from retrodict.models.gaussian.equations import Equations
from retrodict.models.levels import Levels, arrange
from retrodict.plan.layout import Floats


@dataclass(frozen=True, eq=False)
class GaussianSimulator:
    """A network by levels, with the weights of its edges; the place past the last variable is empty."""

    levels: Levels
    bias: Floats
    scale: Floats

    @classmethod
    def of(cls, model: Equations) -> GaussianSimulator:
        """Arrange a network by levels."""
        scale = np.append(np.sqrt(model.variance), 0.0)
        return cls(arrange(model.net, model.weights), np.append(model.bias, 0.0), scale)

    def run(self, noise: jax.Array, keep: Mask | jax.Array | None = None, values: jax.Array | None = None) -> jax.Array:
        """Return draws, one row a variable, from standard normal noise; kept variables have the values given."""
        empty = jnp.zeros((1, noise.shape[1]), noise.dtype)
        own = jnp.concatenate([noise, empty]) * self.scale[:, None] + self.bias[:, None]
        given = jnp.zeros_like(own) if values is None else jnp.concatenate([values, empty])
        kept = jnp.zeros(len(own), bool) if keep is None else jnp.append(jnp.asarray(keep), False)

        def draw_level(drawn: jax.Array, level: tuple[jax.Array, ...]) -> tuple[jax.Array, None]:
            variables, parents, weights = level
            fresh = own[variables] + jnp.einsum("vp,vpn->vn", weights, drawn[parents])
            chosen = jnp.where(kept[variables][:, None], given[variables], fresh)
            return drawn.at[variables].set(chosen), None

        variables, parents, weights = self.levels
        levels = jnp.asarray(variables), jnp.asarray(parents), jnp.asarray(weights, noise.dtype)
        start = jnp.zeros_like(own)
        return jax.lax.scan(draw_level, start.astype(noise.dtype), levels)[0][:-1].astype(noise.dtype)


def score(model: Equations, columns: jax.Array) -> jax.Array:
    """Return the log density of each variable given its parents, in nats, shape as ``columns``."""
    rows = model.net.parent_rows
    weighted = columns[..., rows.index] * jnp.asarray(model.weights, columns.dtype)
    mean = jnp.asarray(model.bias, columns.dtype) + jnp.zeros_like(columns).at[..., rows.sources].add(weighted)
    variance = jnp.asarray(model.variance, columns.dtype)
    return -0.5 * ((columns - mean) ** 2 / variance + jnp.log(2 * jnp.pi * variance))
