"""Tables of conditional probabilities as people give them: checked, and brought into one order."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np
from numpy.typing import NDArray

from retrodict.errors import DataError, GraphError, SizeError, UnknownStateError
from retrodict.graph.bayesnet import BayesNet, Variable
from retrodict.graph.names import Name

Probabilities = NDArray[np.float64]

# A row may miss one by this much: published tables are rounded to three digits or more.
ROUNDING = 2e-3
MOST_ENTRIES = 50_000_000


def require_room(cards: Sequence[int], name: Name) -> None:
    """Raise `SizeError` for a table with more entries than may be held.

    >>> require_room([2] * 40, "x")
    Traceback (most recent call last):
        ...
    retrodict.errors.SizeError: the table of 'x' would have 1,099,511,627,776 probabilities, more than 50,000,000. ...
    """
    entries = math.prod(cards)
    if entries > MOST_ENTRIES:
        raise SizeError(
            f"the table of {{names}} would have {entries:,} probabilities, more than {MOST_ENTRIES:,}",
            [name],
            remedy="Give it fewer parents or states.",
        )


def describe_states(name: Name, states: Sequence[str]) -> Variable:
    """Return the description of a variable with these states; raise `GraphError` for none, or for one given twice."""
    listed = tuple(map(str, states))
    if not listed:
        raise GraphError("{names} has no states", [name], remedy="Name its states.")
    twice = sorted({state for state in listed if listed.count(state) > 1}) if len(set(listed)) < len(listed) else []
    if twice:
        raise GraphError(
            f"{{names}} has states that are given twice ({', '.join(map(repr, twice))})",
            [name],
            remedy="Name each once.",
        )
    return Variable(name, support="categorical", states=listed)


def order_axes(net: BayesNet, name: Name, given: Sequence[Name], table: Any) -> Probabilities:
    """Return a table with one axis for each parent, in the order of ``net.parents(name)``, and that of its states.

    ``table`` has the axes of the parents as ``given``, then that of the variable's own states.
    Raises `DataError` for another shape or what are no numbers.
    """
    try:
        array = np.asarray(table, dtype=np.float64)
    except (TypeError, ValueError):
        raise DataError(
            "the table of {names} is not an array of numbers", [name], remedy="Give probabilities."
        ) from None
    shape = tuple(len(net.variable(parent).states) for parent in (*given, name))
    if array.shape != shape:
        raise DataError(
            f"the table of {{names}} has the shape {array.shape}, where {shape} was expected",
            [name],
            remedy="Give it one axis for each parent, then one for its own states.",
        )
    place = {parent: axis for axis, parent in enumerate(given)}
    return array.transpose([*(place[parent] for parent in net.parents(name)), len(given)])


def normalize(net: BayesNet, name: Name, table: Probabilities) -> Probabilities:
    """Return a table whose rows sum to one; they may be off by rounding before.

    Raises `DataError`, naming variable and row, for a row that is off by more than `ROUNDING` and for numbers
    that are negative or not finite.
    """
    rows = table.reshape(-1, table.shape[-1])
    with np.errstate(invalid="ignore", over="ignore"):
        sums = rows.sum(axis=1)
        wrong = (rows < 0).any(axis=1) | ~(np.abs(sums - 1) <= ROUNDING)
    if wrong.any():
        first = int(np.flatnonzero(wrong)[0])
        states = np.unravel_index(first, table.shape[:-1])
        given = ", ".join(
            f"{parent}={net.variable(parent).states[int(state)]}"
            for parent, state in zip(net.parents(name), states, strict=True)
        )
        shown = ", ".join(f"{number:.6g}" for number in rows[first][:8]) + (", ..." if table.shape[-1] > 8 else "")
        raise DataError(
            f"the probabilities of {{names}}{f' given {given}' if given else ''} ({shown}) "
            + (f"sum to {sums[first]:.6g}, not to 1" if (rows[first] >= 0).all() else "are not all positive"),
            [name],
            remedy="Correct this row.",
        )
    return np.ascontiguousarray((rows / sums[:, None]).reshape(table.shape))


def read_code(states: tuple[str, ...], value: Any, name: Name) -> int:
    """Return the number of a state; raise `UnknownStateError` for one that the variable does not have."""
    try:
        return states.index(str(value))
    except ValueError:
        raise UnknownStateError(value, name, states) from None


def code_states(net: BayesNet, values: Mapping[Name, Any]) -> dict[Name, Any]:
    """Return values with the names of states replaced by their numbers, in arrays of the same shape.

    Raises `UnknownStateError` for a name that is not a state of its variable. Numbers stay as they are.
    """
    return {name: _code(net.variable(name), value) if name in net.position else value for name, value in values.items()}


def _code(variable: Variable, value: Any) -> Any:
    named = np.asarray(value)
    if not variable.states or named.dtype.kind not in "UO" or not all(isinstance(entry, str) for entry in named.flat):
        return value
    codes = [read_code(variable.states, entry, variable.name) for entry in named.ravel().tolist()]
    return np.array(codes, dtype=np.float64).reshape(named.shape)


def require_tables(net: BayesNet, tables: Mapping[Name, Any]) -> None:
    """Raise `GraphError` for variables without states or table, and for tables of others."""
    lists = {
        "{names} {have} no states": [name for name in net.names if not net.variable(name).states],
        "{names} {have} no table of probabilities": [name for name in net.names if name not in tables],
        "{names} {have} a table, but {are} not among the variables": [
            name for name in tables if name not in net.position
        ],
    }
    for problem, names in lists.items():
        if names:
            raise GraphError(problem, names, remedy="Give each variable its states and one table.")
