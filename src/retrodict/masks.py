"""From an inverse to the wiring of a masked network: every output depends on exactly its parents.

Each hidden unit has a dependency set, the inputs that may reach it. It listens to units whose sets lie within
its own, and an output listens to the units whose sets lie within its parents. The sets used are the parent
sets themselves, so every output has units that see all of its parents, and units are shared by all outputs
whose parent sets contain theirs. Units with one set are one group: a network is a few blocks between groups.

Source: the construction generalises Germain et al. 2015 (MADE), whose sets are nested, to the parent sets of
any inverse, as Webb et al. 2017, section 3, ask for.
"""

from __future__ import annotations

import itertools
from collections.abc import Sequence
from dataclasses import dataclass
from functools import cached_property

import numpy as np

from retrodict.errors import WidthError
from retrodict.graph.inverse import Inverse
from retrodict.graph.names import Name
from retrodict.graph.rows import Integers, Mask


@dataclass(frozen=True, eq=False)
class Dependencies:
    """Which inputs each inferred latent depends on: the observed variables, then the inferred latents.

    A latent is inferred unless it is barren. ``matrix[i, j]`` says that latent ``i`` has input ``j`` as a
    parent; ``sizes`` are the columns of each input; ``level`` is the step in which a latent can be drawn.
    """

    observed: tuple[Name, ...]
    latents: tuple[Name, ...]
    matrix: Mask
    sizes: Integers
    level: Integers

    @classmethod
    def of(cls, inverse: Inverse) -> Dependencies:
        """Read off an inverse.

        >>> from retrodict import BayesNet, invert
        >>> inverse = invert(BayesNet({"z": [], "y": ["z"], "x": ["y"]}, observed=["x"]), order=["z", "y"])
        >>> dependencies = Dependencies.of(inverse)
        >>> dependencies.latents, dependencies.matrix.astype(int).tolist()  # of z, then y, on x, z, y
        (('z', 'y'), [[0, 0, 1], [1, 0, 0]])
        """
        inverse.require_size()
        net, inferred = inverse.net, np.flatnonzero(~inverse.is_generative)
        inputs = np.concatenate([net.observed_index, net.latent_index[inferred]])
        column = np.full(len(net), -1, dtype=np.int64)
        column[inputs] = np.arange(len(inputs))
        matrix = np.zeros((len(inferred), len(inputs)), dtype=bool)
        for row, latent in enumerate(inferred.tolist()):
            matrix[row, column[inverse.parent_index(latent)]] = True
        return cls(
            net.observed,
            net.to_names(net.latent_index[inferred]),
            matrix,
            np.array([net.variable(net.names[i]).size for i in inputs.tolist()], dtype=np.int64),
            inverse.depths[inferred] - 1,
        )

    @property
    def observed_sizes(self) -> Integers:
        """Columns of each observed variable."""
        return self.sizes[: len(self.observed)]

    @property
    def latent_sizes(self) -> Integers:
        """Columns of each inferred latent."""
        return self.sizes[len(self.observed) :]

    @cached_property
    def columns(self) -> Mask:
        """The matrix with a row for each column of each latent and a column for each column of each input."""
        return np.repeat(np.repeat(self.matrix, self.latent_sizes, axis=0), self.sizes, axis=1)


@dataclass(frozen=True, eq=False)
class UnitGroups:
    """Hidden units of a layered network by dependency set.

    ``sets[g]`` marks the inputs that group ``g`` may see; ``counts[k][g]`` is the number of units that layer
    ``k`` gives it.

    >>> from retrodict import zoo, invert
    >>> groups = UnitGroups.of(Dependencies.of(invert(zoo.binary_tree(depth=3))), widths=[6, 6])
    >>> [mask.shape for mask in groups.masks]
    [(6, 7), (6, 6), (3, 6)]
    """

    dependencies: Dependencies
    sets: Mask
    counts: tuple[Integers, ...]

    @classmethod
    def of(cls, dependencies: Dependencies, widths: Sequence[int]) -> UnitGroups:
        """Divide layers of these widths among the parent sets, each in proportion to its size.

        Raises `WidthError`, naming the least width that can carry them, when there are more sets than units.
        """
        sets = np.unique(dependencies.matrix[dependencies.matrix.any(axis=1)], axis=0)
        sets = sets[np.argsort(sets.sum(axis=1), kind="stable")]
        for layer, width in enumerate(widths):
            if width < max(1, len(sets)):
                raise WidthError(
                    f"hidden layer {layer + 1} has {width} units, too few to carry the {len(sets)} different "
                    f"parent sets of {len(dependencies.latents)} latents",
                    least=len(sets),
                    remedy=f"Make every hidden layer at least {len(sets)} wide.",
                )
        share = sets.sum(axis=1).astype(float)
        return cls(dependencies, sets, tuple(apportion(share, width) for width in widths))

    @property
    def masks(self) -> tuple[Mask, ...]:
        """Masks of the layers, shape ``(outputs, inputs)`` each: from the input columns, between, to the latents."""
        units = [np.repeat(self.sets, count, axis=0) for count in self.counts]
        columns = np.repeat(self.sets, self.dependencies.sizes, axis=1)
        first = np.repeat(columns, self.counts[0], axis=0)
        inner = [lies_within(below, above) for below, above in itertools.pairwise(units)]
        rows = np.repeat(self.dependencies.matrix, self.dependencies.latent_sizes, axis=0)
        return (first, *inner, lies_within(units[-1], rows))


def lies_within(parts: Mask, wholes: Mask) -> Mask:
    """Return for each whole (rows) and each part (columns) whether the part is a subset of the whole.

    >>> lies_within(np.array([[1, 0], [1, 1]], bool), np.array([[1, 0]], bool)).tolist()
    [[True, False]]
    """
    shared = wholes.astype(np.float32) @ parts.astype(np.float32).T
    return np.asarray(shared == parts.sum(axis=1))


def apportion(share: np.ndarray, total: int) -> Integers:
    """Divide a total in proportion to shares, at least one each, by largest remainders.

    >>> apportion(np.array([1.0, 3.0]), 9).tolist()
    [3, 6]
    """
    if len(share) == 0:
        return np.zeros(0, dtype=np.int64)
    spare = total - len(share)
    exact = share / share.sum() * spare
    whole = np.floor(exact).astype(np.int64)
    left = spare - int(whole.sum())
    whole[np.argsort(whole - exact, kind="stable")[:left]] += 1
    return 1 + whole
