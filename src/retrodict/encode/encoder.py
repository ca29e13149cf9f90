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

# Deeper encoders are sampled in a loop of whole evaluations: unrolled, their program would take long to compile.
MOST_STEPS = 64


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


class Structure(NamedTuple):
    """The step in which each latent column is drawn, and the number of steps."""

    level: tuple[int, ...]
    depth: int

    @classmethod
    def of(cls, dependencies: Dependencies) -> "Structure":
        """Read off the dependencies of an inverse."""
        level = np.repeat(dependencies.level, dependencies.latent_sizes)
        return cls(tuple(level.tolist()), dependencies.depth)

    def drawn(self, step: int) -> Int[np.ndarray, " drawn"]:
        """Return the columns drawn in a step, ascending."""
        return np.flatnonzero(np.array(self.level) == step)


class Encoder(eqx.Module):
    r"""A density :math:`q(z \mid x) = \prod_i q(z_i \mid \mathrm{Pa}(z_i))` over the inferred latents (abstract).

    Latents and observed variables are columns of two arrays with the same leading axes, in topological order.
    To subclass:

    - ``parameters`` returns those of all columns, such that those of a latent depend on its parents alone;
    - ``begin`` and ``advance`` compute them step by step, each hidden unit once, for sampling.
    """

    conditional: eqx.AbstractVar[Conditional]
    scaling: eqx.AbstractVar[Scaling]
    structure: eqx.AbstractVar[Structure]

    @abstractmethod
    def parameters(
        self, latents: Float[Array, "rows latents"], observed: Float[Array, "rows observed"]
    ) -> Float[Array, "rows latents parameters"]:
        """Return the parameters of every conditional, from standardised numbers."""

    @abstractmethod
    def begin(self, rows: int) -> tuple[Array, ...]:
        """Return the hidden units of so many rows, none computed yet."""

    @abstractmethod
    def advance(
        self,
        step: int,
        hidden: tuple[Array, ...],
        latents: Float[Array, "rows latents"],
        observed: Float[Array, "rows observed"],
    ) -> tuple[tuple[Array, ...], Float[Array, "rows drawn parameters"]]:
        """Return the hidden units after a step, and the parameters of the columns drawn in it."""

    def log_factors(
        self, latents: Float[Array, "*batch latents"], observed: Float[Array, "*batch observed"]
    ) -> Float[Array, "*batch latents"]:
        """Return log q of each column given its parents, in nats."""
        z, x, spread = self._standardise(latents, observed)
        flat = self.parameters(z.reshape(-1, z.shape[-1]), x.reshape(-1, x.shape[-1]))
        return self.conditional.log_prob(flat.reshape(*z.shape, -1), z) - jnp.log(spread)

    def log_prob(
        self, latents: Float[Array, "*batch latents"], observed: Float[Array, "*batch observed"]
    ) -> Float[Array, "*batch"]:
        """Return log q(z given x) in nats."""
        return self.log_factors(latents, observed).sum(axis=-1)

    def sample(self, key: Key[Array, ""], observed: Float[Array, "*batch observed"]) -> Float[Array, "*batch latents"]:
        """Return one draw for each row of observed values."""
        return self.sample_and_log_prob(key, observed)[0]

    def sample_and_log_prob(
        self, key: Key[Array, ""], observed: Float[Array, "*batch observed"]
    ) -> tuple[Float[Array, "*batch latents"], Float[Array, "*batch"]]:
        """Return one draw for each row of observed values and its log density in nats, out of one pass.

        All columns of a step are drawn at once, in ``depth`` steps; the hidden units are computed once in all.
        """
        columns, seen = len(self.structure.level), observed.shape[-1]
        centre, spread = self.scaling
        x = ((observed - centre[:seen]) / spread[:seen]).reshape(-1, seen)
        start = jnp.zeros((len(x), columns), x.dtype), jnp.zeros(len(x), x.dtype)
        walk = self._walk if self.structure.depth <= MOST_STEPS else self._loop
        z, log_prob = walk(key, x, *start)
        latents = (z * spread[seen:] + centre[seen:]).reshape(*observed.shape[:-1], columns)
        return latents, (log_prob - jnp.log(spread[seen:]).sum()).reshape(observed.shape[:-1])

    def _walk(
        self, key: Key[Array, ""], x: Array, latents: Array, log_prob: Array
    ) -> tuple[Float[Array, "rows latents"], Float[Array, " rows"]]:
        """Draw step by step, computing what becomes known in each."""
        hidden = self.begin(len(x))
        for step in range(self.structure.depth):
            hidden, parameters = self.advance(step, hidden, latents, x)
            drawn = self.conditional.sample(jax.random.fold_in(key, step), parameters)
            latents = latents.at[:, self.structure.drawn(step)].set(drawn)
            log_prob = log_prob + self.conditional.log_prob(parameters, drawn).sum(axis=-1)
        return latents, log_prob

    def _loop(
        self, key: Key[Array, ""], x: Array, latents: Array, log_prob: Array
    ) -> tuple[Float[Array, "rows latents"], Float[Array, " rows"]]:
        """Draw step by step, evaluating the whole network in each."""
        level = jnp.array(self.structure.level)

        def draw_level(step: Int[Array, ""], latents: Array) -> Array:
            drawn = self.conditional.sample(jax.random.fold_in(key, step), self.parameters(latents, x))
            return jnp.where(level == step, drawn, latents)

        latents = jax.lax.fori_loop(0, self.structure.depth, draw_level, latents)
        factors = self.conditional.log_prob(self.parameters(latents, x), latents)
        return latents, log_prob + factors.sum(axis=-1)

    def _standardise(self, latents: Array, observed: Array) -> tuple[Array, Array, Array]:
        """Return both in standard units, and the spread of the latents."""
        centre, spread = (jax.lax.stop_gradient(part) for part in self.scaling)
        seen = observed.shape[-1]
        return (latents - centre[seen:]) / spread[seen:], (observed - centre[:seen]) / spread[:seen], spread[seen:]
