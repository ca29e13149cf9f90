"""The structure of a generative model: variables, their parents, and which of them are observed."""

from __future__ import annotations

import math
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from functools import cached_property
from typing import TYPE_CHECKING, Any, Protocol

import numpy as np

from retrodict.errors import GraphError
from retrodict.graph.frozen import FrozenMap, Portable
from retrodict.graph.names import (
    Name,
    find,
    require_distinct,
    require_list,
    unknown,
)
from retrodict.graph.rows import Integers, Mask, Rows
from retrodict.graph.written_edges import (
    list_strangers,
    mark_hidden,
    mark_observed,
    number_edges,
    read_parents,
    sort_topologically,
)

if TYPE_CHECKING:
    import networkx as nx

    from retrodict.pictures import Picture
    from retrodict.pictures.scene import Scene


# Notebooks show a picture of whatever stands at the end of a cell: one of more edges must be asked for.
MOST_SHOWN = 100_000


@dataclass(frozen=True)
class Variable:
    """The description of a variable: how many numbers it holds, on which support, in which plates.

    Readers fill the description in, encoders use it, and structural functions ignore it.

    Arguments:
        name: the name of the variable.
        size: how many numbers one value holds. Default 1.
        support: the name of the support, such as ``real`` or ``categorical``. Default ``real``.
        plates: names of the plates that repeat the variable, outermost first.
        shape: the shape of one value. Default ``()`` for one number and ``(size,)`` for several.
        categories: how many values each number of a discrete variable can take, if they are finitely many.
        bounds: the least and the greatest value, or the ends of an interval, if constant; one may be infinite.
        states: the names of the categories.
        bounded_by: the names of the variables on which the ends of the support depend, if they are no constants.
    """

    name: Name
    size: int = 1
    support: str = "real"
    plates: tuple[str, ...] = ()
    shape: tuple[int, ...] | None = None
    categories: int | None = None
    bounds: tuple[float, float] | None = None
    states: tuple[str, ...] = ()
    bounded_by: tuple[Name, ...] = ()

    def __post_init__(self) -> None:
        if self.shape is None:
            object.__setattr__(self, "shape", () if self.size == 1 else (self.size,))
        elif math.prod(self.shape) != self.size:
            raise GraphError(
                f"a value of {{names}} has the shape {self.shape}, which does not hold {self.size} numbers",
                [self.name],
                remedy="Correct size= or shape=.",
            )
        if self.states and self.categories is None:
            object.__setattr__(self, "categories", len(self.states))


