"""Noise behind latents: the density that it has, and chains that pass through a funnel."""

from dataclasses import replace

import jax
import jax.numpy as jnp
import numpy as np
import numpyro
import numpyro.distributions as dist
import pytest

import retrodict as rd
from retrodict import zoo
from retrodict.encode.peaks.marginal_density import MarginalDensity
from retrodict.posterior.answers import stages
from retrodict.posterior.answers.chains import CHAINS, MOST_DIVERGENT, run_chains
from retrodict.posterior.answers.noise.beginning import begin
from retrodict.posterior.answers.noise.noncentered import Noncentered
from retrodict.posterior.factors import GenerativeFactor
from retrodict.posterior.sharing import share

Y, ERROR = np.array([28.0, 8, -3, 7, -1, 1, 18, 12], np.float32), 10.0


def nested():
    """Effects in groups, a scale that is not one of theirs, and a latent without children."""
    top = numpyro.sample("top", dist.Normal(1.0, 2.0))
    scale = numpyro.sample("scale", dist.HalfCauchy(3.0))
    with numpyro.plate("groups", 3):
        middle = numpyro.sample("middle", dist.Normal(top, scale))
    heavy = numpyro.sample("heavy", dist.StudentT(4.0, middle[0], scale))
    with numpyro.plate("members", 3):
        numpyro.sample("y", dist.Poisson(jnp.exp(middle / 10 + heavy / 20)))
    numpyro.sample("barren", dist.Normal(top, 1.0))


def funnel():
    """Neal's funnel, of which data say nearly nothing."""
    v = numpyro.sample("v", dist.Normal(0.0, 3.0))
    with numpyro.plate("n", 8):
        x = numpyro.sample("x", dist.Normal(0.0, jnp.exp(v / 2)))
        numpyro.sample("y", dist.Normal(x, ERROR))


def prepare(model, data):
    compiled = share(model, rd.invert(model))
    generative = compiled.space.generative
    barren = tuple(name for name, own in zip(model.net.names, generative, strict=True) if own)
    factors = (GenerativeFactor(model=model, barren=barren),) if barren else ()
    return Noncentered.of(compiled, factors, np.atleast_2d(compiled.space.read(data)[1]).astype(np.float32))


def test_effects_are_their_mean_and_so_many_of_their_spreads():
    noise = prepare(rd.from_numpyro(nested, observed=["y"]), {"y": np.array([1.0, 2, 3])})
    places = noise.space.code_columns
    rng = np.random.default_rng(0)
    start = rng.normal(size=noise.size).astype(np.float32)
    codes, log_det = noise.move(jnp.asarray(start), jnp.asarray(noise.observed[0]))
    top, scale = codes[places["top"]], jnp.exp(codes[places["scale"]])
    np.testing.assert_allclose(top, start[places["top"]])
    np.testing.assert_allclose(codes[places["middle"]], top + scale * start[places["middle"]], rtol=1e-5)
    # Of Student's t with 4 degrees of freedom the curvature is 5 / 4 at the middle; elsewhere any is right.
    jacobian = jax.jacfwd(lambda own: noise.move(own, jnp.asarray(noise.observed[0]))[0])(jnp.asarray(start))
    np.testing.assert_allclose(log_det, np.linalg.slogdet(np.asarray(jacobian, float))[1], rtol=1e-4)


def test_noise_has_the_density_of_the_codes_that_it_stands_for():
    noise = prepare(rd.from_numpyro(nested, observed=["y"]), {"y": np.array([1.0, 2, 3])})
    density = MarginalDensity(noise.compiled.model, noise.space, ())
    for seed in range(5):
        start = jnp.asarray(np.random.default_rng(seed).normal(size=noise.size).astype(np.float32))
        codes, log_det = noise.move(start, jnp.asarray(noise.observed[0]))
        expected = density(codes[None], jnp.asarray(noise.observed))[0] + log_det
        np.testing.assert_allclose(noise.score_one(start), expected, rtol=1e-5)


def test_noise_of_codes_stands_for_these_codes():
    noise = prepare(rd.from_numpyro(nested, observed=["y"]), {"y": np.array([1.0, 2, 3])})
    observed = jnp.asarray(noise.observed[0])
    start = jnp.asarray(np.random.default_rng(1).normal(size=noise.size).astype(np.float32))
    np.testing.assert_allclose(noise.whiten(noise.move(start, observed)[0], observed), start, rtol=1e-4, atol=1e-5)


def test_chains_begin_at_rows_that_lie_as_deep_as_draws_do_and_else_near_the_top():
    noise = prepare(rd.from_numpyro(funnel, observed=["y"]), {"y": Y})
    rng = np.random.default_rng(0)
    good = rng.normal(size=(100, noise.size))
    np.testing.assert_array_equal(begin(noise, lambda: good, 0)[1], good)
    far = good + 100.0  # nowhere near the posterior
    assert np.abs(begin(noise, lambda: far, 0)[1]).max() < 20
    lost = np.where(rng.random((100, 1)) < 0.6, np.nan, good)
    assert begin(noise, lambda: lost, 0)[1].shape == (CHAINS, noise.size)


def alone():
    numpyro.sample("y", dist.Normal(numpyro.sample("z", dist.Normal(0, 1)), 1))


def chosen():
    z = numpyro.sample("z", dist.Normal(0, 1))
    own = numpyro.sample("own", dist.Normal(z, 1))
    numpyro.sample("y", dist.Normal(own * numpyro.sample("state", dist.Bernoulli(0.5)), 1))


