"""Short axes that no plate made are written out: a variable of the template for each index.

At size 2 the relations of templates look alike, and what always has two elements (an intercept and a slope) is hardly
repeated: its elements mean different things. Longer ones (the coefficients of a polynomial) are written out where the
program was found to use their elements in different ways.
"""

from __future__ import annotations

from collections.abc import Collection, Iterator, Sequence
from dataclasses import dataclass, replace
from itertools import product
from typing import Any

import numpy as np
from numpy.typing import NDArray

from retrodict.graph.rows import Integers
from retrodict.read.numpyro.sites import Site
from retrodict.read.templates.axis_names import AxisNames, name_axis
from retrodict.read.templates.element_links import Links
from retrodict.read.templates.known_arrays import KnownArray, Needs, Reads

Axis = tuple[int, int]
"""The place of a site and one of its axes."""

LONGEST = 12  # a longer axis is a dim of data, and the program is asked to say what tells its indices apart


@dataclass(frozen=True)
class SitePart:
    """A part of a site: a site by itself, the place of the whole one, which elements are meant, and the axes left."""

    site: Site
    whole: int
    elements: Integers
    axes: tuple[int, ...]


@dataclass(frozen=True)
class SiteParts:
    """All sites, those with short axes taken apart."""

    wholes: tuple[Site, ...]
    parts: tuple[SitePart, ...]

    @classmethod
    def of(cls, sites: Sequence[Site], told_apart: Collection[Axis] = ()) -> SiteParts:
        """Take sites apart along their axes of two elements, and along those that are named."""
        taken = {site.name for site in sites}
        parts = [
            part
            for k, site in enumerate(sites)
            for part in _take_apart(k, site, {axis for place, axis in told_apart if place == k}, taken)
        ]
        return cls(tuple(sites), tuple(parts))

    def list_axes(self, dims: Sequence[str], names: AxisNames) -> set[Axis]:
        """Return the axes of sites that are these dims; none unless all of them are short and made by no plate."""
        found: set[Axis] = set()
        for part in self.parts:
            for k, axis in enumerate(part.axes):
                if names.find(name_axis(part.site, k, names)) in dims:
                    if not _may_be_written_out(self.wholes[part.whole], axis):
                        return set()
                    found.add((part.whole, axis))
        return found

    @property
    def sites(self) -> list[Site]:
        """The parts as sites."""
        return [part.site for part in self.parts]

    def split(self, needs: Needs) -> Needs:
        """Return what the parts need."""
        links: Links = {
            (child.site.name, parent.site.name): pairs
            for (name, other), (of, to) in needs.links.items()
            for child in self._list_parts(name)
            for parent in self._list_parts(other)
            for pairs in [_translate(of, to, child.elements, parent.elements)]
            if len(pairs[0])
        }
        arrays, lookups = ([self._split_array(each) for each in known] for known in (needs.arrays, needs.lookups))
        return Needs(links, arrays, lookups)

    def _split_array(self, array: KnownArray) -> KnownArray:
        every = np.arange(array.values.size)
        reads: Reads = {
            part.site.name: pairs
            for name, (of, to) in array.reads.items()
            for part in self._list_parts(name)
            for pairs in [_translate(of, to, part.elements, every)]
            if len(pairs[0])
        }
        return KnownArray(array.values, reads)

    def _list_parts(self, name: str) -> list[SitePart]:
        return [part for part in self.parts if self.wholes[part.whole].name == name]

    def take(self, values: Sequence[NDArray[Any]]) -> list[NDArray[Any]]:
        """Return the values or densities of the parts, given those of the whole sites."""
        taken = []
        for part in self.parts:
            value, site = values[part.whole], self.wholes[part.whole]
            event = value.shape[len(site.element_shape) :]
            taken.append(_flatten(value, site)[part.elements].reshape((*part.site.element_shape, *event)))
        return taken

    def put(self, values: Sequence[NDArray[Any]]) -> list[NDArray[Any]]:
        """Return the values of the whole sites, given those of the parts."""
        joined = [np.empty(site.shape, site.dtype) for site in self.wholes]
        for part, value in zip(self.parts, values, strict=True):
            _flatten(joined[part.whole], self.wholes[part.whole])[part.elements] = _flatten(value, part.site)
        return joined


def _may_be_written_out(site: Site, axis: int) -> bool:
    """Return whether no plate and no loop made an axis, and it is short."""
    made = site.axes[axis] is not None or (site.in_scan and axis == 0)
    return not made and site.element_shape[axis] <= LONGEST


def _take_apart(whole: int, site: Site, told_apart: set[int], taken: set[str]) -> Iterator[SitePart]:
    """List the parts of a site, one for each index along its short axes."""
    shape = site.element_shape
    two = {k for k, n in enumerate(shape) if n == 2 and _may_be_written_out(site, k)}
    short = sorted(two | told_apart)
    kept = tuple(k for k in range(len(shape)) if k not in short)
    numbers = np.arange(site.n_elements).reshape(shape)
    for index in product(*(range(shape[k]) for k in short)):
        place: list[Any] = [slice(None)] * len(shape)
        for axis, i in zip(short, index, strict=True):
            place[axis] = i
        part = replace(
            site,
            name=_name_part(site.name, index, taken),
            shape=(*(shape[k] for k in kept), *site.event_shape),
            axes=tuple(site.axes[k] for k in kept),
        )
        yield SitePart(part, whole, numbers[tuple(place)].ravel(), kept)


def _name_part(name: str, index: tuple[int, ...], taken: set[str]) -> str:
    """Return a name that no other site has."""
    if not index:
        return name
    written = "_".join([name, *map(str, index)])
    while written in taken:
        written += "_"
    taken.add(written)
    return written


def _translate(of: Integers, to: Integers, mine: Integers, its: Integers) -> tuple[Integers, Integers]:
    """Return the pairs within two parts, by their own elements."""
    size = 1 + max(int(each.max(initial=0)) for each in (of, to, mine, its))
    child, parent = (np.full(size, -1, dtype=np.int64) for _ in range(2))
    child[mine], parent[its] = np.arange(len(mine)), np.arange(len(its))
    kept = (child[of] >= 0) & (parent[to] >= 0)
    return child[of[kept]], parent[to[kept]]


def _flatten(values: NDArray[Any], site: Site) -> NDArray[Any]:
    """Return a view with one axis for the elements of a site, and those of its events or none."""
    return values.reshape(site.n_elements, *values.shape[len(site.element_shape) :])
