"""Which inputs each output of an encoder depends on: the parents of each latent, read off an inverse."""

from __future__ import annotations

import itertools
from collections.abc import Iterable
from dataclasses import dataclass, replace
from functools import cached_property

import numpy as np

from retrodict.errors import OptionError, SizeError
from retrodict.graph.bayesnet import Variable
from retrodict.graph.inverse import Inverse
from retrodict.graph.names import Name
from retrodict.graph.rows import Integers, Mask, Rows
from retrodict.plan.supports import BOUNDED, EVENT_AXES, count_codes, is_categorical, is_discrete

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
    def of(cls, inverse: Inverse, drawn: Iterable[Name] | None = None) -> Dependencies:
        """Read off an inverse; raise `SizeError` when it has too many edges to be written out.

        ``drawn`` latents only, where others are inferred in other ways; raise `OptionError` where they depend on such.

        >>> from retrodict import BayesNet, invert
        >>> inverse = invert(BayesNet({"z": [], "y": ["z"], "x": ["y"]}, observed=["x"]), order=["z", "y"])
        >>> dependencies = Dependencies.of(inverse)
        >>> dependencies.latents, dependencies.matrix.astype(int).tolist()  # of z, then y, on x, z, y
        (('z', 'y'), [[0, 0, 1], [1, 0, 0]])
        """
        inverse.require_size()
        net, inferred = inverse.net, np.flatnonzero(~inverse.is_generative)
        if drawn is not None:
            inferred = np.sort(net.place[[net.index(name) for name in drawn]])
        inputs = np.concatenate([net.observed_index, net.latent_index[inferred]])
        column = np.full(len(net), -1, dtype=np.int64)
        column[inputs] = np.arange(len(inputs))
        parents = [np.sort(column[inverse.parent_index(latent)]).tolist() for latent in inferred.tolist()]
        _require_inputs(net.to_names(net.latent_index[inferred]), parents)
        return cls(
            net.observed,
            net.to_names(net.latent_index[inferred]),
            Rows.from_lists(parents),
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

    def by_latent(self) -> Dependencies:
        """Return the same columns in steps such that those of a latent have no columns of others in or between them.

        Latents of one column share a step as before. For whoever draws latent by latent.

        >>> from retrodict import BayesNet, Variable, invert
        >>> net = BayesNet(
        ...     {"z": [], "y": [], "x": ["z"], "w": ["y"]},
        ...     observed=["x", "w"],
        ...     variables=[Variable("z", size=2), Variable("y", size=2)],
        ... )
        >>> columns = Dependencies.of(invert(net)).by_column()
        >>> columns.latents, columns.level.tolist(), columns.by_latent().level.tolist()
        (('y', 'y', 'z', 'z'), [0, 1, 0, 1], [0, 1, 2, 3])
        """
        owned: dict[Name, list[int]] = {}
        for column, name in enumerate(self.latents):
            owned.setdefault(name, []).append(column)

        def find_turn(columns: list[int]) -> tuple[int, int]:
            return int(self.level[columns[0]]), columns[0] if len(columns) > 1 else -1

        level, step = np.empty(len(self.latents), dtype=np.int64), 0
        for _, turn in itertools.groupby(sorted(owned.values(), key=find_turn), find_turn):
            for columns in turn:
                level[columns] = step + np.arange(len(columns))
            step += len(columns)
        return replace(self, level=level)

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


def mark_bounded(dependencies: Dependencies) -> Mask:
    """Mark the columns of latents that are real numbers between two ends."""
    latents = dependencies.variables[len(dependencies.observed) :]
    bounded = [variable.support in BOUNDED and variable.categories is None for variable in latents]
    return np.repeat(np.array(bounded, dtype=bool), dependencies.latent_sizes)


def _list_columns(variable: Variable) -> list[Variable]:
    """Return the codes of a latent as variables of their own."""
    count = count_codes(variable)
    if is_discrete(variable) or variable.support not in EVENT_AXES:
        own = replace(variable, size=1, shape=(), plates=())
        return [own] * count
    return [Variable(variable.name)] * count


def _require_inputs(names: tuple[Name, ...], parents: list[list[int]]) -> None:
    """Raise `OptionError` for latents whose parents are neither observed nor drawn."""
    loose = [name for name, row in zip(names, parents, strict=True) if row and row[0] < 0]
    if loose:
        raise OptionError(
            "{names} {have} parents among the latents that are not drawn with them",
            loose,
            remedy="Draw those, too, or invert the model with those observed.",
        )


def _require_room(names: tuple[Name, ...], sizes: Integers) -> None:
    """Raise `SizeError` when the columns of one latent depend on each other in too many ways to be written out."""
    largest = int(sizes.argmax())
    count = int(sizes[largest])
    if count * (count - 1) // 2 > MOST_PAIRS:
        raise SizeError(
            f"the {count:,} numbers of {{names}} depend on each other in {count * (count - 1) // 2:,} ways",
            [names[largest]],
            remedy="Read the program with elementwise=True, so that only those are kept that the model has.",
        )


def to_matrix(rows: Rows, width: int) -> Mask:
    """Return rows of numbers as a matrix, true where a row holds a number.

    >>> to_matrix(Rows.from_lists([[1], []]), 2).tolist()
    [[False, True], [False, False]]
    """
    matrix = np.zeros((len(rows), width), dtype=bool)
    matrix[rows.sources, rows.index] = True
    return matrix
