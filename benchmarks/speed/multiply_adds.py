"""The multiply-adds that a training step cannot do without: the weights in use, forward and in both backward products.

A weight in use is multiplied with its input on the way forward, with the gradient of its output on the way back to its
input, and its input with that gradient for its own. Weights that read data need no gradient of their input.
"""

from __future__ import annotations

import itertools
from typing import NamedTuple

from retrodict.plan.unit_groups import UnitGroups


class Weights(NamedTuple):
    """Weights in use that read data, and those that read hidden units."""

    on_data: int
    on_units: int

    def step(self, batch: int) -> int:
        """Return the multiply-adds of a training step."""
        return batch * (2 * self.on_data + 3 * self.on_units)


def count_weights(groups: UnitGroups, parameters: int, *, skip: bool) -> Weights:
    """Count the weights in use from the structure; nothing dense is made, so that any size can be counted."""
    dependencies = groups.dependencies
    first = int(dependencies.sizes[groups.sets.index].sum()) * groups.units[0]
    direct = 0
    if skip:
        rows = zip(dependencies.latent_sizes.tolist(), dependencies.parents.to_lists(), strict=True)
        direct = parameters * sum(columns * int(dependencies.sizes[row].sum()) for columns, row in rows)
    between = sum(len(groups.within.index) * below * above for below, above in itertools.pairwise(groups.units))
    readable = zip(dependencies.latent_sizes.tolist(), groups.readable.lengths.tolist(), strict=True)
    last = parameters * groups.units[-1] * sum(columns * count for columns, count in readable)
    return Weights(first + direct, between + last)
