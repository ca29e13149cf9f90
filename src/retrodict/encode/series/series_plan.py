"""What an encoder of series reads for each latent: single values, and summaries of runs of observations."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from dataclasses import dataclass

from retrodict.errors import OptionError
from retrodict.lift.lifted_inverse import LiftedInverse
from retrodict.lift.patterns.pattern import ALWAYS, FIRST, LAST, Pattern
from retrodict.lift.schedules.loop_nest import ScheduleLoop


@dataclass(frozen=True)
class Single:
    """One value that is read as it is, ``lag`` steps before the latent; that of the series if it has no time."""

    name: str
    lag: int = 0


@dataclass(frozen=True)
class Summary:
    """A run of observations without a bound: ``offset`` steps from the latent on, until the last or from the first.

    ``is_backward`` says that it is scanned from the last time back.
    """

    names: tuple[str, ...]
    is_backward: bool
    offset: int = 0


@dataclass(frozen=True)
class LatentPlan:
    """What draws one latent: ``latents`` and ``observed`` values as they are, and ``summaries``."""

    name: str
    is_timed: bool
    latents: tuple[Single, ...]
    observed: tuple[Single, ...]
    summaries: tuple[Summary, ...]


def plan_series(lifted: LiftedInverse) -> tuple[LatentPlan, ...]:
    """Return the plan of each latent, in the order in which they are drawn: those of the whole series first.

    Raises `OptionError` for patterns that one pass upwards in time cannot follow.

    >>> from retrodict import Template, invert
    >>> (plan,) = plan_series(invert(Template("z[t] | z[t-1]; x[t] | z[t]", observed=["x"])))
    >>> plan.latents, plan.summaries
    ((Single(name='z', lag=1),), (Summary(names=('x',), is_backward=True, offset=0),))
    """
    _require_upwards(lifted)
    plans = [_plan(lifted, name) for name in lifted.schedule.drawn]
    return tuple(sorted(plans, key=lambda plan: plan.is_timed))


def _require_upwards(lifted: LiftedInverse) -> None:
    loops = [loop for row in lifted.schedule.loops.values() for loop in row]
    timed = [bool(row) for row in lifted.schedule.loops.values()]
    if any(not _is_upwards(loop) for loop in loops) or timed != sorted(timed):
        raise OptionError(
            f"an encoder of series draws what has no time first and then goes up in time, not as {lifted.schedule}",
            remedy="Give an inverse whose schedule is of this form.",
        )
    if any(lifted.exceptions.values()):
        raise OptionError("an encoder of series has no parents at single times only", remedy="Use lags alone.")


def _is_upwards(loop: ScheduleLoop) -> bool:
    return loop.how in ("up", "each") and all(isinstance(item, str) for item in loop.body)


def _plan(lifted: LiftedInverse, name: str) -> LatentPlan:
    template = lifted.template
    is_timed = template.is_timed(name)
    latents: list[Single] = []
    observed: list[Single] = []
    runs: dict[tuple[bool, int], list[str]] = {}
    for pattern in lifted.patterns[name]:
        if pattern.run is None or _is_window(pattern):
            home = observed if pattern.name in template.observed else latents
            home += _list_window(pattern)
            continue
        if pattern.name not in template.observed:
            raise _refuse(name, pattern)
        for key in _list_runs(name, pattern, is_timed):
            runs.setdefault(key, []).append(pattern.name)
    summaries = tuple(Summary(tuple(names), backward, offset) for (backward, offset), names in runs.items())
    return LatentPlan(name, is_timed, tuple(latents), tuple(observed), summaries)


def _is_window(pattern: Pattern) -> bool:
    return pattern.run is not None and all(end.base == "t" for end in pattern.run)


def _list_window(pattern: Pattern) -> Iterator[Single]:
    if pattern.run is None:
        yield Single(pattern.name)
        return
    low, high = pattern.run
    for offset in range(low.offset, high.offset + 1):
        yield Single(pattern.name, -offset)


def _list_runs(latent: str, pattern: Pattern, is_timed: bool) -> Iterable[tuple[bool, int]]:
    """Return the summaries that hold a run, as direction and offset."""
    low, high = pattern.run or ALWAYS
    if pattern.run == ALWAYS:
        return [(True, 0), (False, 0)] if is_timed else [(True, 0)]
    if high == LAST and low.base == "t":
        return [(True, low.offset)]
    if low == FIRST and high.base == "t" and high.offset <= 0:
        return [(False, high.offset)]
    raise _refuse(latent, pattern)


def _refuse(latent: str, pattern: Pattern) -> OptionError:
    low, high = pattern.run or ALWAYS
    return OptionError(
        f"an encoder of series cannot give {latent!r} the parents {pattern.name}[{low.write('t')}..{high.write('t')}]",
        remedy="Runs without a bound are read of observations, up to the own time, from it on, or of all times.",
    )
