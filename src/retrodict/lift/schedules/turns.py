"""The place of every instance in the sampling order that a schedule means at given sizes."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

import numpy as np

from retrodict.graph.rows import Integers
from retrodict.lift.schedules.loop_nest import Item, Schedule, ScheduleLoop
from retrodict.lift.templates.template_grounding import Grounding


def number_turns(schedule: Schedule, grounding: Grounding, reach: int = 1) -> Integers:
    """Return for each instance the place at which it is drawn, -1 for those that are not.

    ``reach`` is the number of columns in the middle of a gap that halves draw at once, the largest lag.

    >>> from retrodict.lift.templates.template import Template
    >>> template = Template("m; z[t] | z[t-1] m; x[t] | z[t]", observed=["x"])
    >>> number_turns(Schedule.read("(m; down t: (z))"), template.ground({"t": 3})).tolist()
    [0, 3, 2, 1, -1, -1, -1]
    """
    turns = np.full(grounding.n, -1, dtype=np.int64)
    start = 0
    for item in schedule.items:
        start += _place(item, grounding, reach, {}, np.array(start), turns)
    return turns


def _place(
    item: Item, grounding: Grounding, reach: int, at: Mapping[str, int], start: Integers, turns: Integers
) -> int:
    """Give places to all that an item draws, ``start`` first; return how many draws it makes in each iteration around.

    ``start`` has an axis for each loop around, ``at`` says which.
    """
    if isinstance(item, str):
        dims = grounding.dims[item]
        shape = grounding.shapes[item]
        turns[grounding.list_instances(item)] = np.broadcast_to(
            np.transpose(start, [at[dim] for dim in dims]), shape
        ).ravel()
        return 1
    length, inner = grounding.sizes[item.dim], _count_draws(item.body, grounding.sizes)
    place = rank_indices(item, length, reach)
    first, offset = start[..., None] + inner * place, 0
    for part in item.body:
        offset += _place(part, grounding, reach, {**at, item.dim: len(at)}, first + offset, turns)
    return length * inner


def _count_draws(items: Sequence[Item], sizes: Mapping[str, int]) -> int:
    return sum(1 if isinstance(item, str) else sizes[item.dim] * _count_draws(item.body, sizes) for item in items)


def rank_indices(loop: ScheduleLoop, length: int, reach: int) -> Integers:
    """Return the place of each index of a loop's dim in the order in which the loop takes them.

    >>> rank_indices(ScheduleLoop("t", "halves", ("z",)), 7, 1).tolist()
    [3, 1, 4, 0, 5, 2, 6]
    """
    if loop.how == "down":
        return np.arange(length)[::-1]
    if loop.how != "halves":
        return np.arange(length)
    place = np.empty(length, dtype=np.int64)
    place[np.concatenate([np.arange(low, high + 1) for low, high, _, _ in list_gaps(length, reach)])] = np.arange(
        length
    )
    return place


def list_gaps(length: int, reach: int) -> list[tuple[int, int, int, int]]:
    """Return the columns drawn at once, first and last, and the gap that they lie in the middle of, round by round.

    >>> list_gaps(3, 1)
    [(1, 1, 0, 2), (0, 0, 0, 0), (2, 2, 2, 2)]
    """
    listed, gaps = [], [(0, length - 1)]
    while gaps:
        halves = []
        for low, high in gaps:
            middle = max(low, (low + high + 1 - reach) // 2)
            last = min(high, middle + reach - 1)
            listed.append((middle, last, low, high))
            halves += [(a, b) for a, b in ((low, middle - 1), (last + 1, high)) if a <= b]
        gaps = halves
    return listed
