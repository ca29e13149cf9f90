"""Training of lifted encoders: on simulations of all sizes, each variable's share divided by its mean number."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace
from functools import partial
from typing import Any

import equinox as eqx
import jax
import jax.numpy as jnp
import numpy as np
from jaxtyping import Array, Float, Key

from retrodict.encode.lifted.cells import Cells
from retrodict.encode.lifted.lifted_encoder import LiftedEncoder
from retrodict.train.compiled import TRAINING
from retrodict.train.devices.many_devices import Devices, find_devices
from retrodict.train.lifted.template_simulations import TemplateSimulator, count_instances
from retrodict.train.loop import History, Judged, Plan, train
from retrodict.train.source import FreshSimulations


class LiftedTrainee(eqx.Module):
    """An encoder with the mean number of instances of each latent in a simulation."""

    encoder: LiftedEncoder
    numbers: tuple[tuple[str, float], ...] = eqx.field(static=True)

    def list_losses(self, cells: Cells) -> Float[Array, " rows"]:
        """Return -log q of each row, in nats an instance: each latent counts as one, however often it is repeated."""
        factors = self.encoder.log_factors(cells)
        shares = [factors[name].reshape(len(factors[name]), -1).sum(axis=1) / number for name, number in self.numbers]
        return -jnp.stack(shares).sum(axis=0)


def fit_lifted(
    encoder: LiftedEncoder,
    simulator: TemplateSimulator,
    plan: Plan,
    key: Key[Array, ""],
    *,
    quiet: bool = False,
) -> tuple[LiftedEncoder, History]:
    """Return an encoder trained on fresh simulations of all sizes, and its history.

    Raises `TrainingError`, naming latents, at the first step whose objective or gradient is not finite.
    """
    train_key, test_key = jax.random.split(key)
    held_out = TRAINING.run(simulator, test_key, plan.held_out)
    counts = count_instances(held_out)
    numbers = tuple((name, max(1.0, counts[name])) for name in encoder.plans)
    plan = replace(plan, piece=None)
    devices = find_devices()
    judge = LiftedJudge(held_out, devices)
    trained, history = train(
        LiftedTrainee(encoder, numbers),
        average_loss,
        FreshSimulations(simulator, plan.batch),
        plan,
        train_key,
        judge=judge,
        blame=_find_culprits,
        title="amortize",
        quiet=quiet,
        devices=devices,
    )
    return trained.encoder, history


def average_loss(trainee: LiftedTrainee, key: Key[Array, ""], batch: Cells) -> Float[Array, ""]:
    """Return the mean of the losses of simulations, which need no randomness of their own."""
    return trainee.list_losses(batch).mean()


class LiftedJudge:
    """Gives the objective on held-out simulations, and the noise of its difference from the last gain."""

    def __init__(self, held_out: Cells, devices: Devices | None = None) -> None:
        self._held_out = held_out
        self._run = TRAINING.run if devices is None else partial(devices.run, rows=1)
        self._last: np.ndarray[Any, Any] | None = None

    def __call__(self, trainee: LiftedTrainee) -> Judged:
        """Return both; what gains is what the next ones are compared with."""
        rows = np.asarray(self._run(_list_losses, trainee, self._held_out), np.float64)
        last = rows if self._last is None else self._last
        change = rows - last
        noise = float(change.std() / np.sqrt(len(rows)))
        if self._last is None or change.mean() < -noise:
            self._last = rows
        return Judged(float(rows.mean()), noise)


def _list_losses(trainee: LiftedTrainee, cells: Cells) -> Float[Array, " rows"]:
    return trainee.list_losses(cells)


def _find_culprits(trainee: LiftedTrainee, batch: Cells) -> tuple[str, ...]:
    factors: Mapping[str, Array] = eqx.filter_jit(partial(LiftedEncoder.log_factors))(trainee.encoder, batch)
    return tuple(name for name, scores in factors.items() if not np.isfinite(np.asarray(scores)).all())
