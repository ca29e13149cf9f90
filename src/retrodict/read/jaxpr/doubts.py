"""Which operations can make NaN or infinities of finite numbers, and which can make something else of NaN.

Following a program takes a constant zero times anything for zero: that is what masks are for. It is NaN where the
other factor is not finite. So each element carries its doubts (`SetTable`): whether it may be NaN or infinite, and
the inputs that decide no more than that. Operations that give NaN for NaN carry doubts along; all others, comparisons
first of all, see a difference, and need those inputs. What is left in doubt at the end makes a density NaN, where the
program has none, and counts as no dependence.

Finite means finite in exact arithmetic: sums, products and exponentials that leave the range of floating-point
numbers are not looked for. Zero has no sign.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence

from retrodict.read.jaxpr.internals import Equation
from retrodict.read.jaxpr.values import Tracked

# These move elements about.
MOVING = """
broadcast_in_dim concatenate copy device_put dynamic_slice dynamic_update_slice gather name optimization_barrier pad
reduce_precision reshape rev scatter select_n sharding_constraint slice split squeeze stack stop_gradient tile
transpose unstack
"""

# Where an operand is NaN, so is the result.
KEEPS_NAN = f"""
{MOVING} abs acos acosh add add_any asin asinh atan atan2 atanh cbrt ceil clamp conv_general_dilated
convert_element_type cos cosh cumprod cumsum digamma div dot_general erf erf_inv erfc exp exp2 expm1 floor integer_pow
lgamma log log1p log2 logaddexp logistic max min mul neg one_minus_square reduce_max reduce_min reduce_prod reduce_sum
rem round rsqrt scatter-add scatter-mul scatter-sub sign sin sinh sqrt square sub tan tanh xlog1py xlogy
"""

# Finite numbers give finite numbers.
STAYS_FINITE = f"""
{MOVING} abs add add_any argmax argmin asinh atan atan2 cbrt ceil clamp conv_general_dilated convert_element_type cos
cosh cummax cummin cumprod cumsum div dot_general erf erfc exp exp2 expm1 floor integer_pow iota logaddexp logistic
max min mul neg one_minus_square reduce_max reduce_min reduce_prod reduce_sum round scatter-add scatter-max
scatter-min scatter-mul scatter-sub sign sin sinh sort square sub tanh top_k
"""

# Finite for what is finite and at least some positive constant.
_FINITE_OF_POSITIVE = frozenset(["log", "rsqrt", "sqrt"])

_KEEPS_NAN, _STAYS_FINITE = frozenset(KEEPS_NAN.split()), frozenset(STAYS_FINITE.split())


def keeps_nan(equation: Equation) -> bool:
    """Return whether a result is NaN where an operand that it needs is."""
    if equation.name not in _KEEPS_NAN or equation.is_complex or _applies_function(equation):
        return False
    if not all(equation.inexact):  # NaN becomes some integer
        return False
    return equation.name != "integer_pow" or equation.params["y"] != 0


def stays_finite(equation: Equation, operands: Sequence[Tracked]) -> bool:
    """Return whether results are finite where the operands are."""
    if equation.is_complex or _applies_function(equation):
        return False
    if equation.name in _FINITE_OF_POSITIVE:
        return operands[0].is_positive
    if equation.name not in _STAYS_FINITE:
        return False
    return equation.name not in _CONDITIONS or _CONDITIONS[equation.name](equation, operands)


def stays_positive(equation: Equation, operands: Sequence[Tracked]) -> bool:
    """Return whether results are at least some positive constant, or NaN: ``max(x, 1e-6)``, as guards are written."""
    if equation.name != "max":
        return False
    return any(bool(operand.known.all()) and bool((operand.value > 0).all()) for operand in operands)


def _applies_function(equation: Equation) -> bool:
    """Return whether a scatter computes what it writes by a function of the user's."""
    return equation.name == "scatter" and equation.params.get("update_jaxpr") is not None


def _divides_by_numbers(_: Equation, operands: Sequence[Tracked]) -> bool:
    divisor = operands[1]
    return divisor.is_positive or (bool(divisor.known.all()) and bool((divisor.value != 0).all()))


def _has_power(equation: Equation, _: Sequence[Tracked]) -> bool:
    return bool(equation.params["y"] >= 0)


def _has_elements(_: Equation, operands: Sequence[Tracked]) -> bool:
    return operands[0].sets.size > 0


def _knows_places(_: Equation, operands: Sequence[Tracked]) -> bool:
    return bool(operands[1].known.all())


_CONDITIONS: dict[str, Callable[[Equation, Sequence[Tracked]], bool]] = {
    "div": _divides_by_numbers,
    "integer_pow": _has_power,
    "reduce_max": _has_elements,  # of nothing: an infinity
    "reduce_min": _has_elements,
    "gather": _knows_places,  # outside of the array: NaN
}
