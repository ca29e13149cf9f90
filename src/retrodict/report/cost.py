"""What a training step is predicted to cost, from the structure alone: the multiplications of the default encoder."""

from __future__ import annotations

import itertools

from retrodict.graph.inverse import Inverse
from retrodict.masks import Dependencies, UnitGroups, suggest_widths

# Parameters of a conditional: the mean and scale of a normal.
PARAMETERS = 2
# Each weight is multiplied once forward and twice backward: for the gradient of the inputs and of the weight.
PASSES = 3
# Comparing parent sets with each other takes long beyond so many edges.
MOST_EDGES = 100_000


def predict_multiplications(inverse: Inverse) -> int | None:
    """Return the multiplications of one simulation in a training step of the shared encoder, of default widths.

    Three for each weight in use, one forward and two backward. Nothing for more than 100,000 edges.

    >>> from retrodict import invert, zoo
    >>> predict_multiplications(invert(zoo.binary_tree(depth=3), "forward"))
    4968
    """
    if inverse.n_edges > MOST_EDGES:
        return None
    return PASSES * count_weights(Dependencies.of(inverse))


def count_weights(dependencies: Dependencies) -> int:
    """Return the weights in use, biases aside, of the shared encoder of default widths with its linear skip."""
    groups = UnitGroups.of(dependencies, suggest_widths(dependencies))
    sizes, outputs = dependencies.sizes, dependencies.latent_sizes * PARAMETERS
    units = groups.units
    read = int(sizes[groups.sets.index].sum()) * units[0]
    within = int(groups.within.lengths.sum()) * sum(a * b for a, b in itertools.pairwise(units))
    written = int((groups.readable.lengths * outputs).sum()) * units[-1]
    skipped = int((sizes[dependencies.parents.index] * outputs[dependencies.parents.sources]).sum())
    return read + within + written + skipped
