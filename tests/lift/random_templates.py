"""Random templates and random loop nests, to test claims about all sizes by brute force."""

from __future__ import annotations

import random
from collections.abc import Iterator
from dataclasses import dataclass

import retrodict as rd
from retrodict.errors import GraphError
from retrodict.lift.schedules.loop_nest import Item

TIME = "t"


@dataclass(frozen=True)
class Kind:
    """What random templates may hold."""

    plates: int = 0
    timed: bool = False
    most_variables: int = 5
    max_lag: int = 2
    singled_out: bool = False  # first and last times
    cumulative: float = 0.0
    shared_every: float = 0.1
    density: float = 0.45


def draw_template(rng: random.Random, kind: Kind) -> rd.Template:
    """A template of which something is latent and informed; with time also something latent along it."""
    while True:
        variables = [rd.Repeated(f"v{k}", draw_dims(rng, kind)) for k in range(rng.randint(2, kind.most_variables))]
        last = len(variables) - 1
        seen = [v.name for k, v in enumerate(variables) if rng.random() < (0.8 if k == last else 0.3)]
        relations = [
            relation
            for k, child in enumerate(variables)
            for m, parent in enumerate(variables)
            for relation in draw_relations(rng, kind, child, parent, k - m)
        ]
        try:
            template = rd.Template(variables, seen, relations=relations, time=TIME if kind.timed else None)
        except GraphError:
            continue
        if not kind.timed or any(template.is_timed(name) for name in template.latents):
            return template


def draw_dims(rng: random.Random, kind: Kind) -> tuple[str, ...]:
    pool = [f"p{k}" for k in range(kind.plates)] + [TIME] * kind.timed
    dims = [dim for dim in pool if rng.random() < (0.75 if dim == TIME else 0.55)]
    rng.shuffle(dims)
    return tuple(dims[:3])


def draw_relations(
    rng: random.Random, kind: Kind, child: rd.Repeated, parent: rd.Repeated, ahead: int
) -> Iterator[rd.Relation]:
    shared = [dim for dim in parent.dims if dim in child.dims]
    free = {dim for dim in parent.dims if dim not in child.dims}
    if ahead > 0 and rng.random() < kind.density:
        every = free | {dim for dim in shared if rng.random() < kind.shared_every}
        fixed = only = None
        if kind.singled_out and TIME in parent.dims and rng.random() < 0.3:
            fixed, every = rng.choice([0, -1]), every - {TIME}
        if kind.singled_out and TIME in child.dims and rng.random() < 0.25:
            only = rng.choice([0, -1])
        up_to = [dim for dim in shared if dim not in every and dim != TIME and rng.random() < kind.cumulative]
        yield rd.Relation(child.name, parent.name, 0, sorted(every), up_to, fixed, only)
    if TIME in shared:
        for lag in range(1, kind.max_lag + 1):
            if rng.random() < (0.5 if ahead == 0 else 0.2) / lag**0.5:
                yield rd.Relation(child.name, parent.name, lag, sorted(free))


def draw_schedule(rng: random.Random, template: rd.Template) -> rd.Schedule:
    """Any loop nest that draws every latent once, senseless ones among them."""
    return rd.Schedule(_nest(rng, template, [(name, set(template[name].dims)) for name in template.drawn]))


def _nest(rng: random.Random, template: rd.Template, left: list[tuple[str, set[str]]]) -> tuple[Item, ...]:
    left = rng.sample(left, len(left))
    items: list[Item] = []
    while left:
        name, dims = left.pop()
        if not dims:
            items.append(name)
            continue
        dim = rng.choice(sorted(dims))
        inside = [entry for entry in left if dim in entry[1] and rng.random() < 0.5]
        left = [entry for entry in left if entry not in inside]
        body = _nest(rng, template, [(n, d - {dim}) for n, d in [(name, dims), *inside]])
        items.append(rd.ScheduleLoop(dim, rng.choice(["up", "down"]) if dim == template.time else "turn", body))
    return tuple(items)
