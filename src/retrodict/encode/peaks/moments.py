r"""The normal distribution that has the moments of a density, found from one that has its top and curvature.

Laplace's approximation is off where a density leans to a side or has other tails than a normal one. Draws of it, with
importance weights :math:`w \propto p / q`, tell mean and covariance of the density itself; draws of the normal
distribution with these tell them better, and so on. Where weights are too unequal to be trusted, they are raised to a
power below one. The noise behind the draws is the same at each round and for all observations, has exactly the mean
zero and the covariance one, and comes in opposite pairs, so that the moments of a normal density are met without error.

Sources: Cappe et al. 2008, Adaptive importance sampling in general mixture classes; Koblents & Miguez 2015, A
population Monte Carlo scheme with transformed weights; Owen 2013, Monte Carlo theory, methods and examples, section
8.2 (opposite pairs).
"""

from __future__ import annotations

from collections.abc import Callable
from functools import lru_cache
from typing import NamedTuple

import jax
import jax.numpy as jnp
import numpy as np
from jaxtyping import Array, Float, Key
from scipy.special import ndtri
from scipy.stats import qmc

from retrodict.encode.peaks.peak import Peak
from retrodict.exact.directions import orthogonalize_columns
from retrodict.plan.layout import Floats

# Draws of a round: the fewest of one coordinate and of several, and, where these are more, so many for each.
ALONE, DRAWS, EACH = 64, 128, 32
# The most rounds; the first one of which no moment moves by this many standard deviations is the last.
ROUNDS, SETTLED = 24, 0.03
# The least effective share of the draws that weights may leave.
SHARE = 0.25
# Draws of a t distribution of which some are chosen: for each of a round, and the fewest; and the least degrees of
# freedom that it has.
CANDIDATES, FEWEST, FREEDOM = 2, 256, 5.0
# The power of the density that they are drawn from: below one, so that what learns from them has heavier tails than the
# density. Its standard deviations are some 3 % wider for it, and the largest importance weights of a regression's scale
# are 1.06 times the average, where they were 2.9 times.
POWER = 0.9
# Halvings of the interval in which the power of the weights lies.
HALVINGS = 12

ScoreRows = Callable[[Float[Array, "draws k"]], Float[Array, " draws"]]


class MatchedNormal(NamedTuple):
    """Mean, a triangular W with the covariance W W', its inverse, and the effective share of its weighted draws."""

    mean: Float[Array, " k"]
    basis: Float[Array, "k k"]
    inverse: Float[Array, "k k"]
    share: Float[Array, ""]


class _Round(NamedTuple):
    number: Float[Array, ""]
    normal: MatchedNormal
    moved: Float[Array, ""]


def match_moments(score: ScoreRows, peak: Peak) -> MatchedNormal:
    """Return the normal distribution with the moments of a density; that of its peak where it has more equal weights.

    >>> from retrodict.encode.peaks.peak import find_peak
    >>> def score(points):
    ...     return (3.0 * points - jnp.exp(points)).sum(axis=-1)  # the log of a gamma variable with shape 3
    >>> peak = find_peak(lambda point: score(point[None])[0], jnp.zeros((1, 1)))
    >>> normal = match_moments(score, peak)
    >>> [round(float(part), 1) for part in (peak.top[0], normal.mean[0])]  # digamma(3) is 0.923
    [1.1, 0.9]
    >>> [round(float(part[0, 0]), 2) for part in (peak.basis, normal.basis)]  # the root of trigamma(3) is 0.628
    [0.58, 0.63]
    """
    noise = jnp.asarray(_draw_noise(len(peak.top)), peak.top.dtype)
    one = jnp.asarray(1.0, peak.top.dtype)

    def weigh(normal: MatchedNormal) -> Float[Array, " draws"]:
        return score(normal.mean + noise @ normal.basis.T) + 0.5 * (noise**2).sum(axis=1)

    def look(normal: MatchedNormal) -> MatchedNormal:
        return normal._replace(share=_find_share(_weigh(weigh(normal), one)))

    def goes_on(state: _Round) -> Array:
        return (state.number < ROUNDS) & (state.moved > SETTLED)

    def advance(state: _Round) -> _Round:
        return _move(state, noise, weigh(state.normal))

    first = MatchedNormal(peak.top, peak.basis, peak.inverse, 0 * one)
    last = jax.lax.while_loop(goes_on, advance, _Round(jnp.asarray(0), first, one * jnp.inf)).normal
    both = jax.lax.map(look, jax.tree.map(lambda *parts: jnp.stack(parts), first, last))
    return jax.tree.map(lambda parts: jnp.where(both.share[0] > both.share[1], parts[0], parts[1]), both)


