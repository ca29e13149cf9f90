"""Statistics of a Gaussian block: what they are for a regression, and what they say of its scale."""

from __future__ import annotations

import jax
import jax.numpy as jnp
import numpy as np
import numpyro
import numpyro.distributions as dist
import pytest

import retrodict as rd
from retrodict.encode.recipe import Recipe
from retrodict.encode.statistics import QUANTILES, make_statistics, refer
from retrodict.exact.find_forms import list_others, plan_closed_forms
from retrodict.posterior.sharing import share
from retrodict.posterior.training.untrained import build_untrained
from retrodict.train.inference import fit
from retrodict.train.loop import Plan

X = np.random.default_rng(3).normal(size=(40, 2)).astype(np.float32)


def regression():
    weights = numpyro.sample("weights", dist.Normal(0, 10).expand([2]).to_event(1))
    scale = numpyro.sample("scale", dist.HalfNormal(10))
    numpyro.sample("y", dist.Normal(X @ weights, scale))


def logistic():
    weights = numpyro.sample("weights", dist.Normal(0, 10).expand([2]).to_event(1))
    numpyro.sample("y", dist.Bernoulli(logits=X @ weights))


def lay_out(program):
    model = rd.from_numpyro(program, observed=["y"])
    inverse, forms = plan_closed_forms(model)
    compiled = share(model, inverse, list_others(inverse, forms) if forms else None)
    return compiled, make_statistics(forms, compiled.space)


def test_they_are_ridge_fits_and_what_they_leave():
    compiled, statistics = lay_out(regression)
    latents, observed = compiled.simulate_codes(jax.random.key(0), 500)
    module = refer(statistics, latents, observed).module
    scales = np.quantile(np.exp(np.asarray(latents[:, 0])), QUANTILES, method="nearest")
    y = np.asarray(observed[7], float)
    fits = [np.linalg.solve(X.T @ X / s**2 + np.eye(2) / 100, X.T @ y / s**2) for s in scales]
    squares = [[*(fit / 10) ** 2, (((y - X @ fit) / s) ** 2).sum()] for fit, s in zip(fits, scales, strict=True)]
    found = np.asarray(module(observed[7]))
    np.testing.assert_allclose(found[:2], fits[1], rtol=1e-3)
    np.testing.assert_allclose(np.sort(found[2:]), np.sort(0.5 * np.log(np.ravel(squares))), rtol=2e-3, atol=2e-3)


def test_there_are_none_without_a_gaussian_block():
    assert lay_out(logistic)[1] is None


def build(model, key=0):
    """Return an encoder that sees statistics, and the recipe that it was built with."""
    inverse, forms = plan_closed_forms(model)
    compiled = share(model, inverse, list_others(inverse, forms))
    statistics = make_statistics(forms, compiled.space)
    recipe = Recipe(inverse, drawn=compiled.space.drawn, statistics=statistics, conditional="normal").settle(model)
    keys = jax.random.split(jax.random.key(key))
    return compiled, recipe, build_untrained(model, recipe, *keys, linear=True)


def test_references_are_not_learned():
    compiled, _, untrained = build(rd.from_numpyro(regression, observed=["y"]))
    trained, _ = fit(untrained, compiled.simulate_codes, Plan(steps=25, batch=16), jax.random.key(1), quiet=True)
    first, second = (each.features.summaries.modules[0].references for each in (untrained, trained))
    np.testing.assert_array_equal(first, second)
    assert float(jnp.abs(first).max()) > 0
    assert not np.array_equal(untrained.network.skip, trained.network.skip)


def test_a_posterior_with_statistics_is_saved_and_loaded(tmp_path):
    model = rd.from_numpyro(regression, observed=["y"])
    _, recipe, encoder = build(model)
    forms = plan_closed_forms(model)[1]
    posterior = rd.AmortizedPosterior.of(model, recipe.order, encoder, recipe=recipe, forms=forms)
    posterior.save(tmp_path)
    data = {"y": X[:, 0] + 1}
    again = rd.load(tmp_path, rd.from_numpyro(regression, observed=["y"]))
    np.testing.assert_array_equal(again.sample(data, 10)["scale"], posterior.sample(data, 10)["scale"])


@pytest.mark.slow
def test_the_scale_of_a_regression_is_found_far_inside_a_wide_prior():
    model = rd.from_numpyro(regression, observed=["y"])
    posterior = rd.amortize(model, steps=1000, quiet=True)
    y = X @ np.array([1.0, -2.0]) + 0.2 * np.random.default_rng(0).normal(size=40)
    weighed = posterior.importance({"y": y}, 4000)
    assert weighed.reliable
    np.testing.assert_allclose(posterior.sample({"y": y}, 4000)["scale"].mean(), weighed.mean["scale"], rtol=0.05)
