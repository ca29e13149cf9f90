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


def take(array: Array, places: Index, axis: int = 0) -> Array:
    """Return these rows of an array, or places along another axis; anything for `NOWHERE`.

    A run of known rows is a slice, cheap to compile and run.

    >>> take(jnp.arange(5), np.array([1, 2])).tolist(), take(jnp.arange(5), jnp.array([3, NOWHERE]))[0].item()
    ([1, 2], 3)
    >>> take(jnp.array([[1, 2, 3], [4, 5, 6]]), np.array([1, 2]), axis=1).tolist()
    [[2, 3], [5, 6]]
    """
    return array.at[_at(places, axis)].get(mode="clip", wrap_negative_indices=False)


def put(array: Array, places: Index, values: Array, axis: int = 0) -> Array:
    """Return the array with these rows replaced, or places along another axis; those of `NOWHERE` are dropped.

    >>> put(jnp.zeros(4), jnp.array([1, NOWHERE]), jnp.ones(2)).tolist()
    [0.0, 1.0, 0.0, 0.0]
    >>> put(jnp.zeros((2, 3)), np.array([0, 1]), jnp.ones((2, 2)), axis=1).tolist()
    [[1.0, 1.0, 0.0], [1.0, 1.0, 0.0]]
    """
    return array.at[_at(places, axis)].set(values, mode="drop", wrap_negative_indices=False)


def _at(places: Index, axis: int) -> tuple[slice | Index, ...]:
    """Return the index of places along an axis, a run of known ones as a slice."""
    run = isinstance(places, np.ndarray) and len(places) > 0 and bool((np.diff(places) == 1).all())
    chosen = slice(int(places[0]), int(places[-1]) + 1) if run else places
    return (*[slice(None)] * axis, chosen)


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
