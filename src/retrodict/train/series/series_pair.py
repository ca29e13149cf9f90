"""A program of series with its encoder: latents of whole series drawn and scored."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, NamedTuple

import equinox as eqx
import jax
import jax.numpy as jnp
import numpyro.distributions as dist
from jaxtyping import Array, Key

from retrodict.encode.keys import split_key
from retrodict.encode.series.series_batch import SeriesBatch, shift_times
from retrodict.encode.series.series_encoder import SeriesEncoder
from retrodict.encode.series.series_plan import LatentPlan, Single
from retrodict.models.series_program import SeriesProgram, list_links, list_modeled

Window = dict[str, Array]


class SeriesDraws(NamedTuple):
    """Latents ``(series, draws, times, columns)``, without the axis of times if they have none; and their conditionals.

    ``numbers`` are what `SeriesEncoder.read` makes the conditionals of.
    """

    values: dict[str, Array]
    numbers: dict[str, Array]


class SeriesPair(eqx.Module):
    """A generative model of series and an encoder of its latents."""

    program: SeriesProgram
    encoder: SeriesEncoder

    def draw(self, key: Key[Array, ""], batch: SeriesBatch, draws: int) -> SeriesDraws:
        """Return draws of all latents of all series, upwards in time."""
        encoder = self.encoder
        prepared = encoder.prepare(batch)
        fixed, moving = split_key(key)
        found = self.draw_static(fixed, prepared, draws)
        plans = [plan for plan in encoder.plans if plan.is_timed]
        if not plans:
            return found
        along = {plan.name: jnp.moveaxis(prepared[plan.name], 1, 0) for plan in plans}
        shape = batch.times, len(batch.lengths), draws
        noise = make_noises(encoder, plans, moving, shape)

        def step(window: Window, given: tuple[Window, Window]) -> tuple[Window, tuple[Window, Window]]:
            now, numbers = draw_now(encoder, plans, window, found.values, *given)
            return push(window, now), (now, numbers)

        start = open_window(encoder, plans, shape[1:], encoder.most_lag)
        _, (values, numbers) = jax.lax.scan(step, start, (along, noise))
        settle = {name: jnp.moveaxis(value, 0, 2) for name, value in values.items()}
        stated = {name: jnp.moveaxis(value, 0, 2) for name, value in numbers.items()}
        return SeriesDraws({**found.values, **settle}, {**found.numbers, **stated})

    def draw_static(self, key: Key[Array, ""], prepared: Mapping[str, Array], draws: int) -> SeriesDraws:
        """Return draws of the latents that a series has once."""
        encoder, found = self.encoder, SeriesDraws({}, {})
        for plan in encoder.plans:
            if not plan.is_timed:
                key, own = split_key(key)
                known = {single: found.values[single.name] for single in plan.latents}
                lines = jnp.repeat(prepared[plan.name][:, None], draws, axis=1)
                numbers = encoder.finish(plan, lines, known)
                found.numbers[plan.name] = numbers
                noise = encoder.make_noise(plan.name, own, lines.shape[:2])
                found.values[plan.name] = encoder.draw(plan.name, numbers, noise)
        return found

    def list_scores(self, batch: SeriesBatch, values: Mapping[str, Array]) -> dict[str, Any]:
        """Return the distribution that the program gives each variable, and its value, for all times at once."""
        template = self.program.template
        known = {name: value[:, None] for name, value in batch.values.items()} | dict(values)
        time = jnp.arange(batch.times)[:, None]
        found = {}
        for name in list_modeled(template):
            parents = {}
            for link in list_links(template, name):
                value = known[link.parent]
                if template.is_timed(link.parent):
                    value = shift_times(value, link.lag, axis=2)
                elif template.is_timed(name):
                    value = value[:, :, None]
                parents[link.text] = value
            found[name] = self.program.condition(name, parents, time), known[name]
        return found


def draw_now(
    encoder: SeriesEncoder,
    plans: list[LatentPlan],
    window: Window,
    static: Mapping[str, Array],
    prepared: Mapping[str, Array],
    noise: Mapping[str, Array],
) -> tuple[Window, Window]:
    """Return draws of all latents of one time, and what states their densities."""
    now: Window = {}
    numbers: Window = {}
    for plan in plans:
        known = {single: find_latent(single, window, now, static) for single in plan.latents}
        shape = (*noise[plan.name].shape[:2], prepared[plan.name].shape[-1])
        numbers[plan.name] = encoder.finish(plan, jnp.broadcast_to(prepared[plan.name][:, None], shape), known)
        now[plan.name] = encoder.draw(plan.name, numbers[plan.name], noise[plan.name])
    return now, numbers


def find_latent(single: Single, window: Window, now: Window, static: Mapping[str, Array]) -> Array:
    """Return the value of a latent at its lag."""
    if single.name in static:
        return static[single.name]
    return window[single.name][single.lag - 1] if single.lag else now[single.name]


def make_noises(
    encoder: SeriesEncoder, plans: list[LatentPlan], key: Key[Array, ""], shape: tuple[int, ...]
) -> dict[str, Array]:
    """Return the randomness of all times, ``(times, series, draws, ...)``."""
    keys = split_key(key, max(2, len(plans)))
    return {plan.name: encoder.make_noise(plan.name, own, shape) for plan, own in zip(plans, keys, strict=False)}


def open_window(encoder: SeriesEncoder, plans: list[LatentPlan], shape: tuple[int, ...], lags: int) -> Window:
    """Return the latents of so many times before the start, which are zero: the last time comes first."""
    columns = dict(encoder.columns)
    return {plan.name: jnp.zeros((lags, *shape, columns[plan.name])) for plan in plans}


def push(window: Window, now: Window) -> Window:
    """Return the window one time later."""
    return {name: jnp.concatenate([now[name][None], value])[: len(value)] for name, value in window.items()}


def sum_columns(density: Any, value: Array) -> Array:
    """Return the log density of values whose last axis are columns."""
    return density.log_prob(value.astype(int) if density.support.is_discrete else value).sum(axis=-1)


def diverge(ours: Any, theirs: Any, value: Array) -> Array:
    """Return E_q[log q - log p] of the columns of a latent given its parents: exact where both are normal."""
    if isinstance(ours, dist.Normal) and isinstance(theirs, dist.Normal):
        ratio = (ours.scale / theirs.scale) ** 2
        away = ((ours.loc - theirs.loc) / theirs.scale) ** 2
        return 0.5 * (ratio + away - 1 - jnp.log(ratio)).sum(axis=-1)
    return compare_draws(ours, theirs, value)


def compare_draws(ours: Any, theirs: Any, value: Array) -> Array:
    """Return log q - log p of values."""
    return sum_columns(ours, value) - sum_columns(theirs, value)
