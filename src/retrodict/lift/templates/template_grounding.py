"""A template at given sizes: all instances numbered, and the edges between them."""

from __future__ import annotations

import itertools
import math
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from functools import cached_property

import numpy as np

from retrodict.errors import SizeError
from retrodict.graph.bayesnet import BayesNet
from retrodict.graph.names import Name
from retrodict.graph.rows import Integers, Rows, drop_repeats, sort_edges
from retrodict.graph.written_edges import sort_topologically
from retrodict.lift.templates.template_relations import Relation, Repeated

MOST_INSTANCES = 20_000_000
MOST_RELATED = 100_000_000


@dataclass(frozen=True, eq=False)
class Grounding:
    """The instances of a template at given sizes, numbered variable by variable, the last index fastest.

    >>> grounding = Grounding((Repeated("mu"), Repeated("y", ("n",))), (Relation("y", "mu"),), ("y",), None, {"n": 2})
    >>> grounding.names, grounding.parents.to_lists()
    (['mu', 'y[0]', 'y[1]'], [[], [0], [0]])
    """

    variables: tuple[Repeated, ...]
    relations: tuple[Relation, ...]
    observed: tuple[str, ...]
    time: str | None
    sizes: Mapping[str, int]

    def __post_init__(self) -> None:
        if self.n > MOST_INSTANCES:
            raise SizeError(
                f"the template has {self.n:,} instances at these sizes, more than {MOST_INSTANCES:,}",
                remedy="Give smaller sizes.",
            )

    @cached_property
    def shapes(self) -> Mapping[str, tuple[int, ...]]:
        """The sizes of the dims of each variable."""
        return {v.name: tuple(self.sizes[dim] for dim in v.dims) for v in self.variables}

    @cached_property
    def starts(self) -> Mapping[str, int]:
        """The number of the first instance of each variable."""
        stops = itertools.accumulate((math.prod(self.shapes[v.name]) for v in self.variables), initial=0)
        return {v.name: start for v, start in zip(self.variables, stops, strict=False)}

    @cached_property
    def n(self) -> int:
        """Number of instances."""
        return sum(math.prod(shape) for shape in self.shapes.values())

    @cached_property
    def dims(self) -> Mapping[str, tuple[str, ...]]:
        """The dims of each variable."""
        return {v.name: v.dims for v in self.variables}

    @cached_property
    def names(self) -> list[str]:
        """The name of each instance, such as ``theta[0]``."""
        return list(itertools.chain.from_iterable(map(self._name_all, self.variables)))

    def _name_all(self, variable: Repeated) -> Iterator[str]:
        if not variable.dims:
            return iter([variable.name])
        texts = [list(map(str, range(size))) for size in self.shapes[variable.name]]
        return (f"{variable.name}[{indices}]" for indices in map(",".join, itertools.product(*texts)))

    @cached_property
    def owner(self) -> Integers:
        """The place of the variable of each instance among the variables."""
        return np.repeat(np.arange(len(self.variables)), [math.prod(self.shapes[v.name]) for v in self.variables])

    def list_instances(self, name: str) -> Integers:
        """Return the numbers of all instances of a variable."""
        return self.starts[name] + np.arange(math.prod(self.shapes[name]))

    def unravel(self, name: str, instances: Integers) -> dict[str, Integers]:
        """Return the index of instances of a variable along each of its dims."""
        indices = np.unravel_index(instances - self.starts[name], self.shapes[name] or (1,))
        return dict(zip(self.dims[name], map(np.asarray, indices), strict=False))

    def find(self, name: str, at: Mapping[str, int]) -> int:
        """Return the number of one instance, given its index along each dim (and perhaps others)."""
        index = tuple(at[dim] for dim in self.dims[name])
        return self.starts[name] + (int(np.ravel_multi_index(index, self.shapes[name])) if index else 0)

    @cached_property
    def parents(self) -> Rows:
        """The parents of each instance."""
        pairs = [self._relate(relation) for relation in self.relations]
        child, parent = (
            (np.concatenate([np.zeros(0, dtype=np.int64), *side]) for side in zip(*pairs, strict=True))
            if (pairs)
            else (np.zeros(0, dtype=np.int64),) * 2
        )
        child, parent = drop_repeats(*sort_edges(child, parent))
        return Rows.from_edges(child, parent, self.n)

    def _relate(self, relation: Relation) -> tuple[Integers, Integers]:
        """Return the pairs of child and parent of a relation: an axis for each dim of either, broadcast."""
        axes = self._lay_axes(relation)
        if math.prod(len(axis) for axis in axes.values()) > MOST_RELATED:
            raise SizeError(
                f"{relation.child!r} has more than {MOST_RELATED:,} pairs of instances with its parent "
                f"{relation.parent!r} at these sizes",
                remedy="Give smaller sizes.",
            )
        grid = dict(zip(axes, np.ix_(*axes.values()), strict=True)) if axes else {}
        child_at = {dim: grid[dim] for dim in self.dims[relation.child]}
        parent_at, holds = self._place_parent(relation, grid)
        shape = tuple(len(axis) for axis in axes.values())
        child = np.broadcast_to(self._number(relation.child, child_at), shape).ravel()
        parent = np.broadcast_to(self._number(relation.parent, parent_at), shape).ravel()
        kept = np.broadcast_to(holds, shape).ravel()
        return child[kept], parent[kept]

    def _lay_axes(self, relation: Relation) -> dict[str, Integers]:
        """Return the indices to be paired: those of the child, and those of the parent that are free, marked by +."""
        axes = {dim: np.arange(self.sizes[dim]) for dim in self.dims[relation.child]}
        if relation.only is not None and self.time is not None:
            axes[self.time] = np.array([relation.only % self.sizes[self.time]])
        free = [dim for dim in self.dims[relation.parent] if dim in relation.every or dim in relation.up_to]
        return axes | {f"{dim}+": np.arange(self.sizes[dim]) for dim in free}

    def _place_parent(self, relation: Relation, grid: Mapping[str, Integers]) -> tuple[dict[str, Integers], Integers]:
        """Return the index of the parent along each of its dims, and where there is one."""
        at: dict[str, Integers] = {}
        holds = np.array(True)
        for dim in self.dims[relation.parent]:
            if f"{dim}+" in grid:
                at[dim] = grid[f"{dim}+"]
                if dim in relation.up_to:
                    holds = holds & (at[dim] <= grid[dim])
            elif dim == self.time and relation.fixed is not None:
                at[dim] = np.array(relation.fixed % self.sizes[dim])
            else:
                at[dim] = grid[dim] - (relation.lag if dim == self.time else 0)
                holds = holds & (at[dim] >= 0)
        return at, holds

    def _number(self, name: str, at: Mapping[str, Integers]) -> Integers:
        number = np.array(self.starts[name])
        for dim, stride in zip(self.dims[name], self.find_strides(name), strict=True):
            number = number + stride * at[dim]
        return number

    def find_strides(self, name: str) -> list[int]:
        """Return by how much the number of an instance grows with its index along each dim."""
        shape = self.shapes[name]
        return [math.prod(shape[place + 1 :]) for place in range(len(shape))]

    @cached_property
    def net(self) -> BayesNet:
        """The model at these sizes."""
        order, number, rows = self.from_net, self.to_net, self.parents
        names: tuple[Name, ...] = tuple(map(self.names.__getitem__, order.tolist()))
        is_observed = np.zeros(self.n, dtype=bool)
        for name in self.observed:
            is_observed[number[self.list_instances(name)]] = True
        return BayesNet.of_sorted(names, Rows.from_edges(number[rows.sources], number[rows.index], self.n), is_observed)

    @cached_property
    def to_net(self) -> Integers:
        """The number in the model of each instance."""
        number = np.empty(self.n, dtype=np.int64)
        number[self.from_net] = np.arange(self.n)
        return number

    @cached_property
    def from_net(self) -> Integers:
        """The instance of each variable of the model, which numbers them topologically, ties by name."""
        return sort_topologically(tuple(self.names), self.parents)
