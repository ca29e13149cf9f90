"""Training for any evidence: every row of a minibatch is a simulation with a set of evidence of its own."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import jax
import jax.numpy as jnp
import optax

from retrodict.models.discrete.discrete_network import DiscreteNetwork
from retrodict.posterior.any_evidence.evidence_sets import EvidencePool, find_generative
from retrodict.posterior.any_evidence.gated_network import GatedNetwork, GatedWeights
from retrodict.train.optimizers import choose_optimizer

EPOCH = 50


def train_for_evidence(
    model: DiscreteNetwork,
    network: GatedNetwork,
    weights: GatedWeights,
    pool: EvidencePool,
    *,
    steps: int,
    batch: int,
    learning_rate: float,
    seed: int,
    report: Callable[[int, float], None],
) -> GatedWeights:
    """Return weights trained on the mean of -log q over what is not known; generative rows count for nothing."""
    optimizer = choose_optimizer(learning_rate, max(steps, 1))
    parents = jnp.asarray(pool.parents)
    counted = jnp.asarray(~pool.known & ~find_generative(model.net, pool.parents))

    def lose(w: GatedWeights, key: jax.Array) -> jax.Array:
        draw, choose = jax.random.split(key)
        columns = model.draw(draw, batch)
        chosen = jax.random.randint(choose, (batch,), 0, len(parents))
        found = network.log_probabilities(w, network.encode(columns), parents[chosen].astype(jnp.float32))
        states = columns.astype(jnp.int32)[..., None]
        own = jnp.take_along_axis(found, states, axis=-1)[..., 0]
        return -(own * counted[chosen]).sum() / batch

    @jax.jit
    def run(w: GatedWeights, state: Any, key: jax.Array) -> tuple[GatedWeights, Any, jax.Array]:
        def step(carry: tuple[GatedWeights, Any], key: jax.Array) -> tuple[tuple[GatedWeights, Any], jax.Array]:
            w, state = carry
            value, slope = jax.value_and_grad(lose)(w, key)
            change, state = optimizer.update(slope, state, w)
            return (optax.apply_updates(w, change), state), value

        (w, state), values = jax.lax.scan(step, (w, state), jax.random.split(key, EPOCH))
        return w, state, values.mean()

    state, key = optimizer.init(weights), jax.random.key(seed)
    for epoch in range(-(-steps // EPOCH)):
        weights, state, value = run(weights, state, jax.random.fold_in(key, epoch))
        report(EPOCH * (epoch + 1), float(value))
    return weights
