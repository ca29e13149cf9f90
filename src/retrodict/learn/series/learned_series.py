"""A learned program of series with its encoder: bounds, likelihoods, draws of latents, new series, filters."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path
from typing import Any

import jax
import jax.numpy as jnp
import numpy as np
from numpy.typing import NDArray

from retrodict.encode.series.series_batch import SeriesBatch
from retrodict.learn.series.series_data import read_series
from retrodict.learn.series.series_generation import generate_series
from retrodict.learn.series.series_smc import SeriesFilter, filter_series
from retrodict.learn.series.series_storage import save_series
from retrodict.lift.lifted_certificate import LiftedCertificate
from retrodict.lift.lifted_inverse import LiftedInverse
from retrodict.models.series_program import SeriesProgram
from retrodict.plan.counts import read_count, read_seed
from retrodict.train.compiled import TRAINING
from retrodict.train.history import History
from retrodict.train.series.series_bounds import find_elbo, list_weights, split_bound
from retrodict.train.series.series_pair import SeriesPair

# The most numbers (series, draws, times) that are drawn together.
MOST_TOGETHER = 200_000
# Lengths are rounded up to powers of this, and short ones to one length, so that few programs are compiled.
GROWTH, SHORT = 1.3, 64


@dataclass(frozen=True, eq=False, repr=False)
class LearnedSeries:
    """A program of series learned from data, and the encoder of its latents; `fit_model` makes one.

    Arguments:
        pair: the program with the parameters learned, and the encoder.
        inverse: the patterns of parents that the encoder has.
        history: negative bounds in nats a step: ``train`` of the objective, ``test`` on held-out series.

    Source: Krishnan, Shalit & Sontag 2017.
    """

    pair: SeriesPair
    inverse: LiftedInverse
    history: History

    def __repr__(self) -> str:
        return f"LearnedSeries({self.inverse!r}, {len(self.history.step)} epochs)"

    @property
    def program(self) -> SeriesProgram:
        """The program with the parameters learned."""
        return self.pair.program

    @cached_property
    def certificate(self) -> LiftedCertificate:
        """The verdict on the patterns of the encoder, for all lengths."""
        return self.inverse.judge()

    def bound(self, data: Mapping[str, Any], draws: int = 1, *, seed: int = 0) -> NDArray[Any]:
        """Return the evidence lower bound of each series in nats, averaged over draws.

        Arguments:
            data: ``{variable: [array (times, columns) for each series]}`` of each observed variable.
            draws: number of draws. Default 1.
            seed: the same seed gives the same result. Default 0.

        Returns: an array ``(series,)``.

        Raises: `DataError` for data that do not fit the program.
        """
        batch, key = read_series(self.program, data), jax.random.key(read_seed(seed))
        return judge_series(self.pair, key, batch, read_count("draws", draws))

    def divergences(self, data: Mapping[str, Any], draws: int = 1, *, seed: int = 0) -> dict[str, NDArray[Any]]:
        """Return what each latent takes from the bound of each series, E_q[log q - log p] in nats.

        Arguments:
            data: as for `bound`.
            draws: number of draws. Default 1.
            seed: the same seed gives the same result. Default 0.

        Returns: ``{latent: array (series,)}``.

        Raises: `DataError` for data that do not fit the program.
        """
        batch, key = read_series(self.program, data), jax.random.key(read_seed(seed))
        found = TRAINING.run(split_bound, self.pair, key, _as_floats(batch), read_count("draws", draws))
        return {name: np.asarray(found[name].mean(axis=1)) for name in self.program.template.latents}

    def log_likelihood(self, data: Mapping[str, Any], draws: int = 1000, *, seed: int = 0) -> NDArray[Any]:
        r"""Return the importance-sampled estimate of log p(x) of each series.

        It is :math:`\log \frac1K \sum_k p(z_k, x) / q(z_k \mid x)` with draws of the encoder.

        Its expectation is a lower bound. For long series `smc` is nearer.

        Arguments:
            data: as for `bound`.
            draws: the number K of draws for each series. Default 1000.
            seed: the same seed gives the same result. Default 0.

        Returns: an array ``(series,)``, in nats.

        Raises: `DataError` for data that do not fit the program.

        Source: Burda et al. 2015.
        """
        batch, key = read_series(self.program, data), jax.random.key(read_seed(seed))
        count = read_count("draws", draws)
        return weigh_series(self.pair, key, batch, count)

    def smc(
        self, data: Mapping[str, Any], particles: int = 100, *, threshold: float = 0.5, seed: int = 0
    ) -> SeriesFilter:
        """Return a particle filter of each series, whose proposals are the conditionals of the encoder.

        The estimate of the likelihood is unbiased, that of its logarithm is a lower bound which rises with particles.

        Arguments:
            data: as for `bound`.
            particles: number of particles. Default 100.
            threshold: particles are resampled where their effective number falls below this share. Default 0.5.
            seed: the same seed gives the same result. Default 0.

        Returns: a `SeriesFilter`: log-likelihoods, effective sample sizes over time, and smoothing.

        Raises: `DataError` for data that do not fit the program, `OptionError` for a threshold that is no share.

        Sources: Doucet & Johansen 2009; Godsill, Doucet & West 2004.
        """
        batch = _as_floats(read_series(self.program, data))
        return filter_series(self.pair, batch, particles, threshold, seed)

    def infer(self, data: Mapping[str, Any], n: int = 100, *, seed: int = 0) -> list[dict[str, NDArray[Any]]]:
        """Return draws of the latents of each series by the encoder.

        Arguments:
            data: as for `bound`.
            n: number of draws. Default 100.
            seed: the same seed gives the same result. Default 0.

        Returns: for each series ``{latent: array (n, times, columns)}``, without times for latents that have none.

        Raises: `DataError` for data that do not fit the program.
        """
        batch = _as_floats(read_series(self.program, data))
        drawn = TRAINING.run(_draw, self.pair, jax.random.key(read_seed(seed)), batch, read_count("n", n))
        return self._split(batch, {name: np.asarray(value) for name, value in drawn.items()})

    def reconstruct(self, data: Mapping[str, Any], *, seed: int = 0) -> list[dict[str, NDArray[Any]]]:
        """Return the means of what is observed of each series, given one draw of its latents.

        Arguments:
            data: as for `bound`.
            seed: the same seed gives the same result. Default 0.

        Returns: for each series ``{observed variable: array (times, columns)}``.

        Raises: `DataError` for data that do not fit the program.
        """
        batch = _as_floats(read_series(self.program, data))
        found = TRAINING.run(_expect, self.pair, jax.random.key(read_seed(seed)), batch)
        rows = self._split(batch, {name: np.asarray(value) for name, value in found.items()})
        return [{name: value[0] for name, value in row.items()} for row in rows]

    def generate(self, times: int, n: int = 1, *, seed: int = 0) -> dict[str, NDArray[Any]]:
        """Return new series of the learned program.

        Arguments:
            times: how long they are.
            n: how many. Default 1.
            seed: the same seed gives the same result. Default 0.

        Returns: ``{variable: array (n, times, columns)}``, without times for latents that have none.

        Raises: `OptionError` for numbers out of range, and for a program with inputs.
        """
        key = jax.random.key(read_seed(seed))
        return generate_series(self.program, key, read_count("times", times), read_count("n", n))

    def save(self, folder: str | Path) -> None:
        """Write parameters, patterns and history into a folder; `rd.load` reads them back with the program.

        Arguments:
            folder: where to write ``series.safetensors``; the folder is made if it is not there.

        Raises: `FileError` where the folder cannot be written.
        """
        save_series(folder, self.pair, self.inverse, self.history)

    def _split(self, batch: SeriesBatch, values: Mapping[str, NDArray[Any]]) -> list[dict[str, NDArray[Any]]]:
        timed = self.program.template.is_timed
        lengths = np.asarray(batch.lengths).tolist()
        return [
            {name: value[i, :, :length] if timed(name) else value[i] for name, value in values.items()}
            for i, length in enumerate(lengths)
        ]


def judge_series(pair: SeriesPair, key: jax.Array, batch: SeriesBatch, draws: int) -> NDArray[Any]:
    """Return the evidence lower bound of each series, averaged over draws."""
    return _apply(lambda *arguments: TRAINING.run(_bound, *arguments), pair, key, batch, draws)


def weigh_series(pair: SeriesPair, key: jax.Array, batch: SeriesBatch, draws: int) -> NDArray[Any]:
    """Return the importance-sampled log-likelihood of each series, from pieces of the draws that memory holds."""

    def weigh(pair: SeriesPair, key: jax.Array, batch: SeriesBatch, draws: int) -> NDArray[Any]:
        piece = max(1, min(draws, MOST_TOGETHER // (len(batch.lengths) * batch.times)))
        found = [
            np.asarray(TRAINING.run(list_weights, pair, jax.random.fold_in(key, start), batch, piece))
            for start in range(0, draws, piece)
        ]
        weights = np.concatenate(found, axis=1)[:, :draws].astype(np.float64)
        return np.asarray(np.logaddexp.reduce(weights, axis=1) - np.log(draws))

    return _apply(weigh, pair, key, batch, draws)


def _apply(
    function: Callable[..., Any], pair: SeriesPair, key: jax.Array, batch: SeriesBatch, draws: int
) -> NDArray[Any]:
    """Return what a function gives for each series, taken together with those of similar length."""
    lengths = np.asarray(batch.lengths)
    found = np.zeros(len(lengths))
    powers = GROWTH ** np.ceil(np.log(lengths) / np.log(GROWTH))
    spans = np.minimum(np.maximum(powers, SHORT), lengths.max()).astype(int)
    for span in np.unique(spans):
        rows = np.flatnonzero(spans == span)
        size = max(1, min(len(rows), MOST_TOGETHER // (int(span) * draws)))
        for start in range(0, len(rows), size):
            chosen = rows[(start + np.arange(size)) % len(rows)]
            kept = len(rows[start : start + size])
            part = SeriesBatch(
                {name: value[chosen, : int(span)] for name, value in batch.values.items()}, batch.lengths[chosen]
            )
            own = jax.random.fold_in(key, int(span) * len(lengths) + start)
            found[chosen[:kept]] = np.asarray(function(pair, own, _as_floats(part), draws))[:kept]
    return found


def _as_floats(batch: SeriesBatch) -> SeriesBatch:
    return SeriesBatch({name: jnp.asarray(v, jnp.float32) for name, v in batch.values.items()}, batch.lengths)


def _bound(pair: SeriesPair, key: jax.Array, batch: SeriesBatch, draws: int) -> jax.Array:
    return find_elbo(pair, key, batch, draws)


def _draw(pair: SeriesPair, key: jax.Array, batch: SeriesBatch, draws: int) -> dict[str, jax.Array]:
    return pair.draw(key, batch, draws).values


def _expect(pair: SeriesPair, key: jax.Array, batch: SeriesBatch) -> dict[str, jax.Array]:
    drawn = pair.draw(key, batch, 1)
    scores = pair.list_scores(batch, drawn.values)
    return {name: scores[name][0].mean for name in pair.program.template.observed if name in scores}
