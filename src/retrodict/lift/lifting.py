"""One entry for templates: choose a schedule, or take the one that is given, and derive the inverse."""

from __future__ import annotations

from collections.abc import Collection, Mapping

from retrodict.errors import OptionError, OrderError
from retrodict.lift.derivation import derive
from retrodict.lift.lifted_inverse import LiftedInverse
from retrodict.lift.schedule_choice import choose_schedule, relax_derived
from retrodict.lift.schedules.loop_nest import Schedule
from retrodict.lift.templates.template import Template
from retrodict.lift.templates.template_checks import require_sizes


def lift(
    template: Template,
    order: object = "auto",
    sizes: Mapping[str, int] | None = None,
    last: Collection[str] = (),
) -> LiftedInverse:
    """Return the inverse of a template for all sizes; ``order`` is ``auto``, a schedule or its text.

    Latents that are to be drawn ``last`` come after all others, unless an order is given.

    Raises: `OrderError` for an order that is no schedule of the template, `OptionError` for wrong ``sizes``.

    >>> lift(Template("s[t] | s[t-1]; z[t] | z[t-1] s[t]; x[t] | z[t]", observed=["x"])).schedule
    (up t: (s; z))
    """
    if sizes is not None:
        _require_typical(template, sizes)
    if isinstance(order, LiftedInverse):
        return _require_same(template, order)
    if order != "auto":
        return derive(template, _read_order(order))
    plain = derive(template, choose_schedule(template, sizes, last))
    relaxed = relax_derived(plain)
    return plain if relaxed == plain.schedule else derive(template, relaxed)


def _require_typical(template: Template, sizes: Mapping[str, int]) -> None:
    """Raise `OptionError` for sizes that are none; dims may be left out."""
    require_sizes(template.dims, {**dict.fromkeys(template.dims, 1), **sizes})


def _require_same(template: Template, order: LiftedInverse) -> LiftedInverse:
    if order.template != template:
        raise OptionError("the inverse belongs to another template", remedy="Make it from this one.")
    return order


def _read_order(order: object) -> Schedule:
    if isinstance(order, Schedule):
        return order
    if isinstance(order, str) and any(sign in order for sign in "(;:"):
        return Schedule.read(order)
    if isinstance(order, str):
        raise OrderError(
            f"the order {order!r:.60} is none of a template",
            remedy="Choose 'auto', or write a schedule as in (mu; each j: (theta)).",
        )
    raise OrderError(
        f"the order of a template is a schedule, not a {type(order).__name__}",
        remedy="Write it as in (mu; each j: (theta)).",
    )
