"""How programs of series are learned: `Training`, and what minibatches of series have beside it."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

from retrodict.errors import OptionError
from retrodict.plan.counts import read_count
from retrodict.train.training import Training


@dataclass(frozen=True, eq=False)
class SeriesTraining(Training):
    """How `fit_model` learns programs of series: a `Training`, with 20 series in a minibatch by default.

    Arguments:
        annealing: passes over the data in which the weight of divergences in the bound rises to one. Default 0.
        least_weight: the weight at which it begins. Default 0.
        decay: weights shrink by this times the learning rate in each step (AdamW). Default 0.
        judge_every: passes over the data after which it is judged by held-out series, and kept. Default 1.

    Raises: `OptionError` for numbers out of range.

    >>> SeriesTraining(annealing=50).batch
    20
    """

    batch: int = 20
    annealing: int = 0
    least_weight: float = 0.0
    decay: float = 0.0
    judge_every: int = 1

    def __post_init__(self) -> None:
        super().__post_init__()
        object.__setattr__(self, "annealing", read_count("annealing", self.annealing, 0))
        object.__setattr__(self, "judge_every", read_count("judge_every", self.judge_every))
        for name, most in (("least_weight", 1.0), ("decay", float("inf"))):
            if not 0 <= float(getattr(self, name)) <= most or getattr(self, name) == float("inf"):
                raise OptionError(f"{name}={getattr(self, name)!r} is out of range", remedy="Give 0 or more.")
        if self.temperature is not None:
            raise OptionError("temperature= has no meaning for programs of series", remedy="Leave it out.")

    def describe(self) -> dict[str, Any]:
        """Return what distinguishes a run, in values that JSON can hold."""
        names = ("annealing", "least_weight", "decay", "judge_every")
        return super().describe() | {name: getattr(self, name) for name in names}
