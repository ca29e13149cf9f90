"""How far draws lie from a reference: offsets of means in its standard deviations, ratios of standard deviations."""

from __future__ import annotations

from dataclasses import asdict, dataclass
from typing import Any

import numpy as np

from benchmarks.posteriors.entry import Parameters


@dataclass(frozen=True)
class Distance:
    """The worst offset of a mean, and the least and largest ratio of standard deviations, each with its parameter."""

    offset: float
    offset_of: str
    least: float
    least_of: str
    most: float
    most_of: str

    @classmethod
    def of(cls, draws: Parameters, reference: dict[str, dict[str, float]], weights: Any = None) -> Distance:
        """Compare draws, weighted ones if need be, with every parameter of the reference."""
        offsets, ratios = {}, {}
        for name, known in reference.items():
            mean, sd = _average(draws[name], weights) if name in draws else (np.nan, np.nan)
            offsets[name], ratios[name] = abs(mean - known["mean"]) / known["sd"], sd / known["sd"]
        worst, low, high = (_find_worst(values) for values in (offsets, _turn(ratios), ratios))
        return cls(offsets[worst], worst, ratios[low], low, ratios[high], high)

    def as_row(self) -> dict[str, Any]:
        """Return the figures with four digits, those that are no numbers as None."""
        return {key: _write(value) for key, value in asdict(self).items()}

    def within(self, offset: float, share: float) -> bool:
        """Return whether all means and standard deviations are that near; not a number is not near."""
        return bool(self.offset <= offset and self.least >= 1 - share and self.most <= 1 + share)


def _average(column: Any, weights: Any) -> tuple[float, float]:
    values = np.asarray(column, dtype=float)
    with np.errstate(all="ignore"):
        mean = np.average(values, weights=weights)
        return float(mean), float(np.sqrt(np.average((values - mean) ** 2, weights=weights)))


def _turn(values: dict[str, float]) -> dict[str, float]:
    return {name: -value for name, value in values.items()}


def _find_worst(values: dict[str, float]) -> str:
    return max(values, key=lambda name: np.inf if np.isnan(values[name]) else values[name])


def _write(value: Any) -> Any:
    if isinstance(value, float):
        return float(f"{value:.4g}") if np.isfinite(value) else None
    return value
