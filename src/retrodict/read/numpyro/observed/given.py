"""Data as people have them: lists, columns of data frames, and arrays that lack axes of length 1."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import jax
import jax.numpy as jnp
import numpy as np
from numpyro.primitives import Messenger

from retrodict.errors import DataError
from retrodict.plan.layout import lacks_axes
from retrodict.read.numpyro.control import is_replayed

NUMBERS = (bool, int, float, np.number, np.bool_)


class Given(Messenger):  # type: ignore[misc]
    """Make arrays of the values of observed sites, in the shape of a draw."""

    def process_message(self, msg: dict[str, Any]) -> None:
        """Change the value of an observed site."""
        prepare(msg)


def prepare(msg: dict[str, Any]) -> None:
    """Change the value of a message, if it is that of an observed site, to an array in the shape of a draw.

    NumPyro broadcasts data against the distribution: what only lacks axes of length 1 means the same. Raises
    `DataError` for what is no array of numbers, and for masked entries.
    """
    if msg["type"] != "sample" or not msg["is_observed"] or is_replayed(msg):
        return
    value = read_array(msg["name"], msg["value"])
    drawn = (*msg["kwargs"].get("sample_shape", ()), *msg["fn"].shape())
    msg["value"] = jnp.reshape(value, drawn) if lacks_axes(jnp.shape(value), drawn) else value


def read_array(name: str, value: Any) -> Any:
    """Return data as an array; numbers and arrays are left as they are.

    >>> read_array("x", [1.0, 2.0])
    array([1., 2.])
    """
    if isinstance(value, np.ma.MaskedArray) and np.ma.getmaskarray(value).any():
        raise DataError("the data of {names} have masked entries", [name], remedy="Leave these entries out.")
    if isinstance(value, (np.ndarray, jax.Array, *NUMBERS)):
        return value
    if any(isinstance(leaf, jax.Array) for leaf in jax.tree.leaves(value)):
        return jnp.asarray(value)
    try:
        array = np.asarray(value)
        return array.astype(np.float64) if array.dtype == object else array + 0
    except (TypeError, ValueError):
        raise DataError(
            "the data of {names} are not an array of numbers", [name], remedy="Give numbers to obs=, in an array."
        ) from None


def is_numbers(value: Any) -> bool:
    """Return whether a value is a list of numbers, or a column of a data frame."""
    if isinstance(value, (list, tuple)):
        return len(value) > 0 and all(isinstance(entry, NUMBERS) for entry in value)
    return hasattr(value, "to_numpy") and getattr(value, "ndim", 0) == 1


def open_frames(arguments: Any) -> Any:
    """Return arguments with each data frame as a mapping of its columns."""
    return jax.tree.map(_open_frame, arguments, is_leaf=is_numbers)


def _open_frame(value: Any) -> Any:
    is_frame = hasattr(value, "to_numpy") and hasattr(value, "columns")
    return {name: value[name] for name in value.columns} if is_frame else value


def list_foreign(args: tuple[Any, ...], kwargs: Mapping[str, Any]) -> list[str]:
    """Return which arguments are lists of numbers or objects of pandas: arithmetic with arrays of JAX fails on them."""
    named = [*((f"argument {i}", value) for i, value in enumerate(args, 1)), *kwargs.items()]
    return [name for name, value in named if is_numbers(value) or hasattr(value, "to_numpy")]
