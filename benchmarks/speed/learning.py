"""`fit_model` as a contestant: a generative model and its encoder, learned from images in whole epochs."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import jax
import jax.numpy as jnp

from benchmarks.speed.images import Pixels
from benchmarks.speed.turns import Turns
from retrodict import Capacity, Training, fit_model, zoo
from retrodict.train.autoencoder import Pair
from retrodict.train.learning import evaluate

ENDLESS = 10**7


def learn(turns: Turns, images: str, encoder: str, judging: bool, task: Mapping[str, int], epochs: int) -> None:
    """Learn with `fit_model`: in the first turn ``first`` epochs, whose bound is told, then ``epochs`` in each.

    Unless ``judging``, what is recorded after each epoch is the bound of one held-out image, not of all.
    """
    given = Pixels.load(images)
    taken, facts = 0, dict[str, float]()

    def watch(pair: Pair) -> Mapping[str, float]:
        nonlocal taken, facts
        taken += 1
        if taken == (epochs if facts else task["first"]):
            amount, taken = taken, 0
            with turns.pause():
                facts = facts or {"bound": judge(pair, given, task["draws"]), "parameters": count_parameters(pair)}
            turns.end(amount, **facts)
            turns.begin()
        return {}

    held_out = given.test if judging else given.test[:1]
    turns.begin()
    program = zoo.programs.vae(task["latents"], given.train.shape[1], (task["hidden"],))
    fit_model(
        program,
        {"x": given.train},
        encoder,
        widths=Capacity(task["capacity"]),
        epochs=ENDLESS,
        training=Training(batch=task["batch"], held_out={"x": held_out}, watch=watch),
        quiet=True,
    )


def judge(pair: Pair, given: Pixels, draws: int) -> float:
    """Return the evidence lower bound of the images that nobody learns from, in nats an image."""
    return float(evaluate(pair, jax.random.key(0), jnp.asarray(given.test), draws).mean())


def count_parameters(pair: Pair) -> int:
    """Return how many weights and biases of the encoder are in use: what a mask switches off is none."""
    network: Any = pair.encoder
    network = network.network
    layers = [*network.layers, *([network.skip] if network.skip is not None else [])]
    return sum(layer.in_use for layer in layers)
