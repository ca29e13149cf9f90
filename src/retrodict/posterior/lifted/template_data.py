"""Data of a template: arrays over its dims, read, checked and laid out as cells."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from functools import cached_property
from typing import Any

import jax
import jax.numpy as jnp
import numpy as np
from numpy.typing import NDArray

from retrodict.encode.lifted.cells import Cells
from retrodict.encode.lifted.template_space import TemplateSpace
from retrodict.errors import DataError, quote
from retrodict.graph.rows import spread
from retrodict.lift.templates.template_grounding import Grounding
from retrodict.plan.arrays import read_floats

Floats = NDArray[np.float64]
Marks = NDArray[np.bool_]


@dataclass(frozen=True, eq=False)
class TemplateData:
    """One observation of a template.

    Arguments:
        space: where variables stand.
        sizes: the size of each dim.
        values: the value of each observed variable, ``(*dims, numbers)``, dims in the order of the template.
        seen: which instances of each have a value.
    """

    space: TemplateSpace
    sizes: Mapping[str, int]
    values: Mapping[str, Floats]
    seen: Mapping[str, Marks]

    @classmethod
    def read(cls, space: TemplateSpace, data: Any) -> TemplateData:
        """Read arrays by the names of variables or of their sites; NaN is what is missing.

        Raises `DataError`, naming the variable, for what is missing, unknown, of a wrong shape or of another support.
        """
        given = _name_arrays(space, data)
        sizes = _find_sizes(space, given)
        arrays = _add_covariates(space, given, sizes)
        values = {name: _arrange(space, name, array) for name, array in arrays.items()}
        seen = {name: np.asarray(~np.isnan(value).any(axis=-1)) for name, value in values.items()}
        for name, value in values.items():
            _require_support(space, name, value[seen[name]])
        read = cls(space, sizes, values, seen)
        _require_parents(read)
        return read

    @property
    def is_within(self) -> bool:
        """Whether the model at its largest sizes has all of these instances."""
        return all(size <= self.space.source.sizes[dim] for dim, size in self.sizes.items())

    def shape(self, name: str) -> tuple[int, ...]:
        """Return the size of each dim of a variable, in the order of the template."""
        return tuple(self.sizes[dim] for dim in self.space.dims[name])

    @cached_property
    def exists(self) -> Mapping[str, Marks]:
        """Which instances of each variable there are: all, or those that the model has, where it is large enough."""
        marks = {name: np.ones(self.shape(name), bool) for name in self.space.dims}
        if self.is_within:
            for name in marks:
                marks[name] = np.asarray(marks[name] & self.space.present[name][tuple(map(slice, self.shape(name)))])
        return marks

    @cached_property
    def informed(self) -> Mapping[str, Marks]:
        """Which instances have a value, or a descendant that has."""
        grounding, marks = self.grounding, self.mark_seen()
        _inform_parents(grounding, marks)
        found = {}
        for name in self.space.dims:
            own = marks[grounding.list_instances(name)].reshape(grounding.shapes[name])
            order = [self.space.source.template[name].dims.index(dim) for dim in self.space.dims[name]]
            found[name] = np.transpose(own, order)
        return found

    @cached_property
    def grounding(self) -> Grounding:
        """The template at the sizes of the data."""
        template = self.space.source.template
        return Grounding(template.variables, template.relations, template.observed, template.time, self.sizes)

    def mark_seen(self) -> Marks:
        """Return which instances of the grounding have a value."""
        marks = np.zeros(self.grounding.n, bool)
        for name, seen in self.seen.items():
            own = self._turn(name, seen & self.exists[name])
            marks[self.grounding.list_instances(name)] = own.ravel()
        return marks

    def _turn(self, name: str, array: Any) -> Any:
        """Return an array over dims in the order of the template with those of the variable in its own order."""
        return turn_back(self.space, name, array, 0)

    def lay_out(self, padded: Mapping[str, int]) -> Cells:
        """Return one row of cells, padded to these sizes, with latents that are still zero."""
        codes, exists, seen = {}, {}, {}
        for name, described in self.space.described.items():
            shape = tuple(padded[dim] for dim in described.dims)
            within: tuple[Any, ...] = (0, *map(slice, self.shape(name)))
            exists[name], seen[name] = np.zeros((1, *shape), bool), np.zeros((1, *shape), bool)
            exists[name][within] = self.exists[name]
            codes[name] = np.zeros((1, *shape, described.columns), np.float32)
            if name in self.values:
                seen[name][within] = self.seen[name] & self.exists[name]
                known = np.where(self.seen[name][..., None], self.values[name], self._fill(name)).astype(np.float32)
                codes[name][within] = np.asarray(described.coder.encode(jnp.asarray(known)))
        return Cells(_put(codes), _put(exists), _put(seen), self.is_within)

    def _fill(self, name: str) -> Floats:
        """Return a value in the support, which stands where one is missing and is never read."""
        known = self.values[name][self.seen[name]]
        if len(known):
            return np.asarray(known[0])
        bounds = self.space.described[name].variable.bounds
        return np.full(self.values[name].shape[-1], 0.0 if bounds is None else bounds[0])


def _put(arrays: Mapping[str, NDArray[Any]]) -> dict[str, jax.Array]:
    return {name: jnp.asarray(array) for name, array in arrays.items()}


def turn_back(space: TemplateSpace, name: str, array: Any, before: int) -> Any:
    """Return an array with dims of a variable in its own order, behind some axes and before all others."""
    own = space.source.template[name].dims
    order = [before + space.dims[name].index(dim) for dim in own]
    rest = range(before + len(own), np.ndim(array))
    return np.transpose(array, (*range(before), *order, *rest))


def _inform_parents(grounding: Grounding, marks: Marks) -> None:
    """Mark all ancestors of what is marked."""
    rows, last = grounding.parents, np.empty(grounding.n, np.int64)
    fresh = np.flatnonzero(marks)
    while len(fresh):
        starts, ends = rows.pointer[fresh], rows.pointer[fresh + 1]
        above = rows.index[spread(starts, ends - starts)]
        above = above[~marks[above]]
        # Of those that are there several times the last: a table is quicker than sorting.
        last[above] = places = np.arange(len(above))
        fresh = above[last[above] == places]
        marks[fresh] = True


def _require_parents(data: TemplateData) -> None:
    """Raise `DataError` where a value is missing on which others that are there, or latents above them, depend.

    What has no descendant among the data may be left out, and all below it with it. The rest may not.
    """
    grounding, seen = data.grounding, data.mark_seen()
    informed = seen.copy()
    _inform_parents(grounding, informed)
    children = np.flatnonzero(informed)
    starts, ends = grounding.parents.pointer[children], grounding.parents.pointer[children + 1]
    above = grounding.parents.index[spread(starts, ends - starts)]
    wanted = np.zeros(grounding.n, bool)
    wanted[above] = True
    lacking = [name for name in data.values if (wanted & ~seen)[grounding.list_instances(name)].any()]
    if lacking:
        raise DataError(
            "values of {names} are missing that others depend on",
            lacking,
            remedy="Give them, or NaN for what depends on them, too: only what nothing depends on can be missing.",
        )


def _name_arrays(space: TemplateSpace, data: Any) -> dict[str, Any]:
    """Return the arrays of all observed variables by their names."""
    if not isinstance(data, Mapping):
        raise DataError(
            f"data must be a mapping from names to arrays, not {type(data).__name__}", remedy="Give {name: array}."
        )
    source = space.source
    observed = [name for name in source.template.observed if name in space.dims]
    by_site: dict[Any, str] = {source.sites[name]: name for name in observed}
    unknown = [name for name in data if name not in observed and name not in by_site]
    if unknown:
        raise DataError(
            "data name {names}, which {are} not observed in the template", unknown, remedy=f"Give {quote(observed)}."
        )
    arrays: dict[str, Any] = {by_site.get(name, str(name)): read_floats(name, value) for name, value in data.items()}
    missing = [name for name in observed if name not in arrays and name not in source.covariates]
    if missing:
        raise DataError(
            "data lack {names}", missing, remedy="Give an array of each, with NaN where a value is missing."
        )
    return arrays


def _add_covariates(space: TemplateSpace, arrays: Mapping[str, Floats], sizes: Mapping[str, int]) -> dict[str, Floats]:
    """Return the arrays, and what covariates are in the program if they are not among them; raise for other sizes."""
    covariates, template = space.source.covariates, space.source.template
    left = {name: np.asarray(value, np.float64) for name, value in covariates.items() if name not in arrays}
    for name, value in left.items():
        dims = template[name].dims
        other = [(dim, size) for dim, size in zip(dims, value.shape, strict=False) if sizes[dim] != size]
        for dim, size in other:
            raise DataError(
                f"the program has {size} values of {{names}} along {dim!r}, and the data have {sizes[dim]}",
                [name],
                remedy=f"Give {name!r} with the data.",
            )
    return {**arrays, **left}


def _find_sizes(space: TemplateSpace, arrays: Mapping[str, Floats]) -> dict[str, int]:
    """Return the size of each dim, on which all arrays have to agree."""
    template = space.source.template
    sizes: dict[str, int] = {}
    first: dict[str, str] = {}
    for name, array in arrays.items():
        dims, numbers = template[name].dims, space.described[name].variable.size
        shape = space.described[name].variable.shape or ()
        if array.ndim != len(dims) + len(shape) or array.shape[len(dims) :] != shape or 0 in array.shape:
            raise DataError(
                f"the value of {{names}} has the shape {array.shape}, where an axis for each of "
                + (quote(dims) or "no dim")
                + (f" and {numbers} numbers were expected" if numbers > 1 else " was expected"),
                [name],
                remedy="Give one observation, with all of its groups and times.",
            )
        for dim, size in zip(dims, array.shape, strict=False):
            if sizes.setdefault(dim, size) != size:
                raise DataError(
                    f"{{names}} {{have}} {size} along {dim!r}, and {first[dim]!r} has {sizes[dim]}",
                    [name],
                    remedy="Fill the shorter one with NaN.",
                )
            first.setdefault(dim, name)
    return {dim: sizes.get(dim, space.source.sizes[dim]) for dim in template.dims}


def _arrange(space: TemplateSpace, name: str, array: Floats) -> Floats:
    given = space.source.template[name].dims
    flat = array.reshape(*array.shape[: len(given)], -1)
    return np.transpose(flat, (*(given.index(dim) for dim in space.dims[name]), len(given)))


def _require_support(space: TemplateSpace, name: str, values: Floats) -> None:
    if np.isinf(values).any():
        raise DataError("{names} {have} infinite values", [name], remedy="Give NaN where a value is missing.")
    variable = space.described[name].variable
    if variable.categories is not None and len(values):
        low, high = variable.bounds or (0, variable.categories - 1)
        if (values != np.round(values)).any() or values.min() < low or values.max() > high:
            raise DataError(f"the values of {{names}} are whole numbers from {low:g} to {high:g}", [name])
