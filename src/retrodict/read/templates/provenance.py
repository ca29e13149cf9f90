"""Where an array that a program knows comes from: an argument of its function, or what the function has closed over."""

from __future__ import annotations

import inspect
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Any

import jax
import numpy as np
from numpy.typing import NDArray

from retrodict.read.numpyro.observed.given import is_numbers, open_frames
from retrodict.read.numpyro.sites import Program


@dataclass(frozen=True)
class ArrayOrigin:
    """What a known array is called, and whether it was passed as an argument."""

    name: str
    is_argument: bool


def find_origin(program: Program, array: NDArray[Any]) -> ArrayOrigin:
    """Return the argument, or else the variable around the function, that holds an array or has it as a column.

    >>> x = np.arange(3.0)
    >>> find_origin(Program(lambda x, scale: None, (x, 2.0)), np.float32(x))
    ArrayOrigin(name='x', is_argument=True)
    """
    for candidates, is_argument in ((_list_arguments(program), True), (_list_closed_over(program), False)):
        for name, value in candidates:
            if _holds(value, array):
                return ArrayOrigin(name, is_argument)
    return ArrayOrigin("known", is_argument=False)


def _holds(value: Any, array: NDArray[Any]) -> bool:
    """Return whether a value is an array or has it as a slice along its first or its last axis."""
    given = np.asarray(value)
    if given.dtype.kind not in "biuf":
        return False
    given = given.astype(array.dtype)
    slices = [given]
    if given.ndim > 1 and array.size < given.size:
        slices += [*given, *np.moveaxis(given, -1, 0)]
    return any(each.size == array.size and np.array_equal(each.ravel(), array.ravel()) for each in slices)


def _list_arguments(program: Program) -> Iterator[tuple[str, Any]]:
    bound = _bind(program)
    for path, leaf in jax.tree_util.tree_flatten_with_path(open_frames(bound), is_leaf=is_numbers)[0]:
        if is_numbers(leaf) or isinstance(leaf, (np.ndarray, jax.Array)):
            yield _name_last(path), leaf


def _bind(program: Program) -> dict[str, Any]:
    """Return the arguments of a program by name; those without one by their place."""
    try:
        bound = inspect.signature(program.function).bind(*program.args, **program.kwargs).arguments
    except (TypeError, ValueError):
        return {f"argument_{i}": value for i, value in enumerate(program.args, 1)} | dict(program.kwargs)
    return dict(bound)


def _name_last(path: tuple[Any, ...]) -> str:
    """Return the innermost name on the way to a leaf: that of a column, of an entry, or of the argument."""
    keys = [getattr(step, "key", getattr(step, "name", None)) for step in path]
    return str([key for key in keys if isinstance(key, str)][-1])


def _list_closed_over(program: Program) -> Iterator[tuple[str, Any]]:
    function = inspect.unwrap(program.function)
    try:
        found = inspect.getclosurevars(function)
    except (TypeError, ValueError):  # an object that is called
        return
    for name, value in {**found.nonlocals, **found.globals}.items():
        if is_numbers(value) or isinstance(value, (np.ndarray, jax.Array)):
            yield name, value


def list_leaves(program: Program) -> list[Any]:
    """Return all arguments of a program, taken apart."""
    return jax.tree.flatten(open_frames((program.args, dict(program.kwargs))), is_leaf=is_numbers)[0]


def with_leaves(program: Program, replaced: Mapping[int, Any]) -> Program:
    """Return a program with some of its arguments replaced, by their place among the leaves."""
    if not replaced:
        return program
    leaves, tree = jax.tree.flatten(open_frames((program.args, dict(program.kwargs))), is_leaf=is_numbers)
    args, kwargs = jax.tree.unflatten(tree, [replaced.get(place, leaf) for place, leaf in enumerate(leaves)])
    return Program(program.function, args, kwargs)


def find_elements(leaf: Any, values: Any) -> Any | None:
    """Return the elements of a leaf that an array is, in its shape: all, or a slice along the first or last axis."""
    if leaf.dtype.kind not in "biuf":
        return None
    numbers, given = np.arange(leaf.size).reshape(leaf.shape), leaf.astype(values.dtype)
    pairs = [(given, numbers)]
    if given.ndim > 1 and values.size < given.size:
        pairs += list(zip(given, numbers, strict=True))
        pairs += list(zip(np.moveaxis(given, -1, 0), np.moveaxis(numbers, -1, 0), strict=True))
    for own, places in pairs:
        if own.size == values.size and np.array_equal(own.ravel(), values.ravel()):
            return places.reshape(values.shape)
    return None
