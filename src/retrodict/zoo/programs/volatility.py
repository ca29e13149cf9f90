"""Stochastic volatility of several indices: a common state and one of each index, a level for each series, leverage."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import jax
import jax.numpy as jnp
import numpyro.distributions as dist

from retrodict.lift.templates.template import Template
from retrodict.models.series_program import SeriesProgram
from retrodict.zoo.sizes import require_at_least

LEAST_SCALE = 1e-3


class StochasticVolatility(SeriesProgram):
    r"""Returns :math:`x_{t,i} \sim N(m_i, \exp(\mu_i + s + c_t + h_{t,i}))`, the second number being a variance.

    The common state is :math:`c_t \sim N(a c_{t-1} + b \cdot x_{t-1}, \sigma_c)`: losses of yesterday raise or lower
    it (leverage). States of indices are :math:`h_{t,i} \sim N(a_i h_{t-1,i}, \sigma_i)`, and :math:`s \sim N(0,
    \sigma_s)` is drawn once for each series, such as a year.
    """

    mean: jax.Array
    level: jax.Array
    leverage: jax.Array
    raw_memory: jax.Array
    raw_common_memory: jax.Array
    raw_scale: jax.Array
    raw_common_scale: jax.Array
    raw_level_scale: jax.Array

    @property
    def template(self) -> Template:
        """Two layers of states that share their observations, and a latent of the whole series."""
        return Template("s; c[t] | c[t-1] x[t-1]; h[t] | h[t-1]; x[t] | s c[t] h[t]", observed=["x"])

    @property
    def columns(self) -> Mapping[str, int]:
        """A column for each index."""
        count = self.mean.shape[0]
        return {"s": 1, "c": 1, "h": count, "x": count}

    def condition(self, name: str, parents: Mapping[str, jax.Array], time: jax.Array) -> Any:
        """Return the conditional of a state, of the level or of the returns."""
        if name == "s":
            return dist.Normal(jnp.zeros(1), _scale(self.raw_level_scale), validate_args=False)
        if name == "x":
            log_variance = self.level + parents["s"] + parents["c[t]"] + parents["h[t]"]
            return dist.Normal(self.mean, jnp.exp(0.5 * log_variance), validate_args=False)
        if name == "c":
            pushed = (parents["x[t-1]"] @ self.leverage)[..., None]
            center = jnp.tanh(self.raw_common_memory) * parents["c[t-1]"] + pushed
            return dist.Normal(center, _scale(self.raw_common_scale), validate_args=False)
        return dist.Normal(jnp.tanh(self.raw_memory) * parents["h[t-1]"], _scale(self.raw_scale), validate_args=False)


def stochastic_volatility(indices: int = 4) -> StochasticVolatility:
    """Return a model of the volatility of several indices to be learned, for returns of a scale of about one.

    Raises `OptionError` for fewer than one index.

    Source: Kim, Shephard & Chib 1998; Yu 2005 (leverage).

    >>> from retrodict import invert
    >>> print(invert(stochastic_volatility(2).template))
    s <- x[*]
    c[t] <- s c[t-1] h[t-1] x[t-1..T-1]
    h[t] <- s c[t] h[t-1] x[t..T-1]
    """
    require_at_least(1, indices=indices)
    return StochasticVolatility(
        jnp.zeros(indices),
        jnp.zeros(indices),
        jnp.zeros(indices),
        jnp.full(indices, 1.5, jnp.float32),
        jnp.full(1, 1.5, jnp.float32),
        jnp.full(indices, -1.5, jnp.float32),
        jnp.full(1, -1.5, jnp.float32),
        jnp.full(1, -1.0, jnp.float32),
    )


def _scale(raw: jax.Array) -> jax.Array:
    return LEAST_SCALE + jax.nn.softplus(raw)
