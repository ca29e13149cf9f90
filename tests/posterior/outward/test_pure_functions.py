"""A posterior within a program of the user's own: the same draws and densities, and gradients of these."""

from __future__ import annotations

import jax
import jax.numpy as jnp
import numpy as np
import numpyro
import numpyro.distributions as dist
import pytest

import retrodict as rd


def program():
    scale = numpyro.sample("scale", dist.Gamma(2.0, 1.0))
    with numpyro.plate("n", 2):
        z = numpyro.sample("z", dist.Normal(0, scale))
    numpyro.sample("y", dist.StudentT(3.0, z.sum(), 0.3), obs=0.1)


@pytest.fixture(scope="module")
def posterior():
    return rd.amortize(rd.from_numpyro(program), steps=0, exact=False, widths=(16,))


DATA = {"y": np.array([0.3, -1.0, 2.0], np.float32)}


def test_compiled_densities_are_those_of_the_posterior(posterior):
    draws = posterior.sample(DATA, 5)
    found = jax.jit(posterior.functions.log_prob)(draws, DATA)
    assert found.shape == (5, 3)
    np.testing.assert_allclose(found, posterior.log_prob(draws, DATA), rtol=1e-5, atol=1e-5)
    outside = jax.jit(posterior.functions.log_prob)({**draws, "scale": -draws["scale"]}, DATA)
    assert np.isneginf(outside).all()


def test_compiled_draws_are_those_of_the_posterior(posterior):
    evidence, key = posterior.read(DATA), jax.random.key(3)
    rows = np.tile(np.asarray(evidence.rows, np.float32), (4, 1))
    expected = posterior.compiled.draw(posterior.factors, key, jnp.asarray(rows))
    found = jax.jit(lambda key, y: posterior.functions.sample(key, {"y": y}, 4))(key, DATA["y"])
    assert {name: value.shape for name, value in found.items()} == {"scale": (4, 3), "z": (4, 3, 2)}
    for name, value in posterior.compiled.space.unpack(np.asarray(expected).reshape(4, 3, -1)).items():
        np.testing.assert_allclose(found[name], value, rtol=1e-5, atol=1e-6)


def test_densities_have_gradients_by_data(posterior):
    draws = {name: value[0] for name, value in posterior.sample({"y": 0.3}, 1).items()}
    score = jax.jit(lambda y: posterior.functions.log_prob(draws, {"y": y}))
    slope, step = float(jax.grad(score)(0.3)), 1e-2
    assert abs(slope - float(score(0.3 + step) - score(0.3 - step)) / (2 * step)) < 0.02 * max(1.0, abs(slope))


def test_what_does_not_fit_is_refused_while_it_is_traced(posterior):
    with pytest.raises(rd.errors.DataError, match="lack 'y'"):
        jax.jit(lambda key: posterior.functions.sample(key, {}))(jax.random.key(0))
    with pytest.raises(rd.errors.DataError, match="do not end in those of the data"):
        jax.jit(posterior.functions.log_prob)({"scale": jnp.ones(4), "z": jnp.ones((4, 2))}, DATA)
