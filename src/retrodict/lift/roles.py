"""What an encoder of each latent reads: families of its unknown component, by what is known of them.

The conditional of a latent is an integral over its component of a product of families. So the elements of its set
encoders and scans are families, each with all of its members that are known: an observation without the latents that it
was seen with is not enough. Families of one kind with the same known members are one role.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from functools import cached_property

import numpy as np

from retrodict.lift.lifted_structure import LiftedStructure
from retrodict.lift.missing_values import add_copies
from retrodict.lift.patterns.margins import Margins
from retrodict.lift.patterns.pattern import Pattern
from retrodict.lift.schedules.turns import number_turns
from retrodict.lift.small_inverse import SmallInverse
from retrodict.lift.templates.template import Template
from retrodict.lift.unknown_components import SmallGrounding, list_bits

# Sizes of plates at which the width of an elimination is compared; it grows, or one pass is enough.
SMALLER, LARGER = 4, 6


@dataclass(frozen=True)
class Role:
    """Families of one kind that an encoder reads alike.

    Arguments:
        children: the children of these families, as patterns.
        known: their known members, by name; of earlier times as ``z[t-1]``.
        own: whether the latent itself is a member.
        text: the children as text.
    """

    children: tuple[Pattern, ...]
    known: tuple[str, ...]
    own: bool
    text: str

    def __str__(self) -> str:
        return f"{'own ' if self.own else ''}{self.text} with {', '.join(self.known)}"


@dataclass(frozen=True)
class Reading:
    """The roles of one latent.

    ``one_pass`` says that pools and scans from the outside in can hold its exact integral: eliminating the rest of its
    component stays equally narrow when plates and time grow. Crossings and common factors need several passes.
    """

    roles: tuple[Role, ...]
    one_pass: bool

    def __str__(self) -> str:
        return "\n".join(["one pass" if self.one_pass else "several passes", *(f"  {role}" for role in self.roles)])


def find_roles(lifted: LiftedStructure) -> dict[str, Reading]:
    """Return what the encoder of each latent reads, in the middle of plates and far from the ends of time.

    >>> from retrodict import invert
    >>> crossed = Template("mu; a[i]; b[j]; y[i,j] | mu a[i] b[j]", observed=["y"])
    >>> print(find_roles(invert(crossed, "(mu; turn j: (b); each i: (a))"))["b"])
    several passes
      y[*,<j] with b, mu, y
      own y[*,j] with mu, y
      y[*,>j] with mu, y
    """
    small = SmallInverse(lifted.template, lifted.schedule, Margins.of(add_copies(lifted.template)[0]))
    narrow = [_Widths(lifted, size).widths for size in (SMALLER, LARGER)]
    return {
        name: Reading(tuple(_list_roles(small, name)), narrow[0][name] == narrow[1][name])
        for name in lifted.schedule.drawn
    }


def _list_roles(small: SmallInverse, name: str) -> Iterable[Role]:
    grounding = small.small.grounding
    target = grounding.find(name, small.centre)
    if target not in small.components:
        return
    members = small.components[target].members
    found: dict[tuple[int, tuple[str, ...], bool], list[int]] = {}
    for child, parents in enumerate(grounding.parents.to_lists()):
        family = [child, *parents]
        if small.small.informed[child] and any(members >> i & 1 for i in family):
            known = tuple(sorted({small.label(child, i) for i in family if not members >> i & 1}))
            if known:
                found.setdefault((int(grounding.owner[child]), known, target in family), []).append(child)
    for (_, known, own), children in found.items():
        patterns, _ = small.reader_of(name, small.centre).read(children)
        dims, time = {v.name: v.dims for v in small.template.variables}, small.template.time
        if patterns:
            yield Role(patterns, known, own, " ".join(p.write(dims[p.name], time) for p in patterns))


@dataclass(frozen=True, eq=False)
class _Widths:
    """How wide the elimination of each component is, its latent last, when plates have a given size."""

    lifted: LiftedStructure
    size: int

    @cached_property
    def widths(self) -> dict[str, int]:
        template = self.lifted.template
        sizes = {d: self._choose_length(template) if d == template.time else self.size for d in template.dims}
        small = SmallGrounding(add_copies(template)[0].ground(sizes))
        turns = number_turns(self.lifted.schedule, small.grounding, max(1, template.max_lag))
        components, found = small.find_components(turns), {}
        for name in self.lifted.schedule.drawn:
            target = small.grounding.find(name, {dim: size // 2 for dim, size in sizes.items()})
            members = components[target].members if target in components else 0
            found[name] = measure_width({i: small.moral[i] & members for i in list_bits(members)}, target)
        return found

    def _choose_length(self, template: Template) -> int:
        return 2 * self.size + 4 * template.max_lag


def measure_width(near: dict[int, int], last: int) -> int:
    """Return how many neighbors a member has at most when all but the last are eliminated, the least first.

    >>> measure_width({0: 0b110, 1: 0b001, 2: 0b001}, 0)
    1
    """
    near, widest = dict(near), 0
    while len(near) > 1:
        others = np.array([i for i in near if i != last], dtype=np.int64)
        i = int(others[np.argmin([near[k].bit_count() for k in others.tolist()])])
        row = near.pop(i)
        widest = max(widest, row.bit_count())
        for k in list_bits(row):
            near[k] = (near[k] | row) & ~(1 << k) & ~(1 << i)
    return widest
