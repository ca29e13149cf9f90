"""Which elements of the sites depend on which, from the program itself: its densities are traced and followed."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from itertools import product
from typing import Any

import jax
import jax.numpy as jnp
import numpy as np

from retrodict.errors import ProgramError, RetrodictError
from retrodict.graph.rows import Integers
from retrodict.plan.supports import DISCRETE
from retrodict.read.jaxpr.internals import ClosedJaxpr
from retrodict.read.jaxpr.sets import SetTable
from retrodict.read.jaxpr.values import Tracked
from retrodict.read.jaxpr.walk import follow
from retrodict.read.numpyro.assign import run
from retrodict.read.numpyro.distributions.numpyro_supports import bounds_of, contains, peel, support_of
from retrodict.read.numpyro.failures import write_error
from retrodict.read.numpyro.sites import Program, Site

Bounds = tuple[float, float] | None


@dataclass(frozen=True)
class Dependence:
    """What each unit, a site or an element of one, needs: the numbers of its parents.

    Also the ends of its support, if they are constants, else the numbers of what they depend on.
    """

    parents: list[set[int]]
    bounds: list[Bounds]
    bounded_by: list[set[int]]


def name_elements(site: Site) -> list[str]:
    """Return the names of the elements of a site, in the order of its array.

    >>> name_elements(Site("z", (2, 2), 0, np.dtype("f4"), "Normal", "real", (), False, False))
    ['z[0,0]', 'z[0,1]', 'z[1,0]', 'z[1,1]']
    """
    if not site.element_shape:
        return [site.name]
    places = product(*map(range, site.element_shape))
    return [f"{site.name}[{','.join(map(str, place))}]" for place in places]


@dataclass(frozen=True)
class Traced:
    """The function from values of all sites to log densities of their elements, and to the bounds of some."""

    function: ClosedJaxpr
    bounded: tuple[str, ...]


def trace_densities(program: Program, sites: Sequence[Site]) -> Traced:
    """Trace the log densities of the elements of all sites.

    Inputs are the values that other sites see, and once more the values that the densities are of: what a site
    has to do with itself is no dependence.
    """
    by_name = {site.name: site for site in sites}
    values = [np.zeros(site.shape, site.dtype) for site in sites]
    bounded: list[str] = []

    def measure(seen: list[Any], own: list[Any]) -> tuple[list[Any], list[Any]]:
        trace = run(program, by_name, dict(zip(by_name, seen, strict=True)))
        densities = [log_density(trace[s.name]["fn"], value, s)[0] for s, value in zip(sites, own, strict=True)]
        limits = {site.name: find_limits(trace[site.name]["fn"], site) for site in sites}
        bounded.extend(name for name, pair in limits.items() if pair)
        return densities, [limits[name] for name in bounded]

    return Traced(trace_program(program, sites, measure, values, values), tuple(bounded))


def trace_program(program: Program, sites: Sequence[Site], function: Callable[..., Any], *inputs: Any) -> ClosedJaxpr:
    """Trace a function that runs a program; raise `ProgramError` where the program cannot be scored."""
    try:
        return jax.make_jaxpr(function)(*inputs)
    except RetrodictError:
        raise
    except Exception as error:
        raise ProgramError(
            f"the program {program.name!r} has densities that cannot be computed, at {{names}}: {write_error(error)}",
            [site.name for site in sites],
            remedy="Correct it until numpyro.infer.util.log_density accepts it.",
        ) from error


def log_density(fn: Any, value: Any, site: Site) -> tuple[Any, Any]:
    """Return for each element of a site the log density of its value, and whether it lies in the support."""
    inner = peel(fn)
    density, inside = inner.log_prob(value), contains(inner, value)
    return jnp.broadcast_to(density, site.element_shape), jnp.broadcast_to(inside, site.element_shape)


def find_limits(fn: Any, site: Site) -> tuple[Any, ...]:
    """Return both ends of the support for each number of a site or each group with one support, if it has ends."""
    inner = peel(fn)
    ends, support = bounds_of(inner) or (), support_of(inner)
    target = site.shape[: len(site.shape) - getattr(support, "event_dim", 0)]
    if not all(_fits(jnp.shape(end), target) for end in ends):
        return ()
    return tuple(jnp.broadcast_to(jnp.asarray(end), target) for end in ends)


def _fits(shape: tuple[int, ...], target: tuple[int, ...]) -> bool:
    """Return whether an array of a shape can be spread over a target shape."""
    aligned = target[len(target) - len(shape) :]
    return len(shape) <= len(target) and all(own in (1, other) for own, other in zip(shape, aligned, strict=True))


def find_dependence(program: Program, sites: Sequence[Site], *, elementwise: bool) -> Dependence:
    """Return on what each element of each site depends, or each site as a whole; numbered in order."""
    traced = trace_densities(program, sites)
    table = SetTable()
    counts = [site.n_elements if elementwise else 1 for site in sites]
    starts = np.cumsum([0, *counts]).tolist()
    inputs = [_mark(table, site, start, elementwise) for site, start in zip(sites, starts, strict=False)]
    own = starts[-1]  # one more input, for the values that densities are of: no parent of anything
    itself = [np.full(site.shape, table.singletons([own])[0]) for site in sites]
    results = follow(traced.function, [*inputs, *itself], table)
    parents: list[set[int]] = []
    for result, start, count in zip(results, starts, counts, strict=False):
        needed = table.reduce(result.sets.reshape(count, -1), [1])
        parents += [set(members) - {own, start + i} for i, members in enumerate(table.members(needed))]
    ends = results[len(sites) :]
    pairs = dict(zip(traced.bounded, zip(ends[::2], ends[1::2], strict=True), strict=True))
    bounds = [pair for site, n in zip(sites, counts, strict=True) for pair in _read_bounds(site, n, pairs)]
    bounded_by: list[set[int]] = []
    for site, start, count in zip(sites, starts, counts, strict=False):
        found = _list_needs(table, pairs.get(site.name, ()), count)
        bounded_by += [needed - {start + i} for i, needed in enumerate(found)]
    return Dependence(parents, bounds, bounded_by)


def _mark(table: SetTable, site: Site, start: int, elementwise: bool) -> Integers:
    """Return the sets of an input: each element its own, or the whole site one."""
    if not elementwise:
        return np.full(site.shape, table.singletons([start])[0])
    numbers = table.singletons(range(start, start + site.n_elements))
    return np.broadcast_to(numbers.reshape((*site.element_shape, *[1] * site.event_dim)), site.shape)


def _read_bounds(site: Site, count: int, pairs: Mapping[str, tuple[Tracked, Tracked]]) -> list[Bounds]:
    """Return the least and the greatest value of each of ``count`` units, where both are constants.

    Numbers between ends of their own have none in common: no bijection of the whole site would keep each inside.
    """
    low, high = pairs.get(site.name, (None, None))
    if low is None or high is None or not (low.known.all() and high.known.all()) or not site.n_elements:
        return [None] * count
    lows, highs = (np.asarray(end.value, float).reshape(count, -1) for end in (low, high))
    least, greatest = lows.min(axis=1), highs.max(axis=1)
    alike = np.isin(site.support, DISCRETE) | ((lows.max(axis=1) == least) & (highs.min(axis=1) == greatest))
    ends = zip(least.tolist(), greatest.tolist(), alike.tolist(), strict=True)
    return [(low, high) if same else None for low, high, same in ends]


def _list_needs(table: SetTable, ends: Sequence[Tracked], count: int) -> list[set[int]]:
    """Return the inputs that the ends of each of ``count`` units depend on."""
    found: list[set[int]] = [set() for _ in range(count)]
    for end in ends:
        needed = table.reduce(end.sets.reshape(count, -1), [1])
        found = [own | set(members) for own, members in zip(found, table.members(needed), strict=True)]
    return found
