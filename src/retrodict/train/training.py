"""How `fit_model` learns: everything that is neither the model, nor its data, nor the encoder."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from retrodict.plan.counts import read_count, read_rate
from retrodict.train.optimizers import require_schedule
from retrodict.train.temperature import Temperature


@dataclass(frozen=True, eq=False)
class Training:
    """How `fit_model` learns.

    Arguments:
        batch: observations in a minibatch; what does not fill one is left out of an epoch, others in each. Default 128.
        draws: draws of the encoder for each observation. Default 1; ``"rws"`` and ``"vimco"`` need 2 or more.
        learning_rate: that of Adam, whose gradients are clipped to norm 10. Default 0.001.
        schedule: ``"cosine"``, along which the learning rate falls to zero over all epochs, or ``"constant"``.
        held_out: share of the data to judge by, or data of their own, as those of `fit_model`. Default 0.1.
        patience: epochs without a better bound of the held-out data that end the training, of which the best epoch is
            kept. Default: all epochs are taken, and the last is kept.
        temperature: a number, or a temperature that falls from epoch to epoch, at which binary latents are relaxed in
            training, never in what is reported. Default: they are not.
        folder: where the state is kept after each epoch. The same call goes on from it, to the same bits, as does one
            with more epochs. Default: it is not kept.
        watch: a function of model and encoder (``pair.generator``, ``pair.encoder``) that is called after each epoch
            and returns numbers to be recorded. Default: none.

    Raises: `OptionError` for numbers out of range and a schedule that does not exist.

    >>> Training(batch=32, temperature=0.5).temperature
    Temperature(start=0.5, end=0.5, decay=0.0)
    """

    batch: int = 128
    draws: int = 1
    learning_rate: float = 1e-3
    schedule: str = "cosine"
    held_out: float | Mapping[str, Any] = 0.1
    patience: int | None = None
    temperature: float | Temperature | None = None
    folder: str | Path | None = None
    watch: Callable[[Any], Mapping[str, float]] | None = None

    def __post_init__(self) -> None:
        read = {
            "batch": read_count("batch", self.batch),
            "draws": read_count("draws", self.draws),
            "learning_rate": read_rate(self.learning_rate),
            "patience": None if self.patience is None else read_count("patience", self.patience),
            "temperature": Temperature.of(self.temperature),
        }
        require_schedule(self.schedule)
        for name, value in read.items():
            object.__setattr__(self, name, value)

    def describe(self) -> dict[str, Any]:
        """Return what distinguishes a run, in values that JSON can hold."""
        names = ("batch", "draws", "learning_rate", "schedule", "patience")
        return {name: getattr(self, name) for name in names} | {"temperature": repr(self.temperature)}
