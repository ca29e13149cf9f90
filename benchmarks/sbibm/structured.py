"""Two tasks with a structure, and exact draws from their posteriors: a chain of states, and a hierarchy."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

import numpy as np
import numpyro
from numpy.typing import NDArray
from numpyro import distributions as dist

Floats = NDArray[np.float64]
LENGTH, KEEP, MOVE, SEEN = 10, 0.9, 0.6, 0.5
GROUPS, CENTER, SPREAD, NOISE = 20, 3.0, 2.0, 1.0
GRID = np.linspace(-7.0, 7.0, 701)
SCALES = np.linspace(0.0, 12.0, 6001)[1:]


def hmm() -> None:
    """Draw ten states of a chain; noisy squares are observed, so that signs are known together only."""
    states = [numpyro.sample("z0", dist.Normal(0, 1))]
    for time in range(1, LENGTH):
        states.append(numpyro.sample(f"z{time}", dist.Normal(KEEP * states[-1], MOVE)))
    for time, state in enumerate(states):
        numpyro.sample(f"x{time}", dist.Normal(state**2, SEEN))


def hierarchy() -> None:
    """Draw twenty groups with a common mean and a common spread."""
    mu = numpyro.sample("mu", dist.Normal(0, CENTER))
    tau = numpyro.sample("tau", dist.HalfNormal(SPREAD))
    with numpyro.plate("groups", GROUPS):
        theta = numpyro.sample("theta", dist.Normal(mu, tau))
        numpyro.sample("x", dist.Normal(theta, NOISE))


def draw_states(seen: Floats, n: int, random: np.random.Generator) -> Floats:
    """Return draws of the states given data: filtered forwards on a grid, drawn backwards."""
    step = GRID[1] - GRID[0]
    move = np.exp(-0.5 * ((GRID[:, None] - KEEP * GRID) / MOVE) ** 2)  # to a state (row) from another (column)
    filtered = [np.exp(-0.5 * GRID**2) * _weigh(seen[0])]
    for value in seen[1:]:
        belief = (move @ filtered[-1]) * _weigh(value)
        filtered.append(belief / belief.sum())
    places = np.empty((n, len(seen)), np.int64)
    places[:, -1] = random.choice(len(GRID), n, p=filtered[-1] / filtered[-1].sum())
    for time in range(len(seen) - 2, -1, -1):
        heights = np.cumsum(move[places[:, time + 1]] * filtered[time], axis=1)
        levels = random.uniform(size=(n, 1)) * heights[:, -1:]
        places[:, time] = (heights < levels).sum(axis=1)
    return GRID[places] + step * (random.uniform(size=places.shape) - 0.5)


def _weigh(value: float) -> Floats:
    return np.exp(-0.5 * ((value - GRID**2) / SEEN) ** 2)


def draw_hierarchy(seen: Floats, n: int, random: np.random.Generator) -> Floats:
    """Return draws of mean, spread and effects: the spread on a grid with all else integrated out, then the rest."""
    variance = SCALES**2 + NOISE**2
    precision = 1 / CENTER**2 + len(seen) / variance
    score = -0.5 * (SCALES / SPREAD) ** 2 - 0.5 * len(seen) * np.log(variance) - 0.5 * np.log(precision)
    score += -0.5 * (seen**2).sum() / variance + 0.5 * (seen.sum() / variance) ** 2 / precision
    chances = np.exp(score - score.max())
    place = random.choice(len(SCALES), n, p=chances / chances.sum())
    tau = SCALES[place] + (SCALES[1] - SCALES[0]) * (random.uniform(size=n) - 0.5)
    mu = seen.sum() / (variance * precision)
    mu = mu[place] + random.standard_normal(n) / np.sqrt(precision[place])
    held = 1 / (1 / tau**2 + 1 / NOISE**2)
    theta = held[:, None] * (mu[:, None] / tau[:, None] ** 2 + seen / NOISE**2)
    theta += np.sqrt(held)[:, None] * random.standard_normal((n, len(seen)))
    return np.column_stack([mu, tau, theta])


@dataclass(frozen=True)
class Structured:
    """A task of our own: its program, the columns of its draws in order, what draws from its posterior, its data."""

    program: Callable[[], None]
    columns: tuple[str, ...]
    draw: Callable[[Floats, int, np.random.Generator], Floats]
    observed: tuple[str, ...] = ("x",)


TIMES = range(LENGTH)
STRUCTURED = {
    "hmm": Structured(hmm, tuple(f"z{i}" for i in TIMES), draw_states, tuple(f"x{i}" for i in TIMES)),
    "hierarchy": Structured(hierarchy, ("mu", "tau", "theta"), draw_hierarchy),
}
