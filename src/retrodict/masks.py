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
from dataclasses import dataclass, replace
from functools import cached_property

import numpy as np

from retrodict.errors import SizeError, WidthError
from retrodict.graph.bayesnet import Variable
from retrodict.graph.inverse import Inverse
from retrodict.graph.names import Name
from retrodict.graph.rows import Integers, Mask, Rows
from retrodict.supports import count_codes, is_categorical, is_discrete

# Pairs of numbers of one latent that are written out; beyond, elements should be variables of their own.
MOST_PAIRS = 2_000_000


@dataclass(frozen=True, eq=False)
class Dependencies:
    """Which inputs each inferred latent depends on: the observed variables, then the inferred latents.

    A latent is inferred unless it is barren. Row ``i`` of ``parents`` lists the inputs that latent ``i`` has as
    parents; ``variables`` describe all inputs; ``level`` is the step in which a latent can be drawn.
    """

    observed: tuple[Name, ...]
    latents: tuple[Name, ...]
    parents: Rows
    variables: tuple[Variable, ...]
    level: Integers

    @classmethod
    def of(cls, inverse: Inverse) -> Dependencies:
        """Read off an inverse; raise `SizeError` when it has too many edges to be written out.

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
        return cls(
            net.observed,
            net.to_names(net.latent_index[inferred]),
            Rows.from_lists([np.sort(column[inverse.parent_index(latent)]).tolist() for latent in inferred.tolist()]),
            tuple(net.variable(net.names[i]) for i in inputs.tolist()),
            inverse.depths[inferred] - 1,
        )

    def by_column(self) -> Dependencies:
        r"""Return the same with every column of a latent as a latent of its own, which depends on those before it.

        :math:`q(z_i \mid \mathrm{Pa}_i) = \prod_k q(z_{ik} \mid z_{i1}, \ldots, z_{i,k-1}, \mathrm{Pa}_i)`: numbers of
        one latent are dependent given its parents, whatever the inverse. Raises `SizeError` for latents of so many
        numbers that this cannot be written out.

        >>> from retrodict import BayesNet, Variable, invert
        >>> net = BayesNet({"z": [], "x": ["z"]}, observed=["x"], variables=[Variable("z", size=3)])
        >>> Dependencies.of(invert(net)).by_column().parents.to_lists()  # x is input 0
        [[0], [0, 1], [0, 1, 2]]
        """
        sizes = self.latent_sizes
        if (sizes == 1).all():
            return self
        _require_room(self.latents, sizes)
        seen = len(self.observed)
        first = seen + np.cumsum(sizes) - sizes
        parents: list[list[int]] = []
        for latent, row in enumerate(self.parents.to_lists()):
            observed = [i for i in row if i < seen]
            whole = [c for i in row if i >= seen for c in range(first[i - seen], first[i - seen] + sizes[i - seen])]
            own = range(first[latent], first[latent] + sizes[latent])
            parents += [sorted([*observed, *whole, *own[:k]]) for k in range(sizes[latent])]
        return Dependencies(
            self.observed,
            tuple(name for name, size in zip(self.latents, sizes.tolist(), strict=True) for _ in range(size)),
            Rows.from_lists(parents),
            (*self.variables[:seen], *(c for v in self.variables[seen:] for c in _list_columns(v))),
            self._level_columns(sizes),
        )

    def _level_columns(self, sizes: Integers) -> Integers:
        """Return the step in which each column can be drawn: one after another within a latent."""
        seen, begin = len(self.observed), np.zeros(len(self.latents), dtype=np.int64)
        for latent in np.argsort(self.level, kind="stable").tolist():
            above = self.parents[latent][self.parents[latent] >= seen] - seen
            begin[latent] = (begin[above] + sizes[above]).max(initial=0)
        return np.repeat(begin, sizes) + np.concatenate([np.arange(size) for size in sizes.tolist()])

    @cached_property
    def sizes(self) -> Integers:
        """Columns of each input: numbers of an observed variable, codes of a latent."""
        seen = len(self.observed)
        observed = [variable.size for variable in self.variables[:seen]]
        return np.array(observed + [count_codes(variable) for variable in self.variables[seen:]], dtype=np.int64)

    @cached_property
    def categories(self) -> Integers:
        """Number of categories that each number of an input can have, 0 where it is real or a count."""
        return np.array([v.categories if is_categorical(v) else 0 for v in self.variables], dtype=np.int64)

    @property
    def observed_sizes(self) -> Integers:
        """Columns of each observed variable."""
        return self.sizes[: len(self.observed)]

    @property
    def latent_sizes(self) -> Integers:
        """Columns of each inferred latent."""
        return self.sizes[len(self.observed) :]

    @property
    def features(self) -> Integers:
        """How many numbers a network sees of each input: one for a real column, else one for each category."""
        return self.sizes * np.maximum(self.categories, 1)

    @property
    def depth(self) -> int:
        """Number of steps in which all latents are drawn."""
        return int(self.level.max(initial=-1)) + 1

    @cached_property
    def matrix(self) -> Mask:
        """The parents as a matrix, a row for each latent and a column for each input."""
        return to_matrix(self.parents, len(self.sizes))

    @cached_property
    def columns(self) -> Mask:
        """The matrix with a row for each column of each latent and a column for each feature of each input."""
        return np.repeat(np.repeat(self.matrix, self.latent_sizes, axis=0), self.features, axis=1)


def _list_columns(variable: Variable) -> list[Variable]:
    """Return the codes of a latent as variables of their own."""
    count = count_codes(variable)
    if is_discrete(variable):
        own = replace(variable, size=1, shape=(), plates=())
        return [own] * count
    return [Variable(variable.name)] * count


def _require_room(names: tuple[Name, ...], sizes: Integers) -> None:
    """Raise `SizeError` when the columns of one latent depend on each other in too many ways to be written out."""
    largest = int(sizes.argmax())
    count = int(sizes[largest])
    if count * (count - 1) // 2 > MOST_PAIRS:
        raise SizeError(
            f"the {count:,} numbers of {names[largest]!r} depend on each other in {count * (count - 1) // 2:,} ways",
            [names[largest]],
            remedy="Read the program with elementwise=True, so that only those are kept that the model has.",
        )


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


def suggest_widths(dependencies: Dependencies) -> tuple[int, int]:
    """Return two hidden layers with eight units for each different parent set, 64 at least."""
    groups = len(set(map(tuple, dependencies.parents.to_lists())))
    return (max(64, 8 * groups),) * 2


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


def to_matrix(rows: Rows, width: int) -> Mask:
    """Return rows of numbers as a matrix, true where a row holds a number.

    >>> to_matrix(Rows.from_lists([[1], []]), 2).tolist()
    [[False, True], [False, False]]
    """
    matrix = np.zeros((len(rows), width), dtype=bool)
    matrix[rows.sources, rows.index] = True
    return matrix
