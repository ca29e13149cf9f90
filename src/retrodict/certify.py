"""The verdict on an inverse, by d-separation in the model: an algorithm that knows nothing of elimination.

Take the latents in sampling order. What is known when a latent is drawn are the observed variables and the
latents before it. It needs exactly those known variables that are d-connected to it given all the others
that are known: without one of them the inverse states an independence that the model does not imply.
Every other parent can go.

Sources: Pearl 1988, theorem 9 (boundary graphs are minimal I-maps); Koller & Friedman, section 3.4.1.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from functools import cached_property
from typing import Any, NamedTuple

import numpy as np

from retrodict.graph.bayesnet import BayesNet, HasStructure, structure_of
from retrodict.graph.inverse import Inverse
from retrodict.graph.names import Name
from retrodict.graph.rows import Mask
from retrodict.graph.separation import draw_path, find_open_path, roll_ball
from retrodict.invert.handwritten import read_guide


class Edge(NamedTuple):
    """An edge of an inverse, from a parent to the latent whose conditional uses it."""

    parent: Name
    child: Name


class MissingEdge(NamedTuple):
    """An edge that an inverse lacks, with the open path of the model along which the influence travels.

    The path is open given the observed variables and all latents sampled before the child, the parent aside.
    """

    parent: Name
    child: Name
    path: tuple[Name, ...]
    drawing: str


@dataclass(frozen=True, eq=False, repr=False)
class Certificate:
    """The verdict on an inverse: true when it is faithful.

    ``missing`` lists the edges it lacks, each with the path that proves it, ``removable`` those that no
    conditional needs. *Faithful*: nothing missing. *Minimal*: nothing removable.
    """

    inverse: Inverse
    lacks: tuple[tuple[int, int], ...]
    spare: tuple[tuple[int, int], ...]

    def __bool__(self) -> bool:
        return self.faithful

    def __repr__(self) -> str:
        return f"Certificate({len(self.lacks)} missing, {len(self.spare)} removable)"

    @property
    def faithful(self) -> bool:
        """Whether the inverse states no independence that the model does not imply."""
        return not self.lacks

    @property
    def minimal(self) -> bool:
        """Whether no edge of the inverse can be dropped."""
        return not self.spare

    @property
    def removable(self) -> tuple[Edge, ...]:
        """Edges that can be dropped, each by itself."""
        names = self.inverse.net.names
        return tuple(Edge(names[parent], names[child]) for parent, child in self.spare)

    @cached_property
    def missing(self) -> tuple[MissingEdge, ...]:
        """Edges that must be added, in sampling order of their children, with evidence."""
        net = self.inverse.net
        found = []
        for parent, child in self.lacks:
            given = _known_before(self.inverse, child)
            given[parent] = False
            path = find_open_path(net, parent, child, given)
            found.append(MissingEdge(net.names[parent], net.names[child], net.to_names(path), draw_path(net, path)))
        return tuple(found)


def certify(inverse: Inverse) -> Certificate:
    r"""Return the verdict on an inverse: which edges it lacks and which it could do without.

    A known variable :math:`u` must be a parent of :math:`v` exactly if :math:`u` and :math:`v` are
    d-connected given :math:`K \setminus u`, with :math:`K` all that is known when :math:`v` is drawn.

    >>> from retrodict.invert import invert, reversal
    >>> net = BayesNet({"a": [], "b": [], "c": ["a", "b"]}, observed=["c"])
    >>> bool(certify(invert(net))), certify(reversal(net)).missing[0].drawing
    (True, 'b -> c <- a')
    """
    net = inverse.net
    parents, children = net.parent_rows.lists, net.child_rows.lists
    known = net.is_observed.tolist()
    opens = [False] * len(net)
    for variable in net.observed_index.tolist():
        _open_upwards(variable, parents, opens)
    lacks, spare = [], []
    for latent in inverse.elimination[::-1].tolist():
        child = int(net.latent_index[latent])
        reached = roll_ball(parents, children, child, known, opens)
        needed = {variable for variable, _ in reached if known[variable]}
        stated = set(inverse.parent_index(latent).tolist())
        lacks += [(parent, child) for parent in sorted(needed - stated)]
        spare += [(parent, child) for parent in sorted(stated - needed)]
        known[child] = True
        _open_upwards(child, parents, opens)
    return Certificate(inverse, tuple(lacks), tuple(spare))


def lint(net_or_model: BayesNet | HasStructure, guide: Mapping[Any, Iterable[Name]]) -> Certificate:
    """Return the verdict on a guide somebody wrote, given as the parents of each latent.

    Raises what `read_guide` raises: a guide must name every latent, and only variables of the model.

    >>> net = BayesNet({"x0": [], "x1": ["x0"], "x2": ["x0"]}, observed=["x1", "x2"])
    >>> verdict = lint(net, {"x0": ["x1"]})
    >>> bool(verdict), [str(edge.drawing) for edge in verdict.missing]
    (False, ['x2 <- x0'])
    """
    return certify(read_guide(structure_of(net_or_model), guide))


def _open_upwards(variable: int, parents: list[list[int]], opens: list[bool]) -> None:
    """Mark a variable and its ancestors: a collider among them lets influence pass."""
    stack = [variable]
    while stack:
        v = stack.pop()
        if not opens[v]:
            opens[v] = True
            stack.extend(parents[v])


def _known_before(inverse: Inverse, child: int) -> Mask:
    """Mark what is known when a latent is drawn."""
    net = inverse.net
    known = net.is_observed.copy()
    sampled = net.latent_index[inverse.elimination[::-1]]
    known[sampled[: int(np.flatnonzero(sampled == child)[0])]] = True
    return known
