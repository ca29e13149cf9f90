"""One observation, answered as far as is needed: stage by stage until one can be relied on."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from functools import partial
from time import monotonic
from typing import Any

import jax
import numpy as np

from retrodict.errors import DensityError, OptionError, WeightError
from retrodict.graph.names import Name
from retrodict.plan.layout import Floats
from retrodict.posterior import row_blocks
from retrodict.posterior.answers.answer import Answer, AskedPosterior, find_moments
from retrodict.posterior.answers.chains import CHAINS, LEAST_ESS, MOST_RHAT, Chains, run_chains
from retrodict.posterior.answers.draw_tails import find_ess, find_rhat, find_tail
from retrodict.posterior.answers.linear_factor import LinearProposal
from retrodict.posterior.answers.marginal import Marginal, take_one
from retrodict.posterior.answers.metropolis import walk
from retrodict.posterior.answers.noise.beginning import begin
from retrodict.posterior.answers.noise.noncentered import Noncentered
from retrodict.posterior.answers.refinement import Refined, refine_factors
from retrodict.posterior.answers.weighing import ENOUGH, MOST_DRAWS, Factors, is_enough, weigh, weigh_enough
from retrodict.posterior.factors import ClosedFactor, Factor, GenerativeFactor
from retrodict.posterior.observations import Evidence
from retrodict.posterior.programs import Compiled
from retrodict.posterior.row_blocks import Request
from retrodict.posterior.weights.importance import Importance
from retrodict.posterior.weights.pareto import Doubles
from retrodict.posterior.weights.precision import say_rough

# Draws of the encoder do as they are where so large a share is effective, tails are light, and weights move neither
# means nor standard deviations by more than this, in standard deviations.
EVEN_SHARE, EVEN_KHAT, EVEN_SHIFT = 0.9, 0.5, 0.05
# Of all seconds, what looking for peaks may take; of the others weights of the encoder, refining, and weights of what
# was refined.
LOOKED_BY = 0.5
WEIGHTED_BY, REFINED_BY, REWEIGHTED_BY = 0.2, 0.45, 0.6
# Chains on noise begin from so many draws, and come first where there is no more noise than so many times the codes.
STARTS, MUCH = 2000, 2
# A density, the proposal that says what its units are, and codes for chains to begin at.
Beginning = tuple[Marginal | Noncentered, LinearProposal, Doubles] | None
# The share of the draws of chains that may be no numbers.
MOST_LOST = 0.001


@dataclass(frozen=True, eq=False)
class Question(AskedPosterior):
    """The posterior of one observation is asked for.

    Arguments:
        compiled: the compiled programs of the posterior.
        factors: what draws and scores its latents.
        evidence: the observation.
    """

    compiled: Compiled
    factors: Factors
    evidence: Evidence
    ready: float = field(default=0.0, init=False)

    def by(self, share: float) -> float:
        """Return when a share of the seconds is over that peaks have left."""
        return self.ready + share * (self.begun + self.seconds - self.ready)

    def __post_init__(self) -> None:
        looked, doubt, note = self.compiled.look_around(self.factors, self.evidence.rows, super().by(LOOKED_BY))
        object.__setattr__(self, "notes", (*self.notes, note) if note else self.notes)
        object.__setattr__(self, "doubts", (doubt,) if doubt else ())
        object.__setattr__(self, "ready", monotonic())
        object.__setattr__(self, "factors", looked)
        object.__setattr__(self, "evidence", take_one(self.evidence))

    def draw(self) -> Floats:
        """Return plain draws of all latents as columns."""
        width = max(self.compiled.space.width, *(factor.width for factor in self.factors))

        def program(key: jax.Array, observed: jax.Array) -> tuple[jax.Array]:
            return (self.compiled.draw(self.factors, key, observed),)

        request = Request(self.evidence, self.n, width)
        (rows,) = row_blocks.collect(row_blocks.run_blocks(request, self.seed, program), request.rows)
        return rows

    def unpack(self, rows: Floats) -> dict[Name, Any]:
        """Return columns of all latents by name, one draw a row."""
        return self.compiled.space.unpack(rows)


def list_exact(factors: Sequence[Factor]) -> dict[Name, str]:
    """Return which latents are drawn exactly, and from what."""
    kinds = [
        (factor, factor.form.kind if isinstance(factor, ClosedFactor) else "model")
        for factor in factors
        if factor.exact
    ]
    return {name: kind for factor, kind in kinds for name in factor.variables}


def find_answer(question: Question, judge: Callable[[], Sequence[str]]) -> Answer:
    """Return the answer of the first stage that can be relied on, or that of the last one.

    ``judge`` says, for a model without a density, what speaks against the draws of the encoder.
    """
    if all(factor.exact for factor in question.factors):
        return question.say("exact", question.unpack(question.draw()), khat=-np.inf, ess=question.n)
    try:
        weighed = _try_weights(question, question.factors, question.by(WEIGHTED_BY))
    except DensityError:
        return question.say("encoder", question.unpack(question.draw()), khat=np.nan, ess=question.n, reasons=judge())
    if weighed is not None and is_enough(weighed):
        return _say_even(question, weighed) if _is_even(weighed) else question.say_weighed(weighed, "weighted")
    try:
        refined = refine_factors(*_ask(question), question.by(REFINED_BY))
    except (OptionError, WeightError) as error:
        return _give_up(question, weighed, str(error))
    again = _try_weights(question, refined.factors, question.by(REWEIGHTED_BY))
    if again is not None and is_enough(again):
        return question.say_weighed(again, "refined")
    return answer_by_chains(question, refined)


def answer_by_chains(question: Question, refined: Refined) -> Answer:
    """Return the answer of Markov chains from what was refined, in the coordinates in which they can be relied on."""
    codes, proposal = refined.codes, refined.proposal
    if codes is None or proposal is None:
        return _answer_by_metropolis(question, refined)
    target = Marginal.of(question.compiled, question.factors, question.evidence.rows)
    ways: list[Callable[[], Beginning]] = [lambda: (target, proposal, codes)]
    noise = _find_noise(question)
    if noise is not None:
        whiten = partial(_whiten, question, target, noise, codes)
        # What closed forms integrate out is worth more than coordinates in which it has no funnel.
        ways.insert(0 if noise.size <= MUCH * target.size else 1, partial(_begin_noise, noise, whiten, question.seed))
    tried: list[tuple[Marginal | Noncentered, Chains]] = []
    for number, way in enumerate(ways):
        begun = way()
        if begun is None:
            continue
        patient = number == len(ways) - 1
        found = run_chains(*begun, question.n, question.seed, question.by(1.0), patient=patient)
        tried.append((begun[0], found))
        if not found.reasons or monotonic() > question.by(1.0):
            break
    return _say_chains(question, *min(tried[::-1], key=lambda each: len(each[1].reasons)))


def _begin_noise(noise: Noncentered, whiten: Callable[[], Doubles], seed: int) -> Beginning:
    """Return the noise behind the latents, its units, and where its chains begin; None where there is none."""
    begun = begin(noise, whiten, seed)
    return None if begun is None else (noise, *begun)


def _whiten(question: Question, target: Marginal, noise: Noncentered, codes: Doubles) -> Doubles:
    """Return the noise behind some of the codes of what was refined."""
    rows = codes[np.linspace(0, len(codes) - 1, STARTS).astype(int)]
    return noise.whiten_latents(target.complete(rows, question.seed))


def _find_noise(question: Question) -> Noncentered | None:
    """Return the density of the noise behind the latents, in which chains do not meet funnels, if there is one."""
    barren = tuple(factor for factor in question.factors if isinstance(factor, GenerativeFactor))
    return Noncentered.of(question.compiled, barren, question.evidence.rows)


def _ask(question: Question) -> tuple[Compiled, Factors, Evidence, int]:
    return question.compiled, question.factors, question.evidence, question.seed


def _try_weights(question: Question, factors: Factors, deadline: float) -> Importance | None:
    """Return weighted draws; None where no draw has any weight."""
    try:
        return weigh_enough(question.compiled, factors, question.evidence, question.n, question.seed, deadline)
    except WeightError:
        return None


def _is_even(weighed: Importance) -> bool:
    """Return whether draws do without their weights."""
    if float(weighed.ess) < EVEN_SHARE * len(weighed.log_weights) or float(weighed.khat) > EVEN_KHAT:
        return False
    shifts = []
    mean, sd = find_moments(weighed.draws)
    for name in weighed.draws:
        spread = np.where(weighed.sd[name] > 0, weighed.sd[name], np.inf)
        shifts += [np.abs(mean[name] - weighed.mean[name]) / spread, np.abs(sd[name] - weighed.sd[name]) / spread]
    return max(float(np.max(shift)) for shift in shifts) < EVEN_SHIFT


def _say_even(question: Question, weighed: Importance) -> Answer:
    """Return the answer of draws of the encoder that do without their weights."""
    draws = {name: values[: question.n] for name, values in weighed.draws.items()}
    return question.say("encoder", draws, khat=float(weighed.khat), ess=min(float(weighed.ess), question.n))


def _give_up(question: Question, weighed: Importance | None, why: str) -> Answer:
    """Return the draws of the encoder, which are not reliable, and say so."""
    if weighed is None:
        none = "No draw of the encoder could have given the data."
        return question.say("encoder", question.unpack(question.draw()), khat=np.inf, ess=0.0, reasons=(none, why))
    reasons = (*weighed.reasons, *_say_few(weighed), why)
    return question.say_weighed(weighed, "weighted", reasons)


def _say_few(weighed: Importance) -> tuple[str, ...]:
    few = float(weighed.ess) < ENOUGH and not weighed.reasons
    return (f"{float(weighed.ess):,.0f} draws are effective, fewer than {ENOUGH:,}.",) if few else ()


def _say_chains(question: Question, target: Marginal | Noncentered, chains: Chains) -> Answer:
    flat = chains.codes.reshape(-1, chains.codes.shape[-1])
    finite = flat[np.isfinite(flat).all(axis=1)]
    rng = np.random.default_rng(question.seed)
    every, lost = keep_numbers(target.complete(finite if len(finite) else np.zeros((1, target.size)), question.seed))
    chosen = rng.choice(len(every), question.n, replace=len(every) < question.n)
    rough = say_rough(target.score_one, finite) if chains.reasons else ()
    return question.say(
        "mcmc",
        question.unpack(every[chosen]),
        find_moments(question.unpack(every)),
        khat=find_tail(np.asarray(every, np.float64)),
        ess=chains.ess,
        reasons=(*chains.reasons, *lost, *rough),
    )


def keep_numbers(rows: Floats) -> tuple[Floats, tuple[str, ...]]:
    """Return the rows of latents that are numbers, and the reason that the loss of the others gives, if it is one.

    Single precision does not hold the exact factors of some few codes, far out in a tail.
    """
    known = np.isfinite(rows).all(axis=1)
    lost = float(1 - known.mean())
    reason = f"{lost:.1%} of the draws are no numbers: the exact factors of their codes overflow."
    return rows[known] if known.any() else rows, (reason,) if lost > MOST_LOST else ()


def _answer_by_metropolis(question: Question, refined: Refined) -> Answer:
    """Return the answer of independence chains, which discrete latents allow."""
    weighed = weigh(question.compiled, refined.factors, question.evidence, MOST_DRAWS, question.seed)
    log_weights = weighed.log_weights.reshape(-1).astype(np.float64)
    chosen, acceptance = walk(log_weights, CHAINS, np.random.default_rng(question.seed))
    kept = chosen[:, chosen.shape[1] // 10 :]
    pooled = {name: values[kept.ravel()] for name, values in weighed.draws.items()}
    rows = np.concatenate([np.asarray(v, np.float64).reshape(kept.size, -1) for v in pooled.values()], axis=1)
    rhat, ess = (f(rows.reshape(*kept.shape, -1)) for f in (find_rhat, find_ess))
    reasons = [f"R-hat is {rhat:.3f}, above {MOST_RHAT}."] if not rhat <= MOST_RHAT else []
    if not ess >= LEAST_ESS:
        reasons.append(f"{ess:,.0f} draws are effective, fewer than {LEAST_ESS:,.0f}, with {acceptance:.1%} accepted.")
    picked = np.random.default_rng(question.seed).choice(kept.size, question.n, replace=kept.size < question.n)
    draws = {name: values[picked] for name, values in pooled.items()}
    return question.say("mcmc", draws, find_moments(pooled), khat=find_tail(rows), ess=ess, reasons=reasons)
