"""The law of the encoder for every set of evidence: derivatives are zero exactly off its inverse."""

from __future__ import annotations

import itertools
from pathlib import Path
from typing import Any

import jax
import jax.numpy as jnp
import numpy as np
import numpyro
import pytest
from numpyro import distributions as dist

import retrodict as rd
from retrodict.posterior.any_evidence.gated.evidence_columns import EvidenceColumns
from retrodict.posterior.any_evidence.gated.evidence_sets import find_barren, find_parents, list_drawn
from retrodict.posterior.any_evidence.gated.gated_network import GatedNetwork, GatedWeights
from retrodict.posterior.any_evidence.gated.slot_plans import InputMoments, SlotPlan, plan_slots
from tests.posterior.any_evidence.networks import make_lines

ASIA = rd.from_bif(Path(__file__).parents[2] / "data" / "asia.bif")


def mix() -> None:
    """Positive, binary and real sites, some below others."""
    scale = numpyro.sample("scale", dist.Gamma(2.0, 2.0))
    which = numpyro.sample("which", dist.Bernoulli(0.4))
    with numpyro.plate("n", 2):
        middle = numpyro.sample("middle", dist.Normal(which * 2.0, scale))
        numpyro.sample("y", dist.Normal(middle, 1.0))


def list_models() -> list[rd.Model]:
    return [ASIA, make_lines(), rd.from_numpyro(mix, observed=["y"], elementwise=True)]


def build(model: rd.Model) -> tuple[GatedNetwork, GatedWeights, InputMoments, Any]:
    """Return a network with random weights in all layers."""
    drawn = np.asarray(model.draw(jax.random.key(2), 500))
    columns = EvidenceColumns.of(model, drawn)
    network = GatedNetwork(columns, 2)
    rng = np.random.default_rng(0)
    weights = jax.tree.map(lambda w: jnp.asarray(rng.normal(size=w.shape), jnp.float32), network.initialize(8, 0))
    return network, weights, InputMoments.of(columns.show(columns.encode(jnp.asarray(drawn)))), drawn[0]


@pytest.mark.parametrize("model", list_models(), ids=["tables", "lines", "program"])
def test_derivatives_are_zero_exactly_off_the_inverse(model: rd.Model) -> None:
    """For sets of evidence of every size, with random weights: of what each network says of its variable."""
    network, weights, moments, row = build(model)
    columns, n = network.columns, len(model.net)
    shown = columns.show(columns.encode(jnp.asarray(row)))

    @jax.jit
    def slopes(plan: SlotPlan) -> jax.Array:
        def run(values: jax.Array) -> jax.Array:
            outputs = network.say(weights, jnp.append(values, jnp.ones(n))[plan.inputs][None], plan)
            states = network.log_states(outputs, plan.slots)[0, :, 0]
            if (columns.cards > 0).all():
                return states
            numbers = network.log_numbers(outputs, jnp.full(plan.slots.shape, 0.3)[None])[0]
            return jnp.where(jnp.asarray(columns.cards > 0)[plan.slots], states, numbers)

        return jax.jacobian(run)(shown)

    sets = np.array(list(itertools.product([False, True], repeat=n))[:-1])[:: max(1, (2**n - 1) // 64)]
    inferred = np.array([~known & ~find_barren(model.net, known) for known in sets])
    plans = plan_slots(columns, moments, sets, inferred)
    for row_of, (known, marks) in enumerate(zip(sets, inferred, strict=True)):
        parents = find_parents(model.net, known)
        plan = SlotPlan(*(jnp.asarray(part[row_of]) for part in plans))
        assert np.asarray(plan.slots)[np.asarray(plan.active)].tolist() == [
            v for v in list_drawn(model.net, known) if marks[v]
        ]
        moved = np.asarray(slopes(plan))
        for place, v in enumerate(np.asarray(plan.slots)[np.asarray(plan.active)]):
            for u in range(n):
                found = moved[place, columns.owner == u]
                assert (found != 0).any() if parents[v, u] else (found == 0).all()


def test_a_padded_plan_says_the_same() -> None:
    """The program of a larger, round size gives what the exact size gives."""
    model = list_models()[2]
    network, weights, moments, _ = build(model)
    columns, net = network.columns, model.net
    units = columns.encode(model.draw(jax.random.key(0), 16))
    known = np.array([[name.startswith("y") for name in net.names]])
    inferred = ~known & ~find_barren(net, known[0])
    plans = [plan_slots(columns, moments, known, inferred, rounded=way) for way in (False, True)]
    run = jax.jit(network.run)
    exact, padded = (run(weights, units, SlotPlan(*(jnp.asarray(part[0]) for part in p))) for p in plans)
    assert plans[1].slots.shape[1] > plans[0].slots.shape[1]
    for one, other in zip(exact, padded, strict=True):
        np.testing.assert_allclose(other[:, : one.shape[1]], one, rtol=1e-4, atol=1e-4)
