"""Posteriors from stored simulations alone: right, without a leak, without a density."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

import retrodict as rd
from retrodict.errors import DataError, DensityError, OptionError, SimulationError, SimulationWarning
from retrodict.posterior.tables.runs import Runs

# Barren: below, of which no data tell more than z does.
NET = rd.BayesNet(
    {"z": [], "s": [], "x": ["z"], "y": ["z", "s"], "below": ["z"]},
    observed=["x", "y"],
    variables=[rd.Variable("s", support="positive")],
)


def make_runs(n=3000, seed=0):
    rng = np.random.default_rng(seed)
    z, s = rng.normal(size=n), rng.gamma(2, size=n)
    noise = rng.normal(size=(5, n))
    return {"z": z, "s": s, "x": z[:, None] + noise[:2].T, "y": z + s + 0.5 * noise[2], "below": z + noise[3]}


@pytest.fixture(scope="module")
def posterior():
    return rd.amortize(NET, simulations=make_runs(), steps=300, quiet=True)


DATA = {"x": [1.0, 1.4], "y": 3.0}


def find_exact():
    """Moments of z and s by a sum over a grid."""
    z, s = np.meshgrid(np.linspace(-4, 5, 600), np.linspace(1e-3, 12, 600), indexing="ij")
    log = -(z**2) / 2 + np.log(s) - s - ((1.0 - z) ** 2 + (1.4 - z) ** 2) / 2 - (3.0 - z - s) ** 2 / (2 * 0.25)
    weight = np.exp(log - log.max())
    weight /= weight.sum()
    means = {"z": (weight * z).sum(), "s": (weight * s).sum()}
    return means, {k: np.sqrt((weight * (v - means[k]) ** 2).sum()) for k, v in {"z": z, "s": s}.items()}


def test_draws_are_those_of_the_exact_posterior(posterior):
    means, spreads = find_exact()
    draws = posterior.sample(DATA, 4000)
    for name in ("z", "s"):
        assert abs(draws[name].mean() - means[name]) < 0.2 * spreads[name]
        assert abs(draws[name].std() / spreads[name] - 1) < 0.15
    assert abs(draws["below"].mean() - means["z"]) < 0.2
    assert abs(draws["below"].std() - np.hypot(spreads["z"], 1)) < 0.15
    assert (draws["s"] > 0).all()
    assert rd.certify(posterior.inverse)


def test_calibration_ranks_what_training_has_not_seen(posterior):
    outcome = posterior.calibration(draws=49)
    assert len(outcome) == len(posterior.runs.calibration) == 300
    assert "log p(z, x)" not in outcome.names
    assert outcome
    assert len(posterior.calibration(simulations=make_runs(200, seed=9), draws=49)) == 200


def test_what_needs_a_density_says_so(posterior):
    with pytest.raises(DensityError, match=r"weights need the density p\(z, x\).*'z', 's'|weights need the density"):
        posterior.importance(DATA)
    answer = posterior.answer(DATA, 500)
    assert answer.stage == "encoder"
    with pytest.raises(SimulationError, match="cannot be simulated"):
        posterior.model.simulate(3)


def test_a_posterior_is_saved_and_loaded_by_its_structure(posterior, tmp_path):
    posterior.save(tmp_path)
    again = rd.load(tmp_path, posterior.model.net)
    for name, values in posterior.sample(DATA, 50).items():
        np.testing.assert_array_equal(again.sample(DATA, 50)[name], values)
    with pytest.raises(OptionError, match=r"Give calibration\(simulations=table\)"):
        again.calibration()
    assert len(again.calibration(simulations=make_runs(100, seed=9), draws=19)) == 100


def test_a_file_that_is_mapped_gives_the_same_bits(tmp_path):
    runs = make_runs(400)
    np.savez(tmp_path / "runs.npz", **runs)
    options = {"steps": 25, "quiet": True}
    one = rd.amortize(NET, simulations=runs, **options)
    other = rd.amortize(NET, simulations=tmp_path / "runs.npz", **options)
    assert isinstance(other.runs.arrays["x"], np.memmap)
    np.testing.assert_array_equal(one.sample(DATA, 20)["z"], other.sample(DATA, 20)["z"])


@settings(max_examples=25, deadline=None)
@given(n=st.integers(30, 3000), failed=st.integers(0, 3), seed=st.integers(0, 5))
def test_parts_are_disjoint_and_hold_every_run_that_did_not_fail(n, failed, seed):
    rng = np.random.default_rng(seed)
    z = rng.normal(size=n)
    z[:failed] = np.nan
    net = rd.BayesNet({"z": [], "x": ["z"]}, observed=["x"])
    if failed > 0.01 * n:
        with pytest.warns(SimulationWarning, match="are set aside"):
            runs = Runs.split(net, {"z": z, "x": np.zeros(n)}, seed)
    else:
        runs = Runs.split(net, {"z": z, "x": np.zeros(n)}, seed)
    whole = np.concatenate([runs.training, runs.held_out, runs.calibration])
    assert sorted(whole) == list(range(failed, n))
    assert len(runs.held_out) == int(np.ceil(0.1 * (n - failed)))


def test_training_never_sees_what_judges_or_calibrates():
    """Runs that training must not see are nonsense: an encoder that saw one would learn it."""
    runs = make_runs(1000)
    parts = Runs.split(NET.replacing(), {**runs, "x": runs["x"][:, 0]}, 0)
    apart = np.concatenate([parts.held_out, parts.calibration])
    spoiled = {name: values.copy() for name, values in runs.items()}
    spoiled["z"][parts.calibration] += 1000.0
    one, other = (rd.amortize(NET, simulations=table, steps=25, quiet=True) for table in (runs, spoiled))
    np.testing.assert_array_equal(one.sample(DATA, 20)["z"], other.sample(DATA, 20)["z"])
    assert len(apart) == 200


def test_overfitting_is_seen_and_stopped():
    rng = np.random.default_rng(0)
    net = rd.BayesNet({"z": [], "x": ["z"]}, observed=["x"])
    z = rng.normal(size=150)
    table = {"z": z, "x": z[:, None] + rng.normal(size=(150, 20)) * 3}
    posterior = rd.amortize(net, simulations=table, steps=1000, quiet=True)
    history = posterior.history
    assert history.overfitted is not None
    assert history.test[-1] > min(history.test) + 1
    assert "overfitted" in repr(posterior)
    fresh = rng.normal(size=500)
    scores = replace(posterior, familiar=None).log_prob(
        {"z": fresh}, {"x": fresh[:, None] + rng.normal(size=(500, 20)) * 3}
    )
    assert -scores.mean() < 1.42  # that of the prior


def test_a_model_with_a_density_keeps_its_weights():
    import jax.numpy as jnp
    import numpyro
    import numpyro.distributions as dist

    def program():
        z = numpyro.sample("z", dist.Normal(0, 1))
        numpyro.sample("x", dist.Normal(jnp.stack([z, jnp.sin(z)]), 0.5))

    model = rd.from_numpyro(program, observed=["x"])
    table = model.simulate(1500, seed=5)
    posterior = rd.amortize(model, simulations=table, steps=50, quiet=True)
    assert posterior.importance({"x": [0.5, 0.5]}, 2000).reliable
    assert "log p(z, x)" in posterior.calibration(draws=19).names
    elements = rd.from_numpyro(program, observed=["x"], elementwise=True)
    found = rd.amortize(elements, simulations=table, steps=0, quiet=True, exact=False)
    assert found.sample({"x[0]": 0.5, "x[1]": 0.5}, 5)["z"].shape == (5,)


@pytest.mark.parametrize(
    ("change", "problem"),
    [
        ({"x": None}, "the simulations lack 'x'"),
        ({"y": np.zeros(10)}, "'y' has another number of runs than 100"),
        ({"s": np.zeros((100, 2))}, r"the runs of 's' have the shape \(2,\), where \(\) was expected"),
        ({"s": -np.ones(100)}, "values of 's' outside of its support, such as -1"),
        ({"z": np.zeros(100, complex)}, "complex numbers"),
        ({"z": np.full(100, "a")}, "'z'"),
    ],
)
def test_tables_that_do_not_fit_are_refused(change, problem):
    table = {name: values for name, values in {**make_runs(100), **change}.items() if values is not None}
    with pytest.raises(DataError, match=problem):
        rd.amortize(NET, simulations=table, steps=10**9, quiet=True)


def test_too_few_runs_are_refused():
    with pytest.raises(DataError, match="10 usable runs are too few"):
        rd.amortize(NET, simulations=make_runs(10))
    with pytest.raises(DataError, match="runs that training has not seen are too few"):
        rd.amortize(NET, simulations=make_runs(100), steps=0).calibration()


def test_what_is_no_simulation_is_refused_with_the_way_out():
    with pytest.raises(OptionError, match=r"Give amortize\(net, simulations=table\)"):
        rd.amortize(NET)
    with pytest.raises(OptionError, match="a structure alone cannot"):
        rd.amortize(rd.amortize(NET, simulations=make_runs(50), steps=0).model)
    with pytest.raises(OptionError, match="weights= belong to stored runs"):
        rd.amortize(rd.zoo.binary_tree(3), weights=[1.0])
    with pytest.raises(DataError, match="one finite number of at least zero for each of 50 runs"):
        rd.amortize(NET, simulations=make_runs(50), weights=-np.ones(50))


def test_observed_may_be_chosen_anew():
    posterior = rd.amortize(NET, simulations=make_runs(200), observed=["x"], steps=25, quiet=True)
    assert set(posterior.sample({"x": [0.0, 0.0]}, 3)) == {"z", "s", "y", "below"}


def test_a_scale_is_learned_from_few_runs(tmp_path):
    """Its statistic, the spread of a vector, is given to the encoder of a black box beside the vector."""
    rng = np.random.default_rng(0)
    s = rng.normal(size=2000) * 0.6
    net = rd.BayesNet({"s": [], "x": ["s"]}, observed=["x"])
    table = {"s": s, "x": np.exp(s)[:, None] * rng.normal(size=(2000, 12))}
    posterior = rd.amortize(net, simulations=table, steps=150, quiet=True)
    x = 1.7 * rng.normal(size=12)
    x -= x.mean()  # so that the spread about the mean says all
    grid = np.linspace(-3, 3, 2001)
    log = -(grid**2) / (2 * 0.36) - 12 * grid - (x**2).sum() / (2 * np.exp(2 * grid))
    weight = np.exp(log - log.max())
    mean = (weight * grid).sum() / weight.sum()
    spread = np.sqrt((weight * (grid - mean) ** 2).sum() / weight.sum())
    draws = posterior.sample({"x": x}, 4000)["s"]
    assert abs(draws.mean() - mean) < 0.3 * spread
    assert 0.85 < draws.std() / spread < 1.2
    posterior.save(tmp_path)
    again = rd.load(tmp_path, posterior.model.net)
    np.testing.assert_array_equal(again.sample({"x": x}, 50)["s"], posterior.sample({"x": x}, 50)["s"])
