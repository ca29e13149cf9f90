"""A posterior trained on a BIF file, beside exact inference."""

import numpy as np
import pytest

import retrodict as rd
from tests.exact_discrete import enumerate_marginals
from tests.processes import ROOT

ASIA = rd.from_bif(ROOT / "tests" / "data" / "asia.bif")


@pytest.fixture(scope="module")
def posterior() -> rd.AmortizedPosterior:
    return rd.amortize(ASIA, steps=1000, batch=256, exact=False, quiet=True)


def list_evidence() -> list[dict[str, float]]:
    """Every state of the two leaves."""
    return [{"xray": float(xray), "dysp": float(dysp)} for xray in range(2) for dysp in range(2)]


def test_marginals_are_those_of_enumeration(posterior):
    distances = []
    for evidence in list_evidence():
        exact = enumerate_marginals(ASIA, evidence)
        draws = posterior.sample(evidence, 20_000, seed=1)
        for name, probability in exact.items():
            found = np.bincount(draws[name].astype(int), minlength=len(probability)) / 20_000
            distances.append(0.5 * np.abs(found - probability).sum())
    assert np.mean(distances) < 0.01


def test_weights_correct_what_training_left(posterior):
    """The importance estimate of the evidence is exact up to its own error."""
    columns = ASIA.simulate(seed=3, n=200_000)
    for evidence in list_evidence():
        weighed = posterior.importance(evidence, 20_000, seed=2)
        shown = np.mean([(columns["xray"] == evidence["xray"]) & (columns["dysp"] == evidence["dysp"])])
        assert float(np.exp(weighed.log_evidence)) == pytest.approx(shown, abs=5 * np.sqrt(0.25 / 200_000))


def test_probabilities_of_all_states_sum_to_one(posterior):
    names = ASIA.net.latents
    states = np.stack(np.meshgrid(*[[0.0, 1.0]] * len(names), indexing="ij"), axis=-1).reshape(-1, len(names))
    draws = {name: states[:, i] for i, name in enumerate(names)}
    data = {"xray": np.ones(len(states)), "dysp": np.zeros(len(states))}
    assert np.exp(posterior.log_prob(draws, data)).sum() == pytest.approx(1.0, abs=1e-4)


def test_states_are_data_by_their_names(posterior):
    numbers = posterior.sample({"xray": [0.0, 1.0], "dysp": 1.0}, 20, seed=1)
    named = posterior.sample({"xray": np.array(["yes", "no"]), "dysp": "no"}, 20, seed=1)
    assert all(np.array_equal(numbers[name], named[name]) for name in ASIA.net.latents)
    draws = dict.fromkeys(ASIA.net.latents, 0.0)
    assert posterior.log_prob(draws | {"tub": "yes"}, {"xray": "no", "dysp": 1.0}) == posterior.log_prob(
        draws, {"xray": 1.0, "dysp": 1.0}
    )
    with pytest.raises(rd.errors.UnknownStateError, match=r"'maybe' is not a state of 'xray' \(states: yes, no\)"):
        posterior.sample({"xray": "maybe", "dysp": "no"}, 2)


def test_a_state_that_does_not_exist_has_probability_zero(posterior):
    draws = dict.fromkeys(ASIA.net.latents, 0.0) | {"tub": 2.0}
    assert posterior.log_prob(draws, {"xray": 1.0, "dysp": 0.0}) == -np.inf
