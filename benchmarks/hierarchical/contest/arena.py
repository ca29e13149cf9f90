"""What all entrants share: the questions, the score of their draws, and where results are kept.

Only NumPy is needed: each peer runs in an environment of its own.
"""

from __future__ import annotations

import json
import time
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np

from benchmarks.hierarchical.contest.models import TASKS, Simulations, Task
from benchmarks.stamp import ROOT

RESULTS = ROOT / "benchmarks" / "results" / "hierarchical_contest.json"
QUESTIONS = ROOT / "build" / "contest"
# Seconds of the processor that training may take, and draws that answer each question.
BUDGET, DRAWS = 30.0, 500
# Data sets that are asked at each size, and steps of ours.
COUNT, STEPS = 50, 1000
INSIDE = (0.05, 0.95)


class Trained(NamedTuple):
    """What training made, and what it cost.

    ``answer`` returns so many draws, ``(count, draws, asked)``, for data sets of one size. It is called for ``at_once``
    draws of all data sets at a time, until there are ``draws``.
    """

    answer: Callable[[Simulations, int], Any]
    seconds: float
    steps: int
    simulations: int
    draws: int = DRAWS
    at_once: int = DRAWS


Train = Callable[[Task], Trained]


def score(draws: Any, truth: Any, mean: Any, sd: Any) -> dict[str, float]:
    """Return how far draws, ``(count, draws, asked)``, are from exact moments, and how often they cover the truth.

    ``mean`` is the root mean square of errors of means in exact standard deviations, ``ratio`` the geometric mean of
    standard deviations over exact ones, ``sd`` the root mean square of the log of this ratio, and ``coverage`` the
    share of truths inside the central 90% of draws.
    """
    if not np.isfinite(draws).all():
        raise ValueError("draws that are not finite cannot be scored")
    away = (draws.mean(axis=1) - mean) / sd
    log_ratio = np.log(draws.std(axis=1) / sd)
    low, high = np.quantile(draws, INSIDE, axis=1)
    return {
        "mean": float(np.sqrt((away**2).mean())),
        "ratio": float(np.exp(log_ratio.mean())),
        "sd": float(np.sqrt((log_ratio**2).mean())),
        "coverage": float(((low < truth) & (truth < high)).mean()),
    }


def read_question(name: str, size: int) -> tuple[Simulations, Mapping[str, Any]]:
    """Return the data sets of a task at a size, and what is known of them."""
    with np.load(QUESTIONS / f"{name}, {size}.npz") as arrays:
        found = {key: arrays[key] for key in arrays.files}
    data = found.pop("data")
    return Simulations(None, data, np.full(len(data), size), found.pop("errors", None)), found


def ask(trained: Trained, name: str, size: int) -> dict[str, float]:
    """Return the scores of an entrant at a size, and its seconds for 1000 draws of a data set, compiled."""
    question, known = read_question(name, size)
    trained.answer(question, trained.at_once)
    start = time.process_time()
    parts = [trained.answer(question, trained.at_once) for _ in range(0, trained.draws, trained.at_once)]
    draws = np.concatenate(parts, axis=1)
    seconds = (time.process_time() - start) / len(draws) * 1000 / draws.shape[1]
    return {**score(np.asarray(draws, np.float64), **known), "seconds": seconds}


def enter(entrant: str, trains: Mapping[str, Train], names: list[str]) -> None:
    """Train an entrant for each task that it can state, or for those that are named, and keep its scores."""
    for name in names or trains:
        if name not in trains:
            continue
        trained = trains[name](TASKS[name])
        sizes = {str(size): ask(trained, name, size) for size in TASKS[name].sizes}
        own = {key: getattr(trained, key) for key in ("seconds", "steps", "simulations", "draws")} | {"sizes": sizes}
        print(name, entrant, json.dumps(own, indent=1), flush=True)
        keep(name, entrant, own)


def keep(name: str, entrant: str, own: Mapping[str, Any], path: Path = RESULTS) -> None:
    """Add what was measured to the results."""
    found = json.loads(path.read_text()) if path.exists() else {}
    found.setdefault(name, {})[entrant] = own
    path.write_text(json.dumps(found, indent=1) + "\n")
