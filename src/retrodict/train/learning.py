"""Learning a generative model and its encoder from data: what is learned, from what, and how it is judged."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import equinox as eqx
import jax
import jax.numpy as jnp
from jaxtyping import Array, Float, Key

from retrodict.encode.encoder import Encoder
from retrodict.train.autoencoder import Pair
from retrodict.train.compiled import TRAINING
from retrodict.train.objectives.bounds import bound, elbo_per_row
from retrodict.train.objectives.named import LearningObjective
from retrodict.train.temperature import Heated, relax

Observed = Float[Array, "rows observed"]
# Rows that are judged together: as many as memory holds many draws of.
JUDGED_ROWS = 512
# Draws of the encoder for each row that is judged.
JUDGED_DRAWS = 16


@dataclass(frozen=True)
class Estimate:
    """An objective with ``draws`` of the encoder for each row, relaxed where the minibatch has a temperature.

    Sources: Kingma & Welling 2013; Rezende, Mohamed & Wierstra 2014.
    """

    objective: LearningObjective
    draws: int = 1

    def __call__(self, pair: Pair, key: Key[Array, ""], batch: Heated) -> Float[Array, ""]:
        """Return the objective of a minibatch, in nats a row."""
        trained = pair if batch.temperature is None else relax(pair, batch.temperature)
        return self.objective.function(trained, key, batch.rows, self.draws)


def mark_learned(tree: Any) -> Any:
    """Return what is learned of a tree as truth values: floating-point arrays, but no units of encoders' columns."""
    marks = jax.tree.map(eqx.is_inexact_array, tree)
    return jax.tree.map(_unmark_units, marks, is_leaf=_is_encoder)


def mark_encoder(pair: Pair) -> Pair:
    """Return what is learned of a pair whose model is held, as truth values."""
    marks: Pair = mark_learned(pair)
    return eqx.tree_at(lambda pair: pair.generator, marks, jax.tree.map(lambda _: False, marks.generator))


def _is_encoder(part: Any) -> bool:
    return isinstance(part, Encoder)


def _unmark_units(marks: Any) -> Any:
    if not _is_encoder(marks):
        return marks
    return eqx.tree_at(_list_units, marks, jax.tree.map(lambda _: False, _list_units(marks)))


def _list_units(encoder: Encoder) -> tuple[Any, Any]:
    return encoder.scaling, encoder.conditional


def judge_by(rows: Observed, key: Key[Array, ""]) -> Callable[[Pair], float]:
    """Return a function that gives the mean of negative evidence lower bounds of these rows, in nats."""
    return lambda pair: -float(evaluate(pair, key, rows, JUDGED_DRAWS).mean())


def evaluate(pair: Pair, key: Key[Array, ""], rows: Observed, draws: int) -> Float[Array, " rows"]:
    """Return the evidence lower bound of each row in nats, averaged over draws."""
    return _judge(elbo_per_row, pair, key, rows, draws)


def estimate(pair: Pair, key: Key[Array, ""], rows: Observed, draws: int) -> Float[Array, " rows"]:
    """Return the importance-weighted bound of each row in nats, near its log-likelihood where draws are many."""
    return _judge(bound, pair, key, rows, draws)


def _judge(
    function: Callable[..., Float[Array, " rows"]], pair: Pair, key: Key[Array, ""], rows: Observed, draws: int
) -> Float[Array, " rows"]:
    """Apply a function to the rows piece by piece, compiled for pieces of one size."""
    size = min(len(rows), JUDGED_ROWS)
    found = []
    for start in range(0, len(rows), size):
        chosen = (start + jnp.arange(size)) % len(rows)
        own = jax.random.fold_in(key, start)
        found.append(TRAINING.run(function, pair, own, rows[chosen], draws)[: len(rows) - start])
    return jnp.concatenate(found)
