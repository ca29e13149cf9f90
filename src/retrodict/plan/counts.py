"""Whole numbers from outside: how many of something, and seeds, as what Python and NumPy call integers."""

from __future__ import annotations

import operator
from typing import Any

from retrodict.errors import OptionError

# JAX keeps 32 bits of a seed where numbers have single precision: others would be the same as one of these.
MOST_SEED = 2**32 - 1


def is_number(value: Any) -> bool:
    """Return whether a value is a number, whole or not, and not an array or a table.

    >>> is_number(3), is_number(2.5), is_number({"x": [1.0]})
    (True, True, False)
    """
    try:
        operator.index(value)
    except TypeError:
        return isinstance(value, float)
    return True


def read_count(name: str, value: Any, least: int = 1, most: int | None = None) -> int:
    """Return a whole number that is to lie between two bounds, as Python's own integer.

    Raises `OptionError`, which names the option, for what is not a whole number and for one out of bounds.

    >>> import numpy as np
    >>> read_count("n", np.int64(3))
    3
    """
    wanted = f"{least:,} or more" if most is None else f"{least:,} to {most:,}"
    try:
        count = operator.index(value)
    except TypeError:
        count = None
    if count is None or isinstance(value, bool):
        raise OptionError(f"{name}={value!r} is not a whole number", remedy=f"Give a whole number, {wanted}.")
    if count < least:
        raise OptionError(f"{name}={count} is too small", remedy=f"Give {wanted}.")
    if most is not None and count > most:
        raise OptionError(f"{name}={count} is too large", remedy=f"Give {wanted}.")
    return count


def read_rate(value: Any, name: str = "learning_rate") -> float:
    """Return a learning rate; raise `OptionError` for one that is not positive and finite.

    >>> read_rate(1e-3)
    0.001
    """
    try:
        rate = float(value)
    except (TypeError, ValueError):
        rate = float("nan")
    if not 0 < rate < float("inf"):
        raise OptionError(f"{name}={value!r} is out of range", remedy="Give a positive number.")
    return rate


def read_seed(value: Any, name: str = "seed") -> int:
    """Return a seed, 0 to 4,294,967,295: another would be cut to one of these, and give what that one gives.

    Raises `OptionError` for other numbers and for what is not a whole number.

    >>> read_seed(7)
    7
    """
    return read_count(name, value, 0, MOST_SEED)
