"""Linear regression of columns on their parents: ridge, of which the data choose the strength."""

from __future__ import annotations

from dataclasses import dataclass
from functools import cached_property
from typing import NamedTuple

import numpy as np
from jaxtyping import Float

from retrodict.graph.rows import Integers

# The strengths of the ridge that are compared, relative to the mean eigenvalue.
STRENGTHS = 10.0 ** np.arange(-10, 5, 0.5)
# What a regression leaves of a column in standard units is at least this: single precision resolves no less.
LEAST_SPREAD = 1e-4
# Directions of which the parents have a smaller share than this are rounding.
RESOLVED = 1e-13
# A column is regressed on so many parents at most, those with which it correlates most.
MOST_PARENTS = 1024

Numbers = Float[np.ndarray, "..."]


class Line(NamedTuple):
    """Linear predictors of columns: ``slopes`` (parents, columns), ``intercepts``, and ``spreads`` of what is left."""

    slopes: Numbers
    intercepts: Numbers
    spreads: Numbers


class Affine(NamedTuple):
    """Parameters of conditionals as affine maps: (parents, columns, parameters) and (columns, parameters)."""

    slopes: Numbers
    intercepts: Numbers


@dataclass(frozen=True, eq=False)
class Sampled:
    """What is regressed: ``inputs`` and ``values``, a row for each input and each column, with weights of the draws.

    Weights add up to the number of draws that would be as good.
    """

    inputs: Float[np.ndarray, "inputs draws"]
    values: Float[np.ndarray, "columns draws"]
    weights: Float[np.ndarray, " draws"]

    @classmethod
    def of(cls, inputs: Numbers, values: Numbers, weights: Numbers | None = None) -> Sampled:
        """Take rows of inputs and values, one a draw; draws that are not all finite are left out."""
        weights = np.ones(len(inputs)) if weights is None else np.asarray(weights, np.float64)
        finite = np.isfinite(inputs).all(axis=1) & np.isfinite(values).all(axis=1) & (weights > 0)
        kept = weights[finite] / max(weights[finite].sum(), np.finfo(float).tiny)
        effective = 1.0 / max((kept**2).sum(), np.finfo(float).tiny)
        rows = (np.ascontiguousarray(part[finite].T, np.float64) for part in (inputs, values))
        return cls(next(rows), next(rows), kept * effective)

    @property
    def effective(self) -> float:
        """The number of draws without weights that would be as good."""
        return float(self.weights.sum())

    @cached_property
    def input_means(self) -> Numbers:
        """The mean of each input."""
        return self.inputs @ self.weights / self.effective

    @cached_property
    def value_means(self) -> Numbers:
        """The mean of each column."""
        return self.values @ self.weights / self.effective

    @cached_property
    def centered_inputs(self) -> Numbers:
        """Inputs about their means, times the roots of the weights."""
        return (self.inputs - self.input_means[:, None]) * np.sqrt(self.weights)

    @cached_property
    def centered_values(self) -> Numbers:
        """Columns about their means, times the roots of the weights."""
        return (self.values - self.value_means[:, None]) * np.sqrt(self.weights)

    @cached_property
    def products(self) -> Numbers:
        """The products of all inputs, then all columns, with each other."""
        whole = np.concatenate([self.centered_inputs, self.centered_values])
        product: Numbers = whole @ whole.T
        return product


