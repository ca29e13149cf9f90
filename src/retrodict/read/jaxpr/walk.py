"""Follow a traced program equation by equation, carrying for each element of each array the inputs it needs."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import jax.numpy as jnp
import numpy as np

import retrodict.read.jaxpr.indexing
import retrodict.read.jaxpr.matrices  # noqa: F401  both register rules
from retrodict.graph.rows import Integers
from retrodict.read.jaxpr.doubts import stays_positive
from retrodict.read.jaxpr.internals import (
    ClosedJaxpr,
    Equation,
    Literal,
    OpenedProgram,
    open_program,
    read_branches,
    read_call,
    read_loop,
    require_values_only,
)
from retrodict.read.jaxpr.rules import RULES, apply_rule
from retrodict.read.jaxpr.sets import DOUBTFUL, SetTable
from retrodict.read.jaxpr.values import Evaluation, Tracked, mark_constant


def follow(program: ClosedJaxpr, inputs: Sequence[Integers], table: SetTable) -> list[Tracked]:
    """Return the results of a traced program, given the numbers of the sets that its inputs stand for.

    Raises `ProgramError` for a program that writes to references, which carry values past its equations.

    >>> import jax
    >>> table = SetTable()
    >>> program = jax.make_jaxpr(lambda x: x[1:] * x[:-1])(np.zeros(3))
    >>> [result] = follow(program, [table.singletons(range(3))], table)
    >>> table.members(result.sets)
    [[0, 1], [1, 2]]
    """
    require_values_only(program)
    avals = [variable.aval for variable in open_program(program).inputs]
    tracked = [Tracked.input(sets, np.zeros(aval.shape, aval.dtype)) for sets, aval in zip(inputs, avals, strict=True)]
    return Walk(table).run(program, tracked)


class Walk:
    """One walk through a program."""

    def __init__(self, table: SetTable) -> None:
        self.table = table
        self._opened: dict[int, tuple[OpenedProgram, dict[Any, Tracked]]] = {}

    def open(self, program: Any) -> tuple[OpenedProgram, dict[Any, Tracked]]:
        """Take a program and its constants apart, once: the body of a loop is run many times."""
        if id(program) not in self._opened:
            parts = open_program(program)
            constants = {name: Tracked.constant(value) for name, value in parts.constants.items()}
            self._opened[id(program)] = parts, constants
        return self._opened[id(program)]

    def run(self, program: Any, inputs: Sequence[Tracked]) -> list[Tracked]:
        """Follow a program, given its inputs."""
        parts, constants = self.open(program)
        found = {**constants, **dict(zip(parts.inputs, inputs, strict=True))}

        def read(atom: Any) -> Tracked:
            return Tracked.constant(atom.val) if isinstance(atom, Literal) else found[atom]

        for equation in parts.equations:
            results = self._step(equation, [read(atom) for atom in equation.reads])
            found.update(zip(equation.gives, results, strict=True))
        return [read(atom) for atom in parts.outputs]

    def _step(self, equation: Equation, operands: list[Tracked]) -> list[Tracked]:
        called = read_call(equation)
        if called is not None:
            return self.run(called, operands)
        if equation.name == "scan":
            return self._scan(equation, operands)
        if equation.name == "cond":
            return self._branch(equation, operands)
        return self._apply(equation, operands)

    def _apply(self, equation: Equation, operands: list[Tracked]) -> list[Tracked]:
        """Apply the rule of a primitive; constants are looked at rather than doubted."""
        results = _compute_when_asked(equation, operands, apply_rule(self.table, equation, operands))
        if stays_positive(equation, operands):
            for result in results:
                result.is_positive = True
        if equation.name in RULES and all(operand.known.all() for operand in operands):
            return [_look_closer(result) for result in results]
        return results

    def _branch(self, equation: Equation, operands: list[Tracked]) -> list[Tracked]:
        """Where the index is constant, follow its branch; else any branch may have been taken."""
        which, rest = operands[0], operands[1:]
        branches = read_branches(equation)
        if which.known.all():
            return self.run(branches[int(np.clip(which.value, 0, len(branches) - 1))], rest)
        results = zip(*(self.run(branch, rest) for branch in branches), strict=True)
        sets = [self.table.unite(which.sets, *(result.sets for result in same)) for same in results]
        return _compute_when_asked(equation, operands, sets)

    def _scan(self, equation: Equation, operands: list[Tracked]) -> list[Tracked]:
        """Follow the body once for each iteration."""
        loop = read_loop(equation)
        constants, carry = operands[: loop.n_constants], operands[loop.n_constants :][: loop.n_carry]
        sequences = operands[loop.n_constants + loop.n_carry :]
        rows: list[list[Tracked]] = [[] for _ in range(loop.length)]
        for i in range(loop.length)[:: -1 if loop.reverse else 1]:
            here = [_take(sequence, i) for sequence in sequences]
            results = self.run(loop.body, [*constants, *carry, *here])
            carry, rows[i] = results[: loop.n_carry], results[loop.n_carry :]
        shapes = equation.shapes[loop.n_carry :]
        return [*carry, *(_stack(shape, [row[k] for row in rows]) for k, shape in enumerate(shapes))]


def _compute_when_asked(equation: Equation, operands: list[Tracked], sets: list[Integers]) -> list[Tracked]:
    source = Evaluation(equation.compute, operands)
    return [Tracked(np.asarray(each, dtype=np.int64), source, place) for place, each in enumerate(sets)]


def _look_closer(constant: Tracked) -> Tracked:
    doubted = (constant.sets == DOUBTFUL).any()
    return constant.having(mark_constant(constant.raw)) if doubted else constant


def _take(sequence: Tracked, i: int) -> Tracked:
    return Tracked(sequence.sets[i], Evaluation(lambda values: [values[0][i]], [sequence]))


def _stack(shape: tuple[int, ...], rows: list[Tracked]) -> Tracked:
    sets = np.stack([row.sets for row in rows]) if rows else np.zeros(shape, dtype=np.int64)
    return Tracked(sets, Evaluation(lambda values: [jnp.stack(values) if values else np.zeros(shape)], rows))
