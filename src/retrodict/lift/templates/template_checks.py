"""What can be wrong with a template or with sizes, said before anything is grounded."""

from __future__ import annotations

import re
from collections.abc import Collection, Iterable, Mapping
from typing import Protocol

import numpy as np

from retrodict.errors import CycleError, GraphError, OptionError, quote
from retrodict.graph.names import require_distinct, unknown
from retrodict.lift.templates.template_relations import Relation, Repeated, write_instance

# Letters that the text form needs for itself.
NAME = re.compile(r"[^\s\[\],;|@:<>=*]+")


class Described(Protocol):
    """What is checked of a template."""

    @property
    def variables(self) -> tuple[Repeated, ...]:
        """The variables."""
        ...

    @property
    def relations(self) -> tuple[Relation, ...]:
        """The relations between them."""
        ...

    @property
    def observed(self) -> tuple[str, ...]:
        """What is data."""
        ...

    @property
    def may_be_missing(self) -> tuple[str, ...]:
        """What of it may be missing."""
        ...

    @property
    def constants(self) -> tuple[str, ...]:
        """What of it belongs to the model."""
        ...

    @property
    def time(self) -> str | None:
        """The dim that is ordered."""
        ...

    @property
    def latents(self) -> tuple[str, ...]:
        """What is to be inferred."""
        ...


def require_template(template: Described) -> None:
    """Raise `GraphError`, or one of its subclasses, for what no sizes could make a model of."""
    by_name = {variable.name: variable for variable in template.variables}
    _require_variables(template.variables)
    for relation in template.relations:
        _require_known([relation.child, relation.parent], by_name, f"named in a relation of {relation.child!r}")
        _require_bound(relation, by_name[relation.child].dims, by_name[relation.parent].dims, template.time)
    _require_known(template.observed, by_name, "named in observed=")
    require_distinct(template.observed, "the observed variables")
    _require_acyclic(list(by_name), template.relations, template.time)
    _require_evidence(template)


def _require_variables(variables: Collection[Repeated]) -> None:
    if not variables:
        raise GraphError("the template has no variables", remedy='Write some, as in "mu; theta[j] | mu".')
    require_distinct([variable.name for variable in variables], "the variables of the template")
    for variable in variables:
        wrong = [name for name in (variable.name, *variable.dims) if not NAME.fullmatch(name)]
        if wrong:
            raise GraphError(
                "{names} cannot be a name in a template", wrong, remedy="Leave out spaces and the signs []|;@,:<>=*."
            )
        twice = sorted({dim for dim in variable.dims if variable.dims.count(dim) > 1})
        if twice:
            raise GraphError(
                f"{{names}} is repeated twice along the dim {quote(twice)}",
                [variable.name],
                remedy="Give the second index a dim of its own.",
            )


def _require_known(names: Iterable[str], known: Mapping[str, object], how: str) -> None:
    strangers = [name for name in names if name not in known]
    if strangers:
        raise unknown(strangers, known, how)


def _require_bound(relation: Relation, child: Collection[str], parent: Collection[str], time: str | None) -> None:
    """Raise `GraphError` for a relation that does not say which indices of the parent are meant."""
    what = f"the relation of {write_instance(relation.child, child)} to {write_instance(relation.parent, parent)}"
    strangers = [dim for dim in (*relation.every, *relation.up_to) if dim not in parent]
    free = {*relation.every, *([time] if relation.fixed is not None else [])}
    unbound = [dim for dim in parent if dim not in free and dim not in child]
    loose = [dim for dim in relation.up_to if dim not in child]
    timed = time in child and time in parent
    faults = {
        f"{what} names the dim {quote(strangers)}, which the parent does not have": strangers,
        f"{what} does not say which index of {quote(unbound)} is meant": unbound,
        f"{what} sums up to an index of {quote(loose)}, which the child does not have": loose,
        f"{what} has the lag {relation.lag}, and a lag looks back": relation.lag < 0,
        f"{what} has a lag, and both must be repeated along time": relation.lag > 0 and not timed,
        f"{what} fixes a time, and the parent is not repeated along time": relation.fixed is not None
        and time not in parent,
        f"{what} holds at one time only, and the child is not repeated along time": relation.only is not None
        and time not in child,
        f"{what} fixes a time that is neither the first nor the last": relation.fixed not in (None, 0, -1)
        or relation.only not in (None, 0, -1),
        f"{what} relates time in two ways": (relation.lag > 0)
        + (relation.fixed is not None)
        + (time in relation.every)
        + (time in relation.up_to)
        > 1,
    }
    for problem, found in faults.items():
        if found:
            raise GraphError(problem, [], remedy="Write the same index, an index before (t-1), or [:] for every index.")


