"""The posterior of linear-Gaussian networks: without training, and as the algebra of the model has it."""

from __future__ import annotations

import numpy as np
import pytest

import retrodict as rd
from retrodict import BayesNet, LinearGaussian, amortize, invert, zoo

MODELS = {
    "tree": zoo.binary_tree(4, seed=1),
    "with barren latents": LinearGaussian.from_weights(
        BayesNet({"z": [], "y": ["z"], "x": ["y"], "w": ["z"]}, observed=["x"]), {"y": {"z": 0.7}, "w": {"z": -2.0}}
    ),
    "two causes": LinearGaussian.from_weights(
        BayesNet({"a": [], "b": [], "x": ["a", "b"]}, observed=["x"]), {}, bias=[1.0, 0.0, -3.0], variance=[1, 2, 0.5]
    ),
}


@pytest.mark.parametrize("model", MODELS.values(), ids=MODELS)
def test_the_density_is_that_of_the_algebra(model):
    posterior = amortize(model)
    data = {name: value[:3] for name, value in model.simulate(3, seed=2).items() if name in model.net.observed}
    draws = posterior.sample(data, 50, seed=3)
    exact = model.posterior(invert(model))
    np.testing.assert_allclose(posterior.log_prob(draws, data), exact.log_prob(draws, data), rtol=1e-4, atol=1e-4)
    np.testing.assert_allclose(posterior.importance(data, 50).log_weights.std(axis=0), 0, atol=1e-4)


def test_calibration_accepts_it():
    assert amortize(MODELS["tree"]).calibration(2000, 99)


def test_an_explicit_order_is_kept_and_exact():
    model = MODELS["tree"]
    posterior = amortize(model, order=model.net.latents)
    assert posterior.inverse.strategy == "explicit"
    assert posterior.encoder is None


def test_a_baseline_is_trained_as_it_is():
    posterior = amortize(MODELS["two causes"], "mean-field", steps=1, batch=8, quiet=True)
    assert posterior.forms == ()
    assert posterior.encoder is not None


def test_it_is_saved_and_loaded(tmp_path):
    model = MODELS["with barren latents"]
    amortize(model).save(tmp_path)
    again = rd.load(tmp_path, model)
    assert [form.kind for form in again.forms] == ["linear Gaussian"]
    np.testing.assert_array_equal(again.sample({"x": 1.0}, 5)["y"], amortize(model).sample({"x": 1.0}, 5)["y"])


def test_draws_have_the_moments_of_the_posterior():
    model = MODELS["two causes"]
    draws = amortize(model).sample({"x": 2.0}, 40_000, seed=1)
    found = np.stack([draws[name] for name in model.net.latents])
    mean, covariance = model.mean, model.covariance
    gain = covariance[:2, 2] / covariance[2, 2]
    exact = covariance[:2, :2] - np.outer(gain, covariance[2, :2])
    error = np.sqrt(np.diag(exact) / 40_000)
    assert (np.abs(found.mean(axis=1) - mean[:2] - gain * (2.0 - mean[2])) < 5 * error).all()
    np.testing.assert_allclose(np.cov(found), exact, rtol=0.05)
