"""Numbers at places that are known beforehand: where places go up evenly, they are cut out, not looked up one by one.

XLA looks numbers up at some 30 nanoseconds each on a CPU, and cuts them out at less than one.
"""

from __future__ import annotations

import jax
import jax.numpy as jnp
import numpy as np
from jaxtyping import Array

from retrodict.graph.rows import Integers

# More pieces than these are looked up: each is an operation of its own in the program.
MOST_RUNS = 64


def take(numbers: Array, places: Integers) -> Array:
    """Return the numbers of a vector at some places.

    >>> take(jnp.arange(10.0), np.array([1, 3, 5, 0, 0])).tolist()
    [1.0, 3.0, 5.0, 0.0, 0.0]
    """
    runs = find_runs(places)
    if len(runs) > MOST_RUNS:
        return numbers[places]
    return jnp.concatenate([_cut(numbers, *run) for run in runs]) if runs else numbers[:0]


def put(numbers: Array, places: Integers, values: Array) -> Array:
    """Return a vector with values at some places.

    >>> put(jnp.zeros(4), np.array([1, 2]), jnp.array([5.0, 6.0])).tolist()
    [0.0, 5.0, 6.0, 0.0]
    """
    sources = np.arange(len(numbers))
    sources[places] = len(numbers) + np.arange(len(places))
    return take(jnp.concatenate([numbers, values]), sources)


def find_runs(places: Integers) -> list[tuple[int, int, int]]:
    """Return first place, step and length of the runs of places that go up evenly, or stay the same.

    >>> find_runs(np.array([1, 3, 5, 0, 0]))
    [(1, 2, 3), (0, 0, 2)]
    """
    runs, start = [], 0
    steps = np.diff(places)
    while start < len(places):
        step = int(steps[start]) if start < len(steps) else 1
        if step < 0:
            runs.append((int(places[start]), 1, 1))
            start += 1
            continue
        breaks = np.flatnonzero(steps[start:] != step)
        end = start + int(breaks[0]) + 1 if len(breaks) else len(places)
        runs.append((int(places[start]), step, end - start))
        start = end
    return runs


def _cut(numbers: Array, first: int, step: int, length: int) -> Array:
    if step == 0:
        return jnp.broadcast_to(numbers[first], (length,))
    return jax.lax.slice(numbers, (first,), (first + step * (length - 1) + 1,), (step,))
