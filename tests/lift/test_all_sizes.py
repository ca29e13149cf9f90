"""Claims about all sizes against brute force: random templates at sizes that no derivation looked at."""

from __future__ import annotations

import random
from collections.abc import Sequence
from contextlib import suppress

import pytest

import retrodict as rd
from retrodict.errors import GraphError
from retrodict.graph.names import Name
from retrodict.lift.derivation import derive
from tests.lift.random_templates import TIME, Kind, draw_schedule, draw_template

KINDS = {
    "plates": Kind(plates=2, most_variables=6),
    "three plates, cumulative": Kind(plates=3, most_variables=6, cumulative=0.3),
    "time": Kind(timed=True),
    "time, lags to three": Kind(timed=True, most_variables=4, max_lag=3, density=0.3),
    "time and a plate": Kind(plates=1, timed=True, most_variables=4),
    "ends of time": Kind(timed=True, singled_out=True),
    "ends of time and a plate": Kind(plates=1, timed=True, most_variables=4, singled_out=True),
}
MANY = {
    "plates": 1500,
    "three plates, cumulative": 800,
    "time": 1500,
    "time, lags to three": 600,
    "time and a plate": 500,
    "ends of time": 600,
    "ends of time and a plate": 300,
}


def lift_randomly(rng: random.Random, kind: Kind) -> rd.LiftedInverse:
    """A random template in a random order; those that skip times while ends are special are refused by name."""
    while True:
        template = draw_template(rng, kind)
        with suppress(GraphError):
            return derive(template, draw_schedule(rng, template))


def draw_sizes(rng: random.Random, template: rd.Template) -> dict[str, int]:
    plates = [1, 2, 4, 5, 6] if template.time is None and len(template.plates) < 3 else [1, 2, 4]
    return {dim: rng.randint(1, 25) if dim == TIME else rng.choice(plates) for dim in template.dims}


def is_inside(lifted: rd.LiftedInverse, name: Name, sizes: dict[str, int], plates: int) -> bool:
    """Whether an instance is far from the ends of time, and of its plates by so many."""
    base, _, marks = str(name).partition("[")
    indices = [int(mark) for mark in marks.rstrip("]").split(",")] if marks else []
    edges = {dim: lifted.margins.end if dim == TIME else plates for dim in lifted.template[base].dims}
    return all(edges[d] <= i < sizes[d] - edges[d] for d, i in zip(edges, indices, strict=True))


def require_right(lifted: rd.LiftedInverse, sizes: dict[str, int]) -> None:
    """No parent is missing; none is superfluous inside, unless times are skipped."""
    verdict = rd.certify(lifted.at(sizes))
    assert verdict.n_missing == 0, (str(lifted.template), str(lifted.schedule), sizes)
    if all(lifted.regular.values()) and verdict.n_removable:
        extra = [
            e
            for e in verdict.removable
            if is_inside(lifted, e.child, sizes, 1) and is_inside(lifted, e.parent, sizes, 0)
        ]
        assert extra == [], (str(lifted.template), str(lifted.schedule), sizes)


@pytest.mark.parametrize("kind", KINDS)
def test_random_templates(kind: str) -> None:
    rng = random.Random(f"a few {kind}")  # noqa: S311
    for _ in range(10):
        lifted = lift_randomly(rng, KINDS[kind])
        require_right(lifted, draw_sizes(rng, lifted.template))


