"""Observed parents at given sizes as slices of one walk, so that x[t..T-1] takes T entries and not T squared.

Targets with the same indices along the dims that their patterns pick from share a stretch of the walk. It begins with
what only earlier times need (runs to the last time), goes on with what all need, and ends with what only later times
need (runs from the first time): of these, each target takes the stretch between two of its places.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace

import numpy as np

from retrodict.graph.rows import Integers
from retrodict.lift.patterns.pattern import ALWAYS, EVERY, FIRST, LAST, Pattern
from retrodict.lift.patterns.pattern_rows import PatternRows

SUFFIX, WHOLE, PREFIX = range(3)


@dataclass(frozen=True, eq=False)
class WalkSlices:
    """Instances in the order of a walk, and for each target the start and the stop of its slice."""

    walk: Integers
    start: Integers
    stop: Integers


def slice_patterns(rows: PatternRows, patterns: Sequence[Pattern]) -> WalkSlices:
    """Return the slices of all instances of a latent, given its patterns of observed variables, which are disjoint.

    Raises `SizeError` where that takes more entries than can be held.
    """
    grounding, name = rows.grounding, rows.name
    targets = grounding.list_instances(name)
    at = grounding.unravel(name, targets)
    timed = grounding.time in grounding.dims[name]
    apart = timed and any(_find_section(pattern) is None for pattern in patterns)
    chosen = _find_picked(patterns) | ({grounding.time} if apart else set())
    group, first = _group([at[dim] for dim in at if dim in chosen], len(targets))
    t = at[grounding.time or ""] if timed and not apart else np.zeros(len(targets), dtype=np.int64)
    return _lay_walk(rows, patterns, (group, targets[first], t), apart=apart)


def _lay_walk(
    rows: PatternRows, patterns: Sequence[Pattern], groups: tuple[Integers, Integers, Integers], *, apart: bool
) -> WalkSlices:
    """Sort what groups of targets need by group, section and time, and find the slice of each target."""
    group, children, t = groups
    entries = [np.zeros((3, 0), dtype=np.int64)]
    for pattern in patterns:
        section = None if apart else _find_section(pattern)
        section = WHOLE if section is None else section
        place, instance = rows.expand(pattern if section == WHOLE else replace(pattern, run=ALWAYS), children)
        entries.append(np.stack([3 * place + section, _find_keys(rows, pattern, section, instance), instance]))
    part, key, walk = np.concatenate(entries, axis=1)
    low = min(int(key.min(initial=0)), 0)
    wide = max(int(key.max(initial=0)), int(t.max(initial=0))) - low + 1
    code = part * wide + key - low
    order = np.argsort(code, kind="stable")
    code = code[order]
    start = np.searchsorted(code, (3 * group + SUFFIX) * wide + t - low, side="left")
    stop = np.searchsorted(code, (3 * group + PREFIX) * wide + t - low, side="right")
    return WalkSlices(walk[order], start, stop)


def _find_keys(rows: PatternRows, pattern: Pattern, section: int, instances: Integers) -> Integers:
    """Return for each entry the last time (of a suffix) or the first time (of a prefix) that needs it."""
    if section == WHOLE or pattern.run is None:
        return np.zeros(len(instances), dtype=np.int64)
    time = rows.grounding.unravel(pattern.name, instances)[rows.grounding.time or ""]
    return time - pattern.run[0 if section == SUFFIX else 1].offset


def _find_section(pattern: Pattern) -> int | None:
    """Return whether a pattern goes on to the last time, comes from the first, or is the same at all; else None."""
    if pattern.run is None:
        return WHOLE
    low, high = pattern.run
    if low.base in "0T" and high.base in "0T":
        return WHOLE
    if low.base == "t" and high == LAST:
        return SUFFIX
    return PREFIX if low == FIRST and high.base == "t" else None


def _find_picked(patterns: Sequence[Pattern]) -> set[str]:
    return {dim for pattern in patterns for dim, signs in pattern.cells if signs != EVERY}


def _group(indices: Sequence[Integers], n: int) -> tuple[Integers, Integers]:
    """Return the group of each target, and the first target of each group."""
    if not indices:
        return np.zeros(n, dtype=np.int64), np.zeros(min(n, 1), dtype=np.int64)
    code = np.zeros(n, dtype=np.int64)
    for index in indices:
        code = code * (int(index.max()) + 1) + index
    _, first, group = np.unique(code, return_index=True, return_inverse=True)
    return group.reshape(-1), first
