"""Choosing a schedule among loop nests that treat repetitions alike.

Fewest sequential steps first; then what is repeated less before what is repeated more, parents before children and time
upwards, so that new groups and the future hang on what is drawn before them, with the model's own conditionals; then
fewest edges.
"""

from __future__ import annotations

import math
from collections.abc import Collection, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from functools import cached_property
from itertools import permutations, product

from retrodict.lift.lifted_inverse import LiftedInverse
from retrodict.lift.missing_values import add_copies
from retrodict.lift.schedules.loop_nest import Item, Schedule, ScheduleLoop
from retrodict.lift.schedules.turns import number_turns
from retrodict.lift.templates.template import Template
from retrodict.lift.unknown_components import SmallGrounding, list_bits

# Up to so many sequences of the latents all are tried; beyond, the natural ones and their neighbors.
MOST_SEQUENCES = 120
MOST_ROUNDS = 10
# Sizes at which candidates are compared, and those at which steps are counted where no others are given.
PROBE_CELLS, PROBE_TIME = 3, 7
USUAL_PLATE, USUAL_TIME = 20, 100

Cost = tuple[int, int, int, int]


def choose_schedule(template: Template, sizes: Mapping[str, int] | None = None, last: Collection[str] = ()) -> Schedule:
    """Return the best loop nest found, with loops in turn, up or down; typical ``sizes`` decide crossings.

    Latents that are to be drawn ``last`` come after all others.

    >>> crossed = Template("mu; a[i]; b[j]; y[i,j] | mu a[i] b[j]", observed=["y"])
    >>> choose_schedule(crossed, {"i": 100, "j": 10}), choose_schedule(crossed, {"i": 10, "j": 100})
    ((mu; turn j: (b); turn i: (a)), (mu; turn i: (a); turn j: (b)))
    """
    search = _Nests(template, sizes or {}, frozenset(last))
    if math.factorial(len(template.drawn)) <= MOST_SEQUENCES:
        sequences = filter(search.allows, permutations(template.drawn))
        return min(map(search.judge, sequences), key=lambda found: found[0])[1]
    return min((search.climb(start) for start in _list_natural(template, last)), key=lambda found: found[0])[1]


def _list_natural(template: Template, last: Collection[str]) -> list[tuple[str, ...]]:
    """Return sequences to begin with: less repeated first, along the model or against it."""
    along = sorted(template.drawn, key=lambda name: (name in last, len(template[name].dims)))
    against = list(template.drawn[::-1])
    against.sort(key=lambda name: (name in last, len(template[name].dims)))
    return [tuple(along), tuple(against)]


@dataclass(frozen=True, eq=False)
class _Nests:
    """Judges sequences of the latents at probing sizes."""

    template: Template
    typical: Mapping[str, int]
    last: frozenset[str]

    def allows(self, sequence: Sequence[str]) -> bool:
        """Return whether what is to be drawn last comes after all others."""
        return all(name in self.last for name in sequence[len(sequence) - len(self.last) :])

    @cached_property
    def usual(self) -> dict[str, int]:
        time = self.template.time
        return {dim: self.typical.get(dim, USUAL_TIME if dim == time else USUAL_PLATE) for dim in self.template.dims}

    @cached_property
    def small(self) -> SmallGrounding:
        time = self.template.time
        probe = {dim: PROBE_TIME if dim == time else PROBE_CELLS for dim in self.template.dims}
        return SmallGrounding(add_copies(self.template)[0].ground(probe))

    def climb(self, sequence: Sequence[str]) -> tuple[Cost, Schedule]:
        """Move one latent at a time to where it is best, until nothing gets better."""
        best, current = self.judge(sequence), sequence
        for _ in range(MOST_ROUNDS):
            before = best[0]
            for candidate in filter(self.allows, _list_moved(current)):
                found = self.judge(candidate)
                if found[0] < best[0]:
                    best, current = found, candidate
            if best[0] == before:
                break
        return best

    def judge(self, sequence: Sequence[str]) -> tuple[Cost, Schedule]:
        """Return the best nest of a sequence: over time together or apart, time up or down."""
        ways = [(True, "up"), (True, "down"), (False, "up"), (False, "down")] if self.template.time else [(False, "up")]
        nests = dict.fromkeys(build_nest(self.template, sequence, together, how) for together, how in ways)
        return min(((self._count(nest), nest) for nest in nests), key=lambda found: found[0])

    def _count(self, schedule: Schedule) -> Cost:
        turns = number_turns(schedule, self.small.grounding, max(1, self.template.max_lag))
        components = self.small.find_components(turns)
        needs = {i: component.boundary for i, component in components.items()}
        relaxed = relax(schedule, self._find_crossed(schedule, needs))
        edges = sum(bits.bit_count() for bits in needs.values())
        return relaxed.count_steps(self.usual), count_turned(self.template, relaxed), edges, len(str(relaxed))

    def _find_crossed(self, schedule: Schedule, needs: Mapping[int, int]) -> set[int]:
        """Return the loops of which an iteration needs what another one draws, by identity."""
        grounding, crossed, loops = self.small.grounding, set(), schedule.loops
        variables, owner = grounding.variables, grounding.owner
        unseen = ~self.small.observed
        for i, bits in needs.items():
            name = variables[owner[i]].name
            for other in list_bits(bits & unseen):
                its = variables[owner[other]].name
                for mine, shared in zip(loops[name], loops.get(its, ()), strict=False):
                    if mine is not shared:
                        break
                    if self._index[i][mine.dim] != self._index[other][mine.dim]:
                        crossed.add(id(mine))
                        break
        return crossed

    @cached_property
    def _index(self) -> list[dict[str, int]]:
        found = []
        for variable in self.small.grounding.variables:
            sizes = [range(size) for size in self.small.grounding.shapes[variable.name]]
            found += [dict(zip(variable.dims, index, strict=True)) for index in product(*sizes)]
        return found


