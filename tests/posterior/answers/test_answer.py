"""Answers against exact posteriors, stage by stage, from encoders that are good, poor and far off."""

import jax.numpy as jnp
import numpy as np
import numpyro
import numpyro.distributions as dist
import pytest

from retrodict import amortize, from_numpyro, zoo
from retrodict.errors import DataError, DensityError, OptionError
from retrodict.posterior.answers import chains
from retrodict.posterior.answers.stages import keep_numbers

# Within this many standard deviations; what 1,000 effective draws exceed with probability 1e-5.
MEAN, SD = 0.15, 0.11


@pytest.fixture(scope="module")
def poor():
    """An encoder of a binary tree after 25 steps."""
    return amortize(zoo.binary_tree(depth=3), exact=False, steps=25, quiet=True)


@pytest.fixture(scope="module")
def exact():
    return amortize(zoo.binary_tree(depth=3))


NEAR = {"x3": 0.5, "x4": 1.0, "x5": -0.3, "x6": 0.1}
FAR = {"x3": 30.0, "x4": 31.0, "x5": -40.0, "x6": 10.0}


def require_equal(answer, reference):
    for name, mean in reference.mean.items():
        assert abs(answer.mean[name] - mean) < MEAN * reference.sd[name], name
        assert abs(answer.sd[name] / reference.sd[name] - 1) < SD, name


@pytest.mark.parametrize("data", [NEAR, FAR])
def test_an_answer_is_the_exact_posterior_however_poor_the_encoder(poor, exact, data):
    answer, reference = poor.answer(data), exact.answer(data, 20_000)
    assert reference.stage == "exact"
    assert reference.reliable
    assert reference.ess == 20_000
    assert answer.stage in ("encoder", "weighted", "refined")
    assert answer.reliable
    assert answer.khat < 0.5
    assert answer.ess >= 1000
    assert {name: values.shape for name, values in answer.draws.items()} == dict.fromkeys(("x0", "x1", "x2"), (4000,))
    require_equal(answer, reference)


def test_draws_far_off_need_refining(poor):
    assert poor.answer(FAR, 500).stage == "refined"


def test_a_refined_posterior_answers_its_own_data_alone(poor, exact):
    refined = poor.refine(FAR)
    assert refined.inverse is poor.inverse
    assert bool(refined.importance(FAR, 4000).reliable)
    with pytest.raises(DataError, match="refined for other data"):
        refined.sample(NEAR, 10)
    with pytest.raises(OptionError, match="one observation"):
        refined.calibration(100, 19)


def test_several_observations_are_refused(poor):
    with pytest.raises(OptionError, match="one observation is answered at a time, and the data hold 2"):
        poor.answer({name: [0.0, 1.0] for name in NEAR})


def test_chains_are_the_exact_posterior(poor, exact):
    answer = poor.mcmc(FAR, 2000)
    assert answer.stage == "mcmc"
    assert answer.reliable
    assert answer.ess >= 1000
    assert answer.khat < 0.5
    require_equal(answer, exact.answer(FAR, 20_000))


@pytest.mark.slow
def test_chains_that_diverge_are_adapted_again_to_shorter_steps(monkeypatch):
    def program():
        scale = numpyro.sample("scale", dist.LogNormal(0.0, 0.7))
        effects = numpyro.sample("effects", dist.Normal(jnp.zeros(5), scale).to_event(1))
        numpyro.sample("y", dist.Normal(effects, 3.0).to_event(1))

    tried, make = [], chains.NUTS

    def watch(*arguments, target_accept_prob, **options):
        tried.append(target_accept_prob)
        return make(*arguments, target_accept_prob=target_accept_prob, **options)

    monkeypatch.setattr(chains, "NUTS", watch)
    monkeypatch.setattr(chains, "ACCEPTANCES", (0.4, 0.99))
    posterior = amortize(from_numpyro(program, observed=["y"]), exact=False, steps=25, quiet=True)
    answer = posterior.mcmc({"y": np.zeros(5)}, 2000)
    assert tried == [0.4, 0.99]
    assert not any("diverge" in reason for reason in answer.reasons)


