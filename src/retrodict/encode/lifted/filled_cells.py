"""Ragged groups in long form: the cells of a variable that a program has, where most of its array is empty."""

from __future__ import annotations

from collections.abc import Collection
from dataclasses import dataclass
from math import prod

import jax.numpy as jnp
import numpy as np
from jaxtyping import Array, Float

# Arrays that are fuller than this are computed on whole.
MOST_FILLED = 0.5


@dataclass(frozen=True, eq=False)
class FilledCells:
    """The cells of an array over dims that may hold something: their places in the array when it is flat.

    >>> few = FilledCells((2, 3), np.array([0, 4]))
    >>> few.take(jnp.arange(6.0)[None]).tolist(), few.add(jnp.ones((1, 2, 1)), (0, 1))[..., 0].tolist()
    ([[0.0, 4.0]], [[[1.0, 0.0, 0.0], [0.0, 1.0, 0.0]]])
    >>> few.add(jnp.array([[[2.0], [3.0]]]), (0,))[..., 0].tolist()
    [[2.0, 3.0]]
    """

    shape: tuple[int, ...]
    places: np.ndarray

    @classmethod
    def choose(cls, has: np.ndarray, shape: tuple[int, ...]) -> FilledCells | None:
        """Return the cells of an array of a shape that a program ``has``; None where these are most of them."""
        marks = np.zeros(shape, bool)
        common = tuple(slice(min(sizes)) for sizes in zip(has.shape, shape, strict=True))
        marks[common] = has[common]
        return cls(shape, np.flatnonzero(marks)) if 0 < marks.sum() <= MOST_FILLED * marks.size else None

    def take(self, array: Array) -> Array:
        """Return what an array ``(rows, *dims, ...)`` holds in these cells, ``(rows, cells, ...)``."""
        flat = array.reshape(array.shape[0], prod(self.shape), *array.shape[1 + len(self.shape) :])
        return flat[:, self.places]

    def add(self, values: Float[Array, "rows cells features"], kept: Collection[int]) -> Float[Array, "rows ..."]:
        """Return sums of values over all dims but those that are ``kept``, which are named by their places.

        With all of them kept, the array holds values in these cells, and zero elsewhere.
        """
        index = np.unravel_index(self.places, self.shape)
        shape = tuple(self.shape[place] for place in kept)
        home = np.ravel_multi_index([index[place] for place in kept], shape) if shape else 0 * self.places
        rows, _, features = values.shape
        found = jnp.zeros((rows, prod(shape), features), values.dtype).at[:, home].add(values)
        return found.reshape(rows, *shape, features)
