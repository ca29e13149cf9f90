"""The loop that learns a generative model and its encoder from data: whole epochs compiled, rows shuffled anew."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import Any

import equinox as eqx
import jax
import jax.numpy as jnp
import optax
from jaxtyping import Array, Float, Int, Key

from retrodict.errors import OptionError
from retrodict.train.autoencoder import Autoencoder
from retrodict.train.compiled import TRAINING
from retrodict.train.loop import History, TrainingError
from retrodict.train.objectives.bounds import bound, elbo_per_row
from retrodict.train.objectives.named import Objective
from retrodict.train.progress import Progress
from retrodict.train.relaxation import Temperature, relax
from retrodict.train.steps import State

Rows = Float[Array, "rows observed"]
# Rows that are judged together: as many as memory holds many draws of.
JUDGED_ROWS = 512


@dataclass(frozen=True)
class LearningPlan:
    """How to learn: passes over the data in minibatches of ``batch`` rows, with ``draws`` of the encoder for each row.

    What does not fill a minibatch is left out of an epoch, other rows in each. With a ``temperature``, binary
    latents are relaxed in training; held-out rows are judged by the model itself, with ``judged`` draws each. With
    ``patience``, learning ends after so many epochs without a better bound on them, and the best are kept.
    """

    objective: Objective
    epochs: int = 100
    batch: int = 128
    draws: int = 1
    judged: int = 16
    temperature: Temperature | None = None
    patience: int | None = None
    optimizer: optax.GradientTransformation = field(default_factory=lambda: optax.adam(1e-3))

    def __post_init__(self) -> None:
        names = ("epochs", "batch", "draws", "judged", "patience")
        for name, number in ((name, getattr(self, name)) for name in names):
            if number is not None and number < 1:
                raise OptionError(f"{name}={number} is too small", remedy="It must be 1 or more.")


class Moment(eqx.Module):
    """Where learning stands after an epoch: enough to go on from there."""

    state: State
    best: Autoencoder
    history: History = eqx.field(static=True)


class LearningError(TrainingError):
    """The objective or its gradient was not finite; ``pair`` holds model and encoder as they were before."""

    def __init__(self, variables: tuple[Any, ...], *, step: int, pair: Autoencoder, history: History) -> None:
        self.pair = pair
        super().__init__(variables, step=step, encoder=pair.encoder, history=history)


def begin(pair: Autoencoder, plan: LearningPlan) -> Moment:
    """Return the moment before the first step."""
    parameters, _ = divide(pair)
    return Moment(State.begin(parameters, plan.optimizer), parameters, History())


def divide(pair: Autoencoder) -> tuple[Autoencoder, Autoencoder]:
    """Return what is learned of a pair, and the rest: structure, and the units of the encoder's columns."""
    learned = jax.tree.map(eqx.is_inexact_array, pair)
    learned = eqx.tree_at(_list_units, learned, jax.tree.map(lambda _: False, _list_units(learned)))
    parts: tuple[Autoencoder, Autoencoder] = eqx.partition(pair, learned)
    return parts


def _list_units(pair: Autoencoder) -> tuple[Any, Any]:
    return pair.encoder.scaling, pair.encoder.conditional


