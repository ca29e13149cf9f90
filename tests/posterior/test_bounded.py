"""Posteriors of bounded latents: the truncated family by default, right densities, and files that keep it."""

import warnings

import jax.numpy as jnp
import numpy as np
import numpyro
import pytest
import scipy.stats
from numpyro import distributions as dist

import retrodict as rd
from retrodict.encode.families.mixtures import Mixture
from retrodict.encode.families.truncated import Truncated


def between():
    """The posterior is a normal about x, truncated to the ends of the prior."""
    z = numpyro.sample("z", dist.Uniform(2.0, 6.0))
    numpyro.sample("x", dist.Normal(z, 0.5))


def moving():
    """The upper end of u is drawn."""
    b = numpyro.sample("b", dist.Uniform(1.0, 2.0))
    u = numpyro.sample("u", dist.Uniform(jnp.zeros(2), b).to_event(1))
    numpyro.sample("x", dist.Normal(u, 0.5).to_event(1))


@pytest.fixture(scope="module")
def posterior():
    return rd.amortize(rd.from_numpyro(between, observed=["x"]), steps=0, quiet=True, exact=False)


def test_the_default_starts_at_the_truncated_normal(posterior):
    assert isinstance(posterior.encoder.conditional, Truncated)
    at = np.linspace(2.01, 5.99, 200)
    for x in (1.6, 4.0, 6.1):
        found = np.exp(np.asarray(posterior.log_prob({"z": at}, {"x": np.full(200, x)})))
        expected = scipy.stats.truncnorm.pdf(at, (2 - x) / 0.5, (6 - x) / 0.5, x, 0.5)
        assert np.abs(found - expected).mean() < 0.05 * expected.mean() + 0.02
        assert np.trapezoid(found, at) == pytest.approx(1.0, abs=0.03)


def test_weights_lead_to_the_posterior(posterior):
    weighed = posterior.importance({"x": 6.1}, 4000, seed=1)
    expected = scipy.stats.truncnorm((2 - 6.1) / 0.5, (6 - 6.1) / 0.5, 6.1, 0.5)
    assert float(weighed.ess) > 3000
    assert float(weighed.mean["z"]) == pytest.approx(expected.mean(), abs=5 * expected.std() / np.sqrt(3000))
    evidence = np.log(np.diff(scipy.stats.norm.cdf([2.0, 6.0], 6.1, 0.5))[0] / 4)
    assert float(weighed.log_evidence) == pytest.approx(evidence, abs=0.03)


def test_ends_that_move_are_kept_and_counted():
    posterior = rd.amortize(rd.from_numpyro(moving, observed=["x"]), steps=0, quiet=True)
    assert isinstance(posterior.encoder.conditional, Truncated)
    assert all(posterior.encoder.coordinates.bounded)
    weighed = posterior.importance({"x": np.array([0.9, 1.2])}, 20_000, seed=1)
    draws = weighed.draws
    assert (draws["u"] <= np.asarray(draws["b"])[:, None]).all()
    grid = np.linspace(1, 2, 4001)
    likelihood = np.prod(
        [np.diff(scipy.stats.norm.cdf([0 * grid, grid], x, 0.5), axis=0)[0] / grid for x in (0.9, 1.2)], axis=0
    )
    assert float(weighed.log_evidence) == pytest.approx(np.log(likelihood.mean()), abs=0.03)


def test_a_file_keeps_the_family_and_one_that_names_the_mixture_of_logits_is_read(posterior, tmp_path):
    model, data = posterior.model, {"x": np.array([4.0])}
    old = rd.amortize(model, steps=0, quiet=True, exact=False, conditional="mixture")
    assert isinstance(old.encoder.conditional, Mixture)
    for name, kept in (("new", posterior), ("old", old)):
        kept.save(tmp_path / name)
        again = rd.load(tmp_path / name, model)
        assert type(again.encoder.conditional) is type(kept.encoder.conditional)
        np.testing.assert_array_equal(again.sample(data, 50, seed=1)["z"], kept.sample(data, 50, seed=1)["z"])


@pytest.mark.slow
def test_a_trained_posterior_is_calibrated():
    posterior = rd.amortize(rd.from_numpyro(between, observed=["x"]), steps=1500, quiet=True, exact=False)
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", rd.errors.NoveltyWarning)
        assert posterior.calibration(seed=1)
