"""sbi's neural posterior estimation with its default flow as a contestant."""

from __future__ import annotations

import math
from typing import Any

import torch
from sbi.inference import NPE

from benchmarks.speed.problem import Problem
from benchmarks.speed.turns import THREADS, Turns


class _Stop(Exception):  # noqa: N818
    """Training can stop."""


class _Silent:
    """Keeps what sbi would write into a folder of logs."""

    log_dir = None

    def __getattr__(self, _: str) -> Any:
        return lambda *_, **__: None


class Watched(NPE):
    """Training that is looked at after each epoch."""

    watch: Any = None

    def _maybe_show_progress(self, show: bool, epoch: int) -> None:
        if self.watch:
            self.watch(epoch)


def reach(turns: Turns, problem: str, target: float, simulations: int, limit: float) -> None:
    """Simulate a budget and train with all defaults until the distance is reached or training ends; a seed a turn."""
    given = Problem.load(problem)
    torch.set_num_threads(THREADS)
    mixing, judged, seen = torch.from_numpy(given.mixing), torch.from_numpy(given.judged), given.observed
    seed = 0
    while True:
        turns.begin()
        torch.manual_seed(seed)
        columns = torch.randn(simulations, mixing.shape[1]) @ mixing.T
        trainer = Watched(show_progress_bars=False, tracker=_Silent())
        found = {"best": math.inf, "epochs": 0}

        def watch(epoch: int, trainer: Any = trainer, found: dict[str, Any] = found) -> None:
            with turns.pause(), torch.no_grad():
                density = trainer._neural_net
                log_q = density.log_prob(judged[None, :, seen:], condition=judged[:, :seen])[0].double().numpy()
                found["best"] = min(found["best"], float((given.log_posterior - log_q).mean()) / given.latents)
                found["epochs"] = epoch
            if found["best"] <= target or turns.seconds() > limit:
                raise _Stop

        trainer.watch = watch
        ended = True
        try:
            trainer.append_simulations(columns[:, seen:], columns[:, :seen]).train()
        except _Stop:
            ended = False
        turns.end(**found, reached=found["best"] <= target, converged=ended, without_compiling=turns.seconds())
        seed += 1