def _list_moved(sequence: Sequence[str]) -> Iterator[tuple[str, ...]]:
    for source, target in product(range(len(sequence)), repeat=2):
        if source != target:
            rest = [*sequence[:source], *sequence[source + 1 :]]
            yield (*rest[:target], sequence[source], *rest[target:])


def build_nest(template: Template, sequence: Sequence[str], together: bool, how: str) -> Schedule:
    """Return a stage for each latent, plates outside; neighbors over time may share their loop over time."""
    stages: list[list[str]] = []
    for name in sequence:
        fits = stages and together and template.is_timed(name) and template.is_timed(stages[-1][0])
        if fits:
            stages[-1].append(name)
        else:
            stages.append([name])
    return Schedule(tuple(item for stage in stages for item in _nest(template, stage, how)))


def _nest(template: Template, stage: Sequence[str], how: str) -> tuple[Item, ...]:
    dims = [[dim for dim in template[name].dims if dim != template.time] for name in stage]
    outer = [dim for dim in dims[0] if all(dim in row for row in dims)]
    body: tuple[Item, ...] = ()
    for name, row in zip(stage, dims, strict=True):
        body += _wrap([dim for dim in row if dim not in outer], (name,))
    if template.time is not None and template.is_timed(stage[0]):
        body = (ScheduleLoop(template.time, how, body),)
    return _wrap(outer, body)


def _wrap(dims: Sequence[str], body: tuple[Item, ...]) -> tuple[Item, ...]:
    for dim in reversed(dims):
        body = (ScheduleLoop(dim, "turn", body),)
    return body


def relax(schedule: Schedule, crossed: set[int]) -> Schedule:
    """Return a schedule with loops side by side, but for those that are crossed, by identity."""

    def rewrite(items: Iterable[Item]) -> tuple[Item, ...]:
        return tuple(
            item
            if isinstance(item, str)
            else replace(item, how=item.how if id(item) in crossed else "each", body=rewrite(item.body))
            for item in items
        )

    return Schedule(rewrite(schedule.items))


def relax_derived(lifted: LiftedInverse) -> Schedule:
    """Return the schedule of an inverse with ``each`` for every loop that no pattern crosses, at all sizes."""
    loops, crossed = lifted.schedule.loops, set()
    for name, patterns in lifted.patterns.items():
        exceptional = [pattern for _, more in lifted.exceptions[name] for pattern in more]
        for pattern in (*patterns, *exceptional):
            for mine, its in zip(loops[name], loops.get(pattern.name, ()), strict=False):
                if mine is not its:
                    break
                own, other = pattern.relate(mine.dim)
                if other:
                    crossed.add(id(mine))
                if not own:
                    break
    return relax(lifted.schedule, crossed)


def count_turned(template: Template, schedule: Schedule) -> int:
    """Return how often a schedule goes against the model.

    Counted are what is repeated more before what is repeated less, children before parents in a loop over time, and
    loops down.
    """
    loops, order = schedule.loops, list(schedule.drawn)
    place = {name: number for number, name in enumerate(order)}
    sets = [set(template[name].dims) for name in order]
    pairs = sum(sets[late] < sets[early] for late in range(len(order)) for early in range(late))
    links = sum(
        place[relation.parent] > place[relation.child]
        and _share_time(template, loops[relation.parent], loops[relation.child])
        for relation in template.relations
        if relation.parent in loops and relation.child in loops and not relation.lag
    )
    return pairs + links + str(schedule).count("down ")


def _share_time(template: Template, one: Sequence[ScheduleLoop], other: Sequence[ScheduleLoop]) -> bool:
    return any(mine is its and mine.dim == template.time for mine in one for its in other)
