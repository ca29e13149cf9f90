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
from retrodict.posterior.any_evidence.gated.evidence_regression import InputMoments, Regressions, regress_slots
from retrodict.posterior.any_evidence.gated.evidence_sets import find_barren, find_parents
from retrodict.posterior.any_evidence.gated.gated_network import GatedNetwork, GatedWeights, Start
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


def to_start(starts: Regressions) -> Start:
    assert starts.slopes is not None
    return Start(jnp.asarray(starts.slopes), jnp.asarray(starts.offset), jnp.asarray(starts.spread))


@pytest.mark.parametrize("model", list_models(), ids=["tables", "lines", "program"])
def test_derivatives_are_zero_exactly_off_the_inverse(model: rd.Model) -> None:
    """For sets of evidence of every size, with random weights: of what each network says of its variable."""
    network, weights, moments, row = build(model)
    columns, n = network.columns, len(model.net)
    values = columns.show(columns.encode(jnp.asarray(row)))

    @jax.jit
    def slopes(parents: jax.Array, start: Start) -> jax.Array:
        def run(inputs: jax.Array) -> jax.Array:
            outputs = network.run(weights, inputs[None], parents[None], start)
            states = network.log_states(outputs)[0, :, 0]
            if (columns.cards > 0).all():
                return states
            return jnp.where(columns.cards > 0, states, network.log_numbers(outputs, jnp.full((1, n), 0.3))[0])

        return jax.jacobian(run)(values)

    sets = list(itertools.product([False, True], repeat=n))[:-1]
    for known in map(np.array, sets[:: max(1, len(sets) // 64)]):
        parents = find_parents(model.net, known)
        inferred = ~known & ~find_barren(model.net, known)
        starts = regress_slots(moments, columns, parents[None], inferred[None])
        moved = np.asarray(slopes(jnp.asarray(parents, jnp.float32), to_start(starts)))
        for v, u in itertools.product(np.flatnonzero(inferred), range(n)):
            found = moved[v][columns.owner == u]
            assert (found != 0).any() if parents[v, u] else (found == 0).all()


def test_one_slot_is_evaluated_as_all_are() -> None:
    model = list_models()[2]
    network, weights, moments, _ = build(model)
    columns, net = network.columns, model.net
    inputs = columns.show(columns.encode(model.draw(jax.random.key(0), 16)))
    known = np.array([name.startswith("y") for name in net.names])
    parents = find_parents(net, known)
    starts = regress_slots(moments, columns, parents[None], ~known[None])
    wide = Start(*(jnp.broadcast_to(part, (16, *part.shape[1:])) for part in to_start(starts)))
    one = Start(*(part[0] for part in to_start(starts)))
    gates = jnp.asarray(parents, jnp.float32)
    together = network.run(weights, inputs, jnp.broadcast_to(gates, (16, *gates.shape)), wide)
    for v in range(len(net)):
        alone = network.run_one(weights, jnp.asarray(v), inputs, gates, one)
        for part, whole in zip(alone, together, strict=True):
            np.testing.assert_allclose(part[:, 0], whole[:, v], rtol=1e-4, atol=1e-4)
