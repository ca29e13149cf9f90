"""A lifted inverse at given sizes, as an ordinary inverse."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from functools import cached_property

import numpy as np

from retrodict.errors import OptionError
from retrodict.graph.ancestry import find_barren
from retrodict.graph.bayesnet import BayesNet
from retrodict.graph.elimination import eliminate
from retrodict.graph.inverse import Inverse
from retrodict.graph.moral import moralize
from retrodict.graph.names import Name
from retrodict.graph.parentsets import ParentSets
from retrodict.graph.rows import Integers, Mask, Rows, drop_repeats, sort_edges
from retrodict.lift.lifted_structure import LiftedStructure
from retrodict.lift.patterns.pattern import Pattern
from retrodict.lift.patterns.pattern_rows import Pairs, PatternRows
from retrodict.lift.patterns.pattern_slices import slice_patterns
from retrodict.lift.schedules.turns import list_gaps, number_turns
from retrodict.lift.templates.template import Template
from retrodict.lift.templates.template_grounding import Grounding


@dataclass(frozen=True, eq=False)
class Spreading:
    """The instances at given sizes, what of them is known, and in which order they are drawn."""

    lifted: LiftedStructure
    grounding: Grounding
    net: BayesNet

    @cached_property
    def turns(self) -> Integers:
        """The place of each instance in the sampling order, -1 for those that have none."""
        return number_turns(self.lifted.schedule, self.grounding, max(1, self.lifted.template.max_lag))

    @cached_property
    def observed(self) -> Mask:
        """Which instances are observed."""
        return self.net.is_observed[self.grounding.to_net]

    @cached_property
    def informed(self) -> Mask:
        """Which instances are observed or have an observed descendant."""
        return ~find_barren(self.net)[self.grounding.to_net]

    @cached_property
    def is_drawn(self) -> Mask:
        """Which instances an encoder draws: latent, informed."""
        return ~self.observed & self.informed

    @cached_property
    def place(self) -> Integers:
        """The place of each instance among its own kind, the latents or the observed."""
        return self.net.place[self.grounding.to_net]

    @cached_property
    def elimination(self) -> Integers:
        """The latents in the reverse of their sampling order, barren ones first, by their places."""
        drawn = np.flatnonzero(self.is_drawn)
        barren = np.sort(self.place[~self.observed & ~self.informed])[::-1]
        return np.concatenate([barren, self.place[drawn[np.argsort(self.turns[drawn])][::-1]]])

    def rows_of(self, name: str) -> PatternRows:
        """Return what spreads the patterns of a latent."""
        gaps = None
        if any(loop.how == "halves" for loop in self.lifted.schedule.loops[name]):
            gaps = find_gaps(self.grounding.sizes[self.grounding.time or ""], max(1, self.lifted.template.max_lag))
        return PatternRows(self.grounding, name, gaps)

    def list_pairs(self, name: str, patterns: Sequence[Pattern], children: Integers) -> Pairs:
        """Return the pairs of child and parent that patterns mean, of parents that are known in time."""
        rows = self.rows_of(name)
        parts = [rows.expand(pattern, children) for pattern in patterns]
        none = np.zeros(0, dtype=np.int64)
        child = children[np.concatenate([none, *(place for place, _ in parts)])]
        parent = np.concatenate([none, *(parent for _, parent in parts)])
        earlier = (self.turns[parent] < self.turns[child]) & (self.turns[parent] >= 0) & self.informed[parent]
        kept = self.is_drawn[child] & (self.observed[parent] | earlier)
        return child[kept], parent[kept]

    def list_exceptional(self, name: str, copies: Mapping[str, str] | None = None) -> list[Pairs]:
        """Return the pairs that a latent needs beside at single times, or of seen ``copies`` of these parents."""
        pairs, time = [], self.grounding.time or ""
        for end, listed in self.lifted.exceptions[name]:
            patterns = listed if copies is None else copy_patterns(listed, copies)
            t = end.offset + (self.grounding.sizes[time] - 1 if end.base == "T" else 0)
            children = self.grounding.list_instances(name)
            pairs.append(self.list_pairs(name, patterns, children[self.grounding.unravel(name, children)[time] == t]))
        return pairs

    def finish(self, sets: ParentSets) -> Inverse:
        """Return the inverse with these sets; barren latents have their generative parents."""
        net = self.net
        barren = np.sort(self.place[~self.observed & ~self.informed])
        own = ParentSets.of(net, net.parent_rows.pick(net.latent_index[barren]))
        is_generative = np.zeros(len(net.latents), dtype=bool)
        is_generative[barren] = True
        return Inverse(net, self.lifted.strategy, sets.replace(barren, own), self.elimination, is_generative)


def copy_patterns(patterns: Sequence[Pattern], copies: Mapping[str, str]) -> list[Pattern]:
    """Return the patterns of what has a seen copy, of the copy instead."""
    return [replace(pattern, name=copies[pattern.name]) for pattern in patterns if pattern.name in copies]


def find_gaps(length: int, reach: int) -> tuple[Integers, Integers]:
    """Return for each time the first and the last time of the gap in whose middle it is drawn."""
    low, high = np.empty(length, dtype=np.int64), np.empty(length, dtype=np.int64)
    for first, last, start, stop in list_gaps(length, reach):
        low[first : last + 1], high[first : last + 1] = start, stop
    return low, high


def spread_out(lifted: LiftedStructure, sizes: Mapping[str, int], missing: Sequence[Name]) -> Inverse:
    """Return a lifted inverse at given sizes."""
    template = lifted.template
    grounding = template.ground(sizes)
    net = grounding.net
    if missing:
        _require_missable(template, grounding, missing)
        gone = set(missing)
        net = net.observing([name for name in net.observed if name not in gone])
    spreading = Spreading(lifted, grounding, net)
    if not template.is_homogeneous and sizes[template.time or ""] <= 2 * max(1, template.max_lag) + 1:
        return _unroll(spreading)
    written = bool(missing) or lifted.strategy == "guide"
    return spreading.finish(_write_out(spreading) if written else _lay_slices(spreading))


def _require_missable(template: Template, grounding: Grounding, missing: Sequence[Name]) -> None:
    may = {grounding.names[i] for name in template.may_be_missing for i in grounding.list_instances(name).tolist()}
    strangers = [name for name in missing if name not in may]
    if strangers:
        raise OptionError(
            "{names} may not be missing",
            strangers,
            remedy="Invert the template with may_be_missing= naming its variable, and give instances such as 'y[3]'.",
        )


def _write_out(spreading: Spreading) -> ParentSets:
    """Return all parents as they are meant, each once."""
    pairs: list[Pairs] = [(np.zeros(0, dtype=np.int64),) * 2]
    for name, patterns in spreading.lifted.patterns.items():
        pairs.append(spreading.list_pairs(name, patterns, spreading.grounding.list_instances(name)))
        pairs += spreading.list_exceptional(name)
    child, parent = (np.concatenate(side) for side in zip(*pairs, strict=True))
    net = spreading.net
    child, parent = drop_repeats(*sort_edges(spreading.place[child], spreading.grounding.to_net[parent]))
    return ParentSets.of(net, Rows.from_edges(child, parent, len(net.latents)))


def _lay_slices(spreading: Spreading) -> ParentSets:
    """Return latent parents as rows and observed parents as slices; patterns are disjoint."""
    grounding, n = spreading.grounding, len(spreading.net.latents)
    walks, start, stop = [np.zeros(0, dtype=np.int64)], np.zeros(n, dtype=np.int64), np.zeros(n, dtype=np.int64)
    pairs: list[Pairs] = [(np.zeros(0, dtype=np.int64),) * 2]
    for name, patterns in spreading.lifted.patterns.items():
        if name in spreading.lifted.template.observed:  # which may be missing, and is not
            continue
        seen = [pattern for pattern in patterns if pattern.name in spreading.lifted.template.observed]
        unseen = [pattern for pattern in patterns if pattern not in seen]
        pairs.append(spreading.list_pairs(name, unseen, grounding.list_instances(name)))
        slices = slice_patterns(spreading.rows_of(name), seen)
        place, before = spreading.place[grounding.list_instances(name)], sum(map(len, walks))
        walks.append(spreading.place[slices.walk])
        start[place], stop[place] = before + slices.start, before + slices.stop
    child, parent = (np.concatenate(side) for side in zip(*pairs, strict=True))
    rows = Rows.from_edges(spreading.place[child], spreading.place[parent], n)
    sets = ParentSets(rows, np.concatenate(walks), start, stop, stop - start)
    return _add_exceptions(spreading, sets)


def _add_exceptions(spreading: Spreading, sets: ParentSets) -> ParentSets:
    """Return sets with what single times need beside, those latents written out."""
    pairs = [pair for name in spreading.lifted.patterns for pair in spreading.list_exceptional(name)]
    if not pairs:
        return sets
    child, parent = (np.concatenate(side) for side in zip(*pairs, strict=True))
    net, child = spreading.net, spreading.place[child]
    changed = np.unique(child)
    own = [
        np.union1d(
            np.concatenate([net.latent_index[sets.latents[i]], net.observed_index[sets.observed(i)]]),
            spreading.grounding.to_net[parent[child == i]],
        )
        for i in changed.tolist()
    ]
    return sets.replace(changed, ParentSets.of(net, Rows.from_lists([row.tolist() for row in own])))


def _unroll(spreading: Spreading) -> Inverse:
    """Return what elimination in the order of the schedule gives: where a series is too short for patterns."""
    net, informed = spreading.net, ~find_barren(spreading.net)
    order = net.latent_index[spreading.elimination]
    order = order[informed[order]]
    result = eliminate(net, moralize(net, keep=informed), order)
    return spreading.finish(result.sets.renumber(net.place[order], len(net.latents)))
