"""An amortised posterior: a model, an inverse and a trained encoder, ready for any observation."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from functools import cached_property
from typing import Any

import equinox as eqx
import jax
import jax.numpy as jnp
import numpy as np

from retrodict.encode.encoder import Encoder
from retrodict.errors import OptionError
from retrodict.graph.inverse import Inverse
from retrodict.graph.names import Name
from retrodict.graph.rows import Mask
from retrodict.layout import Floats, Layout
from retrodict.model import Model
from retrodict.train.fit import History


@dataclass(frozen=True, eq=False, repr=False)
class AmortizedPosterior:
    r"""The density :math:`q(z \mid x)` of all latents, for any values of the observed variables.

    Inferred latents come from the ``encoder``, barren ones from the model's own conditionals. Without an
    inferred latent there is no encoder, and the posterior is exact. Made by `amortize`.

    >>> from retrodict import amortize, zoo
    >>> posterior = amortize(zoo.binary_tree(depth=2), steps=50, quiet=True)
    >>> draws = posterior.sample({"x1": 0.5, "x2": 1.0}, 1000, seed=1)
    >>> draws["x0"].shape, posterior.log_prob(draws, {"x1": 0.5, "x2": 1.0}).shape
    ((1000,), (1000,))
    """

    model: Model
    inverse: Inverse
    encoder: Encoder | None
    history: History = field(default_factory=History)

    def __repr__(self) -> str:
        return f"AmortizedPosterior({self.inverse!r}, trained for {len(self.history.step)} epochs)"

    def sample(self, data: Mapping[Name, Any], n: int = 1000, seed: int = 0) -> dict[Name, Floats]:
        """Return ``n`` draws for each observation, ``{latent: array (n, *batch, ...)}``.

        ``data`` holds a value, or a batch of values along a leading axis, of each observed variable. The same
        seed gives the same draws. Raises `DataError` for data that do not fit the model.
        """
        if n < 1:
            raise OptionError(f"n={n} draws were asked for", remedy="Ask for one or more.")
        observed = self._read(self._observed_layout, data, "data")
        rows = jnp.broadcast_to(observed, (n, *observed.shape))
        columns = _sample(self.encoder, self, jax.random.key(seed), rows)
        return self._latent_layout.unpack(np.asarray(columns[..., self._latent_columns]))

    def log_prob(self, draws: Mapping[Name, Any], data: Mapping[Name, Any]) -> Floats:
        """Return log q(z | x) in nats, shape ``(n, *batch)``: the leading axes of draws, which end in those of data.

        Raises `DataError` for draws or data that do not fit the model or each other.
        """
        latents = self._read(self._latent_layout, draws, "draws")
        observed = self._read(self._observed_layout, data, "data")
        rows = jnp.broadcast_to(observed, (*latents.shape[:-1], observed.shape[-1]))
        return np.asarray(_log_prob(self.encoder, self, latents, rows))

    @cached_property
    def _observed_layout(self) -> Layout:
        return Layout.of(self.model.net, self.model.net.observed)

    @cached_property
    def _latent_layout(self) -> Layout:
        return Layout.of(self.model.net, self.model.net.latents)

    @cached_property
    def _latent_columns(self) -> Mask:
        return select_columns(self.model, ~self.model.net.is_observed)

    @cached_property
    def _generative(self) -> Mask:
        """Mark the barren latents among all variables."""
        mask = np.zeros(len(self.model.net), dtype=bool)
        mask[self.model.net.latent_index[self.inverse.is_generative]] = True
        return mask

    @staticmethod
    def _read(layout: Layout, values: Mapping[Name, Any], what: str) -> jax.Array:
        return jnp.asarray(layout.read(values, what), jnp.float32)


def select_columns(model: Model, variables: Mask) -> Mask:
    """Mark the columns of the marked variables in the model's layout."""
    return np.repeat(variables, model.layout.sizes)


# The encoder is an argument of its own so that its parameters are inputs of the compiled program; what else
# the posterior holds is structure, constant in it.


@eqx.filter_jit
def _sample(encoder: Encoder | None, posterior: AmortizedPosterior, key: jax.Array, observed: jax.Array) -> jax.Array:
    """Return draws of all variables in the columns of the model's layout."""
    model, net = posterior.model, posterior.model.net
    infer_key, redraw_key = jax.random.split(key)
    columns = jnp.zeros((*observed.shape[:-1], model.layout.width), observed.dtype)
    columns = columns.at[..., select_columns(model, net.is_observed)].set(observed)
    if encoder is not None:
        inferred = select_columns(model, ~net.is_observed & ~posterior._generative)
        columns = columns.at[..., inferred].set(encoder.sample(infer_key, observed))
    if posterior._generative.any():
        columns = model.redraw(redraw_key, columns, posterior._generative)
    return columns


@eqx.filter_jit
def _log_prob(
    encoder: Encoder | None, posterior: AmortizedPosterior, latents: jax.Array, observed: jax.Array
) -> jax.Array:
    """Return log q of draws of all latents."""
    model, net = posterior.model, posterior.model.net
    columns = jnp.zeros((*observed.shape[:-1], model.layout.width), observed.dtype)
    columns = columns.at[..., select_columns(model, net.is_observed)].set(observed)
    columns = columns.at[..., posterior._latent_columns].set(latents)
    total = jnp.zeros(observed.shape[:-1])
    if encoder is not None:
        inferred = select_columns(model, ~net.is_observed & ~posterior._generative)
        total = total + encoder.log_prob(columns[..., inferred], observed)
    if posterior._generative.any():
        total = total + model.log_conditionals(columns)[..., posterior._generative].sum(axis=-1)
    return total
