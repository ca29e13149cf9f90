"""Bayesian networks of pyAgrum."""

from __future__ import annotations

import os
import shutil
import tempfile
from collections.abc import Iterable
from pathlib import Path
from typing import Any

import numpy as np

from retrodict.errors import SourceError
from retrodict.graph.bayesnet import BayesNet
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


def read_by_pyagrum(
    path: str | os.PathLike[str], observed: Iterable[Name] | None = None, *, tables: bool = True
) -> BayesNet | DiscreteNetwork:
    """Return the network of a file in the format XMLBIF, UAI or NET, which pyAgrum reads; see `from_file`.

    Variables of UAI have no names: they are ``"0"``, ``"1"``, ...

    Raises: `SourceError` for a file that is missing or that pyAgrum cannot read, `MissingPackageError` without pyAgrum,
    and what `from_pyagrum` raises.
    """
    pyagrum = require("pyagrum", extra="pyagrum", purpose=f"to read {Path(path).name}")
    if not Path(path).is_file():
        raise SourceError(f"{os.fspath(path)!r:.200} is not a file", remedy="Check the path.")
    with tempfile.TemporaryDirectory() as folder:
        # pyAgrum goes by the ending, in lower case, and knows XMLBIF by another one.
        ending = Path(path).suffix.lower().replace(".xmlbif", ".bifxml")
        copy = shutil.copyfile(path, Path(folder, f"network{ending}"))
        try:
            network = pyagrum.loadBN(str(copy))
        except Exception as error:  # a parser in C++, which fails in ways of its own
            raise SourceError(
                f"{os.fspath(path)!r:.200} cannot be read{_tell_line(error, str(copy))}",
                remedy="Write the file anew, or read it with a library of yours and use rd.from_pyagrum or from_pgmpy.",
            ) from None
    model = from_pyagrum(network, observed)
    return model if tables else model.net


def _tell_line(error: Exception, path: str) -> str:
    """Return the last complaint of pyAgrum; its words may hold bytes of a damaged file that are no text."""
    try:
        lines = [line for line in str(error).splitlines() if "error" in line.lower()]
    except (UnicodeError, SystemError):
        lines = []
    return f": {lines[-1].replace(path, 'line')[:200].strip()}" if lines else ""
