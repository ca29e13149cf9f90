"""Rules of linear algebra: products of matrices, decompositions, solutions, convolutions."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np

from retrodict.graph.rows import Integers
from retrodict.read.jaxpr.internals import Equation
from retrodict.read.jaxpr.rules import need_everything, rule
from retrodict.read.jaxpr.sets import SetTable
from retrodict.read.jaxpr.values import Tracked


@rule("dot_general")
def multiply_matrices(table: SetTable, equation: Equation, operands: Sequence[Tracked]) -> list[Integers]:
    """Unite a row and a column, without what meets a zero of a constant matrix: see `numpyro_rules.multiply`."""
    (left_sum, right_sum), (left_batch, right_batch) = equation.params["dimension_numbers"]
    left, right = operands
    rows, row_zero = _to_batches(left, left_batch, left_sum)
    columns, column_zero = _to_batches(right, right_batch, right_sum)
    batch, n_rows, length = rows.shape
    result: Integers = np.zeros((batch, n_rows, columns.shape[1]), dtype=np.int64)
    if row_zero is None and column_zero is None:
        result = table.unite(table.reduce(rows, [2])[:, :, None], table.reduce(columns, [2])[:, None, :])
    else:
        no_row, no_column = _or(row_zero, rows)[:, :, None, :], _or(column_zero, columns)[:, None, :, :]
        for k in range(length):
            row, column = rows[:, :, None, k], columns[:, None, :, k]
            product = np.where(no_row[..., k], table.cancel(column), table.unite(row, column))
            result = table.unite(result, np.where(no_column[..., k], table.cancel(row), product))
    return [result.reshape(equation.shapes[0])]


def _to_batches(operand: Tracked, batch: Sequence[int], summed: Sequence[int]) -> tuple[Integers, Any]:
    """Return sets, and constant zeros if there are any, as (batch, free, summed)."""
    sets = operand.sets
    free = [axis for axis in range(sets.ndim) if axis not in (*batch, *summed)]
    order = (*batch, *free, *summed)
    sizes = [int(np.prod([sets.shape[axis] for axis in group], dtype=np.int64)) for group in (batch, free, summed)]
    zero = None
    if operand.known.any():
        marked = operand.known & (operand.value == 0)
        zero = marked.transpose(order).reshape(sizes) if marked.any() else None
    return sets.transpose(order).reshape(sizes), zero


def _or(zero: Any, sets: Integers) -> Any:
    return np.zeros(sets.shape, dtype=bool) if zero is None else zero


@rule("cholesky", "lu", "qr", "geqrf", "eigh", "eig", "svd", "schur", "hessenberg", "householder_product")
def decompose(table: SetTable, equation: Equation, operands: Sequence[Tracked]) -> list[Integers]:
    """Everything of a matrix needs everything of that matrix; matrices of a batch are apart."""
    n_batch = operands[0].sets.ndim - 2
    batches = [operand.sets.shape[:n_batch] for operand in operands]
    if len(set(batches)) > 1:
        return need_everything(table, equation, operands)
    needed = table.unite(*(table.reduce(operand.sets, range(n_batch, operand.sets.ndim)) for operand in operands))
    aligned = [needed.reshape((*batches[0], *[1] * (len(shape) - n_batch))) for shape in equation.shapes]
    return [np.broadcast_to(sets, shape) for sets, shape in zip(aligned, equation.shapes, strict=True)]


@rule("triangular_solve")
def solve_triangular(table: SetTable, equation: Equation, operands: Sequence[Tracked]) -> list[Integers]:
    """Each right-hand side is solved for itself, with the whole matrix."""
    matrix, sides = operands
    whole = table.reduce(matrix.sets, [matrix.sets.ndim - 2, matrix.sets.ndim - 1])
    axis = sides.sets.ndim - (2 if equation.params["left_side"] else 1)
    return [table.unite(table.spread(sides.sets, axis), whole[..., None, None])]


@rule("conv_general_dilated")
def convolve(table: SetTable, equation: Equation, operands: Sequence[Tracked]) -> list[Integers]:
    """Each image of a batch is convolved for itself, with the whole kernel."""
    images, kernel = operands
    numbers, shape = equation.params["dimension_numbers"], equation.shapes[0]
    if equation.params["batch_group_count"] != 1:
        return need_everything(table, equation, operands)
    axis = numbers.lhs_spec[0]
    whole = table.reduce(images.sets, [i for i in range(images.sets.ndim) if i != axis])
    aligned = [-1 if i == numbers.out_spec[0] else 1 for i in range(len(shape))]
    needed = table.unite(whole.reshape(aligned), np.array(table.total([kernel.sets])))
    return [np.broadcast_to(needed, shape)]
