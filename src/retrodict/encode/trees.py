"""A tree as named arrays, and back: the one way from encoders, programs and states of training to files."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any, TypeVar

import equinox as eqx
import jax
import jax.numpy as jnp
import numpy as np
from numpy.typing import NDArray

Array = NDArray[Any]
Tree = TypeVar("Tree")
# Which leaves are meant: the floating-point arrays, which are all that training changes of an encoder or a program
# (index arrays and masks follow from the inverse and the recipe), or with `equinox.is_array` all arrays.
Chosen = Callable[[Any], bool]


def list_arrays(tree: Any, chosen: Chosen = eqx.is_inexact_array) -> dict[str, Array]:
    """Return the chosen arrays of a tree by their places in it.

    >>> list_arrays({"a": jnp.ones(2), "b": [jnp.zeros(1), "text"]})
    {"['a']": array([1., 1.], dtype=float32), "['b'][0]": array([0.], dtype=float32)}
    """
    leaves, _ = jax.tree_util.tree_flatten_with_path(eqx.filter(tree, chosen))
    return {jax.tree_util.keystr(place): np.asarray(leaf) for place, leaf in leaves}


def find_misfits(tree: Any, arrays: Mapping[str, Array], chosen: Chosen = eqx.is_inexact_array) -> list[str]:
    """Return the places at which arrays do not fit the chosen ones of a tree: places, shapes, kinds of numbers.

    Precision does not count: files are written and read with JAX in 32 bits or in 64.
    """
    expected = {place: _describe(array) for place, array in list_arrays(tree, chosen).items()}
    given = {place: _describe(array) for place, array in arrays.items()}
    return sorted(place for place in expected.keys() | given.keys() if expected.get(place) != given.get(place))


def fill(tree: Tree, arrays: Mapping[str, Array], chosen: Chosen = eqx.is_inexact_array) -> Tree:
    """Return a tree with the chosen arrays replaced by those of the same places, in the precision of the tree."""
    moving, fixed = eqx.partition(tree, chosen)
    leaves, structure = jax.tree_util.tree_flatten_with_path(moving)
    filled = [jnp.asarray(arrays[jax.tree_util.keystr(place)], leaf.dtype) for place, leaf in leaves]
    return eqx.combine(jax.tree_util.tree_unflatten(structure, filled), fixed)


def _describe(array: Array) -> tuple[tuple[int, ...], str]:
    return array.shape, array.dtype.kind
