"""Neural posterior estimation of sbi on the same runs.

Run with ``python -m benchmarks.sbi.peer --folder FOLDER [TASK:RUNS ...]``.

For tasks with uniform priors, in the environment of `make bench`. It trains for as many processor seconds as ours did
on as many runs, or until sbi stops by itself; with more runs than a table of ours has, for a minute.
"""

from __future__ import annotations

import argparse
import json
import time
import warnings
from pathlib import Path
from typing import Any

import numpy as np
import torch

from benchmarks.sbi.__main__ import RESULTS, read_results
from benchmarks.sbibm.measure import DRAWS
from benchmarks.sbibm.references import Task, join_columns, load_task
from benchmarks.sbibm.score import score_draws
from benchmarks.stamp import find_commit
from sbi.inference import NPE
from sbi.utils import BoxUniform

PEER, BATCH, MINUTE, OBSERVATIONS = "sbi NPE", 200, 60.0, 10
# The ends of the uniform priors.
BOXES = {"two_moons": 1.0, "gaussian_mixture": 10.0, "slcp": 3.0}
QUESTIONS = [f"{task}:{runs}" for task in BOXES for runs in (10_000, 100_000)]


def measure(name: str, runs: int, seconds: float, folder: Path | None) -> dict[str, Any]:
    """Return the scores of sbi's draws for the observations of a task."""
    torch.manual_seed(0)
    task = load_task(name, folder)
    table = task.model.simulate(runs, seed=1000)
    start = time.process_time()
    posterior, epochs = train(task, table, BOXES[name], seconds)
    row = {"task": name, "runs": runs, "peer": PEER, "epochs": epochs, "cpu": time.process_time() - start}
    rows = join_columns(task.data)[:OBSERVATIONS]
    draws = [posterior.sample((DRAWS,), x=as_numbers(x), show_progress_bars=False).numpy() for x in rows]
    pairs = zip(draws, task.references, strict=False)
    return row | {"c2st": [round(score_draws(np.asarray(d, np.float64), reference), 4) for d, reference in pairs]}


def train(task: Task, table: Any, end: float, seconds: float) -> tuple[Any, int]:
    """Return the posterior, and the number of epochs that there was time for, or after which sbi stopped by itself."""
    theta = as_numbers(join_columns({name: table[name] for name in task.names}))
    x = as_numbers(join_columns({name: table[name] for name in task.data}))
    trainer = NPE(prior=BoxUniform(-end * torch.ones(theta.shape[1]), end * torch.ones(theta.shape[1])))
    trainer.append_simulations(theta, x)
    start = time.process_time()
    trainer.train(max_num_epochs=1, training_batch_size=BATCH)
    spent = time.process_time() - start
    left = int((seconds - spent) / (spent / trainer.epoch))
    if left > 1:
        trainer.train(max_num_epochs=trainer.epoch + left - 1, training_batch_size=BATCH, resume_training=True)
    return trainer.build_posterior(), int(trainer.epoch)


def as_numbers(values: Any) -> Any:
    """Return values as a tensor of single precision."""
    return torch.as_tensor(np.asarray(values), dtype=torch.float32)


def main() -> None:
    """Measure what is named, or all, and keep each result at once."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("questions", nargs="*", default=QUESTIONS)
    parser.add_argument("--folder", type=Path)
    asked = parser.parse_args()
    warnings.simplefilter("ignore")
    torch.set_num_threads(1)
    own = {(row["task"], row.get("runs")): row["cpu"] for row in read_results() if "peer" not in row}
    for question in asked.questions:
        name, runs = question.split(":")
        row = measure(name, int(runs), own.get((name, int(runs)), MINUTE), asked.folder)
        with RESULTS.open("a", encoding="utf-8") as file:
            file.write(json.dumps(row | {"commit": find_commit("src/retrodict")}) + "\n")
        print(row, flush=True)


if __name__ == "__main__":
    main()