def learn(
    pair: Autoencoder,
    rows: Rows,
    held_out: Float[Array, "judged observed"],
    plan: LearningPlan,
    key: Key[Array, ""],
    *,
    start: Moment | None = None,
    keep: Callable[[Moment], None] = lambda _: None,
    watch: Callable[[Autoencoder], Mapping[str, float]] | None = None,
    blame: Callable[[Autoencoder, Rows], tuple[Any, ...]] = lambda *_: (),
    quiet: bool = False,
) -> tuple[Autoencoder, History]:
    """Return model and encoder as learned from rows of data, with the history of negative bounds in nats.

    ``start`` is a moment to go on from, ``keep`` is called with the moment after each epoch, ``watch`` may return
    numbers to be recorded; ``blame`` names the variables whose density is not finite on some rows.

    Raises `LearningError` at the first step whose objective or gradient is not finite.

    Sources: Kingma & Welling 2013; Rezende, Mohamed & Wierstra 2014.
    """
    fixed = divide(pair)[1]
    batch = min(plan.batch, len(rows))
    steps = len(rows) // batch
    setting = Setting(plan.objective, plan.optimizer, plan.draws, plan.temperature is not None, batch, steps)
    judge_key, train_key = jax.random.split(key)
    moment = begin(pair, plan) if start is None else start
    with Progress("fit_model", plan.epochs * steps, quiet=quiet) as progress:
        while len(moment.history.step) < plan.epochs and not _is_stale(moment.history, plan):
            epoch = len(moment.history.step)
            temperature = 0.0 if plan.temperature is None else plan.temperature.at(epoch)
            heat = jnp.asarray(temperature, jnp.float32)
            state, losses = TRAINING.run(_pass, moment.state, fixed, rows, train_key, heat, setting)
            learned = eqx.combine(state.parameters, fixed)
            if int(state.failed) >= 0:
                culprits = blame(learned, rows[:batch])
                raise LearningError(culprits, step=int(state.failed), pair=learned, history=moment.history)
            judged = -float(evaluate(learned, judge_key, held_out, plan.judged).mean())
            watched = dict(watch(learned)) if watch else {}
            history = moment.history.extend(int(state.step), float(losses.mean()), judged, watched)
            best = state.parameters if history.epochs_since_best == 0 else moment.best
            moment = Moment(state, best, history)
            keep(moment)
            progress.update(history.step[-1], history.train[-1])
    chosen = moment.state.parameters if plan.patience is None else moment.best
    return eqx.combine(chosen, fixed), moment.history


def evaluate(pair: Autoencoder, key: Key[Array, ""], rows: Rows, draws: int) -> Float[Array, " rows"]:
    """Return the evidence lower bound of each row in nats, averaged over draws."""
    return _judge(elbo_per_row, pair, key, rows, draws)


def estimate(pair: Autoencoder, key: Key[Array, ""], rows: Rows, draws: int) -> Float[Array, " rows"]:
    """Return the importance-weighted bound of each row in nats, near its log-likelihood where draws are many."""
    return _judge(bound, pair, key, rows, draws)


def _judge(
    function: Callable[..., Float[Array, " rows"]], pair: Autoencoder, key: Key[Array, ""], rows: Rows, draws: int
) -> Float[Array, " rows"]:
    """Apply a function to the rows piece by piece, compiled for pieces of one size."""
    size = min(len(rows), JUDGED_ROWS)
    found = []
    for start in range(0, len(rows), size):
        chosen = (start + jnp.arange(size)) % len(rows)
        own = jax.random.fold_in(key, start)
        found.append(TRAINING.run(function, pair, own, rows[chosen], draws)[: len(rows) - start])
    return jnp.concatenate(found)


def _is_stale(history: History, plan: LearningPlan) -> bool:
    return plan.patience is not None and bool(history.step) and history.epochs_since_best >= plan.patience


@dataclass(frozen=True)
class Setting:
    """What is constant in a compiled pass over the data."""

    objective: Objective
    optimizer: optax.GradientTransformation
    draws: int
    is_relaxed: bool
    batch: int
    steps: int


def _pass(
    state: State,
    fixed: Autoencoder,
    rows: Rows,
    key: Key[Array, ""],
    temperature: Float[Array, ""],
    setting: Setting,
) -> tuple[State, Float[Array, " steps"]]:
    """Pass over the data: shuffle, then differentiate and update minibatch by minibatch."""

    def measure(parameters: Autoencoder, own: Key[Array, ""], chosen: Rows) -> Float[Array, ""]:
        pair = eqx.combine(parameters, fixed)
        pair = relax(pair, temperature) if setting.is_relaxed else pair
        return setting.objective.function(pair, own, chosen, setting.draws)

    def advance(state: State, chosen: Int[Array, " batch"]) -> tuple[State, Float[Array, ""]]:
        own = jax.random.fold_in(draw_key, state.step)
        loss, gradient = eqx.filter_value_and_grad(measure)(state.parameters, own, rows[chosen])
        return state.take(setting.optimizer, loss, gradient), loss

    shuffle_key, draw_key = jax.random.split(jax.random.fold_in(key, state.step))
    shuffled = jax.random.permutation(shuffle_key, len(rows))[: setting.steps * setting.batch]
    return jax.lax.scan(advance, state, shuffled.reshape(setting.steps, setting.batch))
