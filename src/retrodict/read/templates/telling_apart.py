"""A check that nothing but its arrays lets a program tell the indices of a dim apart.

Weights are shared over a dim only if the conditionals are one function at all of its indices. So the values of all
sites and the arrays that run along a dim are moved on by one index: densities have to move along. Along time this must
hold inside a series. Labels that are drawn (``phi[z]``) are left out: their values tell indices apart by nature.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from functools import cached_property
from typing import Any

import jax
import numpy as np
from numpy.typing import NDArray

from retrodict.lift.templates.template_relations import Relation
from retrodict.plan.supports import DISCRETE
from retrodict.read.jaxpr.constants import list_constants, replace_constants
from retrodict.read.jaxpr.internals import ClosedJaxpr, jaxpr_as_fun
from retrodict.read.numpyro.numpyro_model import NumpyroModel
from retrodict.read.numpyro.sites import Site
from retrodict.read.templates.axis_names import UnsharedError
from retrodict.read.templates.covariates import Lifted, name_array_axes
from retrodict.read.templates.known_arrays import KnownArray, identify
from retrodict.read.templates.short_axes import SiteParts
from retrodict.read.templates.trial_values import make_values

Arrays = list[NDArray[Any]]
TOLERANCE = 1e-3  # of log densities in single precision, summed in another order


@dataclass(frozen=True)
class Mover:
    """What moves when a dim moves on by one index: axes of sites, and axes and entries of arrays."""

    parts: SiteParts
    lifted: Lifted
    arrays: Sequence[KnownArray]

    @property
    def sites(self) -> list[Site]:
        """The parts of all sites."""
        return self.parts.sites

    def move_sites(self, values: Sequence[Any], dims: Sequence[str]) -> Arrays:
        """Return values or densities of all sites, moved on along some dims."""
        return [
            self._roll(np.asarray(value), self._list_axes(site), dims)
            for site, value in zip(self.sites, values, strict=True)
        ]

    def _list_axes(self, site: Site) -> list[str | None]:
        """Return the dim of each axis of the elements of a site; axes of length 1 have none."""
        dims = iter(self.lifted.placed[site.name].dims)
        kept = [axis for axis, _ in enumerate(site.element_shape) if self._is_kept(site, axis)]
        return [next(dims) if axis in kept else None for axis in range(len(site.element_shape))]

    @staticmethod
    def _is_kept(site: Site, axis: int) -> bool:
        return site.element_shape[axis] > 1 or site.axes[axis] is not None or (site.in_scan and axis == 0)

    def move_constants(self, program: ClosedJaxpr, dims: Sequence[str]) -> ClosedJaxpr:
        """Return a program whose known arrays are moved on along some dims, and foreign keys with what they lead to."""
        moved = {identify(array.values): self._move_array(array, dims) for array in self.arrays}
        constants = list_constants(program)
        changed = [moved.get(identify(constant), constant) for constant in constants]
        same = all(new is old or np.array_equal(new, old) for new, old in zip(changed, constants, strict=True))
        return program if same else replace_constants(program, changed)

    def _move_array(self, array: KnownArray, dims: Sequence[str]) -> NDArray[Any]:
        axes, _ = name_array_axes(array, self.lifted)
        values = array.values
        for target, table in self.lifted.keys.get(axes[0] or "", {}).items() if len(axes) == 1 else ():
            if target in dims and np.array_equal(table, values):
                values = (values + 1) % self.lifted.names.lengths[target]
        return self._roll(values, axes, dims)

    @staticmethod
    def _roll(values: NDArray[Any], axes: Sequence[str | None], dims: Sequence[str]) -> NDArray[Any]:
        for axis, dim in enumerate(axes):
            values = np.roll(values, 1, axis) if dim in dims else values
        return values

    def inside(self, densities: Sequence[NDArray[Any]], dims: Sequence[str], reach: int) -> Arrays:
        """Return densities without those near the ends of time, if time moves."""
        time = self.lifted.names.time
        kept = []
        for site, each in zip(self.sites, densities, strict=True):
            axes = self._list_axes(site)
            kept.append(each[reach + 1 :] if time in dims and time in axes[:1] else each)
        return kept


def find_ties(
    model: NumpyroModel, program: ClosedJaxpr, mover: Mover, relations: Sequence[Relation]
) -> list[tuple[str, str]]:
    """Return pairs of dims that are one: no density stays the same unless both move, as in ``h @ W`` of factors.

    ``program`` are the densities of the model, traced; ``relations`` those of the template. Raises `UnsharedError` for
    dims whose indices a program tells apart by something else than its arrays.
    """
    trial = Trial(model, program, mover, max((relation.lag for relation in relations), default=0))
    failed = [dims for dims in _list_rounds(mover, list_checked(mover, relations)) if not trial.passes(dims)]
    wrong = [dim for dims in failed for dim in dims if not trial.passes([dim])]
    tied = [group for group in _group_by_length(mover, wrong) if _are_one(mover, group) and trial.passes(group)]
    alone = [dim for dim in wrong if not any(dim in group for group in tied)]
    if alone or (failed and not wrong):
        dims = alone or failed[0]
        raise UnsharedError(
            "the program tells the indices of {names} apart by something that is no array along it",
            dims,
            dims=dims,
            remedy="Pass what differs in an argument, such as jnp.arange(n) where the index itself counts, or draw at "
            "sites of their own what is used in different ways.",
        )
    return [(first, other) for first, *others in tied for other in others]


def _group_by_length(mover: Mover, dims: Sequence[str]) -> list[list[str]]:
    groups: dict[int, list[str]] = {}
    for dim in dims:
        groups.setdefault(mover.lifted.names.lengths[dim], []).append(dim)
    return list(groups.values())


def _list_rounds(mover: Mover, dims: Sequence[str]) -> list[list[str]]:
    """Share dims out to rounds in which they move together: those of one length, which may be tied, never do."""
    groups = _group_by_length(mover, dims)
    longest = max(map(len, groups), default=0)
    return [[group[i] for group in groups if i < len(group)] for i in range(longest)]


def _are_one(mover: Mover, group: Sequence[str]) -> bool:
    """Return whether several dims could be one: no site is repeated along two of them."""
    placed = mover.lifted.placed.values()
    return len(group) > 1 and all(sum(dim in own.dims for dim in group) < 2 for own in placed)


def list_checked(mover: Mover, relations: Sequence[Relation]) -> list[str]:
    """List the dims that are no labels, and of which no relation singles an end out or sums up to an index."""
    lifted, time = mover.lifted, mover.lifted.names.time
    ordered = {dim for relation in relations for dim in relation.up_to}
    if any(time in r.every or r.fixed is not None for r in relations):
        ordered.add(time)
    discrete = {site.name for site in mover.sites if site.support in DISCRETE}
    choosing = {child for child, parent in lifted.links if parent in discrete}
    labels = {
        dim
        for child, parent in lifted.links
        for dim in lifted.placed[parent].dims
        if child in choosing and dim not in lifted.placed[child].dims
    }
    dims = dict.fromkeys(dim for own in lifted.placed.values() for dim in own.dims)
    led_to = {target for tables in lifted.keys.values() for target in tables}
    return [dim for dim in dims if dim not in ordered and (dim not in labels or dim in led_to)]


@dataclass(frozen=True)
class Trial:
    """Values of all sites at which densities are compared, before and after dims move."""

    model: NumpyroModel
    program: ClosedJaxpr
    mover: Mover
    reach: int

    @cached_property
    def values(self) -> Arrays:
        """Values of the parts of all sites."""
        return self.mover.parts.take(make_values(self.model))

    @cached_property
    def densities(self) -> Arrays:
        """Their densities."""
        return self._score(self.program, self.values)

    def passes(self, dims: Sequence[str]) -> bool:
        """Return whether densities move along where values and arrays move along some dims."""
        moved = self._score(self.mover.move_constants(self.program, dims), self.mover.move_sites(self.values, dims))
        expected = self.mover.move_sites(self.densities, dims)
        found, sought = (self.mover.inside(each, dims, self.reach) for each in (moved, expected))
        pairs = zip(found, sought, strict=True)
        return all(np.allclose(own, other, rtol=TOLERANCE, atol=TOLERANCE, equal_nan=True) for own, other in pairs)

    @cached_property
    def _compiled(self) -> Callable[..., Any]:
        return jax.jit(jaxpr_as_fun(self.program))

    def _score(self, program: ClosedJaxpr, values: Arrays) -> Arrays:
        score = self._compiled if program is self.program else jax.jit(jaxpr_as_fun(program))
        whole = self.mover.parts.put(values)
        results = score(*whole, *whole)
        return self.mover.parts.take([np.asarray(each) for each in results[: len(whole)]])
