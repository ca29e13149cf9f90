"""Where the simulations of `amortize` come from: drawn afresh by JAX, or stored."""

from __future__ import annotations

from abc import ABC, abstractmethod
from dataclasses import dataclass, replace
from typing import Any

import jax
import numpy as np

from retrodict.encode.encoder import Encoder
from retrodict.encode.space import Space
from retrodict.graph.names import Name
from retrodict.graph.rows import Integers
from retrodict.plan.layout import Floats
from retrodict.posterior.novelty import SIMULATIONS, Familiar
from retrodict.posterior.programs import Compiled
from retrodict.posterior.tables.runs import Runs
from retrodict.train.compiled import TRAINING
from retrodict.train.history import History
from retrodict.train.inference import fit
from retrodict.train.loop import Plan
from retrodict.train.stored.stored_inference import fit_stored
from retrodict.train.stored.stored_rows import Shelf, StoredRows

# Rows that are turned into codes in one program.
BLOCK = 4096


@dataclass(frozen=True, eq=False)
class Supply(ABC):
    """Simulations of a model as an encoder sees them: codes of latents, and what it is given of data (abstract)."""

    compiled: Compiled

    @abstractmethod
    def give(self, n: int) -> tuple[Floats, Floats] | None:
        """Return ``n`` simulations at most, without those that failed; None where JAX has to draw them."""

    @abstractmethod
    def train(
        self, encoder: Encoder, plan: Plan, key: jax.Array, names: tuple[Name, ...], *, quiet: bool
    ) -> tuple[Encoder, History]:
        """Return the encoder after training, and its history."""

    @abstractmethod
    def learn_familiar(self, key: jax.Array) -> Familiar:
        """Return what training saw of the observed variables."""


class FreshSupply(Supply):
    """Simulations that JAX draws when they are needed."""

    def give(self, n: int) -> None:
        """Return nothing: there are none before they are drawn."""

    def train(
        self, encoder: Encoder, plan: Plan, key: jax.Array, names: tuple[Name, ...], *, quiet: bool
    ) -> tuple[Encoder, History]:
        """Train on fresh simulations in every step."""
        return fit(encoder, self.compiled.simulate_codes, plan, key, names=names, title="amortize", quiet=quiet)

    def learn_familiar(self, key: jax.Array) -> Familiar:
        """Learn from further simulations."""
        return Familiar.of(self.compiled, key)


@dataclass(frozen=True, eq=False)
class StoredSupply(Supply):
    """Simulations that are stored, each of which has one use."""

    runs: Runs

    def give(self, n: int) -> tuple[Floats, Floats]:
        """Return the first of those that are trained on, which stand in no order."""
        return self.encode(self.runs.training[:n])

    def encode(self, rows: Integers) -> tuple[Floats, Floats]:
        """Return some of the runs."""
        parts = []
        for start in range(0, len(rows), BLOCK):
            size = min(BLOCK, len(rows))
            chosen = rows[(start + np.arange(size)) % len(rows)]
            coded = TRAINING.run(_encode, self.compiled.space, self.runs.take(chosen))
            parts.append([np.asarray(part)[: len(rows) - start] for part in coded])
        latents, observed = (np.concatenate(part) for part in zip(*parts, strict=True))
        return latents, observed

    def train(
        self, encoder: Encoder, plan: Plan, key: jax.Array, names: tuple[Name, ...], *, quiet: bool
    ) -> tuple[Encoder, History]:
        """Train pass by pass, judged by what is held out."""
        runs, batch = self.runs, min(plan.batch, len(self.runs.training))
        weights = None if runs.weights is None else runs.weights[runs.training]
        source = StoredRows(Shelf(self.encode, runs.training, weights), batch)
        if plan.pace is not None:
            plan = replace(plan, pace=replace(plan.pace, tolerance=0.0))
        held_out: Any = self.encode(runs.held_out)
        return fit_stored(encoder, source, held_out, plan, key, names=names, title="amortize", quiet=quiet)

    def learn_familiar(self, key: jax.Array) -> Familiar:
        """Learn from what was trained on, and set limits by what was not."""
        apart = np.concatenate([self.runs.held_out, self.runs.calibration])
        seen, further = (
            np.asarray(self.compiled.space.split(self.runs.take(rows[:SIMULATIONS]))[1], np.float64)
            for rows in (self.runs.training, apart)
        )
        return Familiar.learn(seen, further)


def _encode(space: Space, columns: jax.Array) -> tuple[jax.Array, jax.Array]:
    return space.encode_latents(columns), space.encode_observed(columns)
