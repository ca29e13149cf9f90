"""Programs of series: a template over time whose conditionals are networks with parameters to learn."""

from __future__ import annotations

from abc import abstractmethod
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from graphlib import TopologicalSorter
from typing import Any

import equinox as eqx
import jax

from retrodict.errors import OptionError
from retrodict.lift.templates.template import Template


class SeriesProgram(eqx.Module):
    r"""A generative model of series of any length, whose floating-point arrays are its parameters (abstract).

    ``template`` says which variables there are: repeated along time, or once for each series. ``columns`` says how many
    numbers each is at one time; ``states`` names those that are one of several states, with their number.

    >>> from retrodict import zoo
    >>> zoo.programs.deep_markov(latents=3, keys=5).template
    Template(z[t] | z[t-1]; x[t] | z[t]; observed: 'x')
    """

    @property
    @abstractmethod
    def template(self) -> Template:
        """The structure."""

    @property
    @abstractmethod
    def columns(self) -> Mapping[str, int]:
        """How many numbers each variable is, at one time."""

    @property
    def states(self) -> Mapping[str, int]:
        """The number of states of latents that are discrete, which have one column. Default: all are real."""
        return {}

    @abstractmethod
    def condition(self, name: str, parents: Mapping[str, jax.Array], time: jax.Array) -> Any:
        """Return the distribution of NumPyro of a variable given its parents, for many times and series at once.

        Arguments:
            name: the variable.
            parents: values by the names that the template gives them, ``z[t-1]``, ``s``; the last axis are columns.
                What lies before the start is zero.
            time: the number of the step, from 0 on, an array that goes with those of the parents.

        Returns: a distribution whose last batch axis are the columns, independent of each other.
        """


@dataclass(frozen=True)
class SeriesLink:
    """A parent of a variable, ``lag`` steps before it; 0 for one of its own time or of the whole series."""

    parent: str
    lag: int
    text: str


def list_links(template: Template, child: str) -> tuple[SeriesLink, ...]:
    """Return the parents of a variable.

    >>> list_links(Template("s; z[t] | z[t-1] s; x[t] | z[t]", observed=["x"]), "z")
    (SeriesLink(parent='z', lag=1, text='z[t-1]'), SeriesLink(parent='s', lag=0, text='s'))
    """
    return tuple(
        SeriesLink(relation.parent, relation.lag, _write(template, relation.parent, relation.lag))
        for relation in template.relations
        if relation.child == child
    )


def list_modeled(template: Template) -> tuple[str, ...]:
    """Return the variables that the program gives distributions of, parents first.

    These are all but observed ones without parents, which are inputs.

    >>> list_modeled(Template("u[t]; x[t] | z[t]; z[t] | z[t-1] u[t]", observed=["u", "x"]))
    ('z', 'x')
    """
    above = {
        variable.name: [link.parent for link in list_links(template, variable.name) if not link.lag]
        for variable in template.variables
    }
    given = {name for name in template.observed if not list_links(template, name)}
    return tuple(name for name in TopologicalSorter(above).static_order() if name not in given)


def require_series(template: Template) -> None:
    """Raise `OptionError` for a template that is no model of one series with lags."""
    if template.time is None or template.plates:
        raise OptionError(
            f"the template of a program of series has the dims {', '.join(template.dims) or '(none)'}",
            remedy="Let time be its only dim: each series is a row of the data, and members of a plate are columns.",
        )
    if template.may_be_missing or template.barren:
        raise OptionError(
            "the template of a program of series has latents without data below, or observations that may be missing",
            remedy="Leave them out.",
        )
    strange = [
        relation.child
        for relation in template.relations
        if relation.every or relation.up_to or relation.fixed is not None or relation.only is not None
    ]
    _refuse(strange, "has parents at all times, at earlier times without a bound, or at single times only")
    static = {variable.name for variable in template.variables if not variable.dims}
    _refuse(static & set(template.observed), "is observed once for a whole series")


def _refuse(names: Iterable[str], why: str) -> None:
    found = sorted(set(names))
    if found:
        raise OptionError(f"the variable {found[0]!r} {why}", remedy="Give it parents of its own time, or with lags.")


def _write(template: Template, parent: str, lag: int) -> str:
    if not template.is_timed(parent):
        return parent
    return f"{parent}[{template.time}-{lag}]" if lag else f"{parent}[{template.time}]"
