"""Directed graphs of networkx."""

from __future__ import annotations

from collections.abc import Iterable
from typing import TYPE_CHECKING

from retrodict.errors import SourceError
from retrodict.graph.bayesnet import BayesNet, Variable
from retrodict.graph.names import Name
from retrodict.packages import require
from retrodict.read.observation import find_leaves

if TYPE_CHECKING:
    import networkx as nx


def from_networkx(digraph: nx.DiGraph, observed: Iterable[Name] | None = None) -> BayesNet:
    """Return the structure of a networkx graph whose edges go from parent to child.

    Parallel edges count once. A graph that `BayesNet.to_networkx` made gives the net that it was made from.

    Arguments:
        digraph: the graph.
        observed: names of the observed variables. Default: the nodes whose attribute ``observed`` is true, or the
            leaves if no node has that attribute.

    Returns: a `BayesNet`.

    Raises: `SourceError` for anything but a directed graph, `MissingPackageError` without networkx, and what
    `BayesNet` raises.

    >>> import networkx as nx
    >>> net = from_networkx(nx.DiGraph([("z", "x"), ("z", "y")]))
    >>> net.latents, net.observed
    (('z',), ('x', 'y'))
    >>> from_networkx(net.to_networkx()) == net
    True
    """
    nx = require("networkx", extra="networkx", purpose="to read its graphs")
    if not isinstance(digraph, nx.DiGraph):
        raise SourceError(
            f"from_networkx needs a networkx.DiGraph, not a {type(digraph).__name__}",
            remedy="Direct each edge from parent to child.",
        )
    parents = {name: list(digraph.predecessors(name)) for name in digraph}
    marks = dict(digraph.nodes(data="observed"))
    if observed is None:
        marked = any(mark is not None for mark in marks.values())
        observed = [name for name, mark in marks.items() if mark] if marked else find_leaves(parents)
    described = [variable for _, variable in digraph.nodes(data="variable") if isinstance(variable, Variable)]
    return BayesNet(parents, observed, variables=described)
