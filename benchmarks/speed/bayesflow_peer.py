"""BayesFlow's default workflow, a coupling flow trained on new simulations, as a contestant."""

from __future__ import annotations

import os

os.environ["KERAS_BACKEND"] = "jax"

import contextlib
import math
from typing import Any

import bayesflow
import keras
import numpy as np

from benchmarks.speed.problem import Problem
from benchmarks.speed.turns import Turns


class _Stop(Exception):  # noqa: N818
    """Training can stop."""


class Watch(keras.callbacks.Callback):
    """Measure the distance from the exact posterior after each epoch."""

    def __init__(self, turns: Turns, given: Problem, target: float, limit: float) -> None:
        super().__init__()
        self.turns, self.given, self.target, self.limit = turns, given, target, limit
        self.best, self.times = math.inf, []

    def on_epoch_end(self, epoch: int, logs: Any = None) -> None:
        """Stop training when the target is reached or the time is over."""
        seen, judged = self.given.observed, self.given.judged
        with self.turns.pause():
            log_q = self.model.log_prob(data={"latents": judged[:, seen:], "observed": judged[:, :seen]})
            gap = self.given.log_posterior - np.asarray(log_q, dtype=np.float64)
            self.best = min(self.best, float(gap.mean()) / self.given.latents)
        self.times.append(self.turns.seconds())
        if self.best <= self.target or self.turns.seconds() > self.limit:
            raise _Stop


def reach(turns: Turns, problem: str, target: float, limit: float, batch: int, epochs: int, rate: float) -> None:
    """Train online until the distance is reached; a seed a turn."""
    given = Problem.load(problem)
    seen = given.observed
    seed = 0
    while True:
        turns.begin()
        keras.utils.set_random_seed(seed)
        random = np.random.default_rng(seed)

        def draw(batch_shape: Any, random: Any = random) -> dict[str, Any]:
            noise = random.standard_normal((*batch_shape, given.mixing.shape[1]), dtype=np.float32)
            columns = noise @ given.mixing.T
            return {"latents": columns[..., seen:], "observed": columns[..., :seen]}

        workflow = bayesflow.BasicWorkflow(
            simulator=bayesflow.simulators.LambdaSimulator(draw, is_batched=True),
            inference_variables="latents",
            inference_conditions="observed",
            standardize="all",
            initial_learning_rate=rate,
        )
        watch = Watch(turns, given, target, limit)
        with contextlib.suppress(_Stop):
            workflow.fit_online(
                epochs=epochs, num_batches_per_epoch=100, batch_size=batch, verbose=0, callbacks=[watch]
            )
        each = float(np.median(np.diff(watch.times))) if len(watch.times) > 1 else turns.seconds()
        turns.end(
            best=watch.best,
            reached=watch.best <= target,
            steps=100 * len(watch.times),
            without_compiling=each * len(watch.times),
        )
        seed += 1
