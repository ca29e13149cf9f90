"""Schedules: nests of loops over dims that say in which order the latents of a template are drawn, at any sizes."""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from functools import cached_property

from retrodict.errors import OrderError, quote
from retrodict.graph.frozen import FrozenMap, Portable
from retrodict.lift.templates.template import Template

HOW = ("each", "turn", "up", "down", "halves")


@dataclass(frozen=True)
class ScheduleLoop:
    """A loop that runs its body for each index of a dim.

    Arguments:
        dim: the dim.
        how: ``each`` where no iteration needs what another draws, so that all run side by side; ``turn``: a plate, one
            index after another, in any fixed order; ``up`` and ``down``: time, from the first step or from the last;
            ``halves``: time, the middle steps of a gap first, then both halves side by side.
        body: names of latents and further loops, in the order in which they run.

    >>> ScheduleLoop("j", "each", ("theta",))
    each j: (theta)
    """

    dim: str
    how: str
    body: tuple[str | ScheduleLoop, ...]

    def __repr__(self) -> str:
        alone = len(self.body) == 1 and isinstance(self.body[0], ScheduleLoop)
        return f"{self.how} {self.dim}: {repr(self.body[0]) if alone else write_items(self.body)}"


Item = str | ScheduleLoop


@dataclass(frozen=True, repr=False)
class Schedule(Portable):
    """The order in which the latents of a template are drawn, a nest of loops.

    >>> schedule = Schedule.read("(mu; turn j: (b); each i: (a))")
    >>> schedule, schedule.drawn, schedule.count_steps({"i": 100, "j": 10})
    ((mu; turn j: (b); each i: (a)), ('mu', 'b', 'a'), 12)
    """

    items: tuple[Item, ...]

    def __repr__(self) -> str:
        return write_items(self.items)

    @classmethod
    def read(cls, text: str) -> Schedule:
        """Return the schedule that a text such as ``(mu; each j: (theta))`` states; raise `OrderError` if none.

        >>> Schedule.read("phi; each j: up t: (z2; z1)")
        (phi; each j: up t: (z2; z1))
        """
        tokens = re.findall(r"[();:]|[^\s();:]+", text)
        items = _read_items(tokens, text)
        if tokens:
            raise _explain(text)
        return cls(items[0].items if len(items) == 1 and isinstance(items[0], Schedule) else _flatten(items, text))

    @cached_property
    def loops(self) -> Mapping[str, tuple[ScheduleLoop, ...]]:
        """The loops around each latent, outermost first; latents in the order in which they stand."""
        return FrozenMap(dict(_walk(self.items, ())))

    @property
    def drawn(self) -> tuple[str, ...]:
        """The latents, in the order in which they stand."""
        return tuple(self.loops)

    def count_steps(self, sizes: Mapping[str, int]) -> int:
        """Return how many draws come one after another at given sizes: iterations of ``each`` run side by side.

        Halves of a series with lags of one step are counted; of longer lags, each round draws as many columns.
        """
        return _count_steps(self.items, sizes)

    def one_by_one(self, time: str | None) -> Schedule:
        """Return the schedule with ``turn`` or ``up`` for each ``each``: the same order of instances, and no claim.

        >>> Schedule.read("(mu; each j: each t: (z))").one_by_one("t")
        (mu; turn j: up t: (z))
        """

        def rewrite(items: Sequence[Item]) -> tuple[Item, ...]:
            return tuple(
                item
                if isinstance(item, str)
                else replace(
                    item,
                    how=item.how if item.how != "each" else "up" if item.dim == time else "turn",
                    body=rewrite(item.body),
                )
                for item in items
            )

        return Schedule(rewrite(self.items))

    def require(self, template: Template) -> None:
        """Raise `OrderError` unless every latent stands once, inside exactly the loops over its own dims."""
        counts = Counter(name for name, _ in _walk(self.items, ()))
        for what, names in {
            "does not draw {names}": [name for name in template.drawn if name not in counts],
            "draws {names}, which {are} not to be inferred": [name for name in counts if name not in template.drawn],
            "draws {names} twice": [name for name, count in counts.items() if count > 1],
        }.items():
            if names:
                raise OrderError(
                    f"the schedule {self} {what}", names, remedy=f"Draw each of {quote(template.drawn)} once."
                )
        for name, around in self.loops.items():
            _require_loops(self, template, name, around)


