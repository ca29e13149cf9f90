"""Which variables of a model that was read are observed."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import Any

from retrodict.errors import GraphError
from retrodict.graph.names import Name

Parents = Mapping[Any, Iterable[Name]]


def find_leaves(parents: Parents) -> list[Name]:
    """Return the variables without children: what is observed where a source does not say.

    Raises `GraphError` when that is every variable, for then nothing would be latent.

    >>> find_leaves({"z": [], "x": ["z"], "y": ["z"]})
    ['x', 'y']
    """
    inner = {parent for listed in parents.values() for parent in listed}
    leaves = [name for name in parents if name not in inner]
    if parents and len(leaves) == len(parents):
        raise GraphError(
            "{names} have no children, and as all variables are leaves, nothing would be latent",
            leaves,
            remedy="Say which variables are observed.",
        )
    return leaves
