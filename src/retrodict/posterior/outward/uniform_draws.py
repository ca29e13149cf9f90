"""A program that draws by a key of JAX, as one that draws by numbers from outside: what other runtimes can compute."""

from __future__ import annotations

import math
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any

import jax
import jax.numpy as jnp

from retrodict.errors import OptionError
from retrodict.read.jaxpr.internals import CALLS, Literal

# How JAX calls the function that all of its real draws are made from.
UNIFORM = "_uniform"
# The largest number of single precision below one: where one is rounded to it, normal draws would be infinite.
LARGEST = 1 - 2.0**-24


@dataclass(frozen=True, eq=False)
class UniformDraws:
    """A function of numbers that are uniform on [0, 1), in the place of a key, and of what else it is given.

    Every uniform draw of the original takes its numbers from the ones given, in the order in which they are drawn.

    >>> def draw(key, mean):
    ...     return mean + jax.random.uniform(key, (2,))
    >>> drawn = UniformDraws.of(draw, jax.ShapeDtypeStruct((), jnp.float32))
    >>> drawn.count, drawn(jnp.array([0.25, 0.5]), 1.0)[0].tolist()
    (2, [1.25, 1.5])
    """

    program: Any
    count: int

    @classmethod
    def of(cls, function: Callable[..., Any], *given: Any) -> UniformDraws:
        """Follow ``function(key, *given)``.

        Raises `OptionError` for functions that draw otherwise than from uniform numbers, or within loops.
        """
        program = jax.make_jaxpr(function)(jax.random.key(0), *given)
        taken = _Taken(None)
        jax.eval_shape(lambda *given: _evaluate(program.jaxpr, program.consts, [None, *given], taken), *given)
        return cls(program, taken.count)

    def __call__(self, uniforms: jax.Array, *given: Any) -> list[jax.Array]:
        """Return the outputs of the function, one after another."""
        return _evaluate(self.program.jaxpr, self.program.consts, [None, *given], _Taken(uniforms))


class _Taken:
    """Gives numbers one after another; without any it gives zeros, and counts."""

    def __init__(self, uniforms: jax.Array | None) -> None:
        self._uniforms, self.count = uniforms, 0

    def take(self, shape: tuple[int, ...], low: Any, high: Any) -> jax.Array:
        """Return numbers between two bounds."""
        size = math.prod(shape)
        whole = jnp.zeros(self.count + size) if self._uniforms is None else self._uniforms
        own = jnp.minimum(whole[self.count : self.count + size].reshape(shape), LARGEST)
        self.count += size
        return jnp.maximum(low, own * (high - low) + low)


def _evaluate(program: Any, constants: Sequence[Any], given: Sequence[Any], taken: _Taken) -> list[Any]:
    """Return the outputs of a program; keys have no value."""
    known: dict[Any, Any] = dict(zip((*program.constvars, *program.invars), (*constants, *given), strict=True))
    for equation in program.eqns:
        values = [part.val if isinstance(part, Literal) else known[part] for part in equation.invars]
        known.update(zip(equation.outvars, _run(equation, values, taken), strict=True))
    return [part.val if isinstance(part, Literal) else known[part] for part in program.outvars]


def _run(equation: Any, values: list[Any], taken: _Taken) -> Sequence[Any]:
    name, out = equation.params.get("name"), equation.outvars
    if all(_is_key(part) for part in out) and out:
        return [None] * len(out)
    if not any(_is_key(part) for part in equation.invars):
        return _compute(equation, values)
    inner = equation.params.get("jaxpr", equation.params.get("call_jaxpr"))
    if equation.primitive.name not in CALLS or inner is None:
        raise OptionError(
            f"the posterior draws by {equation.primitive.name!r}, which cannot be written as ONNX",
            remedy="Draws are to be made from uniform numbers, outside of loops: no Gamma or Poisson variables that "
            "the model itself draws, and no encoder of more than 64 steps.",
        )
    if name == UNIFORM:
        _, one, other = values  # in the order of their names where JAX gives them by name
        return [taken.take(out[0].aval.shape, jnp.minimum(one, other), jnp.maximum(one, other))]
    return _evaluate(getattr(inner, "jaxpr", inner), getattr(inner, "consts", ()), values, taken)


def _compute(equation: Any, values: list[Any]) -> Sequence[Any]:
    """Return what an equation without keys makes of values."""
    bound = equation.primitive.get_bind_params(equation.params)
    functions, parameters = bound if isinstance(bound, tuple) else ((), bound)  # before and since JAX 0.10
    found = equation.primitive.bind(*functions, *values, **parameters)
    return found if equation.primitive.multiple_results else [found]


def _is_key(part: Any) -> bool:
    return jnp.issubdtype(part.aval.dtype, jax.dtypes.prng_key) if hasattr(part.aval, "dtype") else False
