"""From an inverse to the wiring of a masked network: every output depends on exactly its parents.

Each hidden unit has a dependency set, the inputs that may reach it. It listens to units whose sets lie within
its own, and an output listens to the units whose sets lie within its parents. The sets used are the parent
sets themselves, so every output has units that see all of its parents, and units are shared by all outputs
whose parent sets contain theirs. Units with one set are one group: a network is a few blocks between groups.

Source: the construction generalizes Germain et al. 2015 (MADE), whose sets are nested, to the parent sets of
any inverse, as Webb et al. 2017, section 3, ask for.
"""

from __future__ import annotations

import itertools
from collections.abc import Sequence
from dataclasses import dataclass
from functools import cached_property

import numpy as np

from retrodict.errors import WidthError
from retrodict.graph.rows import Integers, Mask, Rows
from retrodict.plan.dependencies import Dependencies, to_matrix

# The usual width of a layer, and the units that a parent set has at most and at least.
LEAST, MOST_UNITS, LEAST_UNITS = 256, 128, 8


@dataclass(frozen=True, eq=False)
class UnitGroups:
    """Hidden units of a layered network by dependency set.

    Row ``g`` of ``sets`` lists the inputs that group ``g`` may see; layer ``k`` has ``units[k]`` units in every
    group. Row ``g`` of ``within`` lists the groups whose sets lie within that of ``g``, row ``i`` of ``readable``
    those whose sets lie within the parents of latent ``i``.

    >>> from retrodict import zoo, invert
    >>> groups = UnitGroups.of(Dependencies.of(invert(zoo.binary_tree(depth=3))), widths=[6, 7])
    >>> groups.units, [mask.shape for mask in groups.masks]
    ((2, 2), [(6, 7), (6, 6), (3, 6)])
    """

    dependencies: Dependencies
    sets: Rows
    units: tuple[int, ...]

    @classmethod
    def of(cls, dependencies: Dependencies, widths: Sequence[int]) -> UnitGroups:
        """Divide layers of these widths equally among the different parent sets; what is left over is not used.

        Equal shares learn at least as fast as shares in proportion to the size of the sets, and leave no group
        with so few units that all of them may sleep (a ReLU that is never positive passes no gradient).

        Raises `WidthError`, naming the least width that can carry them, when there are more sets than units.
        """
        different = sorted(
            {tuple(row) for row in dependencies.parents.to_lists() if row}, key=lambda row: (len(row), row)
        )
        least = max(1, len(different))
        for layer, width in enumerate(widths):
            if width < least:
                raise WidthError(
                    f"hidden layer {layer + 1} has {width} units, too few to carry the {len(different)} different "
                    f"parent sets of {len(dependencies.latents)} latents",
                    least=least,
                    remedy=f"Make every hidden layer at least {least} wide.",
                )
        return cls(dependencies, Rows.from_lists(different), tuple(width // least for width in widths))

    @cached_property
    def within(self) -> Rows:
        """For each group the groups whose sets lie within its own, itself among them."""
        return list_subsets(self.sets, self.sets)

    @cached_property
    def readable(self) -> Rows:
        """For each latent the groups whose sets lie within its parents."""
        return list_subsets(self.sets, self.dependencies.parents)

    @cached_property
    def level(self) -> Integers:
        """For each group the step in which all of its inputs are known."""
        seen = len(self.dependencies.observed)
        known = np.concatenate([np.zeros(seen, dtype=np.int64), self.dependencies.level + 1])
        return np.array([known[row].max() for row in (self.sets[g] for g in range(len(self.sets)))], dtype=np.int64)

    @property
    def masks(self) -> tuple[Mask, ...]:
        """Masks of the layers, shape ``(outputs, inputs)`` each: from the features, between, to the latents."""
        groups = len(self.sets)
        features = self.dependencies.features
        columns = np.repeat(to_matrix(self.sets, len(features)), features, axis=1)
        first = np.repeat(columns, self.units[0], axis=0)
        within, readable = to_matrix(self.within, groups), to_matrix(self.readable, groups)
        inner = [
            np.repeat(np.repeat(within, above, axis=0), below, axis=1)
            for below, above in itertools.pairwise(self.units)
        ]
        last = np.repeat(np.repeat(readable, self.dependencies.latent_sizes, axis=0), self.units[-1], axis=1)
        return (first, *inner, last)


def suggest_widths(dependencies: Dependencies, least: int = LEAST, most: int = MOST_UNITS) -> tuple[int, int]:
    """Return two hidden layers of 256 units, but at most 128 and at least 8 for each different parent set.

    >>> from retrodict import zoo, invert
    >>> [suggest_widths(Dependencies.of(invert(zoo.hmm(length)))) for length in (1, 8, 100)]
    [(128, 128), (256, 256), (800, 800)]
    """
    groups = max(1, len(set(map(tuple, dependencies.parents.to_lists()))))
    return (max(min(least, most * groups), LEAST_UNITS * groups),) * 2


def list_subsets(parts: Rows, wholes: Rows) -> Rows:
    """Return for each whole the numbers of the parts that are subsets of it; parts are not empty.

    A part can only lie within the wholes that hold its rarest element, and few do.

    >>> list_subsets(Rows.from_lists([[0], [0, 1]]), Rows.from_lists([[0], [0, 1, 2], [2]])).to_lists()
    [[0], [0, 1], []]
    """
    holders: dict[int, list[int]] = {}
    sets = [frozenset(row) for row in wholes.to_lists()]
    for whole, members in enumerate(sets):
        for member in members:
            holders.setdefault(member, []).append(whole)
    found: list[list[int]] = [[] for _ in sets]
    for part, row in enumerate(parts.to_lists()):
        members = frozenset(row)
        for whole in min((holders.get(member, []) for member in row), key=len):
            if members <= sets[whole]:
                found[whole].append(part)
    return Rows.from_lists(found)
