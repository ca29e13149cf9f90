"""The compiled programs behind a posterior: encoder and model side by side, on columns of all variables."""

from __future__ import annotations

from dataclasses import dataclass
from functools import cached_property
from typing import NamedTuple

import jax
import jax.numpy as jnp
import numpy as np

from retrodict.encode.codes import Codes
from retrodict.encode.encoder import Encoder
from retrodict.graph.frozen import Portable
from retrodict.graph.inverse import Inverse
from retrodict.graph.names import Name
from retrodict.graph.rows import Integers, Mask
from retrodict.models.model import Model
from retrodict.plan.layout import Layout
from retrodict.plan.supports import count_codes
from retrodict.train.compiled import Programs

# Functions of this module, each for so many kinds of encoders, that a wiring keeps compiled.
MOST_PROGRAMS = 32


@dataclass(frozen=True, eq=False, repr=False)
class Wiring(Portable):
    """Which columns of a model are observed, inferred by the encoder, or drawn from the model itself."""

    model: Model
    inverse: Inverse

    def __repr__(self) -> str:
        return f"Wiring({self.inverse!r})"

    @cached_property
    def programs(self) -> Programs:
        """What is compiled for this wiring; freed with it."""
        return Programs(most=MOST_PROGRAMS)

    @cached_property
    def observed_layout(self) -> Layout:
        """Columns of the observed variables."""
        return Layout.of(self.model.net, self.model.net.observed)

    @cached_property
    def latent_layout(self) -> Layout:
        """Columns of the latents."""
        return Layout.of(self.model.net, self.model.net.latents)

    @cached_property
    def generative(self) -> Mask:
        """Mark the barren latents among all variables."""
        mask = np.zeros(len(self.model.net), dtype=bool)
        mask[self.model.net.latent_index[self.inverse.is_generative]] = True
        return mask

    @cached_property
    def observed(self) -> Integers:
        """Columns of the observed variables in the model's layout."""
        return find_columns(self.model, self.model.net.is_observed)

    @cached_property
    def latents(self) -> Integers:
        """Columns of all latents in the model's layout."""
        return find_columns(self.model, ~self.model.net.is_observed)

    @cached_property
    def inferred(self) -> Integers:
        """Columns of the latents that the encoder draws, in the model's layout."""
        return find_columns(self.model, ~self.model.net.is_observed & ~self.generative)

    @property
    def names_of_inputs(self) -> list[Name]:
        """The names of the columns that an encoder sees in training: observed values, then codes of latents."""
        net = self.model.net
        inferred = [net.variable(net.names[i]) for i in net.latent_index[~self.inverse.is_generative].tolist()]
        seen = [(variable.name, variable.size) for variable in map(net.variable, net.observed)]
        return [n for n, size in [*seen, *((v.name, count_codes(v)) for v in inferred)] for _ in range(size)]

    @cached_property
    def codes(self) -> Codes:
        """Codes of the latents that the encoder draws; raise `OptionError` for a support that has none."""
        net = self.model.net
        return Codes.of([net.variable(net.names[i]) for i in net.latent_index[~self.inverse.is_generative].tolist()])

    @cached_property
    def observed_codes(self) -> Codes:
        """Codes of the observed variables."""
        return Codes.of_observed([self.model.net.variable(name) for name in self.model.net.observed])


class Weighed(NamedTuple):
    """Draws of all latents with log weights, ``log p(z, x) - log q(z | x)`` in nats."""

    latents: jax.Array
    log_weights: jax.Array


def find_columns(model: Model, variables: Mask) -> Integers:
    """Return the columns of the marked variables in the model's layout."""
    return np.flatnonzero(np.repeat(variables, model.layout.sizes))


# The encoder is an argument of its own so that its parameters are inputs of the compiled programs; the wiring is
# structure, constant in them.


def simulate(wiring: Wiring, key: jax.Array, n: int) -> jax.Array:
    """Return joint draws of the model."""
    found: jax.Array = wiring.programs.run(_simulate, wiring, key, n)
    return found


def draw(encoder: Encoder | None, wiring: Wiring, key: jax.Array, observed: jax.Array) -> jax.Array:
    """Return one draw of all latents for each row of observed values."""
    found: jax.Array = wiring.programs.run(_draw, encoder, wiring, key, observed)
    return found


