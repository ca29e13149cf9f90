"""A check that all randomness of a program comes from its key.

A number that NumPy draws is drawn once, when JAX traces the program. Every minibatch then has the same noise, and an
encoder learns that noise. Three things show it before anything is trained: a second trace has other constants in it; a
constant holds a number for each row, in no order; or rows do not change with the key. Constants in which rows do not
differ, such as parameters, and stored tables of which a key picks rows, are none of these.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import replace
from typing import Any

import jax
import jax.numpy as jnp
import numpy as np

from retrodict.encode.keys import fold_key, make_key
from retrodict.encode.space import Space
from retrodict.errors import ProgramError
from retrodict.graph.names import Name
from retrodict.graph.rows import Mask
from retrodict.models.model import Model
from retrodict.read.jaxpr.constants import Constant, list_constants, replace_constants
from retrodict.read.jaxpr.internals import ClosedJaxpr, jaxpr_as_fun
from retrodict.read.numpyro.numpyro_model import NumpyroModel

REMEDY = "Draw with jax.random from the key, or call it by jax.pure_callback and seed it with jax.random.bits(key)."
ONCE = "once for all steps: a generator of NumPy, or a key of its own, runs when the program is traced"
# The number of rows of the programs that are traced and not run.
ROWS = 64
# Keys that must leave a column as it is before it counts as independent of them: rare events coincide by chance.
KEYS = 4

Trace = Callable[[Model, int], ClosedJaxpr]
Draw = Callable[[jax.Array], Any]


def require_own_randomness(model: Model, space: Space) -> None:
    """Raise `ProgramError`, naming variables, where a model draws from NumPy, or by other means than its key.

    Traces the programs of the model that will be compiled, and runs nothing.
    """
    _require_pure(model, "draw", _trace_draw)
    if space.generative.any():
        _require_pure(model, "redraw", lambda model, rows: _trace_redraw(model, rows, space.generative))


def require_draws_of_key(draw: Draw, key: jax.Array, first: Any, names: Sequence[Name]) -> None:
    """Raise `ProgramError` where a compiled simulator does not draw by its key, naming the variables.

    ``first`` is what ``draw(key)`` gave, an array ``(rows, columns)``, to whose columns ``names`` belong.
    """
    first, again = np.asarray(first), np.asarray(draw(key))
    with np.errstate(invalid="ignore", over="ignore"):
        moved = ~np.isclose(again, first, rtol=1e-3, atol=1e-3 * first.std(axis=0), equal_nan=True) & (again != first)
    _refuse(moved.mean(axis=0) > 0.5, names, "anew for the same key, so that no seed brings a result back")
    frozen = ~_same(first, first[:1])
    for number in range(KEYS):
        if frozen.any():
            frozen &= _same(np.asarray(draw(fold_key(key, number))), first)
    _refuse(frozen, names, ONCE)


def _require_pure(model: Model, what: str, trace: Trace) -> None:
    try:
        first, again = trace(model, ROWS), trace(_renew(model), ROWS)
    except (jax.errors.ConcretizationTypeError, jax.errors.TracerArrayConversionError) as error:
        raise ProgramError(
            f"{what} of the {type(model).__name__} hands what depends on its key to NumPy or Python, which cannot be "
            "compiled",
            remedy=REMEDY,
        ) from error
    names = model.layout.owners
    if not _alike(first, again):
        _refuse(_find_moved(first, again), names, ONCE)
    constants = list_constants(first)
    if any(_is_scattered(constant, ROWS) for constant in constants):
        fewer = list_constants(trace(_renew(model), ROWS - 1))
        turned = [_turn(constant, other) for constant, other in zip(constants, fewer, strict=False)]
        if len(turned) == len(constants):
            _refuse(_find_moved(first, replace_constants(first, turned)), names, ONCE)


def _trace_draw(model: Model, rows: int) -> ClosedJaxpr:
    return jax.make_jaxpr(lambda key: model.draw(key, rows))(make_key(0))


def _trace_redraw(model: Model, rows: int, which: Mask) -> ClosedJaxpr:
    columns = np.zeros((rows, model.layout.width), np.float32)
    return jax.make_jaxpr(lambda key, columns: model.redraw(key, columns, which))(make_key(0), columns)


def _renew(model: Model) -> Model:
    """Return a model that traces its program again, where it keeps what it has compiled."""
    return replace(model) if isinstance(model, NumpyroModel) else model


def _alike(first: ClosedJaxpr, again: ClosedJaxpr) -> bool:
    ours, theirs = list_constants(first), list_constants(again)
    return len(ours) == len(theirs) and all(map(np.array_equal, ours, theirs))


def _find_moved(first: ClosedJaxpr, again: ClosedJaxpr) -> Mask:
    """Mark the columns in which two programs with the same inputs differ."""
    inputs = [
        jnp.zeros(v.aval.shape, v.aval.dtype) if i else jax.random.key(0) for i, v in enumerate(first.jaxpr.invars)
    ]
    one, other = (np.asarray(jaxpr_as_fun(program)(*inputs)[0]) for program in (first, again))
    return ~_same(one, other)


def _same(one: np.ndarray[Any, Any], other: np.ndarray[Any, Any]) -> Mask:
    """Mark the columns in which all rows are the same."""
    return np.asarray(((one == other) | ((one != one) & (other != other))).all(axis=0))


def _refuse(wrong: Mask, names: Sequence[Name], how: str) -> None:
    if wrong.any():
        found = list(dict.fromkeys(names[i] for i in np.flatnonzero(wrong).tolist()))
        raise ProgramError(f"the model draws {{names}} {how}", found, remedy=REMEDY)


def _is_scattered(constant: Constant, rows: int) -> bool:
    """Return whether a constant holds other numbers for most rows, and not in ascending or descending order."""
    if not constant.ndim or len(constant) != rows or constant.dtype.kind not in "fiu":
        return False
    steps = np.diff(constant.reshape(rows, -1).astype(np.float64), axis=0)
    unordered = (steps > 0).any(axis=0) & (steps < 0).any(axis=0)
    return any(len(np.unique(column)) > rows / 2 for column in constant.reshape(rows, -1).T[unordered])


def _turn(constant: Constant, other: Constant) -> Constant:
    """Return a scattered constant with its rows in the opposite order, where it had fewer when rows were fewer."""
    by_row = _is_scattered(constant, ROWS) and other.ndim and len(other) == ROWS - 1
    return constant[::-1] if by_row else constant