@dataclass(frozen=True, eq=False)
class Cases:
    """Some columns of draws with the same parents, which are inputs of the draws.

    ``shared`` says that the products of all inputs and columns are worked out once, of which these are taken.
    """

    draws: Sampled
    parents: Integers
    columns: Integers
    shared: bool = False

    def take(self, which: Integers) -> Cases:
        """Return some of the columns, by their place among these."""
        return Cases(self.draws, self.parents, self.columns[which], self.shared)

    @property
    def inputs(self) -> Numbers:
        """The values of the parents, a row each."""
        return self.draws.inputs[self.parents]

    @property
    def values(self) -> Numbers:
        """The values of the columns, a row each."""
        return self.draws.values[self.columns]

    @cached_property
    def line(self) -> Line:
        """The linear predictor of each column from its parents."""
        if len(self.parents) > MOST_PARENTS:
            return self._screen()
        draws = self.draws
        slopes, variances = fit_ridge(*self._multiply(), draws.effective)
        intercepts = draws.value_means[self.columns] - draws.input_means[self.parents] @ slopes
        return Line(slopes, intercepts, np.sqrt(np.maximum(variances, LEAST_SPREAD**2)))

    def _multiply(self) -> tuple[Numbers, Numbers, Numbers]:
        """Return the products of parents with each other, with the columns, and of each column with itself."""
        if self.shared:
            products, columns = self.draws.products, len(self.draws.inputs) + self.columns
            between = products[np.ix_(self.parents, np.concatenate([self.parents, columns]))]
            count = len(self.parents)
            return between[:, :count], between[:, count:], products[columns, columns]
        inputs, values = self.draws.centered_inputs[self.parents], self.draws.centered_values[self.columns]
        return inputs @ inputs.T, inputs @ values.T, (values**2).sum(axis=1)

    def _screen(self) -> Line:
        """Regress on the parents with the largest correlations (Fan & Lv 2008, sure independence screening)."""
        inputs, values = self.draws.centered_inputs[self.parents], self.draws.centered_values[self.columns]
        size = np.sqrt((inputs**2).sum(axis=1)).clip(np.finfo(float).tiny)
        strength = np.abs(inputs @ values.T).max(axis=1) / size
        chosen = np.sort(np.argsort(-strength, kind="stable")[:MOST_PARENTS])
        few = Cases(self.draws, self.parents[chosen], self.columns, self.shared).line
        slopes = np.zeros((len(self.parents), len(self.columns)))
        slopes[chosen] = few.slopes
        return few._replace(slopes=slopes)


def fit_ridge(gram: Numbers, products: Numbers, squares: Numbers, draws: float) -> tuple[Numbers, Numbers]:
    r"""Return slopes (parents, columns) and the variance with which the columns of a new draw are predicted.

    The strength :math:`\lambda` of the ridge is that of the largest evidence of :math:`y \sim N(0, s^2 (I + X X^T /
    \lambda))`, the best :math:`s` taken. The variance is that of cross-validation, :math:`n \mathrm{RSS} / (n - 1 -
    \gamma)^2`, where :math:`\gamma` parents count in full. All is centered: ``gram`` are products of parents with each
    other, ``products`` those with the columns, ``squares`` those of the columns.

    Sources: MacKay 1992 (Bayesian interpolation), section 4; Golub, Heath & Wahba 1979.

    >>> slopes, variances = fit_ridge(np.array([[100.0]]), np.array([[200.0]]), np.array([500.0]), 100.0)
    >>> slopes.round(2).tolist(), variances.round(2).tolist()
    ([[1.99]], [1.04])
    """
    sizes, directions = np.linalg.eigh(gram) if len(gram) else (np.zeros(0), np.zeros((0, 0)))
    real = sizes > RESOLVED * sizes.max(initial=0.0)
    sizes, directions = sizes[real, None], directions[:, real]
    rotated = directions.T @ products
    reached = rotated**2 / sizes  # the squares that each direction explains without a ridge
    free = max(draws - 1 - len(sizes), 0.0)
    out = np.maximum(squares - reached.sum(axis=0), 0.0) if free > 0 else np.zeros(len(squares))
    strength = _choose_strength(sizes, reached, out, draws)
    kept = strength / (sizes + strength)
    freedom = np.maximum(free + kept.sum(axis=0), np.finfo(float).tiny)
    variances = draws * (out + (reached * kept**2).sum(axis=0)) / freedom / freedom
    return directions @ (rotated / (sizes + strength)), variances


def _choose_strength(sizes: Numbers, reached: Numbers, out: Numbers, draws: float) -> Numbers:
    """Return the strength of the ridge for each column."""
    tried = STRENGTHS * (float(sizes.mean()) if len(sizes) else 1.0)
    kept = tried[:, None] / (sizes.T + tried[:, None])
    left = np.maximum(out + kept @ reached, np.finfo(float).tiny)
    evidence = -(draws - 1) * np.log(left) + np.log(kept).sum(axis=1)[:, None]
    chosen: Numbers = tried[evidence.argmax(axis=0)]
    return chosen
