"""Encoders of series by name: what the posterior asks for, and what is in use instead of it."""

from __future__ import annotations

from collections.abc import Iterable

from retrodict.errors import OptionError
from retrodict.lift.lifted_inverse import LiftedInverse
from retrodict.lift.lifting import lift
from retrodict.lift.patterns.pattern import Pattern
from retrodict.lift.templates.template import Template
from retrodict.lift.written_patterns import read_patterns

ENCODERS = ("derived", "mean-field", "past", "all")


def find_patterns(template: Template, order: str | LiftedInverse) -> LiftedInverse:
    """Return the patterns of an encoder by its name.

    ``derived`` is the inverse of the template. ``mean-field`` draws each latent given all observations and no other
    latent; ``past`` has the latents of the inverse as parents, but of the observations only those up to now; ``all``
    has these latents, and all observations.

    Raises `OptionError` for a name that there is not, and for patterns of another template.

    >>> template = Template("z[t] | z[t-1]; x[t] | z[t]", observed=["x"])
    >>> for name in ENCODERS:
    ...     print(find_patterns(template, name))
    z[t] <- z[t-1] x[t..T-1]
    z[t] <- x[*]
    z[t] <- z[t-1] x[0..t]
    z[t] <- z[t-1] x[*]
    """
    if isinstance(order, LiftedInverse):
        if order.template != template:
            raise OptionError("the inverse was made for another template", remedy="Invert program.template.")
        return order
    if order in ("auto", "derived"):
        return lift(template)
    if order not in ENCODERS:
        raise OptionError(f"order={order!r} is no encoder of series", remedy=f"Choose one of {', '.join(ENCODERS)}.")
    derived = lift(template)
    heads = {name: str(template[name]) for name in template.latents}
    rows = {heads[name]: _list_latents(derived, name, order) + _list_data(template, name, order) for name in heads}
    return read_patterns(template, rows, None if order == "mean-field" else derived.schedule)


def _list_latents(derived: LiftedInverse, name: str, order: str) -> list[str]:
    template = derived.template
    latent = [] if order == "mean-field" else [p for p in derived.patterns[name] if p.name in template.latents]
    return [_write(template, pattern) for pattern in latent]


def _write(template: Template, pattern: Pattern) -> str:
    return pattern.write(template[pattern.name].dims, template.time)


def _list_data(template: Template, name: str, order: str) -> list[str]:
    time = template.time
    span = f"0..{time}" if order == "past" and template.is_timed(name) else "*"
    seen: Iterable[str] = template.observed
    return [f"{observed}[{span}]" for observed in seen]
