"""Data sets that every entrant is asked, with their exact means and standard deviations: build/contest/*.npz.

Run with ``python -m benchmarks.hierarchical.contest.questions``, where retrodict is installed: the references are dense
algebra of linear-Gaussian templates, and quadrature over the spread between schools.
"""

from __future__ import annotations

from typing import Any

import numpy as np

from benchmarks.hierarchical.contest.arena import COUNT, QUESTIONS
from benchmarks.hierarchical.contest.models import SCHOOL_SCALE, TASKS, Simulations, Task, pick_states
from benchmarks.hierarchical.exact_templates import GAUSSIAN, find_posterior
from benchmarks.hierarchical.real_programs import RealTable, schools
from benchmarks.hierarchical.real_references import integrate_schools

SEED = 7
Moments = tuple[Any, Any]


def solve_hierarchy(drawn: Simulations) -> Moments:
    """Return means and standard deviations of the common mean and of the first group."""
    size = drawn.data.shape[1]
    model = GAUSSIAN["hierarchy"].at({"j": size, "n": drawn.data.shape[2]})
    found = [find_posterior(model, {"y": data})[1:] for data in drawn.data]
    return tuple(np.stack(part)[:, :2] for part in _split(found))


def solve_level(drawn: Simulations) -> Moments:
    """Return means and standard deviations of the first state, of the one in the middle and of the last."""
    model = GAUSSIAN["local level"].at({"t": drawn.data.shape[1]})
    found = [find_posterior(model, {"x": data})[1:] for data in drawn.data]
    return tuple(pick_states(np.stack(part), drawn.sizes) for part in _split(found))


def _split(found: list[Any]) -> Moments:
    return [mean for mean, _ in found], [np.sqrt(np.diag(covariance)) for _, covariance in found]


def solve_schools(drawn: Simulations) -> Moments:
    """Return means and standard deviations of the mean, of the spread and of the first effect, by quadrature."""
    rows = []
    for y, errors in zip(drawn.data * SCHOOL_SCALE, drawn.errors * SCHOOL_SCALE, strict=True):
        found = integrate_schools(RealTable(schools, (errors,), y, (), {}, 0.0))
        rows.append(
            [[found[kind][name] for name in ("mu", "tau")] + found[kind]["theta"][:1] for kind in ("mean", "sd")]
        )
    both = np.array(rows) / SCHOOL_SCALE
    return both[:, 0], both[:, 1]


def solve(task: Task, drawn: Simulations) -> Moments:
    """Return the exact means and standard deviations of what is asked."""
    return {"j": solve_hierarchy, "t": solve_level, "schools": solve_schools}[task.dim](drawn)


def main() -> None:
    """Write the questions of each task at each size."""
    QUESTIONS.mkdir(parents=True, exist_ok=True)
    for name, task in TASKS.items():
        for size in task.sizes:
            drawn = task.simulate(np.random.default_rng((SEED, size)), COUNT, size)
            mean, sd = solve(task, drawn)
            errors = {} if drawn.errors is None else {"errors": drawn.errors}
            found = {"data": drawn.data, "truth": task.read(drawn), "mean": mean, "sd": sd, **errors}
            np.savez(QUESTIONS / f"{name}, {size}.npz", **found)
            scores = (found["truth"] - mean) / sd
            print(name, size, "truths", scores.mean(axis=0).round(2), scores.std(axis=0).round(2), flush=True)


if __name__ == "__main__":
    main()
