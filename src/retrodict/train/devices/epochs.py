"""Epochs of training as one compiled program, on one device or on many."""

from __future__ import annotations

from collections.abc import Callable
from functools import partial
from typing import Any, NamedTuple

import equinox as eqx
import jax
import optax
from jaxtyping import Array, Float, Key

from retrodict.encode.keys import fold_key, split_key
from retrodict.train.compiled import TRAINING
from retrodict.train.devices.many_devices import Devices
from retrodict.train.source import Source, Step
from retrodict.train.steps import TrainingState, average


class Setting(NamedTuple):
    """What is constant in the program of an epoch: ``epoch`` steps long, on one device where ``devices`` is None."""

    objective: Callable[..., Any]
    optimizer: optax.GradientTransformation
    piece: int | None
    epoch: int
    devices: Devices | None = None


class Epochs:
    """Takes epochs of one training, one after another; ``held`` is what is not learned.

    On many devices state, held parts and source are whole on each; what is given and taken is of one.
    """

    def __init__(self, held: Any, source: Source[Any], key: Key[Array, ""], setting: Setting) -> None:
        self._source, self._key, self._setting = source, key, setting
        self._held = held if setting.devices is None else setting.devices.place(held)
        self._placed: tuple[Any, Any] = (None, None)

    def take(self, state: TrainingState, done: int, steps: int) -> tuple[TrainingState, float]:
        """Return the state after ``steps`` steps, ``done`` having been taken, and the mean of their objective."""
        devices, loaded = self._setting.devices, self._source.load(self._key, done, steps)
        if devices is None:
            state, losses = TRAINING.run(_run_epoch, state, self._held, loaded, self._key, (*self._setting, steps))
            return state, float(losses.mean())
        placed = devices.place(state), self._held, self._place(devices, loaded), devices.place(self._key)
        state, losses = devices.take(TRAINING.run(_run_epoch, *placed, (*self._setting, steps)))
        return state, float(losses.mean())

    def _place(self, devices: Devices, loaded: Source[Any]) -> Source[Any]:
        """Return a source on all devices; the same one is not copied again."""
        if self._placed[0] is not loaded:
            self._placed = loaded, devices.place(loaded)
        found: Source[Any] = self._placed[1]
        return found


def _run_epoch(
    state: TrainingState, held: Any, source: Source[Any], key: Key[Array, ""], setting: tuple[Any, ...]
) -> tuple[TrainingState, Float[Array, " steps"]]:
    objective, optimizer, piece, epoch, devices, steps = setting
    shared = source.share(key, state.step, epoch)
    _, own = split_key(fold_key(key, state.step))
    taken = take_steps(state, held, objective, optimizer, partial(shared, key), own, steps, piece, devices)
    return taken if devices is None else devices.unite(taken)


def take_steps(
    state: TrainingState,
    held: Any,
    objective: Callable[..., Any],
    optimizer: optax.GradientTransformation,
    draw: Callable[[Step], Any],
    key: Key[Array, ""],
    steps: int,
    piece: int | None = None,
    devices: Devices | None = None,
) -> tuple[TrainingState, Float[Array, " steps"]]:
    """Return the state after many steps, in one program, and the objective of each.

    In a step a minibatch is drawn, and the objective differentiated by the parameters; with ``held``, which is not
    learned, they make what is trained. Rows of minibatches are divided among ``devices``.
    """

    def measure(parameters: Any, own: Key[Array, ""], batch: Any) -> Float[Array, ""]:
        return objective(eqx.combine(parameters, held), own, batch)

    def advance(state: TrainingState, _: None) -> tuple[TrainingState, Float[Array, ""]]:
        differentiate = partial(eqx.filter_value_and_grad(measure), state.parameters)
        own = fold_key(key, state.step)
        batch = draw(state.step) if devices is None else devices.divide(draw(state.step))
        parts = 1 if devices is None else devices.count
        loss, gradient = average(partial(differentiate, own), batch, piece, parts)
        return state.take(optimizer, loss, gradient), loss

    return jax.lax.scan(advance, state, length=steps)
