"""One observation of a template, answered as far as is needed: exact, weighted, refined, or by Markov chains."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from functools import cached_property
from time import monotonic
from typing import Any

import numpy as np

from retrodict.encode.keys import make_key
from retrodict.errors import WeightError
from retrodict.posterior.answers.answer import Answer, AskedPosterior
from retrodict.posterior.answers.chains import run_chains
from retrodict.posterior.answers.draw_tails import find_tail
from retrodict.posterior.answers.linear_factor import DefendedProposal, LinearProposal
from retrodict.posterior.answers.tempering import adapt
from retrodict.posterior.answers.weighing import ENOUGH, is_accurate, is_enough
from retrodict.posterior.lifted.lifted_marginal import LiftedMarginal
from retrodict.posterior.lifted.lifted_proposal import LiftedProposal
from retrodict.posterior.lifted.lifted_surface import LiftedSurface
from retrodict.posterior.lifted.template_data import TemplateData
from retrodict.posterior.weights.importance import Importance
from retrodict.posterior.weights.pareto import Doubles

# Draws of a round of weights, and the most in all.
ROUND, MOST_DRAWS = 1024, 16_384
# Up to so many codes are refined by rounds of a linear proposal, of so many draws and more where codes are many.
MOST_REFINED, LEAST_ADAPTED, ADAPTED_EACH = 40, 512, 48
# Of all seconds, what weights of the encoder, refining, and weights of what was refined may take.
WEIGHTED_BY, REFINED_BY, REWEIGHTED_BY = 0.2, 0.5, 0.7

Draws = dict[str, Any]
Weigh = Callable[[int, int], Importance]


@dataclass(frozen=True, eq=False)
class LiftedAsked(AskedPosterior):
    """The posterior of one observation of a template is asked for.

    Arguments:
        proposal: what draws and scores all latents.
        given: the observation.
        name: makes values of codes, in the shapes that a user expects.
    """

    proposal: LiftedProposal
    given: TemplateData
    name: Callable[[Draws], Draws]

    @cached_property
    def target(self) -> LiftedMarginal:
        """The density of what the encoder draws."""
        return LiftedMarginal(self.proposal, self.given)

    @cached_property
    def rng(self) -> np.random.Generator:
        """What proposals are drawn with."""
        return np.random.default_rng(self.seed)

    def weigh_encoder(self, n: int, seed: int) -> Importance:
        """Return draws of the encoder with weights."""
        share = self.proposal.find_share(self.given)
        codes, log_weights = self.proposal.weigh(self.given, n, seed, share)
        return self._join_weights(codes, np.asarray(log_weights, np.float64))

    def weigh_refined(self, proposal: DefendedProposal, n: int, seed: int) -> Importance:
        """Return draws of what was refined with weights, the rest exactly."""
        rows, log_density = proposal.draw(self.rng, n)
        codes, log_p = self.target.complete(rows, seed)
        return self._join_weights(codes, log_p - log_density)

    def _join_weights(self, codes: Draws, log_weights: Doubles) -> Importance:
        named: dict[Any, Any] = dict(self.name(codes))
        return Importance(named, log_weights)


def answer_lifted(asked: LiftedAsked) -> Answer:
    """Return the answer of the first stage that can be relied on, or that of the last one."""
    if not asked.proposal.encoder.plans:
        codes = asked.proposal.draw(asked.given, asked.n, asked.seed)
        return asked.say("exact", asked.name(codes), khat=-np.inf, ess=asked.n)
    if not (asked.given.is_within or asked.proposal.has_densities(asked.given)):
        draws = asked.name(asked.proposal.draw(asked.given, asked.n, asked.seed))
        why = "The model has no densities at these sizes, so that draws have no weights: read it at larger sizes."
        return asked.say("encoder", draws, khat=np.nan, ess=asked.n, reasons=(why,))
    weighed = weigh_rounds(asked, asked.weigh_encoder, asked.by(WEIGHTED_BY))
    if weighed is not None and is_enough(weighed):
        return asked.say_weighed(weighed, "weighted")
    if asked.target.is_discrete:
        return _give_up(asked, weighed, "Whole numbers that no closed form has are not refined.")
    return _refine(asked)


def weigh_rounds(asked: LiftedAsked, weigh: Weigh, deadline: float) -> Importance | None:
    """Return rounds of weighted draws until moments are accurate, or more would not help; None without weight."""
    seeds = np.random.SeedSequence(asked.seed).generate_state(MOST_DRAWS // ROUND).tolist()
    weighed: Importance | None = None
    for own in seeds:
        try:
            more = weigh(ROUND, own)
        except WeightError:
            return weighed
        weighed = more if weighed is None else _join(weighed, more)
        drawn = len(weighed.log_weights)
        hopeless = float(weighed.ess) / drawn * MOST_DRAWS < ENOUGH
        if hopeless or monotonic() > deadline or (is_enough(weighed) and drawn >= asked.n and is_accurate(weighed)):
            break
    return weighed


def _join(one: Importance, other: Importance) -> Importance:
    draws = {name: np.concatenate([values, other.draws[name]]) for name, values in one.draws.items()}
    return Importance(draws, np.concatenate([one.log_weights, other.log_weights]))


def _refine(asked: LiftedAsked) -> Answer:
    """Return the answer of a linear proposal that rounds of weights adapt, or of chains from there."""
    target, rng = asked.target, asked.rng
    codes, log_density = _draw_first(asked)
    adapted = None
    if target.size <= MOST_REFINED:
        each = max(LEAST_ADAPTED, ADAPTED_EACH * target.size)
        adapted = adapt(target, codes, log_density, rng, asked.by(REFINED_BY), each)
    if adapted is not None and adapted.arrived:
        proposal = DefendedProposal(adapted.proposal)
        refined = weigh_rounds(asked, lambda n, seed: asked.weigh_refined(proposal, n, seed), asked.by(REWEIGHTED_BY))
        if refined is not None and is_enough(refined):
            return asked.say_weighed(refined, "refined")
    if adapted is not None:
        return answer_by_chains(asked, adapted.proposal, adapted.proposal.draw(rng, LEAST_ADAPTED)[0])
    return answer_by_chains(asked, _spread_out(codes), codes)


def _draw_first(asked: LiftedAsked) -> tuple[Doubles, Doubles]:
    """Return codes that the encoder draws, with a share of the prior where there is one, and their log density."""
    proposal, target = asked.proposal, asked.target
    share = proposal.find_share(asked.given)
    n = max(LEAST_ADAPTED, ADAPTED_EACH * min(target.size, MOST_REFINED))
    codes = proposal.draw_encoded(asked.given, n, make_key(asked.seed), share)
    log_q = proposal.score_encoded(asked.given, codes, share) + target.measure_volume(codes)
    rows = target.flatten(codes)
    kept = np.isfinite(rows).all(axis=1) & np.isfinite(log_q)
    return rows[kept], log_q[kept]


def _spread_out(codes: Doubles) -> LinearProposal:
    """Return the units of codes: means and spreads of what the encoder draws."""
    size = codes.shape[1]
    alone = np.zeros((size, size), bool)
    return LinearProposal.fit(codes.mean(axis=0), np.diag(codes.var(axis=0) + 1e-8), np.inf, alone, np.arange(size))


def answer_by_chains(asked: LiftedAsked, units: LinearProposal, starts: Doubles) -> Answer:
    """Return the answer of NUTS on what the encoder draws, with all else integrated out.

    It walks in the precision of the program, which may hold indices that JAX takes in this one alone.
    """
    surface = LiftedSurface(asked.target, asked.proposal.find_factors(asked.given))
    chains = run_chains(surface, units, starts, asked.n, asked.seed, asked.by(1.0))
    flat = chains.codes.reshape(-1, chains.codes.shape[-1])
    flat = flat[np.isfinite(flat).all(axis=1)] if np.isfinite(flat).all(axis=1).any() else starts
    chosen = asked.rng.choice(len(flat), asked.n, replace=len(flat) < asked.n)
    draws = asked.name(asked.target.complete(flat[chosen], asked.seed)[0])
    tail, reasons = find_tail(flat[chosen]), (*chains.reasons, *say_lost(draws))
    return asked.say("mcmc", draws, khat=tail, ess=min(chains.ess, asked.n), reasons=reasons)


def say_lost(draws: Mapping[Any, Any]) -> tuple[str, ...]:
    """Return the reason that draws of closed forms give which are no numbers, if there are any."""
    parts = [np.asarray(values, np.float64) for values in draws.values()]
    known = np.all([np.isfinite(values.reshape(len(values), -1)).all(axis=1) for values in parts], axis=0)
    return () if known.all() else (f"{1 - known.mean():.1%} of the draws are no numbers.",)


def _give_up(asked: LiftedAsked, weighed: Importance | None, why: str) -> Answer:
    """Return the draws of the encoder, which are not reliable, and say so."""
    if weighed is None:
        draws = asked.name(asked.proposal.draw(asked.given, asked.n, asked.seed))
        none = "No draw of the encoder could have given the data."
        return asked.say("encoder", draws, khat=np.inf, ess=0.0, reasons=(none, why))
    few = () if float(weighed.ess) >= ENOUGH else (f"{float(weighed.ess):,.0f} draws are effective.",)
    return asked.say_weighed(weighed, "weighted", (*weighed.reasons, *few, why))
