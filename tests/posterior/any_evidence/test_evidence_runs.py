"""Any evidence from stored simulations: a structure and a table, nothing that could be run or scored."""

from __future__ import annotations

from pathlib import Path

import jax
import jax.numpy as jnp
import numpy as np
import pytest

import retrodict as rd
from retrodict.errors import DataError, DensityError, OptionError
from retrodict.posterior.any_evidence.gated.evidence_supply import StoredEvidence, look_at
from retrodict.posterior.any_evidence.gated.evidence_training import Best
from retrodict.posterior.any_evidence.gated.gated_network import GatedWeights
from retrodict.posterior.tables.runs import Runs
from tests.posterior.any_evidence.networks import make_small

NET = rd.BayesNet({"a": [], "b": ["a"], "c": ["a", "b"]}, observed=["c"])
LINES = rd.LinearGaussian.from_weights(NET, {"b": {"a": 1.0}, "c": {"a": -1.0, "b": 0.5}}, [0.5, 0.0, 1.0], [1, 0.5, 2])
TABLE = LINES.simulate(20_000, seed=3)


@pytest.fixture(scope="module")
def stored() -> rd.EvidencePosterior:
    """What starts at regressions on the table: of lines these are the conditionals, up to the table's own error."""
    return rd.amortize(NET, simulations=TABLE, evidence="any", steps=0, widths=(8,), quiet=True)


@pytest.mark.parametrize("given", [{}, {"a": 1.0}, {"c": 2.0}, {"b": -1.0, "c": 0.5}, {"a": 0.3, "b": 0.1}])
def test_every_conditional_is_that_of_the_table(stored: rd.EvidencePosterior, given: dict[str, float]) -> None:
    """Of 16,000 runs and as many draws; small components about the regression make them 4 % wider at first."""
    drawn, exact = stored.sample(given, 16_000), rd.query(LINES, given).marginals
    assert set(drawn) == set(exact)
    for name, row in exact.items():
        assert abs(drawn[name].mean() - row["mean"]) < 0.06 * row["sd"] + 0.03
        assert abs(drawn[name].std() / row["sd"] - 1.04) < 0.03


def test_what_only_a_table_knows_has_no_weights(stored: rd.EvidencePosterior) -> None:
    found = stored.marginals({"c": 2.0}, n=4000)
    assert np.isnan(found.log_evidence)
    assert abs(found["a"]["mean"] - rd.query(LINES, {"c": 2.0})["a"]["mean"]) < 0.1
    with pytest.raises(DensityError, match="weights need the density"):
        stored.importance({"c": 2.0})
    with pytest.raises(DensityError, match="weights need the density"):
        stored.marginals({"c": 2.0}, weighted=True)
    with pytest.raises(DensityError, match="do= needs the conditionals"):
        stored.sample({"c": 2.0}, do={"a": 1.0})


def test_ranks_are_of_runs_that_training_has_not_seen(stored: rd.EvidencePosterior, tmp_path: Path) -> None:
    assert stored.calibration(200)
    stored.save(tmp_path)
    loaded = rd.load(tmp_path, NET)
    assert isinstance(loaded, rd.EvidencePosterior)
    np.testing.assert_array_equal(loaded.sample({"c": 2.0})["a"], stored.sample({"c": 2.0})["a"])
    with pytest.raises(OptionError, match="are not saved with it"):
        loaded.calibration(200)
    assert loaded.calibration({name: column[:200] for name, column in LINES.simulate(200, seed=9).items()})
    with pytest.raises(DataError, match="too few to calibrate by"):
        loaded.calibration({name: column[:50] for name, column in TABLE.items()})


def test_runs_count_as_their_weights_say() -> None:
    """Every second run is nonsense that has no weight."""
    wrong = np.arange(20_000) % 2 == 1
    table = {name: np.where(wrong, 50.0, column) for name, column in TABLE.items()}
    runs = Runs.split(NET, table, 0, np.where(wrong, 0.0, 1.0))
    supply = StoredEvidence.of(runs)
    assert float(supply.draw(supply.arrays, jax.random.key(0), 5000).max()) < 50
    assert look_at(runs, 5000, 0).max() < 50


def test_the_best_weights_on_held_out_runs_are_kept() -> None:
    def make(value: float) -> GatedWeights:
        return GatedWeights(*[jnp.full(1, value)] * len(GatedWeights._fields))

    judged, last = Best(make(3.0), lambda w: abs(float(w.first[0]) - 1)), Best(make(3.0), None)
    for value in (2.0, 1.1, 5.0):
        judged.see(make(value))
        last.see(make(value))
    assert float(judged.weights.first[0]) == pytest.approx(1.1)
    assert float(last.weights.first[0]) == 5.0


def test_training_on_a_table_gains(stored: rd.EvidencePosterior) -> None:
    """Squares, which no line follows: the mean of what is seen is learned from the table alone."""
    rng = np.random.default_rng(0)
    z = rng.normal(size=4000)
    table = {"z": z, "x": z**2 + 0.3 * rng.normal(size=4000)}
    net = rd.BayesNet({"z": [], "x": ["z"]}, observed=["x"])
    post = rd.amortize(net, simulations=table, evidence="any", steps=200, widths=(16,), quiet=True)
    for value in (-1.5, 0.0, 1.5):
        assert abs(post.sample({"z": value}, 2000)["x"].mean() - value**2) < 0.25


def test_a_model_that_can_be_run_draws_what_is_barren_itself() -> None:
    model = make_small()
    table = model.simulate(500, seed=1)
    post = rd.amortize(model, simulations=table, evidence="any", steps=0, widths=(8,), quiet=True)
    weighed = post.importance({"a": "1"}, n=500)
    np.testing.assert_allclose(weighed.log_weights, weighed.log_weights[0], atol=1e-5)
    counted = rd.amortize(model, simulations=500, evidence="any", steps=0, widths=(8,), quiet=True)
    assert len(counted.runs or ()) == 500


def test_a_structure_needs_its_runs() -> None:
    with pytest.raises(OptionError, match="a structure alone cannot be simulated"):
        rd.amortize(NET, evidence="any")
    with pytest.raises(DataError, match="'b'"):
        rd.amortize(NET, simulations={"a": np.zeros(50), "c": np.zeros(50)}, evidence="any")
    with pytest.raises(OptionError, match="weights= belong to stored runs"):
        rd.amortize(LINES, weights=np.ones(5), evidence="any", exact=False)
