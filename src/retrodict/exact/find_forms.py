"""Which latents of a model have closed forms that can be drawn last, given all others."""

from __future__ import annotations

from collections.abc import Callable, Sequence

from retrodict.exact.closed_form import ClosedForm
from retrodict.exact.conjugacy.conjugate import find_conjugate_sites
from retrodict.exact.finite import find_finite_latents
from retrodict.exact.linear_posterior import LinearGaussianPosterior
from retrodict.exact.program_blocks import find_gaussian_sites
from retrodict.graph.inverse import Inverse
from retrodict.graph.names import Name
from retrodict.invert.baselines import BASELINES
from retrodict.invert.wide import invert_wide
from retrodict.models.black_box import BlackBox
from retrodict.models.gaussian import LinearGaussian
from retrodict.models.model import Model
from retrodict.plan.moving import list_ends
from retrodict.read.numpyro.numpyro_model import NumpyroModel

Forms = tuple[ClosedForm, ...]


def find_closed_forms(model: Model, inverse: Inverse) -> Forms:
    r"""Return the closed forms of a model: exact conditionals of latents given all others.

    Latents of two forms share no density, so that each form is exact whichever is drawn first, and given the rest r,
    :math:`p(z_1, z_2, \ldots \mid r, x) = \prod_k p(z_k \mid r, x)`. What a form draws is thereby integrated out of
    what is left. Finite latents come first: without them the others are smooth.

    Arguments:
        model: a generative model.
        inverse: any inverse of it; barren latents count nowhere.

    Returns: the forms. A linear-Gaussian network has one, along the inverse.

    >>> from retrodict import invert, zoo
    >>> model = zoo.binary_tree(3)
    >>> [form.kind for form in find_closed_forms(model, invert(model))]
    ['linear Gaussian']
    """
    if inverse.is_generative.all():
        return ()
    if isinstance(model, LinearGaussian):
        return (LinearGaussianPosterior(model, inverse),)
    barren = inverse.generative
    ends = list_ends(model.net)  # they have to be known before the latents whose supports end there
    finite = find_finite_latents(model, barren, ends)
    found: list[ClosedForm] = [finite] if finite else []
    if isinstance(model, NumpyroModel):
        for find in (find_gaussian_sites, find_conjugate_sites):
            form = find(model, barren, list_drawn(found), ends)
            found += [form] if form else []
    return tuple(found)


def plan_closed_forms(
    model: Model, order: str | Sequence[Name] | Inverse = "auto", minimize: str | Callable[[Inverse], float] = "edges"
) -> tuple[Inverse, Forms]:
    """Return the inverse that an order asks for, and the closed forms of the latents that it draws last.

    An order by name begins with the elimination of what has a closed form. An order or an inverse that is given stays
    as it is: only forms of what it happens to draw last are kept.

    >>> from retrodict import zoo
    >>> inverse, forms = plan_closed_forms(zoo.binary_tree(depth=3))
    >>> [form.kind for form in forms]
    ['linear Gaussian']
    """
    inverse = invert_wide(model, order, minimize)
    forms = find_closed_forms(model, inverse)
    chosen = set(list_drawn(forms))
    if chosen and list_others(inverse, forms) and isinstance(order, str) and order not in BASELINES:
        first = [name for name in inverse.elimination_order if name in chosen]
        inverse = invert_wide(model, order, minimize, first=first)
    return inverse, keep_last(forms, inverse)


def list_drawn(forms: Sequence[ClosedForm]) -> tuple[Name, ...]:
    """Return the latents that forms draw."""
    return tuple(name for form in forms for name in form.variables)


def keep_last(forms: Forms, inverse: Inverse) -> Forms:
    """Return those forms whose latents an inverse draws after all others: only then can they be left to the forms.

    None of an inverse that is not the result of an elimination: it need not be faithful.
    """
    if inverse.forest is None:
        return ()
    barren = set(inverse.generative)
    drawn_last = [name for name in inverse.elimination_order if name not in barren]
    place = {name: number for number, name in enumerate(drawn_last)}
    kept = list(forms)
    while kept and max(place[name] for name in list_drawn(kept)) >= len(list_drawn(kept)):
        kept.remove(max(kept, key=lambda form: max(place[name] for name in form.variables)))
    return tuple(kept)


def list_others(inverse: Inverse, forms: Forms) -> tuple[Name, ...]:
    """Return the latents that are neither barren nor drawn by forms, in topological order."""
    known = {*inverse.generative, *list_drawn(forms)}
    return tuple(name for name in inverse.net.latents if name not in known)


def choose_drawn(model: Model, inverse: Inverse, forms: Forms) -> tuple[Name, ...] | None:
    """Return the latents that an encoder draws, None for all but the barren ones.

    Of a black box it draws these, too: nothing else can.
    """
    if isinstance(model, BlackBox):
        return model.net.latents
    return list_others(inverse, forms) if forms else None
