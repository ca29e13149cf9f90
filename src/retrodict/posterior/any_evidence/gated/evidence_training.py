"""Training for any evidence: a minibatch is simulations with several sets of evidence."""

from __future__ import annotations

import math
from collections.abc import Callable
from dataclasses import dataclass, replace
from functools import partial
from time import monotonic
from typing import Any

import jax
import jax.numpy as jnp
import numpy as np
import optax

from retrodict.encode.keys import fold_key, make_key
from retrodict.posterior.any_evidence.gated.evidence_supply import EvidenceSupply
from retrodict.posterior.any_evidence.gated.gated_network import GatedNetwork, GatedWeights
from retrodict.posterior.any_evidence.gated.slot_plans import SlotPlan

EPOCH = 50
RISE = 100
# Rows of a minibatch that have the same evidence set.
ROWS = 16
# Sets of evidence by which held-out simulations judge, each with that many of these.
JUDGED = 128


@dataclass(frozen=True)
class EvidencePlan:
    """How long and how fast to train; ``seconds`` is a limit of time, if there is one."""

    steps: int
    batch: int
    learning_rate: float
    seconds: float | None = None

    def split(self, share: float) -> tuple[EvidencePlan, EvidencePlan]:
        """Return the plans of two trainings of as many steps, which share the time if it is limited."""
        if self.seconds is None:
            return self, self
        return replace(self, seconds=share * self.seconds), replace(self, seconds=(1 - share) * self.seconds)


def train_for_evidence(
    supply: EvidenceSupply,
    network: GatedNetwork,
    weights: GatedWeights,
    plans: SlotPlan,
    plan: EvidencePlan,
    seed: int,
    report: Callable[[int, float], None],
    judges: EvidenceSupply | None = None,
) -> GatedWeights:
    """Return weights trained on the mean of -log q over what is inferred, by Adam with a rate that falls to zero.

    A minibatch has a few sets of evidence, each with rows of its own, whose inputs are then the same. Where there are
    ``judges``, simulations that are never trained on, the weights are those that were best on these.
    """
    optimizer = make_optimizer()
    rows = min(ROWS, plan.batch)
    sets = max(1, plan.batch // rows)
    tables = jax.tree.map(jnp.asarray, plans)

    def lose(w: GatedWeights, key: jax.Array, held: tuple[SlotPlan, Any]) -> jax.Array:
        draw, choose = jax.random.split(key)
        columns = supply.draw(held[1], draw, sets * rows)
        return _lose(network, w, columns, choose_sets(choose, held[0], sets))

    @jax.jit
    def run(w: GatedWeights, state: Any, key: jax.Array, rates: jax.Array, held: tuple[SlotPlan, Any]) -> Any:
        def step(carry: tuple[GatedWeights, Any], now: Any) -> tuple[tuple[GatedWeights, Any], jax.Array]:
            w, state = carry
            key, rate = now
            value, slope = jax.value_and_grad(lose)(w, key, held)
            change, state = optimizer.update(slope, state, w)
            return (optax.apply_updates(w, jax.tree.map(lambda c: -rate * c, change)), state), value

        (w, state), values = jax.lax.scan(step, (w, state), (jax.random.split(key, EPOCH), rates))
        return w, state, values.mean()

    best = Best(weights, None if judges is None else _judge(network, tables, judges, fold_key(make_key(seed), 7)))
    state, key, begun, done = optimizer.init(weights), make_key(seed), monotonic(), 0
    while (now := find_progress(plan, done, begun)) < 1:
        further = min(EPOCH / plan.steps, 1 - now)
        rates = [find_rate(plan, done + i, now + further * i / EPOCH) for i in range(EPOCH)]
        held = tables, supply.arrays
        weights, state, value = run(weights, state, fold_key(key, done), jnp.asarray(rates, jnp.float32), held)
        done += EPOCH
        best.see(weights)
        report(done, float(value))
    return best.weights


def make_optimizer() -> optax.GradientTransformation:
    """Return Adam behind a bound of the gradient, without a rate."""
    return optax.chain(optax.clip_by_global_norm(10.0), optax.scale_by_adam())


class Best:
    """The weights of the least loss so far, or the last ones where nobody judges."""

    def __init__(self, weights: GatedWeights, judge: Callable[[GatedWeights], float] | None) -> None:
        self.weights, self._judge = weights, judge
        self._least = np.inf if judge is None else judge(weights)

    def see(self, weights: GatedWeights) -> None:
        """Keep these weights, if they are better."""
        found = -np.inf if self._judge is None else self._judge(weights)
        if self._judge is None or found < self._least:
            self._least, self.weights = found, weights


def _judge(
    network: GatedNetwork, tables: SlotPlan, judges: EvidenceSupply, key: jax.Array
) -> Callable[[GatedWeights], float]:
    """Return what finds the loss on fixed held-out simulations with fixed sets of evidence."""
    draw, choose = jax.random.split(key)
    columns, some = judges.draw(judges.arrays, draw, JUDGED * ROWS), choose_sets(choose, tables, JUDGED)
    compiled = jax.jit(partial(_lose, network))
    return lambda weights: float(compiled(weights, columns, some))


def choose_sets(key: jax.Array, tables: SlotPlan, sets: int) -> SlotPlan:
    """Return the plans of some sets of evidence at random."""
    chosen = jax.random.randint(key, (sets,), 0, len(tables.slots))
    return SlotPlan(*(table[chosen] for table in tables))


def _lose(network: GatedNetwork, weights: GatedWeights, columns: jax.Array, some: SlotPlan) -> jax.Array:
    """Return the mean of -log q over simulations, as many for each set of evidence; what is not finite is left out."""
    sets = len(some.slots)
    units = network.columns.encode(columns)
    usable = jnp.isfinite(units).all(axis=-1)
    units = jnp.where(usable[:, None], units, 0.0).reshape(sets, len(columns) // sets, -1)
    found = jax.vmap(partial(score_slots, network), in_axes=(None, 0, 0))(weights, units, some)
    counted = some.active[:, None, :] & usable.reshape(sets, -1, 1)
    return -jnp.where(counted, found, 0.0).sum() / jnp.maximum(usable.sum(), 1)


def score_slots(network: GatedNetwork, weights: GatedWeights, units: jax.Array, plan: SlotPlan) -> jax.Array:
    """Return log q of what stands at the slots of a set of evidence, ``(rows, slots)``."""
    outputs, cards = network.run(weights, units, plan), network.columns.cards
    values, is_number = units[:, plan.slots], jnp.asarray(cards == 0)[plan.slots]
    found = jnp.zeros(values.shape)
    if cards.max() > 0:
        states = jnp.where(is_number, 0, values).astype(jnp.int32)[..., None]
        found = jnp.take_along_axis(network.log_states(outputs, plan.slots), states, axis=-1)[..., 0]
    if (cards == 0).any():
        found = jnp.where(is_number, network.log_numbers(outputs, jnp.where(is_number, values, 0.0)), found)
    return found


def find_progress(plan: EvidencePlan, done: int, begun: float) -> float:
    """Return how much of the budget is used up, of steps or of time."""
    if plan.steps == 0:
        return 1.0
    spent = 0.0 if plan.seconds is None else (monotonic() - begun) / plan.seconds
    return max(done / plan.steps, spent)


def find_rate(plan: EvidencePlan, step: int, progress: float) -> float:
    """Return the learning rate, which rises in a few steps and falls along a cosine."""
    return plan.learning_rate * min(1.0, (step + 1) / RISE) * 0.5 * (1 + math.cos(math.pi * min(progress, 1.0)))
