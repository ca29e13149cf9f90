"""NumPyro's NUTS on the codes of one observation, standardized by what was refined before."""

from __future__ import annotations

from dataclasses import dataclass
from time import monotonic

import jax
import numpy as np
from numpyro.infer import MCMC, NUTS

from retrodict.posterior.answers.draw_tails import find_ess, find_rhat
from retrodict.posterior.answers.linear_factor import LinearProposal
from retrodict.posterior.answers.marginal import Marginal, rows_of, score_codes
from retrodict.posterior.weights.pareto import Doubles

CHAINS, WARMUP, ROUND, MOST_ROUNDS = 4, 500, 500, 40
# Up to so many codes the mass matrix is dense.
MOST_DENSE = 100
ACCEPTANCE = 0.9
# What chains are to reach.
MOST_RHAT, LEAST_ESS, MOST_DIVERGENT = 1.01, 1000.0, 0.001


@dataclass(frozen=True, eq=False)
class Chains:
    """Draws of codes, ``(chains, draws, codes)``, and what tells how far they can be relied on."""

    codes: Doubles
    rhat: float
    ess: float
    divergent: float

    @property
    def reasons(self) -> tuple[str, ...]:
        """Why they cannot be relied on, a sentence each; none if they can.

        >>> Chains(np.zeros((4, 10, 1)), 1.2, 2000.0, 0.0).reasons
        ('R-hat is 1.200, above 1.01.',)
        """
        found = []
        if not self.rhat <= MOST_RHAT:
            found.append(f"R-hat is {self.rhat:.3f}, above {MOST_RHAT}.")
        if not self.ess >= LEAST_ESS:
            found.append(f"{self.ess:,.0f} draws are effective, fewer than {LEAST_ESS:,.0f}.")
        if self.divergent > MOST_DIVERGENT:
            found.append(f"{self.divergent:.1%} of the transitions diverge, more than {MOST_DIVERGENT:.1%}.")
        return tuple(found)


def run_chains(
    target: Marginal, proposal: LinearProposal, codes: Doubles, n: int, seed: int, deadline: float
) -> Chains:
    """Return chains from some of these codes, continued until they can be relied on and hold n draws, or time is up."""
    center, mixing = rows_of(proposal.center), rows_of(proposal.mixing)
    model, observed = target.compiled.model, rows_of(target.observed)

    def lose(point: jax.Array) -> jax.Array:
        return -score_codes(model, target.space, target.exact, (center + mixing @ point)[None], observed)[0]

    kernel = NUTS(
        potential_fn=lose,
        dense_mass=target.size <= MOST_DENSE,
        target_accept_prob=ACCEPTANCE,
        inverse_mass_matrix=None,
    )
    sampler = MCMC(
        kernel, num_warmup=WARMUP, num_samples=ROUND, num_chains=CHAINS, chain_method="vectorized", progress_bar=False
    )
    points = (_choose_starts(codes, seed) - proposal.center) @ proposal.whitening.T
    key, parts, divergent = jax.random.key(seed), [], []
    sampler.run(key, init_params=rows_of(points), extra_fields=("diverging",))
    for number in range(MOST_ROUNDS):
        drawn = np.asarray(sampler.get_samples(group_by_chain=True), np.float64)
        parts.append(proposal.center + drawn @ proposal.mixing.T)
        divergent.append(np.asarray(sampler.get_extra_fields()["diverging"]).mean())
        begun = monotonic()
        # Early rounds of chains that had not arrived count no more.
        chains = _judge(parts, divergent)
        late = _judge(parts[len(parts) // 2 :], divergent[len(divergent) // 2 :])
        best = late if len(chains.reasons) > len(late.reasons) else chains
        enough = not best.reasons and best.codes.shape[0] * best.codes.shape[1] >= n
        if enough or begun > deadline or number == MOST_ROUNDS - 1:
            break
        sampler.post_warmup_state = sampler.last_state
        sampler.run(sampler.last_state.rng_key, extra_fields=("diverging",))
    return best


def _judge(parts: list[Doubles], divergent: list[float]) -> Chains:
    codes = np.concatenate(parts, axis=1)
    if not np.isfinite(codes).all():
        return Chains(codes, np.inf, 0.0, float(np.mean(divergent)))
    return Chains(codes, find_rhat(codes), find_ess(codes), float(np.mean(divergent)))


def _choose_starts(codes: Doubles, seed: int) -> Doubles:
    return codes[np.random.default_rng(seed).choice(len(codes), CHAINS, replace=len(codes) < CHAINS)]
