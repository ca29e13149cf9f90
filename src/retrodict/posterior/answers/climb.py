"""A first proposal where no draw comes near the posterior: its top, and its curvature there."""

from __future__ import annotations

from typing import Any

import jax
import jax.numpy as jnp
import numpy as np
import optax

from retrodict.encode.space import Space
from retrodict.models.model import Model
from retrodict.posterior.answers.linear_factor import LinearProposal
from retrodict.posterior.answers.marginal import Marginal, rows_of, score_codes
from retrodict.posterior.factors import Factor
from retrodict.posterior.weights.pareto import Doubles

STARTS, STEPS, RATE = 16, 1500, 0.1
# Beyond this many codes a Hessian is not computed, and scales stay those of the starts.
MOST_CODES = 256
# Covariances are this much wider than the curvature says: tails are reached, and rounding in it forgiven.
INFLATION = 2.0


def climb(target: Marginal, starts: Doubles) -> LinearProposal | None:
    """Return a normal approximation at the highest point that Adam finds from some codes; None where there is none.

    Coordinates are in units of the spread of the starts.
    """
    finite = starts[np.isfinite(target.score(starts))]
    if not len(finite):
        return None
    center, spread = np.median(finite, axis=0), np.maximum(finite.std(axis=0), 1e-3)
    chosen = finite[np.argsort(-target.score(finite))[:STARTS]]
    inputs = (rows_of(center), rows_of(spread), rows_of((chosen - center) / spread))
    top, hessian = target.compiled.programs.run(
        _climb, target.compiled.model, target.space, target.exact, *inputs, rows_of(target.observed)
    )
    return _approximate(target, center, spread, np.asarray(top, float), np.asarray(hessian, float))


def _climb(
    model: Model,
    space: Space,
    exact: tuple[Factor, ...],
    center: jax.Array,
    spread: jax.Array,
    starts: jax.Array,
    x: jax.Array,
) -> tuple[jax.Array, jax.Array]:
    """Return the best point and the Hessian there, in standard coordinates."""

    def score(points: jax.Array) -> jax.Array:
        return score_codes(model, space, exact, center + spread * points, x)

    def lose(points: jax.Array) -> jax.Array:
        scores = score(points)
        return -jnp.where(jnp.isfinite(scores), scores, 0.0).sum()

    optimizer = optax.adam(optax.cosine_decay_schedule(RATE, STEPS))

    def step(carry: tuple[Any, ...], _: None) -> tuple[tuple[Any, ...], None]:
        points, state, best, height = carry
        gradient = jax.grad(lose)(points)
        updates, state = optimizer.update(jnp.nan_to_num(gradient), state)
        scores = score(points)
        better = scores > height
        best = jnp.where(better[:, None], points, best)
        return (optax.apply_updates(points, updates), state, best, jnp.maximum(height, scores)), None

    begin = (starts, optimizer.init(starts), starts, jnp.full(len(starts), -jnp.inf))
    (_, _, best, height), _ = jax.lax.scan(step, begin, length=STEPS)
    top = best[jnp.argmax(height)]
    if len(top) > MOST_CODES:
        return top, -jnp.eye(len(top))
    return top, jax.hessian(lambda point: score(point[None])[0])(top)


def _approximate(target: Marginal, center: Doubles, spread: Doubles, top: Doubles, hessian: Doubles) -> LinearProposal:
    values, vectors = (
        np.linalg.eigh(-(hessian + hessian.T) / 2)
        if np.isfinite(hessian).all()
        else (
            np.ones(len(top)),
            np.eye(len(top)),
        )
    )
    # Where the surface does not bend down, the spread of the starts is kept.
    curvature = np.where(values > 1e-6 * max(values.max(), 1.0), values, 1.0)
    covariance = INFLATION * (vectors / curvature) @ vectors.T * np.outer(spread, spread)
    mean = center + spread * top
    return LinearProposal.fit(mean, covariance, np.inf, target.parents, target.order)
