"""Sizes that a model can have: asked for before anything is made."""

from __future__ import annotations

from collections.abc import Sequence

from retrodict.errors import OptionError, SizeError
from retrodict.plan.counts import read_count

# Some 640 bytes a variable and 60 an edge: about 1.5 GB, half a minute.
MOST_VARIABLES, MOST_EDGES = 2_500_000, 20_000_000


def require_at_least(least: int, **sizes: int) -> None:
    """Raise `OptionError` for a size that is too small, or no whole number."""
    for name, size in sizes.items():
        read_count(name, size, least)


def require_layers(**layers: Sequence[int]) -> None:
    """Raise `OptionError` for sizes of layers that are none, or one of which is too small."""
    for name, sizes in layers.items():
        if not sizes or min(sizes) < 1:
            raise OptionError(
                f"{name}={tuple(sizes)} is out of range", remedy="Give one or more sizes, each at least 1."
            )


def require_room(what: str, variables: int, edges: int) -> None:
    """Raise `SizeError`, with the numbers, for a model that would not fit."""
    if variables > MOST_VARIABLES or edges > MOST_EDGES:
        raise _too_large(what, f"{variables:,} variables and {edges:,} edges")


def require_depth(depth: int) -> None:
    """Raise `SizeError` for a binary tree that would not fit; the number of its variables may have too many digits."""
    if depth >= MOST_VARIABLES.bit_length():
        raise _too_large(f"a binary tree of depth {depth:,}", f"2^{depth} - 1 variables")


def _too_large(what: str, numbers: str) -> SizeError:
    return SizeError(
        f"{what} would have {numbers}; the zoo makes at most {MOST_VARIABLES:,} variables and {MOST_EDGES:,} edges",
        remedy="Choose a smaller size.",
    )