def draw_alike(
    score: ScoreRows, normal: MatchedNormal, key: Key[Array, ""], count: int
) -> tuple[Float[Array, "count k"], Float[Array, ""]]:
    """Return points that are distributed as `POWER` of the density, and how many draws they effectively come from.

    They are chosen by their weights from draws of a t distribution, whose tails are heavier than those of most.
    """
    size, (ray, bell, choice) = len(normal.mean), jax.random.split(key, 3)
    # In many dimensions radii spread little, and a t distribution needs more degrees of freedom to be as near.
    freedom, candidates = max(FREEDOM, size), max(FEWEST, CANDIDATES * _count_draws(size))
    radius = jnp.sqrt(freedom / (2.0 * jax.random.gamma(ray, freedom / 2, (candidates, 1), normal.mean.dtype)))
    noise = radius * jax.random.normal(bell, (candidates, size), normal.mean.dtype)
    points = normal.mean + noise @ normal.basis.T
    log_weights = POWER * score(points) + (freedom + size) / 2 * jnp.log1p((noise**2).sum(axis=1) / freedom)
    weights = _weigh(log_weights, jnp.asarray(1.0, noise.dtype))
    chosen = jax.random.categorical(choice, jnp.log(weights), shape=(count,))
    return points[chosen], _find_share(weights) * candidates


def _move(now: _Round, noise: Float[Array, "draws k"], log_weights: Float[Array, " draws"]) -> _Round:
    """Return the normal distribution that has the moments of weighted draws; of few draws they say little."""
    weights = _weigh(log_weights, _choose_power(log_weights))
    weights = weights / weights.sum()
    mean = weights @ noise
    effective, size = 1.0 / (weights**2).sum(), noise.shape[1]
    # As if as many draws as there are coordinates had been seen before, with the covariance that is known so far.
    trust = effective / (effective + size)
    columns = jnp.sqrt(weights * trust)[:, None] * (noise - mean)
    before = jnp.sqrt(1.0 - trust) * jnp.eye(size, dtype=noise.dtype)
    # Upper triangular: the columns are taken from the last to the first.
    known = orthogonalize_columns(jnp.concatenate([columns, before])[:, ::-1])[0]
    factor, inverse = known.inverse.T[::-1, ::-1], known.basis.T[::-1, ::-1]
    moved = jnp.maximum(jnp.abs(mean).max(), jnp.abs(jnp.log(jnp.diagonal(factor))).max())
    good = jnp.isfinite(factor).all() & jnp.isfinite(inverse).all() & jnp.isfinite(mean).all()
    old = now.normal
    there = MatchedNormal(old.mean + old.basis @ mean, old.basis @ factor, inverse @ old.inverse, old.share)
    kept = jax.tree.map(lambda new, before: jnp.where(good, new, before), there, old)
    return _Round(now.number + 1, kept, jnp.where(good, moved, 0.0))


def _weigh(log_weights: Float[Array, " draws"], power: Float[Array, ""]) -> Float[Array, " draws"]:
    """Return a power of the weights, the largest of them one; zero for those that are none."""
    known = jnp.isfinite(log_weights)
    highest = jnp.where(known, log_weights, -jnp.inf).max()
    return jnp.where(known, jnp.exp(power * (log_weights - highest)), 0.0)


def _find_share(weights: Float[Array, " draws"]) -> Float[Array, ""]:
    """Return the effective share of the draws; zero where none weighs anything."""
    total = weights.sum()
    return jnp.where(total > 0, total**2 / jnp.maximum((weights**2).sum(), 1e-30) / len(weights), 0.0)


def _choose_power(log_weights: Float[Array, " draws"]) -> Float[Array, ""]:
    """Return the highest power of the weights, of at most one, that leaves the share asked for."""

    def halve(_: Array, ends: tuple[Array, Array]) -> tuple[Array, Array]:
        low, high = ends
        middle = (low + high) / 2
        enough = _find_share(_weigh(log_weights, middle)) >= SHARE
        return jnp.where(enough, middle, low), jnp.where(enough, high, middle)

    one = jnp.asarray(1.0, log_weights.dtype)
    low, _ = jax.lax.fori_loop(0, HALVINGS, halve, (jnp.zeros_like(one), one))
    return jnp.where(_find_share(_weigh(log_weights, one)) >= SHARE, one, low)


def _count_draws(size: int) -> int:
    """Return how many draws a round has: a power of two."""
    return ALONE if size == 1 else int(2 ** np.ceil(np.log2(max(DRAWS, EACH * size))))


@lru_cache(maxsize=64)
def _draw_noise(size: int) -> Floats:
    """Return standard normal draws in opposite pairs, spread evenly, with exactly the mean zero and covariance one."""
    points = qmc.Sobol(size, rng=np.random.default_rng(0)).random(_count_draws(size) // 2)
    half = np.asarray(ndtri(points.clip(1e-6, 1 - 1e-6)))
    pairs = np.concatenate([half, -half])
    factor = np.linalg.cholesky(pairs.T @ pairs / len(pairs))
    return np.asarray(np.linalg.solve(factor, pairs.T).T)
