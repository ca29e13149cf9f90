"""Where chains of noise begin: at draws that are about right, or else near the top that Adam finds."""

from __future__ import annotations

from collections.abc import Callable
from functools import partial
from typing import Any, NamedTuple

import jax
import jax.numpy as jnp
import numpy as np
import optax

from retrodict.posterior.answers.chains import CHAINS, MOST_DENSE
from retrodict.posterior.answers.linear_factor import LinearProposal
from retrodict.posterior.answers.marginal import rows_of
from retrodict.posterior.answers.noise.noncentered import Noncentered
from retrodict.posterior.weights.pareto import Doubles

STARTS, STEPS, RATE = 16, 1000, 0.05
# Chains begin this far from the top, in units of the prior's spread.
NEAR = 0.1
# Of more numbers than these, draws that were fitted to a posterior are seldom right.
MOST_GIVEN = 60
# Draws whose log density is lower by so many standard deviations than a normal's are elsewhere.
FAR = 8.0


class Top(NamedTuple):
    """The top of a density, the prior's spread, the log density there and, in the middle, of points that were given."""

    top: Doubles
    spread: Doubles
    height: float
    given: float


def begin(noise: Noncentered, give: Callable[[], Doubles], seed: int) -> tuple[LinearProposal, Doubles] | None:
    """Return units of noise, and rows of it for chains to begin at; None where no place to begin is found.

    Of up to 60 numbers these are the rows that are given and their moments, where they lie as deep below the top as
    draws of a posterior do. In coordinates of latents the neck of a funnel may look like a posterior; in those of noise
    it is far below. Else chains begin near the top.
    """
    given = give() if noise.size <= MOST_GIVEN else np.zeros((0, noise.size))
    known = given[np.isfinite(given).all(axis=1)]
    usable = 2 * len(known) > len(given)
    found = _find_top(noise, known if usable else known[:0], seed)
    if found is None:
        return (_fit_units(known), known) if usable else None
    # Log densities of draws lie as far below the top as half of chi-square with as many degrees of freedom.
    depth = noise.size / 2 + FAR * (np.sqrt(noise.size / 2) + 1)
    if usable and found.height - found.given < depth:
        return _fit_units(known), known
    nothing = np.zeros((noise.size, noise.size), bool)
    units = LinearProposal.fit(found.top, np.diag(found.spread**2), np.inf, nothing, np.arange(noise.size))
    return units, found.top + NEAR * found.spread * np.random.default_rng(seed).standard_normal((CHAINS, noise.size))


def _fit_units(points: Doubles) -> LinearProposal:
    size = points.shape[1]
    every = np.ones((size, size), bool)
    parents = np.tril(every, -1) if size <= MOST_DENSE else ~every
    covariance = np.atleast_2d(np.cov(points.T))
    return LinearProposal.fit(points.mean(axis=0), covariance, len(points), parents, np.arange(size))


def _find_top(noise: Noncentered, given: Doubles, seed: int) -> Top | None:
    """Return the top of the density, climbed to from draws of the prior and from rows that are given."""
    known = noise.simulate(seed)
    if len(known) < STARTS:
        return None
    center, low, high = np.median(known, axis=0), *np.quantile(known, [0.1587, 0.8413], axis=0)
    spread = np.where(high > low, (high - low) / 2, 1.0)
    chosen = given[np.linspace(0, len(given) - 1, STARTS // 2).astype(int)] if len(given) else given
    prior = known[np.linspace(0, len(known) - 1, STARTS - len(chosen)).astype(int)]
    prior[0] = center
    starts = (np.concatenate([prior, chosen]) - center) / spread
    found = jax.jit(partial(_climb, noise))(rows_of(center), rows_of(spread), rows_of(starts))
    top, height, first = (np.asarray(part, np.float64) for part in found)
    if not np.isfinite(height):
        return None
    own = first[len(prior) :]
    return Top(center + spread * top, spread, float(height), float(np.median(own)) if len(own) else -np.inf)


def _climb(noise: Noncentered, center: jax.Array, spread: jax.Array, starts: jax.Array) -> tuple[jax.Array, ...]:
    """Return the highest point that Adam comes to from any of the starts, its log density, and those of the starts."""

    def lose(points: jax.Array) -> tuple[jax.Array, jax.Array]:
        scores = jax.vmap(noise.score_one)(center + spread * points)
        return -jnp.where(jnp.isfinite(scores), scores, 0.0).sum(), jnp.where(jnp.isfinite(scores), scores, -jnp.inf)

    optimizer = optax.adam(optax.cosine_decay_schedule(RATE, STEPS))

    def step(carry: tuple[Any, ...], _: None) -> tuple[tuple[Any, ...], jax.Array]:
        points, state, best, height = carry
        (_, scores), gradient = jax.value_and_grad(lose, has_aux=True)(points)
        better = scores > height
        best = jnp.where(better[:, None], points, best)
        updates, state = optimizer.update(jnp.nan_to_num(gradient), state)
        return (optax.apply_updates(points, updates), state, best, jnp.maximum(height, scores)), scores

    begin = (starts, optimizer.init(starts), starts, jnp.full(len(starts), -jnp.inf))
    (_, _, best, height), first = jax.lax.scan(step, begin, length=STEPS)
    return best[jnp.argmax(height)], height.max(), first[0]
