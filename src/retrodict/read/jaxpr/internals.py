"""How JAX writes programs down: all that leans on its internals, in the forms of JAX 0.7 to 0.12.

What other files see are `Equation` and the few things that an equation may hold: a call, a loop, branches. A form
that is not known is a `ProgramError`.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import AbstractContextManager, nullcontext
from dataclasses import dataclass
from functools import lru_cache
from typing import Any

import jax
import jax.numpy as jnp
from jax.extend.core import ClosedJaxpr, Jaxpr, Literal, jaxpr_as_fun

from retrodict.errors import ProgramError

__all__ = [
    "CALLS",
    "Branches",
    "ClosedJaxpr",
    "Equation",
    "Jaxpr",
    "Literal",
    "Loop",
    "OpenedProgram",
    "is_inexact",
    "is_traced",
    "jaxpr_as_fun",
    "list_fed",
    "open_program",
    "read_branches",
    "read_call",
    "read_loop",
    "require_values_only",
    "spell",
]

# Operations that feed what a program within gives back into it.
LOOPS = {"scan", "while"}

# Effects that carry no values to other equations.
HARMLESS = {"DebugEffect", "OrderedDebugEffect", "IOEffect", "OrderedIOEffect"}

# Primitives that run a program of their own on their operands as they are, and where they keep it.
CALLS = {
    "jit": ("jaxpr",),
    "pjit": ("jaxpr",),
    "closed_call": ("call_jaxpr",),
    "call": ("call_jaxpr",),
    "remat2": ("jaxpr",),
    "composite": ("jaxpr", "call_jaxpr"),
    "custom_jvp_call": ("call_jaxpr",),
    "custom_vjp_call": ("call_jaxpr",),
}

# Functions of JAX that look for NaN, and yet give NaN for NaN as arithmetic does: known as if they were primitives.
FUNCTIONS: dict[str, Callable[..., Any]] = {
    "logaddexp": jnp.logaddexp,
    "xlogy": jax.scipy.special.xlogy,
    "xlog1py": jax.scipy.special.xlog1py,
}
# How many operands each of them has.
N_OPERANDS = 2

Branches = Sequence[Any]


@dataclass(frozen=True)
class Equation:
    """One step of a program: a primitive, or one of `FUNCTIONS`; what it reads and what it gives.

    ``reads`` are its operands, `Literal` or names in the program, ``gives`` the names of its results, ``shapes`` and
    ``inexact`` their shapes and whether they can be NaN; ``carries_programs`` says that a parameter is a program.
    """

    name: str
    params: Mapping[str, Any]
    reads: tuple[Any, ...]
    gives: tuple[Any, ...]
    shapes: tuple[tuple[int, ...], ...]
    inexact: tuple[bool, ...]
    is_complex: bool
    carries_programs: bool
    bind: Callable[..., Any]

    def compute(self, values: Sequence[Any]) -> list[Any]:
        """Return the results for values of the operands."""
        try:
            results = self.bind(*map(jnp.asarray, values))
        except Exception as error:
            raise ProgramError(
                f"the operation {self.name!r} of JAX {jax.__version__} cannot be computed by itself, though its result "
                f"decides an index, a mask or a branch ({type(error).__name__})",
                remedy="Compute that value with NumPy, before the program.",
            ) from error
        return list(results) if isinstance(results, (list, tuple)) else [results]


@dataclass(frozen=True)
class OpenedProgram:
    """A program taken apart: constants by name, names of the inputs and of the results, and the equations needed."""

    constants: Mapping[Any, Any]
    inputs: Sequence[Any]
    outputs: Sequence[Any]
    equations: Sequence[Equation]


@dataclass(frozen=True)
class Loop:
    """A scan: its operands are constants, then what is carried along, then sequences."""

    body: Any
    n_constants: int
    n_carry: int
    length: int
    reverse: bool


def open_program(program: Any) -> OpenedProgram:
    """Take a program apart; equations whose results nobody reads are left out.

    >>> program = jax.make_jaxpr(lambda x: (x + 1, x * 2)[0])(1.0)
    >>> [equation.name for equation in open_program(program).equations]
    ['add']
    """
    body, values = getattr(program, "jaxpr", program), getattr(program, "consts", ())
    names = body.constvars
    if len(names) != len(values):
        raise _unknown("a program whose constants are kept elsewhere")
    equations = [_wrap(equation) for equation in _list_needed(body)]
    return OpenedProgram(dict(zip(names, values, strict=True)), body.invars, body.outvars, equations)


def spell(program: ClosedJaxpr) -> tuple[str, Sequence[Any]]:
    """Return a program as text, the same in every process, and its constants."""
    return re.sub(r"0x[0-9a-f]+", "", str(program.jaxpr)), program.consts


def _list_needed(body: Any) -> list[Any]:
    """Return the equations on which the results depend, in order."""
    wanted = {atom for atom in body.outvars if not isinstance(atom, Literal)}
    kept = []
    for equation in reversed(body.eqns):
        if not wanted.isdisjoint(equation.outvars):
            kept.append(equation)
            wanted.update(atom for atom in equation.invars if not isinstance(atom, Literal))
    return kept[::-1]


def _wrap(equation: Any) -> Equation:
    primitive, results = equation.primitive, [atom.aval for atom in equation.outvars]

    def bind(*values: Any, **changed: Any) -> Any:
        params = primitive.get_bind_params({**equation.params, **changed})
        functions, params = (
            params if isinstance(params, tuple) else ((), params)
        )  # the functions apart, as older releases have it
        return primitive.bind(*functions, *values, **params)

    function = _recognize(equation)
    return Equation(
        name=function or primitive.name,
        params=equation.params,
        reads=tuple(equation.invars),
        gives=tuple(equation.outvars),
        shapes=tuple(tuple(getattr(aval, "shape", ())) for aval in results),  # a token has none
        inexact=tuple(is_inexact(aval) for aval in results),
        is_complex=any(_is_complex(atom.aval) for atom in (*equation.invars, *equation.outvars)),
        carries_programs=function is None and any(True for _ in _list_programs(equation.params)),
        bind=bind,
    )


def _recognize(equation: Any) -> str | None:
    """Return which of `FUNCTIONS` an equation calls: the one of that name, if it is the same program word by word."""
    if equation.primitive.name != "custom_jvp_call":
        return None
    program = equation.params.get("call_jaxpr")
    name = getattr(getattr(getattr(program, "jaxpr", None), "debug_info", None), "func_name", None)
    if name not in FUNCTIONS or program.consts or len(equation.invars) != N_OPERANDS:
        return None  # JAX may hand a function what it closed over as further operands
    avals = [atom.aval for atom in equation.invars]
    operands = tuple((aval.shape, aval.dtype, getattr(aval, "weak_type", False)) for aval in avals)
    return str(name) if str(program) == _write_out(name, operands) else None


@lru_cache(maxsize=256)
def _write_out(name: str, operands: tuple[Any, ...]) -> str:
    describe: Any = jax.ShapeDtypeStruct
    avals = [describe(shape, dtype, weak_type=weak) for shape, dtype, weak in operands]
    program = jax.make_jaxpr(FUNCTIONS[name])(*avals)
    return next((str(each) for each in _list_programs([equation.params for equation in program.eqns])), "")


def _list_programs(holder: Any) -> Iterator[Any]:
    """Return the programs in parameters, however they are packed."""
    if isinstance(holder, (ClosedJaxpr, Jaxpr)):
        yield holder
    elif isinstance(holder, Mapping):
        yield from _list_programs(tuple(holder.values()))
    elif isinstance(holder, (list, tuple)):
        for each in holder:
            yield from _list_programs(each)


def list_fed(program: Any, fed: Sequence[bool] | None = None) -> set[str]:
    """Return the names of all primitives whose first operand depends on an input, of programs within as well.

    A factorization of a constant matrix is not among them, nor a system of equations with such a matrix. All inputs of
    loops and branches count where one does.

    >>> solve = lambda matrix, x: jnp.linalg.cholesky(matrix) @ x
    >>> "cholesky" in list_fed(jax.make_jaxpr(solve)(jnp.eye(2), jnp.ones(2)))
    True
    >>> "cholesky" in list_fed(jax.make_jaxpr(lambda x: solve(jnp.eye(2), x))(jnp.ones(2)))
    False
    """
    body = getattr(program, "jaxpr", program)
    known = dict.fromkeys(body.invars, True) if fed is None else dict(zip(body.invars, fed, strict=True))
    found: set[str] = set()
    for equation in body.eqns:
        reads = [not isinstance(read, Literal) and known.get(read, False) for read in equation.invars]
        if reads and reads[0]:
            found.add(equation.primitive.name)
        for inner in _list_programs(dict(equation.params)):
            same = len(getattr(inner, "jaxpr", inner).invars) == len(reads) and equation.primitive.name not in {
                "scan",
                "while",
            }
            found |= list_fed(inner, reads if same else None) if any(reads) else set()
        known |= dict.fromkeys(equation.outvars, any(reads))
    return found


def read_call(equation: Equation) -> Any:
    """Return the program that an equation runs on its operands as they are, or None."""
    for key in CALLS.get(equation.name, ()):
        program = equation.params.get(key)
        if isinstance(program, (ClosedJaxpr, Jaxpr)):
            body = getattr(program, "jaxpr", program)
            fits = len(body.invars) == len(equation.reads) and len(body.outvars) == len(equation.gives)
            return program if fits else None
    return None


def read_loop(equation: Equation) -> Loop:
    """Return the loop that a scan is.

    Raises `ProgramError` for a scan written in a way that is not known.
    """
    params = equation.params
    try:
        if "num_consts" in params:  # JAX before 0.12
            n_constants, n_carry = params["num_consts"], params["num_carry"]
        else:
            n_constants, n_carry, _ = (len(list(part)) for part in params["ft_in"].unpack())
        return Loop(params["jaxpr"], n_constants, n_carry, params["length"], params["reverse"])
    except (KeyError, AttributeError, TypeError, ValueError) as error:
        raise _unknown("a loop (scan)") from error


def read_branches(equation: Equation) -> Branches:
    """Return the programs between which a cond or a switch chooses.

    Raises `ProgramError` for a cond written in a way that is not known.
    """
    try:
        return tuple(equation.params["branches"])
    except (KeyError, TypeError) as error:
        raise _unknown("a branch (cond)") from error


def require_values_only(program: Any) -> None:
    """Raise `ProgramError` for a program that writes to references, which carry values past its equations."""
    effects = getattr(program, "jaxpr", program).effects
    others = {type(effect).__name__ for effect in effects} - HARMLESS
    if others:
        raise ProgramError(
            f"the program changes references in place ({', '.join(sorted(others))}), which is not followed",
            remedy="Use arrays and .at[].set instead of jax.new_ref.",
        )


def is_inexact(value: Any) -> bool:
    """Return whether an array, or what describes one, holds numbers that can be NaN."""
    dtype = getattr(value, "dtype", None)
    if dtype is None:
        return isinstance(value, (float, complex))
    return bool(jnp.issubdtype(dtype, jnp.inexact))


def _is_complex(aval: Any) -> bool:
    dtype = getattr(aval, "dtype", None)
    return dtype is not None and bool(jnp.issubdtype(dtype, jnp.complexfloating))


def is_traced(value: Any) -> bool:
    """Return whether a value is not there yet, while JAX traces the function that computes it."""
    return isinstance(value, jax.core.Tracer)


def at_once() -> AbstractContextManager[None]:
    """Return a context in which JAX computes what it can, also while it traces a function around.

    Where it traces none it does so anyway. What it is told then holds inside of functions that are compiled, too: each
    operation on constants would be a program of its own.
    """
    return jax.ensure_compile_time_eval() if is_traced(jnp.zeros(())) else nullcontext()


def _unknown(what: str) -> ProgramError:
    return ProgramError(
        f"JAX {jax.__version__} writes {what} in a way that this release of retrodict does not know",
        remedy="Install a release of JAX from 0.7 to 0.12, or a newer retrodict.",
    )
