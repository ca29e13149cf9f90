"""What is given, by names: any variables, sites of a program with NaN where elements are missing, names of states."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import numpy as np

from retrodict.errors import DataError, GraphError, OptionError
from retrodict.graph.bayesnet import Variable
from retrodict.graph.names import Name
from retrodict.graph.rows import Mask
from retrodict.models.discrete.checks import read_code
from retrodict.models.model import Model
from retrodict.plan.arrays import read_floats
from retrodict.plan.layout import LARGEST, Floats
from retrodict.plan.supports import is_discrete
from retrodict.posterior.any_evidence.gated.evidence_sets import list_numbers


@dataclass(frozen=True, eq=False)
class GivenValues:
    """Values as model columns, zero where nothing is known; which variables are known, and which were set (``do``)."""

    columns: Floats
    known: Mask
    done: Mask

    def list_given(self, model: Model) -> dict[Name, Any]:
        """Return the values of all that is known, states by their names."""
        values = model.layout.unpack(self.columns)
        named: dict[Name, Any] = {}
        for v in np.flatnonzero(self.known).tolist():
            name = model.net.names[v]
            states = model.net.variable(name).states
            named[name] = states[int(values[name])] if states and not values[name].shape else _to_plain(values[name])
        return named


def _to_plain(value: Any) -> Any:
    return value.tolist() if np.ndim(value) else float(value)


def read_given(model: Model, given: Mapping[Name, Any] | None, do: Mapping[Name, Any] | None = None) -> GivenValues:
    """Return the values that are given and those that are set from outside, checked.

    Raises: `UnknownVariableError` and `UnknownStateError` for names, `GraphError` for what is given twice, `DataError`
    for shapes and numbers that do not fit, `OptionError` where nothing is left to infer.
    """
    columns, known, done = np.zeros(model.layout.width), *np.zeros((2, len(model.net)), dtype=bool)
    for values, marks in ((given or {}, known), (do or {}, done)):
        if not isinstance(values, Mapping):
            raise DataError(
                f"what is given must be a mapping, not {type(values).__name__}", remedy="Give {name: value}."
            )
        for name, value in values.items():
            _read_into(model, name, value, columns, marks)
    both = np.flatnonzero(known & done)
    if len(both):
        names = model.net.to_names(both)
        raise GraphError("{names} {are} both given and set from outside", names, remedy="Leave it out of one of both.")
    if (known | done).all():
        raise OptionError("everything is given, and nothing is left to infer", remedy="Leave something out.")
    return GivenValues(columns, known | done, done)


def _read_into(model: Model, name: Name, value: Any, columns: Floats, known: Mask) -> None:
    """Write the value of a variable or a site into columns; NaN and None are missing."""
    numbers = list_numbers(model, name)
    if value is None:
        return
    described = [model.net.variable(model.net.names[v]) for v in numbers]
    shape = model.groups[name].shape if name not in model.net.position else described[0].shape or ()
    array = _read_array(described[0], name, value)
    if array.shape != shape:
        raise DataError(
            f"the value of {{names}} has the shape {array.shape}, where {shape} was expected",
            [name],
            remedy="Give all of it, NaN where an element is missing." if shape else "Give one number.",
        )
    for v, variable, part in zip(numbers, described, array.reshape(len(numbers), -1), strict=True):
        missing = np.isnan(part)
        if missing.any() and not missing.all():
            raise DataError(
                "{names} is missing in part, and one variable",
                [variable.name],
                remedy="Read the program with elementwise=True, or leave all of it out.",
            )
        if not missing.any():
            _require_support(variable, part)
            start = int(model.layout.start[v])
            columns[start : start + len(part)] = part
            known[v] = True


def _read_array(variable: Variable, name: Name, value: Any) -> Floats:
    if isinstance(value, str) and not variable.states:
        try:
            value = float(value)
        except ValueError:
            raise DataError("the value of {names} is not a number", [name], remedy="Give a number.") from None
    if variable.states and not isinstance(value, float):
        return np.asarray(float(read_code(variable.states, value, name)))
    return read_floats(name, value)


def _require_support(variable: Variable, part: Floats) -> None:
    """Raise `DataError`, naming the variable, for values that are not finite or outside of its support."""
    if not np.isfinite(part).all() or (np.abs(part) > LARGEST).any():
        raise DataError("the value of {names} is not finite", [variable.name], remedy="Give a number, or NaN for none.")
    low, high = _find_ends(variable)
    inside = (part >= low) & (part <= high) & ((part == np.round(part)) | (not is_discrete(variable)))
    if not inside.all():
        wanted = "whole number" if is_discrete(variable) else "number"
        raise DataError(
            f"the value {part[~inside][0]:g} of {{names}} lies outside of its support, {variable.support}",
            [variable.name],
            remedy=f"Give a {wanted} from {low:g} to {high:g}.",
        )


def _find_ends(variable: Variable) -> tuple[float, float]:
    """Return the least and the greatest value; of categories the numbers of the first and the last."""
    if variable.bounds is not None:
        return float(variable.bounds[0]), float(variable.bounds[1])
    if variable.categories is not None:
        return 0.0, variable.categories - 1.0
    if variable.support in ("unit_interval", "boolean", "simplex"):
        return 0.0, 1.0
    return (0.0 if variable.support in ("positive", "count") else -np.inf), np.inf
