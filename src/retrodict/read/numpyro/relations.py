"""Which sites depend on which, as NumPyro's own relations have it, with deterministic sites contracted."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from numpyro.infer.inspect import get_model_relations

from retrodict.errors import ProgramError
from retrodict.read.numpyro.sites import Program, Site

CONTRACTED = ("Deterministic", "Delta")


def relate_sites(program: Program, sites: Sequence[Site]) -> dict[str, list[str]]:
    """Return the parents of each site.

    ``get_model_relations`` is used, not ``get_dependencies``, which drops edges out of observed sites. Of a
    loop it knows nothing: sites in a ``scan`` are refused.
    """
    looped = [site.name for site in sites if site.in_scan]
    if looped:
        raise ProgramError(
            "{names} {are} in a scan, whose sites are read element by element only",
            looped,
            remedy="Write from_numpyro(..., elementwise=True), or a Python loop with names of their own.",
        )
    spheres = [site.name for site in sites if site.support == "sphere" and not site.is_observed]
    if spheres:
        raise ProgramError(
            "{names} {are} on a sphere, to which no bijection leads from real numbers",
            spheres,
            remedy=f"Read handlers.reparam(program, config={{{spheres[0]!r}: ProjectedNormalReparam()}}).",
        )
    relations = get_model_relations(program)
    return contract(relations["sample_sample"], relations["sample_dist"], [site.name for site in sites])


def contract(
    parents: Mapping[str, Sequence[str]], distributions: Mapping[str, str], names: Sequence[str]
) -> dict[str, list[str]]:
    """Return the random parents of each random site: a deterministic parent stands for its own parents.

    >>> contract({"a": [], "d": ["a"], "x": ["d"]}, {"a": "Normal", "d": "Deterministic", "x": "Normal"}, ["a", "x"])
    {'a': [], 'x': ['a']}
    """
    random: dict[str, list[str]] = {}
    for name in parents:  # in the order of the program: what a site needs is there already
        found: dict[str, None] = {}
        for parent in parents[name]:
            found.update(dict.fromkeys(random[parent] if distributions[parent] in CONTRACTED else [parent]))
        random[name] = list(found)
    return {name: random[name] for name in names}
