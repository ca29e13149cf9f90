"""Any Python function is a simulator: called as it wants to be, in parallel, kept, and never trusted in silence."""

from __future__ import annotations

import subprocess
import sys
from concurrent.futures import ThreadPoolExecutor

import numpy as np
import pytest

import retrodict as rd
from retrodict.errors import FileError, OptionError, ProgramError, SimulationError, SimulationWarning

NET = rd.BayesNet({"z": [], "x": ["z"]}, observed=["x"])


def one(rng):
    z = rng.normal()
    return {"z": z, "x": z + 0.5 * rng.normal(size=3)}


def one_of_a_seed(seed):
    return one(np.random.default_rng(seed))


def batch(rng, n):
    z = rng.normal(size=n)
    return {"z": z, "x": z[:, None] + 0.5 * rng.normal(size=(n, 3))}


def batch_the_other_way_round(size, rng):
    return batch(rng, size)


def data_given(values, rng):
    return {"x": values["z"] + 0.5 * rng.normal(size=3)}


def draw_prior(rng):
    return {"z": rng.normal()}


def in_a_process(seed):
    code = "import random, sys; random.seed(sys.argv[1]); z = random.gauss(0, 1); print(z, z + random.gauss(0, 1))"
    command = [sys.executable, "-c", code, str(seed)]
    out = subprocess.run(command, check=True, capture_output=True, text=True).stdout  # noqa: S603
    z, x = map(float, out.split())
    return {"z": z, "x": x}


@pytest.mark.parametrize("simulate", [one, one_of_a_seed, batch, batch_the_other_way_round])
def test_runs_follow_the_seed_alone(simulate):
    model = rd.from_simulator(NET, simulate)
    runs, again, other = (model.simulate(300, seed=seed) for seed in (0, 0, 1))
    np.testing.assert_array_equal(runs["x"], again["x"])
    assert (runs["z"] != other["z"]).all()
    assert len(np.unique(runs["z"])) == 300
    assert runs["x"].shape == (300, 3)
    np.testing.assert_array_equal(model.simulate(40, seed=0)["x"], runs["x"][:40])


def test_a_prior_by_itself_serves_proposals():
    model = rd.from_simulator(NET, data_given, prior=draw_prior)
    runs = model.simulate(50)
    assert abs((runs["x"].mean(axis=1) - runs["z"]).mean()) < 0.3
    z = np.linspace(-5, 5, 70)
    given = model.simulate_for({"z": z}, seed=1)
    np.testing.assert_array_equal(given["z"], z)
    assert np.abs(given["x"].mean(axis=1) - z).max() < 2
    with pytest.raises(OptionError, match="draws its latents itself"):
        rd.from_simulator(NET, one).simulate_for({"z": z})


def test_a_process_is_a_simulator():
    runs = rd.from_simulator(NET, in_a_process).simulate(3)
    assert len(np.unique(runs["x"])) == 3


def test_workers_and_clients_give_the_same_runs():
    alone = rd.from_simulator(NET, one).simulate(100)
    np.testing.assert_array_equal(rd.from_simulator(NET, one, workers=2).simulate(100)["x"], alone["x"])

    class Client:
        """What a client of dask offers, with threads behind it."""

        def __init__(self, pool):
            self.pool = pool

        def get_executor(self):
            return self.pool

    with ThreadPoolExecutor(2) as pool:
        for client in (pool, Client(pool)):
            np.testing.assert_array_equal(rd.from_simulator(NET, one, client=client).simulate(100)["x"], alone["x"])
    with pytest.raises(OptionError, match="the client str cannot be given work"):
        rd.from_simulator(NET, one, client="tcp://here").simulate(3)


def test_every_run_is_kept_and_none_is_made_twice(tmp_path):
    calls = []

    def counted(rng):
        calls.append(1)
        if len(calls) == 60:
            raise KeyboardInterrupt
        return one(rng)

    model = rd.from_simulator(NET, counted, folder=tmp_path / "runs")
    with pytest.raises(KeyboardInterrupt):
        model.simulate(100)
    made = len(calls)
    runs = model.simulate(100)
    assert len(calls) - made == 100 - 32  # the first chunk of 32 was there
    np.testing.assert_array_equal(runs["x"], rd.from_simulator(NET, one).simulate(100)["x"])
    more = model.simulate(110)
    assert len(calls) - made == 110 - 32
    np.testing.assert_array_equal(more["x"][:100], runs["x"])
    with pytest.raises(FileError, match="holds runs of other variables"):
        rd.from_simulator({"a": [], "x": ["a"]}, lambda rng: {"a": 1.0, "x": rng.normal()}, observed=["x"],
                          folder=tmp_path / "runs").simulate(5)  # fmt: skip


def test_failures_are_counted_and_set_aside(tmp_path):
    def fails(rng):
        z = rng.normal()
        if z > 1:
            raise ValueError("no solution")
        return {"z": z, "x": z + rng.normal()}

    model = rd.from_simulator(NET, fails, folder=tmp_path)
    with pytest.warns(SimulationWarning, match=r"of 300 runs failed .* 'ValueError: no solution'"):
        runs = model.simulate(300)
    failed = np.isnan(runs["z"])
    assert 20 < failed.sum() < 90
    assert (runs["z"][~failed] <= 1).all()
    with pytest.warns(SimulationWarning):
        np.testing.assert_array_equal(model.simulate(300)["x"], runs["x"])


