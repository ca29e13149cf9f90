"""What operations make of powers of a positive argument and of sums of statistics: one rule a family of primitives."""

from __future__ import annotations

import math
from collections.abc import Callable, Hashable, Sequence
from dataclasses import dataclass, replace
from fractions import Fraction

import numpy as np

from retrodict.exact.conjugacy import statistic_forms as forms
from retrodict.exact.conjugacy.statistic_forms import (
    ANYTHING,
    Form,
    Product,
    Sum,
    gather_statistics,
    join,
    make_free,
    put_at,
)
from retrodict.read.jaxpr.internals import Equation

KEEPS = frozenset(["copy", "convert_element_type", "reduce_precision"])
MOVES = frozenset(
    [
        "reshape",
        "squeeze",
        "transpose",
        "broadcast_in_dim",
        "slice",
        "rev",
        "tile",
        "expand_dims",
        "split",
        "unstack",
        "gather",
        "dynamic_slice",
    ]
)
JOINS = frozenset(["concatenate", "stack", "pad", "dynamic_update_slice", "scatter"])
ADDS = frozenset(["reduce_sum", "cumsum", "scatter-add"])
Rule = Callable[["Argument", Equation, Sequence[Form]], Form]


@dataclass(frozen=True)
class Argument:
    """The positive array in question: whether it is a single number, and whether it is less than one."""

    is_single: bool
    below_one: bool

    def are_same(self, a: Form, b: Form) -> bool:
        """Return whether two arrays stem from the same elements of the argument, place by place."""
        return self.is_single or (isinstance(a, Product) and isinstance(b, Product) and a.place == b.place)


def apply_statistic_rule(argument: Argument, equation: Equation, operands: Sequence[Form]) -> list[Form]:
    """Return the forms of the results of an equation, of whose operands one depends on the argument."""
    if equation.is_complex or not (all(equation.inexact) or equation.name in forms.COMPARISONS):
        return [ANYTHING for _ in equation.gives]
    if equation.name in MOVES:
        return [_move(equation, operands, number) for number in range(len(equation.gives))]
    if equation.name == "optimization_barrier":
        return list(operands)
    found = RULES[equation.name](argument, equation, operands) if equation.name in RULES else ANYTHING
    return [found for _ in equation.gives]


def place_of(form: Form) -> Hashable:
    """Return which elements of the argument an array stems from, place by place."""
    return form.place if isinstance(form, Product) else None


def _move(equation: Equation, operands: Sequence[Form], number: int) -> Form:
    """Move elements about: they stay what they are, at places that the operation and its indices decide."""
    moved, *indices = operands
    if not all(form.is_free for form in indices):
        return ANYTHING
    if isinstance(moved, Sum):
        return moved
    place = (equation.name, number, str(sorted(equation.params.items(), key=str)), moved.place)
    fill = equation.params.get("fill_value")
    factor = moved.factor if fill is None or np.isnan(fill) else None
    return Product(moved.powers, factor, (*place, *map(place_of, indices)))


def _merge(argument: Argument, equation: Equation, operands: Sequence[Form]) -> Form:
    """Put elements of several arrays into one."""
    if equation.name.startswith("scatter") and equation.params["update_jaxpr"] is not None and equation.name in JOINS:
        return ANYTHING
    if equation.name == "scatter":
        data, deciding = [operands[0], operands[2]], [operands[1]]
    elif equation.name == "dynamic_update_slice":
        data, deciding = list(operands[:2]), list(operands[2:])
    else:
        data, deciding = list(operands), []
    return put_at(join(*data)) if all(form.is_free for form in deciding) else ANYTHING


def _total(argument: Argument, equation: Equation, operands: Sequence[Form]) -> Form:
    """Add elements up."""
    if equation.name == "scatter-add" and not operands[1].is_free:
        return ANYTHING
    form = operands[0]
    if argument.is_single and equation.name != "scatter-add" and isinstance(form, Product) and len(form.powers) == 1:
        return Product(form.powers)  # the same power of the same number everywhere
    return gather_statistics(*operands)


def _select(argument: Argument, equation: Equation, operands: Sequence[Form]) -> Form:
    """Choose one of several arrays, element by element."""
    which, cases = operands[0], operands[1:]
    if not isinstance(which, Product) or not which.is_free:
        return ANYTHING
    return join(*cases) if which.factor is None else cases[int(which.factor)]


def _power(argument: Argument, equation: Equation, operands: Sequence[Form]) -> Form:
    exponent = operands[1] if len(operands) > 1 else make_free(float(equation.params["y"]))
    if not isinstance(exponent, Product) or not exponent.is_free or exponent.factor is None:
        return ANYTHING
    return forms.raise_to(operands[0], Fraction(exponent.factor)) if math.isfinite(exponent.factor) else ANYTHING


