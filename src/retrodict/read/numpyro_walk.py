"""Follow a traced program equation by equation, carrying for each element of each array the inputs it needs."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import jax.numpy as jnp
import numpy as np
from jax.extend.core import ClosedJaxpr, Jaxpr, Literal

import retrodict.read.numpyro_indexing  # noqa: F401  registers the rules of indexing
from retrodict.errors import ProgramError
from retrodict.graph.rows import Integers
from retrodict.read.numpyro_rules import apply_rule
from retrodict.read.numpyro_sets import SetTable
from retrodict.read.numpyro_values import Evaluation, Tracked

# Effects that carry no values to other equations.
HARMLESS = {"DebugEffect", "OrderedDebugEffect", "IOEffect", "OrderedIOEffect"}

# Primitives that run a program of their own on their operands as they are, and where they keep it.
CALLS = {
    "jit": "jaxpr",
    "pjit": "jaxpr",
    "closed_call": "call_jaxpr",
    "core_call": "call_jaxpr",
    "call": "call_jaxpr",
    "remat": "jaxpr",
    "remat2": "jaxpr",
    "checkpoint": "jaxpr",
    "custom_jvp_call": "call_jaxpr",
    "custom_vjp_call": "call_jaxpr",
    "custom_vjp_call_jaxpr": "fun_jaxpr",
}


def follow(program: ClosedJaxpr, inputs: Sequence[Integers], table: SetTable) -> list[Tracked]:
    """Return the results of a traced program, given the numbers of the sets that its inputs stand for.

    Raises `ProgramError` for a program that writes to references, which carry values past its equations.

    >>> import jax
    >>> table = SetTable()
    >>> program = jax.make_jaxpr(lambda x: x[1:] * x[:-1])(np.zeros(3))
    >>> [result.sets for result in follow(program, [table.singletons(range(3))], table)][0].tolist()
    [4, 5]
    >>> table.members(np.array([4, 5]))
    [[0, 1], [1, 2]]
    """
    _require_values_only(program.jaxpr)
    avals = [variable.aval for variable in program.jaxpr.invars]
    tracked = [Tracked.input(sets, np.zeros(aval.shape, aval.dtype)) for sets, aval in zip(inputs, avals, strict=True)]
    return Walk(table).run_closed(program, tracked)


def _require_values_only(program: Jaxpr) -> None:
    others = {type(effect).__name__ for effect in program.effects} - HARMLESS
    if others:
        raise ProgramError(
            f"the program changes references in place ({', '.join(sorted(others))}), which is not followed",
            remedy="Use arrays and .at[].set instead of jax.new_ref.",
        )


class Walk:
    """One walk through a program; equations whose results nobody reads are left out."""

    def __init__(self, table: SetTable) -> None:
        self.table = table
        self._needed: dict[int, list[Any]] = {}

    def run_closed(self, program: ClosedJaxpr, inputs: Sequence[Tracked]) -> list[Tracked]:
        """Follow a program together with its constants."""
        return self.run(program.jaxpr, [Tracked.constant(value) for value in program.consts], inputs)

    def run(self, program: Jaxpr, constants: Sequence[Tracked], inputs: Sequence[Tracked]) -> list[Tracked]:
        """Follow a program, given its constants and inputs."""
        found: dict[Any, Tracked] = dict(zip(program.constvars, constants, strict=True))
        found.update(zip(program.invars, inputs, strict=True))

        def read(atom: Any) -> Tracked:
            return Tracked.constant(atom.val) if isinstance(atom, Literal) else found[atom]

        for equation in self._list_needed(program):
            results = self._step(equation, [read(atom) for atom in equation.invars])
            found.update(zip(equation.outvars, results, strict=True))
        return [read(atom) for atom in program.outvars]

    def _list_needed(self, program: Jaxpr) -> list[Any]:
        """Return the equations on which the results depend, in order."""
        if id(program) not in self._needed:
            wanted = {atom for atom in program.outvars if not isinstance(atom, Literal)}
            kept = []
            for equation in reversed(program.eqns):
                if not wanted.isdisjoint(equation.outvars):
                    kept.append(equation)
                    wanted.update(atom for atom in equation.invars if not isinstance(atom, Literal))
            self._needed[id(program)] = kept[::-1]
        return self._needed[id(program)]

    def _step(self, equation: Any, operands: list[Tracked]) -> list[Tracked]:
        name = equation.primitive.name
        if name in CALLS and CALLS[name] in equation.params:
            return self._call(equation.params[CALLS[name]], operands)
        if name == "scan":
            return self._scan(equation, operands)
        if name == "cond":
            return self._branch(equation, operands)
        return _compute_when_asked(equation, operands, apply_rule(self.table, equation, operands))

    def _call(self, program: Any, operands: list[Tracked]) -> list[Tracked]:
        if isinstance(program, ClosedJaxpr):
            return self.run_closed(program, operands)
        return self.run(program, [], operands)

    def _branch(self, equation: Any, operands: list[Tracked]) -> list[Tracked]:
        """Where the index is constant, follow its branch; else any branch may have been taken."""
        which, rest = operands[0], operands[1:]
        branches = equation.params["branches"]
        if which.known.all():
            return self.run_closed(branches[int(np.clip(which.value, 0, len(branches) - 1))], rest)
        results = zip(*(self.run_closed(branch, rest) for branch in branches), strict=True)
        sets = [self.table.unite(which.sets, *(result.sets for result in same)) for same in results]
        return _compute_when_asked(equation, operands, sets)

    def _scan(self, equation: Any, operands: list[Tracked]) -> list[Tracked]:
        """Follow the body once for each iteration."""
        params = equation.params
        n_constants, n_carry, length = params["num_consts"], params["num_carry"], params["length"]
        constants, carry = operands[:n_constants], operands[n_constants : n_constants + n_carry]
        sequences = operands[n_constants + n_carry :]
        rows: list[list[Tracked]] = [[] for _ in range(length)]
        for i in range(length)[:: -1 if params["reverse"] else 1]:
            here = [_take(sequence, i) for sequence in sequences]
            results = self.run_closed(params["jaxpr"], [*constants, *carry, *here])
            carry, rows[i] = results[:n_carry], results[n_carry:]
        outs = equation.outvars[n_carry:]
        return [*carry, *(_stack(out.aval, [row[k] for row in rows]) for k, out in enumerate(outs))]


def _compute_when_asked(equation: Any, operands: list[Tracked], sets: list[Integers]) -> list[Tracked]:
    primitive, several = equation.primitive, equation.primitive.multiple_results

    def compute(values: list[Any]) -> Sequence[Any]:
        result = primitive.bind(*map(jnp.asarray, values), **equation.params)
        return result if several else [result]

    source = Evaluation(compute, operands)
    return [Tracked(np.asarray(each, dtype=np.int64), source, place) for place, each in enumerate(sets)]


def _take(sequence: Tracked, i: int) -> Tracked:
    return Tracked(sequence.sets[i], Evaluation(lambda values: [values[0][i]], [sequence]))


def _stack(aval: Any, rows: list[Tracked]) -> Tracked:
    sets = np.stack([row.sets for row in rows]) if rows else np.zeros(aval.shape, dtype=np.int64)
    return Tracked(sets, Evaluation(lambda values: [jnp.stack(values) if values else np.zeros(aval.shape)], rows))
