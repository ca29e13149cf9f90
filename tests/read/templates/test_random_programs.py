"""Random linear programs with plates and time, read back to the template that they were written from."""

from __future__ import annotations

from collections.abc import Iterator

import jax.numpy as jnp
import numpy as np
import numpyro
import numpyro.distributions as dist
import pytest
from numpyro.contrib.control_flow import scan

import retrodict as rd

SIZES = {"t": 7, "p": 3, "q": 4}


def draw_template(seed: int) -> rd.Template | None:
    """Variables before, in and after a loop, with relations of every kind; None where nothing latent is informed."""
    rng = np.random.default_rng(seed)
    phases = sorted(rng.integers(0, 3, rng.integers(3, 7)).tolist())
    names = [f"v{i}" for i in range(len(phases))]
    dims = {
        name: (*(["t"] if phase == 1 else []), *(plate for plate in "pq" if rng.random() < 0.5))
        for name, phase in zip(names, phases, strict=True)
    }
    relations = [
        relation
        for i, child in enumerate(names)
        for j, parent in enumerate(names)
        if rng.random() < (0.5 if j < i else 0.3)
        for relation in draw_relation(rng, child, parent, dims, earlier=j < i)
    ]
    parents = {relation.parent for relation in relations if relation.child != relation.parent}
    observed = [name for name in names if name not in parents]
    informed = {relation.parent for relation in relations if relation.child in observed} - set(observed)
    variables = [rd.Repeated(name, own) for name, own in dims.items()]
    return (
        rd.Template(variables, observed, relations=relations, time="t" if 1 in phases else None) if informed else None
    )


def draw_relation(rng, child, parent, dims, *, earlier) -> Iterator[rd.Relation]:
    mine, its = dims[child], dims[parent]
    every = [plate for plate in its if plate != "t" and (plate not in mine or rng.random() < 0.3)]
    if "t" in mine and "t" in its:
        lag = int(rng.integers(0 if earlier else 1, 3))
        yield rd.Relation(child, parent, lag, every)
    elif earlier and "t" in its:
        last = rng.random() < 0.5
        yield rd.Relation(child, parent, 0, every if last else [*every, "t"], fixed=-1 if last else None)
    elif earlier:
        yield rd.Relation(child, parent, 0, every)


class Written:
    """A template as a program: each mean a weighted sum of the parents, values always with axes for both plates."""

    def __init__(self, template: rd.Template) -> None:
        self.template = template
        self.__name__ = "written"

    def __call__(self) -> None:
        values: dict[str, jnp.ndarray] = {}
        timed = [v.name for v in self.template.variables if "t" in v.dims]
        for variable in self.template.variables:
            if "t" not in variable.dims:
                values[variable.name] = self.sample(variable, values, [])
            elif variable.name == timed[0]:
                values |= self.loop(timed, dict(values))

    def loop(self, timed, before):
        shapes = {name: tuple(SIZES[d] if d in self.template[name].dims else 1 for d in "pq") for name in timed}
        start = [{name: jnp.zeros(shape) for name, shape in shapes.items()}] * 2

        def step(carry, _):
            now = {}
            for name in timed:
                now[name] = self.sample(self.template[name], before | now, carry)
            return [now, carry[0]], now

        return scan(step, start, None, length=SIZES["t"])[1]

    def sample(self, variable, values, past):
        mean = jnp.zeros(tuple(SIZES[d] if d in variable.dims else 1 for d in "pq"))
        for number, relation in enumerate(self.template.relations):
            if relation.child == variable.name:
                value = past[relation.lag - 1][relation.parent] if relation.lag else values[relation.parent]
                if relation.fixed is not None:
                    value = value[-1]
                elif "t" in relation.every:
                    value = value.sum(0)
                for axis, plate in enumerate("pq"):
                    value = value.sum(axis, keepdims=True) if plate in relation.every else value
                mean = mean + (0.1 + 0.01 * number) * value
        plates = [numpyro.plate(d, SIZES[d], dim=k - 2) for k, d in enumerate("pq") if d in variable.dims]
        for plate in plates:
            plate.__enter__()
        drawn = numpyro.sample(variable.name, dist.Normal(mean, 1))
        for plate in reversed(plates):
            plate.__exit__(None, None, None)
        return drawn


def check(seed: int) -> None:
    template = draw_template(seed)
    if template is None:
        return
    read = rd.from_numpyro(Written(template), observed=template.observed, template=True)
    assert {v.name: v.dims for v in read.template.variables} == {v.name: v.dims for v in template.variables}
    assert set(read.template.relations) == set(template.relations), template
    assert read.template.time == template.time


@pytest.mark.parametrize("seed", range(8))
def test_reads_back_random_programs(seed):
    check(seed)


@pytest.mark.slow
@pytest.mark.parametrize("seed", range(8, 150))
def test_reads_back_many_random_programs(seed):
    check(seed)
