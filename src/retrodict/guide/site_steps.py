"""The steps of an encoder that draw one site, for one row of data; compiled, so that a guide begins quickly.

Sites may share a step, which is opened once for all of them: those of one code, and any where groups of columns are
drawn at once.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import NamedTuple

import equinox as eqx
import jax
import jax.numpy as jnp

from retrodict.encode.encoder import Drawing, Encoder, Scored, Step


class Opened(NamedTuple):
    """What is known once the first of some steps has been computed, and the parameters of the columns drawn in it."""

    drawing: Drawing
    parameters: jax.Array


class Taken(NamedTuple):
    """What some steps give: the codes that belong to them, log q of each in nats, and what is known after them.

    Where other sites share the step, that is known when all have their codes (`close`).
    """

    codes: jax.Array
    factors: jax.Array
    after: Drawing | None


@eqx.filter_jit
def begin(encoder: Encoder, codes: jax.Array) -> Drawing:
    """Return what is known before the first step, where data have these codes."""
    return encoder.begin(codes[None])


@eqx.filter_jit
def open_step(encoder: Encoder, number: int, drawing: Drawing) -> Opened:
    """Compute a step."""
    return Opened(*encoder.open(encoder.schedule()[number], drawing))


@eqx.filter_jit
def draw(encoder: Encoder, steps: range, own: range, key: jax.Array, opened: Opened) -> Taken:
    """Draw the codes of a site, the first of which are ``own`` ones of the columns of its first step."""
    step, places = encoder.schedule()[steps.start], slice(own.start, own.stop)
    first_key, rest_key = jax.random.split(key) if len(steps) > 1 else (key, key)
    columns, parameters = step.columns[places], opened.parameters[:, places]
    # Scored by its value alone: noise that the density reads, too, is computed twice.
    codes, _ = encoder.draw_columns(first_key, columns, parameters)
    scored = encoder.score_columns(codes, columns, parameters)
    return _go_on(encoder, step, steps, scored, opened, lambda drawing: encoder.draw(rest_key, drawing, steps[1:]))


@eqx.filter_jit
def follow(encoder: Encoder, steps: range, own: range, codes: jax.Array, opened: Opened) -> Taken:
    """Return what the steps of a site give if these are its codes."""
    step, places = encoder.schedule()[steps.start], slice(own.start, own.stop)
    columns = step.columns[places]
    scored = encoder.score_columns(codes[None, : len(columns)], columns, opened.parameters[:, places])

    def follow_rest(drawing: Drawing) -> tuple[Drawing, jax.Array]:
        first = int(columns[0])
        latents = opened.drawing.latents.at[first : first + len(steps), 0].set(codes)
        return encoder.follow(latents, drawing, steps[1:])

    return _go_on(encoder, step, steps, scored, opened, follow_rest)


@eqx.filter_jit
def close(encoder: Encoder, number: int, codes: jax.Array, opened: Opened) -> Drawing:
    """Return what is known once all columns of a step have these codes."""
    return encoder.close(encoder.schedule()[number], codes[None], opened.drawing)


def _go_on(
    encoder: Encoder,
    step: Step,
    steps: range,
    scored: Scored,
    opened: Opened,
    rest: Callable[[Drawing], tuple[Drawing, jax.Array]],
) -> Taken:
    """Take the other steps of a site after its first."""
    (codes,), (factors,) = scored
    if len(step.columns) > 1:
        return Taken(codes, factors, None)
    after = encoder.close(step, scored[0], opened.drawing)
    if len(steps) > 1:
        after, terms = rest(after)
        first = int(step.columns[0])
        codes = after.latents[first : first + len(steps), 0]
        factors = jnp.concatenate([factors, terms[:, 0]])
    return Taken(codes, factors, after)
