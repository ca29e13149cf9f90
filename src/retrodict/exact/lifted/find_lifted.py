"""Which latents of a template have closed forms at every size, given all others."""

from __future__ import annotations

from collections.abc import Collection, Iterable, Mapping
from math import prod

from retrodict.exact.finite import MOST_ASSIGNMENTS, MOST_STATES
from retrodict.exact.lifted.block_levels import list_families, plan_levels
from retrodict.exact.lifted.element_densities import ElementDensities
from retrodict.exact.lifted.finite_form import FiniteForm
from retrodict.exact.lifted.gaussian_form import GaussianForm
from retrodict.exact.lifted.lifted_form import LiftedForm
from retrodict.exact.program_blocks import find_gaussian_sites
from retrodict.graph.bayesnet import Variable
from retrodict.graph.names import Name
from retrodict.lift.templates.template import Template
from retrodict.models.gaussian.linear_gaussian import LinearGaussian
from retrodict.models.template_model import TemplateModel
from retrodict.plan.moving import list_ends
from retrodict.read.numpyro.numpyro_model import NumpyroModel

LiftedForms = tuple[LiftedForm, ...]


def is_tileable(template: Template) -> bool:
    """Return whether families at any sizes are families of copies of the model: nothing reads a whole plate or an end.

    >>> is_tileable(Template("theta[j]; x | theta[:]", observed=["x"]))
    False
    """
    return not any(r.every or r.up_to or r.fixed is not None or r.only == -1 for r in template.relations)


def find_lifted_forms(source: TemplateModel) -> LiftedForms:
    """Return the closed forms of a template: exact conditionals of some of its latents given all others.

    Latents of two forms share no density, so each is exact whichever is drawn first. Finite latents come first.

    >>> from retrodict import zoo
    >>> import numpy as np
    >>> names = {"x0": np.array("x0", object), "x": np.array(["x1", "x2"], object)}
    >>> source = TemplateModel(Template("x0; x[j] | x0", observed=["x"]), zoo.binary_tree(depth=2), {"j": 2}, names)
    >>> [(form.kind, form.names) for form in find_lifted_forms(source)]
    [('Gaussian', ('x0',))]
    """
    densities = ElementDensities(source)
    if not is_tileable(source.template) or source.template.may_be_missing or not densities.is_computable:
        return ()
    finite = _find_finite(densities)
    found: list[LiftedForm] = [finite] if finite else []
    gaussian = _find_gaussian(densities, finite.names if finite else ())
    return (*found, gaussian) if gaussian else tuple(found)


def _find_finite(densities: ElementDensities) -> FiniteForm | None:
    source = densities.source
    kinds = {name: _list_kinds(source, name) for name in source.template.latents}
    chosen = [name for name, own in kinds.items() if all(map(_is_finite, own))]
    ends = _list_roles(source, list_ends(source.model.net), some=True)
    chosen = [name for name in chosen if name not in ends]
    if not chosen:
        return None
    states = {name: max(int(kind.categories or 0) for kind in kinds[name]) for name in chosen}
    lowest = {name: int((kinds[name][0].bounds or (0.0, 0.0))[0]) for name in chosen}
    form = FiniteForm(densities, list_families(source.template, chosen), states, lowest)
    fits = prod(states[name] for name, _ in form.colors) <= MOST_ASSIGNMENTS and form.plan.levels
    return form if fits and _is_small(form) else None


def _is_small(form: FiniteForm) -> bool:
    """Return whether no table of a cell has too many entries."""
    sizes = [
        prod(form.states[n] for n in level.names) ** (1 + level.span) * prod(form.states[m.name] for m in level.outer)
        for level in form.plan.levels
    ]
    return max(sizes) <= MOST_ASSIGNMENTS


def _list_kinds(source: TemplateModel, name: str) -> list[Variable]:
    net = source.model.net
    return [net.variable(unit) for unit in source.names[name].ravel() if unit is not None]


def _is_finite(kind: Variable) -> bool:
    return kind.size == 1 and kind.support != "multinomial" and 0 < int(kind.categories or 0) <= MOST_STATES


def _find_gaussian(densities: ElementDensities, taken: Collection[str]) -> GaussianForm | None:
    source = densities.source
    if isinstance(source.model, LinearGaussian):
        chosen = list(source.template.latents)
    elif isinstance(source.model, NumpyroModel):
        barren, drawn = _list_units(source, source.template.barren), _list_units(source, taken)
        block = find_gaussian_sites(source.model, barren, drawn, list_ends(source.model.net))
        chosen = [name for name in _list_roles(source, block.variables if block else ()) if name not in taken]
    else:
        return None
    families = list_families(source.template, chosen)
    if not chosen or plan_levels(source.template, families, source.sizes) is None:
        return None
    return GaussianForm(densities, families)


def _list_units(source: TemplateModel, names: Iterable[str]) -> list[Name]:
    return [unit for name in names for unit in source.names[name].ravel() if unit is not None]


def _list_roles(source: TemplateModel, units: Collection[Name], *, some: bool = False) -> list[str]:
    """Return the latents of the template of which all instances are among these variables, or ``some``."""
    inside = set(units)
    judge = any if some else all
    return [
        name
        for name in source.template.latents
        if judge(unit in inside for unit in source.names[name].ravel() if unit is not None)
    ]


def keep_suffix(forms: LiftedForms, drawn: tuple[str, ...], template: Template) -> LiftedForms:
    """Return those forms whose latents are drawn after all others, and depend on no other latent that depends on them.

    A form of which some latents are drawn earlier is left out.
    """
    kept = list(forms)
    while kept:
        block = {name for form in kept for name in form.names}
        others = [name for name in drawn if name not in block]
        early = {name for name in block if others and drawn.index(name) < drawn.index(others[-1])}
        early |= _find_returning(template, block)
        wrong = [form for form in kept if early & set(form.names)]
        if not wrong:
            break
        kept.remove(wrong[0])
    return tuple(kept)


def _find_returning(template: Template, block: set[str]) -> set[str]:
    """Return latents of a block that descend from others that descend from the block."""
    below = find_descendants(template, block) - block - set(template.observed)
    return find_descendants(template, below) & block


def find_descendants(template: Template, names: Collection[str]) -> set[str]:
    """Return the variables that descend from some, these left out unless they do, too."""
    found: set[str] = set()
    while more := {r.child for r in template.relations if r.parent in found | set(names)} - found:
        found |= more
    return found


def list_exact(forms: Iterable[LiftedForm]) -> tuple[str, ...]:
    """Return the latents that forms draw."""
    return tuple(name for form in forms for name in form.names)


def describe_forms(forms: LiftedForms) -> Mapping[str, list[str]]:
    """Return the latents of each kind of form."""
    return {form.kind: list(form.names) for form in forms}
