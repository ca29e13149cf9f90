"""Blocks that are Gaussian given the rest: found where they are, refused where they are not, and right."""

from __future__ import annotations

from dataclasses import replace

import jax
import jax.numpy as jnp
import numpy as np
import numpyro
import numpyro.distributions as dist
import pytest

from retrodict import from_numpyro
from retrodict.exact.program_blocks import LogJointInside, find_gaussian_sites
from tests.exact import programs
from tests.quick import quick

ELEMENTWISE = {programs.state_space, programs.long_walk}


def read(program):
    return from_numpyro(program, observed=["y"], elementwise=program in ELEMENTWISE)


def name_of(program):
    return program.__name__


def draw_sites(model, seed):
    return {name: jnp.asarray(value[0]) for name, value in model.join(model.simulate(1, seed=seed)).items()}


# A kind of block each.
FEW = {programs.eight_schools, programs.regression_of_correlated_weights, programs.lines_of_groups, programs.product}
FEW |= {programs.gaussian_process, programs.state_space}


@pytest.mark.parametrize("program", quick(programs.GAUSSIAN, FEW), ids=name_of)
def test_a_block_is_found_and_its_density_is_that_of_the_model(program):
    """Up to what does not depend on the block, which differences cancel: at two draws, and at two prior values."""
    model, names = read(program), programs.GAUSSIAN[program]
    block, log_joint = find_gaussian_sites(model).block, LogJointInside(model)
    assert set(block.names) == names
    sites = draw_sites(model, 1)
    rest = {name: value for name, value in sites.items() if name not in names}
    prior = [{name: draw_sites(model, seed)[name] for name in names} for seed in (2, 3)]

    @jax.jit
    def measure(rest, prior):
        values = [block.draw(jax.random.key(seed), rest)[0] for seed in (0, 1)] + prior
        return [block.score(value, rest) for value in values], [log_joint({**rest, **value}) for value in values]

    conditional, joint = map(np.array, measure(rest, prior))
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
    draw = jax.jit(jax.vmap(lambda key: block.draw(key, rest)[0]["weights"]))
    draws = draw(jax.random.split(jax.random.key(0), 40_000))
    x, y = programs.X.astype(float), np.asarray(sites["y"], float)
    covariance = np.linalg.inv(x.T @ x / 4 + np.eye(3) / 100)
    mean = covariance @ x.T @ y / 4
    np.testing.assert_allclose(jax.jit(lambda rest: block.condition(rest).mean)(rest), mean, rtol=1e-4)
    error = np.sqrt(np.diag(covariance) / len(draws))
    assert (np.abs(np.asarray(draws).mean(axis=0) - mean) < 4 * error).all()
    np.testing.assert_allclose(np.cov(np.asarray(draws).T), covariance, rtol=0.1, atol=3e-3)


def test_an_improper_block_is_not_finite():
    block = find_gaussian_sites(read(programs.product)).block
    flat = block.condition({"b": jnp.asarray(np.nan), "y": jnp.asarray(1.0)})
    assert not np.isfinite(flat.mean).any()


def far_regressor():
    """Years: intercept and slope are nearly parallel, by one part in ten thousand."""
    years = np.arange(1950, 2010, dtype=np.float32)
    intercept, slope = numpyro.sample("intercept", dist.Normal(0, 100)), numpyro.sample("slope", dist.Normal(0, 1))
    scale = numpyro.sample("scale", dist.HalfNormal(10))
    numpyro.sample("y", dist.Normal(intercept + slope * years, scale))


def test_regressors_far_from_zero_keep_their_digits():
    """Single precision cannot invert the product of such regressors, whose condition number is 10^9."""
    block = find_gaussian_sites(read(far_regressor)).block
    years = np.arange(1950, 2010, dtype=float)
    y = 9 + 0.01 * (years - 1980) + np.sin(years)
    rest = {"scale": jnp.asarray(0.7), "y": jnp.asarray(y, jnp.float32)}

    @jax.jit
    def measure(rest):
        moments = block.condition(rest)
        return moments.mean, jax.vmap(moments.root.move, out_axes=1)(jnp.eye(2))

    mean, root = (np.asarray(found, float) for found in measure(rest))
    x = np.stack([np.ones(60), years], axis=1)
    precision = x.T @ x / 0.49 + np.diag([1e-4, 1.0])
    order = [("intercept", "slope").index(name) for name in block.names]
    exact, covariance = (
        np.linalg.solve(precision, x.T @ y / 0.49)[order],
        np.linalg.inv(precision)[np.ix_(order, order)],
    )
    np.testing.assert_allclose(root @ root.T, covariance, rtol=5e-3)
    assert (np.abs(mean - exact) < 0.02 * np.sqrt(np.diag(covariance))).all()


@pytest.mark.parametrize("program", [programs.lines_of_groups, programs.long_walk], ids=name_of)
def test_sparse_residuals_give_what_dense_ones_give(program):
    model = read(program)
    block = find_gaussian_sites(model).block
    assert block.levels is not None
    dense = replace(block, levels=None)
    sites = draw_sites(model, 3)
    rest = {name: value for name, value in sites.items() if name not in block.names}
    inside = {name: sites[name] for name in block.names}

    @jax.jit
    def measure(rest, inside):
        return [(each.condition(rest).mean, each.score(inside, rest)) for each in (block, dense)]

    (mean, score), (dense_mean, dense_score) = measure(rest, inside)
    np.testing.assert_allclose(mean, dense_mean, rtol=2e-4, atol=2e-4)
    np.testing.assert_allclose(score, dense_score, rtol=1e-4, atol=1e-3)
    assert sum(len(level.columns) for level in block.levels.levels) > block.size // 2
