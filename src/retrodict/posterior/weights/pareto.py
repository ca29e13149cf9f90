"""Pareto smoothing of importance weights: how heavy their tail is, and weights with the tail made regular.

Sources: Vehtari, Simpson, Gelman, Yao & Gabry 2024, Pareto smoothed importance sampling, algorithm 1;
Zhang & Stephens 2009, A new and efficient estimation method for the generalized Pareto distribution;
Chatterjee & Diaconis 2018, The sample size required in importance sampling, section 2.
"""

from __future__ import annotations

from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

Doubles = NDArray[np.float64]

# With fewer weights in the tail nothing can be fitted.
LEAST_TAIL = 5
# Weights of the tail that differ by less than this share of the largest weight have no tail to speak of.
NO_TAIL = 1e-4
# Zhang & Stephens' constants; Vehtari et al. add a prior of ten observations that draws the shape to 1/2.
PRIOR_LOCATION = 3
PRIOR_WEIGHT = 10
PRIOR_SHAPE = 0.5
# Weights whose largest is below the number of draws to this power, in averages, are even: 4 of 1,000, 6 of 10,000.
EVEN = 0.2


class Smoothed(NamedTuple):
    """Log weights that sum to one, with their tail smoothed, and the shape of that tail."""

    log_weights: Doubles
    khat: float


def smooth(log_weights: Doubles) -> Smoothed:
    r"""Return Pareto smoothed, normalized log weights, and the shape :math:`\hat k` of their tail.

    The largest :math:`\min(S/5, 3\sqrt S)` of :math:`S` weights are replaced by quantiles of the generalized
    Pareto distribution that fits them. Weights that hardly differ have no tail: :math:`\hat k = -\infty`. Where
    fewer than five are in the tail, too few to tell, :math:`\hat k = \infty`. At least one weight is not zero.

    >>> rng = np.random.default_rng(0)
    >>> round(smooth(0.5 * rng.exponential(size=100_000)).khat, 1)  # Pareto weights of shape 1/2
    0.5
    """
    relative = np.asarray(log_weights, dtype=np.float64) - np.max(log_weights)
    n = len(relative)
    order = np.argsort(relative, kind="stable")
    length = int(np.ceil(min(n / 5, 3 * np.sqrt(n))))
    cutoff = max(relative[order[-length - 1]] if length < n else -np.inf, np.log(np.finfo(np.float64).tiny))
    tail = order[relative[order] > cutoff]
    if np.exp(cutoff) > 1 - NO_TAIL:
        return Smoothed(_normalize(relative), -np.inf)
    if len(tail) < LEAST_TAIL:
        return Smoothed(_normalize(relative), np.inf)
    if np.exp(relative[tail[0]]) > 1 - NO_TAIL:  # discrete latents: the largest weight is that of many draws
        return Smoothed(_normalize(relative), -np.inf)
    shape, scale = fit_pareto(np.exp(relative[tail]) - np.exp(cutoff))
    smoothed = relative.copy()
    levels = (np.arange(len(tail)) + 0.5) / len(tail)
    smoothed[tail] = np.minimum(np.log(np.exp(cutoff) + _quantile(levels, shape, scale)), 0.0)
    return Smoothed(_normalize(smoothed), shape)


def fit_pareto(excess: Doubles) -> tuple[float, float]:
    r"""Return shape :math:`k` and scale :math:`\sigma` of the generalized Pareto distribution of positive numbers.

    ``excess`` ascends. The profile likelihood of :math:`b = -k / \sigma` is averaged over a grid, which is steadier
    than its maximum; the shape is drawn a little towards 1/2.

    Sources: Zhang & Stephens 2009, section 3; Vehtari et al. 2024, appendix G (the prior).

    >>> rng = np.random.default_rng(1)
    >>> k, sigma = fit_pareto(np.sort(rng.pareto(2.0, 5000)))  # Lomax with exponent 2: k = sigma = 1/2
    >>> round(k, 1), round(sigma, 1)
    (0.5, 0.5)
    """
    n = len(excess)
    points = 30 + int(np.sqrt(n))
    quartile = excess[int(n / 4 + 0.5) - 1]
    grid = 1 / excess[-1] + (1 - np.sqrt(points / (np.arange(1, points + 1) - 0.5))) / (PRIOR_LOCATION * quartile)
    grid = grid[grid != 0]
    shapes = np.log1p(-grid[:, None] * excess).mean(axis=1)
    profile = n * (np.log(-grid / shapes) - shapes - 1)
    weights = np.exp(profile - profile.max())
    b = float((grid * weights).sum() / weights.sum())
    shape = float(np.log1p(-b * excess).mean())
    scale = -shape / b
    return (n * shape + PRIOR_WEIGHT * PRIOR_SHAPE) / (n + PRIOR_WEIGHT), scale


def bound_shape(shape: float, log_weights: Doubles) -> float:
    r"""Return the shape of a tail, or what the largest weight says of it where weights are even.

    The largest of :math:`S` weights with a tail of shape :math:`k` is about :math:`S^k` averages. If it is below
    :math:`S^{0.2}`, no draw can move a mean, whatever the shape of the few weights that are a little larger than the
    others: a fit to those says 2 or 4 of weights of which 99 % are effective. The exponent of the largest weight is
    then the bound. A normal proposal with a standard deviation too small by a fifth has larger weights than that.

    Source: Chatterjee & Diaconis 2018, section 2 (the largest share of the weight as a diagnostic).

    >>> rng = np.random.default_rng(0)
    >>> even = 0.001 * rng.normal(size=10_000)
    >>> even[:100] = 0.01 * np.exp(4.8 * rng.uniform(size=100))  # up to 3.3
    >>> shape = smooth(even).khat
    >>> round(shape, 1), round(bound_shape(shape, even), 2)
    (3.0, 0.13)
    """
    n = len(log_weights)
    relative = np.asarray(log_weights, dtype=np.float64) - np.max(log_weights)
    exponent = 1 - float(np.log(np.exp(relative).sum()) / np.log(n)) if n > 1 else np.inf
    return min(shape, exponent) if exponent < EVEN else shape


def threshold(draws: int) -> float:
    r"""Return the shape below which weights can be relied on, :math:`\min(1 - 1/\log_{10} S, 0.7)`.

    Source: Vehtari et al. 2024, section 3.2.4.

    >>> [round(threshold(draws), 2) for draws in (100, 1000, 10_000)]
    [0.5, 0.67, 0.7]
    """
    return float(min(1 - 1 / np.log10(draws), 0.7)) if draws > 1 else -np.inf


def _quantile(levels: Doubles, shape: float, scale: float) -> Doubles:
    if abs(shape) < 1e-12:
        return np.asarray(-scale * np.log1p(-levels))
    return np.asarray(scale * np.expm1(-shape * np.log1p(-levels)) / shape)


def _normalize(log_weights: Doubles) -> Doubles:
    return np.asarray(log_weights - np.log(np.exp(log_weights).sum()))
