"""A posterior of closed forms alone, against the algebra of the model."""

from __future__ import annotations

import jax.numpy as jnp
import numpy as np
import numpyro
import numpyro.distributions as dist

from retrodict import from_numpyro, invert
from retrodict.exact.program_blocks import find_gaussian_sites
from retrodict.posterior.factors import ClosedFactor
from retrodict.posterior.posterior import AmortizedPosterior

SPREAD = np.array([1.0, 2.0, 0.5], np.float32)
DATA = {"y": np.array([[1.0, -2.0, 3.0], [0.0, 0.0, 8.0]], np.float32)}


def schools():
    mean = numpyro.sample("mean", dist.Normal(1, 2))
    with numpyro.plate("school", 3):
        effect = numpyro.sample("effect", dist.Normal(mean, 1.5))
        numpyro.sample("y", dist.Normal(effect, SPREAD))


def evidence(y: np.ndarray) -> np.ndarray:
    """The log density of the data: they are jointly normal."""
    covariance = 4 + 1.5**2 * np.eye(3) + np.diag(SPREAD.astype(float) ** 2)
    return np.asarray(dist.MultivariateNormal(jnp.ones(3), jnp.asarray(covariance)).log_prob(y))


def test_a_posterior_that_is_gaussian_throughout_needs_no_encoder():
    model = from_numpyro(schools, observed=["y"], elementwise=True)
    data = model.split(DATA)
    factor = ClosedFactor(find_gaussian_sites(model))
    posterior = AmortizedPosterior(model, invert(model), (factor,))
    weighed = posterior.importance(data, 500, seed=1)
    np.testing.assert_allclose(weighed.log_weights.std(axis=0), 0, atol=2e-4)
    np.testing.assert_allclose(weighed.log_evidence, evidence(DATA["y"]), atol=1e-4)
    draws = posterior.sample(data, 100, seed=2)
    joint = model.log_joint({**draws, **{name: np.broadcast_to(value, (100, 2)) for name, value in data.items()}})
    np.testing.assert_allclose(posterior.log_prob(draws, data), joint - evidence(DATA["y"]), atol=1e-4)
