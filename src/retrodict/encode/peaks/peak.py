r"""The top of a density and its curvature there, for one observation: Laplace's approximation.

Newton's method, damped as Levenberg and Marquardt do: the step solves :math:`(\lambda I - H)\, s = g`, and the damping
:math:`\lambda` falls where the density rises and grows where it does not. Peaks of many observations are found at
once, in one compiled program. A peak that is not reached is no error: what it is used for must do without.

Sources: Tierney & Kadane 1986 (Laplace's method); Marquardt 1963.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import NamedTuple

import jax
import jax.numpy as jnp
from jaxtyping import Array, Float

from retrodict.exact.directions import Directions, orthogonalize_precision

# The most steps that a climb takes, those that are taken back included.
STEPS = 40
# A step that promises fewer nats than these is not taken: the top is reached.
LITTLE = 1e-6
# The damping at first, where points have standard units, and how it changes.
DAMPING, FALLS, GROWS = 1.0, 0.1, 8.0
# Rounding of a log density of many terms, as a share of it: it may fall by so much.
ROUNDING = 1e-6
# A direction in which the density does not bend down has the curvature of this many standard units.
FLAT = 0.1
# Squared lengths that rounding may leave of a direction, with a unit diagonal.
LEAST = 1e-6
# Up to so many coordinates derivatives go forward.
FEW = 4

Point = Float[Array, " k"]
Score = Callable[[Point], Float[Array, ""]]


class Peak(NamedTuple):
    """The top, and a triangular W and its inverse: W times standard noise has the covariance that it says."""

    top: Point
    basis: Float[Array, "k k"]
    inverse: Float[Array, "k k"]
    height: Float[Array, ""]


class _Climber(NamedTuple):
    point: Point
    height: Float[Array, ""]
    slope: Point
    bend: Float[Array, "k k"]
    damping: Float[Array, ""]


def find_peak(score: Score, starts: Float[Array, "starts k"]) -> Peak:
    """Return the peak that is reached from the highest of some points, in standard units.

    ``basis`` is upper triangular: the last coordinate is drawn first.

    >>> def score(point):
    ...     return -0.5 * (((point - 3.0) / jnp.array([0.1, 2.0])) ** 2).sum()
    >>> peak = find_peak(score, jnp.zeros((1, 2)))
    >>> [round(float(value), 3) for value in peak.top]
    [3.0, 3.0]
    >>> [round(float(value), 3) for value in jnp.diagonal(peak.basis)]
    [0.1, 2.0]
    """
    count, size = starts.shape
    nowhere = _Climber(
        starts[0],
        jnp.asarray(-jnp.inf, starts.dtype),
        jnp.zeros(size, starts.dtype),
        -jnp.eye(size, dtype=starts.dtype),
        jnp.asarray(DAMPING, starts.dtype),
    )

    def is_climbing(state: tuple[Array, _Climber]) -> Array:
        number, now = state
        gain = (_move(now) * now.slope).sum()
        return (number < count) | ((number < count + STEPS) & (~(gain <= LITTLE) | (now.damping > DAMPING)))

    def advance(state: tuple[Array, _Climber]) -> tuple[Array, _Climber]:
        # The starts are steps of the same loop, so that derivatives are compiled once.
        number, now = state
        begins = number < count
        point = jnp.where(begins, starts[jnp.minimum(number, count - 1)], now.point + _move(now))
        return number + 1, _step(score, now, point, begins)

    _, climbed = jax.lax.while_loop(is_climbing, advance, (jnp.asarray(0), nowhere))
    directions = _spread(-climbed.bend)
    return Peak(climbed.point, directions.basis, directions.inverse, climbed.height)


def _look(score: Score, point: Point, damping: Float[Array, ""]) -> _Climber:
    """Return what is known of a point; forward derivatives of few coordinates compile in less time than others."""

    def rise(own: Point) -> tuple[Point, tuple[Point, Array]]:
        if len(own) > FEW:
            height, slope = jax.value_and_grad(score)(own)
        else:
            units = jnp.eye(len(own), dtype=own.dtype)
            heights, slope = jax.vmap(lambda unit: jax.jvp(score, (own,), (unit,)))(units)
            height = heights[0]
        return slope, (slope, height)

    bend, (slope, height) = jax.jacfwd(rise, has_aux=True)(point)
    return _Climber(point, height, slope, (bend + bend.T) / 2, damping)


def _move(now: _Climber) -> Point:
    """Return the damped step."""
    damped = now.damping * jnp.eye(len(now.point)) - now.bend
    scale = jax.lax.rsqrt(jnp.maximum(jnp.diagonal(damped), 1e-30))
    basis = orthogonalize_precision(damped * scale * scale[:, None], 0.0).basis
    return scale * (basis @ (basis.T @ (scale * now.slope)))


def _step(score: Score, now: _Climber, point: Point, fixed: Array) -> _Climber:
    """Return this point where the density is higher there, the same with more damping where it is not."""
    there = _look(score, point, jnp.where(fixed, DAMPING, now.damping * FALLS))
    least = now.height - ROUNDING * jnp.abs(now.height)
    known = jnp.isfinite(there.slope).all() & jnp.isfinite(there.bend).all() & jnp.isfinite(point).all()
    better = (there.height >= least) & jnp.isfinite(there.height) & known
    stay = now._replace(damping=jnp.where(fixed, now.damping, now.damping * GROWS))
    return jax.tree.map(lambda new, old: jnp.where(better, new, old), there, stay)


def _spread(precision: Float[Array, "k k"]) -> Directions:
    """Return W with W' P W = I and its inverse; where a direction does not bend down, it is spread as `FLAT` says."""
    diagonal = jnp.maximum(jnp.where(jnp.isfinite(jnp.diagonal(precision)), jnp.diagonal(precision), 0.0), FLAT)
    scale = jax.lax.rsqrt(diagonal)
    unit = jnp.where(jnp.isfinite(precision), precision, 0.0) * scale * scale[:, None]
    unit = unit.at[jnp.diag_indices(len(unit))].set(1.0)
    found = orthogonalize_precision(unit, LEAST)
    # A matrix that is not positive says nothing of how coordinates go together.
    good = jnp.isfinite(found.basis).all() & jnp.isfinite(found.inverse).all()
    basis, inverse = (jnp.where(good, part, jnp.eye(len(part), dtype=part.dtype)) for part in found)
    return Directions(scale[:, None] * basis, inverse / scale)
