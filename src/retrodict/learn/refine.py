"""A second phase of learning: the encoder alone, with the generative model held."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace
from typing import Any

import jax
import jax.numpy as jnp
from jaxtyping import Array, Float, Key

from retrodict.learn.data import read_rows
from retrodict.learn.enumeration import enumerate_bound, list_states
from retrodict.learn.generator import ProgramGenerator
from retrodict.learn.learned import LearnedModel
from retrodict.plan.counts import read_count, read_seed
from retrodict.posterior.amortization import choose_optimizer
from retrodict.train.autoencoder import Autoencoder
from retrodict.train.learning import LearningPlan, learn
from retrodict.train.objectives.named import Objective, choose_objective
from retrodict.train.objectives.weights import Function, hold
from retrodict.train.relaxation import Temperature, relax

EXACT = "exact"


def refine_encoder(
    learned: LearnedModel,
    data: Mapping[str, Any],
    objective: str = "elbo",
    *,
    draws: int = 1,
    temperature: Temperature | None = None,
    epochs: int = 50,
    batch: int = 128,
    learning_rate: float = 1e-3,
    held_out: Mapping[str, Any] | None = None,
    seed: int = 0,
    quiet: bool = False,
) -> LearnedModel:
    """Return the same generative model with its encoder trained on, for the same data.

    What an encoder loses while the model still moves under it is won back, and what remains is due to its structure
    and size. The options are those of `fit_model`; the objective ``"exact"`` is the evidence lower bound summed over
    all states of at most 10 binary latents. The history is that of this phase; without ``held_out`` it is judged by
    the data themselves.

    Raises what `fit_model` raises for data and options, and `SizeError` for states that are too many.
    """
    epochs, batch, draws = read_count("epochs", epochs), read_count("batch", batch), read_count("draws", draws)
    model, space = learned.model, learned.generator.space
    rows = jnp.asarray(read_rows(model, space, data))
    judged = rows if held_out is None else jnp.asarray(read_rows(model, space, held_out))
    steps = epochs * (len(rows) // min(batch, len(rows)))
    plan = LearningPlan(
        choose_held(learned, objective, temperature),
        epochs,
        batch,
        draws,
        temperature=temperature,
        optimizer=choose_optimizer(learning_rate, max(1, steps)),
    )
    pair, history = learn(learned.pair, rows, judged, plan, jax.random.key(read_seed(seed)), quiet=quiet)
    return replace(learned, pair=pair, history=history)


def choose_held(learned: LearnedModel, name: str, temperature: Temperature | None) -> Objective:
    """Return an objective by name in which no gradient reaches the generative model.

    Raises `OptionError` for a name that does not exist or does not suit the encoder.
    """
    if name == EXACT:
        return Objective(EXACT, hold_generator(_enumerate(learned.generator)))
    pair = learned.pair if temperature is None else relax(learned.pair, 1.0)
    chosen = choose_objective(name, pair.encoder)
    return replace(chosen, function=hold_generator(chosen.function))


def hold_generator(function: Function) -> Function:
    """Return the same function, in which no gradient reaches the generator."""

    def held(
        pair: Autoencoder, key: Key[Array, ""], observed: Float[Array, "batch observed"], draws: int
    ) -> Float[Array, ""]:
        return function(Autoencoder(hold(pair.generator), pair.encoder), key, observed, draws)

    return held


def _enumerate(generator: ProgramGenerator) -> Function:
    states = list_states(generator)

    def exact(
        pair: Autoencoder, key: Key[Array, ""], observed: Float[Array, "batch observed"], draws: int
    ) -> Float[Array, ""]:
        return -enumerate_bound(pair, states, observed)[0].mean()

    return exact
