"""The models of the contest as NumPy simulators, which every environment can import, and what is asked of each.

A simulation is padded to the largest size: cells outside its own size, and cells that are missing, are NaN.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any, NamedTuple

import numpy as np

MEMBERS = 8
SCHOOL_SCALE = 10.0  # schools are simulated in units of ten points, so that no peer begins far from its scale


class Simulations(NamedTuple):
    """Latents that are asked; data, ``(count, size, ...)``; the size of each; the known errors of schools, or none."""

    asked: Any
    data: Any
    sizes: Any = None
    errors: Any = None


class Task(NamedTuple):
    """A model with its sizes: trained from ``least`` to ``most``, asked at ``sizes``; a share of cells is missing."""

    draw: Callable[[np.random.Generator, int, int], Simulations]
    asked: tuple[str, ...]
    dim: str
    least: int
    most: int
    sizes: tuple[int, ...]
    missing: float = 0.0

    def simulate(self, rng: np.random.Generator, count: int, size: int | None = None) -> Simulations:
        """Return simulations of one size, or, if none is named, of sizes drawn evenly from those of training."""
        drawn = self.draw(rng, count, self.most if size is None else size)
        kept = rng.integers(self.least, self.most + 1, count) if size is None else np.full(count, size)
        data = self._hide(rng, np.array(drawn.data))
        data[np.arange(data.shape[1]) >= kept[:, None]] = np.nan
        return drawn._replace(data=data, sizes=kept)

    def _hide(self, rng: np.random.Generator, data: Any) -> Any:
        gone = rng.random(data.shape) < self.missing
        gone.reshape(len(data), -1)[:, 0] = False  # nothing at all is no question
        return np.where(gone, np.nan, data)

    def read(self, drawn: Simulations) -> Any:
        """Return the values that are asked, ``(count, asked)``: of a series the first state, middle one and last."""
        return pick_states(drawn.asked, drawn.sizes) if self.dim == "t" else drawn.asked


def pick_states(states: Any, sizes: Any) -> Any:
    """Return the first state of each series, the one in the middle and the last one."""
    places = np.stack([0 * sizes, sizes // 2, sizes - 1], axis=1)
    return np.take_along_axis(states, places, axis=1)


def draw_hierarchy(rng: np.random.Generator, count: int, groups: int) -> Simulations:
    """Draw means of groups around a common mean, each with eight members."""
    mu = rng.normal(size=count)
    theta = mu[:, None] + np.sqrt(0.5) * rng.normal(size=(count, groups))
    y = theta[:, :, None] + rng.normal(size=(count, groups, MEMBERS))
    return Simulations(np.stack([mu, theta[:, 0]], axis=1), y)


def draw_schools(rng: np.random.Generator, count: int, groups: int) -> Simulations:
    """Draw effects of schools whose spread is unknown, with errors that are known."""
    errors = np.exp(2.5 + 0.4 * rng.normal(size=(count, groups))) / SCHOOL_SCALE
    mu, tau = rng.normal(size=count), np.abs(rng.normal(size=count))
    theta = mu[:, None] + tau[:, None] * rng.normal(size=(count, groups))
    y = theta + errors * rng.normal(size=(count, groups))
    return Simulations(np.stack([mu, tau, theta[:, 0]], axis=1), y, errors=errors)


def draw_level(rng: np.random.Generator, count: int, steps: int) -> Simulations:
    """Draw a level that moves, seen with noise."""
    z = np.sqrt(0.2) * rng.normal(size=(count, steps))
    for t in range(1, steps):
        z[:, t] += 0.95 * z[:, t - 1]
    return Simulations(z, z + rng.normal(size=(count, steps)))


HIERARCHY = Task(draw_hierarchy, ("mu", "theta[0]"), "j", 1, 20, (5, 20, 40))
TASKS: Mapping[str, Task] = {
    "hierarchy": HIERARCHY,
    "hierarchy, 30% missing": HIERARCHY._replace(missing=0.3),
    "schools": Task(draw_schools, ("mu", "tau", "theta[0]"), "schools", 2, 20, (5, 20, 40)),
    "local level": Task(draw_level, ("z[0]", "z[T/2]", "z[T-1]"), "t", 5, 100, (50, 100, 200)),
}


def fill_rows(task: Task, drawn: Simulations) -> tuple[Any, Any]:
    """Return one row for each group or step, as networks of sets and series read them, and which rows there are.

    Cells that are missing are 0, with a mark that says so; the known error of a school stands beside its value.
    """
    seen = ~np.isnan(drawn.data)
    filled = np.where(seen, drawn.data, 0.0)
    columns = [filled[..., None] if filled.ndim == 2 else filled]
    if drawn.errors is not None:
        columns.append(np.log(drawn.errors)[..., None])
    if task.missing:
        columns.append(seen)
    here = np.arange(filled.shape[1]) < drawn.sizes[:, None]
    return np.concatenate(columns, axis=-1) * here[..., None], here


def unbound(task: Task, asked: Any, back: bool = False) -> Any:
    """Return values that are asked with the spread on the log scale, or back from it."""
    found = np.array(asked)
    if "tau" in task.asked:
        column = task.asked.index("tau")
        found[..., column] = (np.exp if back else np.log)(found[..., column])
    return found
