"""Zuko's masked networks in PyTorch as contestants: the same wiring, widths, density and optimizer."""

from __future__ import annotations

import math
from collections.abc import Callable
from typing import Any

import numpy as np
import torch
import zuko
from torch import Tensor, nn

from benchmarks.speed.problem import Problem
from benchmarks.speed.turns import THREADS, Turns

ENDLESS = 10**7
BOUND = 10.0  # of the log scale, as in `retrodict.encode.families.conditionals.Normal`


class Masked(nn.Module):
    """Normal conditionals from a `zuko.nn.MaskedMLP`, and from a masked linear map beside it if ``skip``."""

    def __init__(self, given: Problem, *, skip: bool) -> None:
        super().__init__()
        torch.set_num_threads(THREADS)
        each = torch.from_numpy(given.adjacency).repeat_interleave(2, dim=0)
        self.network = zuko.nn.MaskedMLP(each, list(given.widths))
        self.skip = zuko.nn.MaskedLinear(adjacency=each) if skip else None
        self.seen = given.observed
        self.register_buffer("center", torch.from_numpy(given.center))
        self.register_buffer("spread", torch.from_numpy(given.spread))

    def factors(self, columns: Tensor) -> Tensor:
        """Return log q of each latent."""
        standard = (columns - self.center) / self.spread
        outputs = self.network(standard)
        if self.skip is not None:
            outputs = outputs + self.skip(standard)
        mean, raw = outputs.unflatten(-1, (-1, 2)).unbind(-1)
        log_scale = BOUND * torch.tanh(raw / BOUND)
        residual = (standard[:, self.seen :] - mean) * torch.exp(-log_scale)
        return -0.5 * (residual**2 + math.log(2 * math.pi)) - log_scale - torch.log(self.spread[self.seen :])

    def forward(self, columns: Tensor) -> Tensor:
        """Return the objective: -log q, the mean over the rows."""
        return -self.factors(columns).sum(-1).mean()


def list_masked(model: Masked) -> list[Any]:
    """Return the masked layers, the linear map past them last."""
    return [part for part in model.modules() if isinstance(part, zuko.nn.MaskedLinear)]


def count_dropped(given: Problem, model: Masked) -> int:
    """Return how many edges of the adjacency no path through the layers carries.

    `MaskedMLP` drops edges without a word when a layer has fewer units than there are different parent sets.
    """
    reach = torch.eye(given.adjacency.shape[1])
    for layer in list_masked(model)[: len(given.widths) + 1]:
        reach = ((layer.mask.float() @ reach) > 0).float()
    carried = reach[::2].numpy() > 0
    if (carried & ~given.adjacency).any():
        raise ValueError("the layers carry an edge that is not in the adjacency")
    return int((given.adjacency & ~carried).sum())


def take_weights(given: Problem, model: Masked) -> None:
    """Give the layers the stored weights, whose units stand in another order."""
    rows = list_masked(model)[0].mask.numpy()
    order = _match(rows, given.units)
    inputs, outputs = [None, order, order, None], [order, order, None, None]
    with torch.no_grad():
        for i, layer in enumerate(list_masked(model)):
            weight, bias = given.weights[2 * i], given.weights[2 * i + 1]
            weight = weight if inputs[i] is None else weight[inputs[i]]
            if outputs[i] is not None:
                weight, bias = weight[:, outputs[i]], bias[outputs[i]]
            layer.weight.copy_(torch.from_numpy(weight.T.copy()))
            layer.bias.copy_(torch.from_numpy(bias.copy()))


def _match(ours: Any, theirs: Any) -> Any:
    """Return for each unit of ours the unit of theirs with the same dependencies, each taken once."""
    waiting: dict[bytes, list[int]] = {}
    for number, row in reversed(list(enumerate(theirs))):
        waiting.setdefault(row.tobytes(), []).append(number)
    return np.array([waiting[row.tobytes()].pop() for row in ours])


