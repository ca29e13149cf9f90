"""From what is known of the sites to a `BayesNet` that describes its variables."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, replace
from functools import cached_property

import numpy as np

from retrodict.errors import CycleError, GraphError, ProgramError
from retrodict.graph.bayesnet import BayesNet, Variable
from retrodict.graph.names import Name, require_list, unknown
from retrodict.graph.rows import Integers
from retrodict.plan.supports import DISCRETE
from retrodict.read.numpyro.elements import Bounds, find_dependence, name_elements
from retrodict.read.numpyro.relations import relate_sites
from retrodict.read.numpyro.sites import Program, Site


@dataclass(frozen=True)
class ProgramStructure:
    """The net of a program and where the variables are in its sites: one variable a site, or one an element."""

    net: BayesNet
    sites: Mapping[str, Site]
    elementwise: bool

    @cached_property
    def variables(self) -> dict[str, Integers]:
        """Numbers of the variables of each site, in the shape of its elements (one element if read as a whole)."""
        return {
            name: np.array([self.net.index(unit) for unit in name_units(site, self.elementwise)], dtype=np.int64)
            for name, site in self.sites.items()
        }

    @property
    def observed_sites(self) -> set[str]:
        """Names of the sites that are observed, wholly or in some elements."""
        seen = self.net.is_observed
        return {name for name, units in self.variables.items() if seen[units].any()}

    @cached_property
    def columns(self) -> dict[str, Integers]:
        """Columns of each site's numbers in the layout of all variables, in the shape of its value."""
        sizes = np.array([self.net.variable(name).size for name in self.net.names], dtype=np.int64)
        first = np.cumsum(sizes) - sizes
        placed = {}
        for name, site in self.sites.items():
            units = self.variables[name]
            within = np.arange(int(np.prod(site.shape, dtype=np.int64)) // max(1, len(units)))
            placed[name] = (first[units][:, None] + within).reshape(site.shape)
        return placed

    def observing(self, names: Iterable[Name]) -> ProgramStructure:
        """Return the same structure with other observed variables; a site stands for all of its elements."""
        sites = list(self.sites.values())
        seen = _choose_observed(sites, [name_units(site, self.elementwise) for site in sites], names)
        return replace(self, net=self.net.observing(seen))


def name_units(site: Site, elementwise: bool) -> list[str]:
    """Return the names of the variables that stand for a site."""
    return name_elements(site) if elementwise else [site.name]


def read_structure(
    program: Program,
    sites: Sequence[Site],
    observed: Iterable[Name] | None,
    elementwise: bool,
    *,
    related: bool = True,
) -> ProgramStructure:
    """Read the structure of a program from its sites, compared with NumPyro's relations if these are known.

    Raises `ProgramError` when nothing is observed, and when the elements of a site cannot be told apart.
    """
    units = [name_units(site, elementwise) for site in sites]
    names = [name for listed in units for name in listed]
    seen = _choose_observed(sites, units, observed)
    dependence = find_dependence(program, sites, elementwise=elementwise)
    relations = relate_sites(program, sites) if related and not elementwise else None
    parents = [[names[i] for i in sorted(found)] for found in dependence.parents]
    if relations is not None:
        _require_agreement(relations, dict(zip(names, parents, strict=True)))
        parents = [relations[name] for name in names]
    variables = [
        _describe(name, site, dependence.bounds[i], [names[k] for k in sorted(dependence.bounded_by[i])], elementwise)
        for i, (name, site) in enumerate((n, site) for site, listed in zip(sites, units, strict=True) for n in listed)
    ]
    try:
        net = BayesNet(zip(names, parents, strict=True), seen, variables=variables)
    except CycleError as error:
        raise ProgramError(
            "{names} depend on each other through an operation whose parts cannot be told apart",
            error.cycle[:-1],
            remedy="Read the program without elementwise=True, or write this part with other operations of JAX.",
        ) from error
    return ProgramStructure(net, {site.name: site for site in sites}, elementwise)


def _choose_observed(
    sites: Sequence[Site], units: Sequence[Sequence[str]], observed: Iterable[Name] | None
) -> list[Name]:
    """Return the names of the observed variables; a site stands for all of its elements."""
    by_site: dict[Name, Sequence[str]] = {site.name: listed for site, listed in zip(sites, units, strict=True)}
    if observed is None:
        chosen: list[Name] = [name for site in sites if site.is_observed for name in by_site[site.name]]
    else:
        chosen = []
        single = {name for listed in units for name in listed}
        for name in require_list(observed, "observed="):
            if name not in by_site and name not in single:
                raise unknown([name], [*by_site, *sorted(single - set(by_site))], "named in observed=")
            chosen += by_site.get(name, [name])
    if not chosen:
        raise ProgramError(
            "the program observes none of its sites, {names}",
            by_site,
            remedy="Give data with obs=, or name sites in observed=[...].",
        )
    return chosen


def _describe(name: str, site: Site, bounds: Bounds, bounded_by: Sequence[str], elementwise: bool) -> Variable:
    shape = site.event_shape if elementwise else site.shape
    discrete = site.support in DISCRETE
    return Variable(
        name,
        size=int(np.prod(shape, dtype=np.int64)),
        support=site.support,
        plates=site.plates,
        shape=shape,
        categories=int(bounds[1] - bounds[0]) + 1 if discrete and bounds is not None else None,
        bounds=bounds,
        bounded_by=tuple(bounded_by),
    )


def _require_agreement(related: Mapping[str, Sequence[str]], followed: Mapping[str, Sequence[str]]) -> None:
    """Raise when NumPyro's relations lack an edge that following the program found: never a wrong graph in silence."""
    for name, parents in followed.items():
        missing = [parent for parent in parents if parent not in related[name]]
        if missing:
            raise ProgramError(
                f"NumPyro's relations of {name!r} lack {{names}}, which its density needs",
                missing,
                remedy="Read the program with elementwise=True.",
            )
    if not related:
        raise GraphError("the program has no sites")
