"""A particle filter whose proposals are the conditionals of an encoder, over whole minibatches of series."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, NamedTuple

import jax
import jax.numpy as jnp
from jaxtyping import Array, Float, Int, Key

from retrodict.encode.keys import split_key
from retrodict.encode.series.series_batch import SeriesBatch, shift_times
from retrodict.models.series_program import list_links, list_modeled
from retrodict.train.series.series_pair import SeriesPair, Window, draw_now, make_noises, open_window, push, sum_columns

# Particles are resampled where their effective number falls below this share.
THRESHOLD = 0.5


class Filtered(NamedTuple):
    """What a filter gives: log-likelihoods, their increments and effective sample sizes ``(times, series)``, particles.

    ``values`` are particles ``(times, series, particles, columns)`` before resampling, ``log_weights`` their weights,
    which sum to one, ``ancestors`` where each particle of the next time comes from; ``static`` are latents of the whole
    series, in the order of the last particles.
    """

    log_likelihood: Float[Array, " series"]
    increments: Float[Array, "times series"]
    ess: Float[Array, "times series"]
    values: Window
    log_weights: Float[Array, "times series particles"]
    ancestors: Int[Array, "times series particles"]
    static: Window


class _State(NamedTuple):
    window: Window
    static: Window
    log_weights: Array


def run_filter(
    pair: SeriesPair,
    key: Key[Array, ""],
    batch: SeriesBatch,
    particles: int,
    threshold: float = THRESHOLD,
    keep: bool = False,
) -> Filtered:
    """Return a filter of each series; its likelihood, not the logarithm, is unbiased.

    Without ``keep``, what it says of particles is left empty.
    """
    encoder = pair.encoder
    first, second, third = split_key(key, 3)
    prepared = encoder.prepare(batch)
    plans = [plan for plan in encoder.plans if plan.is_timed]
    shape = batch.times, len(batch.lengths), particles
    state, begun = _begin(pair, first, prepared, shape)
    given = (
        {plan.name: jnp.moveaxis(prepared[plan.name], 1, 0) for plan in plans},
        make_noises(encoder, plans, second, shape),
        list_known(pair, batch),
        jax.random.uniform(third, shape[:2]),
        jnp.moveaxis(batch.exists, 1, 0),
        jnp.arange(batch.times),
    )

    def step(state: _State, given: tuple[Any, ...]) -> tuple[_State, tuple[Any, ...]]:
        along, noise, known, uniform, exists, time = given
        now, numbers = draw_now(encoder, plans, state.window, state.static, along, noise)
        change = score_now(pair, state.window, now, state.static, known, time)
        for name, value in now.items():
            change = change - sum_columns(encoder.read(name, numbers[name]), value)
        total = state.log_weights + jnp.where(exists[:, None], change, 0.0)
        increment = jax.nn.logsumexp(total, axis=1)
        weights = total - increment[:, None]
        ess = jnp.exp(-jax.nn.logsumexp(2 * weights, axis=1))
        chosen, after = _resample(weights, uniform, ess < threshold * particles)
        window = {name: _take(value, chosen) for name, value in push(state.window, now).items()}
        static = {name: _take(value[None], chosen)[0] for name, value in state.static.items()}
        kept = (now, weights, chosen) if keep else ({}, jnp.zeros((0, particles)), jnp.zeros((0, particles), int))
        return _State(window, static, after), (increment, ess, *kept)

    last, (increments, ess, values, weights, chosen) = jax.lax.scan(step, state, given)
    return Filtered(begun + increments.sum(axis=0), increments, ess, values, weights, chosen, last.static)


def _begin(
    pair: SeriesPair, key: Key[Array, ""], prepared: Mapping[str, Array], shape: tuple[int, int, int]
) -> tuple[_State, Array]:
    """Return particles before the start, and what latents of the whole series add to the log-likelihood."""
    encoder, template = pair.encoder, pair.program.template
    plans = [plan for plan in encoder.plans if plan.is_timed]
    _, series, particles = shape
    drawn = pair.draw_static(key, prepared, particles)
    weights = jnp.zeros((series, particles))
    for name in [name for name in list_modeled(template) if not template.is_timed(name)]:
        parents = {link.text: drawn.values[link.parent] for link in list_links(template, name)}
        density = pair.program.condition(name, parents, jnp.zeros((), int))
        weights = weights + sum_columns(density, drawn.values[name])
        weights = weights - sum_columns(encoder.read(name, drawn.numbers[name]), drawn.values[name])
    total = jax.nn.logsumexp(weights, axis=1)
    lags = max(encoder.most_lag, template.max_lag)
    state = _State(open_window(encoder, plans, shape[1:], lags), drawn.values, weights - total[:, None])
    return state, total - jnp.log(particles)


def list_known(pair: SeriesPair, batch: SeriesBatch) -> dict[str, dict[int, Array]]:
    """Return observed values at every lag that the program asks for, ``(times, series, columns)``."""
    template = pair.program.template
    lags: dict[str, set[int]] = {name: {0} for name in template.observed}
    for name in list_modeled(template):
        for link in list_links(template, name):
            if link.parent in lags:
                lags[link.parent].add(link.lag)
    return {
        name: {lag: jnp.moveaxis(shift_times(batch.values[name], lag, axis=1), 1, 0) for lag in own}
        for name, own in lags.items()
    }


def score_now(
    pair: SeriesPair, window: Window, now: Window, static: Window, known: Mapping[str, Mapping[int, Array]], time: Array
) -> Float[Array, "series particles"]:
    """Return log p of all variables of one time given their parents."""
    template = pair.program.template
    total = jnp.zeros(())
    for name in list_modeled(template):
        if not template.is_timed(name):
            continue
        parents = {}
        for link in list_links(template, name):
            if link.parent in known:
                parents[link.text] = known[link.parent][link.lag][:, None]
            elif link.parent in static:
                parents[link.text] = static[link.parent]
            else:
                parents[link.text] = window[link.parent][link.lag - 1] if link.lag else now[link.parent]
        value = now[name] if name in now else known[name][0][:, None]
        total = total + sum_columns(pair.program.condition(name, parents, time), value)
    return total


def _resample(weights: Array, uniform: Array, needed: Array) -> tuple[Array, Array]:
    """Return from which particle each is taken, and the log weights after: systematic, where it is needed."""
    count = weights.shape[1]
    ends = jnp.cumsum(jax.lax.stop_gradient(jnp.exp(weights)), axis=1)
    ends = ends / ends[:, -1:]
    places = (jnp.arange(count) + uniform[:, None]) / count
    drawn = jnp.clip(jax.vmap(jnp.searchsorted)(ends, places), 0, count - 1)
    chosen = jnp.where(needed[:, None], drawn, jnp.arange(count))
    return chosen, jnp.where(needed[:, None], -jnp.log(count), weights)


def _take(values: Array, chosen: Array) -> Array:
    """Return values ``(lags, series, particles, columns)`` of the particles chosen."""
    return jnp.take_along_axis(values, chosen[None, :, :, None], axis=2)
