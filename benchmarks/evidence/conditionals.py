"""Conditionals of *Tree* and *HMM* from stored simulations: how well a classifier tells draws from exact ones.

Run with ``python -m benchmarks.evidence.conditionals [--questions 10]``. What has been scored is kept, in
results/evidence.json; more questions go on from there. A network is told the structure and a table, nothing else.
"""

from __future__ import annotations

import argparse
import json
from collections.abc import Iterator, Mapping
from pathlib import Path
from time import perf_counter
from typing import Any

import numpy as np
from numpy.typing import NDArray

import retrodict as rd
from benchmarks.evidence.run import RESULTS, keep
from benchmarks.evidence.tasks import TASKS, Task, draw_question, list_sets
from benchmarks.sbibm.score import score_draws
from benchmarks.stamp import ROOT

BUDGETS = (1_000, 10_000, 100_000)
STEPS, SETS = 3_000, 2048
WIDTH, BATCH, RATE = 64, 256, 1e-2
DRAWS, FOLDS = 2_000, 5


def train(task: Task, budget: int, folder: Path) -> tuple[rd.EvidencePosterior, float]:
    """Return the trained posterior and the seconds that it took; one that lies in the folder is taken from there."""
    note = folder / "seconds"
    if note.exists():
        return rd.load(folder, task.net), float(note.read_text())  # type: ignore[return-value]
    started = perf_counter()
    post = rd.amortize(
        task.net,
        simulations=task.simulate(budget, budget),
        evidence=list_sets(task, SETS, budget),
        steps=STEPS,
        batch=BATCH,
        widths=(WIDTH,),
        learning_rate=RATE,
        quiet=True,
    )
    seconds = perf_counter() - started
    post.save(folder)
    note.write_text(str(seconds))
    return post, seconds


def score_forest(draws: NDArray[np.float64], reference: NDArray[np.float64]) -> float:
    """Return the accuracy of 100 random trees over five folds: what the published figures were scored by."""
    from sklearn.ensemble import RandomForestClassifier
    from sklearn.model_selection import KFold, cross_val_score

    rows = np.concatenate([reference, draws])
    labels = np.repeat([0, 1], [len(reference), len(draws)])
    folds = KFold(FOLDS, shuffle=True, random_state=1)
    return float(cross_val_score(RandomForestClassifier(random_state=1), rows, labels, cv=folds).mean())


def ask(task: Task, post: rd.EvidencePosterior, number: int) -> dict[str, float]:
    """Return the scores of one question, the same for every budget."""
    rng = np.random.default_rng([number, 43])
    given = draw_question(task, rng)
    exact, found = task.draw(given, DRAWS, rng), post.sample(given, DRAWS, seed=number)
    reference, draws = (np.stack([np.asarray(rows[name]) for name in exact], axis=1) for rows in (exact, found))
    return {
        "known": len(given),
        "trees": score_forest(draws, reference),
        "network": score_draws(draws.astype(np.float64), reference),
    }


def run_task(
    name: str, budget: int, questions: int, folder: Path, earlier: Mapping[str, Any]
) -> Iterator[dict[str, Any]]:
    """Yield the scores of one network over more and more questions, after those from earlier."""
    task = TASKS[name]()
    post, seconds = train(task, budget, folder / f"{name}-{budget}")
    asked = list(earlier.get("asked", []))
    while len(asked) < questions:
        asked.append(ask(task, post, len(asked)))
        yield {"steps": STEPS, "seconds": seconds, "asked": asked}


def main() -> None:
    """Run what has fewer questions than were wished for."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("names", nargs="*", default=list(TASKS))
    parser.add_argument("--questions", type=int, default=10)
    parser.add_argument("--budgets", type=int, nargs="*", default=list(BUDGETS))
    parser.add_argument("--kept", type=Path, default=ROOT / "build" / "evidence")
    options = parser.parse_args()
    for budget in options.budgets:
        for name in options.names:
            kept = json.loads(RESULTS.read_text()).get("conditionals", {}) if RESULTS.exists() else {}
            place = f"{name} {budget}"
            for found in run_task(name, budget, options.questions, options.kept, kept.get(place, {})):
                means = {way: float(np.mean([row[way] for row in found["asked"]])) for way in ("trees", "network")}
                print(place, len(found["asked"]), means, f"{found['seconds']:.0f} s", flush=True)
                keep("conditionals", kept | {place: found})


if __name__ == "__main__":
    main()
