"""Sets of inputs, one for each element of an array: arrays of integers that name the sets, each set kept once."""

from __future__ import annotations

from collections.abc import Iterable, Sequence

import numpy as np

from retrodict.graph.rows import Integers

EMPTY = 0


class SetTable:
    """A table of different sets, grown as they are met; number 0 is the empty set.

    Sets are bits of a Python integer. Arrays of dependencies hold numbers of sets, so that reshaping, slicing
    and gathering them is what it is for any array, and only unions have to look sets up.

    >>> table = SetTable()
    >>> a, b = table.singletons([0, 1])
    >>> table.members(table.unite(np.array([a, b]), np.array([b, b])))
    [[0, 1], [1]]
    """

    def __init__(self) -> None:
        self._bits: list[int] = [0]
        self._number: dict[int, int] = {0: EMPTY}
        self._unions: dict[tuple[int, int], int] = {}

    def singletons(self, inputs: Iterable[int]) -> Integers:
        """Return the numbers of the sets that hold one input each."""
        return np.array([self._add(1 << i) for i in inputs], dtype=np.int64)

    def bits(self, number: int) -> int:
        """Return a set as the bits of an integer."""
        return self._bits[number]

    def members(self, numbers: Integers) -> list[list[int]]:
        """Return the inputs in each of these sets, ascending."""
        return [_list_bits(self._bits[number]) for number in numbers.ravel().tolist()]

    def unite(self, *arrays: Integers) -> Integers:
        """Return element by element the union of the sets of arrays that broadcast against each other."""
        result = np.asarray(arrays[0])
        for other in arrays[1:]:
            result = self._unite_pair(result, np.asarray(other))
        return result

    def reduce(self, array: Integers, axes: Sequence[int]) -> Integers:
        """Return the union over some axes, which disappear."""
        kept = [axis for axis in range(array.ndim) if axis not in axes]
        rows = array.transpose(*kept, *axes).reshape(*(array.shape[axis] for axis in kept), -1)
        while rows.shape[-1] > 1:
            half = rows.shape[-1] // 2
            rows = np.concatenate(
                [self._unite_pair(rows[..., :half], rows[..., half : 2 * half]), rows[..., 2 * half :]], axis=-1
            )
        return rows[..., 0] if rows.shape[-1] else np.zeros(rows.shape[:-1], dtype=np.int64)

    def spread(self, array: Integers, axis: int) -> Integers:
        """Return the array with each element replaced by the union along an axis."""
        return np.broadcast_to(np.expand_dims(self.reduce(array, [axis]), axis), array.shape)

    def accumulate(self, array: Integers, axis: int, reverse: bool) -> Integers:
        """Return the unions of all elements up to each one along an axis."""
        slices = list(np.moveaxis(array, axis, 0))
        if reverse:
            slices.reverse()
        for i in range(1, len(slices)):
            slices[i] = self._unite_pair(slices[i - 1], slices[i])
        if reverse:
            slices.reverse()
        return np.moveaxis(np.stack(slices), 0, axis) if slices else array

    def total(self, arrays: Iterable[Integers]) -> int:
        """Return the number of the union of everything in these arrays."""
        bits = 0
        for array in arrays:
            for number in np.unique(array).tolist():
                bits |= self._bits[number]
        return self._add(bits)

    def _unite_pair(self, left: Integers, right: Integers) -> Integers:
        if not right.any() and right.size:
            return np.broadcast_to(left, np.broadcast_shapes(left.shape, right.shape))
        if not left.any() and left.size:
            return np.broadcast_to(right, np.broadcast_shapes(left.shape, right.shape))
        if left.size == right.size == 1:
            joined = self._union(int(left.ravel()[0]), int(right.ravel()[0]))
            return np.full(np.broadcast_shapes(left.shape, right.shape), joined)
        span = len(self._bits)
        pairs, place = np.unique(left * span + right, return_inverse=True)
        joined_pairs = [self._union(*divmod(pair, span)) for pair in pairs.tolist()]
        return np.array(joined_pairs, dtype=np.int64)[place.reshape(np.broadcast_shapes(left.shape, right.shape))]

    def _union(self, left: int, right: int) -> int:
        if left == right or right == EMPTY:
            return left
        key = (left, right) if left < right else (right, left)
        if key not in self._unions:
            self._unions[key] = self._add(self._bits[left] | self._bits[right])
        return self._unions[key]

    def _add(self, bits: int) -> int:
        if bits not in self._number:
            self._number[bits] = len(self._bits)
            self._bits.append(bits)
        return self._number[bits]


def _list_bits(bits: int) -> list[int]:
    found = []
    while bits:
        lowest = bits & -bits
        found.append(lowest.bit_length() - 1)
        bits ^= lowest
    return found
