"""Conditionals of a structure, learned from stored runs: from then on they simulate without end.

The conditionals that evidence asks for are many, and read many variables. Those of the structure itself, each variable
given its parents, are few and read few, so that a small table teaches them best; all others follow from them. Several
networks learn each of these, every one judged by a part of the runs that it never saw, and draws are of all of them.

Source: Breiman 1996 (stacked regressions; Bagging predictors).
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from functools import partial
from time import monotonic
from typing import Any, NamedTuple

import jax
import jax.numpy as jnp
import numpy as np
import optax

from retrodict.encode.keys import fold_key, make_key
from retrodict.models.black_box import BlackBox
from retrodict.plan.layout import Floats
from retrodict.posterior.any_evidence.evidence_drawing import EvidenceDrawer, EvidenceTask
from retrodict.posterior.any_evidence.gated.evidence_columns import EvidenceColumns
from retrodict.posterior.any_evidence.gated.evidence_training import (
    EPOCH,
    EvidencePlan,
    find_progress,
    find_rate,
    make_optimizer,
    score_slots,
)
from retrodict.posterior.any_evidence.gated.gated_network import GatedNetwork, GatedWeights
from retrodict.posterior.any_evidence.gated.slot_plans import InputMoments, SlotPlan, plan_slots
from retrodict.posterior.tables.runs import Runs

# Parts of the runs, and the most runs of each by which a network is judged.
FOLDS, MOST_JUDGES = 5, 1024
# Standard errors by which a mixture must be better than one normal density.
CLEAR = 2.0
WIDTH, RATE, MOST_STEPS = 32, 1e-2, 1000
# Weights of all networks together.
MOST_NUMBERS = 1 << 25


@dataclass(frozen=True, eq=False)
class FittedEvidence:
    """Simulations that learned conditionals draw, as many rows from each network as from any other."""

    drawer: EvidenceDrawer
    arrays: tuple[GatedWeights, EvidenceTask]

    def draw(self, arrays: Any, key: jax.Array, n: int) -> jax.Array:
        """Return new simulations; neighboring rows are from different networks."""
        weights, task = arrays
        members = len(weights.first)

        def draw_member(own: GatedWeights, key: jax.Array) -> jax.Array:
            found: jax.Array = self.drawer.draw_rows(own, task, key, -(-n // members), False, False).columns
            return found

        drawn = jax.vmap(draw_member)(weights, jax.random.split(key, members))
        return jnp.swapaxes(drawn, 0, 1).reshape(-1, drawn.shape[-1])[:n]

    def simulate(self, key: jax.Array, n: int) -> jax.Array:
        """Return new simulations, outside of any other program."""
        return jax.jit(self.draw, static_argnums=2)(self.arrays, key, n)


class Folds(NamedTuple):
    """Units of all runs, the cumulated weights by which each member draws them, and its judges with their weights."""

    units: Any
    ends: Any
    judges: Any
    shares: Any
    plan: SlotPlan


class BestFit(NamedTuple):
    """The weights of each member that were best for each slot, and the losses of these."""

    weights: GatedWeights
    least: jax.Array


def can_fit(columns: EvidenceColumns) -> bool:
    """Whether every variable can be drawn by a conditional of its own, and all networks fit into memory."""
    slots, inputs = len(columns.cards), len(columns.owner)
    return bool(columns.inferable.all()) and 2 * FOLDS * WIDTH * slots * (inputs + slots) <= MOST_NUMBERS


def fit_conditionals(
    model: BlackBox, runs: Runs, looked: Floats, plan: EvidencePlan, components: int, seed: int
) -> FittedEvidence:
    """Return the conditionals of the structure, learned from the runs of training and those held out.

    Units and regressions are those of runs that were ``looked`` at, each about as often as its weight says.
    """
    numbers = np.concatenate([runs.training, runs.held_out])
    columns = EvidenceColumns.of(model, looked)
    network = GatedNetwork(columns, components)
    moments = InputMoments.of(columns.show(columns.encode(jnp.asarray(looked))))
    nothing = np.zeros((1, len(model.net)), bool)
    first = plan_slots(columns, moments, nothing, ~nothing)
    weights = np.ones(len(numbers)) if runs.weights is None else runs.weights[numbers]
    kinds = list_kinds(network)
    started = [network.initialize(WIDTH, seed + k, single=single) for single in kinds for k in range(FOLDS)]
    units = columns.encode(jnp.asarray(runs.take(numbers)))
    folds = _split(units, weights, SlotPlan(*(jnp.asarray(part[0]) for part in first)), len(started), seed)
    best = _train(network, jax.tree.map(lambda *parts: jnp.stack(parts), *started), folds, plan, seed)
    drawer = EvidenceDrawer(model, network, started[0], moments)
    task = drawer.prepare(np.zeros(model.layout.width), nothing[0], nothing[0])
    return FittedEvidence(drawer, (_choose_kinds(best), task))


def list_kinds(network: GatedNetwork) -> Sequence[bool]:
    """Return whether networks start as single normal densities: both ways are tried where there are mixtures."""
    return (True, False) if network.components > 1 and (network.columns.cards == 0).any() else (False,)


def _split(units: jax.Array, weights: Any, plan: SlotPlan, members: int, seed: int) -> Folds:
    """Return what each member learns from: all runs but those of one part, which judge it."""
    parts = np.array_split(np.random.default_rng([seed, 53]).permutation(len(weights)), FOLDS)
    judged = min(MOST_JUDGES, *map(len, parts))
    own = [parts[member % FOLDS] for member in range(members)]
    judges = np.stack([part[:judged] for part in own])
    left = np.tile(weights, (members, 1))
    for row, part in zip(left, own, strict=True):
        row[part] = 0.0
    ends = left.cumsum(axis=1) / left.sum(axis=1, keepdims=True)
    shares = weights[judges] / np.maximum(weights[judges].sum(axis=1, keepdims=True), 1e-12)
    return Folds(units, jnp.asarray(ends, jnp.float32), jnp.asarray(judges), jnp.asarray(shares, jnp.float32), plan)


def _train(network: GatedNetwork, weights: GatedWeights, folds: Folds, plan: EvidencePlan, seed: int) -> BestFit:
    """Return the best weights of all members, which are trained side by side."""
    optimizer = make_optimizer()
    batch = min(plan.batch, len(folds.units))

    def judge(own: GatedWeights, judges: jax.Array, shares: jax.Array) -> jax.Array:
        found = shares @ -score_slots(network, own, folds.units[judges], folds.plan)
        return jnp.zeros(len(network.columns.cards)).at[folds.plan.slots].set(found)

    def learn(own: GatedWeights, state: Any, key: jax.Array, ends: jax.Array, rates: jax.Array) -> Any:
        def lose(own: GatedWeights, key: jax.Array) -> jax.Array:
            places = jnp.searchsorted(ends, jax.random.uniform(key, (batch,)), side="right")
            rows = folds.units[jnp.minimum(places, len(folds.units) - 1)]
            return -score_slots(network, own, rows, folds.plan).sum(axis=-1).mean()

        def step(carry: Any, now: Any) -> tuple[Any, None]:
            own, state = carry
            key, rate = now
            change, state = optimizer.update(jax.grad(lose)(own, key), state, own)
            return (optax.apply_updates(own, jax.tree.map(lambda c: -rate * c, change)), state), None

        return jax.lax.scan(step, (own, state), (jax.random.split(key, EPOCH), rates))[0]

    @jax.jit
    def run(weights: GatedWeights, state: Any, best: BestFit, key: jax.Array, rates: jax.Array) -> Any:
        keys = jax.random.split(key, len(best.least))
        weights, state = jax.vmap(partial(learn, rates=rates))(weights, state, keys, folds.ends)
        least = jax.vmap(judge)(weights, folds.judges, folds.shares)
        return weights, state, _keep_better(best, BestFit(weights, least))

    state = jax.vmap(optimizer.init)(weights)
    best = BestFit(weights, jax.jit(jax.vmap(judge))(weights, folds.judges, folds.shares))
    key, begun, done = make_key(seed), monotonic(), 0
    plan = replace(plan, learning_rate=RATE, steps=min(plan.steps, MOST_STEPS))
    while (now := find_progress(plan, done, begun)) < 1:
        further = min(EPOCH / plan.steps, 1 - now)
        rates = [find_rate(plan, done + i, now + further * i / EPOCH) for i in range(EPOCH)]
        weights, state, best = run(weights, state, best, fold_key(key, done), jnp.asarray(rates, jnp.float32))
        done += EPOCH
    return best


def _keep_better(best: BestFit, now: BestFit) -> BestFit:
    """Return for each member and each slot the better of two."""
    better = now.least < best.least

    def choose(new: jax.Array, old: jax.Array) -> jax.Array:
        return jnp.where(better.reshape(*better.shape, *(1,) * (new.ndim - 2)), new, old)

    return BestFit(jax.tree.map(choose, now.weights, best.weights), jnp.minimum(now.least, best.least))


def _choose_kinds(best: BestFit) -> GatedWeights:
    """Return a network for each part of the runs: mixtures only where they are clearly better over all parts."""
    kinds = len(best.least) // FOLDS
    gains = best.least[:FOLDS] - best.least[-FOLDS:]
    chosen = (kinds - 1) * np.asarray(gains.mean(axis=0) > CLEAR * gains.std(axis=0, ddof=1) / FOLDS**0.5)

    def pick(array: jax.Array) -> jax.Array:
        own = array.reshape(kinds, FOLDS, *array.shape[1:])
        return jnp.moveaxis(own[chosen, :, np.arange(len(chosen))], 0, 1)

    return GatedWeights(*map(pick, best.weights))
