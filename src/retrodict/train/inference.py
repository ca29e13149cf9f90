"""Inference compilation: an encoder trained on fresh simulations of a model that stays as it is."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import replace
from functools import partial
from typing import Any

import jax
import jax.numpy as jnp
import numpy as np
from jaxtyping import Array, Float, Key

from retrodict.encode.encoder import Encoder
from retrodict.train.compiled import TRAINING
from retrodict.train.devices.many_devices import Devices, find_devices
from retrodict.train.failed_simulations import Simulated, UsableSimulations
from retrodict.train.loop import History, Judged, Plan, train
from retrodict.train.objectives.cross_entropy import cross_entropy
from retrodict.train.source import FreshSimulations, ShuffledRows
from retrodict.train.steps import choose_piece

Simulate = Callable[[Key[Array, ""], int], Simulated]


def fit(
    encoder: Encoder,
    simulate: Simulate,
    plan: Plan,
    key: Key[Array, ""],
    *,
    watch: Callable[[Encoder], Mapping[str, float]] = lambda _: {},
    names: tuple[Any, ...] = (),
    title: str = "fit",
    quiet: bool = False,
) -> tuple[Encoder, History]:
    """Return an encoder trained on fresh simulations, and its history.

    Arguments:
        encoder: the untrained encoder.
        simulate: ``simulate(key, n)`` gives columns of latents and of observed values; equal ones share programs.
            Rows that are not finite give their place to others.
        plan: how long and how fast; ``held_out`` simulations judge.
        key: for simulations, those held out included.
        watch: is called after each epoch and may return numbers to record.
        names: those of the latent columns, for messages.
        title: what stands before the progress.
        quiet: True shows no progress.

    Raises: `TrainingError` at the first step whose objective or gradient is not finite.

    Source: Paige & Wood 2016, section 3 (inference compilation); Webb et al. 2017, section 3.
    """
    train_key, test_key = jax.random.split(key)
    simulate = UsableSimulations(simulate)
    return train_judged(
        encoder,
        compile_inference,
        FreshSimulations(simulate, plan.batch),
        TRAINING.run(simulate, test_key, plan.held_out),
        plan,
        train_key,
        watch=watch,
        blame=partial(find_culprits, names),
        title=title,
        quiet=quiet,
    )


def fit_rows(
    encoder: Encoder,
    rows: tuple[Array, Array],
    held_out: tuple[Array, Array],
    plan: Plan,
    key: Key[Array, ""],
    *,
    names: tuple[Any, ...] = (),
    title: str = "fit",
    quiet: bool = False,
) -> tuple[Encoder, History]:
    """Return an encoder trained on simulations that are kept, pass by pass, and its history.

    Arguments are those of `fit`, with ``rows`` and ``held_out`` simulations in the place of a simulator.
    """
    plan = replace(plan, batch=min(plan.batch, len(rows[0])))
    return train_judged(
        encoder,
        compile_rows,
        ShuffledRows(jnp.concatenate(rows, axis=1), plan.batch),
        held_out,
        plan,
        key,
        blame=lambda encoder, batch: find_culprits(names, encoder, _divide(encoder, batch)),
        title=title,
        quiet=quiet,
    )


def train_judged(
    encoder: Encoder, objective: Any, source: Any, held_out: Simulated, plan: Plan, key: Key[Array, ""], **options: Any
) -> tuple[Encoder, History]:
    """Return an encoder trained by `train`, judged on held-out simulations, and its history; options are those of it.

    Rows are divided among all devices there are.     A pace is told the noise of what it judges by, too.
    """
    devices = find_devices()
    judge = Judge(held_out, choose_piece(encoder), devices)
    plan = replace(plan, piece=choose_piece(encoder))
    judged = judge if plan.pace is not None else lambda encoder: judge(encoder).objective
    return train(encoder, objective, source, plan, key, judge=judged, devices=devices, **options)


def compile_rows(encoder: Encoder, key: Key[Array, ""], batch: Float[Array, "batch columns"]) -> Float[Array, ""]:
    """Return the cross-entropy of rows: codes of latents, then what an encoder is given of data."""
    return cross_entropy(encoder, *_divide(encoder, batch))


def _divide(encoder: Encoder, batch: Float[Array, "batch columns"]) -> Simulated:
    latents = len(encoder.structure.level)
    return batch[:, :latents], batch[:, latents:]


def compile_inference(encoder: Encoder, key: Key[Array, ""], batch: Simulated) -> Float[Array, ""]:
    """Return the cross-entropy of simulations, which needs no randomness of its own."""
    return cross_entropy(encoder, *batch)


class Judge:
    """Gives the objective of an encoder on held-out simulations, and the noise of its difference from the last gain."""

    def __init__(self, held_out: Simulated, piece: int, devices: Devices | None = None) -> None:
        self._held_out, self._piece, self._devices = held_out, piece, devices
        self._last: np.ndarray[Any, Any] | None = None

    def __call__(self, encoder: Encoder) -> Judged:
        """Return both; what gains is what the next ones are compared with (`find_gains`)."""
        rows = np.asarray(self._evaluate(encoder), np.float64)
        if self._last is None:
            self._last = rows
        change = rows - self._last
        noise = float(change.std() / np.sqrt(len(rows)))
        if change.mean() < -noise:
            self._last = rows
        return Judged(float(rows.mean()), noise)

    def _evaluate(self, encoder: Encoder) -> Any:
        if self._devices is None:
            return TRAINING.run(_evaluate, encoder, self._held_out, self._piece)
        return self._devices.run(_evaluate, encoder, self._held_out, self._piece * self._devices.count, rows=1)


def _evaluate(encoder: Encoder, batch: Simulated, piece: int) -> Any:
    def judge(rows: Simulated) -> Float[Array, " batch"]:
        return -encoder.log_prob(*rows)

    rows = len(batch[0])
    if rows <= piece:
        return judge(batch)
    return jax.lax.map(lambda row: judge(jax.tree.map(lambda part: part[None], row))[0], batch, batch_size=piece)


def find_culprits(names: tuple[Any, ...], encoder: Encoder, batch: Simulated) -> tuple[Any, ...]:
    """Return the latents whose density was not finite on a minibatch."""
    finite = np.isfinite(np.asarray(encoder.log_factors(*batch))).all(axis=0)
    return tuple(name for name, good in zip(names, finite, strict=False) if not good)
