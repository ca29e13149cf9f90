"""Observed numbers of many sizes as their logarithms, where the simulations say that these are closer to normal."""

from __future__ import annotations

from collections.abc import Sequence

import equinox as eqx
import jax
import jax.numpy as jnp
import numpy as np
from jaxtyping import Array, Float

from retrodict.encode.summaries import Summaries, Summarized
from retrodict.plan.dependencies import Dependencies

# Supports without an upper end. Numbers between two ends are left as they are.
UNENDED = ("real", "positive", "greater_than", "count")
# A logarithm begins at one of these quantiles of what is not zero; below it the map is linear.
BEGINNINGS = (0.01, 0.1, 0.5)
# It has to be so many nats more likely, a draw, as a normal.
LEAST_GAIN = 0.25


class Compression(eqx.Module):
    r"""The map :math:`\operatorname{arsinh}(x / s)` of some columns, linear far below s and a logarithm far above.

    ``columns`` are places among what is seen of observed values, those not summarized.

    >>> compression = Compression((1,), jnp.array([1.0]))
    >>> [round(x, 3) for x in compression(jnp.array([[5.0, 5.0, 5.0]]))[0].tolist()]
    [5.0, 2.312, 5.0]
    """

    columns: tuple[int, ...] = eqx.field(static=True)
    scale: Float[Array, " columns"]

    @classmethod
    def blank(cls, columns: Sequence[int]) -> Compression | None:
        """Return a compression of these columns whose scales are still to be read; none of no columns."""
        return cls(tuple(columns), jnp.ones(len(columns), jnp.float32)) if columns else None

    @classmethod
    def choose(
        cls, dependencies: Dependencies, summaries: Sequence[Summarized], observed: Float[np.ndarray, "draws observed"]
    ) -> Compression | None:
        """Return what suits simulations: columns that are never negative, and far more normal as logarithms."""
        kept = np.array(Summaries.of(dependencies, summaries).kept, dtype=np.int64)
        variables = dependencies.variables[: len(dependencies.observed)]
        plain = [variable.support in UNENDED and variable.categories is None for variable in variables]
        marks = np.repeat(np.array(plain, dtype=bool), dependencies.observed_sizes)[kept]
        scales = {
            place: scale
            for place in np.flatnonzero(marks).tolist()
            if (scale := find_scale(np.asarray(observed[:, kept[place]], np.float64))) is not None
        }
        return cls(tuple(scales), jnp.array(list(scales.values()), jnp.float32)) if scales else None

    def __call__(self, columns: Float[Array, "rows columns"]) -> Float[Array, "rows columns"]:
        """Return columns of which some are compressed."""
        places = np.array(self.columns)
        return columns.at[:, places].set(jnp.arcsinh(columns[:, places] / jax.lax.stop_gradient(self.scale)))

    def apply_exactly(self, columns: Float[np.ndarray, "rows columns"]) -> Float[np.ndarray, "rows columns"]:
        """Return the same in double precision, by NumPy."""
        compressed, places = np.array(columns, np.float64), np.array(self.columns)
        compressed[:, places] = np.arcsinh(compressed[:, places] / np.asarray(self.scale, np.float64))
        return compressed


def find_scale(numbers: Float[np.ndarray, " draws"]) -> float | None:
    """Return the scale at which compressed numbers are most likely as a normal, None where that gains too little.

    The likelihood counts the slope of the map, as that of Box & Cox 1964 does.

    >>> random = np.random.default_rng(0).normal(size=1000)
    >>> find_scale(random), find_scale(np.abs(random)), find_scale(np.exp(2 * random)) is not None
    (None, None, True)
    """
    if not (numbers >= 0).all() or np.std(numbers) == 0:
        return None
    scales = np.quantile(numbers[numbers > 0], BEGINNINGS)
    gains = [np.log(np.std(numbers)) + _judge(numbers, scale) for scale in scales.tolist()]
    best = int(np.argmax(gains))
    return float(scales[best]) if gains[best] > LEAST_GAIN else None


def _judge(numbers: Float[np.ndarray, " draws"], scale: float) -> float:
    """Return the log likelihood of compressed numbers as a normal, a draw, up to a constant."""
    spread = np.std(np.arcsinh(numbers / scale))
    return float(-np.log(spread) - 0.5 * np.log(numbers**2 + scale**2).mean()) if spread > 0 else -np.inf
