"""Variational autoencoders in Pyro, and in PyTorch alone, as contestants: the same model, encoders of the same size."""

from __future__ import annotations

import itertools
import math
from collections.abc import Callable, Mapping
from typing import Any

import pyro
import pyro.distributions as dist
import torch
from pyro.distributions.transforms import ConditionalAffineAutoregressive
from pyro.infer import SVI, Trace_ELBO
from pyro.nn import ConditionalAutoRegressiveNN
from torch import Tensor, nn
from torch.nn import functional

from benchmarks.speed.images import Pixels
from benchmarks.speed.turns import THREADS, Turns

RATE = 1e-3
LEAST, MOST = -5.0, 3.0  # of a log scale, as in Pyro's `AffineAutoregressive`
Step = Callable[[Tensor], Any]


class MeanField(nn.Module):
    """Normal latents, independent given the image: a network from pixels to means and log scales."""

    def __init__(self, pixels: int, latents: int, width: int) -> None:
        super().__init__()
        layers = (nn.Linear(pixels, width), nn.ReLU(), nn.Linear(width, width), nn.ReLU())
        self.network = nn.Sequential(*layers, nn.Linear(width, 2 * latents))

    def distribution(self, images: Tensor) -> Any:
        """Return q(z given x)."""
        mean, log_scale = self.network(images).chunk(2, dim=-1)
        return dist.Normal(mean, log_scale.exp()).to_event(1)

    def draw(self, images: Tensor) -> tuple[Tensor, Tensor]:
        """Return a draw for each image and its log density."""
        mean, log_scale = self.network(images).chunk(2, dim=-1)
        noise = torch.randn_like(mean)
        return mean + log_scale.exp() * noise, log_normal(noise) - log_scale.sum(-1)


class Autoregressive(nn.Module):
    """Normal latents, each given those before it and the image: a masked network, passed once for each latent.

    Pyro's inverse transform draws (noise - m) e^-s where PyTorch alone draws m + e^s noise: the same family.
    With ``inverse``, each is given the noise of those before it instead, in one pass: the same dependencies, by
    other functions (an inverse autoregressive flow of one transform).
    """

    def __init__(self, pixels: int, latents: int, width: int, *, inverse: bool) -> None:
        super().__init__()
        self.latents, self.inverse = latents, inverse
        self.network = ConditionalAutoRegressiveNN(
            latents, pixels, [width, width], permutation=torch.arange(latents), nonlinearity=nn.ReLU()
        )
        self.transform = ConditionalAffineAutoregressive(self.network)

    def distribution(self, images: Tensor) -> Any:
        """Return q(z given x)."""
        transform = self.transform.condition(images)
        noise = dist.Normal(images.new_zeros(len(images), self.latents), 1.0).to_event(1)
        return dist.TransformedDistribution(noise, [transform if self.inverse else transform.inv])

    def draw(self, images: Tensor) -> tuple[Tensor, Tensor]:
        """Return a draw for each image and its log density."""
        noise = torch.randn(len(images), self.latents)
        if self.inverse:
            mean, log_scale = self.network(noise, images)
            log_scale = log_scale.clamp(LEAST, MOST)
            return mean + log_scale.exp() * noise, log_normal(noise) - log_scale.sum(-1)
        columns, log_scales = [torch.zeros(len(images))] * self.latents, []
        for i in range(self.latents):
            mean, log_scale = self.network(torch.stack(columns, dim=-1), images)
            log_scales.append(log_scale[:, i].clamp(LEAST, MOST))
            columns[i] = mean[:, i] + log_scales[i].exp() * noise[:, i]
        return torch.stack(columns, dim=-1), log_normal(noise) - torch.stack(log_scales).sum(0)


class Pair(nn.Module):
    """The decoder, of standard normal latents, and an encoder, which sees standardized pixels."""

    def __init__(self, given: Pixels, encoder: nn.Module, task: Mapping[str, int]) -> None:
        super().__init__()
        self.latents, pixels = task["latents"], given.train.shape[1]
        self.decoder = nn.Sequential(
            nn.Linear(self.latents, task["hidden"]), nn.Tanh(), nn.Linear(task["hidden"], pixels)
        )
        self.encoder = encoder
        self.register_buffer("center", torch.from_numpy(given.center))
        self.register_buffer("spread", torch.from_numpy(given.spread))

    def model(self, images: Tensor) -> None:
        """Describe a batch, as a Pyro model."""
        pyro.module("decoder", self.decoder)
        with pyro.plate("images", len(images)):
            latents = pyro.sample("z", dist.Normal(images.new_zeros(self.latents), 1.0).to_event(1))
            pyro.sample("x", dist.Bernoulli(logits=self.decoder(latents)).to_event(1), obs=images)

    def guide(self, images: Tensor) -> None:
        """Draw the latents of a batch, as a Pyro guide."""
        pyro.module("encoder", self.encoder)
        with pyro.plate("images", len(images)):
            pyro.sample("z", self.encoder.distribution(self.standardize(images)))

    def standardize(self, images: Tensor) -> Tensor:
        """Return the pixels in units of the data."""
        return (images - self.center) / self.spread

    def forward(self, images: Tensor) -> Tensor:
        """Return the negative evidence lower bound, without Pyro: the mean over a batch, of one draw."""
        latents, log_density = self.encoder.draw(self.standardize(images))
        logits = self.decoder(latents)
        fit = -functional.binary_cross_entropy_with_logits(logits, images, reduction="none").sum(-1)
        return (log_density - log_normal(latents) - fit).mean()


