"""The optimizer of every training."""

from __future__ import annotations

from functools import lru_cache

import optax

from retrodict.errors import OptionError
from retrodict.train.pace import follow_pace

# The steps in which a learning rate rises to its height.
WARMUP = 100
SCHEDULES = ("cosine", "constant")


@lru_cache(maxsize=64)
def choose_optimizer(learning_rate: float, steps: int, schedule: str = "cosine") -> optax.GradientTransformation:
    """Return Adam with gradients clipped to norm 10 and a learning rate that falls to zero along a cosine.

    With the ``schedule`` ``"constant"`` it does not fall. Raises `OptionError` for another.

    Flattened: an optimizer pays for every array, in compiling and in each step. Equal numbers give the same object, and
    so the same compiled program.
    """
    require_schedule(schedule)
    falls = schedule == "cosine"
    rate = optax.cosine_decay_schedule(learning_rate, steps) if falls else optax.constant_schedule(learning_rate)
    return optax.flatten(optax.chain(optax.clip_by_global_norm(10.0), optax.adam(rate)))


@lru_cache(maxsize=64)
def choose_paced(learning_rate: float) -> optax.GradientTransformation:
    """Return the same Adam, whose learning rate rises over the first steps and then follows a `Pace`.

    At once, it would lose a good start: the first steps of Adam are as long as its rate, whatever the gradient.
    """
    rate = optax.linear_schedule(learning_rate / WARMUP, learning_rate, WARMUP)
    return optax.flatten(optax.chain(optax.clip_by_global_norm(10.0), optax.adam(rate), follow_pace()))


def require_schedule(schedule: str) -> None:
    """Raise `OptionError` for a schedule of the learning rate that does not exist."""
    if schedule not in SCHEDULES:
        raise OptionError(f"schedule={schedule!r} does not exist", remedy=f"Choose one of {', '.join(SCHEDULES)}.")
