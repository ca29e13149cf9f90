"""An inverse as named arrays, and back: none of the numbers that are read may point where it should not."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import numpy as np

from retrodict.encode.trees import Array
from retrodict.graph.inverse import Inverse
from retrodict.graph.parentsets import ParentSets
from retrodict.graph.rows import Integers, Rows
from retrodict.models.model import Model


def list_inverse(inverse: Inverse) -> dict[str, Array]:
    """Return the arrays that, with its model, an inverse consists of."""
    sets = inverse.sets
    arrays: dict[str, Array] = {
        "pointer": sets.latents.pointer,
        "index": sets.latents.index,
        "walk": sets.walk,
        "start": sets.start,
        "stop": sets.stop,
        "count": sets.count,
        "elimination": inverse.elimination,
        "is_generative": inverse.is_generative,
    }
    return arrays if inverse.forest is None else arrays | {"forest": inverse.forest}


def read_inverse(arrays: Mapping[str, Array], model: Model, strategy: Any) -> Inverse:
    """Return the inverse of a model; raise `ValueError` or `KeyError` for arrays that are none."""
    net = model.net
    n, seen = len(net.latents), len(net.observed)
    walk, pointer, index = (_read_integers(arrays[name]) for name in ("walk", "pointer", "index"))
    start, stop, count, elimination = (
        _read_integers(arrays[name], n) for name in ("start", "stop", "count", "elimination")
    )
    generative = np.asarray(arrays["is_generative"])
    _require_rows(pointer, index, n)
    _require(((walk >= 0) & (walk < seen)).all(), "observed parents")
    _require(((start >= 0) & (start <= stop) & (stop <= len(walk))).all(), "slices of observed parents")
    _require(((count >= 0) & (count <= stop - start)).all(), "numbers of observed parents")
    _require(np.array_equal(np.sort(elimination), np.arange(n)), "order of elimination")
    _require(generative.shape == (n,) and generative.dtype == bool, "barren latents")
    latents = Rows(pointer, index)
    place = np.empty(n, np.int64)
    place[elimination] = np.arange(n)
    _require((place[latents.sources] < place[index]).all(), "parents that are drawn before their children")
    forest = _read_integers(arrays["forest"], n) if "forest" in arrays else None
    if forest is not None:
        _require(np.array_equal(forest, _find_forest(latents, place, generative)), "forest")
    sets = ParentSets(latents, walk, start, stop, count)
    _require(isinstance(strategy, str), "strategy")
    return Inverse(net, strategy, sets, elimination, generative, forest, model)


def _read_integers(array: Array, length: int | None = None) -> Integers:
    if array.dtype != np.int64 or array.ndim != 1 or (length is not None and len(array) != length):
        raise ValueError("integers of the inverse have a wrong type or number")
    return np.asarray(array, np.int64)


def _require_rows(pointer: Integers, index: Integers, n: int) -> None:
    _require(len(pointer) == n + 1 and pointer[0] == 0 and pointer[-1] == len(index), "rows of latent parents")
    _require((np.diff(pointer) >= 0).all() and ((index >= 0) & (index < n)).all(), "rows of latent parents")


def _require(holds: bool | np.bool_, what: str) -> None:
    if not holds:
        raise ValueError(f"the {what} of its inverse cannot be")


def _find_forest(latents: Rows, place: Integers, generative: Array) -> Integers:
    """Return for each latent the first of its latent parents to be eliminated, -1 for none and for barren ones."""
    n = len(latents)
    first = np.full(n, n, np.int64)
    np.minimum.at(first, latents.sources, place[latents.index])
    order = np.append(np.argsort(place), -1)
    return np.asarray(np.where(generative, -1, order[first]), np.int64)
