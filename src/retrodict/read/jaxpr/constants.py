"""The constants of a program that JAX has traced, those of programs inside it included."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from typing import Any

import jax
import jax.numpy as jnp
import numpy as np

from retrodict.read.jaxpr.internals import ClosedJaxpr, Jaxpr, Literal

Constant = np.ndarray[Any, Any]


def list_constants(program: ClosedJaxpr) -> list[Constant]:
    """Return the arrays and numbers that stand in a program, in the order in which they stand there.

    >>> program = jax.make_jaxpr(jax.jit(lambda x: 2.0 * x + np.arange(3.0)))(1.0)
    >>> [constant.tolist() for constant in list_constants(program)]
    [[0.0, 1.0, 2.0], 2.0]
    """
    found = [_as_array(constant) for constant in program.consts]
    for equation in program.jaxpr.eqns:
        found += [np.asarray(read.val) for read in equation.invars if isinstance(read, Literal)]
        for inner in _list_programs(equation.params.values()):
            found += list_constants(inner)
    return found


def replace_constants(program: ClosedJaxpr, constants: Iterable[Constant]) -> ClosedJaxpr:
    """Return a program with other arrays, of the same shapes, where `list_constants` finds its own; numbers stay.

    >>> program = jax.make_jaxpr(jax.jit(lambda x: 2.0 * x + np.arange(3.0)))(1.0)
    >>> changed = replace_constants(program, [np.ones(3), np.array(2.0)])
    >>> [constant.tolist() for constant in list_constants(changed)]
    [[1.0, 1.0, 1.0], 2.0]
    """
    return _replace(program, iter(constants))


def _replace(program: ClosedJaxpr, constants: Iterator[Constant]) -> ClosedJaxpr:
    own = [_like(next(constants), constant) for constant in program.consts]
    equations = []
    for equation in program.jaxpr.eqns:
        for read in equation.invars:
            if isinstance(read, Literal):
                next(constants)
        inside = {name: _replace_inside(value, constants) for name, value in equation.params.items()}
        equations.append(equation.replace(params=inside))
    return ClosedJaxpr(program.jaxpr.replace(eqns=equations), own)


def _replace_inside(value: Any, constants: Iterator[Constant]) -> Any:
    """Return a parameter of an operation, in which programs are replaced."""
    if isinstance(value, ClosedJaxpr):
        return _replace(value, constants)
    if isinstance(value, Jaxpr):
        return _replace(ClosedJaxpr(value, ()), constants).jaxpr
    if type(value) in (tuple, list):
        return type(value)(_replace_inside(part, constants) for part in value)
    return value


def _list_programs(parameters: Iterable[Any]) -> Iterator[ClosedJaxpr]:
    for value in parameters:
        if isinstance(value, ClosedJaxpr):
            yield value
        elif isinstance(value, Jaxpr):
            yield ClosedJaxpr(value, ())
        elif type(value) in (tuple, list):
            yield from _list_programs(value)


def _is_key(constant: Any) -> bool:
    return bool(jnp.issubdtype(constant.dtype, jax.dtypes.prng_key))


def _as_array(constant: Any) -> Constant:
    return np.asarray(jax.random.key_data(constant) if _is_key(constant) else constant)


def _like(given: Constant, constant: Any) -> Any:
    """Return an array as JAX holds it in the place of another; keys stay."""
    return constant if _is_key(constant) else jnp.asarray(given, constant.dtype)
