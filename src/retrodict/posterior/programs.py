"""The compiled programs behind a posterior: its factors and the model side by side, on columns of all variables."""

from __future__ import annotations

from dataclasses import dataclass
from functools import cached_property
from typing import NamedTuple

import jax
import jax.numpy as jnp
import numpy as np

from retrodict.encode.space import Space
from retrodict.graph.frozen import Portable
from retrodict.models.model import Model
from retrodict.posterior.factors import Factor, add_up, draw_factors, mark, score_factors
from retrodict.train.compiled import Programs

# Functions of this module, each for so many kinds of factors, that are kept compiled.
MOST_PROGRAMS = 32

Factors = tuple[Factor, ...]


class Weighed(NamedTuple):
    """Draws of all latents with log weights, ``log p(z, x) - log q(z | x)`` in nats."""

    latents: jax.Array
    log_weights: jax.Array


@dataclass(frozen=True, eq=False, repr=False)
class Compiled(Portable):
    """A model on the columns of a space, and the programs that are compiled for both, which are freed with it.

    Factors are arguments, so that parameters of encoders are inputs of the programs; model and space are constants.
    """

    model: Model
    space: Space

    def __repr__(self) -> str:
        return f"Compiled({self.space!r})"

    @cached_property
    def programs(self) -> Programs:
        """What is compiled."""
        return Programs(most=MOST_PROGRAMS)

    def simulate(self, key: jax.Array, n: int) -> jax.Array:
        """Return joint draws of the model as columns, in 32 bits, whatever JAX is set to."""
        found: jax.Array = self.programs.run(_simulate, self, key, n)
        return found

    def draw(self, factors: Factors, key: jax.Array, observed: jax.Array) -> jax.Array:
        """Return one draw of all latents for each row of observed values."""
        found: jax.Array = self.programs.run(_draw, factors, self, key, observed)
        return found

    def score(self, factors: Factors, latents: jax.Array, observed: jax.Array) -> jax.Array:
        """Return log q of rows of all latents, in nats."""
        found: jax.Array = self.programs.run(_score, factors, self, latents, observed)
        return found

    def score_jointly(self, latents: jax.Array, observed: jax.Array) -> jax.Array:
        """Return log p(z, x) of rows of all latents and observed values, in nats."""
        found: jax.Array = self.programs.run(_score_jointly, self, latents, observed)
        return found

    def weigh(self, factors: Factors, key: jax.Array, observed: jax.Array) -> Weighed:
        """Return one draw for each row of observed values, with its weight."""
        found: Weighed = self.programs.run(_weigh, factors, self, key, observed)
        return found


def _simulate(compiled: Compiled, key: jax.Array, n: int) -> jax.Array:
    return compiled.model.draw(key, n).astype(jnp.float32)


def _draw(factors: Factors, compiled: Compiled, key: jax.Array, observed: jax.Array) -> jax.Array:
    columns, _ = draw_factors(factors, key, compiled.space.place(observed))
    latents: jax.Array = compiled.space.split(columns)[0]
    return latents


def _score(factors: Factors, compiled: Compiled, latents: jax.Array, observed: jax.Array) -> jax.Array:
    return score_factors(factors, compiled.space.join(latents, observed))


def _score_jointly(compiled: Compiled, latents: jax.Array, observed: jax.Array) -> jax.Array:
    return compiled.model.log_conditionals(compiled.space.join(latents, observed)).sum(axis=-1)


def _weigh(factors: Factors, compiled: Compiled, key: jax.Array, observed: jax.Array) -> Weighed:
    """Draw and weigh; what cancels is left out.

    What the model rules out weighs nothing, however it bounds its densities.
    """
    model, space = compiled.model, compiled.space
    columns, densities = draw_factors(factors, key, space.place(observed))
    cancelled = mark(space.net, (name for factor in factors if factor.cancels for name in factor.variables))
    log_joint = model.log_conditionals(columns)[..., np.flatnonzero(~cancelled)].sum(axis=-1)
    drawn = [density for factor, density in zip(factors, densities, strict=True) if not factor.cancels]
    log_weights = jnp.where(model.rules_out(columns), -jnp.inf, log_joint - add_up(drawn, columns))
    return Weighed(space.split(columns)[0], log_weights)
