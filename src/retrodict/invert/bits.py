"""Sets of small integers as the bits of one big integer: numbers to bits and back, in time linear in their number."""

from __future__ import annotations

from collections.abc import Iterable

import numpy as np

# Up to this many numbers, setting and clearing bits one by one is fastest; every such step copies the whole integer.
FEW = 64


def pack_bits(numbers: Iterable[int]) -> int:
    """Return the integer with these bits.

    >>> pack_bits([0, 3]), pack_bits(range(100)) == 2**100 - 1
    (9, True)
    """
    listed = list(numbers)
    if len(listed) > FEW:
        flags = np.zeros(max(listed) + 1, dtype=np.uint8)
        flags[listed] = 1
        return int.from_bytes(np.packbits(flags, bitorder="little").tobytes(), "little")
    packed = 0
    for number in listed:
        packed |= 1 << number
    return packed


def list_bits(bits: int) -> list[int]:
    """Return the numbers in a set, ascending.

    >>> list_bits(0b1101), list_bits(pack_bits(range(100))) == list(range(100))
    ([0, 2, 3], True)
    """
    if bits.bit_count() > FEW:
        octets = np.frombuffer(bits.to_bytes((bits.bit_length() + 7) // 8, "little"), dtype=np.uint8)
        many: list[int] = np.flatnonzero(np.unpackbits(octets, bitorder="little")).tolist()
        return many
    few = []
    while bits:
        highest = bits.bit_length() - 1
        few.append(highest)
        bits ^= 1 << highest
    return few[::-1]
