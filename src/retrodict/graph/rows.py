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

    def __reduce__(self) -> tuple[type[Rows], tuple[Integers, Integers]]:
        return type(self), (self.pointer, self.index)  # so that copies are made unwritable again

    @classmethod
    def from_lists(cls, lists: Sequence[Iterable[int]]) -> Rows:
        """Flatten a list of lists."""
        flat = [row if isinstance(row, list) else list(row) for row in lists]
        return cls(
            pointer=cumulate(np.fromiter(map(len, flat), dtype=np.int64, count=len(flat))),
            index=np.fromiter(itertools.chain.from_iterable(flat), dtype=np.int64),
        )

    @classmethod
    def from_edges(cls, source: Integers, target: Integers, n: int) -> Rows:
        """Collect the targets of each of ``n`` sources, in ascending order."""
        return cls(cumulate(np.bincount(source, minlength=n)), sort_edges(source, target)[1])

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

    def gather(self, chosen: Integers) -> Integers:
        """Return the entries of the chosen rows, one row after another.

        >>> Rows.from_lists([[1, 2], [], [0]]).gather(np.array([2, 0])).tolist()
        [0, 1, 2]
        """
        return self.index[spread(self.pointer[chosen], self.lengths[chosen])]

    def pick(self, chosen: Integers) -> Rows:
        """Return the chosen rows by themselves."""
        return Rows(cumulate(self.lengths[chosen]), self.gather(chosen))

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


def sort_edges(source: Integers, target: Integers) -> tuple[Integers, Integers]:
    """Sort pairs by source, then by target.

    Both are packed into one integer, which NumPy sorts many times faster than pairs.

    >>> [numbers.tolist() for numbers in sort_edges(np.array([1, 0, 1]), np.array([2, 9, 0]))]
    [[0, 1, 1], [9, 0, 2]]
    """
    shift = int(target.max(initial=0)).bit_length()
    packed = np.sort((source << shift) | target)
    return packed >> shift, packed & ((1 << shift) - 1)


def drop_repeats(source: Integers, target: Integers) -> tuple[Integers, Integers]:
    """Leave of equal pairs, which stand side by side, only the first.

    >>> [numbers.tolist() for numbers in drop_repeats(np.array([0, 0, 1]), np.array([5, 5, 5]))]
    [[0, 1], [5, 5]]
    """
    fresh = np.ones(len(source), dtype=bool)
    fresh[1:] = (source[1:] != source[:-1]) | (target[1:] != target[:-1])
    return source[fresh], target[fresh]


def spread(start: Integers, length: Integers) -> Integers:
    """Return the integers of several ranges, one range after another.

    >>> spread(np.array([7, 0]), np.array([2, 3])).tolist()
    [7, 8, 0, 1, 2]
    """
    stop = np.cumsum(length)
    return np.arange(int(stop[-1]) if len(stop) else 0) + np.repeat(start - stop + length, length)


def cumulate(lengths: Integers) -> Integers:
    """Return row pointers for rows of these lengths.

    >>> cumulate(np.array([2, 0, 1])).tolist()
    [0, 2, 2, 3]
    """
    return np.concatenate([np.zeros(1, dtype=np.int64), np.cumsum(lengths, dtype=np.int64)])
