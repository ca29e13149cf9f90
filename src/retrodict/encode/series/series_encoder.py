"""The encoder of a series: recurrent summaries of observations, and a readout for each latent."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import equinox as eqx
import jax
import jax.numpy as jnp
import numpyro.distributions as dist
from jaxtyping import Array, Float, Key

from retrodict.encode.keys import split_key
from retrodict.encode.series.recurrent import SeriesRecurrence
from retrodict.encode.series.series_batch import SeriesBatch, shift_times
from retrodict.encode.series.series_plan import LatentPlan, Single, Summary

# The scale of a latent is at least this, and one to begin with.
LEAST_SCALE, UNIT = 1e-4, 0.5413


class SeriesReadout(eqx.Module):
    """From summaries of observations and from latents to the numbers of a conditional: a hidden layer, and a line.

    What observations say is computed for all times at once, what latents say one time after another.
    """

    hidden_of_data: Array
    hidden_of_latents: Array
    hidden_bias: Array
    line_of_data: Array
    line_of_latents: Array
    last: Array
    bias: Array

    def __init__(self, data: int, latents: int, outputs: int, hidden: int, key: Key[Array, ""]) -> None:
        first, second, third = split_key(key, 3)
        inputs = max(1, data + latents)
        self.hidden_of_data = jax.random.normal(first, (data, hidden)) / inputs**0.5
        self.hidden_of_latents = jax.random.normal(second, (latents, hidden)) / inputs**0.5
        self.hidden_bias = jnp.zeros(hidden)
        self.line_of_data = jnp.zeros((data, outputs))
        self.line_of_latents = jnp.zeros((latents, outputs))
        self.last = 0.1 * jax.random.normal(third, (hidden, outputs)) / hidden**0.5
        self.bias = jnp.zeros(outputs)

    def prepare(self, data: Float[Array, "*batch data"]) -> Float[Array, "*batch prepared"]:
        """Return what observations say."""
        return jnp.concatenate(
            [data @ self.hidden_of_data + self.hidden_bias, data @ self.line_of_data + self.bias], axis=-1
        )

    def finish(self, prepared: Array, latents: Array) -> Float[Array, "*batch outputs"]:
        """Return the numbers of the conditional."""
        width = self.last.shape[0]
        hidden = jnp.tanh(prepared[..., :width] + latents @ self.hidden_of_latents)
        return prepared[..., width:] + latents @ self.line_of_latents + hidden @ self.last


class SeriesEncoder(eqx.Module):
    r"""A density :math:`q(z \mid x)` of the latents of a series that has exactly the parents of its plans.

    Weights are shared over times. Latents are normal, or one of several states.
    """

    recurrences: tuple[SeriesRecurrence, ...]
    readouts: dict[str, SeriesReadout]
    units: dict[str, tuple[Array, Array]]
    plans: tuple[LatentPlan, ...] = eqx.field(static=True)
    runs: tuple[tuple[tuple[str, ...], bool], ...] = eqx.field(static=True)
    columns: tuple[tuple[str, int], ...] = eqx.field(static=True)
    states: tuple[tuple[str, int], ...] = eqx.field(static=True)

    @property
    def cell(self) -> str:
        """The kind of recurrent units."""
        return self.recurrences[0].cell if self.recurrences else "gru"

    @property
    def widths(self) -> tuple[int, int]:
        """The numbers of recurrent and of hidden units."""
        hidden = next(iter(self.readouts.values())).last.shape[0]
        return (self.recurrences[0].recurrent.shape[0] if self.recurrences else 1), hidden

    @property
    def most_lag(self) -> int:
        """How far back the encoder looks at latents."""
        return max((single.lag for plan in self.plans for single in plan.latents), default=0)

    def see_latent(self, name: str, values: Float[Array, "*batch columns"]) -> Float[Array, "*batch features"]:
        """Return what networks see of a latent: its numbers, or which state it is in."""
        states = dict(self.states).get(name)
        return values if states is None else jax.nn.one_hot(values[..., 0].astype(int), states)

    def prepare(self, batch: SeriesBatch) -> dict[str, Array]:
        """Return what observations say of each latent: ``(series, times, ...)``, or ``(series, ...)`` without time."""
        seen = {name: (value - self.units[name][0]) / self.units[name][1] for name, value in batch.values.items()}
        exists = batch.exists
        seen = {name: jnp.where(exists[..., None], value, 0.0) for name, value in seen.items()}
        features = {
            run: recurrence(jnp.concatenate([seen[name] for name in run[0]], axis=-1), exists, run[1])
            for run, recurrence in zip(self.runs, self.recurrences, strict=True)
        }
        return {plan.name: self._prepare(plan, seen, features, len(exists)) for plan in self.plans}

    def _prepare(
        self,
        plan: LatentPlan,
        seen: Mapping[str, Array],
        features: Mapping[tuple[tuple[str, ...], bool], Array],
        series: int,
    ) -> Array:
        times = jnp.arange(next(iter(seen.values())).shape[1])
        starts = jnp.asarray(times[:, None] < 1 + jnp.arange(self.most_lag), jnp.float32)
        found = [jnp.broadcast_to(starts, (series, *starts.shape))]
        found += [_reach(features[each.names, each.is_backward], each) for each in plan.summaries]
        found += [shift_times(seen[single.name], single.lag, axis=1) for single in plan.observed]
        data = jnp.concatenate(found, axis=-1)
        return self.readouts[plan.name].prepare(data if plan.is_timed else data[:, 0])

    def finish(self, plan: LatentPlan, prepared: Array, known: Mapping[Single, Array]) -> Array:
        """Return the numbers of the conditional of a latent; ``known`` are values of the latents that it is given."""
        latents = [self.see_latent(single.name, known[single]) for single in plan.latents]
        given = jnp.concatenate(latents, axis=-1) if latents else jnp.zeros((*prepared.shape[:-1], 0))
        return self.readouts[plan.name].finish(prepared, given)

    def make_noise(self, name: str, key: Key[Array, ""], shape: tuple[int, ...]) -> Array:
        """Return the randomness of so many draws of a latent."""
        states = dict(self.states).get(name)
        if states is not None:
            return jax.random.gumbel(key, (*shape, states))
        return jax.random.normal(key, (*shape, dict(self.columns)[name]))

    def draw(self, name: str, numbers: Array, noise: Array) -> Array:
        """Return a draw of the conditional that numbers state; it can be differentiated where the latent is real."""
        if name in dict(self.states):
            return jnp.argmax(numbers + noise, axis=-1, keepdims=True).astype(numbers.dtype)
        density = self.read(name, numbers)
        return density.loc + density.scale * noise

    def read(self, name: str, numbers: Array) -> Any:
        """Return the conditional that numbers state."""
        if name in dict(self.states):
            return dist.Categorical(logits=numbers[..., None, :], validate_args=False)
        center, width = jnp.split(numbers, 2, axis=-1)
        return dist.Normal(center, LEAST_SCALE + jax.nn.softplus(width + UNIT), validate_args=False)


def build_series(
    plans: tuple[LatentPlan, ...],
    columns: Mapping[str, int],
    states: Mapping[str, int],
    units: Mapping[str, tuple[Array, Array]],
    widths: tuple[int, int],
    cell: str,
    key: Key[Array, ""],
) -> SeriesEncoder:
    """Return an untrained encoder with so many recurrent and hidden units."""
    runs = tuple(dict.fromkeys((each.names, each.is_backward) for plan in plans for each in plan.summaries))
    keys = split_key(key, len(runs) + len(plans) + 1)
    memory = min(16, 2 * sum(columns[plan.name] for plan in plans))
    recurrences = tuple(
        SeriesRecurrence(sum(columns[name] for name in names), widths[0], memory, cell, own)
        for (names, _), own in zip(runs, keys, strict=False)
    )

    lags = max((single.lag for plan in plans for single in plan.latents), default=0)

    def count(single: Single) -> int:
        return states.get(single.name, columns[single.name])

    readouts = {
        plan.name: SeriesReadout(
            lags + (widths[0] + memory) * len(plan.summaries) + sum(map(count, plan.observed)),
            sum(map(count, plan.latents)),
            states.get(plan.name, 2 * columns[plan.name]),
            widths[1],
            own,
        )
        for plan, own in zip(plans, keys[len(runs) :], strict=False)
    }
    return SeriesEncoder(recurrences, readouts, dict(units), plans, runs, tuple(columns.items()), tuple(states.items()))


def _reach(features: Array, run: Summary) -> Array:
    """Return features of so many steps later; what would begin before the start begins there."""
    moved = shift_times(features, -run.offset, axis=1)
    if not run.is_backward or run.offset >= 0:
        return moved
    early = jnp.arange(features.shape[1])[:, None] < -run.offset
    return jnp.where(early, features[:, :1], moved)
