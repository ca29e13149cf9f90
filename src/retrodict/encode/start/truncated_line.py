"""Truncated regression: linear predictors of numbers that lie between two ends."""

from __future__ import annotations

import numpy as np
from scipy.optimize import minimize
from scipy.special import log_ndtr

from retrodict.encode.start.ridge import LEAST_SPREAD, Cases, Line, Numbers

# All columns together are fitted to so many numbers, each column to this many draws at least.
MOST_NUMBERS, LEAST_DRAWS = 2**16, 512
# The largest scale, in distances of the ends, with which a regression begins.
WIDEST = 1.5
HALF_LOG_TAU = 0.5 * np.log(2 * np.pi)


def fit_between(cases: Cases, low: Numbers, high: Numbers) -> Line:
    r"""Return the linear predictors of columns between ends, infinite where there is none.

    The prediction of ridge is moved and stretched, :math:`m = a + b \hat y`, and a scale found, so that the likelihood
    of normals truncated to the ends is largest: least squares alone flattens the slope towards the middle.

    Source: Hausman & Wise 1977 (truncated regression).
    """
    line = cases.line
    slopes, intercepts, spreads = (np.array(part) for part in line)
    draws = min(cases.values.shape[1], max(LEAST_DRAWS, MOST_NUMBERS // max(1, len(intercepts))))
    predicted = cases.inputs[:, :draws].T @ slopes + intercepts
    weights = cases.draws.weights[:draws] / cases.draws.weights[:draws].sum()
    for column in np.flatnonzero(np.isfinite(low) & np.isfinite(high)).tolist():
        ends, spread = (low[column], high[column]), spreads[column]
        values = cases.values[column, :draws]
        shift, stretch, spread = _fit_column(values, predicted[:, column], spread, ends, weights)
        slopes[:, column] *= stretch
        intercepts[column] = shift + stretch * intercepts[column]
        spreads[column] = spread
    return Line(slopes, intercepts, spreads)


def _fit_column(
    values: Numbers, predicted: Numbers, spread: float, ends: tuple[float, float], weights: Numbers
) -> tuple[float, float, float]:
    """Return shift, stretch and scale of the largest likelihood; those of least squares where that is no better."""
    middle, width = sum(ends) / 2, ends[1] - ends[0]

    def lose(point: Numbers) -> float:
        mean = middle + point[0] + point[1] * (predicted - middle)
        return -float(weights @ log_between(values, mean, float(np.exp(point[2])), ends))

    begin = np.array([0.0, 1.0, np.log(np.clip(spread, LEAST_SPREAD, WIDEST * width))])
    bounds = [(-width, width), (0.0, 10.0), (np.log(LEAST_SPREAD), np.log(WIDEST * width))]
    found = minimize(lose, begin, method="L-BFGS-B", bounds=bounds)
    shift, stretch, log_scale = found.x if np.isfinite(found.fun) and found.fun <= lose(begin) else begin
    return float(middle * (1 - stretch) + shift), float(stretch), float(np.exp(log_scale))


def log_between(values: Numbers, mean: Numbers, scale: float, ends: tuple[float, float]) -> Numbers:
    """Return the log density of truncated normals in double precision.

    >>> log_between(np.array([0.25]), np.array([-30.0]), 1.0, (0.0, 1.0)).round(3).tolist()
    [-4.129]
    """
    first, last = (ends[0] - mean) / scale, (ends[1] - mean) / scale
    above = first + last > 0
    first, last = np.where(above, -last, first), np.where(above, -first, last)
    mass = log_ndtr(last) + np.log1p(-np.exp(log_ndtr(first) - log_ndtr(last)))
    density: Numbers = -0.5 * ((values - mean) / scale) ** 2 - HALF_LOG_TAU - np.log(scale) - mass
    return density
