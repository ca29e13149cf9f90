"""Known arrays that vary along a lifted dim: observed roots of the template, as nothing else tells indices apart."""

from __future__ import annotations

from collections.abc import Collection, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any, NamedTuple

import jax
import numpy as np
from numpy.typing import NDArray

from retrodict.graph.rows import Integers
from retrodict.lift.templates.template_relations import Relation
from retrodict.models.template_model import ArgumentPlace
from retrodict.plan.arrays import Floats
from retrodict.read.numpyro.observed.given import is_numbers
from retrodict.read.numpyro.sites import Program
from retrodict.read.templates.axis_names import AxisNames
from retrodict.read.templates.element_links import Links, Places
from retrodict.read.templates.foreign_keys import AxisProduct, Keys, place_by_products
from retrodict.read.templates.known_arrays import KnownArray
from retrodict.read.templates.provenance import find_elements, find_origin, list_leaves
from retrodict.read.templates.shared_axes import is_read_whole, list_whole


@dataclass(frozen=True)
class Lifted:
    """A program by its elements: where they stand, what they need, which keys there are."""

    placed: Mapping[str, Places]
    links: Links
    names: AxisNames
    keys: Keys

    @property
    def lengths(self) -> dict[str, int]:
        """The length of each axis that a site has."""
        return {dim: self.names.lengths[dim] for own in self.placed.values() for dim in own.dims}


@dataclass(frozen=True)
class Covariate:
    """An array that is known, with a dim for each axis that runs along one; ``whole`` are those read as a whole."""

    values: NDArray[Any]
    axes: tuple[str | None, ...]
    whole: tuple[str, ...]
    readers: tuple[str, ...]
    name: str = ""
    is_argument: bool = False

    @property
    def dims(self) -> tuple[str, ...]:
        """The dims along which it varies, or may vary with other arguments."""
        return tuple(dim for dim in self.axes if dim is not None)

    @property
    def varies(self) -> bool:
        """Whether its values differ along these dims."""
        along = tuple(slice(None) if dim is None else slice(1) for dim in self.axes)
        return bool((self.values != self.values[along]).any())


def find_covariates(program: Program, arrays: Sequence[KnownArray], lifted: Lifted, reach: int) -> list[Covariate]:
    """Return the arrays that tell indices apart: arguments along a dim, and others that are not all alike there.

    What is read within ``reach`` of the first time alone is where a series starts, and varies along nothing.
    """
    found = []
    taken = set(lifted.placed)
    for array in arrays:
        if _is_start(array, lifted, reach):
            continue
        origin = find_origin(program, array.values)
        for part in split_array(array, lifted):
            if part.dims and (origin.is_argument or part.varies):
                name = _name_apart(origin.name, taken)
                found.append(replace(part, name=name, is_argument=origin.is_argument))
    return found


def _is_start(array: KnownArray, lifted: Lifted, reach: int) -> bool:
    time, placed = lifted.names.time, lifted.placed
    if any(time not in placed[reader].dims for reader in array.reads):
        return False
    return all((placed[reader].along(time)[of] < reach).all() for reader, (of, _) in array.reads.items())


def _name_apart(name: str, taken: set[str]) -> str:
    """Return a name that nothing else has."""
    tries = (f"{name}{'' if i < 2 else f'_{i}'}" for i in range(1, len(taken) + 2))
    chosen = next(each for each in tries if each not in taken)
    taken.add(chosen)
    return chosen


def split_array(array: KnownArray, lifted: Lifted) -> Iterator[Covariate]:
    """Return an array as one covariate, or what each reader takes of it, where they look it up in different ways."""
    axes, whole = name_array_axes(array, lifted)
    if all(dim is not None or is_read_whole(axis, array, lifted.placed) for axis, dim in enumerate(axes)):
        yield Covariate(array.values, tuple(axes), whole, tuple(array.reads))
        return
    for reader, (of, to) in array.reads.items():
        own = lifted.placed[reader]
        gathered = _gather(array.values.ravel(), of, to, len(own.places))
        if gathered is not None:
            shape = tuple(lifted.names.lengths[dim] for dim in own.dims)
            yield Covariate(gathered.reshape(*shape, -1), (*own.dims, None), (), (reader,))


def name_array_axes(array: KnownArray, lifted: Lifted) -> tuple[list[str | None], tuple[str, ...]]:
    """Return the dim of each axis, or None, and the dims among them that are read as a whole."""
    axes = [_name_axis(axis, array, lifted) for axis in range(array.values.ndim)]
    whole = []
    for axis, dim in enumerate(axes):
        if dim is None:
            free = list_whole(axis, array, lifted.links, lifted.placed, lifted.names)
            fitting = [each for each in free if each not in axes]
            axes[axis] = fitting[0] if fitting else None
            whole += fitting[:1]
    return axes, tuple(whole)