def log_normal(values: Tensor) -> Tensor:
    """Return the log density of rows of standard normal numbers."""
    return -0.5 * (values**2 + math.log(2 * math.pi)).sum(-1)


ENCODERS: dict[str, Callable[[int, int, int], nn.Module]] = {
    "mean-field": MeanField,
    "masked": lambda *sizes: Autoregressive(*sizes, inverse=False),
    "inverse": lambda *sizes: Autoregressive(*sizes, inverse=True),
}


def count_parameters(module: nn.Module) -> int:
    """Return how many weights and biases are in use: what a mask switches off is none."""
    masked = sum(int(part.mask.numel() - part.mask.sum()) for part in module.modules() if hasattr(part, "mask"))
    return sum(parameter.numel() for parameter in module.parameters()) - masked


def build(kind: str, pixels: int, latents: int, capacity: int) -> nn.Module:
    """Return an encoder of the width whose parameters in use come nearest to a capacity."""

    def miss(width: int) -> int:
        return abs(count_parameters(ENCODERS[kind](pixels, latents, width)) - capacity)

    # They grow with the width: the first that is no better than its successor is the nearest.
    width = next(width for width in itertools.count(latents) if miss(width) <= miss(width + 1))
    torch.manual_seed(0)
    return ENCODERS[kind](pixels, latents, width)


def learn(turns: Turns, images: str, encoder: str, library: str, task: Mapping[str, int], epochs: int) -> None:
    """Learn: in the first turn ``first`` epochs, whose bound is told, then ``epochs`` in each."""
    given = Pixels.load(images)
    torch.set_num_threads(THREADS)
    pyro.enable_validation(False)
    rows, batch = torch.from_numpy(given.train), task["batch"]
    pair = Pair(given, build(encoder, rows.shape[1], task["latents"], task["capacity"]), task)
    advance = ADVANCE[library](pair)
    amount, facts = task["first"], {}
    while True:
        turns.begin()
        for _ in range(amount):
            order = torch.randperm(len(rows))
            for start in range(0, len(rows) - batch + 1, batch):
                advance(rows[order[start : start + batch]])
        with turns.pause():
            bound = facts.get("bound") or judge(pair, given, task["draws"], through_pyro=library == "pyro")
            facts = {"bound": bound, "parameters": count_parameters(pair.encoder)}
        turns.end(amount, **facts)
        amount = epochs


def judge(pair: Pair, given: Pixels, draws: int, *, through_pyro: bool) -> float:
    """Return the evidence lower bound of the images that nobody learns from, in nats an image."""
    images = torch.from_numpy(given.test).repeat(draws, 1)
    with torch.no_grad():
        if through_pyro:
            return -float(Trace_ELBO().loss(pair.model, pair.guide, images)) / len(images)
        return -float(pair(images))


def _advance_pyro(pair: Pair) -> Step:
    """Return a step of stochastic variational inference, as Pyro's examples take it."""
    inference = SVI(pair.model, pair.guide, pyro.optim.Adam({"lr": RATE}), Trace_ELBO())
    return lambda rows: inference.step(rows)


def _advance_torch(pair: Pair, *, compiled: bool) -> Step:
    """Return a step without Pyro, by the fused Adam."""
    optimizer = torch.optim.Adam(pair.parameters(), lr=RATE, fused=True)
    objective = torch.compile(pair) if compiled else pair

    def advance(rows: Tensor) -> None:
        optimizer.zero_grad(set_to_none=True)
        objective(rows).backward()
        optimizer.step()

    return advance


ADVANCE: dict[str, Callable[[Pair], Step]] = {
    "pyro": _advance_pyro,
    "torch": lambda pair: _advance_torch(pair, compiled=False),
    "torch.compile": lambda pair: _advance_torch(pair, compiled=True),
}
