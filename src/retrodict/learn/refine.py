"""A second phase of learning: the encoder alone, with the generative model held."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace
from typing import Any

import jax
from jaxtyping import Array, Float, Key

from retrodict.learn.enumeration import enumerate_bound, list_states
from retrodict.learn.generator import ProgramGenerator
from retrodict.learn.learned import LearnedModel
from retrodict.plan.counts import read_count, read_rate, read_seed
from retrodict.train.autoencoder import Pair
from retrodict.train.learning import Estimate, judge_by, mark_encoder
from retrodict.train.loop import Plan, train
from retrodict.train.objectives.named import LearningObjective, choose_objective
from retrodict.train.objectives.weights import Function
from retrodict.train.source import ShuffledRows
from retrodict.train.temperature import Temperature, Tempered, relax

EXACT = "exact"


def refine_encoder(
    learned: LearnedModel,
    data: Mapping[str, Any],
    objective: str = "elbo",
    *,
    draws: int = 1,
    temperature: float | Temperature | None = None,
    epochs: int = 50,
    batch: int = 128,
    learning_rate: float = 1e-3,
    held_out: Mapping[str, Any] | None = None,
    seed: int = 0,
    quiet: bool = False,
) -> LearnedModel:
    """Return the same generative model with its encoder trained on, for the same data.

    The encoder recovers what it lost while the model was still changing; the loss that remains is due to its structure
    and size.

    Arguments:
        learned: a model learned by `fit_model`.
        data: values of each observed site, ``{site: array (n, *shape of the site)}``.
        objective: one of `fit_model`, or ``"exact"``, the evidence lower bound summed over all states of at most 10
            binary latents. Default ``"elbo"``.
        draws: draws of the encoder for each observation. Default 1.
        temperature: a number or a `Temperature` at which binary latents are relaxed in training. Default: they are not.
        epochs: passes over the data. Default 50.
        batch: observations in a minibatch. Default 128.
        learning_rate: that of Adam, which falls to zero along a cosine. Default 0.001.
        held_out: data to judge by. Default: the data themselves.
        seed: seed of minibatches and draws. Default 0.
        quiet: True shows no progress.

    Returns: the `LearnedModel`, with the history of this phase.

    Raises: what `fit_model` raises for data and options, and `SizeError` for too many states.

    >>> import numpy as np
    >>> from retrodict import fit_model, zoo
    >>> data = {"x": np.random.default_rng(0).integers(0, 2, (64, 9))}
    >>> learned = fit_model(zoo.programs.vae(2, 9, hidden=(8,)), data, epochs=1, quiet=True)
    >>> len(refine_encoder(learned, data, epochs=2, quiet=True).history.step)
    2
    """
    epochs, batch, draws = read_count("epochs", epochs), read_count("batch", batch), read_count("draws", draws)
    falling = Temperature.of(temperature)
    rows = learned.read(data)
    judged = rows if held_out is None else learned.read(held_out)
    plan = Plan.of_epochs(len(rows), epochs, batch, read_rate(learning_rate))
    judge_key, train_key = jax.random.split(jax.random.key(read_seed(seed)))
    pair, history = train(
        learned.pair,
        Estimate(choose_refining(learned, objective, falling), draws),
        Tempered(ShuffledRows(rows, plan.batch), plan.epoch, falling),
        plan,
        train_key,
        learned=mark_encoder(learned.pair),
        judge=judge_by(judged, judge_key),
        title="refine_encoder",
        quiet=quiet,
    )
    return replace(learned, pair=pair, history=history)


def choose_refining(learned: LearnedModel, name: str, temperature: Temperature | None) -> LearningObjective:
    """Return an objective by name, `EXACT` among them.

    Raises `OptionError` for a name that does not exist or does not suit the encoder.
    """
    if name == EXACT:
        return LearningObjective(EXACT, _enumerate(learned.generator))
    pair = learned.pair if temperature is None else relax(learned.pair, 1.0)
    return choose_objective(name, pair.encoder)


def _enumerate(generator: ProgramGenerator) -> Function:
    states = list_states(generator)

    def exact(
        pair: Pair, key: Key[Array, ""], observed: Float[Array, "batch observed"], draws: int
    ) -> Float[Array, ""]:
        return -enumerate_bound(pair, states, observed)[0].mean()

    return exact
