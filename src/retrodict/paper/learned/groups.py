"""Results put together: those of one model, by encoder, over seeds and capacities."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from retrodict.paper.experiment import Result
from retrodict.paper.learned.measures import LearnedUnit
from retrodict.paper.learned.tasks import ENCODERS, TASKS
from retrodict.plan.layout import Floats


@dataclass(frozen=True)
class Series:
    """The runs of one encoder of a model at one capacity, in the order of their seeds."""

    encoder: str
    capacity: int
    runs: tuple[Result[LearnedUnit], ...]

    def facts(self, name: str) -> Floats:
        """Return a fact of each run, not a number where it is missing."""
        values = [run.facts.get(name) for run in self.runs]
        return np.array([np.nan if value is None else float(value) for value in values])

    @property
    def title(self) -> str:
        """All names of the encoder."""
        return next((str(run.facts["names"]) for run in self.runs if "names" in run.facts), self.encoder)


@dataclass(frozen=True)
class Mean:
    """A mean over seeds with its standard error, which is not a number for a single seed."""

    value: float
    error: float

    @classmethod
    def of(cls, values: Floats) -> Mean:
        """Return the mean of what is there."""
        kept = values[np.isfinite(values)]
        if not len(kept):
            return cls(np.nan, np.nan)
        error = kept.std(ddof=1) / np.sqrt(len(kept)) if len(kept) > 1 else np.nan
        return cls(float(kept.mean()), float(error))

    def __str__(self) -> str:
        if np.isnan(self.value):
            return "-"
        return f"{self.value:.3f}" if np.isnan(self.error) else f"{self.value:.3f} ± {self.error:.3f}"


def list_models(results: Sequence[Result[LearnedUnit]]) -> list[tuple[str, str]]:
    """Return data and models of which there are results, models in the order of the experiment."""
    found = {(result.unit.data, result.unit.model) for result in results}
    return [(data, model) for data in sorted({data for data, _ in found}) for model in TASKS if (data, model) in found]


def gather(results: Sequence[Result[LearnedUnit]], data: str, model: str) -> list[Series]:
    """Return the series of a model, encoders in the order of the experiment, capacities from small to large."""
    mine = [result for result in results if (result.unit.data, result.unit.model) == (data, model)]
    keys = {(ENCODERS.index(result.unit.encoder), result.unit.capacity) for result in mine}
    return [
        Series(ENCODERS[place], capacity, _sort([r for r in mine if _key(r) == (place, capacity)]))
        for place, capacity in sorted(keys)
    ]


def choose_main(series: Sequence[Series], model: str) -> list[Series]:
    """Return the series at the model's own capacity, or at the largest there is."""
    own = [one for one in series if one.capacity == TASKS[model].capacity]
    largest = max(one.capacity for one in series)
    return own or [one for one in series if one.capacity == largest]


def compare(one: Series, other: Series, name: str) -> Mean:
    """Return by how much the first is above the second in a fact, seed by seed."""
    first = {run.unit.seed: value for run, value in zip(one.runs, one.facts(name), strict=True)}
    second = {run.unit.seed: value for run, value in zip(other.runs, other.facts(name), strict=True)}
    return Mean.of(np.array([first[seed] - second[seed] for seed in sorted(first.keys() & second.keys())]))


def _key(result: Result[LearnedUnit]) -> tuple[int, int]:
    return ENCODERS.index(result.unit.encoder), result.unit.capacity


def _sort(runs: Sequence[Result[LearnedUnit]]) -> tuple[Result[LearnedUnit], ...]:
    return tuple(sorted(runs, key=lambda run: run.unit.seed))
