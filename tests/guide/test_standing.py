"""The family of a guide: densities of what it draws, which training may bend."""

import jax
import jax.numpy as jnp
import numpy as np
import numpyro
import numpyro.distributions as dist
import pytest
from numpyro.infer import Trace_ELBO

import retrodict as rd
from retrodict.guide.standing import Leaning, Steady

KEY = jax.random.key(0)


@pytest.mark.parametrize("shape", [(0.0, 0.0), (2.0, 0.0), (-3.0, 1.0), (0.5, -2.0)])
def test_draws_have_the_density(shape):
    parameters = jnp.broadcast_to(jnp.array([1.0, -0.5, *shape]), (1, 4))
    grid = jnp.linspace(-40.0, 40.0, 400_001)
    mass = jnp.cumsum(jnp.exp(Leaning().log_prob(parameters, grid[:, None])[:, 0])) * (80 / 400_000)
    draws = np.asarray(Leaning().sample(KEY, jnp.broadcast_to(parameters[0], (20_000, 4))))
    quantiles = [0.01, 0.1, 0.5, 0.9, 0.99]
    expected = np.asarray(grid)[np.searchsorted(np.asarray(mass), quantiles)]
    found = [(draws <= value).mean() for value in expected]
    errors = 4 * np.sqrt(np.array(quantiles) * (1 - np.array(quantiles)) / len(draws))
    assert (np.abs(np.array(found) - quantiles) < errors).all()


def test_it_is_normal_at_first():
    values = jnp.linspace(-5.0, 5.0, 11)
    leaning = Leaning().log_prob(jnp.broadcast_to(jnp.array([0.3, 0.2, 0.0, 0.0]), (11, 4)), values)
    normal = Steady().log_prob(jnp.broadcast_to(jnp.array([0.3, 0.2]), (11, 2)), values)
    np.testing.assert_allclose(leaning, normal, rtol=1e-4, atol=1e-4)


@pytest.mark.slow
def test_training_bends_it():
    def program(count=None):
        rate = numpyro.sample("rate", dist.LogNormal(0.0, 10.0))
        numpyro.sample("count", dist.Poisson(rate), obs=count)

    def find_gap(conditional):
        guide = rd.AutoFaithful(program, conditional=conditional, exact=False)
        loss = Trace_ELBO(32, vectorize_particles=True)
        params = guide.fit(2, steps=2000, learning_rate=0.02, loss=loss, quiet=True)
        return evidence + float(Trace_ELBO(20_000, vectorize_particles=True).loss(KEY, params, program, guide, 2))

    logs = np.linspace(-20.0, 5.0, 100_001)
    terms = -0.5 * (logs / 10) ** 2 - np.log(10 * np.sqrt(2 * np.pi)) + 2 * logs - np.exp(logs) - np.log(2.0)
    evidence = float(np.log(np.exp(terms).sum() * (logs[1] - logs[0])))
    normal = find_gap("normal")  # the logarithm of the rate leans to the left
    assert 0.02 < normal < 0.1
    assert find_gap("sinh-arcsinh") < normal / 3
    assert find_gap("spline") < normal / 3
