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


def take(array: Array, places: Index) -> Array:
    """Return these rows of an array; anything for `NOWHERE`. A run of known rows is a slice, cheap to compile and run.

    >>> take(jnp.arange(5), np.array([1, 2])).tolist(), take(jnp.arange(5), jnp.array([3, NOWHERE]))[0].item()
    ([1, 2], 3)
    """
    if isinstance(places, np.ndarray) and len(places) and (np.diff(places) == 1).all():
        return array[int(places[0]) : int(places[-1]) + 1]
    return array.at[places].get(mode="clip", wrap_negative_indices=False)


def put(array: Array, places: Index, values: Array) -> Array:
    """Return the array with these rows replaced; those of `NOWHERE` are dropped.

    >>> put(jnp.zeros(4), jnp.array([1, NOWHERE]), jnp.ones(2)).tolist()
    [0.0, 1.0, 0.0, 0.0]
    """
    if isinstance(places, np.ndarray) and len(places) and (np.diff(places) == 1).all():
        return array.at[int(places[0]) : int(places[-1]) + 1].set(values)
    return array.at[places].set(values, mode="drop", wrap_negative_indices=False)


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
