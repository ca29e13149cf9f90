"""One network for any evidence: its structure for each set, its derivatives, its draws and its figures."""

from __future__ import annotations

import dataclasses
import itertools
import math
from functools import partial
from pathlib import Path

import jax
import numpy as np
import pytest

import retrodict as rd
from retrodict.errors import (
    DataError,
    GraphError,
    OptionError,
    UnknownStateError,
    UnknownVariableError,
)
from retrodict.posterior.any_evidence.gated.evidence_sets import EvidencePool, find_barren, find_parents, list_drawn
from tests.oracles import Dag, find_border, find_minimal_parents, list_bits, to_bits
from tests.posterior.any_evidence.networks import make_small

ASIA = rd.from_bif(Path(__file__).parents[2] / "data" / "asia.bif")
NET = ASIA.net


@pytest.fixture(scope="module")
def small() -> rd.DiscreteNetwork:
    return make_small()


@pytest.fixture(scope="module")
def trained(small: rd.DiscreteNetwork) -> rd.EvidencePosterior:
    return rd.amortize(small, evidence="any", steps=300, batch=256, widths=(16,), quiet=True)


def draw_known(count: int, seed: int = 0) -> np.ndarray:
    return EvidencePool.of(ASIA, "any", seed, size=count).known


def test_parents_are_those_of_the_definition_for_every_evidence() -> None:
    """All 2^8 - 1 sets of evidence of asia, in the one order in which variables are drawn."""
    number = {name: v for v, name in enumerate(NET.names)}
    dag = Dag(tuple(to_bits(number[u] for u in NET.parents(name)) for name in NET.names))
    for evidence in range((1 << 8) - 1):
        known = np.array([bool(evidence >> v & 1) for v in range(8)])
        found = find_parents(NET, known)
        free = list_drawn(NET, known)
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


def test_what_is_not_informed_is_the_model_itself(small: rd.DiscreteNetwork, trained: rd.EvidencePosterior) -> None:
    """Given nothing, and given roots alone, no network is asked: probabilities are those of the tables."""
    for given in ({}, {"a": "1"}, {"a": "0", "b": "2"}):
        known = np.isin(small.net.names, list(given))
        assert find_barren(small.net, known)[~known].all()
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
        assert trained.marginals(given).marginals == exact.marginals  # without n=, exact where that is feasible
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
    first, second = (
        rd.amortize(small, evidence="any", steps=50, batch=16, widths=(4,), quiet=True).history for _ in range(2)
    )
    assert first == second


def test_a_list_of_sets() -> None:
    pool = EvidencePool.of(ASIA, [["xray"], ["dysp", "smoke"]], 0)
    assert [list_bits(to_bits(np.flatnonzero(row).tolist())) for row in pool.known] == [
        [NET.index("xray")],
        sorted([NET.index("dysp"), NET.index("smoke")]),
    ]


def test_a_distribution_over_sets() -> None:
    pool = EvidencePool.of(ASIA, {"xray": 1.0, "dysp": 0.25}, 0)
    shares = dict(zip(NET.names, pool.known.mean(axis=0).tolist(), strict=True))
    assert shares["xray"] == 1.0
    assert abs(shares["dysp"] - 0.25) < 5 * math.sqrt(0.25 * 0.75 / len(pool))
    assert sum(shares.values()) == shares["xray"] + shares["dysp"]


def test_an_intervention_cuts_the_graph(small: rd.DiscreteNetwork, trained: rd.EvidencePosterior) -> None:
    """Weighted draws agree with exact sums after the cut; where nothing given tells of anything, weights are equal."""
    for given, do in (
        ({"d": "1"}, {"c": "0"}),
        ({"c": "1"}, {"a": "0"}),
        ({"d": "1", "b": "2"}, {"a": "1"}),
        ({}, {"c": "1"}),
    ):
        exact = rd.query(small, given, do=do)
        found = trained.marginals(given, n=20_000, do=do)
        drawn = trained.sample(given, n=20_000, do=do)
        assert set(found.marginals) == set(exact.marginals) == set(drawn)
        for name, row in exact.marginals.items():
            for state, p in row.items():
                assert abs(found[name][state] - p) < 0.02
                assert abs((drawn[name] == state).mean() - p) < 0.03
        assert abs(found.log_evidence - exact.log_evidence) < 0.03
        assert trained.marginals(given, do=do).marginals == exact.marginals
    with pytest.raises(GraphError, match="both given and set"):
        trained.sample({"c": "0"}, do={"c": "1"})


