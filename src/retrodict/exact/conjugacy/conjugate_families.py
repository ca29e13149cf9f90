"""Families of densities that are exponentials of two statistics: parameters from slopes, draws, and log densities."""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Collection
from dataclasses import dataclass
from fractions import Fraction
from typing import Any, NamedTuple

import jax
import jax.numpy as jnp
import numpy as np
from jax.scipy.special import gammaln
from jaxtyping import Array

from retrodict.exact.conjugacy.statistic_forms import LOG, LOG_REST, Statistic

# How far apart two points are at which slopes are taken, in powers of two: first any scale is right, then the own one.
WIDE, NARROW = 40, 12

# How far from zero and one slopes of a beta density are taken.
NEAR = 2.0**-8

# From here on the series of log gamma is right to single precision.
LARGE = 16.0


class Natural(NamedTuple):
    """What two statistics of each element are multiplied by in the log density."""

    first: Array
    second: Array


class ConjugateFamily(ABC):
    """Densities of a positive array, exponentials of ``first`` times one statistic plus ``second`` times another."""

    @abstractmethod
    def place_points(self, shape: tuple[int, ...], spread: Any, center: Array) -> tuple[Array, Array]:
        """Return two values of the array, at which slopes tell what the coefficients are."""

    @abstractmethod
    def solve(self, points: tuple[Array, Array], slopes: tuple[Array, Array]) -> Natural:
        """Return the coefficients of a log density with these slopes at two points."""

    @abstractmethod
    def draw(self, key: jax.Array, natural: Natural) -> Array:
        """Return a draw."""

    @abstractmethod
    def score(self, natural: Natural, value: Array) -> Array:
        """Return the log density of a value, in nats."""

    def recenter(self, natural: Natural, center: Array) -> Array:
        """Return the point in whose surroundings both statistics count."""
        return center


@dataclass(frozen=True)
class PowerFamily(ConjugateFamily):
    r"""Positive v with :math:`\log p = a \log v + b\, v^k + c`: :math:`v^k` has a gamma distribution.

    Its shape is :math:`(a + 1) / k` and its rate is :math:`-b`: the gamma distribution has k = 1, the
    inverse one k = -1.
    """

    power: Fraction

    def place_points(self, shape: tuple[int, ...], spread: Any, center: Array) -> tuple[Array, Array]:
        """Return a value whose power is small, and one whose power is great."""
        exponent = 1 / float(self.power)
        low, high = (jnp.power(center * jnp.exp2(sign * spread), exponent) for sign in (-1.0, 1.0))
        return jnp.broadcast_to(low, shape), jnp.broadcast_to(high, shape)

    def solve(self, points: tuple[Array, Array], slopes: tuple[Array, Array]) -> Natural:
        """Return the coefficients: slope times value is :math:`a + b k v^k`."""
        low, high = (point * slope for point, slope in zip(points, slopes, strict=True))
        small, great = (self._raise(point) for point in points)
        slope = (high - low) / (great - small)
        return Natural(low - slope * small, slope / float(self.power))

    def recenter(self, natural: Natural, center: Array) -> Array:
        """Return the power at which both terms of slope times value are alike."""
        found = jnp.abs(natural.first / natural.second)
        return jnp.where(jnp.isfinite(found) & (found > 0), found, center)

    def draw(self, key: jax.Array, natural: Natural) -> Array:
        """Return a draw, by its logarithm: small shapes underflow."""
        shape, rate = self._describe(natural)
        log_power = jax.random.loggamma(key, shape) - jnp.log(rate)
        limits = np.finfo(log_power.dtype)
        return jnp.clip(jnp.exp(log_power / float(self.power)), float(limits.tiny), float(limits.max))

    def score(self, natural: Natural, value: Array) -> Array:
        """Return the log density of a value, in nats."""
        shape, rate = self._describe(natural)
        relative = self._raise(value) * (rate / shape)
        return (shape * _bend(relative) + _correct(shape) - jnp.log(value) + np.log(abs(float(self.power)))).sum()

    def _describe(self, natural: Natural) -> tuple[Array, Array]:
        return (natural.first + 1) / float(self.power), -natural.second

    def _raise(self, value: Array) -> Array:
        return value ** int(self.power) if self.power.denominator == 1 else value ** float(self.power)


