"""Independence Metropolis: chains whose proposals are the draws of a posterior, for latents that are not real."""

from __future__ import annotations

from typing import NamedTuple

import numpy as np

from retrodict.graph.rows import Integers
from retrodict.posterior.weights.pareto import Doubles


class MetropolisWalk(NamedTuple):
    """Which proposal each chain holds after each step, ``(chains, steps)``, and the share that was accepted."""

    chosen: Integers
    acceptance: float


def walk(log_weights: Doubles, chains: int, rng: np.random.Generator) -> MetropolisWalk:
    r"""Return chains that accept proposal j in place of i with probability :math:`\min(1, w_j / w_i)`.

    The proposals are divided among the chains.

    Source: Tierney 1994 (independence chains).

    >>> walk(np.zeros(8), 2, np.random.default_rng(0)).acceptance
    1.0
    """
    steps = len(log_weights) // chains
    proposed = np.arange(chains * steps).reshape(chains, steps)
    thresholds = np.log(rng.random((chains, steps)))
    chosen = proposed.copy()
    for step in range(1, steps):
        now, new = chosen[:, step - 1], proposed[:, step]
        with np.errstate(invalid="ignore"):
            accepted = ~(thresholds[:, step] >= log_weights[new] - log_weights[now])
        accepted = np.where(np.isneginf(log_weights[new]), np.isneginf(log_weights[now]), accepted)
        chosen[:, step] = np.where(accepted, new, now)
    moved = chosen[:, 1:] == proposed[:, 1:]
    return MetropolisWalk(chosen, float(moved.mean()) if moved.size else 1.0)
