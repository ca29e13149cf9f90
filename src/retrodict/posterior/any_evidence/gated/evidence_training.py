"""Training for any evidence: every row of a minibatch is a simulation with a set of evidence of its own."""

from __future__ import annotations

import math
from collections.abc import Callable
from dataclasses import dataclass
from time import monotonic
from typing import Any

import jax
import jax.numpy as jnp
import optax

from retrodict.encode.keys import fold_key, make_key
from retrodict.models.model import Model
from retrodict.posterior.any_evidence.gated.evidence_regression import Regressions
from retrodict.posterior.any_evidence.gated.evidence_sets import EvidencePool
from retrodict.posterior.any_evidence.gated.gated_network import GatedNetwork, GatedWeights, Start

EPOCH = 50
RISE = 100


@dataclass(frozen=True)
class EvidencePlan:
    """How long and how fast to train; ``seconds`` is a limit of time, if there is one."""

    steps: int
    batch: int
    learning_rate: float
    seconds: float | None = None


def train_for_evidence(
    model: Model,
    network: GatedNetwork,
    weights: GatedWeights,
    pool: EvidencePool,
    starts: Regressions,
    plan: EvidencePlan,
    seed: int,
    report: Callable[[int, float], None],
) -> GatedWeights:
    """Return weights trained on the mean of -log q over what is inferred, by Adam with a rate that falls to zero."""
    optimizer = optax.chain(optax.clip_by_global_norm(10.0), optax.scale_by_adam())
    columns, batch = network.columns, plan.batch
    counted = jnp.asarray(pool.inferred[:, columns.variable])
    parents = jnp.asarray(columns.widen(pool.parents))
    is_number = jnp.asarray(columns.cards == 0)

    def lose(w: GatedWeights, key: jax.Array, tables: tuple[Any, ...]) -> jax.Array:
        draw, choose = jax.random.split(key)
        units = columns.encode(model.draw(draw, batch))
        usable = jnp.isfinite(units).all(axis=-1)
        units = jnp.where(usable[:, None], units, 0.0)
        chosen = jax.random.randint(choose, (batch,), 0, len(pool))
        above, asked = (table[chosen] for table in tables[:2])
        start = Start(*(None if table is None else table[chosen] for table in tables[2:]))  # type: ignore[arg-type]
        outputs = network.run(w, columns.show(units), above.astype(jnp.float32), start)
        own = jnp.zeros(units.shape)
        if columns.cards.max() > 0:
            states = jnp.where(is_number, 0, units).astype(jnp.int32)[..., None]
            own = jnp.take_along_axis(network.log_states(outputs), states, axis=-1)[..., 0]
        if (columns.cards == 0).any():
            own = jnp.where(is_number, network.log_numbers(outputs, jnp.where(is_number, units, 0.0)), own)
        return -jnp.where(asked & usable[:, None], own, 0.0).sum() / jnp.maximum(usable.sum(), 1)

    @jax.jit
    def run(w: GatedWeights, state: Any, key: jax.Array, rates: jax.Array, tables: tuple[Any, ...]) -> Any:
        def step(carry: tuple[GatedWeights, Any], now: Any) -> tuple[tuple[GatedWeights, Any], jax.Array]:
            w, state = carry
            key, rate = now
            value, slope = jax.value_and_grad(lose)(w, key, tables)
            change, state = optimizer.update(slope, state, w)
            return (optax.apply_updates(w, jax.tree.map(lambda c: -rate * c, change)), state), value

        (w, state), values = jax.lax.scan(step, (w, state), (jax.random.split(key, EPOCH), rates))
        return w, state, values.mean()

    rest = (starts.slopes, starts.offset, starts.spread)
    tables = parents, counted, *(None if part is None else jnp.asarray(part) for part in rest)
    state, key, begun, done = optimizer.init(weights), make_key(seed), monotonic(), 0
    while (now := _find_progress(plan, done, begun)) < 1:
        further = min(EPOCH / plan.steps, 1 - now)
        rates = [_find_rate(plan, done + i, now + further * i / EPOCH) for i in range(EPOCH)]
        weights, state, value = run(weights, state, fold_key(key, done), jnp.asarray(rates, jnp.float32), tables)
        done += EPOCH
        report(done, float(value))
    return weights


def _find_progress(plan: EvidencePlan, done: int, begun: float) -> float:
    """Return how much of the budget is used up, of steps or of time."""
    if plan.steps == 0:
        return 1.0
    spent = 0.0 if plan.seconds is None else (monotonic() - begun) / plan.seconds
    return max(done / plan.steps, spent)


def _find_rate(plan: EvidencePlan, step: int, progress: float) -> float:
    """Return the learning rate, which rises in a few steps and falls along a cosine."""
    return plan.learning_rate * min(1.0, (step + 1) / RISE) * 0.5 * (1 + math.cos(math.pi * min(progress, 1.0)))
