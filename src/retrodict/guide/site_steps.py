"""The steps of an encoder that draw one site, for one row of data; compiled, so that a guide begins quickly."""

from __future__ import annotations

from typing import NamedTuple

import equinox as eqx
import jax
import numpy as np

from retrodict.encode.encoder import Drawing, Encoder


class Taken(NamedTuple):
    """What some steps give: the codes that belong to them, log q of each in nats, and what is known after them."""

    codes: jax.Array
    factors: jax.Array
    after: Drawing


@eqx.filter_jit
def begin(encoder: Encoder, codes: jax.Array) -> Drawing:
    """Return what is known before the first step, where data have these codes."""
    return encoder.begin(codes[None])


@eqx.filter_jit
def draw(encoder: Encoder, steps: range, key: jax.Array, before: Drawing) -> Taken:
    """Take these steps, and draw their codes."""
    after, terms = encoder.draw(key, before, steps)
    return Taken(after.latents[_find_columns(encoder, steps), 0], terms[:, 0], after)


@eqx.filter_jit
def follow(encoder: Encoder, steps: range, codes: jax.Array, before: Drawing) -> Taken:
    """Take these steps, of which these are the codes."""
    latents = before.latents.at[_find_columns(encoder, steps), 0].set(codes)
    after, terms = encoder.follow(latents, before, steps)
    return Taken(codes, terms[:, 0], after)


def _find_columns(encoder: Encoder, steps: range) -> slice:
    """Return the columns that are drawn in steps of one site, one each."""
    columns = np.flatnonzero(np.isin(encoder.structure.level, steps))
    return slice(int(columns[0]), int(columns[-1]) + 1)
