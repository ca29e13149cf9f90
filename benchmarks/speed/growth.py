"""The exponents of growth, from the cases ``grow-...`` of the results."""

from __future__ import annotations

import math
from collections.abc import Iterable, Mapping
from typing import Any

FAMILIES = {"trees": "grow-tree:", "chains": "grow-hmm:"}
LARGE = 1000  # edges from which on the fixed cost of a call hardly counts


def fit_exponent(points: Iterable[tuple[float, float]]) -> float:
    """Return the slope of log y against log x by least squares; NaN for fewer than two points.

    >>> round(fit_exponent([(1, 5), (10, 500), (100, 50_000)]), 6)
    2.0
    """
    logs = [(math.log(x), math.log(y)) for x, y in points]
    if len(logs) < 2:
        return math.nan
    middle = sum(x for x, _ in logs) / len(logs)
    return sum((x - middle) * y for x, y in logs) / sum((x - middle) ** 2 for x, _ in logs)


def list_family(results: Mapping[str, Any], family: str) -> list[dict[str, Any]]:
    """Return the cases of a family that were tried, finished or not."""
    return [row for name, row in results.items() if name.startswith(FAMILIES[family])]


def list_points(rows: Iterable[Mapping[str, Any]], stage: str, least: float = 0) -> list[tuple[float, float]]:
    """Return edges and seconds of a stage for the cases that have come so far and have so many edges."""
    return [
        (row["edges"], row["seconds"][stage])
        for row in rows
        if row.get("edges", -1) >= least and stage in row["seconds"]
    ]


def fit_both(rows: Iterable[Mapping[str, Any]], stage: str) -> tuple[float, float]:
    """Return the exponent over all cases, and over the large ones alone."""
    rows = list(rows)
    return fit_exponent(list_points(rows, stage)), fit_exponent(list_points(rows, stage, LARGE))
