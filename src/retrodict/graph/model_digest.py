"""One number for a model: the same in every process and on every machine, another for another model."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import numpy as np
from numpy.typing import NDArray

from retrodict.errors import GraphError
from retrodict.files.digest import digest
from retrodict.graph.bayesnet import BayesNet
from retrodict.graph.names import Name


def digest_model(net: BayesNet, numbers: Mapping[str, NDArray[Any]]) -> str:
    """Return SHA-256, as hexadecimal text, over names, parents, what is observed, sizes, supports, and parameters.

    Raises `GraphError` when a name is neither text nor a number nor a tuple of such: nothing else is written the
    same way in every process.

    >>> net = BayesNet({"z": [], "x": ["z"]}, observed=["x"])
    >>> digest_model(net, {})[:12] == digest_model(BayesNet({"z": [], "y": ["z"]}, observed=["y"]), {})[:12]
    False
    """
    variables = [(name, net.variable(name)) for name in net.names]
    described = [[_spell(name), known.size, known.support, list(known.plates)] for name, known in variables]
    arrays = (net.parent_rows.pointer, net.parent_rows.index, net.is_observed)
    hidden = (net.is_hidden,) if net.hidden else ()
    named = (part for label in sorted(numbers) for part in (label, np.asarray(numbers[label])))
    return digest("retrodict model 3", described, *arrays, *hidden, *named)


def _spell(name: Name) -> list[Any]:
    """Return a name as values that JSON tells apart: 1 is not the text 1."""
    if isinstance(name, tuple):
        return ["tuple", *map(_spell, name)]
    if not isinstance(name, str | int | float) and name is not None:
        raise GraphError("names that a file cannot carry", [name], remedy="Name variables by text, numbers or tuples.")
    return [type(name).__name__, repr(name)]
