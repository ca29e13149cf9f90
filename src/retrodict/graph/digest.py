"""One number for a model: the same in every process and on every machine, another for another model."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Mapping
from typing import Any

import numpy as np
from numpy.typing import NDArray

from retrodict.errors import GraphError
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
    digest = hashlib.sha256(b"retrodict model 1")
    for name in net.names:
        variable = net.variable(name)
        _add(digest, json.dumps([_spell(name), variable.size, variable.support, list(variable.plates)]).encode())
    for array in (net.parent_rows.pointer, net.parent_rows.index, net.is_observed):
        _add_array(digest, array)
    for label in sorted(numbers):
        _add(digest, label.encode())
        _add_array(digest, np.asarray(numbers[label]))
    return digest.hexdigest()


def _spell(name: Name) -> list[Any]:
    """Return a name as values that JSON tells apart: 1 is not the text 1."""
    if isinstance(name, tuple):
        return ["tuple", *map(_spell, name)]
    if not isinstance(name, str | int | float) and name is not None:
        raise GraphError("names that a file cannot carry", [name], remedy="Name variables by text, numbers or tuples.")
    return [type(name).__name__, repr(name)]


def _add(digest: Any, part: bytes) -> None:
    """Add bytes with their length, so that no two lists of parts run together to the same."""
    digest.update(len(part).to_bytes(8, "little"))
    digest.update(part)


def _add_array(digest: Any, array: NDArray[Any]) -> None:
    _add(digest, json.dumps([array.dtype.name, list(array.shape)]).encode())
    _add(digest, np.asarray(array, dtype=array.dtype.newbyteorder("<"), order="C").tobytes())
