"""Learning a generative model and its encoder from data: what is learned, from what, and how it is judged."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from functools import partial
from typing import Any

import equinox as eqx
import jax
import jax.numpy as jnp
from jaxtyping import Array, Float, Key

from retrodict.train.autoencoder import Pair
from retrodict.train.compiled import TRAINING
from retrodict.train.devices.many_devices import Devices
from retrodict.train.objectives.bounds import bound, elbo_per_row
from retrodict.train.objectives.named import LearningObjective
from retrodict.train.objectives.weights import check_draws
from retrodict.train.temperature import Heated, relax

Observed = Float[Array, "rows observed"]
# The number of rows that are judged together, for which memory holds many draws.
JUDGED_ROWS = 512
# Draws of the encoder for each row that is judged.
JUDGED_DRAWS = 16


@dataclass(frozen=True)
class Estimate:
    """An objective with ``draws`` of the encoder for each row, relaxed where the minibatch has a temperature.

    Raises `OptionError` for fewer draws than the objective needs.

    Sources: Kingma & Welling 2013; Rezende, Mohamed & Wierstra 2014.
    """

    objective: LearningObjective
    draws: int = 1

    def __post_init__(self) -> None:
        check_draws(self.objective.name, self.draws, self.objective.least_draws)

    def __call__(self, pair: Pair, key: Key[Array, ""], batch: Heated) -> Float[Array, ""]:
        """Return the objective of a minibatch, in nats a row."""
        trained = pair if batch.temperature is None else relax(pair, batch.temperature)
        return self.objective.function(trained, key, batch.rows, self.draws)


def mark_learned(pair: Any) -> Any:
    """Return what is learned of a pair as truth values: floating-point arrays, except the units of its columns."""
    marks = jax.tree.map(eqx.is_inexact_array, pair)
    return _unmark(marks, lambda pair: list_units(pair.encoder))


def mark_encoder(pair: Any) -> Any:
    """Return what is learned of a pair whose model is held, as truth values."""
    return _unmark(mark_learned(pair), lambda pair: pair.generator)


def list_units(encoder: Any) -> tuple[Any, Any]:
    """Return the parts of an encoder that hold the units of its columns."""
    return encoder.scaling, encoder.conditional


def _unmark(marks: Any, where: Callable[[Any], Any]) -> Any:
    return eqx.tree_at(where, marks, jax.tree.map(lambda _: False, where(marks)))


def judge_by(rows: Observed, key: Key[Array, ""], devices: Devices | None = None) -> Callable[[Pair], float]:
    """Return a function that gives the mean of negative evidence lower bounds of these rows, in nats."""
    return lambda pair: -float(_judge(elbo_per_row, pair, key, rows, JUDGED_DRAWS, devices).mean())


def evaluate(pair: Pair, key: Key[Array, ""], rows: Observed, draws: int) -> Float[Array, " rows"]:
    """Return the evidence lower bound of each row in nats, averaged over draws."""
    return _judge(elbo_per_row, pair, key, rows, draws)


def estimate(pair: Pair, key: Key[Array, ""], rows: Observed, draws: int) -> Float[Array, " rows"]:
    """Return the importance-weighted bound of each row in nats, near its log-likelihood where draws are many."""
    return _judge(bound, pair, key, rows, draws)


def _judge(
    function: Callable[..., Float[Array, " rows"]],
    pair: Pair,
    key: Key[Array, ""],
    rows: Observed,
    draws: int,
    devices: Devices | None = None,
) -> Float[Array, " rows"]:
    """Apply a function to the rows piece by piece, compiled for pieces of one size."""
    size = min(len(rows), JUDGED_ROWS)
    run = TRAINING.run if devices is None else partial(devices.run, rows=2)
    found = []
    for start in range(0, len(rows), size):
        chosen = (start + jnp.arange(size)) % len(rows)
        own = jax.random.fold_in(key, start)
        found.append(run(function, pair, own, rows[chosen], draws)[: len(rows) - start])
    return jnp.concatenate(found)
