"""Long requests in blocks of rows: one compiled program of one shape, memory that does not grow with the request.

The rows of a request are its draws, each of all observations: row ``i * batch + b`` is draw ``i`` of observation
``b``. Block ``k`` has a key of its own, made from the seed and ``k``, and its size follows from the request alone.
So the same request gives the same bits, in however many pieces it is taken.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass
from functools import cached_property
from itertools import chain

import jax
import jax.numpy as jnp
import numpy as np

from retrodict.encode.keys import fold_key, make_key
from retrodict.plan.layout import Floats
from retrodict.posterior.observations import Evidence

# The most rows of a block, and the most numbers in its columns or in the widest layer of the encoder: eight megabytes,
# beyond which they leave the caches and drawing takes twice as long.
MOST_ROWS = 8192
MOST_NUMBERS = 1 << 21


@dataclass(frozen=True, eq=False)
class Request:
    """Draws for each observation of the evidence; ``width`` is how many numbers one row takes."""

    evidence: Evidence
    draws: int
    width: int

    @property
    def rows(self) -> int:
        """Rows in all."""
        return self.draws * len(self.evidence)

    @property
    def block(self) -> int:
        """Rows of a block."""
        return choose_block(self.rows, self.width)

    def blocks(self) -> Iterator[tuple[int, int, jax.Array]]:
        """Return for each block its first row, one past its last, and the observed values of a full block."""
        for number, start in enumerate(range(0, self.rows, self.block)):
            yield start, min(start + self.block, self.rows), jax.device_put(self.observe(number))

    def observe(self, number: int) -> Floats:
        """Return the observed values of a full block."""
        flat = self._flat
        observation = (number * self.block + np.arange(self.block)) % len(flat)
        return flat[observation]

    @cached_property
    def _flat(self) -> Floats:
        return np.asarray(self.evidence.rows, np.float32)


def choose_block(rows: int, width: int) -> int:
    """Return the rows of a block: a power of two, so that few shapes are ever compiled.

    >>> choose_block(5, 10), choose_block(10**9, 10), choose_block(10**9, 10**6)
    (8, 8192, 2)
    """
    most = max(1, min(MOST_ROWS, MOST_NUMBERS // max(1, width)))
    return 1 << min((max(1, rows) - 1).bit_length(), most.bit_length() - 1)


def map_blocks(rows: Floats, width: int, program: Callable[[int, jax.Array], jax.Array]) -> Floats:
    """Return ``program(number, block)`` of each block of rows, joined; a last block is filled up with the first rows.

    >>> map_blocks(np.arange(5.0), 10**6, lambda number, block: block + number).tolist()
    [0.0, 1.0, 3.0, 4.0, 6.0]
    """
    block, parts = choose_block(len(rows), width), []
    for number, start in enumerate(range(0, len(rows), block)):
        chosen = (start + np.arange(block)) % len(rows)
        found = program(number, jnp.asarray(rows[chosen], jnp.float32))
        parts.append(np.asarray(found)[: len(rows) - start])
    return np.concatenate(parts)


def run_blocks(
    request: Request, seed: int, program: Callable[[jax.Array, jax.Array], tuple[jax.Array, ...]]
) -> Iterator[tuple[Floats, ...]]:
    """Run ``program(key, observed)`` block by block and return the rows that it gives, in their order."""
    key = make_key(seed)
    for number, (start, stop, observed) in enumerate(request.blocks()):
        results = program(fold_key(key, number), observed)
        yield tuple(np.asarray(result)[: stop - start] for result in results)


def collect(rows: Iterator[tuple[Floats, ...]], total: int) -> tuple[Floats, ...]:
    """Return all rows, written into arrays that are allocated once.

    >>> collect(iter([(np.ones(2),), (np.zeros(1),)]), 3)[0].tolist()
    [1.0, 1.0, 0.0]
    """
    first = next(rows)
    wholes = tuple(np.empty((total, *part.shape[1:]), part.dtype) for part in first)
    at = 0
    for parts in chain([first], rows):
        for whole, part in zip(wholes, parts, strict=True):
            whole[at : at + len(part)] = part
        at += len(parts[0])
    return wholes


def regroup(rows: Iterator[tuple[Floats, ...]], size: int) -> Iterator[tuple[Floats, ...]]:
    """Return the same rows in pieces of ``size``, the last of which may be shorter.

    >>> pieces = regroup(iter([(np.arange(3),), (np.arange(3, 5),)]), 2)
    >>> [piece[0].tolist() for piece in pieces]
    [[0, 1], [2, 3], [4]]
    """
    waiting: list[tuple[Floats, ...]] = []
    held = 0
    for parts in rows:
        waiting.append(parts)
        held += len(parts[0])
        if held < size:
            continue
        joined = tuple(np.concatenate(pieces) for pieces in zip(*waiting, strict=True))
        whole = held // size * size
        for at in range(0, whole, size):
            yield tuple(part[at : at + size] for part in joined)
        held -= whole
        waiting = [tuple(part[whole:] for part in joined)] if held else []
    if held:
        yield tuple(np.concatenate(pieces) for pieces in zip(*waiting, strict=True))
