"""Rounds of a proposal that is fitted to its own weighted draws, the weights tempered while they are uneven."""

from __future__ import annotations

from dataclasses import dataclass
from time import monotonic
from typing import Protocol

import numpy as np

from retrodict.graph.rows import Integers, Mask
from retrodict.posterior.answers.linear_factor import LinearProposal
from retrodict.posterior.weights.effective_draws import count_effective
from retrodict.posterior.weights.pareto import Doubles, smooth

# Draws of a round, and the most rounds.
DRAWS, MOST_ROUNDS = 2048, 60
# The least share of effective draws that tempered weights have.
LEAST_SHARE = 0.1
# Rounds end where this share of the draws is effective, or after so many with whole weights and no more of them.
ENOUGH, PATIENCE = 0.8, 3


class ProposalTarget(Protocol):
    """A density of rows of codes, with those that a linear proposal gives each code as parents."""

    @property
    def parents(self) -> Mask:
        """Which codes each code has as parents, a matrix of truth values."""

    @property
    def order(self) -> Integers:
        """The codes in an order in which they can be drawn."""

    def score(self, codes: Doubles) -> Doubles:
        """Return the log density of rows of codes, in nats."""


@dataclass(frozen=True, eq=False)
class Adapted:
    """A proposal after its last round, with draws that it was fitted to.

    ``temperature`` is the power of the last weights: one where the proposal has reached the posterior. ``khat`` and
    ``share`` are those of the last draws.
    """

    proposal: LinearProposal
    codes: Doubles
    log_weights: Doubles
    temperature: float
    khat: float
    share: float

    @property
    def arrived(self) -> bool:
        """Whether the last weights were whole."""
        return self.temperature == 1.0


def choose_temperature(log_weights: Doubles, least: float) -> float:
    """Return the largest power, at most one, at which weights have so many effective draws; zero where none has.

    >>> choose_temperature(np.zeros(10), 5.0), round(choose_temperature(np.arange(10.0), 5.0), 2)
    (1.0, 0.39)
    """
    finite = log_weights[np.isfinite(log_weights)]
    if len(finite) < least:
        return 0.0
    relative = finite - finite.max()

    def count(power: float) -> float:
        return float(count_effective(np.exp(power * relative)))

    if count(1.0) >= least:
        return 1.0
    low, high = -60.0, 0.0  # of the logarithm of the power
    for _ in range(50):
        middle = (low + high) / 2
        low, high = (middle, high) if count(np.exp(middle)) >= least else (low, middle)
    return float(np.exp(low))


def fit_weighted(target: ProposalTarget, codes: Doubles, log_weights: Doubles) -> LinearProposal:
    """Return the proposal with the moments of weighted codes."""
    weights = np.exp(log_weights - log_weights.max())
    weights = weights / weights.sum()
    kept = weights > 0
    codes, weights = codes[kept], weights[kept]
    mean = weights @ codes
    centered = codes - mean
    covariance = (centered * weights[:, None]).T @ centered
    effective = float(1 / (weights**2).sum())
    return LinearProposal.fit(mean, covariance, effective, target.parents, target.order)


def adapt(
    target: ProposalTarget,
    codes: Doubles,
    log_density: Doubles,
    rng: np.random.Generator,
    deadline: float,
    draws: int = DRAWS,
) -> Adapted | None:
    """Return what rounds of ``draws`` make of draws with log densities; None where next to none has a density.

    In each round the weights have a power at which a tenth of the draws is effective, at most one; the proposal takes
    their moments, and draws anew.

    Source: Cappé et al. 2008 (adaptive importance sampling); Koblents & Miguez 2015 (tempered weights).
    """
    best: Adapted | None = None
    waited = 0
    for _ in range(MOST_ROUNDS):
        log_weights = target.score(codes) - log_density
        log_weights[np.isnan(log_weights)] = -np.inf
        power = choose_temperature(log_weights, LEAST_SHARE * len(codes))
        if power == 0.0:
            break
        found = _judge(target, codes, log_weights, power)
        waited = 0 if best is None or _is_better(found, best) else waited + 1
        best = found if waited == 0 else best
        if found.share > ENOUGH or (found.arrived and waited >= PATIENCE) or monotonic() > deadline:
            break
        codes, log_density = found.proposal.draw(rng, draws)
    return best


def _judge(target: ProposalTarget, codes: Doubles, log_weights: Doubles, power: float) -> Adapted:
    smoothed = smooth(log_weights)
    share = float(count_effective(np.exp(smoothed.log_weights))) / len(codes)
    whole = smoothed.log_weights if power == 1.0 else power * log_weights
    proposal = fit_weighted(target, codes, whole)
    return Adapted(proposal, codes, log_weights, power, smoothed.khat, share)


def _is_better(found: Adapted, best: Adapted) -> bool:
    return (found.temperature, found.share) > (best.temperature, best.share * 1.02)
