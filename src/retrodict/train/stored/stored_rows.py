"""Minibatches of simulations that are stored: read epoch by epoch, so that they need not fit into memory."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import equinox as eqx
import jax
import jax.numpy as jnp
import numpy as np
from jaxtyping import Array, Float, Int, Key
from numpy.typing import NDArray

from retrodict.train.failed_simulations import Simulated
from retrodict.train.source import Source, Step

# Columns of latents and of observed values of some rows, in arrays of NumPy or JAX.
Take = Callable[[NDArray[np.int64]], Any]


@dataclass(frozen=True, eq=False)
class Shelf:
    """Stored rows: ``take(numbers)`` gives some of them, ``numbers`` are those to train on.

    A row with a weight w comes up w times as often as one of weight 1, which minimizes the weighted objective.
    """

    take: Take
    numbers: NDArray[np.int64]
    weights: NDArray[np.float64] | None = None

    def shuffle(self, rng: np.random.Generator) -> NDArray[np.int64]:
        """Return the rows of a pass in an order, those with weights about as often as these say."""
        if self.weights is None:
            return rng.permutation(self.numbers)
        # Systematic resampling: each row comes up its weight rounded down or up.
        ends = np.cumsum(self.weights)
        ends *= len(ends) / ends[-1]
        places = np.minimum(np.searchsorted(ends, np.arange(len(ends)) + rng.random()), len(ends) - 1)
        return rng.permutation(self.numbers[places])


class StoredRows(Source[Simulated]):
    """Stored rows in minibatches of ``batch``, shuffled anew in each pass, none left out.

    >>> shelf = Shelf(lambda rows: (jnp.asarray(rows, jnp.float32)[:, None], jnp.zeros((len(rows), 0))), np.arange(5))
    >>> source = StoredRows(shelf, batch=2)
    >>> rows = [int(row) for step in range(5) for row in source(jax.random.key(0), step)[0].ravel()]
    >>> sorted(rows[:5]), sorted(rows[5:])
    ([0, 1, 2, 3, 4], [0, 1, 2, 3, 4])
    """

    shelf: Shelf = eqx.field(static=True)
    batch: int = eqx.field(static=True)

    def __call__(self, key: Key[Array, ""], step: Step) -> Simulated:
        """Return the rows of this step."""
        latents, observed = map(jnp.asarray, self.shelf.take(self._list_rows(key, int(step), 1)))
        return latents, observed

    def load(self, key: Key[Array, ""], step: int, steps: int) -> Source[Simulated]:
        """Return a source that holds the rows of ``steps`` steps from ``step`` on."""
        latents, observed = self.shelf.take(self._list_rows(key, step, steps))
        z, x = (part.reshape(steps, self.batch, part.shape[1]) for part in map(jnp.asarray, (latents, observed)))
        return _LoadedRows(latents=z, observed=x, first=jnp.asarray(np.int32(step)))

    def _list_rows(self, key: Key[Array, ""], step: int, steps: int) -> NDArray[np.int64]:
        """Return the numbers of the rows of some steps: a part of all passes, one after another."""
        begin, end, size = step * self.batch, (step + steps) * self.batch, len(self.shelf.numbers)
        seed = np.asarray(jax.random.key_data(key)).ravel().tolist()
        numbers = range(begin // size, (end - 1) // size + 1)
        passes = [self.shelf.shuffle(np.random.default_rng([*seed, number])) for number in numbers]
        start = begin - begin // size * size
        return np.asarray(np.concatenate(passes)[start : start + end - begin])


class _LoadedRows(Source[Simulated]):
    """The rows of some steps, one after another."""

    latents: Float[Array, "steps batch latents"]
    observed: Float[Array, "steps batch observed"]
    first: Int[Array, ""]

    def __call__(self, key: Key[Array, ""], step: Step) -> Simulated:
        """Return the rows of this step."""
        place = step - self.first
        return self.latents[place], self.observed[place]
