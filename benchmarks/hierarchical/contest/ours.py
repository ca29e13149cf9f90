"""Ours in the contest: by default, with weights where something was learned, and with networks for all latents.

Run with ``python -m benchmarks.hierarchical.contest.ours KIND [task ...]``: KIND is default, weighted or networks.
"""

from __future__ import annotations

import sys
import time
import warnings
from collections.abc import Mapping
from functools import cache, partial
from typing import Any

import numpy as np

import retrodict as rd
from benchmarks.hierarchical.contest.arena import STEPS, Train, Trained, enter
from benchmarks.hierarchical.contest.models import SCHOOL_SCALE, TASKS, Simulations, Task
from benchmarks.hierarchical.exact_templates import GAUSSIAN
from benchmarks.hierarchical.real_programs import make_schools

BATCH = 64


def make_model(task: Task) -> rd.TemplateModel:
    """Return the model of a task at the largest size of training."""
    if task.dim == "schools":
        return make_schools(task.most).template()
    if task.dim == "t":
        return GAUSSIAN["local level"].at({"t": task.most})
    return GAUSSIAN["hierarchy"].at({"j": task.most, "n": 8})


@cache
def amortize(task: Task, exact: bool) -> tuple[rd.LiftedPosterior, float]:
    """Train as a user would, with sizes and gaps that vary, and all else as it is by default; count the seconds."""
    start = time.process_time()
    posterior = rd.amortize(
        make_model(task),
        vary={task.dim: (task.least, task.most)},
        missing=task.missing,
        steps=STEPS,
        exact=exact,
        quiet=True,
    )
    return posterior, time.process_time() - start


def train(task: Task, exact: bool, weighted: bool = False) -> Trained:
    """Return what was trained, as it draws or with weights."""
    posterior, seconds = amortize(task, exact)
    steps = int(posterior.history.step[-1]) if posterior.encoder.plans else 0
    draw = partial(draw_weighted, posterior) if weighted else posterior.sample
    return Trained(partial(answer, task, draw), seconds, steps, steps * BATCH)


def draw_weighted(posterior: rd.LiftedPosterior, data: Mapping[str, Any], draws: int, *, seed: int) -> Any:
    """Return draws that were chosen by their weights from twice as many."""
    return posterior.importance(data, 2 * draws, seed=seed).resample(draws, seed=seed)


def answer(task: Task, draw: Any, question: Simulations, draws: int) -> Any:
    """Return draws of what is asked, one data set after the other."""
    rows = range(len(question.data))
    return np.stack([pick(task, draw(arrange(task, question, row), draws, seed=row)) for row in rows])


def arrange(task: Task, question: Simulations, row: int) -> dict[str, Any]:
    """Return a data set in the form of the template."""
    data = question.data[row]
    if task.dim == "schools":
        return {"y": data * SCHOOL_SCALE, "errors": question.errors[row] * SCHOOL_SCALE}
    return {"x" if task.dim == "t" else "y": data}


def pick(task: Task, draws: Mapping[str, Any]) -> Any:
    """Return draws of what is asked, ``(draws, asked)``."""
    if task.dim == "t":
        z = np.asarray(draws["z"])
        return z[:, [0, z.shape[1] // 2, z.shape[1] - 1]]
    columns = [draws["theta"][:, 0] if name == "theta[0]" else draws[name] for name in task.asked]
    return np.stack(columns, axis=1) / (SCHOOL_SCALE if task.dim == "schools" else 1.0)


KINDS: Mapping[str, tuple[str, Mapping[str, Train]]] = {
    "default": ("retrodict", dict.fromkeys(TASKS, partial(train, exact=True))),
    "weighted": ("retrodict, weighted", {"schools": partial(train, exact=True, weighted=True)}),
    "networks": ("retrodict, networks alone", dict.fromkeys(TASKS, partial(train, exact=False))),
}


def main(kind: str, names: list[str]) -> None:
    """Enter the kind that is named, for these tasks or for all."""
    entrant, trains = KINDS[kind]
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", rd.errors.NoveltyWarning)
        enter(entrant, trains, names)


if __name__ == "__main__":
    main(sys.argv[1], sys.argv[2:])
