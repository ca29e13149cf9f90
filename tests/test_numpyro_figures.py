"""Posteriors of NumPyro programs beside exact answers, with the figures that were promised."""

from __future__ import annotations

import itertools

import jax.numpy as jnp
import numpy as np
import numpyro
import numpyro.distributions as dist
import pytest
from scipy import stats

import retrodict as rd

pytestmark = pytest.mark.slow


def normal(x=None):
    z = numpyro.sample("z", dist.Normal(1.0, 2.0))
    numpyro.sample("x", dist.Normal(z, 1.0), obs=x)


def beta_binomial(x=None):
    p = numpyro.sample("p", dist.Beta(2.0, 3.0))
    numpyro.sample("x", dist.Binomial(12, p), obs=x)


def two_causes(x=None):
    a = numpyro.sample("a", dist.Bernoulli(0.3))
    b = numpyro.sample("b", dist.Categorical(probs=jnp.array([0.5, 0.3, 0.2])))
    numpyro.sample("x", dist.Normal(2.0 * a + b, 1.0), obs=x)


def correlated(x=None):
    """Two latents whose difference alone is seen well: given the data they are strongly correlated."""
    a = numpyro.sample("a", dist.Normal(0.0, 1.0))
    b = numpyro.sample("b", dist.Normal(0.0, 1.0))
    numpyro.sample("x", dist.Normal(a - b, 0.5), obs=x)


def integrate_kl(exact, found, points):
    return np.trapezoid(np.exp(exact) * (exact - found), points)


def test_the_conjugate_normal():
    posterior = rd.amortize(rd.from_numpyro(normal, observed=["x"]), steps=2000, exact=False, quiet=True)
    points = np.linspace(-12, 14, 4001)
    for x in (-2.0, 1.0, 4.0):
        exact = stats.norm(0.2 * 1.0 + 0.8 * x, np.sqrt(0.8)).logpdf(points)
        found = posterior.log_prob({"z": points}, {"x": np.full(4001, x)})
        assert integrate_kl(exact, found, points) <= 0.01


def test_beta_binomial():
    posterior = rd.amortize(
        rd.from_numpyro(beta_binomial, observed=["x"]),
        steps=4000,
        patience=4000,
        conditional="spline",
        exact=False,
        quiet=True,
    )
    points = np.linspace(0, 1, 4001)[1:-1]
    for x in range(0, 13, 3):
        exact = stats.beta(2 + x, 3 + 12 - x).logpdf(points)
        found = posterior.log_prob({"p": points}, {"x": np.full(len(points), float(x))})
        assert integrate_kl(exact, found, points) <= 0.01


def test_small_discrete_models_beside_enumeration():
    posterior = rd.amortize(
        rd.from_numpyro(two_causes, observed=["x"]), steps=4000, patience=4000, batch=4096, exact=False, quiet=True
    )
    states = np.array(list(itertools.product([0.0, 1.0], [0.0, 1.0, 2.0])))
    prior = np.where(states[:, 0], 0.3, 0.7) * np.array([0.5, 0.3, 0.2])[states[:, 1].astype(int)]
    for x in (-1.0, 0.5, 2.0, 4.0):
        joint = prior * stats.norm(2 * states[:, 0] + states[:, 1], 1.0).pdf(x)
        found = np.exp(posterior.log_prob({"a": states[:, 0], "b": states[:, 1]}, {"x": np.full(6, x)}))
        assert np.abs(found - joint / joint.sum()).sum() / 2 <= 0.01


def test_calibration_passes_the_faithful_and_rejects_an_edge_removed():
    model = rd.from_numpyro(correlated, observed=["x"])
    faithful = rd.amortize(model, steps=6000, batch=1024, exact=False, quiet=True).calibration(5000, 199)
    assert faithful, str(faithful)
    lacking = rd.amortize(model, rd.mean_field(model.net), steps=6000, batch=1024, exact=False, quiet=True).calibration(
        5000, 199
    )
    assert not lacking, str(lacking)
