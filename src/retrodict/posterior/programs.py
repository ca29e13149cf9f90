"""The compiled programs behind a posterior: encoder and model side by side, on columns of all variables."""

from __future__ import annotations

from dataclasses import dataclass
from functools import cached_property
from typing import NamedTuple

import jax
import jax.numpy as jnp
import numpy as np

from retrodict.encode.encoder import Encoder
from retrodict.encode.space import Space
from retrodict.graph.frozen import Portable
from retrodict.models.model import Model
from retrodict.train.compiled import Programs

# Functions of this module, each for so many kinds of encoders, that are kept compiled.
MOST_PROGRAMS = 32


class Weighed(NamedTuple):
    """Draws of all latents with log weights, ``log p(z, x) - log q(z | x)`` in nats."""

    latents: jax.Array
    log_weights: jax.Array


@dataclass(frozen=True, eq=False, repr=False)
class Compiled(Portable):
    """A model on the columns of a space, and the programs that are compiled for both, which are freed with it.

    The encoder is an argument so that its parameters are inputs of the programs; model and space are constants.
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

    def draw(self, encoder: Encoder | None, key: jax.Array, observed: jax.Array) -> jax.Array:
        """Return one draw of all latents for each row of observed values."""
        found: jax.Array = self.programs.run(_draw, encoder, self, key, observed)
        return found

    def score(self, encoder: Encoder | None, latents: jax.Array, observed: jax.Array) -> jax.Array:
        """Return log q of rows of all latents, in nats."""
        found: jax.Array = self.programs.run(_score, encoder, self, latents, observed)
        return found

    def score_jointly(self, latents: jax.Array, observed: jax.Array) -> jax.Array:
        """Return log p(z, x) of rows of all latents and observed values, in nats."""
        found: jax.Array = self.programs.run(_score_jointly, self, latents, observed)
        return found

    def weigh(self, encoder: Encoder | None, key: jax.Array, observed: jax.Array) -> Weighed:
        """Return one draw for each row of observed values, with its weight."""
        found: Weighed = self.programs.run(_weigh, encoder, self, key, observed)
        return found


def _simulate(compiled: Compiled, key: jax.Array, n: int) -> jax.Array:
    return compiled.model.draw(key, n).astype(jnp.float32)


def _draw(encoder: Encoder | None, compiled: Compiled, key: jax.Array, observed: jax.Array) -> jax.Array:
    latents: jax.Array = compiled.space.split(_draw_columns(encoder, compiled, key, observed))[0]
    return latents


def _score(encoder: Encoder | None, compiled: Compiled, latents: jax.Array, observed: jax.Array) -> jax.Array:
    return _score_columns(encoder, compiled, compiled.space.join(latents, observed))


def _score_jointly(compiled: Compiled, latents: jax.Array, observed: jax.Array) -> jax.Array:
    return compiled.model.log_conditionals(compiled.space.join(latents, observed)).sum(axis=-1)


def _weigh(encoder: Encoder | None, compiled: Compiled, key: jax.Array, observed: jax.Array) -> Weighed:
    """Barren latents are left out of the weight: what the model says of them cancels.

    What the model rules out weighs nothing, however it bounds its densities.
    """
    model, space = compiled.model, compiled.space
    columns = _draw_columns(encoder, compiled, key, observed)
    terms = model.log_conditionals(columns)[..., np.flatnonzero(~space.generative)]
    log_weights = terms.sum(axis=-1)
    if encoder is not None:
        log_weights = log_weights - _score_inferred(encoder, space, columns)
    log_weights = jnp.where(model.rules_out(columns), -jnp.inf, log_weights)
    return Weighed(space.split(columns)[0], log_weights)


def _draw_columns(encoder: Encoder | None, compiled: Compiled, key: jax.Array, observed: jax.Array) -> jax.Array:
    infer_key, redraw_key = jax.random.split(key)
    space = compiled.space
    columns = space.place(observed)
    if encoder is not None:
        columns = space.decode_latents(encoder.sample(infer_key, space.encode_observed(columns)), columns)
    if space.generative.any():
        columns = compiled.model.redraw(redraw_key, columns, space.generative)
    return columns


def _score_columns(encoder: Encoder | None, compiled: Compiled, columns: jax.Array) -> jax.Array:
    total, space = jnp.zeros(columns.shape[:-1], columns.dtype), compiled.space
    if encoder is not None:
        total = total + _score_inferred(encoder, space, columns)
    if space.generative.any():
        total = total + compiled.model.log_conditionals(columns)[..., np.flatnonzero(space.generative)].sum(axis=-1)
    return total


def _score_inferred(encoder: Encoder, space: Space, columns: jax.Array) -> jax.Array:
    """Return log q of the latents that the encoder draws; minus infinity outside of their support."""
    codes = space.encode_latents(columns)
    log_prob = encoder.log_prob(codes, space.encode_observed(columns)) - space.log_det(codes)
    return jnp.where(space.contains(columns), log_prob, -jnp.inf)
