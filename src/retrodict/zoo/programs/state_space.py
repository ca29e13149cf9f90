"""Linear-Gaussian state-space models: the series whose likelihood is known exactly."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import jax
import jax.numpy as jnp
import numpyro.distributions as dist

from retrodict.lift.templates.template import Template
from retrodict.models.series_program import SeriesProgram
from retrodict.zoo.sizes import require_at_least

# The least scale of noise that is learned.
LEAST = 1e-3


class LinearSeries(SeriesProgram):
    r"""The program :math:`z_t \sim N(A z_{t-1}, Q)`, :math:`x_t \sim N(C z_t + d, R)`, with diagonal Q and R.

    The first state is :math:`N(m, S)`, S diagonal. Scales are given by numbers whose softplus they are.
    """

    transition: jax.Array
    emission: jax.Array
    offset: jax.Array
    first: jax.Array
    raw_first_scale: jax.Array
    raw_state_scale: jax.Array
    raw_noise_scale: jax.Array

    @property
    def template(self) -> Template:
        """A state-space model."""
        return Template("z[t] | z[t-1]; x[t] | z[t]", observed=["x"])

    @property
    def columns(self) -> Mapping[str, int]:
        """States and observations."""
        return {"z": self.emission.shape[1], "x": self.emission.shape[0]}

    @property
    def scales(self) -> tuple[jax.Array, jax.Array, jax.Array]:
        """The scales of the first state, of its changes and of the noise."""
        raw = self.raw_first_scale, self.raw_state_scale, self.raw_noise_scale
        first, state, noise = (LEAST + jax.nn.softplus(part) for part in raw)
        return first, state, noise

    def condition(self, name: str, parents: Mapping[str, jax.Array], time: jax.Array) -> Any:
        """Return the conditional of the states or of the observations."""
        first, state, noise = self.scales
        if name == "x":
            return dist.Normal(parents["z[t]"] @ self.emission.T + self.offset, noise, validate_args=False)
        begins = time == 0
        center = jnp.where(begins, self.first, parents["z[t-1]"] @ self.transition.T)
        return dist.Normal(center, jnp.where(begins, first, state), validate_args=False)


def linear_series(states: int = 2, observations: int = 3, seed: int = 0) -> LinearSeries:
    r"""Return a linear-Gaussian state-space model to be learned.

    :math:`z_t = A z_{t-1} + \epsilon_t`, :math:`x_t = C z_t + d + \eta_t`.

    Raises `OptionError` for sizes that are too small.

    Source: Kalman 1960; Shumway & Stoffer 1982.

    >>> linear_series(states=1, observations=2).columns
    {'z': 1, 'x': 2}
    """
    require_at_least(1, states=states, observations=observations)
    first, second = jax.random.split(jax.random.key(seed))
    return LinearSeries(
        0.7 * jnp.eye(states) + 0.1 * jax.random.normal(first, (states, states)),
        jax.random.normal(second, (observations, states)),
        jnp.zeros(observations),
        jnp.zeros(states),
        jnp.full(states, 0.5, jnp.float32),
        jnp.zeros(states),
        jnp.full(observations, 0.5, jnp.float32),
    )
