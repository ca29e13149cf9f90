"""What no latent may decide: the values of observed sites, and what is masked."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from typing import Any

import numpy as np
from numpy.typing import NDArray

from retrodict.errors import DataError, ProgramError, quote
from retrodict.read.jaxpr.sets import SetTable
from retrodict.read.jaxpr.values import Tracked
from retrodict.read.jaxpr.walk import follow
from retrodict.read.numpyro.assign import run
from retrodict.read.numpyro.elements import trace_program
from retrodict.read.numpyro.program_structure import ProgramStructure
from retrodict.read.numpyro.refusals import BY_DENSITY, list_masks, refuse_mask
from retrodict.read.numpyro.sites import Program, Site

Data = dict[str, NDArray[Any]]


class ComputedDataError(ProgramError):
    """The data of a site are computed from what the program draws."""


def read_data(program: Program, sites: Sequence[Site]) -> Data:
    """Return the data that the program gives to its sites.

    A value of ``obs=`` that is computed from a latent is no data: new data would not reach it, and the density of the
    site constrains the latent. It is followed to what it needs, as parents are. So are masks that JAX computes.

    Raises `ProgramError` for a value that depends on a latent, and for a mask that does or that hides anything.
    """
    by_name = {site.name: site for site in sites}
    observed: list[str] = []
    hidden: list[str] = []

    def look(values: list[Any]) -> tuple[list[Any], list[Any]]:
        trace = run(program, by_name, dict(zip(by_name, values, strict=True)), keep_data=True)
        seen = {name: site["value"] for name, site in trace.items() if site["is_observed"]}
        masks = [(name, mask) for name, site in trace.items() for mask in list_masks(site["fn"])]
        observed.extend(seen)
        hidden.extend(name for name, _ in masks)
        return list(seen.values()), [mask for _, mask in masks]

    traced = trace_program(program, sites, look, [np.zeros(site.shape, site.dtype) for site in sites])
    table = SetTable()
    inputs = [np.full(site.shape, i) for site, i in zip(sites, table.singletons(range(len(sites))), strict=True)]
    results = follow(traced, inputs, table)
    for name, result in zip(observed, results, strict=False):
        if not result.known.all():
            _refuse_value(name, _list_sources(table, sites, result))
    _require_open_masks(zip(hidden, results[len(observed) :], strict=True), observed)
    return {name: result.value for name, result in zip(observed, results, strict=False)}


def _require_open_masks(masks: Iterable[tuple[str, Tracked]], observed: Sequence[str]) -> None:
    """Raise for a mask that hides anything.

    Where ``obs_mask=`` hides nothing, NumPyro hides all of a second site, ``..._unobserved``, of which nothing is used:
    that is a latent without children.
    """
    closed = {name: mask for name, mask in masks if not (mask.known.all() and mask.value.all())}
    for name, mask in closed.items():
        sibling = name.removesuffix("_unobserved") + "_observed"
        is_unused = name.endswith("_unobserved") and sibling in observed and sibling not in closed
        if not (is_unused and mask.known.all() and not mask.value.any()):
            refuse_mask(name)


def require_finite(data: Data, structure: ProgramStructure) -> None:
    """Raise `DataError` for data of observed variables that are NaN or infinite, naming the elements."""
    wrong = []
    for name in sorted(structure.observed_sites & set(data)):
        site, units = structure.sites[name], structure.variables[name]
        shape = site.element_shape if structure.elementwise else ()
        seen = structure.net.is_observed[units].reshape((*shape, *[1] * (len(site.shape) - len(shape))))
        missing = ~np.isfinite(data[name]) & np.broadcast_to(seen, site.shape)
        wrong += [f"{name}[{','.join(map(str, place))}]" if place else name for place in np.argwhere(missing).tolist()]
    if wrong:
        raise DataError(
            "the data of a program must be finite, and are NaN or infinite at {names}",
            wrong,
            remedy="Leave these entries out, or write one site for what is seen and one for what is missing. With "
            "elementwise=True, observed=[...] can name the elements that are seen.",
        )


def _list_sources(table: SetTable, sites: Sequence[Site], result: Tracked) -> list[str]:
    """Return the names of the sites whose values a result needs."""
    needed = np.array(table.total([result.sets]))
    return [sites[i].name for i in table.members(needed)[0]]


def _refuse_value(name: str, sources: Sequence[str]) -> None:
    shown = f" ({quote(sources)})" if sources else ""
    raise ComputedDataError(
        f"obs= is computed from what the program draws{shown}, so that it is not data, at {{names}}",
        [name],
        remedy="Let obs= be what was measured, and make what latents do to it a part of the distribution: "
        "obs=y - mu is sample('y', dist.Normal(mu, sigma), obs=y); see dist.TransformedDistribution for others. "
        "Where latents fill in missing data (y.at[idx].set(z)), write one site for what is seen and one for what "
        "is missing, and join their values behind them." + BY_DENSITY,
    )
