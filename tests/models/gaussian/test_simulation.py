"""Simulations and log densities in JAX, against the exact joint."""

import jax
import numpy as np
import pytest

from retrodict import zoo
from retrodict.errors import DataError, OptionError
from tests.cases import CASES
from tests.models.gaussian.test_factors import draw_model

SMALL = [case for case in CASES if len(case.net) <= 16]


@pytest.fixture(scope="module", params=SMALL, ids=str)
def simulated(request):
    """A model and its simulations, one row each."""
    model = draw_model(request.param.net, seed=1)
    return model, np.stack([np.asarray(value) for value in model.simulate(seed=2, n=40_000).values()], axis=-1)


def test_simulations_have_the_mean_and_covariance_of_the_joint(simulated):
    (model, draws), n = simulated, 40_000
    deviation = np.sqrt(np.diag(model.covariance))
    assert (np.abs(draws.mean(axis=0) - model.mean) < 5 * deviation / np.sqrt(n)).all()
    scaled = (np.cov(draws.T) - model.covariance) / np.outer(deviation, deviation)
    assert np.abs(scaled).max() < 5 * np.sqrt(2 / n)


def test_log_joint_is_the_density_of_the_joint(simulated):
    model, draws = simulated
    values = dict(zip(model.net.names, draws[:6].T, strict=True))
    gaps = draws[:6].astype(float) - model.mean
    quadratic = np.einsum("ni,ij,nj->n", gaps, np.linalg.inv(model.covariance), gaps)
    expected = -0.5 * (quadratic + np.linalg.slogdet(2 * np.pi * model.covariance)[1])
    np.testing.assert_allclose(jax.jit(model.log_joint)(values), expected, rtol=2e-5, atol=2e-4)


def test_log_joint_is_differentiable():
    model = zoo.binary_tree(3)
    values = dict.fromkeys(model.net.names, 0.5)
    slope = jax.jit(jax.grad(lambda root: model.log_joint(values | {"x0": root})))(0.5)
    precision = np.linalg.inv(model.covariance)
    assert float(slope) == pytest.approx(-float(precision[0] @ np.full(7, 0.5)), rel=1e-5)


def test_the_same_seed_gives_the_same_bits():
    model = zoo.binary_tree(4)
    first, again, other = (model.simulate(seed=s, n=50)["x7"] for s in (1, 1, 2))
    assert np.array_equal(first, again)
    assert not np.array_equal(first, other)


def test_redrawing_changes_only_what_is_marked():
    model = zoo.hmm(4)
    columns = model.draw(jax.random.key(0), 20_000)
    which = np.array([name == "z3" for name in model.net.names])
    redrawn = np.asarray(model.redraw(jax.random.key(1), columns, which))
    assert np.array_equal(redrawn[:, ~which], np.asarray(columns)[:, ~which])
    residual = redrawn[:, which][:, 0] - 0.9 * np.asarray(columns)[:, model.net.index("z2")]
    assert abs(residual.mean()) < 5 / np.sqrt(20_000)
    assert abs(residual.std() - 1) < 5 / np.sqrt(40_000)


def test_a_long_chain_is_simulated_without_recursion():
    assert np.isfinite(zoo.hmm(3_000).simulate(seed=0, n=2)["x2999"]).all()


def test_bad_requests_are_refused():
    model = zoo.binary_tree(2)
    with pytest.raises(OptionError, match="n=0 is too small"):
        model.simulate(n=0)
    with pytest.raises(DataError, match="lack 'x2'"):
        model.log_joint({"x0": 0.0, "x1": 0.0})
    with pytest.raises(DataError, match="'y', which is not among what is expected"):
        model.log_joint({"x0": 0.0, "x1": 0.0, "x2": 0.0, "y": 1.0})
