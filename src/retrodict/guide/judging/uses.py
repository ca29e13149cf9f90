"""The variables that each latent of a guide depends on, found by following its traced log density."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import jax
import jax.numpy as jnp
import numpy as np

from retrodict.errors import ProgramError
from retrodict.graph.names import Name
from retrodict.graph.rows import Integers
from retrodict.read.jaxpr.internals import ClosedJaxpr
from retrodict.read.jaxpr.sets import SetTable
from retrodict.read.jaxpr.values import Tracked
from retrodict.read.jaxpr.walk import follow
from retrodict.read.numpyro.distributions.numpyro_supports import peel
from retrodict.read.numpyro.numpyro_model import NumpyroModel
from retrodict.read.numpyro.sites import Program, Site

Run = Callable[[Program, Mapping[str, Any]], Mapping[str, Any]]


@dataclass(frozen=True)
class Use:
    """The other latents and the observed variables that the density of a latent needs."""

    latents: tuple[Name, ...]
    observed: tuple[Name, ...]


def find_uses(model: NumpyroModel, guide: Program, values: Mapping[str, Any], run: Run) -> dict[Name, Use]:
    """Return what the densities of a guide's latents need; ``values`` are those of the sites that it draws.

    Elements that the guide draws jointly come one after another: each needs those before it.
    Raises `ProgramError` for data that are not among the arguments.
    """
    values = dict(sorted(values.items()))  # as JAX flattens a mapping
    watched = [name for name in model.sites if name in model.structure.observed_sites]
    traced, arrays = _trace(model, guide, values, watched, run)
    table = SetTable()
    units = [unit for name in values for unit in list_units(model, name)]
    n_numbers = sum(array.size for array in arrays)
    # One set for each number of the arguments, one for each latent that others see, and one that nobody needs.
    numbers = table.singletons(range(n_numbers + len(units) + 1))
    arguments, latents, itself = np.split(numbers, [n_numbers, n_numbers + len(units)])
    inputs = [
        *_lay_out(arguments, [array.shape for array in arrays]),
        *_mark_latents(table, model, latents, values),
        *(np.full(np.shape(value), itself[0]) for value in values.values()),
    ]
    results = follow(traced, inputs, table)
    data = _read_data(table, model, watched, results)
    found = {}
    for name, result in zip(values, results[len(watched) :], strict=True):
        for unit, mates, before, needed in _list_needs(table, list_units(model, name), result):
            others = {units[k - n_numbers] for k in needed if n_numbers <= k < n_numbers + len(units)}
            others = (others - mates) | before
            sources = tuple(source for source, own in data.items() if own & needed)
            found[unit] = Use(tuple(other for other in units if other in others), sources)
    return found


def list_units(model: NumpyroModel, site: str) -> list[Name]:
    """Return the variables of a site in the order of its elements."""
    return [model.net.names[unit] for unit in model.structure.variables[site].ravel().tolist()]


def _trace(
    model: NumpyroModel, guide: Program, values: Mapping[str, Any], watched: Sequence[str], run: Run
) -> tuple[ClosedJaxpr, list[Any]]:
    """Trace observed values and the guide's densities from arguments, latents seen and latents scored."""
    leaves, tree = jax.tree.flatten((guide.args, dict(guide.kwargs)))
    places = [i for i, leaf in enumerate(leaves) if isinstance(leaf, (np.ndarray, jax.Array, float))]

    def measure(arrays: list[Any], seen: dict[str, Any], own: dict[str, Any]) -> tuple[list[Any], list[Any]]:
        filled = list(leaves)
        for place, array in zip(places, arrays, strict=True):
            filled[place] = array
        args, kwargs = jax.tree.unflatten(tree, filled)
        forward = run(Program(model.program.function, args, kwargs), {})
        sites = run(Program(guide.function, args, kwargs), seen)
        densities = [_score(sites[name]["fn"], own[name], model.sites[name]) for name in values]
        return [forward[name]["value"] for name in watched], densities

    arrays = [jnp.asarray(leaves[i]) for i in places]
    return jax.make_jaxpr(measure)(arrays, values, values), arrays


def _score(fn: Any, value: Any, site: Site) -> Any:
    """Return the log density of each element, or of each group of elements that the guide draws jointly."""
    inner = peel(fn)
    density = inner.log_prob(value)
    if jnp.shape(value) != site.shape:
        return jnp.sum(density)
    density = jnp.broadcast_to(density, site.shape[: len(site.shape) - inner.event_dim])
    return density.sum(axis=tuple(range(len(site.element_shape), density.ndim)))


def _lay_out(numbers: Integers, shapes: Sequence[tuple[int, ...]]) -> list[Integers]:
    """Cut numbers into arrays of these shapes."""
    stops = np.cumsum([np.prod(shape, dtype=np.int64) for shape in shapes])
    return [part.reshape(shape) for part, shape in zip(np.split(numbers, stops)[:-1], shapes, strict=True)]


def _mark_latents(
    table: SetTable, model: NumpyroModel, numbers: Integers, values: Mapping[str, Any]
) -> Iterator[Integers]:
    """Give each value the sets of its variables; all of them where the guide draws another shape."""
    start = 0
    for name, value in values.items():
        own = numbers[start : start + len(list_units(model, name))]
        start += len(own)
        shape = np.shape(value)
        if shape != model.sites[name].shape:
            yield np.full(shape, table.total([own]))
        else:
            yield np.repeat(own, np.size(value) // max(1, len(own))).reshape(shape)


def _list_needs(
    table: SetTable, units: list[Name], result: Tracked
) -> Iterator[tuple[Name, set[Name], set[Name], set[int]]]:
    """Return each variable of a site with those it is drawn jointly with, those of them before it, and its needs."""
    n_groups = min(result.sets.size, len(units))
    size = len(units) // max(1, n_groups)
    for group, needed in enumerate(_members(table, result, n_groups)):
        mates = units[group * size : (group + 1) * size]
        for place, unit in enumerate(mates):
            yield unit, set(mates), set(mates[:place]), needed


def _read_data(
    table: SetTable, model: NumpyroModel, watched: Sequence[str], results: Sequence[Tracked]
) -> dict[Name, set[int]]:
    """Return for each observed variable the numbers of the arguments that are its data."""
    data: dict[Name, set[int]] = {}
    for name, result in zip(watched, results, strict=False):
        units = list_units(model, name)
        found = _members(table, result, len(units))
        if not all(found):
            raise ProgramError(
                "{names} {have} data that are not among the arguments, so that their use by the guide cannot be seen",
                [name],
                remedy="Pass them as floats or arrays, to the program and to the guide.",
            )
        data.update(zip(units, found, strict=True))
    return data


def _members(table: SetTable, result: Tracked, count: int) -> list[set[int]]:
    """Return the inputs that each of ``count`` parts of a result needs."""
    return [set(found) for found in table.members(table.reduce(result.sets.reshape(count, -1), [1]))]
