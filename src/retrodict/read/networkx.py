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

    Without ``observed``, the nodes whose attribute ``observed`` is true are observed; if no node has that
    attribute, the leaves are. Parallel edges count once. What `BayesNet.to_networkx` gives is read back as it was.

    Raises `SourceError` for what is no directed graph, `MissingPackageError` without networkx, and what
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
