"""Sets of inputs, one for each element of an array: arrays of integers that name the sets, each set kept once."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence

import numpy as np

from retrodict.graph.rows import Integers
from retrodict.invert.bits import list_bits

EMPTY = 0  # of a constant that is a finite number
DOUBTFUL = 1  # of a constant that may be NaN or infinite


Bits = tuple[int, int]


class SetTable:
    """A table of different sets, grown as they are met.

    Arrays of dependencies hold numbers of sets, so that reshaping, slicing and gathering them is what it is for any
    array, and only unions have to look sets up. Sets are bits of Python integers, two for each set:

    - the inputs that the element **needs**;
    - its **doubts**: whether it may be NaN or infinite (the lowest bit), and the inputs that decide that and nothing
      else. A constant zero times log(z) does not need z, unless something asks whether it is NaN.

    >>> table = SetTable()
    >>> a, b = table.singletons([0, 1])
    >>> table.members(table.unite(np.array([a, b]), np.array([b, b])))
    [[0, 1], [1]]
    >>> log = table.doubt(np.array([a, b]))
    >>> table.members(table.cancel(log)), table.members(table.expose(table.cancel(log)))
    ([[], []], [[0], [1]])
    >>> bool((table.cancel(np.array([a, b])) == EMPTY).all())  # finite numbers times zero
    True
    """

    def __init__(self) -> None:
        self._bits: list[Bits] = [(0, 0), (0, 1)]
        self._number: dict[Bits, int] = {(0, 0): EMPTY, (0, 1): DOUBTFUL}
        self._unions: dict[tuple[int, int], int] = {}
        self._has_undecided = False

    def singletons(self, inputs: Iterable[int]) -> Integers:
        """Return the numbers of the sets that hold one input each."""
        return np.array([self._add(1 << i, 0) for i in inputs], dtype=np.int64)

    def bits(self, number: int) -> int:
        """Return the inputs of a set as the bits of an integer."""
        return self._bits[number][0]

    def members(self, numbers: Integers) -> list[list[int]]:
        """Return the inputs in each of these sets, ascending; doubts are left out."""
        return [list_bits(self.bits(number)) for number in numbers.ravel().tolist()]

    def doubt(self, numbers: Integers) -> Integers:
        """Return the sets of elements that are the same but may be NaN or infinite."""
        return self._map(numbers, lambda needed, doubts: (needed, doubts | 1))

    def settle(self, numbers: Integers) -> Integers:
        """Return the sets of elements that are finite whatever was doubted, such as integers."""
        return self._map(numbers, lambda needed, _: (needed, 0))

    def cancel(self, numbers: Integers) -> Integers:
        """Return the sets of these elements times a constant zero."""
        return self._map(numbers, lambda needed, doubts: (0, needed << 1 | doubts) if doubts else (0, 0))

    def expose(self, numbers: Integers) -> Integers:
        """Return the sets with the inputs that were in doubt needed: for whom NaN is a value like any other."""
        if not self._has_undecided:
            return numbers
        return self._map(numbers, lambda needed, doubts: (needed | doubts >> 1, doubts & 1))

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
        needed = doubts = 0
        for array in arrays:
            for number in np.unique(array).tolist():
                needed |= self._bits[number][0]
                doubts |= self._bits[number][1]
        return self._add(needed, doubts)

    def _map(self, numbers: Integers, function: Callable[[int, int], Bits]) -> Integers:
        """Change each set that occurs, once."""
        different, place = np.unique(numbers, return_inverse=True)
        changed = [self._add(*function(*self._bits[number])) for number in different.tolist()]
        return np.array(changed, dtype=np.int64)[place.reshape(numbers.shape)]

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
            (needed, doubts), (other, others) = self._bits[left], self._bits[right]
            self._unions[key] = self._add(needed | other, doubts | others)
        return self._unions[key]

    def _add(self, needed: int, doubts: int) -> int:
        bits = needed, doubts & ~(needed << 1)
        if bits not in self._number:
            self._number[bits] = len(self._bits)
            self._bits.append(bits)
            self._has_undecided = self._has_undecided or bits[1] > 1
        return self._number[bits]