def score(encoder: Encoder | None, wiring: Wiring, latents: jax.Array, observed: jax.Array) -> jax.Array:
    """Return log q of rows of all latents, in nats."""
    found: jax.Array = wiring.programs.run(_score, encoder, wiring, latents, observed)
    return found


def score_jointly(wiring: Wiring, latents: jax.Array, observed: jax.Array) -> jax.Array:
    """Return log p(z, x) of rows of all latents and observed values, in nats."""
    found: jax.Array = wiring.programs.run(_score_jointly, wiring, latents, observed)
    return found


def weigh(encoder: Encoder | None, wiring: Wiring, key: jax.Array, observed: jax.Array) -> Weighed:
    """Return one draw for each row of observed values, with its weight."""
    found: Weighed = wiring.programs.run(_weigh, encoder, wiring, key, observed)
    return found


def _simulate(wiring: Wiring, key: jax.Array, n: int) -> jax.Array:
    return wiring.model.draw(key, n).astype(jnp.float32)


def _draw(encoder: Encoder | None, wiring: Wiring, key: jax.Array, observed: jax.Array) -> jax.Array:
    return _draw_columns(encoder, wiring, key, observed)[..., wiring.latents]


def _score(encoder: Encoder | None, wiring: Wiring, latents: jax.Array, observed: jax.Array) -> jax.Array:
    return _score_columns(encoder, wiring, _join(wiring, latents, observed))


def _score_jointly(wiring: Wiring, latents: jax.Array, observed: jax.Array) -> jax.Array:
    return wiring.model.log_conditionals(_join(wiring, latents, observed)).sum(axis=-1)


def _weigh(encoder: Encoder | None, wiring: Wiring, key: jax.Array, observed: jax.Array) -> Weighed:
    """Barren latents are left out of the weight: what the model says of them cancels.

    What the model rules out weighs nothing, however it bounds its densities.
    """
    columns = _draw_columns(encoder, wiring, key, observed)
    terms = wiring.model.log_conditionals(columns)[..., np.flatnonzero(~wiring.generative)]
    log_weights = terms.sum(axis=-1)
    if encoder is not None:
        log_weights = log_weights - _score_inferred(encoder, wiring, columns)
    log_weights = jnp.where(wiring.model.rules_out(columns), -jnp.inf, log_weights)
    return Weighed(columns[..., wiring.latents], log_weights)


def _draw_columns(encoder: Encoder | None, wiring: Wiring, key: jax.Array, observed: jax.Array) -> jax.Array:
    infer_key, redraw_key = jax.random.split(key)
    columns = jnp.zeros((*observed.shape[:-1], wiring.model.layout.width), observed.dtype)
    columns = columns.at[..., wiring.observed].set(observed)
    if encoder is not None:
        drawn = encoder.sample(infer_key, wiring.observed_codes.encode(observed))
        columns = columns.at[..., wiring.inferred].set(wiring.codes.decode(drawn))
    if wiring.generative.any():
        columns = wiring.model.redraw(redraw_key, columns, wiring.generative)
    return columns


def _score_columns(encoder: Encoder | None, wiring: Wiring, columns: jax.Array) -> jax.Array:
    total = jnp.zeros(columns.shape[:-1], columns.dtype)
    if encoder is not None:
        total = total + _score_inferred(encoder, wiring, columns)
    if wiring.generative.any():
        total = total + wiring.model.log_conditionals(columns)[..., np.flatnonzero(wiring.generative)].sum(axis=-1)
    return total


def _score_inferred(encoder: Encoder, wiring: Wiring, columns: jax.Array) -> jax.Array:
    """Return log q of the latents that the encoder draws; minus infinity outside of their support."""
    values = columns[..., wiring.inferred]
    codes = wiring.codes.encode(values)
    observed = wiring.observed_codes.encode(columns[..., wiring.observed])
    log_prob = encoder.log_prob(codes, observed) - wiring.codes.log_det(codes)
    return jnp.where(wiring.codes.contains(values), log_prob, -jnp.inf)


def _join(wiring: Wiring, latents: jax.Array, observed: jax.Array) -> jax.Array:
    """Return columns of all variables."""
    columns = jnp.zeros((*observed.shape[:-1], wiring.model.layout.width), observed.dtype)
    return columns.at[..., wiring.observed].set(observed).at[..., wiring.latents].set(latents)