def test_a_simulator_that_always_fails_stops_at_once():
    with pytest.raises(SimulationError, match="the simulator fails: ZeroDivisionError"):
        rd.from_simulator(NET, lambda rng: 1 / 0)
    calls = []

    def fails_later(rng):
        calls.append(1)
        if len(calls) > 1:
            raise RuntimeError("down")
        return one(rng)

    with pytest.raises(SimulationError, match="all of the first 32 runs fail: RuntimeError: down"):
        rd.from_simulator(NET, fails_later).simulate(10**6)
    assert len(calls) < 100


def test_the_same_numbers_in_two_chunks_are_refused():
    def own(_):
        """A generator that begins anew in each chunk, as one of each worker does."""
        own.count = (own.count + 1) % 32
        own.rng = np.random.default_rng(0) if own.count == 0 else own.rng
        return one(own.rng)

    own.count, own.rng = -2, np.random.default_rng(0)
    with pytest.raises(ProgramError, match="begins anew"):
        rd.from_simulator(NET, own).simulate(96)


def test_supports_are_said_and_shapes_are_seen():
    def simulate(rng):
        values = {"a": rng.gamma(2), "b": rng.uniform(-1, 3), "c": rng.integers(3), "d": rng.random() < 0.5}
        return {**values, "x": rng.normal(size=(2, 2)) + values["a"]}

    net = {"a": [], "b": [], "c": [], "d": [], "x": ["a", "b", "c", "d"]}
    supports = {"a": "positive", "b": (-1, 3), "c": 3, "d": "boolean"}
    model = rd.from_simulator(net, simulate, observed=["x"], supports=supports)
    assert model.net.variable("b").bounds == (-1.0, 3.0)
    assert model.net.variable("x").shape == (2, 2)
    posterior = rd.amortize(model, simulations=300, steps=25, quiet=True)
    draws = posterior.sample({"x": np.ones((2, 2))}, 200)
    assert (draws["a"] > 0).all()
    assert set(np.unique(draws["c"])) <= {0.0, 1.0, 2.0}
    with pytest.raises(OptionError, match="the support 'odd' of 'a' does not exist"):
        rd.from_simulator(net, simulate, observed=["x"], supports={"a": "odd"})


def test_a_posterior_of_a_simulator_is_the_exact_one_and_says_what_was_assumed(tmp_path):
    model = rd.from_simulator(NET, batch)
    posterior = rd.amortize(model, simulations=3000, steps=300, quiet=True)
    draws = posterior.sample({"x": [0.5, 1.1, 1.4]}, 4000)["z"]  # spread as data are: equal ones never are drawn
    assert abs(draws.mean() - 12 / 13) < 0.05
    assert abs(draws.std() - np.sqrt(1 / 13)) < 0.03
    equal = posterior.sample({"x": [1.0, 1.0, 1.0]}, 4000)["z"]  # no further off than the least spread that was seen
    assert abs(equal.mean() - 12 / 13) < np.sqrt(1 / 13) / 2
    certificate = rd.certify(posterior.inverse)
    assert certificate
    assert certificate.assumed
    assert "of an assumed structure" in repr(certificate)
    assert not rd.certify(rd.invert(rd.zoo.binary_tree(3))).assumed
    assert posterior.calibration(draws=19)
    posterior.save(tmp_path)
    np.testing.assert_array_equal(rd.load(tmp_path, model).sample({"x": [1.0] * 3}, 50)["z"],
                                  posterior.sample({"x": [1.0] * 3}, 50)["z"])  # fmt: skip


def test_a_summary_may_be_what_is_observed():
    """The program is a simulator that gives a statistic, and the structure has it in the place of the data."""

    def simulate(rng, n):
        z = rng.normal(size=n)
        return {"z": z, "s": (z[:, None] + rng.normal(size=(n, 24))).mean(axis=1)}

    model = rd.from_simulator({"z": [], "s": ["z"]}, simulate, observed=["s"])
    draws = rd.amortize(model, simulations=2000, steps=100, quiet=True).sample({"s": 1.0}, 4000)["z"]
    assert abs(draws.mean() - 24 / 25) < 0.06
    assert abs(draws.std() - 0.2) < 0.03


def test_without_a_structure_everything_depends_on_everything():
    model = rd.from_simulator(None, one, observed=["x"])
    assert model.net.parents("x") == ("z",)


@pytest.mark.parametrize(
    ("arguments", "problem"),
    [
        ((NET, lambda rng, power, n: {}), "arguments that are not known, 'rng', 'power', 'n'"),
        ((NET, 3), "3 cannot be called"),
        ((NET, lambda rng: {"z": 1.0}), "no value of 'x'"),
        ((NET, lambda rng: 1.0), "gives a float, where values by variable"),
        ((NET, lambda rng, n: {"z": 1.0, "x": np.zeros(n)}), "'z' without a leading axis"),
        (({"z": []}, one), "nothing says what is observed"),
    ],
)
def test_what_cannot_be_called_is_refused(arguments, problem):
    with pytest.raises((OptionError, SimulationError), match=problem):
        rd.from_simulator(*arguments)


def test_progress_is_shown(capsys):
    rd.from_simulator(NET, one).simulate(320, quiet=False)
    assert capsys.readouterr().err.endswith("simulate: 320/320 runs, 0 failed\n")
