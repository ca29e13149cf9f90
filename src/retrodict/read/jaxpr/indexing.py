"""Rules for indexing: where the index is a constant, exact; where a value decides, every place it could mean."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np
from numpy.typing import NDArray

from retrodict.graph.rows import Integers
from retrodict.read.jaxpr.internals import Equation
from retrodict.read.jaxpr.rules import need_everything, rule
from retrodict.read.jaxpr.sets import DOUBTFUL, EMPTY, SetTable
from retrodict.read.jaxpr.values import Tracked


def move(equation: Equation, sets: Integers, *others: Any, **changed: Any) -> Integers:
    """Run the primitive itself on the numbers of the sets: indexing moves numbers whatever they mean."""
    import jax.numpy as jnp

    moved = equation.bind(jnp.asarray(sets, jnp.int32), *others, **changed)
    return np.asarray(moved, dtype=np.int64)


@rule("dynamic_slice")
def slice_dynamically(table: SetTable, equation: Equation, operands: Sequence[Tracked]) -> list[Integers]:
    """Along an axis where a value decides the start, an element may be any one."""
    sets, starts = operands[0].sets, operands[1:]
    places = []
    for axis, start in enumerate(starts):
        if start.known.all():
            places.append(start.raw)
        else:
            sets = table.spread(sets, axis)
            places.append(np.zeros((), dtype=np.int32))
    return [table.unite(move(equation, sets, *places), *(start.sets for start in starts))]


@rule("dynamic_update_slice")
def update_slice(table: SetTable, equation: Equation, operands: Sequence[Tracked]) -> list[Integers]:
    """Where a value decides the start, every element may be the old one or any new one."""
    import jax.numpy as jnp

    target, update, starts = operands[0], operands[1], operands[2:]
    if all(start.known.all() for start in starts):
        return [move(equation, target.sets, jnp.asarray(update.sets, jnp.int32), *(start.raw for start in starts))]
    anything = np.array(table.total([update.sets, *(start.sets for start in starts)]))
    return [table.unite(target.sets, anything)]


@rule("gather")
def gather(table: SetTable, equation: Equation, operands: Sequence[Tracked]) -> list[Integers]:
    """Take what lies at constant places, and all along the axes where values decide; a slice needs its index, too."""
    operand, indices = operands
    numbers = equation.params["dimension_numbers"]
    sets = operand.sets
    places = np.where(indices.known, indices.value, 0) if indices.known.any() else np.zeros(indices.sets.shape, int)
    for component, axis in enumerate(numbers.start_index_map):
        if not indices.known[..., component].all():
            sets = table.spread(sets, axis)
            places = np.where(np.arange(places.shape[-1]) == component, 0, places)
    shape = equation.shapes[0]
    taken = move(equation, sets, _shorten(places), fill_value=DOUBTFUL)
    deciding = table.reduce(indices.sets, [indices.sets.ndim - 1])
    batch = [axis for axis in range(len(shape)) if axis not in numbers.offset_dims]
    aligned = [shape[axis] if axis in batch else 1 for axis in range(len(shape))]
    return [table.unite(taken, deciding.reshape(aligned))]


def _shorten(places: NDArray[Any]) -> NDArray[np.int32]:
    """Return indices of any type as 32 bits; what lies beyond is outside of any array either way."""
    limits, own = np.iinfo(np.int32), np.iinfo(places.dtype)
    return places.clip(max(limits.min, own.min), min(limits.max, own.max)).astype(np.int32)


@rule("scatter", "scatter-add", "scatter-mul", "scatter-min", "scatter-max", "scatter-sub")
def scatter(table: SetTable, equation: Equation, operands: Sequence[Tracked]) -> list[Integers]:
    """Take what is written to a place, and what was there unless it is overwritten.

    A scatter with a function, as of ``.at[].apply``, computes what it writes from what was there.
    """
    target, indices, updates = operands
    if not indices.known.all() or len(equation.shapes) != 1:
        return need_everything(table, equation, operands)
    places = _find_targets(equation, target, indices, updates)
    overwrites = equation.name == "scatter" and equation.params["update_jaxpr"] is None
    result = target.sets.copy().ravel()
    written: dict[int, int] = {}
    for place, number in zip(places.ravel().tolist(), updates.sets.ravel().tolist(), strict=True):
        if place >= 0:
            old = written.get(place, EMPTY if overwrites else int(result[place]))
            written[place] = int(table.unite(np.array(old), np.array(number)))
    result[list(written)] = list(written.values())
    return [result.reshape(target.sets.shape)]


def _find_targets(equation: Equation, target: Tracked, indices: Tracked, updates: Tracked) -> Integers:
    """Return for each element of the updates the place it is written to, -1 for none: a gather of the places."""
    import jax.numpy as jnp
    from jax import lax

    numbers = equation.params["dimension_numbers"]
    shape, window = target.sets.shape, iter(numbers.update_window_dims)
    dropped = (*numbers.inserted_window_dims, *numbers.operand_batching_dims)
    sizes = tuple(1 if axis in dropped else updates.sets.shape[next(window)] for axis in range(len(shape)))
    places = jnp.arange(int(np.prod(shape, dtype=np.int64)), dtype=jnp.int32).reshape(shape)
    found = lax.gather(
        places,
        indices.raw,
        lax.GatherDimensionNumbers(
            offset_dims=tuple(numbers.update_window_dims),
            collapsed_slice_dims=tuple(numbers.inserted_window_dims),
            start_index_map=tuple(numbers.scatter_dims_to_operand_dims),
            operand_batching_dims=tuple(numbers.operand_batching_dims),
            start_indices_batching_dims=tuple(numbers.scatter_indices_batching_dims),
        ),
        slice_sizes=sizes,
        mode=equation.params["mode"],
        fill_value=-1,
    )
    return np.asarray(found)
