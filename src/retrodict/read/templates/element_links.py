"""The edges between elements of sites, a pair of sites at a time, and the indices of elements along named axes."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass

from retrodict.graph.rows import Integers

# Of each pair of a site and one that it depends on: elements of the one, and of the other, in the same order.
Links = Mapping[tuple[str, str], tuple[Integers, Integers]]


@dataclass(frozen=True)
class Places:
    """The elements of a site: their indices along named axes, one row an element."""

    dims: tuple[str, ...]
    places: Integers

    def along(self, dim: str) -> Integers:
        """Return the index of each element along one of the axes."""
        return self.places[:, self.dims.index(dim)]

    def renamed(self, name: Callable[[str], str]) -> Places:
        """Return the same with other names of the axes."""
        return Places(tuple(map(name, self.dims)), self.places)
