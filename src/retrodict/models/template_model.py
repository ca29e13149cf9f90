"""A template together with an ordinary model at its largest sizes, and which instance is which variable of it."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from functools import cached_property
from typing import Any, NamedTuple

import numpy as np
from numpy.typing import NDArray

from retrodict.errors import GraphError
from retrodict.graph.bayesnet import BayesNet
from retrodict.graph.frozen import Portable
from retrodict.graph.names import Name, find, unknown
from retrodict.graph.rows import Integers
from retrodict.lift.templates.template import Template
from retrodict.lift.templates.template_relations import write_instance
from retrodict.models.model import Model
from retrodict.plan.arrays import Floats


class ArgumentPlace(NamedTuple):
    """The argument of a program that a covariate is: its place among all, and the element of each instance, or -1."""

    leaf: int
    places: Integers


@dataclass(frozen=True, eq=False, repr=False)
class TemplateModel(Portable):
    """A `Template`, and the ordinary `Model` that it is at its largest sizes.

    What a template leaves open, the model says: how variables are drawn, and what their densities are. Smaller sizes
    are parts of it, because instances without children can be left out of any model.

    Arguments:
        template: the template; what it observes is what the model observes, and the covariates.
        model: the model at the largest sizes.
        sizes: the largest size of each dim of the template.
        names: for each variable of the template that the model draws, an array over its dims of names in
            ``model.net``; None where an instance is absent, as in groups of different sizes.
        covariates: arrays of what is known and not drawn, for observed variables of the template that are not in the
            model: an axis for each dim, NaN where an instance is absent, and perhaps a last axis of several numbers.
        sites: the site of the program to which a variable belongs. Default: that of the same name.
        arguments: which argument of the program a covariate is; others are always as they stand in the model.

    Raises: `GraphError` for names and covariates that do not fit the template, its sizes and the model.

    >>> from retrodict import zoo
    >>> template = Template("x0; x[j] | x0", observed=["x"])
    >>> names = {"x0": np.array("x0", object), "x": np.array(["x1", "x2"], object)}
    >>> model = TemplateModel(template, zoo.binary_tree(depth=2), {"j": 2}, names)
    >>> model
    TemplateModel(x0; x[j] | x0; observed: 'x'; j: 2)
    >>> model.columns("x").tolist()
    [1, 2]
    >>> model.net.observed
    ('x1', 'x2')
    """

    template: Template
    model: Model
    sizes: Mapping[str, int]
    names: Mapping[str, NDArray[np.object_]]
    covariates: Mapping[str, Floats] = field(default_factory=dict)
    sites: Mapping[str, str] = field(default_factory=dict)
    arguments: Mapping[str, ArgumentPlace] = field(default_factory=dict)

    def __post_init__(self) -> None:
        object.__setattr__(self, "sites", {v.name: v.name for v in self.template.variables} | dict(self.sites))
        _require_covered(self)
        _require_same_status(self)

    def __repr__(self) -> str:
        sizes = ", ".join(f"{dim}: {size:,}" for dim, size in self.sizes.items())
        design = f"; this design: {', '.join(self.template.constants)}" if self.template.constants else ""
        return f"TemplateModel({repr(self.template)[9:-1]}{'; ' if sizes else ''}{sizes}{design})"

    @property
    def net(self) -> BayesNet:
        """The structure of the model at its largest sizes: what pictures, `compare` and reports show."""
        return self.model.net

    def shape(self, variable: str) -> tuple[int, ...]:
        """Return the largest size of each dim of a variable of the template."""
        return tuple(self.sizes[dim] for dim in self.template[variable].dims)

    def columns(self, variable: str) -> Integers:
        """Return the columns of ``model.layout`` that hold a variable of the template.

        Arguments:
            variable: a variable of the template that the model draws.

        Returns: whole numbers with an axis for each dim, -1 where an instance is absent. If an instance is a vector of
        k numbers, a last axis of k.

        Raises: `UnknownVariableError` for a name that the model does not draw.
        """
        find(variable, {name: place for place, name in enumerate(self.names)})
        return self._columns[variable]

    @cached_property
    def _columns(self) -> dict[str, Integers]:
        starts = dict(zip(self.model.layout.names, self.model.layout.start.tolist(), strict=False))
        sizes = dict(zip(self.model.layout.names, self.model.layout.sizes, strict=True))
        placed = {}
        for variable, names in self.names.items():
            widths = {sizes[name] for name in names.ravel() if name is not None}
            first = np.array([-1 if name is None else starts[name] for name in names.ravel()], dtype=np.int64)
            spread = np.where(first[:, None] < 0, -1, first[:, None] + np.arange(widths.pop()))
            placed[variable] = spread.reshape(names.shape if spread.shape[1] == 1 else (*names.shape, -1))
        return placed

    @cached_property
    def instances(self) -> Mapping[Name, str]:
        """The instance of the template for each variable of the model: ``theta[3]``, whatever the model calls it."""
        return {
            name: write_instance(variable, place)
            for variable, names in self.names.items()
            for place, name in np.ndenumerate(names)
            if name is not None
        }


def _require_covered(model: TemplateModel) -> None:
    """Raise `GraphError` unless every variable of the template has its names, or its values, in its shape."""
    drawn = [variable.name for variable in model.template.variables if variable.name not in model.covariates]
    lacking = [name for name in drawn if name not in model.names]
    if lacking:
        raise GraphError("{names} {have} neither names in the model nor values", lacking, remedy="Give one of both.")
    extra = [name for name in (*model.names, *model.covariates) if name not in model.template.position]
    if extra:
        raise unknown(extra, model.template.position, "given names or values")
    arrays: dict[str, NDArray[Any]] = {**model.names, **model.covariates}
    for name, array in arrays.items():
        expected = model.shape(name)
        if array.shape[: len(expected)] != expected or (name in model.names and array.ndim > len(expected)):
            raise GraphError(
                f"the array of {{names}} has the shape {array.shape}, and its dims have the sizes {expected}", [name]
            )


def _require_same_status(model: TemplateModel) -> None:
    """Raise `GraphError` unless each variable of the model is one instance, observed where the template says so."""
    owners = [name for names in model.names.values() for name in names.ravel() if name is not None]
    net, seen = model.model.net, set(model.template.observed)
    wrong = sorted(set(map(str, set(net.names) ^ set(owners))))
    if wrong or len(owners) != len(net.names):
        raise GraphError("each variable of the model must be one instance of the template", wrong)
    known = set(net.observed)
    differing = [
        name
        for name, names in model.names.items()
        if any((instance in known) != (name in seen) for instance in names.ravel() if instance is not None)
    ]
    if differing:
        raise GraphError("{names} {are} observed in the template or in the model, not in both", differing)
    latent = [name for name in model.covariates if name not in seen]
    if latent:
        raise GraphError("{names} {have} values, and {are} not observed in the template", latent)