def test_impossible_evidence() -> None:
    """Evidence of probability zero is named, whatever is asked for."""
    tables = {"a": [1.0, 0.0], "b": [[1.0, 0.0], [0.5, 0.5]]}
    model = rd.DiscreteNetwork.from_tables({"a": [], "b": ["a"]}, {name: ["0", "1"] for name in "ab"}, tables, ["b"])
    post = rd.amortize(model, evidence="any", steps=0, quiet=True)
    asks = (post.sample, post.importance, post.marginals, partial(post.marginals, n=100), post.most_probable)
    for ask in asks:
        with pytest.raises(DataError, match="the state '1' of 'b' has probability zero"):
            ask({"b": "1"})
    assert set(post.sample({"b": "0"}, 10)["a"]) == {"0"}


def test_calibration_over_sets_of_evidence(small: rd.DiscreteNetwork, trained: rd.EvidencePosterior) -> None:
    """The trained posterior passes; one whose conditionals were shifted is rejected."""
    outcome = trained.calibration(400, 39, seed=1)
    assert outcome, str(outcome)
    assert {check.known for check in outcome.checks} >= {"any", "few"}
    weights = trained.weights._replace(last_bias=trained.weights.last_bias.at[:, 0].add(8.0))
    wrong = dataclasses.replace(trained, weights=weights).calibration(400, 39, seed=1)
    assert wrong.rejected
    assert "rejected" in repr(wrong)


def test_bad_input(small: rd.DiscreteNetwork, trained: rd.EvidencePosterior) -> None:
    for evidence, message in (
        ("some", "evidence='some' is unknown"),
        ([], "no set of evidence"),
        ([["a", "b", "c", "d"]], "nothing to infer"),
        (3, "evidence=3 is unknown"),
        ({"d": 1.5}, "the probability 1.5 that 'd' is known is none"),
        (dict.fromkeys("abcd", 1.0), "nothing to infer"),
    ):
        with pytest.raises(OptionError, match=message):
            rd.amortize(small, evidence=evidence, steps=0, quiet=True)
    with pytest.raises(UnknownVariableError):
        rd.amortize(small, evidence=[["q"]], steps=0, quiet=True)
    with pytest.raises(OptionError, match="without evidence there is nothing to invert"):
        trained.inverse([])
    with pytest.raises(OptionError, match="evidence= needs a Model"):
        rd.amortize(3, evidence="any")  # type: ignore[call-overload]
    with pytest.raises(OptionError, match="order= is not for a posterior for any evidence"):
        rd.amortize(small, "min-fill", evidence="any")
    with pytest.raises(OptionError, match="one width of both layers"):
        rd.amortize(small, evidence="any", widths=(8, 4))
    with pytest.raises(UnknownStateError, match="states: 0, 1, 2"):
        trained.sample({"b": "7"})
    with pytest.raises(UnknownVariableError):
        trained.marginals({"q": "0"})


def test_what_training_never_inferred_is_refused(small: rd.DiscreteNetwork) -> None:
    """Given c alone, a and b are inferred and d is drawn by its table; nothing was learned of c."""
    post = rd.amortize(small, evidence=[["c"]], steps=50, widths=(8,), quiet=True)
    assert set(post.sample({"c": "1"}, 10)) == {"a", "b", "d"}
    with pytest.raises(OptionError, match="training never inferred 'c'"):
        post.sample({"d": "1"}, 10)
    assert post.marginals({"d": "1"}).marginals == rd.query(small, {"d": "1"}).marginals


@pytest.mark.slow
def test_asia_within_one_percent() -> None:
    """Mean total variation of marginals over random evidence drawn from the model, against exact sums."""
    post = rd.amortize(ASIA, evidence="any", steps=1500, widths=(32,), quiet=True)
    columns = np.asarray(ASIA.draw(jax.random.key(5), 200)).astype(int)
    errors = []
    for known, row in zip(draw_known(200, seed=9), columns, strict=True):
        given = {name: ASIA.states(name)[row[v]] for v, name in enumerate(NET.names) if known[v]}
        exact, found = rd.query(ASIA, given), post.marginals(given, n=4096)
        errors += [sum(abs(p - found[name][s]) for s, p in row.items()) / 2 for name, row in exact.marginals.items()]
    assert np.mean(errors) < 0.01
