"""What a training step of an inverse costs, from its structure alone: nothing is built, JAX is not needed."""

from __future__ import annotations

import itertools

from retrodict.errors import SizeError
from retrodict.graph.inverse import Inverse
from retrodict.plan.dependencies import Dependencies
from retrodict.plan.unit_groups import UnitGroups, suggest_widths

# The batch of `rd.amortize`.
BATCH = 256
# A normal conditional takes two numbers; gradients cost about twice what the values cost.
PARAMETERS, PASSES = 2, 3
# Beyond this many edges finding the sets that lie within each other takes longer than a look at a table may.
MOST_EDGES = 2_000_000


def predict_cost(inverse: Inverse, batch: int = BATCH) -> int:
    """Return the multiplications of a training step of the shared encoder, over the blocks that are not empty.

    Counted are two hidden layers of the usual widths, what leads to the parameters of normal conditionals, and the
    links past the hidden layers, for a batch and three passes: one forwards, two for the gradients.

    Raises `SizeError` for an inverse with more than two million edges.

    >>> from retrodict import fully_connected, invert, zoo
    >>> model = zoo.binary_tree(depth=5)
    >>> predict_cost(invert(model)) < predict_cost(fully_connected(model.net))
    True
    """
    if inverse.n_edges > MOST_EDGES:
        raise SizeError(
            f"the cost of a training step is not predicted for {inverse.n_edges:,} edges, more than {MOST_EDGES:,}"
        )
    dependencies = Dependencies.of(inverse).by_column()
    groups = UnitGroups.of(dependencies, suggest_widths(dependencies))
    parents = dependencies.parents
    direct = int((dependencies.features[parents.index] * dependencies.latent_sizes[parents.sources]).sum())
    last = int((groups.readable.lengths * dependencies.latent_sizes).sum()) * groups.units[-1]
    return PASSES * batch * (count_hidden(groups) + PARAMETERS * (last + direct))


def count_hidden(groups: UnitGroups) -> int:
    """Return the multiplications of a row in the hidden layers, over the blocks that are not empty."""
    columns = int(groups.dependencies.features[groups.sets.index].sum())
    between = sum(below * above for below, above in itertools.pairwise(groups.units))
    return columns * groups.units[0] + len(groups.within.index) * between


def write_count(number: int | None) -> str:
    """Return a large number in three digits.

    >>> write_count(61_440), write_count(1_234_567_890), write_count(None)
    ('61.4 k', '1.23 G', '?')
    """
    if number is None:
        return "?"
    for unit, size in (("T", 10**12), ("G", 10**9), ("M", 10**6), ("k", 10**3)):
        if number >= size:
            return f"{number / size:.3g} {unit}"
    return str(number)
