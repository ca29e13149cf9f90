"""Drawing and scoring as pure functions of arrays of JAX, for compiled programs of the user's own."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import jax
import jax.numpy as jnp

from retrodict.encode.space import Space
from retrodict.errors import DataError
from retrodict.graph.names import Name
from retrodict.plan.counts import read_count
from retrodict.posterior.factors import Factor, draw_factors, score_factors


@dataclass(frozen=True, eq=False, repr=False)
class PureFunctions:
    """Draws and densities of a posterior as pure functions; `AmortizedPosterior.functions` makes them.

    Nothing is compiled here, no memory is bounded, and values are not looked at: names and shapes alone are checked.
    What is unlike training gives no warning.

    Arguments:
        factors: what draws the latents.
        space: what knows their columns.

    >>> from retrodict import amortize, zoo
    >>> functions = amortize(zoo.binary_tree(depth=2)).functions
    >>> @jax.jit
    ... def spread(key, x):
    ...     return functions.sample(key, {"x1": x, "x2": 1.0}, 100)["x0"].std()
    >>> spread(jax.random.key(0), 0.5).shape
    ()
    """

    factors: tuple[Factor, ...]
    space: Space

    def __repr__(self) -> str:
        return f"PureFunctions({self.space.inverse!r})"

    def sample(self, key: jax.Array, data: Mapping[Name, Any], n: int = 1000) -> dict[Name, jax.Array]:
        """Return draws of all latents for each observation.

        Arguments:
            key: a key of JAX.
            data: a value, or a batch of values along leading axes, of each observed variable, ``{name: array}``.
            n: number of draws for each observation. Default 1000.

        Returns: ``{latent: array (n, *batch, ...)}``.

        Raises: `DataError` for names and shapes that do not fit the model.
        """
        observed = self._pack(data)
        rows = jnp.broadcast_to(observed, (read_count("n", n), *observed.shape))
        flat = rows.reshape(-1, rows.shape[-1])
        latents = self.space.split(draw_factors(self.factors, key, self.space.place(flat))[0])[0]
        return self.space.unpack(latents.reshape(*rows.shape[:-1], latents.shape[-1]))

    def log_prob(self, draws: Mapping[Name, Any], data: Mapping[Name, Any]) -> jax.Array:
        """Return the log density of draws, in nats; minus infinity outside of the support of a latent.

        Arguments:
            draws: values of all latents, ``{latent: array (n, *batch, ...)}``; their leading axes end in those of data.
            data: a value, or a batch of values along leading axes, of each observed variable, ``{name: array}``.

        Returns: an array ``(n, *batch)``.

        Raises: `DataError` for names and shapes that do not fit the model or each other.
        """
        latents = self.space.latent_layout.pack(draws, jnp).astype(jnp.float32)
        observed, leading = self._pack(data), latents.shape[:-1]
        try:
            seen = jnp.broadcast_to(observed, (*leading, observed.shape[-1]))
        except ValueError:
            raise DataError(
                f"the leading axes of draws, {leading}, do not end in those of the data, {observed.shape[:-1]}",
                remedy="Give draws (n, *batch, ...), or others that can be repeated to such.",
            ) from None
        columns = self.space.join(latents.reshape(-1, latents.shape[-1]), seen.reshape(-1, seen.shape[-1]))
        return score_factors(self.factors, columns).reshape(leading)

    def _pack(self, data: Mapping[Name, Any]) -> jax.Array:
        found: jax.Array = self.space.observed_layout.pack(data, jnp)
        return found.astype(jnp.float32)
