"""Patterns that somebody wrote by hand for a template, read as a lifted inverse so that they can be judged like one."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from graphlib import CycleError as GraphlibCycleError
from graphlib import TopologicalSorter
from typing import Any

from retrodict.errors import GuideError, OrderError, quote
from retrodict.graph.frozen import FrozenMap
from retrodict.graph.names import require_list
from retrodict.lift.derivation import derive, require_apart
from retrodict.lift.lifted_inverse import LiftedInverse
from retrodict.lift.missing_values import add_copies
from retrodict.lift.patterns.margins import Margins
from retrodict.lift.patterns.pattern import OWN, Pattern, RunEnd
from retrodict.lift.patterns.pattern_text import read_pattern
from retrodict.lift.schedules.loop_nest import Item, Schedule, ScheduleLoop
from retrodict.lift.templates.template import Template

Read = dict[str, tuple[Pattern, ...]]


def read_patterns(
    template: Template, parents: Mapping[Any, Iterable[str]], order: str | Schedule | None
) -> LiftedInverse:
    """Return the lifted inverse that patterns state, one entry for each latent.

    Without an ``order`` the one is taken that the patterns imply: what is a parent is drawn before.

    Raises `GuideError` for entries that are no patterns, an offset beyond the margin of the template, and patterns that
    no loop nest draws; `UnknownVariableError` for names that the template does not have.

    >>> template = Template("z[t] | z[t-1]; x[t] | z[t]", observed=["x"])
    >>> read_patterns(template, {"z[t]": ["z[t-1]", "x[t..T-1]"]}, None).schedule
    (up t: (z))
    """
    patterns = _read_entries(template, parents)
    margins = Margins.of(add_copies(template)[0])
    _require_near(template, patterns, margins)
    if order is None:
        schedule = _imply_schedule(template, patterns)
    else:
        schedule = order if isinstance(order, Schedule) else Schedule.read(order)
    truth = derive(template, schedule.one_by_one(template.time))
    inverse = LiftedInverse(
        template,
        schedule,
        FrozenMap({name: patterns[name] for name in schedule.drawn}),
        FrozenMap(dict.fromkeys(schedule.drawn, ())),
        truth.regular,
        margins,
        "guide",
    )
    require_apart(inverse)
    return inverse


def _read_entries(template: Template, parents: Mapping[Any, Iterable[str]]) -> Read:
    if not isinstance(parents, Mapping):
        raise GuideError("a guide must be a mapping {latent: [patterns]}", remedy="See rd.lint.")
    heads = {str(template[name]): name for name in template.drawn} | {name: name for name in template.drawn}
    strangers = [head for head in parents if head not in heads]
    if strangers:
        raise GuideError(
            "{names} {are} no latent of the template to be inferred",
            strangers,
            remedy=f"Give an entry for each of {quote(str(template[name]) for name in template.drawn)}.",
        )
    named = {heads[head]: require_list(row, f"the parents of {head!r}") for head, row in parents.items()}
    absent = [name for name in template.drawn if name not in named]
    if absent:
        raise GuideError("the guide has no entry for {names}", absent, remedy="Give each its patterns, or [].")
    return {name: tuple(read_pattern(str(text), name, template) for text in row) for name, row in named.items()}


def _require_near(template: Template, patterns: Read, margins: Margins) -> None:
    """Raise `GuideError` for an offset beyond the margin: no grounding of the theorem would show what it means."""
    for name, row in patterns.items():
        for pattern in row:
            if pattern.run and any(abs(end.offset) > margins.end for end in pattern.run):
                text = pattern.write(template[pattern.name].dims, template.time)
                raise GuideError(
                    f"the pattern {text} of {{names}} reaches further than {margins.end} steps, the margin of time",
                    [name],
                    remedy=f"No latent needs that: an end of time is not felt beyond {margins.end} steps.",
                )


def _imply_schedule(template: Template, patterns: Read) -> Schedule:
    """Return the loop nest that draws parents first: what needs each other shares a loop over time or a plate."""
    needs = {name: {p.name for p in row if p.name in patterns} for name, row in patterns.items()}
    items: tuple[Item, ...] = ()
    for group in _sort_groups(needs):
        items += _nest_group(template, patterns, group)
    return Schedule(items)


def _sort_groups(needs: Mapping[str, set[str]]) -> list[list[str]]:
    """Return groups of latents that need each other, parents before children."""
    reach = {name: _reach(needs, name) for name in needs}
    groups: dict[str, list[str]] = {}
    for name in needs:
        together = [other for other in needs if other == name or (other in reach[name] and name in reach[other])]
        groups.setdefault(together[0], []).append(name)
    above = {
        key: {k for k, row in groups.items() if k != key and set(row) & _join(needs, groups[key])} for key in groups
    }
    return [groups[key] for key in TopologicalSorter(above).static_order()]


def _join(needs: Mapping[str, set[str]], group: Iterable[str]) -> set[str]:
    return set().union(*(needs[name] for name in group))


def _reach(needs: Mapping[str, set[str]], name: str) -> set[str]:
    found: set[str] = set()
    stack = [name]
    while stack:
        more = needs[stack.pop()] - found
        found |= more
        stack += more
    return found


def _nest_group(template: Template, patterns: Read, group: list[str]) -> tuple[Item, ...]:
    """Return the loops of latents that need each other, or of a single one that needs no other instance of itself."""
    inside = [(name, p) for name in group for p in patterns[name] if p.name in group]
    dims = [dim for dim in template[group[0]].dims if all(dim in template[name].dims for name in group)]
    carrying = [dim for dim in dims if any(not _is_same(pattern, dim, template.time) for _, pattern in inside)]
    if len(carrying) > 1 or (inside and not carrying):
        raise GuideError(
            "the patterns of {names} need each other in a way that no loop draws",
            group,
            remedy="Give the order as a schedule, lint(template, guide, order=...), or change the patterns.",
        )
    how = dict.fromkeys(dims, "each")
    if carrying:
        how[carrying[0]] = _find_direction(template, carrying[0], inside)
    sequence = _sort_within(group, inside, carrying, template.time)
    outer = [dim for dim in dims if dim not in carrying]
    body = tuple(_wrap_rest(template, name, dims) for name in sequence)
    for dim in [*carrying, *reversed(outer)]:
        body = (ScheduleLoop(dim, how[dim], body),)
    return body


def _wrap_rest(template: Template, name: str, dims: list[str]) -> Item:
    item: Item = name
    for dim in reversed([dim for dim in template[name].dims if dim not in dims]):
        item = ScheduleLoop(dim, "each", (item,))
    return item


def _is_same(pattern: Pattern, dim: str, time: str | None) -> bool:
    """Return whether a pattern means the own index along a dim alone."""
    if dim == time:
        return pattern.run == (RunEnd("t"), RunEnd("t"))
    return dict(pattern.cells).get(dim) == OWN


def _find_direction(template: Template, dim: str, inside: list[tuple[str, Pattern]]) -> str:
    """Return how a loop goes whose iterations need earlier ones."""
    moving = [pattern for _, pattern in inside if not _is_same(pattern, dim, template.time)]
    if dim != template.time:
        if all(dict(p.cells)[dim] <= {-1, 0} for p in moving):
            return "turn"
    else:
        ends = [p.run for p in moving if p.run]
        if all(high.base == "t" and high.offset <= 0 for _, high in ends):
            return "up"
        if all(low.base == "t" and low.offset >= 0 for low, _ in ends):
            return "down"
    raise GuideError(
        f"the patterns of {{names}} need instances both before and after along {dim!r}",
        sorted({name for name, _ in inside}),
        remedy=f"Draw {dim} in one direction: " + ("t-1 or t+1" if dim == template.time else f"<{dim}") + ".",
    )


def _sort_within(
    group: list[str], inside: list[tuple[str, Pattern]], carrying: list[str], time: str | None
) -> list[str]:
    """Return latents that share a loop so that parents at the same index come first."""
    above: dict[str, set[str]] = {name: set() for name in group}
    for name, pattern in inside:
        if all(pattern.relate(dim)[0] if dim != time else _holds_now(pattern) for dim in carrying):
            above[name].add(pattern.name)
    try:
        return list(TopologicalSorter(above).static_order())
    except GraphlibCycleError:
        raise OrderError(
            "{names} need each other at the same index", group, remedy="Leave one of these parents out."
        ) from None


def _holds_now(pattern: Pattern) -> bool:
    if pattern.run is None:
        return True
    low, high = pattern.run
    before = high.base == "t" and high.offset < 0
    after = low.base == "t" and low.offset > 0
    return not before and not after
