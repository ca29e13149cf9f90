"""Values from outside as arrays of floats: what would lose a part of itself on the way is refused by name."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import numpy as np
from numpy.typing import NDArray

from retrodict.errors import DataError
from retrodict.graph.names import Name

Floats = NDArray[np.floating[Any]]

# Kinds of NumPy's types that turn into floats, or fail to, without a word about what got lost: what they are, and
# what to give instead.
FAULTS = {
    "c": ("complex numbers", "Give the real and the imaginary part as variables of their own."),
    "M": ("dates", "Give numbers, such as (dates - dates[0]) / np.timedelta64(1, 'D')."),
    "m": ("durations", "Give numbers, such as durations / np.timedelta64(1, 's')."),
    "U": ("text", "Give numbers."),
    "T": ("text", "Give numbers."),
    "S": ("bytes", "Give numbers."),
}
RECORDS = ("records with fields", "Give each field as a variable of its own.")


def read_floats(name: Name, value: Any) -> Floats:
    """Return the values of a variable in double precision: of arrays, lists, Series, whatever NumPy can read.

    Raises `DataError`, which names the variable, for masked elements, complex numbers, dates, text, records, and
    for what is no array of numbers.

    >>> read_floats("x", [[1, 2], [3, 4]]).tolist()
    [[1.0, 2.0], [3.0, 4.0]]
    """
    refuse_masked(name, value)
    try:
        given = np.asarray(value)
        refuse_kinds(name, given)
        with np.errstate(over="ignore"):  # it becomes infinite, which is found
            return np.asarray(given, dtype=np.float64)
    except (TypeError, ValueError, OverflowError) as error:
        if isinstance(error, DataError):
            raise
        raise DataError(
            "the values of {names} are no array of numbers", [name], remedy="Give floats or an array."
        ) from None


def refuse_masked(name: Name, value: Any) -> None:
    """Raise `DataError` where elements are masked: an array alone does not remember which."""
    if any(np.ma.is_masked(part) for part in _list_masked_arrays(value)):
        raise DataError(
            "{names} has masked elements, whose values would be taken for data",
            [name],
            remedy="Impute them, or leave these variables out of what is observed.",
        )


def refuse_kinds(name: Name, array: Any) -> None:
    """Raise `DataError` for an array, of NumPy or JAX, of what are no real numbers."""
    kind = getattr(array.dtype, "kind", "")
    fault = RECORDS if getattr(array.dtype, "names", None) else FAULTS.get(kind)
    if kind == "O" and any(isinstance(item, str | bytes) for item in array.flat):
        fault = FAULTS["U"]
    if fault is not None:
        what, remedy = fault
        raise DataError(f"the values of {{names}} are {what}, where numbers were expected", [name], remedy=remedy)


def _list_masked_arrays(value: Any) -> Iterator[np.ma.MaskedArray[Any, Any]]:
    """Return the masked arrays that a value is, or that it is a list of."""
    if isinstance(value, np.ma.MaskedArray):
        yield value
    elif isinstance(value, list | tuple):
        for part in value:
            if isinstance(part, list | tuple | np.ma.MaskedArray):
                yield from _list_masked_arrays(part)
