"""Exact conditionals along any inverse, against the dense posterior written out."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from retrodict import zoo
from retrodict.certificate.certify import certify
from retrodict.errors import DataError, GraphError
from retrodict.graph.bayesnet import BayesNet
from retrodict.invert import fully_connected, invert, mean_field, reversal
from retrodict.models.gaussian import GaussianFactors, LinearGaussian
from retrodict.models.gaussian.regression import regress
from tests.cases import CASES, STRATEGIES

SMALL = [case for case in CASES if len(case.net) <= 40]
ORDERS = pytest.mark.parametrize("order", STRATEGIES)
NETS = pytest.mark.parametrize("case", SMALL, ids=str)


def draw_model(net: BayesNet, seed: int) -> LinearGaussian:
    """A model with random weights of both signs, biases and variances."""
    rng = np.random.default_rng(seed)
    return LinearGaussian(
        net, rng.normal(size=net.n_edges), rng.normal(size=len(net)), rng.uniform(0.5, 2.0, size=len(net))
    )


def solve_posterior(model: LinearGaussian, observed: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Mean and covariance of the latents given data, by conditioning the dense joint."""
    z, x, joint = model.net.latent_index, model.net.observed_index, model.covariance
    gain = np.linalg.solve(joint[np.ix_(x, x)], joint[np.ix_(x, z)]).T
    return model.mean[z] + gain @ (observed - model.mean[x]), joint[np.ix_(z, z)] - gain @ joint[np.ix_(x, z)]