def _multiply(argument: Argument, equation: Equation, operands: Sequence[Form]) -> Form:
    return forms.multiply(*operands, same=argument.are_same(*operands))


def _divide(argument: Argument, equation: Equation, operands: Sequence[Form]) -> Form:
    over = forms.raise_to(operands[1], Fraction(-1))
    return forms.multiply(operands[0], over, same=argument.are_same(operands[0], over))


def _add(argument: Argument, equation: Equation, operands: Sequence[Form]) -> Form:
    return forms.add(*operands, same=argument.are_same(*operands), below_one=argument.below_one)


def _subtract(argument: Argument, equation: Equation, operands: Sequence[Form]) -> Form:
    return _add(argument, equation, [operands[0], forms.negate(operands[1])])


def _log1p(argument: Argument, equation: Equation, operands: Sequence[Form]) -> Form:
    return forms.take_log(_add(argument, equation, [make_free(1.0), operands[-1]]))


def _xlogy(argument: Argument, equation: Equation, operands: Sequence[Form]) -> Form:
    return forms.multiply(operands[0], forms.take_log(operands[1]), same=False)


def _xlog1py(argument: Argument, equation: Equation, operands: Sequence[Form]) -> Form:
    return forms.multiply(operands[0], _log1p(argument, equation, operands[1:]), same=False)


def _absolute(argument: Argument, equation: Equation, operands: Sequence[Form]) -> Form:
    form = operands[0]
    if isinstance(form, Sum):
        return ANYTHING
    return replace(form, factor=None if form.factor is None else abs(form.factor))


def _compare(argument: Argument, equation: Equation, operands: Sequence[Form]) -> Form:
    return forms.compare(equation.name, *operands, below_one=argument.below_one)


def _clamp(argument: Argument, equation: Equation, operands: Sequence[Form]) -> Form:
    """Keep within bounds that are outside of what values can be."""
    low, form, high = operands
    return _least(argument, equation, [_greatest(argument, equation, [form, low]), high])


def _greatest(argument: Argument, equation: Equation, operands: Sequence[Form]) -> Form:
    form, bound = sorted(operands, key=lambda each: each.is_free)
    return forms.clamp_below(form, bound)


def _least(argument: Argument, equation: Equation, operands: Sequence[Form]) -> Form:
    form, bound = sorted(operands, key=lambda each: each.is_free)
    return forms.clamp_above(form, bound) if argument.below_one else ANYTHING


def _contract(argument: Argument, equation: Equation, operands: Sequence[Form]) -> Form:
    """Add products up."""
    return gather_statistics(*operands) if any(form.is_free for form in operands) else ANYTHING


def _factorize(argument: Argument, equation: Equation, operands: Sequence[Form]) -> Form:
    """Take the Cholesky factor of a matrix times a number."""
    form = operands[0]
    if not argument.is_single or isinstance(form, Sum) or len(form.powers) > 1:
        return ANYTHING
    return forms.raise_to(replace(form, factor=None), Fraction(1, 2))


def _solve(argument: Argument, equation: Equation, operands: Sequence[Form]) -> Form:
    """Solve a triangular system whose matrix is a matrix times a number."""
    matrix, right = operands
    if equation.params["unit_diagonal"] or isinstance(matrix, Sum) or len(matrix.powers) > 1:
        return ANYTHING
    if matrix.is_free:
        return gather_statistics(right)
    simple = argument.is_single and isinstance(right, Product) and len(right.powers) == 1
    over = forms.raise_to(replace(matrix, factor=None), Fraction(-1))
    return forms.multiply(over, right, same=True) if simple else ANYTHING


RULES: dict[str, Rule] = {
    **dict.fromkeys(KEEPS, lambda argument, equation, operands: operands[0]),
    **dict.fromkeys(JOINS, _merge),
    **dict.fromkeys(ADDS, _total),
    **dict.fromkeys(forms.COMPARISONS, _compare),
    "select_n": _select,
    "integer_pow": _power,
    "pow": _power,
    "square": lambda argument, equation, operands: forms.raise_to(operands[0], Fraction(2)),
    "sqrt": lambda argument, equation, operands: forms.raise_to(operands[0], Fraction(1, 2)),
    "rsqrt": lambda argument, equation, operands: forms.raise_to(operands[0], Fraction(-1, 2)),
    "mul": _multiply,
    "div": _divide,
    "add": _add,
    "add_any": _add,
    "sub": _subtract,
    "neg": lambda argument, equation, operands: forms.negate(operands[0]),
    "log": lambda argument, equation, operands: forms.take_log(operands[0]),
    "log1p": _log1p,
    "xlogy": _xlogy,
    "xlog1py": _xlog1py,
    "abs": _absolute,
    "max": _greatest,
    "min": _least,
    "clamp": _clamp,
    "dot_general": _contract,
    "cholesky": _factorize,
    "triangular_solve": _solve,
}
