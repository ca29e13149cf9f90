"""What all processes of a run must have the same: the first one's numbers, and the shapes of what is computed."""

from __future__ import annotations

import hashlib
from collections.abc import Sequence
from typing import Any, TypeVar

import equinox as eqx
import jax
import numpy as np
from jax.experimental import multihost_utils

from retrodict.errors import DataError

Tree = TypeVar("Tree")


def agree(numbers: Sequence[float]) -> list[float]:
    """Return the numbers of the first process, to the last bit; every process must ask.

    >>> agree([0.1, 2.0])
    [0.1, 2.0]
    """
    if jax.process_count() == 1:
        return list(numbers)
    words = np.asarray(numbers, np.float64).view(np.uint32)
    return np.asarray(multihost_utils.broadcast_one_to_all(words)).view(np.float64).tolist()


def agree_on_arrays(tree: Tree) -> Tree:
    """Return a tree with the floating-point arrays of the first process."""
    if jax.process_count() == 1:
        return tree
    moving, fixed = eqx.partition(tree, eqx.is_inexact_array)
    found: Tree = eqx.combine(jax.tree.map(jax.device_put, multihost_utils.broadcast_one_to_all(moving)), fixed)
    return found


def require_same_shapes(*parts: Any) -> None:
    """Raise `DataError`, in every process, where arrays have other shapes, or numbers other values, than elsewhere."""
    if jax.process_count() == 1:
        return
    text = repr([(leaf.shape, str(leaf.dtype)) if eqx.is_array(leaf) else leaf for leaf in _list_known(parts)])
    own = np.frombuffer(hashlib.sha256(text.encode()).digest(), np.uint32)
    if (np.asarray(multihost_utils.process_allgather(own)) != own).any():
        raise DataError(
            "the processes of this run do not train the same: they differ in data, options, or in what they read from "
            "the folder of a run that was stopped",
            remedy="Give all of them the same arguments, and a folder that all of them see.",
        )


def _list_known(parts: Any) -> list[Any]:
    return [leaf for leaf in jax.tree.leaves(parts) if eqx.is_array(leaf) or isinstance(leaf, int | str)]
