"""Families of a Gaussian block in double precision, with the errors of single precision where they do no harm.

A family that is one residual, as a normal density is, has the precision h h' and the slope -r h. Small errors of h are
those of a slightly different model. Small errors of the entries of h h' are not: where a scale is near zero, entries
are huge and nearly cancel. So h is read off one row, and the rest follows from it.
"""

from __future__ import annotations

from itertools import combinations_with_replacement
from typing import NamedTuple

import jax
import jax.numpy as jnp

from retrodict.exact.lifted.block_levels import BlockMember
from retrodict.exact.lifted.family_curves import Curves, Pair

# How far entries may be from those of one residual, in units of the diagonal.
NEAR = 1e-5


class Aligned(NamedTuple):
    """The families of a child: slopes ``(rows, *dims, numbers)``, and entries of the precision for pairs of members."""

    slopes: dict[BlockMember, jax.Array]
    precisions: dict[Pair, jax.Array]


def align_family(curves: Curves, child: str, members: tuple[BlockMember, ...]) -> Aligned:
    """Return the families of a child in double precision, as those of one residual where they are."""
    slopes = {member: curves.slopes[child, member].astype(float) for member in members}
    pairs = list(combinations_with_replacement(members, 2))
    entries = {pair: -curves.curvatures[child, pair].astype(float) for pair in pairs}
    if any(slope.shape[-1] > 1 for slope in slopes.values()):
        return Aligned(slopes, entries)
    first = members[0]  # the child itself, where it belongs to the block
    own = entries[first, first][..., 0, 0]
    root = jnp.sqrt(jnp.where(own > 0, own, 1.0))
    sides = {member: entries[first, member][..., 0, :] / root[..., None] for member in members}
    alike = own > 0
    for one, other in pairs:
        limit = NEAR * jnp.sqrt(jnp.abs(entries[one, one] * entries[other, other]))[..., 0]
        product = sides[one] * sides[other]
        alike = alike & (jnp.abs(entries[one, other][..., 0] - product) <= limit)[..., 0]
    residual = slopes[first] / jnp.where(own[..., None] > 0, sides[first], 1.0)
    return Aligned(
        {member: jnp.where(alike[..., None], residual * sides[member], slopes[member]) for member in members},
        {
            (one, other): jnp.where(alike[..., None, None], (sides[one] * sides[other])[..., None], entries[one, other])
            for one, other in pairs
        },
    )
