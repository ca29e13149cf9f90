"""Two distributions of data that NumPyro does not have: a crescent, and sums over spikes."""

from __future__ import annotations

from typing import Any

import jax
import jax.numpy as jnp
import numpy as np
from numpyro.distributions import Distribution, constraints

RADIUS, THICKNESS, OFFSET = 0.1, 0.01, 0.25


class Crescent(Distribution):
    """A half circle of radius 0.1 with a normal radius, moved to ``center``: the noise of two moons.

    Its density has the factor 1 / radius of polar coordinates, which sbibm's own lacks.
    """

    arg_constraints = {"center": constraints.real_vector}  # noqa: RUF012
    support = constraints.real_vector
    pytree_data_fields = ("center",)

    def __init__(self, center: Any, *, validate_args: bool | None = None) -> None:
        self.center = center
        super().__init__(jnp.shape(center)[:-1], (2,), validate_args=validate_args)

    def sample(self, key: Any, sample_shape: tuple[int, ...] = ()) -> Any:
        """Return draws."""
        shape = (*sample_shape, *self.batch_shape)
        turn, out = jax.random.split(key)
        angle = jax.random.uniform(turn, shape, minval=-jnp.pi / 2, maxval=jnp.pi / 2)
        radius = RADIUS + THICKNESS * jax.random.normal(out, shape)
        return self.center + jnp.stack([radius * jnp.cos(angle) + OFFSET, radius * jnp.sin(angle)], axis=-1)

    def log_prob(self, value: Any) -> Any:
        """Return the log density."""
        across, along = jnp.moveaxis(value - self.center, -1, 0)
        radius = jnp.sqrt((across - OFFSET) ** 2 + along**2)
        score = -0.5 * ((radius - RADIUS) / THICKNESS) ** 2 - np.log(THICKNESS * np.sqrt(2 * np.pi) * np.pi)
        return jnp.where(across > OFFSET, score - jnp.log(radius), -jnp.inf)


class SpikeSums(Distribution):
    """The sums ``y @ design`` of spikes y ~ Bernoulli(logits = design @ weights), which are sufficient.

    Its log probability lacks the number of ways to get the same sums, which does not depend on the weights.
    """

    arg_constraints = {"weights": constraints.real_vector}  # noqa: RUF012
    support = constraints.real_vector
    pytree_data_fields = ("weights", "design")

    def __init__(self, weights: Any, design: Any, *, validate_args: bool | None = None) -> None:
        self.weights, self.design = weights, design
        super().__init__(jnp.shape(weights)[:-1], jnp.shape(weights)[-1:], validate_args=validate_args)

    def sample(self, key: Any, sample_shape: tuple[int, ...] = ()) -> Any:
        """Return draws."""
        logits = self.weights @ self.design.T
        uniform = jax.random.uniform(key, (*sample_shape, *logits.shape))
        return (uniform < jax.nn.sigmoid(logits)).astype(logits.dtype) @ self.design

    def log_prob(self, value: Any) -> Any:
        """Return the log probability up to a constant."""
        return (value * self.weights).sum(-1) - jax.nn.softplus(self.weights @ self.design.T).sum(-1)
