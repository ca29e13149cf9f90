"""Read a NumPyro program as a template: read it element by element, name axes, fit relations, compare."""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import replace
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from retrodict.errors import ProgramError
from retrodict.lift.templates.template import Template
from retrodict.lift.templates.template_checks import NAME
from retrodict.lift.templates.template_relations import Relation, Repeated
from retrodict.models.template_model import ArgumentPlace, TemplateModel
from retrodict.read.jaxpr.internals import ClosedJaxpr
from retrodict.read.numpyro.numpyro_model import NumpyroModel
from retrodict.read.numpyro.sites import Site
from retrodict.read.templates.axis_names import UnsharedError, name_axes
from retrodict.read.templates.covariates import (
    Lifted,
    Spread,
    find_arguments,
    find_covariates,
    list_constants,
    relate_covariate,
    spread_covariate,
)
from retrodict.read.templates.cover import require_cover
from retrodict.read.templates.element_links import Links, Places
from retrodict.read.templates.foreign_keys import find_keys, place_by_products, write_products
from retrodict.read.templates.known_arrays import Needs, find_needs
from retrodict.read.templates.relation_fitting import Pairs, fit_relations
from retrodict.read.templates.shared_axes import join_along_arrays
from retrodict.read.templates.short_axes import Axis, SiteParts
from retrodict.read.templates.staging import trace_staged
from retrodict.read.templates.telling_apart import Mover, find_ties

# Own and every look alike at size 1, lags and all earlier times at size 2.
LEAST = 3


def read_template(model: NumpyroModel, called: Mapping[str, str]) -> TemplateModel:
    """Return a program that was read element by element as a template with that model at its sizes.

    ``called`` gives sites that are called otherwise in the template.

    Raises `ProgramError` for what follows no relation of templates, naming the dim, and for sizes below three.
    """
    renamed = _rename(list(model.sites.values()), called)
    program = trace_staged(model.program, list(model.sites.values()))
    parts, fitted = _settle(ProgramRead(model, program, renamed, find_needs(program, renamed)))
    return TemplateModel(
        fitted.template,
        model,
        fitted.sizes,
        _name_instances(model, parts, fitted.placed, fitted.sizes),
        {name: own.values for name, own in fitted.spread.items()},
        {part.site.name: list(model.sites)[part.whole] for part in parts.parts},
        fitted.arguments,
    )


class ProgramRead(NamedTuple):
    """A program read element by element, its densities traced, its sites renamed, and what each element needs."""

    model: NumpyroModel
    program: ClosedJaxpr
    sites: list[Site]
    needs: Needs


def _settle(reading: ProgramRead, told_apart: frozenset[Axis] = frozenset()) -> tuple[SiteParts, Fitted]:
    """Fit a template; write out short axes that cannot be shared, and try again."""
    parts = SiteParts.of(reading.sites, told_apart)
    needs = parts.split(reading.needs)
    ties: list[tuple[str, str]] = []
    while True:  # each tie makes one dim of two
        lifted = _lift(parts.sites, needs, ties)
        try:
            fitted = _fit(reading.model, parts, needs, lifted)
            mover = Mover(parts, lifted, [*needs.arrays, *needs.lookups])
            found = find_ties(reading.model, reading.program, mover, fitted.relations)
        except UnsharedError as error:
            return _write_out(reading, told_apart, parts.list_axes(error.dims, lifted.names), error)
        if not found:
            return parts, fitted
        ties += found


def _write_out(
    reading: ProgramRead, told_apart: frozenset[Axis], more: set[Axis], error: UnsharedError
) -> tuple[SiteParts, Fitted]:
    """Fit a template with more axes written out; where that does not help, raise the first error."""
    observed = _list_observed(reading.model)
    names = list(reading.model.sites)
    if not more or any(names[place] in observed for place, _ in more):  # data are not taken apart
        raise error
    try:
        return _settle(reading, told_apart | more)
    except ProgramError:
        raise error from None


class Fitted(NamedTuple):
    """A template with its sizes, where the elements of sites stand, and the numbers of covariates."""

    template: Template
    sizes: dict[str, int]
    placed: dict[str, Places]
    spread: dict[str, Spread]
    relations: list[Relation]
    arguments: dict[str, ArgumentPlace]


def _fit(model: NumpyroModel, parts: SiteParts, needs: Needs, lifted: Lifted) -> Fitted:
    """Fit a template to what the elements of sites need, and compare it with that."""
    time, lengths = lifted.names.time, lifted.lengths
    _require_sizes(lengths)
    products, sizes = write_products(lifted.keys, lengths)
    placed = {name: place_by_products(own, products, name) for name, own in lifted.placed.items()}
    sizes = {dim: sizes[dim] for own in placed.values() for dim in own.dims}
    relations = _fit_all(needs.links, placed, sizes, time)
    _require_length(relations, sizes, time)
    reach = max([1, *(relation.lag for relation in relations)])
    known = find_covariates(model.program, needs.arrays, lifted, reach)
    spread = {each.name: spread_covariate(each, products, sizes) for each in known}
    observed = _list_observed(model)
    template = Template(
        [*_repeat(spread), *_repeat(placed)],
        [*spread, *(part.site.name for part in parts.parts if list(model.sites)[part.whole] in observed)],
        relations=[*relations, *(row for each in known for row in relate_covariate(each, spread, placed, products))],
        time=time if time in sizes else None,
        constants=list_constants(known),
    )
    require_cover(template, sizes, placed, needs.links)
    arguments = find_arguments(model.program, known, products, sizes)
    return Fitted(template, sizes, placed, spread, relations, arguments)


