"""Neural posterior estimation of sbi in the contest, with its permutation-invariant embedding.

Run with ``python -m benchmarks.hierarchical.contest.sbi_peer [task ...]`` in an environment of Python 3.11 with
``pip install torch==2.13.0 sbi==0.27.0``; retrodict is not needed there.
"""

from __future__ import annotations

import contextlib
import sys
import time
import warnings
from functools import partial
from typing import Any

import numpy as np
import torch
from sbi.inference import NPE
from sbi.neural_nets import posterior_nn
from sbi.neural_nets.embedding_nets import FCEmbedding, PermutationInvariantEmbedding

from benchmarks.hierarchical.contest.arena import BUDGET, QUESTIONS, Trained, enter
from benchmarks.hierarchical.contest.models import TASKS, Simulations, Task, fill_rows, unbound

SIMULATIONS, BATCH, WIDTH, OUT = 50_000, 200, 40, 20


class CountedSets(PermutationInvariantEmbedding):
    """The embedding of sbi with the number of rows of each set.

    That of sbi 0.27 reads the numbers of other sets where rows have more than one column, as they have here.
    """

    def forward(self, x: Any) -> Any:
        """Return the embedding of sets, padded with rows of NaN."""
        here = ~torch.isnan(x).all(-1, keepdim=True)
        rows = self.trial_net(torch.nan_to_num(x)) * here
        return self.fc_subnet(torch.cat([rows.sum(1), here.sum(1)], dim=1))


class WithFirst(torch.nn.Module):
    """The embedding of a set of groups, and the data of the first, which is the one that is asked."""

    def __init__(self, columns: int) -> None:
        super().__init__()
        row = FCEmbedding(input_dim=columns, output_dim=WIDTH)
        self.sets = CountedSets(trial_net=row, trial_net_output_dim=WIDTH, output_dim=OUT)

    def forward(self, x: Any) -> Any:
        """Return both in one vector."""
        return torch.cat([self.sets(x), x[:, 0]], dim=1)


def describe(task: Task, drawn: Simulations) -> Any:
    """Return sets of rows; those that are not there are NaN, as sbi marks them."""
    rows, here = fill_rows(task, drawn)
    return torch.as_tensor(np.where(here[..., None], rows, np.nan), dtype=torch.float32)


def train(task: Task) -> Trained:
    """Train on stored simulations, for as many epochs as there is time, or until sbi stops by itself."""
    torch.manual_seed(0)
    begun = time.process_time()
    drawn = task.simulate(np.random.default_rng(0), SIMULATIONS)
    x = describe(task, drawn)
    values = torch.as_tensor(unbound(task, task.read(drawn)), dtype=torch.float32)
    build = posterior_nn("maf", z_score_x="none", embedding_net=WithFirst(x.shape[-1]))
    trainer = NPE(density_estimator=build, show_progress_bars=False)
    trainer.append_simulations(values, x, exclude_invalid_x=False)
    start = time.process_time()
    estimator = trainer.train(max_num_epochs=1, training_batch_size=BATCH)
    now = time.process_time()
    left = int((BUDGET - (now - begun)) / ((now - start) / trainer.epoch))
    if left > 1:
        estimator = trainer.train(
            max_num_epochs=trainer.epoch + left - 1, training_batch_size=BATCH, resume_training=True
        )
    steps = trainer.epoch * int(0.9 * SIMULATIONS / BATCH)
    return Trained(partial(answer, task, estimator), time.process_time() - begun, steps, SIMULATIONS)


def answer(task: Task, estimator: Any, question: Simulations, draws: int) -> Any:
    """Return draws of what is asked, all data sets at once."""
    with torch.no_grad():
        found = estimator.sample((draws,), condition=describe(task, question))
    return unbound(task, found.numpy().swapaxes(0, 1), back=True)


def main(names: list[str]) -> None:
    """Enter the tasks that sets can state: a set has no order of time."""
    warnings.simplefilter("ignore")
    torch.set_num_threads(1)
    with contextlib.chdir(QUESTIONS):  # sbi writes logs where it is
        enter("sbi NPE", {name: train for name, task in TASKS.items() if task.dim != "t"}, names)


if __name__ == "__main__":
    main(sys.argv[1:])
