"""A template: a generative model whose variables are repeated along plates and time, at no particular sizes."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from functools import cached_property
from typing import TYPE_CHECKING, Protocol, runtime_checkable

from retrodict.errors import quote
from retrodict.graph.bayesnet import BayesNet
from retrodict.graph.frozen import Portable
from retrodict.graph.names import Name, find, require_list
from retrodict.lift.templates import template_checks
from retrodict.lift.templates.template_grounding import Grounding
from retrodict.lift.templates.template_relations import Relation, Repeated
from retrodict.lift.templates.template_text import read_template, write_template

if TYPE_CHECKING:
    from retrodict.pictures import Picture


@dataclass(frozen=True, init=False, repr=False)
class Template(Portable):
    """A generative model at all sizes: variables repeated along dims, and relations between their indices.

    Written as text, each variable stands with its dims, and behind a bar with its parents::

        mu; theta[j] | mu; y[j,n] | theta[j]                    plates, the same index
        z[t] | z[t-1]; x[t] | z[t]                              time: the dim that occurs with a lag
        x | theta[:]                                            every index
        y[t] | z[..t]                                           the same index and all smaller ones
        x | z[-1]; z[t] | z[t-1] z0@0                           the last time; a parent at the first time only

    Arguments:
        source: the text, a mapping such as ``{"theta[j]": ["mu"]}``, or the variables, each a `Repeated`.
        observed: names of the variables that are data, at every index.
        relations: where ``source`` lists variables: the relations between them, each a `Relation`.
        time: the dim that is ordered. Default: the one that occurs with a lag, if any does; the others are plates.
        may_be_missing: observed variables of which any instance may be missing; where it is, it is drawn in its turn.
        constants: observed variables whose values are part of the model; certificates hold for this design then.

    Raises: `GraphError` for a dim that is named twice or not bound, a lag along two dims, and where nothing is observed
    or nothing latent has an observed descendant; `CycleError` for relations that make a cycle at some size;
    `UnknownVariableError` for a name that no variable has.

    >>> template = Template("mu; theta[j] | mu; y[j,n] | theta[j]", observed=["y"])
    >>> template
    Template(mu; theta[j] | mu; y[j,n] | theta[j]; observed: 'y')
    >>> template.at({"j": 2, "n": 1}).parents("y[1,0]")
    ('theta[1]',)
    """

    variables: tuple[Repeated, ...]
    relations: tuple[Relation, ...]
    observed: tuple[str, ...]
    time: str | None
    may_be_missing: tuple[str, ...]
    constants: tuple[str, ...]

    def __init__(
        self,
        source: str | Mapping[str, Iterable[str]] | Iterable[Repeated],
        observed: Iterable[str],
        *,
        relations: Iterable[Relation] = (),
        time: str | None = None,
        may_be_missing: Iterable[str] = (),
        constants: Iterable[str] = (),
    ) -> None:
        if isinstance(source, str | Mapping):
            variables, read, time = read_template(source, time)
            relations = (*read, *relations)
        else:
            variables, relations = tuple(source), tuple(relations)
            time = time or template_checks.find_time(variables, relations)
        for attribute, value in {
            "variables": variables,
            "relations": relations,
            "time": time,
            "observed": tuple(map(str, require_list(observed, "observed="))),
            "may_be_missing": tuple(map(str, require_list(may_be_missing, "may_be_missing="))),
            "constants": tuple(map(str, require_list(constants, "constants="))),
        }.items():
            object.__setattr__(self, attribute, value)
        template_checks.require_template(self)

    def __repr__(self) -> str:
        return (
            f"Template({write_template(self.variables, self.relations, self.time)}; observed: {quote(self.observed)})"
        )

    def __str__(self) -> str:
        return write_template(self.variables, self.relations, self.time)

    def __getitem__(self, name: str) -> Repeated:
        """Return a variable by its name; raise `UnknownVariableError` for one that the template does not have."""
        return self.variables[find(name, self.position)]

    @cached_property
    def position(self) -> Mapping[Name, int]:
        """The place of each variable among the variables."""
        return {variable.name: place for place, variable in enumerate(self.variables)}

    @cached_property
    def dims(self) -> tuple[str, ...]:
        """All dims, plates and time, in the order in which they occur."""
        return tuple(dict.fromkeys(dim for variable in self.variables for dim in variable.dims))

    @cached_property
    def plates(self) -> tuple[str, ...]:
        """The dims that are not time."""
        return tuple(dim for dim in self.dims if dim != self.time)

    @cached_property
    def max_lag(self) -> int:
        """The largest lag: how far a family reaches in time."""
        return max((relation.lag for relation in self.relations), default=0)

    @property
    def is_homogeneous(self) -> bool:
        """Whether nothing is special at the first and the last time, but that there is nothing beyond."""
        return all(relation.fixed is None and relation.only is None for relation in self.relations)

    @property
    def is_cumulative(self) -> bool:
        """Whether a relation sums up all earlier times, so that families have no bounded reach."""
        return any(self.time in relation.up_to for relation in self.relations)

    @cached_property
    def barren(self) -> tuple[str, ...]:
        """Latents without an observed descendant, whatever the sizes: drawn from the model's own conditionals."""
        informed = set(self.observed)
        while more := {relation.parent for relation in self.relations if relation.child in informed} - informed:
            informed |= more
        return tuple(variable.name for variable in self.variables if variable.name not in informed)

    @cached_property
    def latents(self) -> tuple[str, ...]:
        """Names of the latents that have to be inferred: not observed, not barren."""
        known = {*self.observed, *self.barren}
        return tuple(variable.name for variable in self.variables if variable.name not in known)

    @cached_property
    def drawn(self) -> tuple[str, ...]:
        """Names of what a schedule draws: the latents, and what may be missing."""
        kept = {*self.latents, *self.may_be_missing}
        return tuple(variable.name for variable in self.variables if variable.name in kept)

    def at(self, sizes: Mapping[str, int]) -> BayesNet:
        """Return the model at given sizes, its variables named ``mu``, ``theta[0]``, ``y[0,1]``.

        Arguments:
            sizes: the size of each dim, at least 1.

        Returns: a `BayesNet`.

        Raises: `OptionError` for a dim without a size, a size without a dim, and a size that is no whole number of at
        least 1; `SizeError` for more instances than can be held.

        >>> Template("z[t] | z[t-1]; x[t] | z[t]", observed=["x"]).at({"t": 3}).parents("z[2]")
        ('z[1]',)
        """
        return self.ground(sizes).net

    def ground(self, sizes: Mapping[str, int]) -> Grounding:
        """Return the instances at given sizes by number, with the edges between them."""
        template_checks.require_sizes(self.dims, sizes)
        return Grounding(
            self.variables, self.relations, self.observed, self.time, {d: int(sizes[d]) for d in self.dims}
        )

    def allowing_missing(self, names: Iterable[str]) -> Template:
        """Return the same template with observed variables of which any instance may be missing.

        Arguments:
            names: the names of these variables.

        Returns: a new `Template`.

        Raises: `GraphError` for a variable that is not observed.
        """
        return Template(
            self.variables,
            self.observed,
            relations=self.relations,
            time=self.time,
            may_be_missing=names,
            constants=self.constants,
        )

    def is_timed(self, name: str) -> bool:
        """Return whether a variable is repeated along time."""
        return self.time in self[name].dims

    def list_relations_into(self, name: str) -> list[Relation]:
        """Return the relations of which a variable is the child."""
        return [relation for relation in self.relations if relation.child == name]

    def plot(self) -> Picture:
        """Return a picture in plate notation: plates as boxes, time as a slice with arrows into the next.

        >>> Template("mu; y[n] | mu", observed=["y"]).plot()
        Picture(The template: 1 latent, 1 observed, 1 plate; 2 boxes)
        """
        from retrodict.lift.templates.template_picture import draw_template

        return draw_template(self)

    def _repr_svg_(self) -> str:
        return self.plot().to_svg()


@runtime_checkable
class HasTemplate(Protocol):
    """A template together with a model that it is at its largest sizes, such as a `TemplateModel`."""

    @property
    def template(self) -> Template:
        """The template."""
        ...

    @property
    def sizes(self) -> Mapping[str, int]:
        """The largest size of each dim."""
        ...

    @property
    def model(self) -> object:
        """The model at these sizes."""
        ...