def test_draws_that_are_no_numbers_are_left_out_and_counted():
    rows = np.ones((1000, 2))
    assert keep_numbers(rows)[1] == ()
    rows[:5, 0] = np.nan
    kept, (reason,) = keep_numbers(rows)
    assert kept.shape == (995, 2)
    assert reason.startswith("0.5% of the draws are no numbers")


def test_an_answer_that_cannot_be_relied_on_says_so_first(poor):
    answer = poor.mcmc(FAR, 100, seconds=1e-9)
    assert "The seconds were over before the chains had adapted." in answer.reasons
    assert repr(answer).startswith("Answer NOT RELIABLE (mcmc): ")
    assert not answer.reliable
    assert answer.to_dict()["reasons"]


def test_what_has_a_closed_form_is_integrated_out():
    def program():
        scale = numpyro.sample("scale", dist.HalfNormal(50.0))
        weight = numpyro.sample("weight", dist.Normal(0, 100.0).expand([2]).to_event(1))
        numpyro.sample("y", dist.Normal(weight[0] + weight[1] * jnp.linspace(-1.0, 1.0, 20), scale))

    noise = np.random.default_rng(0).normal(size=20)
    data = {"y": 2.0 + 3.0 * np.linspace(-1, 1, 20) + 0.1 * noise}
    posterior = amortize(from_numpyro(program, observed=["y"]), steps=25, quiet=True)
    answer = posterior.answer(data)
    assert answer.reliable
    assert set(answer.exact) == {"weight"}
    assert answer.draws["weight"].shape == (4000, 2)
    design = np.stack([np.ones(20), np.linspace(-1, 1, 20)], axis=1)
    best, (rest,) = np.linalg.lstsq(design, data["y"], rcond=None)[:2]
    # Priors are flat on this scale, that of the scale itself: 1 / variance is gamma with 17 degrees of freedom.
    spread = np.sqrt(rest / 15 * np.diagonal(np.linalg.inv(design.T @ design)))
    assert (np.abs(answer.mean["weight"] - best) < MEAN * spread).all()
    assert (np.abs(answer.sd["weight"] / spread - 1) < SD).all()


def test_the_table_has_a_row_for_each_number(exact):
    lines = repr(exact.answer(NEAR, 100)).splitlines()
    assert lines[0] == "Answer (exact): every factor is exact"
    assert [line.split()[0] for line in lines[1:]] == ["latent", "x0", "x1", "x2"]


def test_counts_take_independence_chains():
    def program():
        number = numpyro.sample("number", dist.Poisson(3.0))
        numpyro.sample("y", dist.Normal(number * jnp.ones(2), 1.0))

    y = np.array([6.0, 7.0])
    posterior = amortize(from_numpyro(program, observed=["y"]), steps=25, quiet=True)
    counts = np.arange(40)
    log_prior = counts * np.log(3.0) - np.cumsum(np.log(np.maximum(counts, 1)))
    log_density = log_prior - ((y[:, None] - counts) ** 2).sum(axis=0) / 2
    weights = np.exp(log_density - log_density.max())
    mean = (weights * counts).sum() / weights.sum()
    sd = np.sqrt((weights * (counts - mean) ** 2).sum() / weights.sum())
    for answer in (posterior.answer({"y": y}), posterior.mcmc({"y": y})):
        assert answer.reliable
        assert abs(answer.mean["number"] - mean) < MEAN * sd
        assert abs(answer.sd["number"] / sd - 1) < SD


def test_without_a_density_calibration_and_novelty_judge():
    model = zoo.programs.implicit_generator(latents=1, pixels=2, hidden=(4,), noise=2)
    posterior = amortize(model, steps=25, quiet=True)
    answer = posterior.answer({"x": [50.0, -50.0]}, 100)
    assert answer.stage == "encoder"
    assert np.isnan(answer.khat)
    assert not answer.reliable
    assert answer.reasons[0] == "The observation lies outside what training saw."
    assert repr(answer).startswith("Answer NOT RELIABLE (encoder): ")
    with pytest.raises(DensityError):
        posterior.refine({"x": [0.0, 0.0]})
