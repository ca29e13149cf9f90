"""Reading patterns off the parents of one target in a small grounding."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from itertools import groupby

import numpy as np

from retrodict.lift.patterns.margins import Margins
from retrodict.lift.patterns.pattern import Pattern, Run, RunEnd
from retrodict.lift.templates.template import Template
from retrodict.lift.templates.template_grounding import Grounding

Signs = tuple[int, ...]


@dataclass(frozen=True)
class PatternReader:
    """Reads what a target needs as patterns.

    ``target`` is the name of a latent and ``at`` its index along each of its dims. ``aliases`` are names of variables
    that are read as others, see `retrodict.lift.missing_values`.
    """

    template: Template
    grounding: Grounding
    margins: Margins
    target: str
    at: Mapping[str, int]
    aliases: Mapping[str, str]

    def read(self, instances: Sequence[int]) -> tuple[tuple[Pattern, ...], bool]:
        """Return the patterns that hold exactly these instances, and whether no times are skipped (no stride)."""
        patterns, regular = [], True
        for name, by_signs in self._collect(instances).items():
            shared = [dim for dim in self.template[name].dims if dim != self.template.time and dim in self.at]
            runs: dict[Run | None, set[Signs]] = {}
            for signs, times in by_signs.items():
                listed, good = self._read_times(name, times)
                regular &= good
                for run in listed:
                    runs.setdefault(run, set()).add(signs)
            patterns += [Pattern(name, box, run) for run, signs in runs.items() for box in _to_boxes(shared, signs)]
        return tuple(patterns), regular

    def read_within(self, instances: Sequence[int], run: Run) -> tuple[Pattern, ...]:
        """Return the patterns of the variables and signs of these instances, at all times of a run."""
        patterns = []
        for name, by_signs in self._collect(instances).items():
            shared = [dim for dim in self.template[name].dims if dim != self.template.time and dim in self.at]
            own = run if self.template.is_timed(name) else None
            patterns += [Pattern(name, box, own) for box in _to_boxes(shared, set(by_signs))]
        return tuple(patterns)

    def _collect(self, instances: Sequence[int]) -> dict[str, dict[Signs, set[int]]]:
        """Group instances by variable and by the signs of their indices, and list their times."""
        found: dict[str, dict[Signs, set[int]]] = {}
        names, owner = [variable.name for variable in self.grounding.variables], self.grounding.owner
        for place, group in groupby(sorted(instances), key=lambda i: int(owner[i])):
            listed, name = np.array(list(group), dtype=np.int64), names[place]
            at = self.grounding.unravel(name, listed)
            own = self.template[self.aliases.get(name, name)].dims
            signs = [np.sign(at[d] - self.at[d]) for d in own if d != self.template.time and d in self.at]
            times = at.get(self.template.time or "", np.zeros(len(listed), dtype=np.int64))
            rows = found.setdefault(self.aliases.get(name, name), {})
            for row, time in zip(_transpose(signs, len(listed)), times.tolist(), strict=True):
                rows.setdefault(row, set()).add(time)
        order = {variable.name: place for place, variable in enumerate(self.template.variables)}
        return {name: found[name] for name in sorted(found, key=order.__getitem__)}

    def _read_times(self, name: str, times: set[int]) -> tuple[Sequence[Run | None], bool]:
        if not self.template.is_timed(name):
            return [None], True
        t = self.at.get(self.template.time or "")
        length, end = self.grounding.sizes[self.template.time or ""], self.margins.end
        zones = [range(end, length - end)] if t is None else [range(end, t - end), range(t + end + 1, length - end)]
        filled, regular = _fill_strides(times, zones, t, length)
        if self.template.is_homogeneous:
            filled = _extend_to_ends(filled, zones, end, length)
        return [self._name_run(run, t, length) for run in list_runs(filled)], regular

    def _name_run(self, run: tuple[int, int], t: int | None, length: int) -> Run:
        low, high = (self._name_end(s, t, length) for s in run)
        return low, high

    def _name_end(self, s: int, t: int | None, length: int) -> RunEnd:
        if t is not None and abs(s - t) <= self.margins.end:
            return RunEnd("t", s - t)
        return RunEnd("0", s) if s < length // 2 else RunEnd("T", s - length + 1)


def _transpose(signs: Sequence[np.ndarray], n: int) -> list[Signs]:
    return [tuple(row) for row in np.array(signs, dtype=np.int64).reshape(len(signs), n).T.tolist()]


def _fill_strides(times: set[int], zones: Sequence[range], t: int | None, length: int) -> tuple[set[int], bool]:
    """Return times with the hull of those that repeat with a stride, and whether there was nothing to fill.

    Far from the target and from both ends all times are in or none, if the partition of the ports has period 1
    (theorem 2, iii).
    """
    regular, filled = True, set(times)
    for zone in zones:
        inside = filled & set(zone)
        if inside and len(inside) < len(zone):
            regular = False
            filled |= set(zone)
            if t is not None:
                below = zone[0] < t
                filled |= set(range(min(filled), t)) if below else set(range(max(t, min(filled)), zone[-1] + 1))
    return filled, regular


def _extend_to_ends(times: set[int], zones: Sequence[range], end: int, length: int) -> set[int]:
    """Return times whose runs go all the way to an end or leave it alone.

    A longer model contains this one as a part: what is needed there far from its ends covers what is needed here near
    the ends (theorem 3, by lemma 0).
    """
    for zone, beyond in (zones[0], range(end)), (zones[-1], range(length - end, length)):
        times = times | set(beyond) if set(zone) <= times else times - set(beyond)
    return times


def list_runs(times: set[int]) -> list[tuple[int, int]]:
    """Return the first and the last of each stretch of times without a gap.

    >>> list_runs({0, 1, 4})
    [(0, 1), (4, 4)]
    """
    runs: list[tuple[int, int]] = []
    for s in sorted(times):
        runs[-1:] = [(runs[-1][0], s)] if runs and runs[-1][1] == s - 1 else [*runs[-1:], (s, s)]
    return runs


def _to_boxes(dims: Sequence[str], together: set[Signs]) -> list[tuple[tuple[str, frozenset[int]], ...]]:
    """Write a set of signs as one product of sets where it is one, which is nearly always, else each by itself."""
    sides = [frozenset(signs[k] for signs in together) for k in range(len(dims))]
    if math.prod(map(len, sides)) == len(together):
        return [tuple(zip(dims, sides, strict=True))]
    return [tuple((d, frozenset([s])) for d, s in zip(dims, signs, strict=True)) for signs in sorted(together)]
