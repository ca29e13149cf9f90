"""What every encoder can do, given that it computes the parameters of all conditionals."""

from abc import abstractmethod
from typing import NamedTuple

import equinox as eqx
import jax
import jax.numpy as jnp
import numpy as np
from jaxtyping import Array, Float, Int, Key

from retrodict.encode.conditionals import Conditional
from retrodict.masks import Dependencies


class Scaling(NamedTuple):
    """Centre and spread of every column, observed first: networks see standardised numbers."""

    centre: Float[Array, " columns"]
    spread: Float[Array, " columns"]

    @classmethod
    def none(cls, columns: int) -> "Scaling":
        """Leave numbers as they are."""
        return cls(jnp.zeros(columns), jnp.ones(columns))

    @classmethod
    def fit(cls, columns: Float[Array, "draws columns"]) -> "Scaling":
        """Standardise to mean 0 and standard deviation 1 over simulations; a constant keeps its spread."""
        spread = columns.std(axis=0)
        return cls(columns.mean(axis=0), jnp.where(spread > 0, spread, 1.0))


class Encoder(eqx.Module):
    r"""A density :math:`q(z \mid x) = \prod_i q(z_i \mid \mathrm{Pa}(z_i))` over the inferred latents (abstract).

    Latents and observed variables are columns of two arrays with the same leading axes, in topological order.
    To subclass, compute ``parameters`` such that those of a latent depend on its parents alone.
    """

    conditional: eqx.AbstractVar[Conditional]
    scaling: eqx.AbstractVar[Scaling]
    level: eqx.AbstractVar[Int[Array, " latents"]]
    depth: eqx.AbstractVar[int]

    @abstractmethod
    def parameters(
        self, latents: Float[Array, "*batch latents"], observed: Float[Array, "*batch observed"]
    ) -> Float[Array, "*batch latents parameters"]:
        """Return the parameters of every conditional, from standardised numbers."""

    def log_factors(
        self, latents: Float[Array, "*batch latents"], observed: Float[Array, "*batch observed"]
    ) -> Float[Array, "*batch latents"]:
        """Return log q of each column given its parents, in nats."""
        centre, spread = (jax.lax.stop_gradient(part) for part in self.scaling)
        seen = observed.shape[-1]
        z, x = (latents - centre[seen:]) / spread[seen:], (observed - centre[:seen]) / spread[:seen]
        return self.conditional.log_prob(self.parameters(z, x), z) - jnp.log(spread[seen:])

    def log_prob(
        self, latents: Float[Array, "*batch latents"], observed: Float[Array, "*batch observed"]
    ) -> Float[Array, "*batch"]:
        """Return log q(z given x) in nats."""
        return self.log_factors(latents, observed).sum(axis=-1)

    def sample(self, key: Key[Array, ""], observed: Float[Array, "*batch observed"]) -> Float[Array, "*batch latents"]:
        """Return one draw for each row of observed values: all latents of a level at once, ``depth`` steps."""
        centre, spread = self.scaling
        seen = observed.shape[-1]
        x = (observed - centre[:seen]) / spread[:seen]

        def draw_level(step: Int[Array, ""], latents: Float[Array, "*batch latents"]) -> Float[Array, "*batch latents"]:
            drawn = self.conditional.sample(jax.random.fold_in(key, step), self.parameters(latents, x))
            return jnp.where(self.level == step, drawn, latents)

        start = jnp.zeros((*x.shape[:-1], len(self.level)), x.dtype)
        return jax.lax.fori_loop(0, self.depth, draw_level, start) * spread[seen:] + centre[seen:]


def level_of_columns(dependencies: Dependencies) -> Int[Array, " latents"]:
    """Return for each column of the latents the step in which it is drawn."""
    return jnp.asarray(np.repeat(dependencies.level, dependencies.latent_sizes))


def count_levels(dependencies: Dependencies) -> int:
    """Return the number of steps in which all latents are drawn."""
    return int(dependencies.level.max(initial=-1)) + 1
