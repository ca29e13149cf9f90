"""Where the simulations of training come from: drawn anew for each minibatch, or taken from stored runs."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any, Protocol

import jax
import jax.numpy as jnp
import numpy as np

from retrodict.models.model import Model
from retrodict.plan.layout import Floats
from retrodict.posterior.tables.runs import Runs
from retrodict.train.stored.stored_rows import Shelf


class EvidenceSupply(Protocol):
    """What gives simulations to a compiled step; ``arrays`` are handed to it, so that they are no constants there."""

    @property
    def arrays(self) -> Any:
        """What `draw` takes rows from."""

    def draw(self, arrays: Any, key: jax.Array, n: int) -> jax.Array:
        """Return so many simulations, as model columns."""


@dataclass(frozen=True, eq=False)
class FreshEvidence:
    """Simulations that a model draws as they are needed."""

    model: Model
    arrays: Any = ()

    def draw(self, arrays: Any, key: jax.Array, n: int) -> jax.Array:
        """Return new simulations."""
        return self.model.draw(key, n)


@dataclass(frozen=True, eq=False)
class StoredEvidence:
    """Stored runs, each as likely as its weight says; all of them lie in memory."""

    arrays: Any

    @classmethod
    def of(cls, runs: Runs) -> StoredEvidence:
        """Return the runs to train on."""
        return cls._weigh(runs, runs.training)

    @classmethod
    def of_held_out(cls, runs: Runs) -> StoredEvidence:
        """Return the runs that judge."""
        return cls._weigh(runs, runs.held_out)

    @classmethod
    def _weigh(cls, runs: Runs, numbers: Any) -> StoredEvidence:
        weights = np.ones(len(numbers)) if runs.weights is None else runs.weights[numbers]
        ends = np.cumsum(weights) / weights.sum()
        return cls((jnp.asarray(runs.take(numbers)), jnp.asarray(ends, jnp.float32)))

    def draw(self, arrays: Any, key: jax.Array, n: int) -> jax.Array:
        """Return stored simulations, with replacement."""
        columns, ends = arrays
        places = jnp.searchsorted(ends, jax.random.uniform(key, (n,)), side="right")
        return columns[jnp.minimum(places, len(columns) - 1)]


def look_at(runs: Runs, most: int, seed: int) -> Floats:
    """Return training runs in random order, those with weights about as often as these say, so many at most."""
    weights = None if runs.weights is None else runs.weights[runs.training]
    return runs.take(Shelf(runs.take, runs.training, weights).shuffle(np.random.default_rng([seed, 31]))[:most])
