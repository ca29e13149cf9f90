"""Sets of small integers in two forms: as Python sets, and as the bits of one big integer.

A set of bits takes one bit for each latent that there is, whether it is in the set or not, and is joined and
compared at many numbers a nanosecond: right for small or dense graphs. A Python set takes memory for what is in
it alone: right for large sparse graphs. Algorithms written in these few words run on either.
"""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any, Protocol

from retrodict.invert.bits import list_bits, pack_bits

Numbers = Any  # an int or a frozenset of int, according to the algebra; both know | and &


class Algebra(Protocol):
    """What an algorithm does with sets beside ``|`` and ``&``; only a gathered collection is changed in place."""

    empty: Numbers

    def pack(self, numbers: Iterable[int]) -> Numbers:
        """Return the set of these numbers."""

    def gather(self, numbers: Iterable[int]) -> Numbers:
        """Return a collection of these numbers that `drop` and `add` may change in place."""

    def drop(self, collection: Numbers, number: int) -> Numbers:
        """Return a collection without this number of it."""

    def add(self, collection: Numbers, number: int) -> Numbers:
        """Return a collection with this number."""

    def minus(self, one: Numbers, other: Numbers) -> Numbers:
        """Return what is in one set and not in the other."""

    def merge(self, one: Numbers, other: Numbers, gone: Numbers) -> Numbers:
        """Return what is in either set and not in the last."""

    def size(self, one: Numbers) -> int:
        """Return how many numbers there are in a set."""

    def lack(self, one: Numbers, other: Numbers) -> int:
        """Return how many numbers of the first set are not in the other."""

    def each(self, one: Numbers) -> Iterable[int]:
        """Go through a set."""


class Bits(Algebra):
    """Sets as big integers.

    >>> bits = Bits()
    >>> bits.pack([0, 3]), list(bits.each(9)), bits.minus(9, 1), bits.lack(9, 1)
    (9, [0, 3], 8, 1)
    """

    empty = 0

    def pack(self, numbers: Iterable[int]) -> int:
        """Return the integer with these bits."""
        return pack_bits(numbers)

    def gather(self, numbers: Iterable[int]) -> int:
        """Return the integer with these bits."""
        return pack_bits(numbers)

    def drop(self, collection: int, number: int) -> int:
        """Return the integer without this bit."""
        return collection ^ (1 << number)

    def add(self, collection: int, number: int) -> int:
        """Return the integer with this bit."""
        return collection | (1 << number)

    def minus(self, one: int, other: int) -> int:
        """Return the bits of one integer that the other lacks."""
        return one & ~other

    def merge(self, one: int, other: int, gone: int) -> int:
        """Return the bits of either integer that the last lacks."""
        return (one | other) & ~gone

    def size(self, one: int) -> int:
        """Return the number of bits set."""
        return one.bit_count()

    def lack(self, one: int, other: int) -> int:
        """Return the number of bits of the first that the other lacks."""
        return (one & ~other).bit_count()

    def each(self, one: int) -> list[int]:
        """List the bits set."""
        return list_bits(one)


class Sets(Algebra):
    """Sets as Python sets.

    >>> sets = Sets()
    >>> sets.lack(sets.pack([0, 3]), sets.pack([0]))
    1
    """

    empty: frozenset[int] = frozenset()

    def pack(self, numbers: Iterable[int]) -> frozenset[int]:
        """Return the set of these numbers."""
        return frozenset(numbers)

    def gather(self, numbers: Iterable[int]) -> set[int]:
        """Return a set that can be changed."""
        return set(numbers)

    def drop(self, collection: set[int], number: int) -> set[int]:
        """Take a number out of a collection."""
        collection.remove(number)
        return collection

    def add(self, collection: set[int], number: int) -> set[int]:
        """Put a number into a collection."""
        collection.add(number)
        return collection

    def minus(self, one: frozenset[int], other: frozenset[int]) -> frozenset[int]:
        """Return the difference."""
        return one - other

    def merge(self, one: frozenset[int], other: frozenset[int], gone: frozenset[int]) -> frozenset[int]:
        """Return the union without the last."""
        return (one | other) - gone

    def size(self, one: frozenset[int]) -> int:
        """Return the number of elements."""
        return len(one)

    def lack(self, one: frozenset[int], other: frozenset[int]) -> int:
        """Return the size of the difference."""
        return len(one - other)

    def each(self, one: frozenset[int]) -> frozenset[int]:
        """Return the set itself: it can be gone through."""
        return one