@pytest.mark.parametrize("program", [alone, chosen])
def test_there_is_none_where_no_latent_has_latent_parents_or_one_is_discrete(program):
    assert prepare(rd.from_numpyro(program, observed=["y"]), {"y": 0.0}) is None


def walking():
    scale = numpyro.sample("scale", dist.HalfNormal(1))
    states = numpyro.sample("states", dist.GaussianRandomWalk(scale, num_steps=5))
    numpyro.sample("y", dist.Normal(states, 1).to_event(1))


def test_noise_of_a_random_walk_is_standard_given_its_scale():
    noise = prepare(rd.from_numpyro(walking, observed=["y"]), {"y": np.zeros(5)})
    (level,) = noise.levels
    assert level.chained
    start = jnp.asarray(np.random.default_rng(0).normal(size=noise.size).astype(np.float32))
    codes, log_det = noise.move(start, jnp.asarray(noise.observed[0]))
    jacobian = np.asarray(jax.jacfwd(lambda own: noise.move(own, jnp.asarray(noise.observed[0]))[0])(start), float)
    np.testing.assert_allclose(log_det, np.linalg.slogdet(jacobian)[1], rtol=1e-4)
    own = jacobian[np.ix_(level.codes, level.codes)]
    scale = float(jnp.exp(codes[noise.space.code_columns["scale"][0]]))
    times = np.minimum(*np.ogrid[1:6, 1:6])
    np.testing.assert_allclose(own @ own.T, scale**2 * times, rtol=1e-3)
    np.testing.assert_allclose(noise.whiten(codes, jnp.asarray(noise.observed[0])), start, rtol=1e-3, atol=1e-4)


def neighbours():
    """Latents each of which depends on more than its neighbours, given the others."""
    scale = numpyro.sample("scale", dist.HalfNormal(1))
    covariance = scale * (jnp.eye(6) + 0.5)
    field = numpyro.sample("field", dist.MultivariateNormal(jnp.zeros(6), covariance))
    numpyro.sample("y", dist.Normal(field, 1).to_event(1))


def test_latents_that_depend_on_many_others_are_left_as_they_are():
    assert prepare(rd.from_numpyro(neighbours, observed=["y"]), {"y": np.zeros(6)}) is None


def test_a_chain_of_states_is_left_as_it_is():
    assert prepare(zoo.hmm(5), {f"x{i}": 0.0 for i in range(5)}) is not None
    assert prepare(zoo.hmm(20), {f"x{i}": 0.0 for i in range(20)}) is None


def find_moments_of_v(y):
    grid = np.linspace(-15, 15, 20_001)
    variance = np.exp(grid) + ERROR**2
    log_p = -0.5 * (grid / 3) ** 2 - 0.5 * (len(y) * np.log(variance) + (y**2).sum() / variance)
    weights = np.exp(log_p - log_p.max())
    weights /= weights.sum()
    mean = weights @ grid
    return mean, np.sqrt(weights @ (grid - mean) ** 2)


def walk(noise, **options):
    units, starts = begin(noise, lambda: np.full((4, noise.size), np.nan), 0)
    return run_chains(noise, units, starts, 4000, 0, np.inf, **options)


def test_chains_of_noise_pass_through_a_funnel_in_which_others_are_stuck():
    model = rd.from_numpyro(funnel, observed=["y"])
    noise = prepare(model, {"y": Y})
    mean, sd = find_moments_of_v(Y.astype(float))
    chains = walk(noise)
    v = chains.codes[..., noise.space.code_columns["v"]]
    assert not chains.reasons
    assert abs(v.mean() - mean) < 0.1 * sd
    assert abs(v.std() / sd - 1) < 0.1
    draws = noise.space.unpack(noise.complete(chains.codes.reshape(-1, noise.size)[:100], 0))
    assert draws["x"].shape == (100, 8)
    centered = walk(replace(noise, levels=()), patient=False)
    assert centered.divergent > MOST_DIVERGENT


class AskedError(Exception):
    """Which density chains walk on first."""


def measured():
    """Effects that closed forms integrate out."""
    top = numpyro.sample("top", dist.Normal(0, 1))
    scale = numpyro.sample("scale", dist.HalfNormal(1))
    with numpyro.plate("groups", 8):
        effects = numpyro.sample("effects", dist.Normal(top, scale))
        numpyro.sample("y", dist.Normal(effects, 1.0))


def counted():
    """Effects that have no closed form."""
    scale = numpyro.sample("scale", dist.HalfNormal(1))
    with numpyro.plate("groups", 8):
        effects = numpyro.sample("effects", dist.Normal(0, scale))
        numpyro.sample("y", dist.Poisson(jnp.exp(effects)))


@pytest.mark.parametrize(("program", "first"), [(measured, "Marginal"), (counted, "Noncentered")])
def test_chains_walk_on_noise_first_unless_closed_forms_leave_far_fewer_numbers(program, first, monkeypatch):
    def walk_on(density, *_, **__):
        raise AskedError(type(density).__name__)

    monkeypatch.setattr(stages, "run_chains", walk_on)
    post = rd.amortize(rd.from_numpyro(program, observed=["y"]), steps=0)
    with pytest.raises(AskedError, match=first):
        post.mcmc({"y": np.array([0.0, 1, 0, 2, 1, 0, 3, 1])}, n=1000, seconds=5)
