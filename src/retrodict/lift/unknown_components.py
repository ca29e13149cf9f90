"""What each latent needs in a sampling order, from the components of what is not yet known."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from functools import cached_property

import numpy as np

from retrodict.graph.ancestry import find_barren
from retrodict.graph.moral import moralize
from retrodict.graph.rows import Integers, Mask
from retrodict.lift.templates.template_grounding import Grounding


@dataclass(frozen=True)
class Component:
    """The unknown instances that hang together with a target when it is drawn, and all that is next to one of them.

    Both are sets of bits, one for each instance.
    """

    members: int
    near: int

    @property
    def boundary(self) -> int:
        """The known neighbors: the unique minimal parents of the target, if it is left out of the members."""
        return self.near & ~self.members


@dataclass(frozen=True, eq=False)
class SmallGrounding:
    """A grounding of a few thousand instances with its moral graph as bits, ready to be inverted in many orders."""

    grounding: Grounding

    @cached_property
    def informed(self) -> Mask:
        """Which instances are observed or have an observed descendant."""
        return ~find_barren(self.grounding.net)[self.grounding.to_net]

    @cached_property
    def observed(self) -> int:
        """The observed instances, as bits."""
        return to_bits(np.concatenate([self.grounding.list_instances(name) for name in self.grounding.observed]))

    @cached_property
    def moral(self) -> list[int]:
        """Neighbors of each instance in the moral graph without barren instances, as bits."""
        net, instance = self.grounding.net, self.grounding.from_net
        rows = moralize(net, ~find_barren(net))
        near = [0] * len(net)
        for variable, row in enumerate(rows.to_lists()):
            near[instance[variable]] = to_bits(instance[row])
        return near

    def find_components(self, turns: Integers) -> dict[int, Component]:
        """Return the component of each instance that has a turn and is not barren.

        Backwards in sampling order instances become unknown one by one, and components only grow (Lauritzen et al.
        1990: what is known parts variables exactly if it parts them in the moral graph of the ancestors).
        """
        found: dict[int, Component] = {}
        home: dict[int, int] = {}  # the latest member of the component of each unknown instance, followed to its root
        unknown, moral = 0, self.moral
        for i in list_backwards(turns, self.informed):
            members, near, home[i] = 1 << i, moral[i], i
            for other in list_bits(moral[i] & unknown):
                root = _find_root(home, other)
                if root != i:
                    members |= found[root].members
                    near |= found[root].near
                    home[root] = i
            unknown |= 1 << i
            found[i] = Component(members, near)
        return found


def list_backwards(turns: Integers, informed: Mask) -> list[int]:
    """Return the instances that have a turn and are not barren, the last one first."""
    chosen = np.flatnonzero((turns >= 0) & informed)
    return [int(i) for i in chosen[np.argsort(turns[chosen])][::-1]]


def _find_root(home: dict[int, int], i: int) -> int:
    while home[i] != i:
        home[i] = home[home[i]]
        i = home[i]
    return i


def to_bits(numbers: Iterable[int] | Integers) -> int:
    """Return numbers as the bits of one integer."""
    listed = np.asarray(numbers, dtype=np.int64)
    if not len(listed):
        return 0
    flags = np.zeros(int(listed.max()) + 1, dtype=np.uint8)
    flags[listed] = 1
    return int.from_bytes(np.packbits(flags, bitorder="little").tobytes(), "little")


def list_bits(bits: int) -> list[int]:
    """Return the numbers whose bits are set, ascending.

    >>> list_bits(0b1010)
    [1, 3]
    """
    packed = np.frombuffer(bits.to_bytes((bits.bit_length() + 7) // 8, "little"), dtype=np.uint8)
    numbers: list[int] = np.flatnonzero(np.unpackbits(packed, bitorder="little")).tolist()
    return numbers
