"""Sets that are slices of one long walk: asked, counted and compared without being written out, and exactly.

A million sets of up to a million members each are three arrays. Whether a set holds a value is one binary search
among the places of that value. How many different values a set has is the length of its slice less the repeats: the
pairs of neighboring places of one value that both lie inside it.
"""

from __future__ import annotations

from dataclasses import dataclass
from functools import cached_property

import numpy as np

from retrodict.graph.rows import Integers, Mask, spread


@dataclass(frozen=True, eq=False)
class Slices:
    """Set ``i`` is what stands in ``walk[start[i]:stop[i]]``, repeats not counted.

    >>> slices = Slices(np.array([3, 5, 3]), np.array([0, 1]), np.array([3, 2]))
    >>> slices.count(np.array([0, 1])).tolist()
    [2, 1]
    >>> slices.contains(np.array([0, 1]), np.array([3, 3])).tolist()
    [True, False]
    """

    walk: Integers
    start: Integers
    stop: Integers

    @property
    def lengths(self) -> Integers:
        """Lengths of the slices, repeats included."""
        return self.stop - self.start

    def contains(self, rows: Integers, values: Integers) -> Mask:
        """Say for each row and value whether the set of the row holds the value."""
        place = self.find(rows, values)
        return (place >= self.start[rows]) & (place < self.stop[rows])

    def find(self, rows: Integers, values: Integers) -> Integers:
        """Return for each row and value a place of the value: in the slice if there is one, -1 if there is none at all.

        The first place from the start of the slice on is taken, failing that the last before it.
        """
        if len(self.walk) == 0:
            return np.full(len(rows), -1, dtype=np.int64)
        base = values * len(self.walk)
        after = np.searchsorted(self._keys, base + self.start[rows])
        following = self._keys[np.minimum(after, len(self._keys) - 1)] - base
        before = self._keys[np.maximum(after - 1, 0)] - base
        follows = (following >= self.start[rows]) & (following < len(self.walk))
        return np.where(follows, following, np.where((after > 0) & (before >= 0), before, -1))

    def count(self, rows: Integers) -> Integers:
        """Return the number of different values in the set of each row."""
        again = np.flatnonzero(self._previous >= 0)
        start, stop = self.start[rows], self.stop[rows]
        until = np.searchsorted(again, stop)
        return stop - start - count_from(self._previous[again], until, start)

    def expand(self, rows: Integers) -> tuple[Integers, Integers]:
        """Write out the sets of these rows: pairs of a row and a value, no pair twice."""
        lengths = self.lengths[rows]
        place = spread(self.start[rows], lengths)
        fresh = self._previous[place] < np.repeat(self.start[rows], lengths)
        return np.repeat(rows, lengths)[fresh], self.walk[place[fresh]]

    @cached_property
    def _keys(self) -> Integers:
        """Pairs of a value and a place where it stands, each packed into one integer, ascending."""
        return np.sort(self.walk * len(self.walk) + np.arange(len(self.walk)))

    @cached_property
    def _previous(self) -> Integers:
        """For each place the last one before it with the same value, or -1."""
        previous = np.full(len(self.walk), -1, dtype=np.int64)
        if len(self.walk):
            value, place = np.divmod(self._keys, len(self.walk))
            same = value[1:] == value[:-1]
            previous[place[1:][same]] = place[:-1][same]
        return previous


def count_from(values: Integers, until: Integers, least: Integers) -> Integers:
    """Return for each query how many of the first ``until`` values are at least ``least``.

    Bit by bit from the highest: values are parted stably into those without the bit and those with it; a query keeps
    to the part that agrees with its bound and counts, where the bound lacks the bit, the other part.

    Source: Claude, Navarro & Ordonez 2015 (the wavelet matrix).

    >>> count_from(np.array([4, 0, 7, 4]), np.array([4, 3, 1]), np.array([4, 5, 9])).tolist()
    [3, 1, 0]
    """
    total = np.zeros(len(until), dtype=np.int64)
    if len(values) == 0:
        return total
    low, high = np.zeros_like(until), until
    largest = max(int(values.max()), int(least.max(initial=0)))
    for bit in range(largest.bit_length() - 1, -1, -1):
        has = (values >> bit & 1).astype(bool)
        ones = np.concatenate([[0], np.cumsum(has)])
        zeros = len(values) - int(ones[-1])
        wanted = (least >> bit & 1).astype(bool)
        low_ones, high_ones = ones[low], ones[high]
        total += np.where(wanted, 0, high_ones - low_ones)
        low = np.where(wanted, zeros + low_ones, low - low_ones)
        high = np.where(wanted, zeros + high_ones, high - high_ones)
        values = np.concatenate([values[~has], values[has]])
    return total + high - low
