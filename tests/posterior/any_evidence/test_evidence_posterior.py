"""One network for any evidence: its structure for each set, its derivatives, its draws and its figures."""

from __future__ import annotations

import itertools
import math
from functools import partial
from pathlib import Path

import jax
import jax.numpy as jnp
import numpy as np
import pytest

import retrodict as rd
from retrodict.errors import OptionError, UnknownStateError, UnknownVariableError
from retrodict.posterior.any_evidence.evidence_sets import EvidencePool, find_generative, find_parents
from retrodict.posterior.any_evidence.gated_network import GatedNetwork, GatedWeights
from tests.oracles import Dag, find_border, find_minimal_parents, list_bits, to_bits

ASIA = rd.from_bif(Path(__file__).parents[2] / "data" / "asia.bif")
NET = ASIA.net


@pytest.fixture(scope="module")
def small() -> rd.DiscreteNetwork:
    """Two causes, a common effect, and what follows from it; three states somewhere."""
    rng = np.random.default_rng(4)
    parents = {"a": [], "b": [], "c": ["a", "b"], "d": ["c"]}
    states = {"a": ["0", "1"], "b": ["0", "1", "2"], "c": ["0", "1"], "d": ["0", "1"]}
    shapes = {"a": (2,), "b": (3,), "c": (2, 3, 2), "d": (2, 2)}
    tables = {name: rng.dirichlet(np.ones(shape[-1]), shape[:-1]) for name, shape in shapes.items()}
    return rd.DiscreteNetwork.from_tables(parents, states, tables, ["d"])


@pytest.fixture(scope="module")
def trained(small: rd.DiscreteNetwork) -> rd.EvidencePosterior:
    return rd.amortize_any(small, steps=600, batch=256, width=16, quiet=True)


def draw_known(count: int, seed: int = 0) -> np.ndarray:
    return EvidencePool.of(NET, "any", seed, size=count).known


def test_parents_are_those_of_the_definition_for_every_evidence() -> None:
    """All 2^8 - 1 sets of evidence of asia, in the one order in which variables are drawn."""
    number = {name: v for v, name in enumerate(NET.names)}
    dag = Dag(tuple(to_bits(number[u] for u in NET.parents(name)) for name in NET.names))
    for evidence in range((1 << 8) - 1):
        known = np.array([bool(evidence >> v & 1) for v in range(8)])
        found = find_parents(NET, known)
        free = [v for v in range(8) if not known[v]]
        needed = find_minimal_parents(partial(find_border, dag), free, evidence)
        assert {v: np.flatnonzero(found[v]).tolist() for v in free} == needed
        assert not found[known].any()


def test_the_inverse_of_an_evidence_is_certified(trained: rd.EvidencePosterior) -> None:
    for given in (["d"], ["c"], ["a", "d"], ["b"]):
        verdict = trained.certify(given)
        assert verdict.faithful
        assert verdict.minimal
        known = np.isin(trained.model.net.names, given)
        parents = find_parents(trained.model.net, known)
        for name, above in trained.inverse(given).parents.items():
            row = parents[trained.model.net.index(name)]
            assert set(trained.model.net.to_names(np.flatnonzero(row))) == set(above)


def test_derivatives_are_zero_exactly_off_the_inverse() -> None:
    """For random sets of evidence, with random weights: in every state, of every variable."""
    network = GatedNetwork.of(ASIA)
    weights = network.initialize(8, 0)
    keys = jax.random.split(jax.random.key(1), 2)
    last, bias = (jax.random.normal(key, w.shape) for key, w in zip(keys, weights[4:], strict=True))
    weights = GatedWeights(*weights[:4], last, bias)
    columns = ASIA.draw(jax.random.key(2), 1)
    owner = np.asarray(network.owner)

    @jax.jit
    def slopes(parents: jax.Array) -> jax.Array:
        def run(indicators: jax.Array) -> jax.Array:
            return network.log_probabilities(weights, indicators[None], parents[None])[0, :, 0]

        return jax.jacobian(run)(network.encode(columns)[0])

    for known in draw_known(40):
        parents = find_parents(NET, known)
        moved = np.asarray(slopes(jnp.asarray(parents, jnp.float32)))
        for v, u in itertools.product(range(8), range(8)):
            found = moved[v][owner == u]
            assert (found != 0).any() if parents[v, u] else (found == 0).all()


def test_one_variable_is_evaluated_as_all_are(small: rd.DiscreteNetwork, trained: rd.EvidencePosterior) -> None:
    columns = small.draw(jax.random.key(0), 16)
    parents = jnp.asarray(find_parents(small.net, np.array([False, True, False, True])), jnp.float32)
    network, indicators = trained.network, trained.network.encode(columns)
    together = network.log_probabilities(trained.weights, indicators, jnp.broadcast_to(parents, (16, 4, 4)))
    for v in range(4):
        alone = network.log_probabilities_of(trained.weights, jnp.asarray(v), indicators, parents[v])
        np.testing.assert_allclose(alone, together[:, v], atol=1e-5)


