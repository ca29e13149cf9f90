"""Eight schools of which two reported nothing: the network for any evidence beside NUTS on the other six."""

from __future__ import annotations

import jax
import numpy as np
import numpyro
import pytest
from numpyro import distributions as dist
from numpyro.infer import MCMC, NUTS

import retrodict as rd

ERRORS = np.array([15.0, 10.0, 16.0, 11.0, 9.0, 11.0, 10.0, 18.0])
EFFECTS = np.array([28.0, np.nan, -3.0, 7.0, -1.0, np.nan, 18.0, 12.0])


def schools(errors: np.ndarray) -> None:
    mu = numpyro.sample("mu", dist.Normal(0.0, 10.0))
    tau = numpyro.sample("tau", dist.LogNormal(1.0, 1.0))
    with numpyro.plate("school", len(errors)):
        theta = numpyro.sample("theta", dist.Normal(mu, tau))
        numpyro.sample("y", dist.Normal(theta, errors))


def without_rows(errors: np.ndarray, effects: np.ndarray) -> None:
    """Model the schools that are there alone, centered at none for the sampler's sake."""
    mu = numpyro.sample("mu", dist.Normal(0.0, 10.0))
    tau = numpyro.sample("tau", dist.LogNormal(1.0, 1.0))
    with numpyro.plate("school", len(errors)):
        away = numpyro.sample("away", dist.Normal(0.0, 1.0))
        theta = numpyro.deterministic("theta", mu + tau * away)
        numpyro.sample("y", dist.Normal(theta, errors), obs=effects)


@pytest.mark.slow
def test_schools_that_reported_nothing_change_nothing() -> None:
    model = rd.from_numpyro(schools, ERRORS, observed=["y"], elementwise=True)
    post = rd.amortize(model, evidence={"y": 0.7}, steps=1500, quiet=True)
    drawn, weighed = post.sample({"y": EFFECTS}, 4000), post.importance({"y": EFFECTS}, 20_000)
    there = ~np.isnan(EFFECTS)
    chain = MCMC(NUTS(without_rows), num_warmup=1000, num_samples=6000, progress_bar=False)
    chain.run(jax.random.key(0), ERRORS[there], EFFECTS[there])
    assert weighed.reliable
    for name, found in chain.get_samples().items():
        if name != "away":
            reference, own = np.asarray(found), np.s_[..., there] if name == "theta" else ...
            spread = reference.std(axis=0)
            for mean, bar in ((drawn[name].mean(axis=0), 0.15), (weighed.mean[name], 0.08)):
                assert (abs(mean[own] - reference.mean(axis=0)) < bar * spread).all()
            assert (abs(drawn[name].std(axis=0)[own] / spread - 1) < 0.15).all()
    new = np.hypot(drawn["theta"][:, ~there].std(axis=0), ERRORS[~there])
    np.testing.assert_allclose(drawn["y"][:, ~there].std(axis=0), new, rtol=0.06)
    assert (drawn["y"][:, there] == EFFECTS[there]).all()