def _name_axis(axis: int, array: KnownArray, lifted: Lifted) -> str | None:
    """Return the dim along which all readers look an axis up: an own axis, or one to which a key leads."""
    length = array.values.shape[axis]
    common: list[str] | None = None
    for reader, (of, to) in array.reads.items():
        index = np.unravel_index(to, array.values.shape)[axis]
        listed = _list_indices(lifted.placed[reader], of, lifted.keys)
        fitting = [dim for dim, own in listed if np.array_equal(own, index)]
        common = fitting if common is None else [dim for dim in common if dim in fitting]
    found = [dim for dim in common or [] if length > 1 and lifted.names.lengths[dim] == length]
    return found[0] if found else None


def _list_indices(placed: Places, of: Integers, keys: Keys) -> Iterator[tuple[str, Integers]]:
    """List the dims that elements have an index along, with the indices: their own ones, then those of their keys."""
    waiting = [(dim, placed.along(dim)[of]) for dim in placed.dims]
    while waiting:
        dim, index = waiting.pop(0)
        yield dim, index
        waiting += [(target, table[index]) for target, table in keys.get(dim, {}).items()]


def _gather(values: NDArray[Any], of: Integers, to: Integers, n: int) -> NDArray[Any] | None:
    """Return the numbers that each element reads, one row an element; None where all that read read the same."""
    counts = np.bincount(of, minlength=n)
    if len(np.unique(to)) * len(np.unique(of)) == len(of):
        return None
    rows = np.full((n, int(counts.max())), np.nan)
    order = np.lexsort((to, of))
    rank = np.arange(len(of)) - np.searchsorted(of[order], of[order])
    rows[of[order], rank] = values[to[order]]
    return rows


def relate_covariate(
    covariate: Covariate,
    spread: Mapping[str, Spread],
    placed: Mapping[str, Places],
    products: Mapping[str, AxisProduct],
) -> list[Relation]:
    """Return the relations of a covariate, spread over dims of the template, to what reads it."""
    whole = {inner for dim in covariate.whole for inner in products[dim].dims}
    dims = spread[covariate.name].dims
    return [
        Relation(reader, covariate.name, every=[dim for dim in dims if dim in whole or dim not in placed[reader].dims])
        for reader in covariate.readers
    ]


class Spread(NamedTuple):
    """Numbers over dims of a template, perhaps with a last axis of several."""

    dims: tuple[str, ...]
    values: Floats


def spread_covariate(covariate: Covariate, products: Mapping[str, AxisProduct], sizes: Mapping[str, int]) -> Spread:
    """Return the numbers of a covariate over its dims in the template; NaN where an instance is absent."""
    lifted = [axis for axis, dim in enumerate(covariate.axes) if dim is not None]
    others = [axis for axis, dim in enumerate(covariate.axes) if dim is None and covariate.values.shape[axis] > 1]
    shape = [covariate.values.shape[axis] for axis in lifted]
    flat = np.moveaxis(covariate.values, lifted, range(len(lifted))).reshape(int(np.prod(shape)), -1)
    places = np.stack(np.unravel_index(np.arange(len(flat)), shape), axis=1)
    own = place_by_products(Places(covariate.dims, places), products, covariate.name)
    spread: Floats = np.full((*(sizes[dim] for dim in own.dims), flat.shape[1]), np.nan)
    spread[tuple(own.places.T)] = flat
    return Spread(own.dims, spread if others else spread[..., 0])


def list_constants(covariates: Collection[Covariate]) -> list[str]:
    """Return the names of those that are part of the program: what holds of it holds for this design."""
    return [covariate.name for covariate in covariates if not covariate.is_argument]


def find_arguments(
    program: Program,
    covariates: Iterable[Covariate],
    products: Mapping[str, AxisProduct],
    sizes: Mapping[str, int],
) -> dict[str, ArgumentPlace]:
    """Return for each covariate that is an argument which one it is, and the element of each instance."""
    leaves = [
        (place, np.asarray(leaf))
        for place, leaf in enumerate(list_leaves(program))
        if isinstance(leaf, np.ndarray | jax.Array) or is_numbers(leaf)
    ]
    found = {}
    for covariate in covariates:
        if not covariate.is_argument:
            continue
        matching = [
            (place, own) for place, leaf in leaves if (own := find_elements(leaf, covariate.values)) is not None
        ]
        if len(matching) == 1:  # arguments with equal numbers cannot be told apart
            place, elements = matching[0]
            spread = spread_covariate(replace(covariate, values=elements.astype(np.float64)), products, sizes)
            found[covariate.name] = ArgumentPlace(place, np.nan_to_num(spread.values, nan=-1.0).astype(np.int64))
    return found
