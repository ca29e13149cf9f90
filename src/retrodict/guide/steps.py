"""The steps of an encoder one by one, for one row of data; compiled, so that a guide outside of jit begins quickly."""

from __future__ import annotations

from typing import Any

import equinox as eqx
import jax
import jax.numpy as jnp

from retrodict.encode.encoder import Encoder


@eqx.filter_jit
def begin(encoder: Encoder, codes: jax.Array) -> Any:
    """Return the state in which only the observed columns are known."""
    known = encoder.features(encoder.scaling, codes[None])
    inputs = jnp.zeros((1, len(encoder.features.source)), codes.dtype)
    return encoder.network.begin(inputs.at[:, : known.shape[1]].set(known))


@eqx.filter_jit
def advance(encoder: Encoder, number: int, state: Any) -> tuple[Any, jax.Array]:
    """Return the state after a step, and the parameters of the columns to be drawn in it, (columns, parameters)."""
    step = encoder.schedule()[number]
    state, parameters = encoder.network.advance(step.computed, step.columns, state)
    return state, parameters[0]


@eqx.filter_jit
def write(encoder: Encoder, number: int, drawn: jax.Array, state: Any) -> Any:
    """Return the state in which the columns of a step have these values."""
    step = encoder.schedule()[number]
    return encoder.network.write(
        step.inputs, encoder.features.encode(encoder.scaling, step.inputs, drawn[None, step.made]), state
    )
