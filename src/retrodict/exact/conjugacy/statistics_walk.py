"""Prove of which statistics of one argument a traced function is a sum, with coefficients free of that argument."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import replace
from typing import Any

import numpy as np

from retrodict.exact.conjugacy import statistic_forms as forms
from retrodict.exact.conjugacy.statistic_forms import ANYTHING, Form, Product, Statistic, join, make_free, put_at
from retrodict.exact.conjugacy.statistic_rules import Argument, apply_statistic_rule, place_of
from retrodict.read.jaxpr.internals import (
    ClosedJaxpr,
    Equation,
    Literal,
    is_traced,
    open_program,
    read_branches,
    read_call,
    read_loop,
    require_values_only,
)

# How often a loop is followed until what it carries along has the same form in the next iteration.
MOST_PASSES = 6

# Constants longer than this are not compared by value.
LONGEST_KEY = 100_000

# Functions whose slopes may be other than their values say; slopes are what coefficients are computed from.
OWN_SLOPES = frozenset(["custom_jvp_call", "custom_vjp_call"])


def list_statistics(program: ClosedJaxpr, argument: int, *, below_one: bool) -> tuple[frozenset[Statistic], ...]:
    r"""Return for each result of a traced function of which statistics of one argument its elements are sums.

    The argument v is positive, and less than one if ``below_one``. A result with the statistics s is, at all such v,
    :math:`c + \sum_i \sum_s a_{si}\, s(v_i)`, where neither c nor any a depends on v. This is proved by following
    the operations. ``OTHER`` stands for whatever is not proved to be a sum of logarithms and powers.

    Arguments:
        program: the traced function, whose arguments are arrays.
        argument: the number of the argument in question.
        below_one: whether all its elements are less than one.

    >>> import jax, jax.numpy as jnp
    >>> program = jax.make_jaxpr(lambda rate, x: (x * jnp.log(3 * rate) - rate).sum())(1.0, np.ones(2))
    >>> [found] = list_statistics(program, 0, below_one=False)
    >>> found == {forms.LOG, forms.V}
    True
    """
    require_values_only(program)
    names = open_program(program).inputs
    inputs: list[Form] = [make_free() for _ in names]
    inputs[argument] = Product(frozenset([forms.V]), 1.0, "v")
    positive = Argument(math.prod(names[argument].aval.shape) == 1, below_one)
    return tuple(form.statistics for form in StatisticsWalk(positive).run(program, inputs))


class StatisticsWalk:
    """One walk through a program: the form of each of its arrays. What has no rule is free if all operands are."""

    def __init__(self, argument: Argument) -> None:
        self.argument = argument

    def run(self, program: Any, inputs: Sequence[Form]) -> list[Form]:
        """Return the forms of the results of a program, given those of its inputs."""
        parts = open_program(program)
        found: dict[Any, Form] = {name: _read_constant(value) for name, value in parts.constants.items()}
        found |= dict(zip(parts.inputs, inputs, strict=True))

        def read(atom: Any) -> Form:
            return _read_constant(atom.val) if isinstance(atom, Literal) else found[atom]

        for equation in parts.equations:
            results = self._step(equation, [read(atom) for atom in equation.reads])
            found.update(zip(equation.gives, results, strict=True))
        return [read(atom) for atom in parts.outputs]

    def _step(self, equation: Equation, operands: list[Form]) -> list[Form]:
        called = read_call(equation)
        if called is not None and equation.name not in OWN_SLOPES:
            return self.run(called, operands)
        if all(form.is_free for form in operands):
            return [make_free(_find_factor(equation, operands)) for _ in equation.gives]
        if equation.name == "scan":
            return self._scan(equation, operands)
        if equation.name == "cond":
            return self._branch(equation, operands)
        return apply_statistic_rule(self.argument, equation, operands)

    def _branch(self, equation: Equation, operands: list[Form]) -> list[Form]:
        """Any branch may have been taken, by what does not depend on the argument."""
        which, rest = operands[0], operands[1:]
        results = zip(*(self.run(branch, rest) for branch in read_branches(equation)), strict=True)
        return [put_at(join(*same)) if which.is_free else ANYTHING for same in results]

    def _scan(self, equation: Equation, operands: list[Form]) -> list[Form]:
        """Follow the body until what is carried along keeps its form."""
        loop, here = read_loop(equation), object()
        constants, carry = operands[: loop.n_constants], operands[loop.n_constants :][: loop.n_carry]
        rows = [put_at(form, ("row", here, place_of(form))) for form in operands[loop.n_constants + loop.n_carry :]]
        for _ in range(MOST_PASSES):
            carry = [put_at(form, ("carried", here, place)) for place, form in enumerate(carry)]
            results = self.run(loop.body, [*constants, *carry, *rows])
            joined = [join(old, new) for old, new in zip(carry, results, strict=False)]
            if all(map(_is_alike, joined, carry)):
                return [put_at(form) for form in (*carry, *results[loop.n_carry :])]
            carry = joined
        return [ANYTHING for _ in equation.gives]


def _is_alike(a: Form, b: Form) -> bool:
    return put_at(a, None) == put_at(b, None)


def _read_constant(value: Any) -> Product:
    """Return the form of a constant, with its value where that is the same number everywhere."""
    # A random key has a type without a kind, and no value of a trace is known.
    if is_traced(value) or not _is_number(value) or not 0 < np.size(value) <= LONGEST_KEY:
        return make_free()
    array = np.asarray(value)
    first = float(array.flat[0])
    factor = first if bool((array == first).all()) else None
    return replace(make_free(factor), place=(array.shape, array.dtype.str, array.tobytes()))


def _is_number(value: Any) -> bool:
    dtype = getattr(value, "dtype", None)
    return dtype is None or getattr(dtype, "kind", None) in ("f", "i", "u", "b")


def _find_factor(equation: Equation, operands: Sequence[Form]) -> float | None:
    """Return the number that all elements of a free result are, where it is known."""
    factors = [form.factor if isinstance(form, Product) else None for form in operands]
    if equation.name in ("and", "or") and factors[0] == factors[1]:
        return factors[0]
    if equation.name == "and" and 0 in factors:
        return 0.0
    if equation.name in ("broadcast_in_dim", "reshape", "squeeze", "copy"):
        return factors[0]
    if equation.name == "convert_element_type" and equation.inexact == (True,):
        return factors[0]
    return None
