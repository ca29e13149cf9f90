"""Any evidence of linear-Gaussian networks, exact and learned, and of NumPyro programs with missing data."""

from __future__ import annotations

import jax.numpy as jnp
import numpy as np
import numpyro
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from numpyro import distributions as dist

import retrodict as rd
from retrodict.errors import DataError, DensityError, OptionError, UnknownVariableError
from tests.posterior.any_evidence.networks import make_lines


def draw_given(model: rd.Model, rng: np.random.Generator, most: int) -> dict[str, float]:
    """Return values of some variables of a draw of the model."""
    names = model.net.names
    drawn = model.simulate(1, seed=int(rng.integers(1 << 30)))
    chosen = rng.permutation(len(names))[: rng.integers(0, most + 1)]
    return {names[v]: float(drawn[names[v]][0]) for v in chosen}


def measure_kl(model: rd.LinearGaussian, post: rd.EvidencePosterior, known: dict[str, float], n: int) -> float:
    """Return KL(q | p) a latent in nats, from the log weights of draws and the exact evidence."""
    weighed = post.importance(known, n)
    return float(rd.query(model, known).log_evidence - weighed.log_weights.mean()) / (len(model.net) - len(known))


@settings(max_examples=4, deadline=None)
@given(seed=st.integers(0, 10**6))
def test_linear_gaussian_networks_are_answered_exactly(seed: int) -> None:
    """Nothing is trained, and weights are all equal to the exact evidence: for random networks and evidence."""
    model = make_lines(int(np.random.default_rng(seed).integers(2, 6)), seed)
    post = rd.amortize(model, evidence=[[model.net.names[-1]]])
    assert post.is_exact
    known = draw_given(model, np.random.default_rng(seed), len(model.net) - 1)
    weighed = post.importance(known, 64)
    np.testing.assert_allclose(weighed.log_weights, rd.query(model, known).log_evidence, atol=2e-3)


def test_draws_of_a_linear_gaussian_network_have_its_moments() -> None:
    model = make_lines()
    post = rd.amortize(model, evidence="any")
    known = {"v5": 1.0, "v1": -0.5}
    exact = rd.query(model, known)
    for name, row in post.marginals(known).marginals.items():
        assert row == pytest.approx(exact[name], rel=1e-6)
    found = post.marginals(known, n=20_000)
    for name, row in exact.marginals.items():
        assert abs(found[name]["mean"] - row["mean"]) < 5 * row["sd"] / np.sqrt(20_000)
        assert abs(found[name]["sd"] / row["sd"] - 1) < 0.03
        assert post.most_probable(known)[name] == pytest.approx(row["mean"], rel=1e-6)
    assert repr(post).endswith("exact)")
    assert post.calibration(300, 39)
    cut = rd.query(model, known, do={"v2": 2.0})
    moved = post.marginals(known, n=40_000, do={"v2": 2.0})
    for name, row in cut.marginals.items():
        assert abs(moved[name]["mean"] - row["mean"]) < 0.15 * row["sd"]


def test_learned_conditionals_of_a_linear_gaussian_network() -> None:
    """With ``exact=False`` the networks start at regressions on simulations, and stay within 0.01 nats a latent."""
    model = make_lines()
    post = rd.amortize(model, evidence="any", exact=False, steps=100, widths=(8,), quiet=True)
    assert not post.is_exact
    rng = np.random.default_rng(1)
    found = [measure_kl(model, post, draw_given(model, rng, 5), 1000) for _ in range(20)]
    assert np.mean(found) < 0.01


@pytest.mark.slow
def test_a_thousand_sets_of_evidence_within_a_hundredth_of_a_nat() -> None:
    model = make_lines(12, seed=3)
    post = rd.amortize(model, evidence="any", exact=False, steps=1000, quiet=True)
    rng = np.random.default_rng(1)
    found = [measure_kl(model, post, draw_given(model, rng, 11), 1000) for _ in range(1000)]
    assert np.mean(found) < 0.01
    assert np.quantile(found, 0.99) < 0.05


def schools() -> None:
    """Normal data around normal means, with a switch and a scale."""
    mu = numpyro.sample("mu", dist.Normal(0.0, 2.0))
    tau = numpyro.sample("tau", dist.HalfNormal(1.0))
    which = numpyro.sample("which", dist.Bernoulli(0.3))
    with numpyro.plate("n", 3):
        theta = numpyro.sample("theta", dist.Normal(mu + 2.0 * which, tau))
        numpyro.sample("y", dist.Normal(theta, 0.5))


@pytest.fixture(scope="module")
def model() -> rd.Model:
    return rd.from_numpyro(schools, observed=["y"], elementwise=True)


@pytest.fixture(scope="module")
def trained(model: rd.Model) -> rd.EvidencePosterior:
    return rd.amortize(model, evidence="any", steps=200, widths=(32,), quiet=True)