def _repeat(named: Mapping[str, Places] | Mapping[str, Spread]) -> list[Repeated]:
    return [Repeated(name, own.dims) for name, own in named.items()]


def _lift(sites: Sequence[Site], needs: Needs, ties: Iterable[tuple[str, str]]) -> Lifted:
    """Name the axes of all sites, one name for those that are tied, and find the foreign keys between them."""
    placed, names = name_axes(sites, needs.links)
    join_along_arrays(needs.arrays, needs.links, placed, names)
    for first, other in ties:
        names.join(names.find(other), names.find(first))
    placed = {name: own.renamed(names.find) for name, own in placed.items()}
    return Lifted(placed, needs.links, names, find_keys(needs.links, placed, names.lengths, names.time))


def _rename(sites: Sequence[Site], called: Mapping[str, str]) -> list[Site]:
    """Return sites with names that a template can have, for themselves and for their axes."""
    given = {site.name: called.get(site.name, site.name) for site in sites}
    own = write_names(given.values())
    axes = write_names([axis for site in sites for axis in site.axes if axis is not None])
    return [
        replace(
            site,
            name=own[given[site.name]],
            axes=tuple(None if axis is None else axes[axis] for axis in site.axes),
        )
        for site in sites
    ]


def write_names(names: Iterable[str]) -> dict[str, str]:
    """Return a name in the letters of templates for each of these, all of them different.

    >>> write_names(["mu", "a b", "a_b", "y[0]"])
    {'mu': 'mu', 'a b': 'a_b_', 'a_b': 'a_b', 'y[0]': 'y_0_'}
    """
    given = list(dict.fromkeys(names))
    written = {name: name for name in given if NAME.fullmatch(name)}
    for name in given:
        if name not in written:
            clean = re.sub(r"[\s\[\],;|@:<>=*]", "_", name) or "_"
            while clean in written.values():
                clean += "_"
            written[name] = clean
    return {name: written[name] for name in given}


def _require_sizes(lengths: Mapping[str, int]) -> None:
    small = [dim for dim, length in lengths.items() if length < LEAST]
    if small:
        raise ProgramError(
            f"a template is read at sizes of at least {LEAST}, where relations differ, and {{names}} {{have}} fewer",
            small,
            remedy="Call the program with larger arrays; what is always as small belongs into sites of its own.",
        )


def _fit_all(links: Links, placed: Mapping[str, Places], sizes: Mapping[str, int], time: str) -> list[Relation]:
    return [
        relation
        for (child, parent), (of, to) in links.items()
        for relation in fit_relations(child, parent, Pairs.of(placed[child], placed[parent], of, to, sizes, time))
    ]


def _require_length(relations: list[Relation], sizes: Mapping[str, int], time: str) -> None:
    """Raise where a series is too short to tell lags from sums over all earlier times, and for such sums."""
    longest = max((relation.lag for relation in relations), default=0)
    pairs = Counter((relation.child, relation.parent) for relation in relations if relation.lag)
    for pair, count in pairs.items():
        if count == sizes[time] - 1 > LEAST:
            raise ProgramError(
                f"{{names}} {{are}} related along {time!r} at all earlier times, which no template says",
                dict.fromkeys(pair),
                remedy="Draw what is carried along at a site of its own, which depends on the time before.",
            )
    if longest and sizes[time] <= 2 * longest:
        raise ProgramError(
            f"a series of {sizes[time]} steps does not tell a lag of {longest} from sums over all earlier times",
            sorted({relation.child for relation in relations if relation.lag == longest}),
            remedy=f"Read the program at {2 * longest + 1} steps or more.",
        )


def _list_observed(model: NumpyroModel) -> set[str]:
    """Return the observed sites; raise `ProgramError` for a site that is observed in part."""
    seen = model.net.is_observed
    partly = [name for name, units in model.structure.variables.items() if seen[units].any() and not seen[units].all()]
    if partly:
        raise ProgramError(
            "{names} {are} observed in some elements only, which no template says",
            partly,
            remedy="Observe whole sites; any of their instances may be missing later on.",
        )
    return model.structure.observed_sites


def _name_instances(
    model: NumpyroModel, parts: SiteParts, placed: Mapping[str, Places], sizes: Mapping[str, int]
) -> dict[str, NDArray[np.object_]]:
    """Return for each site the names of its elements over the dims of the template, None where there is none."""
    found = {}
    variables = list(model.structure.variables.values())
    for part in parts.parts:
        name, own = part.site.name, placed[part.site.name]
        shape = tuple(sizes[dim] for dim in own.dims)
        names = np.full((*shape, 1), None, dtype=object)
        units = variables[part.whole].ravel()[part.elements]
        elements = np.array([model.net.names[unit] for unit in units.tolist()], dtype=object)
        names[(*own.places.T, np.zeros(len(elements), dtype=np.int64))] = elements
        found[name] = names[..., 0] if shape else names.reshape(())
    return found
