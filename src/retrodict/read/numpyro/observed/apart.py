"""Data that a program observes and uses elsewhere, too: new data would reach one place and not the other."""

from __future__ import annotations

from collections.abc import Collection, Sequence
from typing import Any

import jax
import jax.numpy as jnp
import numpy as np
from numpyro import handlers

from retrodict.errors import ProgramError
from retrodict.read.jaxpr.internals import ClosedJaxpr
from retrodict.read.jaxpr.sets import SetTable
from retrodict.read.jaxpr.walk import follow
from retrodict.read.numpyro.assign import run
from retrodict.read.numpyro.elements import log_density
from retrodict.read.numpyro.observed.given import is_numbers, open_frames
from retrodict.read.numpyro.refusals import BY_DENSITY
from retrodict.read.numpyro.sites import Program, Site

MOST_ELEMENTS = 20_000  # of an argument that are told apart; beyond, neighbors share a number


def require_data_apart(
    program: Program, sites: Sequence[Site], observed: Collection[str], summaries: Sequence[str] = ()
) -> None:
    """Raise `ProgramError` when a distribution, or a summary, needs the very numbers that ``obs=`` gives to a site.

    The site's value stands for them: a program that reads the array again (``y[t - 1]`` as a covariate, a prior
    scaled by ``y.std()``) would see the old numbers when a posterior is asked about new ones. Found among the
    numbers and arrays in the arguments; arrays that a program knows from elsewhere are constants of it.
    """
    watched = [site for site in sites if site.is_observed and site.name in observed]
    arguments = open_frames((program.args, dict(program.kwargs)))
    leaves, tree = jax.tree.flatten(arguments, is_leaf=is_numbers)
    leaves = [np.asarray(leaf) if is_numbers(leaf) else leaf for leaf in leaves]
    places = [i for i, leaf in enumerate(leaves) if isinstance(leaf, (np.ndarray, jax.Array, float))]
    if not watched or not places:
        return
    traced = _trace_from_arguments(program, sites, watched, summaries, leaves, tree, places)
    if traced is None:  # an argument that must not be traced, such as a count: one array at a time
        apart = [
            (_trace_from_arguments(program, sites, watched, summaries, leaves, tree, [place]), [place])
            for place in places
        ]
    else:
        apart = [(traced, places)]
    for function, taken in apart:
        if function is not None:
            _require_disjoint(function, [np.shape(leaves[i]) for i in taken], watched)


def _trace_from_arguments(
    program: Program,
    sites: Sequence[Site],
    watched: Sequence[Site],
    summaries: Sequence[str],
    leaves: list[Any],
    tree: Any,
    places: list[int],
) -> ClosedJaxpr | None:
    """Trace the function from arrays in the arguments to observed values, log densities and summaries, if it can be."""
    by_name = {site.name: site for site in sites}

    def measure(arrays: list[Any]) -> tuple[list[Any], list[Any]]:
        filled = list(leaves)
        for place, array in zip(places, arrays, strict=True):
            filled[place] = array
        args, kwargs = jax.tree.unflatten(tree, filled)
        here = Program(program.function, args, kwargs)
        with handlers.trace() as trace, handlers.seed(rng_seed=0):
            here()
        values = {site.name: jnp.zeros(site.shape, site.dtype) for site in sites}
        scored = run(here, by_name, values, also=summaries)
        densities = [log_density(scored[s.name]["fn"], values[s.name], s)[0] for s in sites]
        used = [*densities, *(scored[name]["value"] for name in summaries)]
        return [trace[site.name]["value"] for site in watched], used

    try:
        return jax.make_jaxpr(measure)([leaves[i] for i in places])
    except Exception:  # a program that ran with these arrays fails when they are traced: nothing to be learned
        return None


def _require_disjoint(traced: ClosedJaxpr, shapes: list[tuple[int, ...]], watched: Sequence[Site]) -> None:
    table, start, inputs = SetTable(), 0, []
    for shape in shapes:
        size = int(np.prod(shape, dtype=np.int64))
        numbers = np.arange(size) * min(size, MOST_ELEMENTS) // max(1, size)
        inputs.append(table.singletons((start + numbers).tolist()).reshape(shape))
        start += min(size, MOST_ELEMENTS)
    results = follow(traced, inputs, table)
    used = table.bits(table.total(result.sets for result in results[len(watched) :]))
    for site, result in zip(watched, results, strict=False):
        if table.bits(table.total([result.sets])) & used:
            raise ProgramError(
                "the data of {names} are used elsewhere in the program, too, where new data would not arrive",
                [site.name],
                remedy="Use the value that numpyro.sample returns, or pass what is computed from the data as an "
                "argument of its own. An autoregression, obs=y[1:] with y[:-1] in the mean, is numpyro.contrib."
                "control_flow.scan over a step that draws the next value from the one before." + BY_DENSITY,
            )
