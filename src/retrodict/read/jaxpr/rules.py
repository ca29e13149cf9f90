"""Which elements of its operands each element of a primitive's result needs: one rule a family of primitives.

A rule takes the table of sets, the equation and its operands, and returns the sets of each result. It may return
too many inputs and never too few. A primitive without a rule needs everything for everything.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence

import numpy as np

from retrodict.errors import ProgramError
from retrodict.graph.rows import Integers
from retrodict.read.jaxpr.doubts import keeps_nan, stays_finite
from retrodict.read.jaxpr.internals import Equation
from retrodict.read.jaxpr.sets import SetTable
from retrodict.read.jaxpr.values import Tracked

Rule = Callable[[SetTable, Equation, Sequence[Tracked]], list[Integers]]

RULES: dict[str, Rule] = {}

# Values come from where no equation shows: references, boxes, logs, other devices, and Python itself.
STATE = """
accum_grad_in_ref addupdate box_get box_set create_linear empty_ref free_ref freeze get get_global io_callback
log_extend log_read masked_load masked_swap new_box new_log new_ref pin precv psend swap unpin
"""
STATEFUL = frozenset(STATE.split())

# Primitives whose rules know of the programs in their parameters: functions of what was there and what is written.
KNOWN_PROGRAMS = {"scatter", "scatter-add", "scatter-mul", "scatter-min", "scatter-max", "scatter-sub"}


def rule(*names: str) -> Callable[[Rule], Rule]:
    """Register a rule for primitives of these names."""

    def register(function: Rule) -> Rule:
        RULES.update(dict.fromkeys(names, function))
        return function

    return register


def need_everything(table: SetTable, equation: Equation, operands: Sequence[Tracked]) -> list[Integers]:
    """Every element of every result needs all elements of all operands: right for any primitive."""
    total = table.total(operand.sets for operand in operands)
    return [np.full(shape, total) for shape in equation.shapes]


def apply_rule(table: SetTable, equation: Equation, operands: Sequence[Tracked]) -> list[Integers]:
    """Return the sets of the results of an equation, with what may be NaN or infinite about them.

    Raises `ProgramError` for values that come from where no equation shows.
    """
    if equation.name in STATEFUL:
        raise ProgramError(
            f"the program uses {equation.name!r} of JAX, which takes values from where no equation shows",
            remedy="Use arrays and functions of them, and jax.pure_callback instead of io_callback.",
        )
    if not keeps_nan(equation):
        operands = [operand.exposed(table) for operand in operands]
    results = _find_needs(table, equation, operands)
    if not stays_finite(equation, operands):
        results = [table.doubt(sets) for sets in results]
    return [sets if inexact else table.settle(sets) for sets, inexact in zip(results, equation.inexact, strict=True)]


def _find_needs(table: SetTable, equation: Equation, operands: Sequence[Tracked]) -> list[Integers]:
    """Return what the results need by the rule of the primitive.

    Where a rule does not fit what this version of JAX means by a name, everything is needed for everything; so it is
    where a primitive runs a program that its rule does not know of.
    """
    own = RULES.get(equation.name, need_everything)
    if equation.carries_programs and equation.name not in KNOWN_PROGRAMS:
        own = need_everything
    try:
        sets = own(table, equation, operands)
    except KeyError:  # a parameter that has another name in this version
        return need_everything(table, equation, operands)
    fits = [each.shape for each in sets] == list(equation.shapes)
    return sets if fits else need_everything(table, equation, operands)


ELEMENTWISE = """
abs acos acosh add add_any and asin asinh atan atan2 atanh bessel_i0e bessel_i1e cbrt ceil clamp clz complex conj
convert_element_type copy cos cosh digamma div eq eq_to erf erf_inv erfc exp exp2 expm1 floor ge gt igamma
igamma_grad_a igammac imag integer_pow is_finite le le_to lgamma log log1p log2 logaddexp logistic lt lt_to max min
mulhi name ne neg nextafter not one_minus_square or polygamma population_count pow real reduce_precision
regularized_incomplete_beta rem round rsqrt sharding_constraint shift_left shift_right_arithmetic shift_right_logical
sign sin sinh sqrt square stop_gradient sub tan tanh xlog1py xlogy xor zeta
"""


@rule(*ELEMENTWISE.split())
def unite_elements(table: SetTable, equation: Equation, operands: Sequence[Tracked]) -> list[Integers]:
    """Unite the elements at the same place; scalars serve all places."""
    united = table.unite(*(operand.sets for operand in operands))
    return [np.broadcast_to(united, equation.shapes[0])]


@rule("mul")
def multiply(table: SetTable, equation: Equation, operands: Sequence[Tracked]) -> list[Integers]:
    """Unite as elementwise, but let the zeros of a constant array mask; a lone zero is kept, as ``a - a`` is.

    What is masked decides no more than whether the product is NaN, and nothing where it is certainly finite.
    """
    united = unite_elements(table, equation, operands)[0]
    for mask, other in (operands, operands[::-1]):
        if mask.sets.ndim and (mask.known & ~other.known).any():
            united = np.where(mask.known & (mask.value == 0), table.cancel(other.sets), united)
    return [united]


@rule("select_n")
def select(table: SetTable, equation: Equation, operands: Sequence[Tracked]) -> list[Integers]:
    """Where the selector is constant, only the chosen case is needed."""
    which, cases = operands[0], [case.sets for case in operands[1:]]
    united = table.unite(which.sets, *cases)
    if not which.known.any():
        return [united]
    shape = cases[0].shape
    known = np.broadcast_to(which.known, shape)
    chosen = np.broadcast_to(np.where(which.known, which.value, 0).astype(np.int64), shape)
    return [np.where(known, np.take_along_axis(np.stack(cases), chosen[None], axis=0)[0], united)]


# -- moving elements about ---------------------------------------------------------------------------


@rule("reshape")
def reshape(_: SetTable, equation: Equation, operands: Sequence[Tracked]) -> list[Integers]:
    """Keep the elements in their order, or in the order of permuted dimensions."""
    dimensions = equation.params.get("dimensions")
    sets = operands[0].sets if dimensions is None else operands[0].sets.transpose(dimensions)
    return [sets.reshape(equation.params["new_sizes"])]


@rule("squeeze")
def squeeze(_: SetTable, equation: Equation, operands: Sequence[Tracked]) -> list[Integers]:
    """Drop or add axes of length one."""
    return [operands[0].sets.reshape(equation.shapes[0])]


@rule("transpose")
def transpose(_: SetTable, equation: Equation, operands: Sequence[Tracked]) -> list[Integers]:
    """Permute axes."""
    return [operands[0].sets.transpose(equation.params["permutation"])]


@rule("broadcast_in_dim")
def broadcast(_: SetTable, equation: Equation, operands: Sequence[Tracked]) -> list[Integers]:
    """Place the axes where they belong, and repeat."""
    shape, places = equation.params["shape"], equation.params["broadcast_dimensions"]
    aligned = [1] * len(shape)
    for place, length in zip(places, operands[0].sets.shape, strict=True):
        aligned[place] = length
    return [np.broadcast_to(operands[0].sets.reshape(aligned), shape)]


@rule("slice")
def cut(_: SetTable, equation: Equation, operands: Sequence[Tracked]) -> list[Integers]:
    """Take a slice whose bounds are part of the program."""
    starts, limits = equation.params["start_indices"], equation.params["limit_indices"]
    strides = equation.params["strides"] or (1,) * len(starts)
    return [operands[0].sets[tuple(map(slice, starts, limits, strides))]]


@rule("rev")
def reverse(_: SetTable, equation: Equation, operands: Sequence[Tracked]) -> list[Integers]:
    """Reverse axes."""
    return [np.flip(operands[0].sets, equation.params["dimensions"])]


@rule("concatenate")
def concatenate(_: SetTable, equation: Equation, operands: Sequence[Tracked]) -> list[Integers]:
    """Join along an axis."""
    return [np.concatenate([operand.sets for operand in operands], axis=equation.params["dimension"])]


@rule("stack")
def stack(_: SetTable, equation: Equation, operands: Sequence[Tracked]) -> list[Integers]:
    """Join along a new axis."""
    return [np.stack([operand.sets for operand in operands], axis=equation.params["axis"])]


@rule("unstack")
def unstack(_: SetTable, equation: Equation, operands: Sequence[Tracked]) -> list[Integers]:
    """Take an axis apart."""
    return list(np.moveaxis(operands[0].sets, equation.params["axis"], 0))


@rule("tile")
def tile(_: SetTable, equation: Equation, operands: Sequence[Tracked]) -> list[Integers]:
    """Repeat along the axes."""
    return [np.tile(operands[0].sets, equation.params["reps"])]


@rule("split")
def split(_: SetTable, equation: Equation, operands: Sequence[Tracked]) -> list[Integers]:
    """Cut along an axis."""
    stops = np.cumsum(equation.params["sizes"])[:-1].tolist()
    return np.split(operands[0].sets, stops, axis=equation.params["axis"])


@rule("pad")
def pad(_: SetTable, equation: Equation, operands: Sequence[Tracked]) -> list[Integers]:
    """Put a border of the padding value around and between the elements."""
    import jax.numpy as jnp

    ids = [jnp.asarray(operand.sets, jnp.int32) for operand in operands]
    return [np.asarray(equation.bind(*ids), dtype=np.int64)]


@rule("optimization_barrier", "device_put")
def keep(_: SetTable, __: Equation, operands: Sequence[Tracked]) -> list[Integers]:
    """Return what came in."""
    return [operand.sets for operand in operands]


# -- bringing elements together ----------------------------------------------------------------------


@rule(
    *("reduce_sum", "reduce_max", "reduce_min", "reduce_prod", "reduce_and", "reduce_or", "reduce_xor"),
    *("argmax", "argmin"),
)
def reduce(table: SetTable, equation: Equation, operands: Sequence[Tracked]) -> list[Integers]:
    """Unite along the axes that are reduced."""
    return [table.reduce(operands[0].sets, equation.params["axes"])]


@rule("cumsum", "cumprod", "cummax", "cummin", "cumlogsumexp")
def accumulate(table: SetTable, equation: Equation, operands: Sequence[Tracked]) -> list[Integers]:
    """Unite with what comes before."""
    return [table.accumulate(operands[0].sets, equation.params["axis"], equation.params["reverse"])]


@rule("sort")
def sort(table: SetTable, equation: Equation, operands: Sequence[Tracked]) -> list[Integers]:
    """Any element may come to any place along the axis."""
    axis = equation.params["dimension"]
    return [table.spread(table.unite(*(operand.sets for operand in operands)), axis)] * len(operands)


@rule("top_k")
def take_best(table: SetTable, equation: Equation, operands: Sequence[Tracked]) -> list[Integers]:
    """Any element along the axis may be among the best."""
    axis = equation.params.get("axis", -1)
    axis = range(operands[0].sets.ndim)[axis]
    needed = np.expand_dims(table.reduce(operands[0].sets, [axis]), axis)
    return [np.broadcast_to(needed, shape) for shape in equation.shapes]
