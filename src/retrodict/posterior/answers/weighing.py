"""Weighted draws of a posterior for one observation, as many rounds of them as moments need."""

from __future__ import annotations

from time import monotonic

import jax
import numpy as np

from retrodict.posterior import row_blocks
from retrodict.posterior.factors import Factor
from retrodict.posterior.observations import Evidence
from retrodict.posterior.programs import Compiled
from retrodict.posterior.row_blocks import Request
from retrodict.posterior.weights.importance import Importance

Factors = tuple[Factor, ...]
# Draws of a round, and the most in all.
ROUND, MOST_DRAWS = 4096, 65_536
# With so many effective draws a mean is within 0.03 standard deviations, and a standard deviation within 2 %.
ENOUGH = 1000
# Rounds go on until the standard error of no standard deviation is above this share of it, as far as draws tell: heavy
# tails need many more of them. With 1,200 effective draws that of a horseshoe's coefficient was 14 % off.
ACCURATE = 0.025
# Weights with heavier tails have no variance: standard deviations converge slowly, and take so many effective draws.
MOST_KHAT, MANY = 0.5, 10_000


def weigh(compiled: Compiled, factors: Factors, evidence: Evidence, n: int, seed: int) -> Importance:
    """Return weighted draws of all latents for one observation; raise `WeightError` where all weights are zero."""
    width = max(compiled.space.width, *(factor.width for factor in factors))

    def program(key: jax.Array, observed: jax.Array) -> tuple[jax.Array, ...]:
        return tuple(compiled.weigh(factors, key, observed))

    request = Request(evidence, n, width)
    rows, log_weights = row_blocks.collect(row_blocks.run_blocks(request, seed, program), request.rows)
    log_weights = np.where(np.isnan(log_weights), -np.inf, log_weights)
    return Importance(compiled.space.unpack(rows), log_weights)


def weigh_enough(
    compiled: Compiled, factors: Factors, evidence: Evidence, n: int, seed: int, deadline: float
) -> Importance:
    """Return rounds of weighted draws until moments are accurate, or more rounds would not help."""
    seeds = np.random.SeedSequence(seed).generate_state(MOST_DRAWS // ROUND).tolist()
    weighed = weigh(compiled, factors, evidence, ROUND, seeds[0])
    for own in seeds[1:]:
        drawn = len(weighed.log_weights)
        hopeless = float(weighed.ess) / drawn * MOST_DRAWS < ENOUGH
        if hopeless or monotonic() > deadline or (is_enough(weighed) and drawn >= n and is_accurate(weighed)):
            break
        weighed = _join(weighed, weigh(compiled, factors, evidence, ROUND, own))
    return weighed


def is_enough(weighed: Importance) -> bool:
    """Return whether moments of weighted draws can be relied on and are accurate.

    >>> is_enough(Importance({}, np.zeros(2000)))
    True
    """
    if not weighed.reliable or float(weighed.ess) < ENOUGH:
        return False
    return float(weighed.khat) < MOST_KHAT or (float(weighed.ess) >= MANY and is_accurate(weighed))


def is_accurate(weighed: Importance) -> bool:
    """Return whether the standard error of no standard deviation is above two and a half percent of it.

    >>> rng, even = np.random.default_rng(0), np.zeros(5000)
    >>> [is_accurate(Importance({"z": draw(5000)}, even)) for draw in (rng.standard_normal, rng.standard_cauchy)]
    [True, False]
    """
    return all(bool((error <= ACCURATE).all()) for error in weighed.sd_error.values())


def _join(one: Importance, other: Importance) -> Importance:
    draws = {name: np.concatenate([values, other.draws[name]]) for name, values in one.draws.items()}
    return Importance(draws, np.concatenate([one.log_weights, other.log_weights]))
