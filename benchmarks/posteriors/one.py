"""One program with one seed, in a process of its own: prints a line of JSON for each column as soon as it is there.

python -m benchmarks.posteriors.one NAME SEED [--data FOLDER]
"""

from __future__ import annotations

import argparse
import json
import time
import warnings
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import jax
import numpy as np

import retrodict as rd
from benchmarks.posteriors.catalog import load
from benchmarks.posteriors.entry import Entry, Parameters
from benchmarks.posteriors.moments import Distance
from benchmarks.posteriors.references import find_reference
from retrodict.errors import WeightError
from retrodict.posterior.answers.program_answer import leave_untrained
from retrodict.train.loop import TrainingError

DRAWS, ANSWERS = 10_000, 4000
# Seconds of training at most: with the answer it is to be three minutes.
TRAINING = 90
Row = dict[str, Any]


class Case:
    """A program that has been read, with its data as the model wants them, and its reference."""

    def __init__(self, entry: Entry, reference: dict[str, dict[str, float]], seed: int) -> None:
        start = time.perf_counter()
        self.entry, self.reference, self.seed = entry, reference, seed
        self.model: Any = rd.from_numpyro(
            entry.program, *entry.arguments, observed=list(entry.data), elementwise=entry.elementwise
        )
        self.data = self.model.split(entry.data) if entry.elementwise else dict(entry.data)
        self.reading = time.perf_counter() - start

    def name_draws(self, draws: Any) -> Parameters:
        """Return draws of the latents as draws of the parameters."""
        return self.entry.parameters(self.model.join(draws) if self.entry.elementwise else draws)

    def compare(self, draws: Any, weights: Any = None) -> Row:
        """Return how far draws lie from the reference."""
        return Distance.of(self.name_draws(draws), self.reference, weights).as_row()

    def weigh(self, posterior: Any) -> tuple[Any, Row]:
        """Draw from a posterior, and return the draws with their figures."""
        weighed = posterior.importance(self.data, DRAWS, seed=self.seed)
        return weighed, {"khat": _read(weighed.khat), "ess": _read(weighed.ess / DRAWS)}


def _read(value: Any) -> float | None:
    number = float(np.max(value))
    return float(f"{number:.4g}") if np.isfinite(number) else (-9.0 if number < 0 else None)


def measure_encoder(case: Case, posterior: Any) -> Iterator[tuple[str, Row]]:
    """Measure the posterior as it is trained, without weights and with them, where they are numbers."""
    exact = [type(form).__name__ for form in getattr(posterior, "forms", ())]
    try:
        weighed, figures = case.weigh(posterior)
    except WeightError as error:
        yield "encoder", {**case.compare(posterior.sample(case.data, DRAWS, seed=case.seed)), "exact": exact}
        yield "weighted", {"error": f"{type(error).__name__}: {error}"[:500]}
        return
    yield "encoder", {**case.compare(weighed.draws), **figures, "exact": exact}
    yield "weighted", {**case.compare(weighed.draws, np.asarray(weighed.weights)), **figures}


def measure_refined(case: Case, posterior: Any) -> Iterator[tuple[str, Row]]:
    """Measure what the posterior is after it has been refined for the data."""
    weighed, figures = case.weigh(posterior.refine(case.data, seed=case.seed))
    yield "refined", {**case.compare(weighed.draws), **figures}


def measure_answer(case: Case, posterior: Any) -> Iterator[tuple[str, Row]]:
    """Measure the answer."""
    answer = posterior.answer(case.data, n=ANSWERS, seed=case.seed)
    figures = {"khat": _read(answer.khat), "ess": _read(np.asarray(answer.ess) / ANSWERS)}
    yield "answer", {**case.compare(answer.draws), **figures, "stage": answer.stage, "reliable": bool(answer.reliable)}


MEASURES: dict[str, Callable[[Case, Any], Iterator[tuple[str, Row]]]] = {
    "encoder": measure_encoder,
    "refined": measure_refined,
    "answer": measure_answer,
}


def run(name: str, seed: int, folder: Path | None, columns: list[str]) -> Iterator[Row]:
    """Train on one program and measure column by column; what fails is an error of its column."""
    entry = load(name, folder)
    if entry.double:
        jax.config.update("jax_enable_x64", True)
    case = Case(entry, find_reference(name, folder), seed)
    start = time.perf_counter()
    try:
        posterior, failed = rd.amortize(case.model, seconds=TRAINING, seed=seed, quiet=True), {}
    except (rd.errors.SimulationError, TrainingError) as error:
        # What `rd.answer` does, too: there is no encoder, and the answer is searched for from standard codes.
        posterior, failed = leave_untrained(case.model, seed), {"error": f"{type(error).__name__}: {error}"[:500]}
    yield {
        "column": "training",
        "seconds": round(time.perf_counter() - start, 1),
        "reading": round(case.reading, 1),
        "steps": max(posterior.history.step, default=0),
        **failed,
    }
    for column in columns:
        start = time.perf_counter()
        try:
            for named, figures in MEASURES[column](case, posterior):
                yield {"column": named, "seconds": round(time.perf_counter() - start, 1), **figures}
        except Exception as error:
            yield {"column": column, "error": f"{type(error).__name__}: {error}"[:500]}


def main() -> None:
    """Print the columns of one program."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("name")
    parser.add_argument("seed", type=int)
    parser.add_argument("--data", type=Path)
    parser.add_argument("--columns", nargs="*", default=list(MEASURES), choices=MEASURES)
    arguments = parser.parse_args()
    warnings.simplefilter("ignore")
    try:
        for row in run(arguments.name, arguments.seed, arguments.data, arguments.columns):
            print(json.dumps(row), flush=True)
    except Exception as error:
        print(json.dumps({"column": "training", "error": f"{type(error).__name__}: {error}"[:500]}), flush=True)


if __name__ == "__main__":
    main()
