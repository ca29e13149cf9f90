"""One task: train, draw for its observations, and compare with the references."""

from __future__ import annotations

import time
import warnings
from pathlib import Path
from types import SimpleNamespace
from typing import Any
from unittest.mock import patch

import jax
import numpy as np

import retrodict as rd
from benchmarks.sbibm.references import Floats, Task, load_task
from benchmarks.sbibm.score import score_draws
from retrodict.encode.build import count_parameters
from retrodict.models.model import Model
from retrodict.posterior.posterior import AmortizedPosterior
from retrodict.train import loop

DRAWS, LOOKS = 10_000, 8

# A budget of `seconds` is one of processor seconds here, since machines are shared.
PROCESSOR = SimpleNamespace(monotonic=time.process_time)


def measure(
    name: str, folder: Path | None, seed: int, observations: int, options: dict[str, Any], *, weigh: bool = True
) -> dict[str, Any]:
    """Return what was measured of a task."""
    task = load_task(name, folder)
    wall, start = time.perf_counter(), time.process_time()
    with patch.object(loop, "time", PROCESSOR):
        posterior = train(task.model, seed, dict(options))
    row: dict[str, Any] = {"jax": jax.__version__, "cpu": time.process_time() - start}
    row["wall"] = time.perf_counter() - wall
    data = {site: values[:observations] for site, values in task.data.items()}
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # what a warning would say is in the columns
        draws = posterior.sample(data, DRAWS, seed=seed + 1)
        row["c2st"] = [score(task, draws, i) for i in range(observations)]
        if weigh:
            row |= weigh_draws(task, posterior, data, seed + 2)
    return row | describe(posterior)


def train(model: Model, seed: int, options: dict[str, Any]) -> AmortizedPosterior:
    """Return the posterior of a model, or with ``simulations=`` of a table of so many runs and the structure alone."""
    runs = options.pop("simulations", None)
    if runs is None:
        return rd.amortize(model, seed=seed, quiet=True, **options)
    return rd.amortize(model.net, simulations=model.simulate(runs, seed=1000 + seed), seed=seed, quiet=True, **options)


def score(task: Task, draws: Any, row: int) -> float:
    """Return how well draws for an observation are told from the reference."""
    flat: Floats = task.flatten(draws, row)
    return round(score_draws(flat, task.references[row]), 4)


def weigh_draws(task: Task, posterior: AmortizedPosterior, data: dict[str, Any], seed: int) -> dict[str, Any]:
    """Return the same of weighted draws, and how far the weights can be trusted."""
    weighed = posterior.importance(data, DRAWS, seed=seed)
    draws = weighed.resample(seed=seed)
    return {
        "weighted": [score(task, draws, i) for i in range(len(next(iter(data.values()))))],
        "khat": np.round(np.atleast_1d(weighed.khat), 3).tolist(),
        "ess": np.round(np.atleast_1d(weighed.ess), 0).tolist(),
    }


def describe(posterior: AmortizedPosterior) -> dict[str, Any]:
    """Return the size of the encoder, the steps that it took, and its held-out objective at eight times."""
    if posterior.encoder is None:
        return {"parameters": 0, "steps": 0, "best": 0, "held_out": []}
    history = posterior.history
    losses = np.asarray(history.test)
    looks = np.linspace(0, len(losses) - 1, LOOKS).round().astype(int) if len(losses) else []
    steps = int(history.step[-1]) if len(losses) else 0
    held = [round(float(losses[i]), 3) for i in looks]
    best = int(history.step[int(np.argmin(losses))]) if len(losses) else 0
    return {"parameters": count_parameters(posterior.encoder), "steps": steps, "best": best, "held_out": held}
