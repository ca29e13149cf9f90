"""Adjacency as compressed sparse rows: a million short lists in two flat arrays."""

from __future__ import annotations

import itertools
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from functools import cached_property

import numpy as np
from numpy.typing import NDArray

Integers = NDArray[np.int64]
Mask = NDArray[np.bool_]


@dataclass(frozen=True, eq=False)
class Rows:
    """Lists of integers: row ``i`` is ``index[pointer[i]:pointer[i + 1]]``.

    >>> rows = Rows.from_lists([[1, 2], [], [0]])
    >>> rows[0].tolist(), len(rows), rows.lengths.tolist()
    ([1, 2], 3, [2, 0, 1])
    """

    pointer: Integers
    index: Integers

    def __post_init__(self) -> None:
        self.pointer.setflags(write=False)
        self.index.setflags(write=False)

    @classmethod
    def from_lists(cls, lists: Sequence[Iterable[int]]) -> Rows:
        """Flatten a list of lists."""
        flat = [list(row) for row in lists]
        return cls(
            pointer=cumulate(np.fromiter(map(len, flat), dtype=np.int64, count=len(flat))),
            index=np.fromiter((i for row in flat for i in row), dtype=np.int64),
        )

    @classmethod
    def from_edges(cls, source: Integers, target: Integers, n: int) -> Rows:
        """Collect the targets of each of ``n`` sources, in ascending order."""
        order = np.lexsort((target, source))
        return cls(cumulate(np.bincount(source, minlength=n)), target[order])

    def __len__(self) -> int:
        return len(self.pointer) - 1

    def __getitem__(self, i: int) -> Integers:
        return self.index[self.pointer[i] : self.pointer[i + 1]]

    @property
    def lengths(self) -> Integers:
        """Number of entries of each row."""
        return np.diff(self.pointer)

    @property
    def sources(self) -> Integers:
        """The row that each entry of ``index`` stands in."""
        return np.repeat(np.arange(len(self)), self.lengths)

    def transpose(self, n: int) -> Rows:
        """Return the rows of the reversed edges, ``n`` of them."""
        return Rows.from_edges(self.index, self.sources, n)

    @cached_property
    def lists(self) -> list[list[int]]:
        """The rows as Python lists, to be read only: faster where an algorithm visits one entry at a time."""
        return self.to_lists()

    def to_lists(self) -> list[list[int]]:
        """Return the rows as new Python lists."""
        flat, stops = self.index.tolist(), self.pointer.tolist()
        return [flat[start:stop] for start, stop in itertools.pairwise(stops)]


def cumulate(lengths: Integers) -> Integers:
    """Return row pointers for rows of these lengths.

    >>> cumulate(np.array([2, 0, 1])).tolist()
    [0, 2, 2, 3]
    """
    return np.concatenate([np.zeros(1, dtype=np.int64), np.cumsum(lengths, dtype=np.int64)])