def _require_acyclic(names: list[str], relations: Collection[Relation], time: str | None) -> None:
    """Raise `CycleError` for relations that make a cycle at some size.

    Links without a lag must be acyclic on variables, and none that reads every time or a fixed one may lie on a cycle
    of links, lags included: then time and the order of variables sort every grounding.
    """
    now = [(relation.parent, relation.child) for relation in relations if not relation.lag]
    for parent, child in now:
        path = _find_path(now, child, parent)
        if path:
            raise CycleError(
                [*path, child], where="the template", remedy="Give one of these relations a lag, or drop it."
            )
    everything = [(relation.parent, relation.child) for relation in relations]
    for relation in relations:
        path = _find_path(everything, relation.child, relation.parent)
        if path and (time in relation.every or relation.fixed is not None):
            raise CycleError(
                [*path, relation.child],
                where=f"{relation.child} reads other times of {relation.parent}, so that at several steps the template",
                remedy="Relate times by a lag.",
            )


def _find_path(edges: Collection[tuple[str, str]], source: str, target: str) -> list[str]:
    """Return a path along edges, or an empty list."""
    paths, stack = {source: [source]}, [source]
    while stack:
        name = stack.pop()
        if name == target:
            return paths[name]
        for parent, child in edges:
            if parent == name and child not in paths:
                paths[child] = [*paths[name], child]
                stack.append(child)
    return []


def _require_evidence(template: Described) -> None:
    if not template.observed:
        raise GraphError("nothing in the template is observed", remedy="Name at least one variable in observed=.")
    if not template.latents:
        raise GraphError(
            "no latent of the template has an observed descendant, so that there is nothing to infer",
            remedy="Observe a variable that depends on latents.",
        )
    for option, names in {"may_be_missing": template.may_be_missing, "constants": template.constants}.items():
        strangers = [name for name in names if name not in template.observed]
        if strangers:
            raise GraphError(
                f"{{names}} {{are}} named in {option}=, but not observed",
                strangers,
                remedy="Name it in observed=, too.",
            )


def find_time(variables: Iterable[Repeated], relations: Iterable[Relation]) -> str | None:
    """Return the dim along which relations have lags, where that can only be one.

    Raises `GraphError` where several could be meant.
    """
    dims = {variable.name: variable.dims for variable in variables}
    pairs = [(relation.child, relation.parent) for relation in relations if relation.lag]
    sets = [set(dims.get(child, ())) & set(dims.get(parent, ())) for child, parent in pairs]
    common = set.intersection(*sets) if sets else set()
    if len(common) > 1:
        raise GraphError(
            f"the lags of the template may run along any of {quote(sorted(common))}", remedy="Say which with time=."
        )
    return next(iter(common), None)


def require_sizes(dims: Collection[str], sizes: Mapping[str, int]) -> None:
    """Raise `OptionError` unless each dim has a size, a whole number of at least 1, and nothing else has."""
    if not isinstance(sizes, Mapping):
        raise OptionError("sizes must be a mapping from dims to numbers", remedy='Write {"j": 8, "t": 20}.')
    absent = [dim for dim in dims if dim not in sizes]
    strangers = [dim for dim in sizes if dim not in dims]
    for what, found in {"{names} {have} no size": absent, "{names} {are} no dim of the template": strangers}.items():
        if found:
            raise OptionError(what, found, remedy=f"Give a size for each of {quote(dims) or 'no dim at all'}.")
    for dim, size in sizes.items():
        if isinstance(size, bool) or not isinstance(size, int | np.integer) or size < 1:
            raise OptionError(f"the size of {{names}} is {size!r}", [dim], remedy="Give a whole number of at least 1.")
