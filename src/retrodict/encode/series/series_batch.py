"""Series of different lengths side by side: padded at their ends, with their lengths."""

from __future__ import annotations

import equinox as eqx
import jax.numpy as jnp
from jaxtyping import Array, Bool, Int


class SeriesBatch(eqx.Module):
    """Observed values ``{name: array (series, times, columns)}`` and the length of each series.

    >>> batch = SeriesBatch({"x": jnp.ones((2, 3, 1))}, jnp.array([3, 1]))
    >>> batch.exists.tolist()
    [[True, True, True], [True, False, False]]
    """

    values: dict[str, Array]
    lengths: Int[Array, " series"]

    @property
    def times(self) -> int:
        """The number of times, padding included."""
        return next(iter(self.values.values())).shape[1]

    @property
    def exists(self) -> Bool[Array, "series times"]:
        """Which times there are."""
        return jnp.arange(self.times) < self.lengths[:, None]

    def cut(self, times: int) -> SeriesBatch:
        """Return the first times of all series."""
        return SeriesBatch({name: value[:, :times] for name, value in self.values.items()}, self.lengths)


def shift_times(values: Array, lag: int, axis: int) -> Array:
    """Return values moved ``lag`` steps later along an axis, zero where nothing comes from; earlier for a negative lag.

    >>> shift_times(jnp.arange(1, 4), 1, axis=0).tolist(), shift_times(jnp.arange(1, 4), -1, axis=0).tolist()
    ([0, 1, 2], [2, 3, 0])
    """
    if not lag:
        return values
    size = values.shape[axis]
    kept = jnp.moveaxis(values, axis, 0)
    blank = jnp.zeros((min(abs(lag), size), *kept.shape[1:]), kept.dtype)
    moved = jnp.concatenate([blank, kept[: size - lag]] if lag > 0 else [kept[-lag:], blank])
    return jnp.moveaxis(moved, 0, axis)
