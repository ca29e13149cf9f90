"""Bayesian networks of pyAgrum."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any

import numpy as np

from retrodict.errors import SourceError
from retrodict.graph.names import Name
from retrodict.models.discrete.discrete_network import DiscreteNetwork
from retrodict.packages import require
from retrodict.read.observation import find_leaves


def from_pyagrum(bn: Any, observed: Iterable[Name] | None = None) -> DiscreteNetwork:
    """Return the discrete network of a ``pyagrum.BayesNet``.

    Arguments:
        bn: the network; the labels of pyAgrum are the names of states.
        observed: names of the observed variables. Default: the leaves.

    Returns: a `DiscreteNetwork`.

    Raises: `SourceError` for anything but a ``BayesNet``, `MissingPackageError` without pyAgrum, and what
    `DiscreteNetwork.from_tables` raises.

    >>> import pyagrum
    >>> model = from_pyagrum(pyagrum.fastBN("rain{no|yes}->wet[2]<-tap[3]"))
    >>> model.net.parents("wet"), model.states("rain"), model.table("wet").shape
    (('tap', 'rain'), ('no', 'yes'), (3, 2, 2))
    """
    pyagrum = require("pyagrum", extra="pyagrum", purpose="to read its networks")
    if not isinstance(bn, pyagrum.BayesNet):
        raise SourceError(f"from_pyagrum needs a pyagrum.BayesNet, not a {type(bn).__name__}")
    names = {node: bn.variable(node).name() for node in bn.nodes()}
    tables = {name: bn.cpt(node) for node, name in names.items()}
    # The names of a tensor of pyAgrum begin with the variable itself, the axes of its array end with it.
    parents = {name: list(reversed(table.names[1:])) for name, table in tables.items()}
    states = {name: bn.variable(node).labels() for node, name in names.items()}
    arrays = {name: np.asarray(table.toarray()) for name, table in tables.items()}
    return DiscreteNetwork.from_tables(parents, states, arrays, find_leaves(parents) if observed is None else observed)