def multiply_out(factors: GaussianFactors, observed: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Mean and covariance of the product of the factors given data, from what they do to basis vectors."""
    n = len(factors.bias)
    mean = factors.transform(np.zeros(n), observed)
    root = factors.transform(np.eye(n), np.tile(observed, (n, 1))) - mean
    return mean, root.T @ root


@NETS
def test_the_joint_is_that_of_the_structural_equations(case):
    model = draw_model(case.net, seed=1)
    n = len(case.net)
    weights = np.zeros((n, n))
    weights[case.net.parent_rows.sources, case.net.parent_rows.index] = model.weights
    spread = np.linalg.inv(np.eye(n) - weights)
    np.testing.assert_allclose(model.covariance, spread @ np.diag(model.variance) @ spread.T, rtol=1e-9, atol=1e-9)
    np.testing.assert_allclose(model.mean, spread @ model.bias, rtol=1e-9, atol=1e-9)


@NETS
@ORDERS
def test_factors_along_a_faithful_inverse_multiply_to_the_posterior(case, order):
    model = draw_model(case.net, seed=2)
    observed = np.random.default_rng(3).normal(size=len(case.net.observed))
    mean, covariance = solve_posterior(model, observed)
    product_mean, product_covariance = multiply_out(model.posterior(invert(case.net, order)), observed)
    np.testing.assert_allclose(product_mean, mean, rtol=1e-10, atol=1e-10)
    np.testing.assert_allclose(product_covariance, covariance, rtol=1e-10, atol=1e-10)


@NETS
@ORDERS
def test_sparse_elimination_equals_dense_regression(case, order):
    model, inverse = draw_model(case.net, seed=4), invert(case.net, order)
    sparse, dense = model.posterior(inverse), regress(model, inverse)
    for part in ("weights", "bias", "variance"):
        np.testing.assert_allclose(getattr(sparse, part), getattr(dense, part), rtol=1e-9, atol=1e-10)


def gaussian_kl(mean_p, cov_p, mean_q, cov_q) -> float:
    """KL between two multivariate normals, by the textbook formula."""
    gap = mean_q - mean_p
    inverse_q = np.linalg.inv(cov_q)
    logs = np.linalg.slogdet(cov_q)[1] - np.linalg.slogdet(cov_p)[1]
    return 0.5 * float(np.trace(inverse_q @ cov_p) + gap @ inverse_q @ gap - len(gap) + logs)


@pytest.mark.parametrize("baseline", [reversal, mean_field, fully_connected])
@NETS
def test_the_floor_is_the_kl_computed_from_the_product_of_the_factors(case, baseline):
    """Averaged over data: the mean gap is linear in x, so its average is a trace with the covariance of x."""
    model, inverse = draw_model(case.net, seed=5), baseline(case.net)
    factors = model.posterior(inverse)
    x = case.net.observed_index
    spread = model.covariance[np.ix_(x, x)]
    center = model.mean[x]
    mean_p, cov_p = solve_posterior(model, center)
    mean_q, cov_q = multiply_out(factors, center)
    total = gaussian_kl(mean_p, cov_p, mean_q, cov_q)
    slopes = np.stack(
        [
            (multiply_out(factors, center + step)[0] - mean_q) - (solve_posterior(model, center + step)[0] - mean_p)
            for step in np.eye(len(x))
        ],
        axis=1,
    )
    total += 0.5 * float(np.trace(np.linalg.inv(cov_q) @ slopes @ spread @ slopes.T))
    assert model.kl_floor(inverse) == pytest.approx(total, rel=1e-8, abs=1e-9)


@pytest.mark.parametrize("depth", range(3, 9))
def test_the_floor_is_zero_exactly_for_faithful_structures(depth):
    model = zoo.binary_tree(depth)
    for order in STRATEGIES:
        assert abs(model.kl_floor(invert(model, order))) < 1e-10
    assert model.kl_floor(reversal(model.net)) > 0.05


@given(seed=st.integers(0, 10_000))
def test_on_random_models_the_floor_is_zero_exactly_if_the_structure_is_faithful(seed):
    rng = np.random.default_rng(seed)
    n = int(rng.integers(3, 10))
    parents = {i: [j for j in range(i) if rng.random() < 0.4] for i in range(n)}
    observed = rng.permutation(n)[: int(rng.integers(1, n))].tolist()
    net = BayesNet(parents, observed=observed)
    model = draw_model(net, seed)
    assert abs(model.kl_floor(invert(net))) < 1e-10
    for baseline in (reversal(net), mean_field(net)):
        assert certify(baseline).faithful == (abs(model.kl_floor(baseline)) < 1e-10)


def test_every_edge_of_a_minimal_inverse_carries_information():
    """Dropping any one edge costs something: minimality in use, not in name."""
    for seed in range(20):
        rng = np.random.default_rng(seed)
        net = BayesNet({i: [j for j in range(i) if rng.random() < 0.4] for i in range(8)}, observed=[5, 6, 7])
        model, inverse = draw_model(net, seed), invert(net)
        parents = {name: list(row) for name, row in inverse.parents.items()}
        for child, row in parents.items():
            for parent in row:
                thinner = parents | {child: [name for name in row if name != parent]}
                assert model.kl_floor(from_parents(net, thinner)) > 1e-9, (seed, parent, child)


def from_parents(net, parents):
    from retrodict.certificate.handwritten import read_guide

    return read_guide(net, parents)


def test_samples_follow_the_posterior():
    model = zoo.binary_tree(4, seed=2)
    factors = model.posterior(invert(model))
    data = {name: float(i) for i, name in enumerate(model.net.observed)}
    draws = np.stack(list(factors.sample(data, 40_000, seed=1).values()), axis=-1)
    mean, covariance = solve_posterior(model, np.array(list(data.values())))
    error = np.sqrt(np.diag(covariance) / 40_000)
    assert (np.abs(draws.mean(axis=0) - mean) < 5 * error).all()
    np.testing.assert_allclose(np.cov(draws.T), covariance, atol=0.03)


def test_log_prob_is_the_density_of_the_posterior():
    model = zoo.binary_tree(4, seed=3)
    factors = model.posterior(invert(model, "reverse"))
    data = {name: float(i) / 3 for i, name in enumerate(model.net.observed)}
    draws = factors.sample(data, 5, seed=4)
    mean, covariance = solve_posterior(model, np.array(list(data.values())))
    gaps = np.stack(list(draws.values()), axis=-1) - mean
    quadratic = np.einsum("ni,ij,nj->n", gaps, np.linalg.inv(covariance), gaps)
    expected = -0.5 * (quadratic + np.linalg.slogdet(2 * np.pi * covariance)[1])
    np.testing.assert_allclose(factors.log_prob(draws, data), expected, rtol=1e-10)


def test_data_may_come_in_batches():
    model = zoo.binary_tree(3)
    factors = model.posterior(invert(model))
    data = {name: np.array([0.5, -1.0, 2.0]) for name in model.net.observed}
    draws = factors.sample(data, 7, seed=0)
    assert {value.shape for value in draws.values()} == {(7, 3)}
    assert factors.log_prob(draws, data).shape == (7, 3)


def test_coefficients_are_named():
    net = BayesNet({"z": [], "x": ["z"]}, observed=["x"])
    factors = LinearGaussian.from_weights(net, {"x": {"z": 2.0}}).posterior(invert(net))
    assert factors.coefficients("z") == {"x": pytest.approx(0.4)}  # cov 2 over var 5


def test_bad_numbers_are_refused():
    net = BayesNet({"z": [], "x": ["z"]}, observed=["x"])
    with pytest.raises(GraphError, match="the variance of 'x' is not positive"):
        LinearGaussian.from_weights(net, {}, variance=[1.0, 0.0])
    with pytest.raises(GraphError, match="the weights of 'x' must be finite"):
        LinearGaussian.from_weights(net, {"x": {"z": float("nan")}})
    factors = LinearGaussian.from_weights(net, {}).posterior(invert(net))
    with pytest.raises(DataError, match="'x' has NaN or infinity"):
        factors.sample({"x": float("nan")}, 3)
