"""Axes of known arrays that are read as a whole: the columns of a design run along the coefficients they multiply."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence

import numpy as np

from retrodict.read.templates.axis_names import AxisNames
from retrodict.read.templates.element_links import Links, Places
from retrodict.read.templates.known_arrays import KnownArray


def join_along_arrays(
    arrays: Sequence[KnownArray], links: Links, placed: Mapping[str, Places], names: AxisNames
) -> None:
    """Let axes that no plate made have one name, if their elements meet the same whole axis of a known array.

    In ``X @ b1`` and ``X @ b2`` both coefficients run along the columns of X. Whether that is so is not decided here:
    the program is checked for telling indices apart.
    """
    for array in arrays:
        for axis in range(array.values.ndim):
            found = [dim for dim in list_whole(axis, array, links, placed, names) if dim not in names.named]
            for other in found[1:]:
                if not any(found[0] in own.dims and other in own.dims for own in placed.values()):
                    names.join(other, found[0])


def list_whole(axis: int, array: KnownArray, links: Links, placed: Mapping[str, Places], names: AxisNames) -> list[str]:
    """List the dims that an axis of a known array may run along, if all of it is read by whatever reads some of it."""
    length = array.values.shape[axis]
    if length < 2 or not is_read_whole(axis, array, placed):
        return []
    common: list[str] | None = None
    for reader in array.reads:
        fitting = [dim for dim in _list_dims(reader, links, placed) if names.lengths[dim] == length]
        common = fitting if common is None else [dim for dim in common if dim in fitting]
    return [dim for dim in common or [] if dim != names.time]


def _list_dims(reader: str, links: Links, placed: Mapping[str, Places]) -> Iterator[str]:
    """List the dims of the parents of a site that are not its own, then its own."""
    own = placed[reader].dims
    others = [dim for child, parent in links if child == reader for dim in placed[parent].dims if dim not in own]
    yield from dict.fromkeys([*others, *own])


def is_read_whole(axis: int, array: KnownArray, placed: Mapping[str, Places]) -> bool:
    """Return whether every element that reads the array reads all along an axis."""
    n = array.values.shape[axis]
    for reader, (of, to) in array.reads.items():
        index = np.unravel_index(to, array.values.shape)[axis]
        seen = np.bincount(np.unique(of * n + index) // n, minlength=len(placed[reader].places))
        if (seen[seen > 0] != n).any():
            return False
    return True
