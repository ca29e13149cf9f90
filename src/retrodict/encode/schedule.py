"""What is computed in which step of drawing, as index arrays: one set a step, or all steps padded to one shape.

A schedule is a list with an entry a step; entries are trees of index arrays of the same form. A shallow inverse is
drawn by a program that has every step written out. A deep one is drawn by one loop over the padded schedule, in which
`NOWHERE` stands for nothing: what is read there is arbitrary, what is written there is dropped.
"""

from typing import TypeVar

import jax
import jax.numpy as jnp
import numpy as np
from jaxtyping import Array, Int

from retrodict.graph.rows import Integers

# Out of the range of every array, and still an int32 when multiplied by a number of parameters.
NOWHERE = 2**24

Index = Int[Array, " _"] | Int[np.ndarray, " _"]
Entry = TypeVar("Entry")


def split_by_step(step: Integers, steps: int) -> list[Integers]:
    """Return for each step the places that have it.

    >>> [places.tolist() for places in split_by_step(np.array([1, 0, 1]), 2)]
    [[1], [0, 2]]
    """
    order = np.argsort(step, kind="stable")
    return np.split(order, np.searchsorted(step[order], np.arange(1, steps)))


def stack(schedule: list[Entry]) -> Entry:
    """Return the entries as one, its arrays padded with `NOWHERE` and with an axis of steps in front.

    >>> stack([(np.array([3]),), (np.array([], dtype=int),)])[0].tolist() == [[3], [NOWHERE]]
    True
    """

    def pad(*arrays: Integers) -> Int[Array, "steps longest"]:
        longest = max(map(len, arrays))
        padded = np.full((len(arrays), longest), NOWHERE, dtype=np.int32)
        for row, array in zip(padded, arrays, strict=True):
            row[: len(array)] = array
        return jnp.asarray(padded)

    return jax.tree.map(pad, *schedule)