@pytest.mark.slow
@pytest.mark.parametrize("part", range(4))
@pytest.mark.parametrize("kind", KINDS)
def test_many_random_templates(kind: str, part: int) -> None:
    rng = random.Random(f"{kind} {part}")  # noqa: S311
    for _ in range(MANY[kind] // 4):
        lifted = lift_randomly(rng, KINDS[kind])
        for _ in range(2):
            require_right(lifted, draw_sizes(rng, lifted.template))


@pytest.mark.slow
@pytest.mark.parametrize("kind", ["time", "time and a plate"])
def test_longer_than_what_was_looked_at(kind: str) -> None:
    """Patterns stay minimal inside a series longer than that of the derivation."""
    rng = random.Random(f"long {kind}")  # noqa: S311
    for _ in range(60):
        lifted = lift_randomly(rng, KINDS[kind])
        sizes = {dim: lifted.margins.length + rng.randint(1, 9) if dim == TIME else 4 for dim in lifted.template.dims}
        require_right(lifted, sizes)


# -- criteria that look right and fail -----------------------------------------------------------------


def delay(n: int) -> tuple[rd.Template, rd.Schedule]:
    """What z says is seen n + 1 steps later, through a chain of latents."""
    chain = "; ".join(f"c{k}[t] | {f'c{k - 1}' if k > 1 else 'z'}[t-1]" for k in range(1, n + 1))
    template = rd.Template(f"z[t] | z[t-1]; w[t] | z[t]; {chain}; x[t] | c{n}[t-1]", observed=["w", "x"])
    return template, rd.Schedule.read("; ".join(["up t: (z)", *(f"up t: (c{k})" for k in range(1, n + 1))]))


def derive_shorter(template: rd.Template, schedule: rd.Schedule, end: int) -> tuple[str, ...]:
    """What a grounding of 4 end + 3 steps says, less than theorem 2 asks for."""
    return derive(template, schedule, rd.Margins(end, end + 1)).parents["z"]


def test_a_pattern_that_no_longer_changes_may_still_lack_parents() -> None:
    template, schedule = delay(6)
    right = ("z[t-1]", "w[t..T-1]", "x[t+7..T-1]")
    assert derive(template, schedule).parents["z"] == right
    assert {derive_shorter(template, schedule, end) for end in range(1, 6)} == {right[:2]}  # 7 to 23 steps
    assert {derive_shorter(template, schedule, end) for end in (7, 8)} == {right}


@pytest.mark.parametrize("end", [1, 2])
def test_a_few_lags_of_time_are_not_enough(end: int) -> None:
    """Neither 2 k + 3 nor 4 k + 3 steps, with k = 1 the largest lag: encoders of these patterns cannot be right."""
    template, schedule = delay(6)
    short = derive(template, schedule, rd.Margins(end, end + 1))
    assert rd.certify(short.at({"t": 40})).n_missing > 0
    assert not rd.certify(short)
    assert "edges missing" in rd.certify(short).scope


def test_two_copies_of_a_plate_are_not_enough() -> None:
    """b[2] needs b[1] only while a third copy is unknown."""
    template = rd.Template("a[p]; b[p] | a[p]; c[p] | a[p]; y[p] | b[p] c[:]", observed=["y"])
    lifted = rd.invert(template, "(turn p: (a; c; b))")
    assert "b[<p]" in lifted.parents["b"]
    net = template.at({"p": 2})
    order = ["a[0]", "c[0]", "b[0]", "a[1]", "c[1]", "b[1]"]
    assert "b[0]" not in rd.invert(net, order[::-1]).parents["b[1]"]


def test_cycles_of_two_and_three_steps_make_patterns_late() -> None:
    text = "a[t] | b[t-1] d[t-1]; b[t] | a[t-1]; c[t] | a[t-1]; d[t] | c[t-1]; y[t] | a[t]"
    template = rd.Template(text, observed=["y"])
    schedule = rd.Schedule.read("down t: a; down t: b; down t: c; down t: d")
    assert derive(template, schedule, rd.Margins(1, 2)).parents["a"] == ("a[t+1..T-1]", "y[0..t]")
    assert derive(template, schedule).parents["a"] == ("a[t+1..t+3]", "y[0..t]")


def test_each_is_confirmed_beyond_short_series() -> None:
    """c9 couples what c1 says at different times nine steps later."""
    template, schedule = delay(9)
    template = rd.Template(str(template).replace("c9[t] |", "c9[t] | c9[t-1]"), observed=["w", "x"])
    rest: Sequence[str] = [f"up t: (c{k})" for k in range(2, 10)]
    with pytest.raises(rd.errors.OrderError, match=r"cannot run side by side, because 'c1' needs c1"):
        rd.invert(template, "; ".join(["up t: (z)", "each t: (c1)", *rest]))
    assert schedule.drawn[:2] == ("z", "c1")


def test_a_lag_of_two_alone_is_covered_by_a_hull() -> None:
    lifted = rd.invert(rd.Template("z[t] | z[t-2]; x[t] | z[t]", observed=["x"]))
    verdict = rd.certify(lifted)
    assert lifted.list_rows() == ["z[t] <- z[t-2] x[t..T-1]"]
    assert (verdict.scope, verdict.minimal) == ("for all sizes, not minimal", False)
    assert rd.certify(lifted.at({"t": 31})).n_missing == 0 < rd.certify(lifted.at({"t": 31})).n_removable