def test_generative_rows_are_the_model_itself(small: rd.DiscreteNetwork, trained: rd.EvidencePosterior) -> None:
    """Given nothing, and given roots alone, no network is asked: probabilities are those of the tables."""
    for given in ({}, {"a": "1"}, {"a": "0", "b": "2"}):
        known = np.isin(small.net.names, list(given))
        assert find_generative(small.net, find_parents(small.net, known))[~known].all()
        weighed = trained.importance(given, n=2000)
        np.testing.assert_allclose(weighed.log_weights, weighed.log_weights[0], atol=1e-5)
        exact = rd.query(small, given)
        assert math.isclose(weighed.log_weights[0], exact.log_evidence, abs_tol=1e-5)


def test_any_evidence_is_answered(small: rd.DiscreteNetwork, trained: rd.EvidencePosterior) -> None:
    """Every set and value of evidence, each as likely as in the model: marginals near the exact ones."""
    net, errors, likely = small.net, [], []
    for values in itertools.product(*([None, *small.states(name)] for name in net.names)):
        given = {name: value for name, value in zip(net.names, values, strict=True) if value is not None}
        if len(given) == len(net):
            continue
        exact, found = rd.query(small, given), trained.marginals(given, n=2048)
        assert set(found.marginals) == set(exact.marginals)
        for name, row in exact.marginals.items():
            errors.append(sum(abs(row[state] - found[name][state]) for state in row) / 2)
            likely.append(math.exp(exact.log_evidence))
        assert abs(found.log_evidence - exact.log_evidence) < 0.1
    assert np.average(errors, weights=likely) < 0.01


def test_draws_follow_the_marginals(small: rd.DiscreteNetwork, trained: rd.EvidencePosterior) -> None:
    given = {"d": "1"}
    drawn = trained.sample(given, n=20_000, seed=3)
    assert set(drawn) == {"a", "b", "c"}
    weighed = trained.importance(given, n=20_000)
    exact = rd.query(small, given)
    for name, row in exact.marginals.items():
        weights = np.exp(weighed.log_weights - weighed.log_weights.max())
        for k, (state, p) in enumerate(row.items()):
            assert abs((drawn[name] == state).mean() - p) < 0.05
            share = (weights * (weighed.draws[name] == k)).sum() / weights.sum()
            assert abs(share - p) < 5 * math.sqrt(p * (1 - p) / 10_000) + 0.01
    assert trained.most_probable(given) == rd.most_probable(small, given)


def test_the_same_seed_gives_the_same(small: rd.DiscreteNetwork, trained: rd.EvidencePosterior) -> None:
    one, other = (trained.sample({"c": "0"}, n=50, seed=7)["b"] for _ in range(2))
    assert (one == other).all()
    first, second = (rd.amortize_any(small, steps=50, batch=16, width=4, quiet=True).history for _ in range(2))
    assert first == second


def test_a_list_of_sets() -> None:
    pool = EvidencePool.of(NET, [["xray"], ["dysp", "smoke"]], 0)
    assert [list_bits(to_bits(np.flatnonzero(row).tolist())) for row in pool.known] == [
        [NET.index("xray")],
        sorted([NET.index("dysp"), NET.index("smoke")]),
    ]


def test_bad_input(small: rd.DiscreteNetwork, trained: rd.EvidencePosterior) -> None:
    for evidence, message in (
        ("some", "evidence='some' is unknown"),
        ([], "no set of evidence"),
        ([["a", "b", "c", "d"]], "nothing to infer"),
    ):
        with pytest.raises(OptionError, match=message):
            rd.amortize_any(small, evidence, steps=0, quiet=True)
    with pytest.raises(UnknownVariableError):
        rd.amortize_any(small, [["q"]], steps=0, quiet=True)
    with pytest.raises(OptionError, match="any evidence is for a DiscreteNetwork"):
        rd.amortize_any(rd.zoo.binary_tree(depth=2))  # type: ignore[arg-type]
    with pytest.raises(UnknownStateError, match="states: 0, 1, 2"):
        trained.sample({"b": "7"})
    with pytest.raises(UnknownVariableError):
        trained.marginals({"q": "0"})


@pytest.mark.slow
def test_asia_within_one_percent() -> None:
    """Mean total variation of marginals over random evidence drawn from the model, against exact sums."""
    post = rd.amortize_any(ASIA, steps=3000, width=32, quiet=True)
    columns = np.asarray(ASIA.draw(jax.random.key(5), 200)).astype(int)
    errors = []
    for known, row in zip(draw_known(200, seed=9), columns, strict=True):
        given = {name: ASIA.states(name)[row[v]] for v, name in enumerate(NET.names) if known[v]}
        exact, found = rd.query(ASIA, given), post.marginals(given, n=4096)
        errors += [sum(abs(p - found[name][s]) for s, p in row.items()) / 2 for name, row in exact.marginals.items()]
    assert np.mean(errors) < 0.01
