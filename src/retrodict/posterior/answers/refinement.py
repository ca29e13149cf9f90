"""From an encoder for all data to a proposal for one observation, along the same inverse."""

from __future__ import annotations

from dataclasses import dataclass
from time import monotonic

import jax
import numpy as np

from retrodict.errors import WeightError
from retrodict.posterior.answers.climb import climb
from retrodict.posterior.answers.fitted_factor import fit_factor
from retrodict.posterior.answers.linear_factor import LinearProposal
from retrodict.posterior.answers.marginal import Marginal, rows_of
from retrodict.posterior.answers.tempering import DRAWS, Adapted, adapt, choose_temperature
from retrodict.posterior.answers.weighing import Factors, weigh
from retrodict.posterior.factors import CodedFactor
from retrodict.posterior.observations import Evidence
from retrodict.posterior.programs import Compiled
from retrodict.posterior.weights.importance import choose_systematically
from retrodict.posterior.weights.pareto import Doubles, smooth

# A linear proposal with fewer effective draws than this share, or heavier tails, gives way to a mixture network.
GOOD_SHARE, GOOD_KHAT = 0.3, 0.5
# Rounds from draws of an encoder seldom arrive where there are more codes than these: they begin at the top then.
MOST_ADAPTED = 40
# Draws that an encoder is fitted to, and rounds of it where latents are discrete.
FITTED, DISCRETE_ROUNDS = 8192, 4


@dataclass(frozen=True, eq=False)
class Refined:
    """Factors for one observation, and codes of about the posterior with the map that makes them standard.

    ``codes`` and ``proposal`` are None where latents are discrete.
    """

    factors: Factors
    codes: Doubles | None = None
    proposal: LinearProposal | None = None


def refine_factors(compiled: Compiled, factors: Factors, evidence: Evidence, seed: int, deadline: float) -> Refined:
    """Return factors fitted to one observation; the exact ones stay as they are.

    Raises `OptionError` where others than a first encoder are not exact, `WeightError` where nothing has any weight.
    """
    target = Marginal.of(compiled, factors, evidence.rows)
    if target.is_discrete:
        return Refined(_refine_discrete(compiled, factors, evidence, seed, deadline))
    rng = np.random.default_rng(seed)
    adapted = _adapt_somehow(target, target.encoder, rng, seed, deadline)
    linear = adapted.proposal.to_factor(target.space)
    codes, log_density = adapted.proposal.draw(rng, FITTED)
    log_weights = target.score(codes) - log_density
    smoothed = smooth(log_weights)
    share = 1 / np.exp(2 * smoothed.log_weights).sum() / len(codes)
    power = choose_temperature(log_weights, 0.05 * len(codes))
    chosen = codes[_resample(rng, smoothed.log_weights if power == 1.0 else power * log_weights, FITTED)]
    refined = Refined((linear, *target.exact), chosen, adapted.proposal)
    if (share > GOOD_SHARE and smoothed.khat < GOOD_KHAT) or power < 1.0 or monotonic() > deadline:
        return refined
    fitted = (fit_factor(target.space, chosen, seed), *target.exact)
    better = weigh(compiled, fitted, evidence, 4096, seed)
    if float(better.ess) / 4096 > share or float(better.khat) < smoothed.khat - 0.1:
        return Refined(fitted, chosen, adapted.proposal)
    return refined


def _adapt_somehow(
    target: Marginal, encoder: CodedFactor, rng: np.random.Generator, seed: int, deadline: float
) -> Adapted:
    """Return what rounds make of draws of the encoder or, where they do not arrive, of the top of the posterior."""
    codes, log_density = propose(target, encoder, seed)
    adapted = adapt(target, codes, log_density, rng, deadline) if target.size <= MOST_ADAPTED else None
    if adapted is not None and adapted.arrived:
        return adapted
    start = climb(target, np.concatenate([codes, np.zeros((1, codes.shape[1]))]))
    if start is None and adapted is None:
        adapted = adapt(target, codes, log_density, rng, deadline)
    again = None if start is None else adapt(target, *start.draw(rng, DRAWS), rng, deadline)
    found = [each for each in (again, adapted) if each is not None]
    if not found:
        raise WeightError(
            "under the model, no draw of the encoder could have given the data, and no better one was found",
            remedy="Check that the data lie in the support of the model.",
        )
    return max(found, key=lambda each: (each.temperature, each.share))


def propose(target: Marginal, encoder: CodedFactor, seed: int) -> tuple[Doubles, Doubles]:
    """Return codes that an encoder draws for the observation, and their log density."""
    found = target.compiled.programs.run(
        _propose, encoder, jax.random.key(seed), rows_of(np.repeat(target.observed, DRAWS, axis=0))
    )
    codes, log_density = (np.asarray(part, np.float64) for part in found)
    kept = np.isfinite(codes).all(axis=1) & np.isfinite(log_density)
    if kept.mean() > 0.5:
        return codes[kept], log_density[kept]
    standard = LinearProposal.fit(*_standardize(target.size), np.inf, target.parents, target.order)
    return standard.draw(np.random.default_rng(seed), DRAWS)


def _standardize(size: int) -> tuple[Doubles, Doubles]:
    """Return the mean and the covariance of standard codes, for want of an encoder whose draws are numbers."""
    return np.zeros(size), np.eye(size)


def _propose(factor: CodedFactor, key: jax.Array, observed: jax.Array) -> tuple[jax.Array, jax.Array]:
    return factor.draw_codes(key, factor.space.place(observed))


def _refine_discrete(compiled: Compiled, factors: Factors, evidence: Evidence, seed: int, deadline: float) -> Factors:
    """Return factors with an encoder fitted, round by round, to draws with tempered weights."""
    space, exact = compiled.space, factors[1:]
    rng, best, most = np.random.default_rng(seed), factors, -1.0
    for number in range(DISCRETE_ROUNDS):
        weighed = weigh(compiled, factors, evidence, FITTED, int(rng.integers(2**32)))
        power = choose_temperature(weighed.log_weights.reshape(-1).astype(float), 0.05 * FITTED)
        if power * float(weighed.ess) > most:
            best, most = factors, power * float(weighed.ess)
        if power == 0.0 or monotonic() > deadline or number == DISCRETE_ROUNDS - 1:
            break
        chosen = _resample(rng, power * weighed.log_weights.reshape(-1).astype(float), FITTED)
        latents = compiled.space.latent_layout.pack(weighed.draws)
        columns = space.join(rows_of(latents[chosen]), rows_of(np.repeat(evidence.rows, FITTED, axis=0)))
        factors = (fit_factor(space, np.asarray(space.encode_latents(columns)), seed), *exact)
    return best


def _resample(rng: np.random.Generator, log_weights: Doubles, n: int) -> np.ndarray:
    weights = np.exp(log_weights - log_weights.max())
    return choose_systematically(rng, weights / weights.sum(), n)