@dataclass(frozen=True)
class BetaFamily(ConjugateFamily):
    r"""Numbers v below one with :math:`\log p = a \log v + b \log(1 - v) + c`: Beta(a + 1, b + 1)."""

    def place_points(self, shape: tuple[int, ...], spread: Any, center: Array) -> tuple[Array, Array]:
        """Return a value near zero and one near one, both exact in single precision."""
        return jnp.full(shape, NEAR), jnp.full(shape, 1 - NEAR)

    def solve(self, points: tuple[Array, Array], slopes: tuple[Array, Array]) -> Natural:
        r"""Return the coefficients: the slope is :math:`a / v - b / (1 - v)`."""
        odds = NEAR / (1 - NEAR)
        low, high = (slope * NEAR for slope in slopes)
        scale = 1 - odds**2
        return Natural((low - odds * high) / scale, (odds * low - high) / scale)

    def draw(self, key: jax.Array, natural: Natural) -> Array:
        """Return a draw inside of the interval."""
        drawn = jax.random.beta(key, natural.first + 1, natural.second + 1)
        limits = np.finfo(drawn.dtype)
        return jnp.clip(drawn, float(limits.tiny), 1 - float(limits.epsneg))

    def score(self, natural: Natural, value: Array) -> Array:
        """Return the log density of a value, in nats."""
        both = jnp.stack([value, 1 - value], axis=-1)
        return _score_shares(jnp.stack(natural, axis=-1) + 1, both)


@dataclass(frozen=True)
class DirichletFamily(ConjugateFamily):
    r"""Rows p of shares with :math:`\log p = \sum_k a_k \log p_k + c`: Dirichlet(a + 1)."""

    def place_points(self, shape: tuple[int, ...], spread: Any, center: Array) -> tuple[Array, Array]:
        """Return equal shares."""
        shares = jnp.full(shape, 1 / shape[-1])
        return shares, shares

    def solve(self, points: tuple[Array, Array], slopes: tuple[Array, Array]) -> Natural:
        r"""Return the coefficients: the slope is :math:`a_k / p_k`."""
        found = slopes[0] * points[0]
        return Natural(found, found)

    def draw(self, key: jax.Array, natural: Natural) -> Array:
        """Return a draw whose shares are positive."""
        drawn = jax.random.dirichlet(key, natural.first + 1)
        return jnp.maximum(drawn, float(np.finfo(drawn.dtype).tiny))

    def score(self, natural: Natural, value: Array) -> Array:
        """Return the log density of a value, in nats."""
        return _score_shares(natural.first + 1, value)


def _score_shares(concentration: Array, shares: Array) -> Array:
    """Return the log density of rows of shares, without differences of large numbers."""
    total = concentration.sum(axis=-1)
    relative = shares * (total[..., None] / concentration)
    terms = concentration * _bend(relative) + _correct(concentration) - jnp.log(shares)
    return (terms.sum(axis=-1) - _correct(total)).sum()


def _bend(ratio: Array) -> Array:
    """Return log x - (x - 1): what is left of the logarithm at one, where densities are largest."""
    return jnp.log(ratio) - (ratio - 1)


def _correct(shape: Array) -> Array:
    r"""Return :math:`x \log x - x - \log \Gamma(x)`, whose terms cancel for large x."""
    small, large = jnp.minimum(shape, LARGE), jnp.maximum(shape, LARGE)
    series = 0.5 * jnp.log(large / (2 * np.pi)) - 1 / (12 * large) + 1 / (360 * large**3)
    return jnp.where(shape > LARGE, series, small * jnp.log(small) - small - gammaln(small))


def find_family(support: str, statistics: Collection[Statistic], bounds: Any) -> ConjugateFamily | None:
    """Return the family of densities of a support that are exponentials of some statistics, None if there is none.

    >>> find_family("unit_interval", {LOG}, None)
    BetaFamily()
    """
    if support == "simplex":
        return DirichletFamily() if set(statistics) <= {LOG} else None
    if is_unit(support, bounds):
        return BetaFamily() if set(statistics) <= {LOG, LOG_REST} else None
    powers = [each for each in statistics if not isinstance(each, str)]
    if support != "positive" or len(powers) != 1 or powers[0][1] or not set(statistics) <= {LOG, *powers}:
        return None
    return PowerFamily(powers[0][0])


def is_unit(support: str, bounds: Any) -> bool:
    """Return whether a support is the interval from zero to one.

    >>> is_unit("interval", (0.0, 1.0)), is_unit("interval", (0.0, 2.0)), is_unit("positive", None)
    (True, False, False)
    """
    return support == "unit_interval" or (support == "interval" and bounds == (0.0, 1.0))
