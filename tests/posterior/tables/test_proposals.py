"""Proposals of the next round lie where the posterior is, and their weights bring the prior back."""

from __future__ import annotations

import numpy as np
import pytest

import retrodict as rd
from retrodict.errors import OptionError

NET = rd.BayesNet(
    {"u": [], "v": ["u"], "x": ["v"]},
    observed=["x"],
    variables=[rd.Variable("u", support="interval", bounds=(-1.0, 3.0))],
)
DATA = {"x": 2.5}


def make_runs(n, seed=0, u=None):
    rng = np.random.default_rng(seed)
    u = rng.uniform(-1, 3, n) if u is None else u
    v = u + 0.5 * rng.normal(size=n)
    return {"u": u, "v": v, "x": v + 0.3 * rng.normal(size=n)}


@pytest.fixture(scope="module")
def posterior():
    return rd.amortize(NET, simulations=make_runs(3000), steps=400, quiet=True)


def test_weighted_proposals_have_the_moments_of_the_prior(posterior):
    proposals = rd.next_simulations(posterior, DATA, 20_000, seed=1)
    assert proposals.prior == "learned"
    assert proposals.weights.shape == (20_000,)
    assert proposals.weights.max() <= 10
    assert abs(proposals.weights.mean() - 1) < 0.1
    u, v = proposals["u"], proposals["v"]
    assert ((u >= -1) & (u <= 3)).all()
    assert abs(np.median(v) - 2.4) < 0.3  # most lie where the posterior is
    assert abs(np.average(u, weights=proposals.weights) - 1) < 0.15
    assert abs(np.average((v - u) ** 2, weights=proposals.weights) - 0.25) < 0.06


@pytest.mark.slow
def test_a_second_round_with_weights_has_the_same_posterior(posterior):
    first = make_runs(3000)
    proposals = rd.next_simulations(posterior, DATA, 1000, seed=1)
    noise = np.random.default_rng(7).normal(size=1000)
    second = {**proposals, "x": proposals["v"] + 0.3 * noise}
    table = {name: np.concatenate([first[name], second[name]]) for name in first}
    weights = np.concatenate([np.ones(3000), proposals.weights])
    again = rd.amortize(NET, simulations=table, weights=weights, steps=400, quiet=True)
    for name in ("u", "v"):
        before, after = (p.sample(DATA, 4000)[name] for p in (posterior, again))
        assert abs(before.mean() - after.mean()) < 0.25 * before.std()
        assert abs(after.std() / before.std() - 1) < 0.2


def test_a_model_with_a_density_has_exact_weights():
    import numpyro
    import numpyro.distributions as dist

    def program():
        u = numpyro.sample("u", dist.Uniform(-1, 3))
        numpyro.sample("x", dist.Normal(u, 0.5))

    model = rd.from_numpyro(program, observed=["x"])
    posterior = rd.amortize(model, steps=25, quiet=True)
    proposals = rd.next_simulations(posterior, {"x": 2.5}, 5000)
    assert proposals.prior == "exact"
    assert abs(np.average(proposals["u"], weights=proposals.weights) - 1) < 0.15


def test_without_a_prior_nothing_is_proposed(posterior, tmp_path):
    posterior.save(tmp_path)
    with pytest.raises(OptionError, match="nothing is known of the prior"):
        rd.next_simulations(rd.load(tmp_path, NET), DATA, 10)
    below = rd.BayesNet({"x": [], "z": ["x"]}, observed=["x"])
    table = {"x": np.zeros(100), "z": np.random.default_rng(0).normal(size=100)}
    with pytest.raises(OptionError, match="'z' has observed parents"):
        rd.next_simulations(rd.amortize(below, simulations=table, steps=0), {"x": 0.0}, 10)
