"""A template inverted at the sizes that show every case, in the order of a schedule."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from functools import cached_property

import numpy as np

from retrodict.graph.rows import Integers
from retrodict.lift.missing_values import add_copies
from retrodict.lift.patterns.margins import Margins
from retrodict.lift.patterns.pattern_reading import PatternReader
from retrodict.lift.schedules.loop_nest import Schedule
from retrodict.lift.schedules.turns import number_turns
from retrodict.lift.templates.template import Template
from retrodict.lift.unknown_components import Component, SmallGrounding, list_bits


@dataclass(frozen=True, eq=False)
class SmallInverse:
    """A template at the sizes that show every case, with the component of each instance in a sampling order."""

    template: Template
    schedule: Schedule
    margins: Margins

    @cached_property
    def small(self) -> SmallGrounding:
        """The grounding; what may be missing has a seen copy."""
        return SmallGrounding(add_copies(self.template)[0].ground(self.margins.list_sizes(self.template)))

    @cached_property
    def copies(self) -> Mapping[str, str]:
        """Whose seen copy a variable is."""
        return add_copies(self.template)[1]

    @cached_property
    def turns(self) -> Integers:
        """The place of each instance in the sampling order."""
        return number_turns(self.schedule, self.small.grounding, max(1, self.template.max_lag))

    @cached_property
    def components(self) -> dict[int, Component]:
        """The component of each instance that is drawn."""
        return self.small.find_components(self.turns)

    @cached_property
    def centre(self) -> dict[str, int]:
        """The index in the middle along each dim."""
        return {dim: size // 2 for dim, size in self.small.grounding.sizes.items()}

    def list_needed(self, name: str, at: Mapping[str, int]) -> list[int]:
        """Return the instances that one instance of a latent needs, its own copy aside."""
        grounding = self.small.grounding
        target = grounding.find(name, at)
        if target not in self.components:
            return []
        own = {grounding.find(copy, at) for copy, original in self.copies.items() if original == name}
        return [i for i in list_bits(self.components[target].boundary) if i not in own]

    def reader_of(self, name: str, at: Mapping[str, int]) -> PatternReader:
        """Return what reads the parents of one instance of a latent as patterns."""
        own = {dim: at[dim] for dim in self.template[name].dims}
        return PatternReader(self.template, self.small.grounding, self.margins, name, own, self.copies)

    def label(self, child: int, member: int) -> str:
        """Return the name of a member of a family, with its lag where it lies before the child in time."""
        grounding, time = self.small.grounding, self.template.time or ""
        name, of = (grounding.variables[grounding.owner[i]].name for i in (member, child))
        text = self.copies.get(name, name)
        if time not in grounding.dims[name] or time not in grounding.dims[of]:
            return text
        times = [int(grounding.unravel(which, np.array([i]))[time][0]) for which, i in ((of, child), (name, member))]
        return text if times[0] == times[1] else f"{text}[{time}-{times[0] - times[1]}]"

    def is_steady(self, name: str) -> bool:
        """Return whether being barren does not alternate along time, far from its ends."""
        time = self.template.time
        if time is None or not self.template.is_timed(name):
            return True
        grounding, end = self.small.grounding, self.margins.end
        times = range(end, grounding.sizes[time] - end)
        return len({bool(self.small.informed[grounding.find(name, {**self.centre, time: t})]) for t in times}) == 1
