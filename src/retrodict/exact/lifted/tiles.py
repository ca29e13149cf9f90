"""Cells of a template at any sizes, covered by copies of its model at the largest sizes: tiles.

A plate is cut into pieces of the model's size. Along time, tiles overlap by the largest lag: a family is looked up in a
tile that has all of its members. So densities of all families at any sizes are those of the model, once a tile.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from functools import cached_property

import jax
import jax.numpy as jnp
import numpy as np

from retrodict.exact.lifted.element_densities import ElementDensities
from retrodict.graph.rows import Integers

Values = Mapping[str, jax.Array]


@dataclass(frozen=True, eq=False)
class Tiles:
    """How many copies of the model along each dim cover the cells, and which number stands where.

    >>> from retrodict import Template, TemplateModel, zoo
    >>> names = {"x0": np.array("x0", object), "x": np.array(["x1", "x2"], object)}
    >>> source = TemplateModel(Template("x0; x[j] | x0", observed=["x"]), zoo.binary_tree(depth=2), {"j": 2}, names)
    >>> tiles = Tiles(ElementDensities(source), {"j": 3})
    >>> tiles.sizes, tiles.count
    ({'j': 6}, 3)
    """

    densities: ElementDensities
    copies: Mapping[str, int]

    @classmethod
    def cover(cls, densities: ElementDensities, sizes: Mapping[str, int]) -> Tiles:
        """Return tiles that hold at least these sizes; numbers of copies are rounded up to few different ones."""
        return cls(densities, {dim: round_copies(densities, dim, size) for dim, size in sizes.items()})

    @cached_property
    def sizes(self) -> dict[str, int]:
        """The sizes of the cells."""
        return {dim: self._largest(dim) + (copies - 1) * self._stride(dim) for dim, copies in self.copies.items()}

    @property
    def count(self) -> int:
        """The number of tiles."""
        return int(np.prod([1, *self.copies.values()]))

    def shape(self, name: str) -> tuple[int, ...]:
        """Return the size of each dim of a variable."""
        return tuple(self.sizes[dim] for dim in self.densities.dims[name])

    def _largest(self, dim: str) -> int:
        return self.densities.source.sizes[dim]

    def _stride(self, dim: str) -> int:
        return find_stride(self.densities, dim)

    @cached_property
    def names(self) -> tuple[str, ...]:
        """The variables and covariates that have places in a row."""
        return tuple(self.densities.columns)

    @cached_property
    def sources(self) -> Integers:
        """For each place in the row of each tile, the place among all numbers of cells; -1 where a filler stands."""
        dims, start = list(self.copies), 0
        found = np.full((*self.copies.values(), len(self.densities.filler)), -1, np.int64)
        tiles = np.ix_(*map(range, self.copies.values())) if dims else ()
        for name in self.names:
            columns, own = self.densities.columns[name], self.densities.dims[name]
            flat, within = np.zeros((1,) * (len(dims) + len(own)), np.int64), np.array(True)
            for place, dim in enumerate(own):
                axis = np.arange(columns.shape[place]).reshape([-1 if i == place else 1 for i in range(len(own))])
                tile = tiles[dims.index(dim)].reshape([*tiles[dims.index(dim)].shape, *(1 for _ in own)])
                at = tile * self._stride(dim) + axis
                flat, within = flat * self.sizes[dim] + at, within & (at < self.sizes[dim])
            numbers = columns.shape[-1]
            shape = (*self.copies.values(), *columns.shape)
            filled = np.where(within, flat, -1)[..., None]
            filled = np.where(filled < 0, -1, start + filled * numbers + np.arange(numbers))
            filled = np.broadcast_to(filled, shape).reshape(*self.copies.values(), -1)
            present = columns.ravel() >= 0
            found[..., columns.ravel()[present]] = filled[..., present]
            start += int(np.prod(self.shape(name))) * numbers
        return found.reshape(self.count, -1)

    @cached_property
    def lookups(self) -> Mapping[str, Integers]:
        """For each cell of what the model draws, where its density stands among those of all tiles, or -1."""
        net = len(self.densities.source.model.net)
        found = {}
        for name, numbers in self.densities.numbers.items():
            tile, inside = np.zeros(1, np.int64), []
            for dim in self.copies:
                at = np.arange(self.sizes[dim] if dim in self.densities.dims[name] else 1)
                owner = self._find_owner(dim, at)
                inside.append((dim, at - owner * self._stride(dim), owner))
            own = self.densities.dims[name]
            where = np.ix_(*[within for dim, within, _ in sorted(inside, key=self._place) if dim in own])
            shape = self.shape(name)
            tile = np.zeros(shape, np.int64)
            for dim, _, owner in inside:
                tile = tile * self.copies[dim]
                if dim in own:
                    tile = tile + owner.reshape([-1 if d == dim else 1 for d in own])
            element = numbers[where] if own else numbers
            found[name] = np.where(element < 0, -1, tile * net + element)
        return found

    def _place(self, entry: tuple[str, Integers, Integers]) -> int:
        return self.densities.source.template.dims.index(entry[0])

    def _find_owner(self, dim: str, at: Integers) -> Integers:
        """Return the tile in which families at these indices have all of their members."""
        largest, stride = self._largest(dim), self._stride(dim)
        return np.where(at < largest, 0, (at - (largest - stride)) // stride)

    # -- what is computed --------------------------------------------------------------------------------

    def fill(self, values: Values, filler: jax.Array) -> jax.Array:
        """Return the rows of all tiles, ``(rows, tiles, places)``, from values ``(rows, *dims, numbers)``.

        What ``values`` does not name stands at the filler.
        """
        rows = max(len(value) for value in values.values())
        parts = []
        for name in self.names:
            size = int(np.prod(self.shape(name))) * self.densities.columns[name].shape[-1]
            if name in values:
                parts.append(jnp.broadcast_to(values[name].reshape(len(values[name]), -1), (rows, size)))
            else:
                parts.append(jnp.full((rows, size), jnp.nan, filler.dtype))
        flat = jnp.concatenate(parts, axis=1)
        found = flat[:, np.maximum(self.sources, 0)]
        known = (self.sources >= 0) & self._is_given(tuple(values))
        return jnp.where(known, found, filler)

    def _is_given(self, given: tuple[str, ...]) -> Integers:
        sizes = [int(np.prod(self.shape(name))) * self.densities.columns[name].shape[-1] for name in self.names]
        marks = np.repeat([name in given for name in self.names], sizes)
        return np.asarray(marks[np.maximum(self.sources, 0)])

    @cached_property
    def seats(self) -> Mapping[str, tuple[Integers, ...]]:
        """The cells of variables of which most cells have no instance, an array for each dim: one tile holds them."""
        time, found = self.densities.source.template.time, {}
        for name, lookups in self.lookups.items():
            kept = lookups >= 0
            if self.count == 1 and time not in self.densities.dims[name] and 2 * kept.sum() < kept.size:
                found[name] = np.nonzero(kept)
        return found

    def take_seated(self, terms: jax.Array, name: str) -> jax.Array:
        """Return what belongs to families, ``(..., cells)`` where the variable has seats, else ``(..., *dims)``."""
        if name not in self.seats:
            return self.take(terms, name)
        flat = terms.reshape(*terms.shape[:-2], -1)
        return flat[..., self.lookups[name][self.seats[name]]]

    def take(self, terms: jax.Array, name: str) -> jax.Array:
        """Return what belongs to the families of a variable, ``(..., *dims)``, out of ``(..., tiles, variables)``."""
        flat = terms.reshape(*terms.shape[:-2], -1)
        return flat[..., np.maximum(self.lookups[name], 0)]


def find_stride(densities: ElementDensities, dim: str) -> int:
    """Return by how many indices tiles lie apart along a dim."""
    template = densities.source.template
    return densities.source.sizes[dim] - (template.max_lag if dim == template.time else 0)


def round_copies(densities: ElementDensities, dim: str, size: int) -> int:
    """Return how many tiles hold a size: one, or some powers of two and one and a half times these."""
    copies = 1 + max(0, -(-(size - densities.source.sizes[dim]) // find_stride(densities, dim)))
    power = 1 << (copies - 1).bit_length()
    return power * 3 // 4 if power >= 4 and copies <= power * 3 // 4 else power
