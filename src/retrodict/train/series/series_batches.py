"""Minibatches of series of similar lengths, and the objective on them: little of what is computed is padding."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import equinox as eqx
import jax
import jax.numpy as jnp
import numpy as np
from jaxtyping import Array, Float, Int, Key

from retrodict.encode.series.series_batch import SeriesBatch
from retrodict.train.series.series_bounds import Bound
from retrodict.train.series.series_pair import SeriesPair
from retrodict.train.source import Source, Step

# Lengths are sorted with so much noise, so that minibatches differ from pass to pass.
BLUR = 0.2
# Of series up to this length padding costs less than one more compiled program.
SHORT = 64


class SeriesMinibatch(eqx.Module):
    """Series, which of the spans they fit into, and the weight of divergences."""

    batch: SeriesBatch
    span: Int[Array, ""]
    weight: Float[Array, ""]


class SeriesSource(Source[SeriesMinibatch]):
    """Minibatches of series of similar lengths, drawn anew in each pass, in any order.

    What does not fill a minibatch is left out of a pass, others in each. The weight of divergences rises along a line
    from ``least_weight`` to one over the first ``annealing`` steps.
    """

    data: SeriesBatch
    batch: int = eqx.field(static=True)
    spans: tuple[int, ...] = eqx.field(static=True)
    annealing: int = eqx.field(static=True, default=0)
    least_weight: float = eqx.field(static=True, default=0.0)

    @property
    def passing(self) -> int:
        """The number of steps of a pass over the data."""
        return len(self.data.lengths) // self.batch

    def __call__(self, key: Key[Array, ""], step: Step) -> SeriesMinibatch:
        """Return the minibatch of a step."""
        chosen = self._order(jax.random.fold_in(key, step // self.passing))[step % self.passing]
        lengths = self.data.lengths[chosen]
        batch = SeriesBatch(
            {name: jnp.asarray(v[chosen], jnp.float32) for name, v in self.data.values.items()}, lengths
        )
        span = jnp.searchsorted(jnp.asarray(self.spans), lengths.max())
        return SeriesMinibatch(batch, span, self._weigh(step))

    def _order(self, key: Key[Array, ""]) -> Int[Array, "steps batch"]:
        """Return the rows of all minibatches of a pass."""
        mix, blur, turn = jax.random.split(key, 3)
        rows = jax.random.permutation(mix, len(self.data.lengths))[: self.passing * self.batch]
        noise = jax.random.uniform(blur, rows.shape, minval=-BLUR, maxval=BLUR)
        sorted_rows = rows[jnp.argsort(jnp.log(self.data.lengths[rows]) + noise)]
        return jax.random.permutation(turn, sorted_rows.reshape(self.passing, self.batch))

    def _weigh(self, step: Step) -> Float[Array, ""]:
        if not self.annealing:
            return jnp.ones(())
        return jnp.clip(self.least_weight + (1 - self.least_weight) * step / self.annealing, max=1.0)


@dataclass(frozen=True)
class SeriesObjective:
    """The negative bound of a minibatch in nats a step: divided by the mean length of all series."""

    bound: Bound
    draws: int
    spans: tuple[int, ...]
    mean_length: float

    def __call__(self, pair: SeriesPair, key: Key[Array, ""], given: SeriesMinibatch) -> Float[Array, ""]:
        """Return the objective; what is padding in all series of the minibatch is not computed."""

        def measure(times: int) -> Float[Array, ""]:
            found = self.bound(pair, key, given.batch.cut(times), self.draws, given.weight)
            return -found.mean() / self.mean_length

        branches = [lambda times=times: measure(times) for times in self.spans]
        return branches[0]() if len(branches) == 1 else jax.lax.switch(given.span, branches)


def choose_spans(lengths: Sequence[int] | Int[np.ndarray, " series"]) -> tuple[int, ...]:
    """Return a few lengths to pad to, the longest among them: quantiles of the lengths, where these differ enough.

    >>> choose_spans([50, 60, 70, 160]), choose_spans([10, 10])
    ((72, 160), (10,))
    """
    longest = int(max(lengths))
    found = [longest]
    for share in (0.9, 0.6) if longest > SHORT else ():
        span = int(np.ceil(np.quantile(lengths, share) * (1 + BLUR / 4)))
        if span < 0.6 * found[0]:
            found.insert(0, span)
    return tuple(found)