@dataclass(frozen=True, init=False, eq=False, repr=False)
class BayesNet(Portable):
    r"""Structure of a generative model, :math:`p(z, x) = \prod_i p(v_i \mid \mathrm{pa}(v_i))`.

    Variables are numbered topologically, ties by name, so nothing depends on the order in which they were written
    down: every parent has a smaller number than its child.

    Arguments:
        parents: the parents of each variable, ``{name: [parents]}`` or pairs. A name is a text, a number or a tuple.
        observed: names of the variables whose values are data; the others are latent.
        variables: descriptions of variables, each a `Variable`. A variable that is not described is one real number.

    Raises: `GraphError` (or its subclasses `CycleError` and `UnknownVariableError`) when a name is unknown, given
    twice, its own parent or part of a cycle, and when nothing is observed or nothing latent.

    Source: Koller & Friedman, Probabilistic Graphical Models, section 3.2.

    >>> net = BayesNet({"x0": [], "x1": ["x0"], "x2": ["x0"]}, observed=["x1", "x2"])
    >>> net.latents, net.parents("x1"), net.children("x0"), net.n_edges
    (('x0',), ('x0',), ('x1', 'x2'), 2)
    """

    names: tuple[Name, ...]
    described: Mapping[Name, Variable]
    parent_rows: Rows
    is_observed: Mask
    is_hidden: Mask
    position: Mapping[Name, int]

    def __init__(
        self,
        parents: Mapping[Any, Iterable[Name]] | Iterable[tuple[Any, Iterable[Name]]],
        observed: Iterable[Name],
        *,
        variables: Iterable[Variable] = (),
    ) -> None:
        names, lists = read_parents(parents)
        edges = number_edges(names, lists)
        order = sort_topologically(names, edges)
        names = tuple(map(names.__getitem__, order.tolist()))
        position = dict(zip(names, range(len(names)), strict=True))
        is_observed = mark_observed(observed, position)
        number = np.empty_like(order)
        number[order] = np.arange(len(order))
        rows = Rows.from_edges(number[edges.sources], number[edges.index], len(names))
        for attribute, value in {
            "names": names,
            "described": _describe(position, variables),
            "parent_rows": rows,
            "is_observed": is_observed,
            "is_hidden": _hide_nothing(len(names)),
            "position": position,
        }.items():
            object.__setattr__(self, attribute, value)

    @classmethod
    def of_sorted(cls, names: tuple[Name, ...], parent_rows: Rows, is_observed: Mask) -> BayesNet:
        """Return the model of variables that are numbered as `sort_topologically` numbers them, without any check.

        >>> BayesNet.of_sorted(("z", "x"), Rows.from_lists([[], [0]]), np.array([False, True])).parents("x")
        ('z',)
        """
        net = object.__new__(cls)
        is_observed.setflags(write=False)
        for attribute, value in {
            "names": names,
            "described": FrozenMap({}),
            "parent_rows": parent_rows,
            "is_observed": is_observed,
            "is_hidden": _hide_nothing(len(names)),
            "position": dict(zip(names, range(len(names)), strict=True)),
        }.items():
            object.__setattr__(net, attribute, value)
        return net

    def __setstate__(self, state: dict[str, Any]) -> None:
        for mask in (state["is_observed"], state["is_hidden"]):
            mask.setflags(write=False)  # which pickle and deepcopy forget
        self.__dict__.update(state)

    def __len__(self) -> int:
        return len(self.names)

    def __repr__(self) -> str:
        hidden = f"{len(self.hidden)} hidden, " if self.hidden else ""
        return f"BayesNet({len(self.latents)} latent, {len(self.observed)} observed, {hidden}{self.n_edges} edges)"

    def __eq__(self, other: object) -> bool:
        return (
            isinstance(other, BayesNet)
            and self.names == other.names
            and self.described == other.described
            and np.array_equal(self.is_observed, other.is_observed)
            and np.array_equal(self.is_hidden, other.is_hidden)
            and np.array_equal(self.parent_rows.pointer, other.parent_rows.pointer)
            and np.array_equal(self.parent_rows.index, other.parent_rows.index)
        )

    def __hash__(self) -> int:
        masks = self.is_observed.tobytes() + self.is_hidden.tobytes()
        return hash((self.names, masks, self.parent_rows.index.tobytes()))

    @property
    def n_edges(self) -> int:
        """Number of edges of the generative model."""
        return len(self.parent_rows.index)

    @cached_property
    def observed(self) -> tuple[Name, ...]:
        """Names of the observed variables, in topological order."""
        return self.to_names(self.observed_index)

    @cached_property
    def latents(self) -> tuple[Name, ...]:
        """Names of the latent variables, in topological order."""
        return self.to_names(self.latent_index)

    @cached_property
    def hidden(self) -> tuple[Name, ...]:
        """Names of the variables that are neither given nor asked for: see `observing`. None, unless asked for."""
        return self.to_names(np.flatnonzero(self.is_hidden))

    @cached_property
    def latent_names(self) -> frozenset[Name]:
        """Names of the latent variables, to ask whether one is among them."""
        return frozenset(self.latents)

    @cached_property
    def observed_index(self) -> Integers:
        """Numbers of the observed variables, ascending."""
        return np.flatnonzero(self.is_observed)

    @cached_property
    def latent_index(self) -> Integers:
        """Numbers of the latent variables, ascending."""
        return np.flatnonzero(~self.is_observed & ~self.is_hidden)

    @cached_property
    def place(self) -> Integers:
        """For each variable its place among its own kind, the latents, the observed or the hidden."""
        place = np.empty(len(self), dtype=np.int64)
        for kind in (self.observed_index, self.latent_index, np.flatnonzero(self.is_hidden)):
            place[kind] = np.arange(len(kind))
        return place

    @cached_property
    def child_rows(self) -> Rows:
        """Children of each variable."""
        return self.parent_rows.transpose(len(self))

    @cached_property
    def levels(self) -> Integers:
        """For each variable the length of the longest path into it: what has no parents is on level 0."""
        level = [0] * len(self)
        for variable, row in enumerate(self.parent_rows.lists):
            level[variable] = 1 + max((level[parent] for parent in row), default=-1)
        return np.array(level, dtype=np.int64)

    def parents(self, name: Name) -> tuple[Name, ...]:
        """Return the parents of a variable, in topological order."""
        return self.to_names(self.parent_rows[self.index(name)])

    def children(self, name: Name) -> tuple[Name, ...]:
        """Return the children of a variable, in topological order."""
        return self.to_names(self.child_rows[self.index(name)])

    def variable(self, name: Name) -> Variable:
        """Return what is known of a variable; one that no reader described is a single real number."""
        return self.described.get(self.names[self.index(name)]) or Variable(name)

    def index(self, name: Name) -> int:
        """Return the number of a variable; raise `UnknownVariableError` for a name that is not in the model."""
        return find(name, self.position)

    def observing(self, names: Iterable[Name], of: Iterable[Name] | None = None) -> BayesNet:
        """Return the same structure with other observed variables.

        Arguments:
            names: all variables that are observed now.
            of: the variables that are latent now: those one asks for. What is neither is ``hidden``, and integrated
                out of whatever is made of the structure. Default: all the others.

        Returns: a new `BayesNet`; edges, numbers and descriptions of variables stay.

        Raises: `UnknownVariableError` for a name that is not in the model, `GraphError` when nothing would be observed
        or nothing latent, or something both.

        >>> net = BayesNet({"z": [], "y": ["z"], "x": ["y"]}, observed=["x"])
        >>> net.observing(["y", "x"]).latents
        ('z',)
        >>> net.observing(["x"], of=["z"]).hidden
        ('y',)

        """
        seen = mark_observed(names, self.position)
        hidden = _hide_nothing(len(self)) if of is None else mark_hidden(of, seen, self.position)
        return self.replacing(is_observed=seen, is_hidden=hidden)

    def do(self, names: Iterable[Name]) -> BayesNet:
        """Return the structure after an intervention: the edges into these variables are cut.

        Arguments:
            names: the variables that are set from outside.

        Returns: a new `BayesNet` with the same roles.

        Raises: `UnknownVariableError` for a name that is not in the model.

        Source: Pearl, Causality, section 3.2.

        >>> net = BayesNet({"z": [], "y": ["z"], "x": ["y"]}, observed=["x"])
        >>> net.do(["y"]).parents("y"), net.do(["y"]).parents("x")
        ((), ('y',))
        """
        cut = {self.index(name) for name in require_list(names, "the variables of an intervention")}
        parents = {name: () if v in cut else self.parents(name) for v, name in enumerate(self.names)}
        net = BayesNet(parents, observed=self.observed, variables=self.described.values())
        return net.observing(self.observed, of=self.latents) if self.hidden else net

    def to_names(self, numbers: Iterable[int] | Integers) -> tuple[Name, ...]:
        """Return the names of these variables."""
        listed = numbers.tolist() if isinstance(numbers, np.ndarray) else numbers
        return tuple(map(self.names.__getitem__, listed))

    def to_dict(self) -> dict[str, Any]:
        """Return the parents of each variable and the observed variables, as plain values; names stay as they are.

        Hidden variables have a list of their own, where there are any.
        """
        hidden = {"hidden": list(self.hidden)} if self.hidden else {}
        parents = {name: list(self.parents(name)) for name in self.names}
        return {"parents": parents, "observed": list(self.observed), **hidden}

    def to_networkx(self) -> nx.DiGraph:
        """Return the model as a networkx graph with a node attribute ``observed``.

        A variable that a reader described has it as its attribute ``variable``; `from_networkx` reads both.
        """
        import networkx as nx

        graph = nx.DiGraph()
        graph.add_nodes_from(
            (name, {"observed": bool(seen)}) for name, seen in zip(self.names, self.is_observed, strict=True)
        )
        nx.set_node_attributes(graph, dict(self.described), "variable")
        graph.add_edges_from((parent, name) for name in self.names for parent in self.parents(name))
        return graph

    def plot(self) -> Picture:
        """Return a picture of the model, observed variables shaded; ``.save("model.svg")`` writes it to a file.

        Models of more than 60 variables are drawn in groups. Raises `SizeError` beyond two million edges.

        >>> BayesNet({"z": [], "x": ["z"]}, observed=["x"]).plot().to_svg().count("<rect")
        5
        """
        from retrodict.pictures import picture

        return picture([self.describe_scene()])

    def describe_scene(self, path: Sequence[int] = (), barren: Integers | None = None) -> Scene:
        """Return what a picture shows: an open path is highlighted, barren variables are marked, both by number."""
        from retrodict.graph.scenes import describe_model

        return describe_model(self, path, barren)

    def _repr_svg_(self) -> str | None:
        return self.plot().to_svg() if self.n_edges <= MOST_SHOWN else None


class HasStructure(Protocol):
    """Anything built on the structure of a generative model, such as a `Model`."""

    @property
    def net(self) -> BayesNet:
        """The structure."""
        ...


def structure_of(source: BayesNet | HasStructure) -> BayesNet:
    """Return the structure of a model, or the structure given instead of one.

    Raises `GraphError` for what is neither.
    """
    net = source if isinstance(source, BayesNet) else getattr(source, "net", None)
    if not isinstance(net, BayesNet):
        raise GraphError(
            f"a model or its structure is needed here, but a {type(source).__name__} was given",
            remedy="Give a BayesNet or a Model; read a program or file with one of rd.from_..., and give a template at "
            "sizes: template.at({...}).",
        )
    return net


def _hide_nothing(n: int) -> Mask:
    mask = np.zeros(n, dtype=bool)
    mask.setflags(write=False)
    return mask


def _describe(position: Mapping[Name, int], variables: Iterable[Variable]) -> Mapping[Name, Variable]:
    listed = list(variables)
    require_distinct([variable.name for variable in listed], "the described variables")
    given = {variable.name: variable for variable in listed}
    strangers = list_strangers([given], position)
    if strangers:
        raise unknown(strangers, position, "described in variables=")
    return FrozenMap(given)