def _require_loops(schedule: Schedule, template: Template, name: str, around: Sequence[ScheduleLoop]) -> None:
    dims = template[name].dims
    if sorted(loop.dim for loop in around) != sorted(dims):
        raise OrderError(
            f"the schedule {schedule} draws {{names}} inside of loops over {quote(x.dim for x in around) or 'no dim'}",
            [name],
            remedy=f"Give it one loop over each of its dims, {quote(dims)}." if dims else "Take it out of the loops.",
        )
    for loop in around:
        if (loop.dim == template.time) != (loop.how in ("up", "down", "halves")) and loop.how != "each":
            kind = "time" if loop.dim == template.time else "a plate"
            raise OrderError(
                f"the schedule {schedule} goes {loop.how!r} over {loop.dim!r}, which is {kind}",
                remedy="Time goes 'up', 'down' or in 'halves', a plate in 'turn'; both can go 'each'.",
            )


def write_items(items: Sequence[Item]) -> str:
    """Return the text of what a loop runs."""
    return "(" + "; ".join(map(str, items)) + ")"


def _walk(items: Sequence[Item], around: tuple[ScheduleLoop, ...]) -> Iterator[tuple[str, tuple[ScheduleLoop, ...]]]:
    for item in items:
        if isinstance(item, str):
            yield item, around
        else:
            yield from _walk(item.body, (*around, item))


def _count_steps(items: Sequence[Item], sizes: Mapping[str, int]) -> int:
    total = 0
    for item in items:
        if isinstance(item, str):
            total += 1
        else:
            rounds = {"each": 1, "halves": sizes[item.dim].bit_length()}.get(item.how, sizes[item.dim])
            total += rounds * _count_steps(item.body, sizes)
    return total


def _read_items(tokens: list[str], text: str) -> list[Item | Schedule]:
    """Read names and loops with ``;`` between, up to a closing bracket; what stands in brackets is one item."""
    found: list[Item | Schedule] = []
    while tokens and tokens[0] != ")":
        if tokens[0] == ";":
            tokens.pop(0)
        elif tokens[0] == "(":
            found.append(_read_brackets(tokens, text))
        elif tokens[0] in HOW and tokens[2:3] == [":"]:
            found.append(_read_loop(tokens, text))
        elif tokens[0] == ":":
            raise _explain(text)
        else:
            found.append(tokens.pop(0))
    return found


def _read_brackets(tokens: list[str], text: str) -> Schedule:
    tokens.pop(0)
    inner = _read_items(tokens, text)
    if not tokens:
        raise _explain(text)
    tokens.pop(0)
    return Schedule(_flatten(inner, text))


def _read_loop(tokens: list[str], text: str) -> ScheduleLoop:
    how, dim, _ = tokens.pop(0), tokens.pop(0), tokens.pop(0)
    if tokens and tokens[0] == "(":
        return ScheduleLoop(dim, how, _read_brackets(tokens, text).items)
    if tokens and tokens[0] in HOW and tokens[2:3] == [":"]:
        return ScheduleLoop(dim, how, (_read_loop(tokens, text),))
    if tokens and tokens[0] not in (";", ")", ":"):
        return ScheduleLoop(dim, how, (tokens.pop(0),))
    raise _explain(text)


def _flatten(items: Sequence[Item | Schedule], text: str) -> tuple[Item, ...]:
    if any(isinstance(item, Schedule) for item in items):
        raise _explain(text)
    return tuple(item for item in items if not isinstance(item, Schedule))


def _explain(text: str) -> OrderError:
    return OrderError(
        f"{text!r:.100} cannot be read as a schedule",
        remedy="Write it as in (mu; turn j: (b); each i: (a)), with each, turn, up, down or halves before a dim.",
    )