def test_missing_data_of_a_program(model: rd.Model, trained: rd.EvidencePosterior) -> None:
    """NaN is missing: weighted draws agree with the prior weighted by the likelihood of what is there."""
    y = np.array([1.0, np.nan, 2.0])
    drawn = trained.sample({"y": y}, 200)
    assert {name: value.shape for name, value in drawn.items()} == {
        "mu": (200,),
        "tau": (200,),
        "which": (200,),
        "theta": (200, 3),
        "y": (200, 3),
    }
    assert (drawn["y"][:, [0, 2]] == y[[0, 2]]).all()
    assert np.ptp(drawn["y"][:, 1]) > 0
    assert (drawn["tau"] > 0).all()
    weighed = trained.importance({"y": y}, 20_000)
    assert weighed.reliable
    prior = model.simulate(200_000, seed=3)
    log_weights = sum(-0.5 * ((prior[f"theta[{i}]"] - y[i]) / 0.5) ** 2 for i in (0, 2))
    weights = np.exp(log_weights - log_weights.max())
    weights /= weights.sum()
    for name in ("mu", "which", "tau"):
        assert abs(weighed.mean[name] - weights @ prior[name]) < 0.04
    found = trained.marginals({"y[0]": 1.0, "y[2]": 2.0}, n=20_000)
    assert abs(found["which"]["1"] - weights @ prior["which"]) < 0.04
    assert abs(found["mu"]["mean"] - weights @ prior["mu"]) < 0.04
    same = trained.importance({"y[0]": 1.0, "y[1]": None, "y[2]": 2.0}, 20_000)
    np.testing.assert_array_equal(same.log_weights, weighed.log_weights)


def test_latents_of_a_program_may_be_given(model: rd.Model, trained: rd.EvidencePosterior) -> None:
    """Given all parents of a site, the rest follows from the model alone; weights are densities of what is given."""
    weighed = trained.importance({"mu": 1.0, "tau": 0.5, "which": 0}, 500)
    np.testing.assert_allclose(weighed.log_weights, weighed.log_weights[0], atol=1e-5)
    below = trained.importance({"mu": 1.0, "tau": 0.5, "which": 0, "theta": [1.0, 1.2, 0.5]}, 500)
    np.testing.assert_allclose(below.log_weights, below.log_weights[0], atol=1e-5)
    assert trained.importance({"which": 1, "theta[1]": 2.5}, 2000).reliable
    verdict = trained.certify(["y"])
    assert verdict.faithful
    assert verdict.minimal


def test_calibration_of_a_program(trained: rd.EvidencePosterior) -> None:
    assert trained.calibration(300, 39)


def count() -> None:
    """A count between two other sites."""
    rate = numpyro.sample("rate", dist.Gamma(2.0, 1.0))
    n = numpyro.sample("n", dist.Poisson(rate))
    numpyro.sample("y", dist.Normal(n.astype(jnp.float32), 1.0))


def test_what_no_conditional_draws_is_refused_by_name() -> None:
    counted = rd.from_numpyro(count, observed=["y"])
    with pytest.raises(OptionError, match="no conditional for any evidence draws 'n'"):
        rd.amortize(counted, evidence="any", steps=0, quiet=True)
    post = rd.amortize(counted, evidence=[["n"], ["n", "y"]], steps=0, quiet=True)
    assert set(post.sample({"n": 3}, 10)) == {"rate", "y"}
    with pytest.raises(OptionError, match="no conditional for any evidence draws 'n'"):
        post.sample({"y": 3.0}, 10)


def test_bad_values_are_refused_by_name(trained: rd.EvidencePosterior) -> None:
    for given_values, message in (
        (
            {"y": [1.0, 2.0]},
            r"shape \(2,\), where \(3,\) was expected. Give all of it, NaN where an element is missing",
        ),
        ({"mu": [1.0, 2.0]}, "Give one number"),
        ({"tau": -1.0}, "outside of its support, positive. Give a number from 0"),
        ({"which": 2}, "outside of its support, .*. Give a whole number from 0 to 1"),
        ({"which": 0.5}, "outside of its support"),
        ({"mu": np.inf}, "not finite"),
        ({"mu": "high"}, "not a number"),
    ):
        with pytest.raises(DataError, match=message):
            trained.sample(given_values)
    with pytest.raises(UnknownVariableError):
        trained.sample({"sigma": 1.0})
    with pytest.raises(OptionError, match="nothing is left"):
        trained.sample(
            dict(zip(("mu", "tau", "which", "theta", "y"), (0.0, 1.0, 0, [0.0] * 3, [0.0] * 3), strict=True))
        )
    with pytest.raises(OptionError, match="no exact maximum"):
        trained.most_probable({"mu": 0.0})


def test_a_simulator_without_densities_is_drawn_from() -> None:
    simulator = rd.zoo.binary_tree(2)

    class Mute(rd.LinearGaussian):
        def log_conditionals(self, columns: object) -> object:
            raise DensityError("nothing is scored of {names}", self.net.latents, remedy="Draw only.")

    mute = Mute(simulator.net, simulator.weights, simulator.bias, simulator.variance)
    post = rd.amortize(mute, evidence="any", exact=False, steps=0, quiet=True)
    assert set(post.sample({"x1": 1.0}, 5)) == {"x0", "x2"}
    with pytest.raises(DensityError):
        post.importance({"x1": 1.0}, 5)


def test_matrices_and_vectors_are_drawn_code_by_code() -> None:
    """A probability vector of three has two codes; its draws add up to one, and weights are those of the model."""

    def program() -> None:
        p = numpyro.sample("p", dist.Dirichlet(jnp.ones(3)))
        with numpyro.plate("n", 4):
            numpyro.sample("y", dist.Categorical(p))

    post = rd.amortize(rd.from_numpyro(program, observed=["y"]), evidence="any", steps=100, widths=(16,), quiet=True)
    weighed = post.importance({"y": [0, 0, 1, 0]}, 4000)
    np.testing.assert_allclose(weighed.draws["p"].sum(axis=-1), 1.0, atol=1e-5)
    np.testing.assert_allclose(weighed.mean["p"], np.array([4, 2, 1]) / 7, atol=0.03)
