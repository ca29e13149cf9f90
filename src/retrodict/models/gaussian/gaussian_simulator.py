"""Drawing from and scoring a linear-Gaussian network in JAX, level by level: the program does not grow with it."""

from __future__ import annotations

from dataclasses import dataclass

import jax
import jax.numpy as jnp
import numpy as np

from retrodict.graph.rows import Integers, Mask
from retrodict.models.gaussian.equations import Equations
from retrodict.plan.layout import Floats


@dataclass(frozen=True, eq=False)
class GaussianSimulator:
    """A network padded to levels of equal size: variables, their parents and weights, one row a level.

    A level holds variables whose parents are all in earlier levels. Empty places point at a variable past the
    last one, which nothing reads.
    """

    variables: Integers
    parents: Integers
    weights: Floats
    bias: Floats
    scale: Floats

    @classmethod
    def of(cls, model: Equations) -> GaussianSimulator:
        """Arrange a network by levels."""
        net, n = model.net, len(model.net)
        levels = net.levels
        sizes = np.bincount(levels)
        variables = np.full((len(sizes), sizes.max()), n)
        order = np.argsort(levels, kind="stable")
        within = np.arange(n) - np.repeat(np.cumsum(sizes) - sizes, sizes)
        variables[levels[order], within] = order
        widest = max(1, int(net.parent_rows.lengths.max()))
        parents, weights = np.full((n + 1, widest), n), np.zeros((n + 1, widest))
        column = np.arange(len(net.parent_rows.index)) - net.parent_rows.pointer[net.parent_rows.sources]
        parents[net.parent_rows.sources, column] = net.parent_rows.index
        weights[net.parent_rows.sources, column] = model.weights
        return cls(
            variables,
            parents[variables],
            weights[variables],
            np.append(model.bias, 0.0),
            np.append(np.sqrt(model.variance), 0.0),
        )

    def run(self, noise: jax.Array, keep: Mask | None = None, values: jax.Array | None = None) -> jax.Array:
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

        levels = (jnp.asarray(self.variables), jnp.asarray(self.parents), jnp.asarray(self.weights, noise.dtype))
        start = jnp.zeros_like(own)
        return jax.lax.scan(draw_level, start.astype(noise.dtype), levels)[0][:-1].astype(noise.dtype)


def score(model: Equations, columns: jax.Array) -> jax.Array:
    """Return the log density of each variable given its parents, in nats, shape as ``columns``."""
    rows = model.net.parent_rows
    weighted = columns[..., rows.index] * jnp.asarray(model.weights, columns.dtype)
    mean = jnp.asarray(model.bias, columns.dtype) + jnp.zeros_like(columns).at[..., rows.sources].add(weighted)
    variance = jnp.asarray(model.variance, columns.dtype)
    return -0.5 * ((columns - mean) ** 2 / variance + jnp.log(2 * jnp.pi * variance))
