"""Sequential Monte Carlo for a learned program of series: log-likelihoods, effective sample sizes, smoothing."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import jax
import jax.numpy as jnp
import numpy as np
from numpy.typing import NDArray

from retrodict.encode.series.series_batch import SeriesBatch
from retrodict.errors import OptionError
from retrodict.models.series_program import list_links, list_modeled
from retrodict.plan.counts import read_count, read_seed
from retrodict.train.compiled import TRAINING
from retrodict.train.series.series_filter import Filtered, list_known, run_filter
from retrodict.train.series.series_pair import SeriesPair, sum_columns


@dataclass(frozen=True, eq=False, repr=False)
class SeriesFilter:
    """A particle filter of some series; `LearnedSeries.smc` makes one.

    Arguments:
        pair: the program and the encoder whose conditionals are the proposals.
        batch: the series.
        filtered: what the filter gave.
    """

    pair: SeriesPair
    batch: SeriesBatch
    filtered: Filtered

    def __repr__(self) -> str:
        share = np.concatenate(self.ess) / self.particles
        return (
            f"SeriesFilter({len(self.batch.lengths)} series, {self.particles} particles, "
            f"effective share {share.mean():.2f} on average, {share.min():.2f} at least)"
        )

    @property
    def particles(self) -> int:
        """The number of particles."""
        return self.filtered.log_weights.shape[2]

    @property
    def log_likelihood(self) -> NDArray[Any]:
        """The estimate of log p(x) of each series, in nats; that of p(x) is unbiased."""
        return np.asarray(self.filtered.log_likelihood)

    @property
    def ess(self) -> list[NDArray[Any]]:
        """The effective number of particles at each time of each series, before resampling."""
        return self._split(self.filtered.ess)

    @property
    def increments(self) -> list[NDArray[Any]]:
        """The estimate of log p(x_t | x_1, ..., x_{t-1}) at each time of each series."""
        return self._split(self.filtered.increments)

    def smooth(self, n: int = 100, *, seed: int = 0) -> list[dict[str, NDArray[Any]]]:
        """Return draws of whole paths of the latents of each series, by backward simulation.

        Arguments:
            n: number of paths. Default 100.
            seed: the same seed gives the same result. Default 0.

        Returns: for each series ``{latent: array (n, times, columns)}``.

        Raises: `OptionError` for programs with latents of the whole series, or with lags of latents above one.

        Source: Godsill, Doucet & West 2004.
        """
        _require_first_order(self.pair)
        key, count = jax.random.key(read_seed(seed)), read_count("n", n)
        paths = TRAINING.run(_simulate_back, self.pair, key, self.batch, self.filtered, count)
        lengths = np.asarray(self.batch.lengths).tolist()
        return [
            {name: np.asarray(value[i, :, :length]) for name, value in paths.items()}
            for i, length in enumerate(lengths)
        ]

    def _split(self, values: Any) -> list[NDArray[Any]]:
        rows = np.asarray(values).T
        return [row[:length] for row, length in zip(rows, np.asarray(self.batch.lengths).tolist(), strict=True)]


def filter_series(pair: SeriesPair, batch: SeriesBatch, particles: int, threshold: float, seed: int) -> SeriesFilter:
    """Return the filter of some series; raise `OptionError` for a threshold that is no share."""
    if not 0 <= threshold <= 1:
        raise OptionError(f"threshold={threshold!r} is no share", remedy="Give a number from 0 to 1.")
    count, key = read_count("particles", particles), jax.random.key(read_seed(seed))
    found = TRAINING.run(_run, pair, key, batch, count, float(threshold))
    return SeriesFilter(pair, batch, found)


def _run(pair: SeriesPair, key: jax.Array, batch: SeriesBatch, particles: int, threshold: float) -> Filtered:
    return run_filter(pair, key, batch, particles, threshold, keep=True)


def _require_first_order(pair: SeriesPair) -> None:
    template = pair.program.template
    static = [name for name in template.latents if not template.is_timed(name)]
    far = [link for name in list_modeled(template) for link in list_links(template, name)]
    if static or any(link.lag > 1 and link.parent in template.latents for link in far):
        raise OptionError(
            "backward simulation needs latents that are Markov of order one, and none of the whole series",
            remedy="Use infer, whose draws are the encoder's.",
        )


def _simulate_back(
    pair: SeriesPair, key: jax.Array, batch: SeriesBatch, filtered: Filtered, n: int
) -> dict[str, jax.Array]:
    """Return paths ``{latent: (series, n, times, columns)}``: a particle of each time, given that of the next."""
    known, times = list_known(pair, batch), batch.times
    later = {name: {lag: jnp.roll(value, -1, axis=0) for lag, value in own.items()} for name, own in known.items()}
    ends = batch.lengths[:, None] - 1

    def step(following: dict[str, jax.Array], given: Any) -> tuple[dict[str, jax.Array], dict[str, jax.Array]]:
        values, weights, seen, own, time = given
        change = _score_next(pair, values, following, seen, time + 1)
        logits = weights[:, None] + jnp.where((time < ends)[..., None], change, 0.0)
        chosen = jax.random.categorical(own, logits, axis=-1)
        now = {name: jnp.take_along_axis(value, chosen[..., None], axis=1) for name, value in values.items()}
        return now, now

    start = {name: jnp.zeros((len(batch.lengths), n, value.shape[-1])) for name, value in filtered.values.items()}
    along = filtered.values, filtered.log_weights, later, jax.random.split(key, times), jnp.arange(times)
    _, paths = jax.lax.scan(step, start, along, reverse=True)
    return {name: jnp.moveaxis(value, 0, 2) for name, value in paths.items()}


def _score_next(
    pair: SeriesPair,
    values: dict[str, jax.Array],
    following: dict[str, jax.Array],
    seen: dict[str, dict[int, jax.Array]],
    time: jax.Array,
) -> jax.Array:
    """Return log p of what comes next for each path and each particle, ``(series, n, particles)``."""
    template, total = pair.program.template, jnp.zeros(())
    for name in list_modeled(template):
        links = list_links(template, name)
        if not any(link.lag and link.parent in values for link in links):
            continue  # it does not depend on which particle comes before
        parents = {}
        for link in links:
            if link.parent in seen:
                parents[link.text] = seen[link.parent][link.lag][:, None, None]
            elif link.lag:
                parents[link.text] = values[link.parent][:, None]
            else:
                parents[link.text] = following[link.parent][:, :, None]
        value = following[name][:, :, None] if name in following else seen[name][0][:, None, None]
        total = total + sum_columns(pair.program.condition(name, parents, time), value)
    return total