def compare_function(given: Problem) -> dict[str, float]:
    """Return the largest difference between the densities of both implementations with equal weights."""
    model = Masked(given, skip=True)
    take_weights(given, model)
    with torch.no_grad():
        found = model.factors(torch.from_numpy(given.batches[0])).numpy()
    return {"difference": float(np.abs(found - given.factors).max()), "of": float(np.abs(given.factors).max())}


def train(turns: Turns, problem: str, compiled: bool, steps: int) -> None:
    """Take so many steps of Adam a turn, over given batches."""
    given = Problem.load(problem)
    torch.manual_seed(0)
    model = Masked(given, skip=True)
    facts = {"dropped": count_dropped(given, model), **compare_function(given)}
    batches = torch.from_numpy(given.batches)
    advance = _advance(model, 1e-3, compiled=compiled)
    taken = 0
    while True:
        turns.begin()
        for _ in range(steps):
            loss = advance(batches[taken % len(batches)])
            taken += 1
        turns.end(steps, finite=math.isfinite(float(loss)), **facts)


def _advance(model: Masked, rate: float, *, compiled: bool = False, horizon: int = 0) -> Callable[[Tensor], Tensor]:
    """Return a function that takes one step on a batch; the rate falls along a cosine if there is a horizon."""
    optimizer = torch.optim.Adam(model.parameters(), lr=rate, fused=True)
    schedule = torch.optim.lr_scheduler.CosineAnnealingLR(optimizer, horizon) if horizon else None
    objective = torch.compile(model) if compiled else model

    def advance(batch: Tensor) -> Tensor:
        optimizer.zero_grad(set_to_none=True)
        loss = objective(batch)
        loss.backward()
        optimizer.step()
        if schedule:
            schedule.step()
        return loss

    return advance


def sample(turns: Turns, problem: str, draws: int) -> None:
    """Draw from a `zuko.flows.MAF` of one transform, which passes once for each step along the adjacency."""
    given = Problem.load(problem)
    torch.manual_seed(0)
    torch.set_num_threads(THREADS)
    seen, latents = given.observed, given.latents
    adjacency = np.concatenate([given.adjacency[:, seen:] | np.eye(latents, dtype=bool), given.adjacency[:, :seen]], 1)
    flow = zuko.flows.MAF(
        latents, seen, transforms=1, adjacency=torch.from_numpy(adjacency), hidden_features=list(given.widths)
    )
    standard = (given.judged[0, :seen] - given.center[:seen]) / given.spread[:seen]
    context = torch.from_numpy(standard)
    passes = next(part.passes for part in flow.modules() if hasattr(part, "passes"))
    with torch.no_grad():
        while True:
            turns.begin()
            drawn = flow(context).sample((draws,)).numpy()
            turns.end(depth=passes, finite=bool(np.isfinite(drawn).all()))


def reach(turns: Turns, problem: str, target: float, rate: float, skip: bool, limit: float, steps: int) -> None:
    """Train on new simulations until the distance from the exact posterior is reached; a seed a turn."""
    given = Problem.load(problem)
    torch.set_num_threads(THREADS)
    mixing = torch.from_numpy(given.mixing)
    judged = torch.from_numpy(given.judged)
    batch = given.batches.shape[1]
    _advance(Masked(given, skip=skip), rate, horizon=steps)(judged)  # PyTorch loads more of itself in a first step
    for seed in range(ENDLESS):
        turns.begin()
        torch.manual_seed(seed)
        model = Masked(given, skip=skip)
        advance = _advance(model, rate, horizon=steps)
        best, taken = math.inf, 0
        while best > target and taken < steps and turns.seconds() < limit:
            for _ in range(25):
                advance(torch.randn(batch, mixing.shape[1]) @ mixing.T)
            taken += 25
            with turns.pause(), torch.no_grad():
                gap = given.log_posterior - model.factors(judged).double().sum(-1).numpy()
                best = min(best, float(gap.mean()) / given.latents)
        turns.end(best=best, reached=best <= target, steps=taken, without_compiling=turns.seconds())
