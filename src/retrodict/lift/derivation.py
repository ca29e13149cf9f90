"""Deriving a lifted inverse: ground small, invert there, read patterns off, and find what first and last times add."""

from __future__ import annotations

from dataclasses import replace

from retrodict.errors import GraphError, OrderError
from retrodict.graph.frozen import FrozenMap
from retrodict.lift.lifted_inverse import LiftedInverse
from retrodict.lift.missing_values import add_copies
from retrodict.lift.patterns.margins import Margins
from retrodict.lift.patterns.pattern import Pattern, RunEnd
from retrodict.lift.schedules.loop_nest import Schedule
from retrodict.lift.small_inverse import SmallInverse
from retrodict.lift.spreading import Spreading, copy_patterns
from retrodict.lift.templates.template import Template
from retrodict.lift.unknown_components import list_bits, to_bits


def derive(template: Template, schedule: Schedule, margins: Margins | None = None) -> LiftedInverse:
    """Return the inverse of a template in the order of a schedule.

    ``margins`` less than those of theorem 2 may give patterns that lack parents.

    Raises: `OrderError` for a schedule that does not draw each latent once within its loops, or that runs iterations
    side by side of which one needs another.

    >>> template = Template("z[t] | z[t-1]; x[t] | z[t]", observed=["x"])
    >>> derive(template, Schedule.read("(down t: (z))")).parents["z"]
    ('z[t+1]', 'x[0..t]')
    """
    schedule.require(template)
    margins = margins or Margins.of(add_copies(template)[0])
    small = SmallInverse(template, schedule, margins)
    _require_whole_halves(template, schedule)
    read = {name: _read(small, name) for name in schedule.drawn}
    plain = LiftedInverse(
        template,
        schedule,
        FrozenMap({name: patterns for name, (patterns, _) in read.items()}),
        FrozenMap(dict.fromkeys(read, ())),
        FrozenMap({name: regular and small.is_steady(name) for name, (_, regular) in read.items()}),
        margins,
    )
    require_apart(plain)
    _require_steady(plain)
    return plain if template.is_homogeneous else replace(plain, exceptions=FrozenMap(_find_exceptions(plain, small)))


def _read(small: SmallInverse, name: str) -> tuple[tuple[Pattern, ...], bool]:
    """Return the patterns of a latent, and whether they mean no time that is not needed."""
    reader = small.reader_of(name, small.centre)
    if not is_halved(small.schedule, name):
        return reader.read(small.list_needed(name, small.centre))
    time, reach = small.template.time or "", max(1, small.template.max_lag)
    times = range(small.small.grounding.sizes[time])
    needed = {i for t in times for i in small.list_needed(name, {**small.centre, time: t})}
    return reader.read_within(sorted(needed), (RunEnd("l", -reach), RunEnd("h", reach))), False


def is_halved(schedule: Schedule, name: str) -> bool:
    """Return whether a latent is drawn in halves of its time."""
    return any(loop.how == "halves" for loop in schedule.loops[name])


def _require_whole_halves(template: Template, schedule: Schedule) -> None:
    """Raise `OrderError` unless a loop in halves draws all that is repeated along time.

    Only then are the columns on both sides of a gap known as a whole, and part it from the rest: families reach no
    further than the largest lag, so that what a gap needs lies within that many columns of it.
    """
    timed = [name for name in template.drawn if template.is_timed(name)]
    halved = [name for name in timed if is_halved(schedule, name)]
    loops = {id(loop) for name in halved for loop in schedule.loops[name] if loop.how == "halves"}
    if halved and (len(halved) < len(timed) or len(loops) > 1):
        raise OrderError(
            f"the schedule {schedule} draws only a part of {{names}} in one loop in halves",
            timed,
            remedy=f"Draw all of them in one: halves {template.time}: ({'; '.join(timed)}).",
        )
    if halved and (template.is_cumulative or not template.is_homogeneous):
        raise OrderError(
            "a series that sums up earlier times, or singles out the first or the last one, cannot be drawn in halves",
            halved,
            remedy=f"Write up {template.time} instead.",
        )


def require_apart(lifted: LiftedInverse) -> None:
    """Raise `OrderError` where an iteration of an ``each`` loop needs what another one draws."""
    loops = lifted.schedule.loops
    for name, patterns in lifted.patterns.items():
        for pattern in patterns:
            for mine, its in zip(loops[name], loops.get(pattern.name, ()), strict=False):
                if mine is not its:
                    break
                own, other = pattern.relate(mine.dim)
                if other and mine.how == "each":
                    needed = pattern.write(lifted.template[pattern.name].dims, lifted.template.time)
                    raise OrderError(
                        f"the iterations of {mine} cannot run side by side, because {{names}} needs {needed}",
                        [name],
                        remedy=f"Write {'up' if mine.dim == lifted.template.time else 'turn'} {mine.dim} instead.",
                    )
                if not own:
                    break  # carried by this loop, which goes in turn


def _require_steady(lifted: LiftedInverse) -> None:
    """Raise `GraphError` where times are skipped and ends are special: near them patterns could lack parents."""
    uneven = [name for name, regular in lifted.regular.items() if not regular]
    if uneven and not lifted.template.is_homogeneous:
        raise GraphError(
            "the parents of {names} skip times in a template that singles out the first or the last time",
            uneven,
            remedy="Give the series a lag of one step, leave the special time out, or invert template.at(sizes).",
        )


def _find_exceptions(
    plain: LiftedInverse, small: SmallInverse
) -> dict[str, tuple[tuple[RunEnd, tuple[Pattern, ...]], ...]]:
    """Return what instances near the ends of time need beside their patterns, where relations single ends out."""
    return {name: tuple(_list_exceptions(plain, small, name)) for name in plain.patterns}


def _list_exceptions(plain: LiftedInverse, small: SmallInverse, name: str) -> list[tuple[RunEnd, tuple[Pattern, ...]]]:
    template, grounding = plain.template, small.small.grounding
    time, found = template.time, []
    if time is None or not template.is_timed(name):
        return []
    stated, length = _state(plain, small, name), grounding.sizes[time]
    for t in range(length):
        at = {**small.centre, time: t}
        lacking = to_bits(small.list_needed(name, at)) & ~stated.get(grounding.find(name, at), 0)
        if lacking:
            end = RunEnd("0", t) if t < length // 2 else RunEnd("T", t - length + 1)
            found.append((end, small.reader_of(name, at).read(list_bits(lacking))[0]))
    return found


def _state(plain: LiftedInverse, small: SmallInverse, name: str) -> dict[int, int]:
    """Return the parents that patterns give each instance of a latent at the small sizes, as bits; copies, too."""
    grounding = small.small.grounding
    spreading = Spreading(plain, grounding, grounding.net)
    children = grounding.list_instances(name)
    copies = {original: copy for copy, original in small.copies.items()}
    patterns = [*plain.patterns[name], *copy_patterns(plain.patterns[name], copies)]
    child, parent = spreading.list_pairs(name, patterns, children)
    stated: dict[int, int] = {}
    for one, other in zip(child.tolist(), parent.tolist(), strict=True):
        stated[one] = stated.get(one, 0) | 1 << other
    return stated
