"""Blocks that are Gaussian given the rest: found where they are, refused where they are not, and right."""

from __future__ import annotations

import jax
import jax.numpy as jnp
import numpy as np
import pytest

from retrodict import from_numpyro
from retrodict.exact.program_blocks import LogJointInside, find_gaussian_sites
from tests.exact import programs

ELEMENTWISE = {programs.state_space}


def read(program):
    return from_numpyro(program, observed=["y"], elementwise=program in ELEMENTWISE)


def name_of(program):
    return program.__name__


def draw_sites(model, seed):
    return {name: jnp.asarray(value[0]) for name, value in model.join(model.simulate(1, seed=seed)).items()}


@pytest.mark.parametrize(("program", "names"), programs.GAUSSIAN.items(), ids=map(name_of, programs.GAUSSIAN))
def test_a_block_is_found_and_its_density_is_that_of_the_model(program, names):
    """Up to what does not depend on the block, which differences cancel: at two draws, and at two prior values."""
    model = read(program)
    block, log_joint = find_gaussian_sites(model).block, LogJointInside(model)
    assert set(block.names) == names
    sites = draw_sites(model, 1)
    rest = {name: value for name, value in sites.items() if name not in names}
    values = [block.draw(jax.random.key(seed), rest)[0] for seed in (0, 1)]
    values += [{name: draw_sites(model, seed)[name] for name in names} for seed in (2, 3)]
    conditional = np.array([block.score(value, rest) for value in values])
    joint = np.array([log_joint({**rest, **value}) for value in values])
    np.testing.assert_allclose(np.diff(conditional), np.diff(joint), rtol=2e-4, atol=2e-3)


@pytest.mark.parametrize("program", programs.OTHERS, ids=name_of)
def test_no_block_is_found_where_there_is_none(program):
    assert find_gaussian_sites(read(program)) is None


def test_draws_have_the_moments_of_the_closed_form():
    """A regression with known noise: the textbook's posterior."""
    model = read(programs.regression)
    block = find_gaussian_sites(model).block
    sites = draw_sites(model, 5)
    rest = {"scale": jnp.asarray(2.0), "y": sites["y"]}
    draws = jax.vmap(lambda key: block.draw(key, rest)[0]["weights"])(jax.random.split(jax.random.key(0), 40_000))
    x, y = programs.X.astype(float), np.asarray(sites["y"], float)
    covariance = np.linalg.inv(x.T @ x / 4 + np.eye(3) / 100)
    mean = covariance @ x.T @ y / 4
    np.testing.assert_allclose(block.condition(rest).mean, mean, rtol=1e-4)
    error = np.sqrt(np.diag(covariance) / len(draws))
    assert (np.abs(np.asarray(draws).mean(axis=0) - mean) < 4 * error).all()
    np.testing.assert_allclose(np.cov(np.asarray(draws).T), covariance, rtol=0.1, atol=3e-3)


def test_an_improper_block_is_not_finite():
    block = find_gaussian_sites(read(programs.product)).block
    flat = block.condition({"b": jnp.asarray(np.nan), "y": jnp.asarray(1.0)})
    assert not np.isfinite(flat.mean).any()
