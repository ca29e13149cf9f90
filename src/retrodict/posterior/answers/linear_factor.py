"""A proposal for one observation: each code a linear function of its parents in the inverse, and noise."""

from __future__ import annotations

from dataclasses import dataclass, replace
from functools import cached_property
from typing import Any

import equinox as eqx
import jax
import jax.numpy as jnp
import numpy as np
from scipy.special import gammaln

from retrodict.encode.space import Space
from retrodict.graph.rows import Integers, Mask
from retrodict.posterior.factors import CodedFactor
from retrodict.posterior.weights.pareto import Doubles

# Tails of the noise: Student's t with so many degrees of freedom more than there are codes.
LEAST_FREEDOM = 5.0
# The least share of the variance of a code that is left when its parents are known.
LEAST_VARIANCE = 1e-6
# The share of draws that are from a wide proposal, and its tails.
SHARE, FREEDOM = 0.2, 3.0


@dataclass(frozen=True, eq=False)
class LinearProposal:
    r"""Codes :math:`c_i = a_i + \sum_{j \in \mathrm{Pa}(i)} B_{ij} c_j + s_i t_i` with noise of Student's t.

    ``mixing`` takes noise to codes without their center, ``whitening`` is its inverse.
    """

    center: Doubles
    mixing: Doubles
    whitening: Doubles
    log_scale: Doubles
    freedom: float

    @classmethod
    def fit(
        cls, mean: Doubles, covariance: Doubles, effective: float, parents: Mask, order: Integers
    ) -> LinearProposal:
        """Return the proposal whose moments along the inverse are these, found from so many effective draws.

        Regressions on many parents from few draws are drawn to none.

        >>> one = LinearProposal.fit(np.zeros(1), np.eye(1), 100.0, np.zeros((1, 1), bool), np.arange(1))
        >>> one.mixing.round(3).tolist()
        [[1.0]]
        """
        size = len(mean)
        slopes, scale = np.zeros((size, size)), np.zeros(size)
        least = (1e-6 * (np.abs(mean) + 1e-6)) ** 2
        variance = np.maximum(np.diagonal(covariance), least)
        for code in order.tolist():
            above = np.flatnonzero(parents[code])
            inner = covariance[np.ix_(above, above)]
            ridge = (len(above) / effective + 1e-9) * np.diag(np.maximum(np.diagonal(inner), least[above]))
            slopes[code, above] = np.linalg.solve(inner + ridge, covariance[above, code])
            left = variance[code] - 2 * slopes[code, above] @ covariance[above, code]
            left += slopes[code, above] @ inner @ slopes[code, above]
            scale[code] = np.sqrt(max(left, LEAST_VARIANCE * variance[code]))
        whitening = (np.eye(size) - slopes) / scale[:, None]
        mixing = np.linalg.inv(np.eye(size) - slopes) * scale
        return cls(mean, mixing, whitening, np.log(scale), LEAST_FREEDOM + size)

    def draw(self, rng: np.random.Generator, n: int) -> tuple[Doubles, Doubles]:
        """Return rows of codes and their log density, in nats."""
        noise = rng.standard_t(self.freedom, (n, len(self.center)))
        return self.center + noise @ self.mixing.T, self._score_noise(noise)

    def score(self, codes: Doubles) -> Doubles:
        """Return the log density of rows of codes, in nats."""
        return self._score_noise((codes - self.center) @ self.whitening.T)

    def _score_noise(self, noise: Doubles) -> Doubles:
        return np.asarray(
            (find_constant(self.freedom) + _log_kernel(np, noise, self.freedom) - self.log_scale).sum(axis=-1)
        )

    def to_factor(self, space: Space) -> LinearFactor:
        """Return it as a factor of a posterior."""
        moments = self.center, self.mixing, self.whitening, self.log_scale
        center, mixing, whitening, log_scale = (jnp.asarray(array, jnp.float32) for array in moments)
        return LinearFactor(
            center=center, mixing=mixing, whitening=whitening, log_scale=log_scale, freedom=self.freedom, space=space
        )


@dataclass(frozen=True, eq=False)
class DefendedProposal:
    r"""The mixture :math:`0.8\, q(c) + 0.2\, q'(c)`, where q' is q with wider noise and heavier tails.

    Weights are at most five times those of q' alone. The noise of q' is :math:`1 + 2 / \sqrt{d}` times as wide with d
    codes: in many dimensions hardly a draw of a wider one lies where the posterior is.

    Source: Hesterberg 1995 (defensive mixtures); Owen & Zhou 2000.

    >>> plain = LinearProposal.fit(np.zeros(1), np.eye(1), 100.0, np.zeros((1, 1), bool), np.arange(1))
    >>> codes, log_density = DefendedProposal(plain).draw(np.random.default_rng(0), 10)
    >>> bool((log_density >= np.log(0.8) + plain.score(codes)).all())
    True
    """

    narrow: LinearProposal

    @cached_property
    def wide(self) -> LinearProposal:
        """The wide proposal."""
        narrow = self.narrow
        factor = 1 + 2 / np.sqrt(len(narrow.center))
        return replace(
            narrow,
            mixing=narrow.mixing * factor,
            whitening=narrow.whitening / factor,
            log_scale=narrow.log_scale + np.log(factor),
            freedom=FREEDOM,
        )

    def draw(self, rng: np.random.Generator, n: int) -> tuple[Doubles, Doubles]:
        """Return rows of codes, the wide ones last, and their log density, in nats."""
        few = round(SHARE * n)
        codes = np.concatenate([self.narrow.draw(rng, n - few)[0], self.wide.draw(rng, few)[0]])
        return codes, self.score(codes)

    def score(self, codes: Doubles) -> Doubles:
        """Return the log density of rows of codes, in nats."""
        parts = np.log1p(-SHARE) + self.narrow.score(codes), np.log(SHARE) + self.wide.score(codes)
        return np.asarray(np.logaddexp(*parts))


class LinearFactor(CodedFactor):
    """The latents of a `LinearProposal`, on the columns of a space; it answers one observation alone."""

    center: jax.Array
    mixing: jax.Array
    whitening: jax.Array
    log_scale: jax.Array
    freedom: float = eqx.field(static=True)
    space: Space = eqx.field(static=True)

    @property
    def width(self) -> int:
        """The number of codes."""
        return len(self.center)

    def draw_codes(self, key: jax.Array, columns: jax.Array) -> tuple[jax.Array, jax.Array]:
        """Draw noise, and mix it."""
        noise = jax.random.t(key, self.freedom, (*columns.shape[:-1], len(self.center)), columns.dtype)
        return self.center + noise @ self.mixing.T, self._score_noise(noise)

    def score_codes(self, codes: jax.Array, columns: jax.Array) -> jax.Array:
        """Score the noise that codes are mixed of."""
        return self._score_noise((codes - self.center) @ self.whitening.T)

    def _score_noise(self, noise: jax.Array) -> jax.Array:
        each = find_constant(self.freedom) + _log_kernel(jnp, noise, self.freedom) - self.log_scale
        total: jax.Array = each.sum(axis=-1)
        return total


def find_constant(freedom: float) -> float:
    """Return the log of what normalizes Student's t."""
    return float(gammaln((freedom + 1) / 2) - gammaln(freedom / 2) - 0.5 * np.log(freedom * np.pi))


def _log_kernel(xp: Any, noise: Any, freedom: float) -> Any:
    return -(freedom + 1) / 2 * xp.log1p(noise**2 / freedom)
