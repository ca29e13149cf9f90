"""Encoders in the units of the posterior: what priors that are far wider than the data do no harm to."""

from __future__ import annotations

import equinox as eqx
import jax
import jax.numpy as jnp
import numpy as np
import numpyro
import numpyro.distributions as dist
import pytest

import retrodict as rd
from retrodict.encode.peaks.build_peaks import make_peaks
from retrodict.encode.peaks.peak_encoder import PeakEncoder
from retrodict.errors import RetrodictWarning
from retrodict.exact.find_forms import list_others, plan_closed_forms
from retrodict.posterior.answers.program_answer import leave_untrained
from retrodict.posterior.sharing import share
from retrodict.posterior.training.peak_training import FEWEST, LOOK, SearchClock

X = np.column_stack([np.ones(30), np.linspace(-1, 1, 30)]).astype(np.float32)
Y = (X @ np.array([3.0, -2.0]) + 0.1 * np.random.default_rng(0).standard_normal(30)).astype(np.float32)


def regression():
    """A regression whose priors are hundreds of times wider than its posterior."""
    weights = numpyro.sample("weights", dist.Normal(0, 100).expand([2]).to_event(1))
    scale = numpyro.sample("scale", dist.HalfNormal(50))
    numpyro.sample("y", dist.Normal(X @ weights, scale))


def logistic():
    slope = numpyro.sample("slope", dist.Normal(0, 5))
    offset = numpyro.sample("offset", dist.Normal(0, 5))
    numpyro.sample("y", dist.Bernoulli(logits=offset + slope * X[:, 1]))


def mixture():
    """Two tops for all data: peaks say nothing of the other one."""
    loc = numpyro.sample("loc", dist.Normal(0, 5))
    numpyro.sample("y", dist.Normal(jnp.abs(loc) * jnp.ones(20), 0.5))


def counts():
    rate = numpyro.sample("rate", dist.Exponential(1.0))
    n = numpyro.sample("n", dist.Poisson(10 * rate))
    numpyro.sample("y", dist.Normal(n * jnp.ones(3), 1.0))


def exact_scale(y):
    """Mean and sd of the log of the scale, by quadrature."""
    grid = np.linspace(-4, 1, 4001)
    scales = np.exp(grid)
    logs = []
    for scale in scales:
        covariance = 1e4 * X.astype(float) @ X.T.astype(float) + scale**2 * np.eye(30)
        logs.append(-0.5 * np.linalg.slogdet(covariance)[1] - 0.5 * y @ np.linalg.solve(covariance, y))
    logs = np.array(logs) - 0.5 * (scales / 50) ** 2 + grid
    weights = np.exp(logs - logs.max())
    weights /= weights.sum()
    mean = weights @ grid
    return mean, np.sqrt(weights @ (grid - mean) ** 2)


@pytest.fixture(scope="module")
def trained():
    return rd.amortize(rd.from_numpyro(regression, observed=["y"]), steps=100, quiet=True)


def test_a_wide_prior_does_no_harm(trained):
    mean, sd = exact_scale(Y.astype(float))
    assert isinstance(trained.encoder, PeakEncoder)
    scale = np.log(trained.sample({"y": Y}, 20_000)["scale"])
    assert abs(scale.mean() - mean) < 0.1 * sd
    assert 0.9 < scale.std() / sd < 1.1
    weighed = trained.importance({"y": Y}, 20_000)
    logs = np.log(weighed.draws["scale"])
    assert abs(weighed.weights @ logs - mean) < 0.05 * sd
    assert float(weighed.ess) > 19_000
    assert float(weighed.khat) < 0.5


def test_draws_have_the_density_that_is_said(trained):
    draws = trained.sample({"y": np.stack([Y, 2 * Y])}, 5)
    again = trained.log_prob(draws, {"y": np.stack([Y, 2 * Y])})
    space, encoder = trained.factors[0].space, trained.encoder
    observed = np.repeat(Y[None], 501, axis=0)
    grid = np.linspace(-4, 1, 501)[:, None].astype(np.float32)
    score = eqx.filter_jit(encoder.log_prob)
    assert abs(np.trapezoid(np.exp(score(grid, observed)), grid[:, 0]) - 1) < 1e-3
    codes, density = eqx.filter_jit(encoder.sample_and_log_prob)(jax.random.key(1), observed)
    np.testing.assert_allclose(score(codes, observed), density, atol=1e-3)
    assert again.shape == (5, 2)
    assert np.isfinite(again).all()
    assert space.code_columns["scale"].size == 1


def test_it_is_saved_and_loaded(trained, tmp_path):
    trained.save(tmp_path)
    loaded = rd.load(tmp_path, rd.from_numpyro(regression, observed=["y"]))
    for name, values in trained.sample({"y": Y}, 50).items():
        np.testing.assert_array_equal(loaded.sample({"y": Y}, 50)[name], values)


def test_without_steps_it_is_normal_with_the_spread_of_simulations():
    untrained = rd.amortize(rd.from_numpyro(logistic, observed=["y"]), steps=0, quiet=True)
    assert isinstance(untrained.encoder, PeakEncoder)
    assert not untrained.history.step
    data = {"y": (X[:, 1] + np.random.default_rng(1).logistic(size=30) / 2 > 0).astype(int)}
    weighed = untrained.importance(data, 8000)
    assert float(weighed.ess) > 3000
    raw = untrained.sample(data, 8000)
    assert abs(raw["slope"].mean() - weighed.mean["slope"]) < 0.35 * weighed.sd["slope"]


def test_two_tops_have_an_encoder_of_their_own_values():
    posterior = rd.amortize(rd.from_numpyro(mixture, observed=["y"]), steps=10, quiet=True)
    assert not isinstance(posterior.encoder, PeakEncoder)


def process():
    length = numpyro.sample("length", dist.LogNormal(0.0, 1.0))
    kernel = jnp.exp(-(((X[:5, 1][:, None] - X[:5, 1]) / length) ** 2)) + 0.1 * jnp.eye(5)
    numpyro.sample("y", dist.MultivariateNormal(jnp.zeros(5), covariance_matrix=kernel))


@pytest.mark.parametrize("program", [counts, process])
def test_discrete_latents_and_matrix_solvers_have_no_peaks(program):
    model = rd.from_numpyro(program, observed=["y"])
    inverse, forms = plan_closed_forms(model)
    names = list_others(inverse, forms)
    compiled = share(model, inverse, names if forms else None)
    assert make_peaks(model, compiled.space, forms) is None


def test_a_simplex_has_peaks():
    """Of three shares two are free."""

    def votes():
        shares = numpyro.sample("shares", dist.Dirichlet(jnp.ones(3)))
        numpyro.sample("y", dist.Normal(shares, 0.02))

    posterior = rd.amortize(rd.from_numpyro(votes, observed=["y"]), steps=0, quiet=True)
    assert isinstance(posterior.encoder, PeakEncoder)
    weighed = posterior.importance({"y": [0.2, 0.5, 0.3]}, 4000)
    np.testing.assert_allclose(weighed.mean["shares"], [0.2, 0.5, 0.3], atol=0.005)
    np.testing.assert_allclose(weighed.sd["shares"], 0.02 * (2 / 3) ** 0.5, rtol=0.1)  # given that the sum is one
    assert float(weighed.ess) > 2000


def test_noise_keeps_the_structure_of_the_inverse():
    """Given z2, z1 does not depend on z3: a triangular map would show it z3 by way of the noise of z2."""

    def chain():
        z3 = numpyro.sample("z3", dist.StudentT(4.0, 0.0, 1.0))
        z2 = numpyro.sample("z2", dist.StudentT(4.0, jnp.sin(z3), 1.0))
        z1 = numpyro.sample("z1", dist.StudentT(4.0, z2**2, 1.0))
        numpyro.sample("y", dist.StudentT(4.0, z1 + jnp.tanh(z2), 0.3))

    model = rd.from_numpyro(chain, observed=["y"])
    inverse = rd.invert(model, ["z1", "z2", "z3"])
    assert set(inverse.parents["z1"]) == {"z2", "y"}
    assert set(inverse.parents["z2"]) == {"z3", "y"}
    posterior = leave_untrained(model, 0, inverse)
    encoder, space = posterior.encoder, posterior.factors[0].space
    assert encoder.viewer.apart
    shaken = jax.tree.map(
        lambda leaf: jnp.asarray(np.asarray(leaf) + np.float32(0.1)) if eqx.is_inexact_array(leaf) else leaf,
        encoder.own.network,
    )
    observed = jnp.ones((1, 1))
    sight = eqx.filter_jit(encoder.viewer)(observed)

    def score(codes):
        own = eqx.tree_at(lambda whole: whole.network, encoder.own, shaken)
        return own.log_factors(sight.standardize(codes[None]), sight.features)[0]

    slopes = np.asarray(jax.jit(jax.jacobian(score))(jnp.array([0.3, -0.2, 0.5])))
    z1, z2, z3 = (int(space.code_columns[name][0]) for name in ("z1", "z2", "z3"))
    assert slopes[z1, z3] == slopes[z2, z1] == slopes[z3, z1] == slopes[z3, z2] == 0
    assert slopes[z1, z2] != 0
    assert slopes[z2, z3] != 0


def test_a_prior_that_cannot_be_simulated_has_peaks_all_the_same():
    def explosion():
        growth = numpyro.sample("growth", dist.Normal(0, 10_000))
        scale = numpyro.sample("scale", dist.HalfNormal(10))
        before = jnp.ones(())
        for step in range(10):
            before = numpyro.sample(f"x{step}", dist.Normal(growth * before, scale))

    values = [1.0]
    rng = np.random.default_rng(0)
    for _ in range(10):
        values.append(0.7 * values[-1] + 0.3 * rng.standard_normal())
    model = rd.from_numpyro(explosion, observed=[f"x{step}" for step in range(10)])
    data = {f"x{step}": np.float32(value) for step, value in enumerate(values[1:])}
    with pytest.raises(rd.errors.SimulationError):
        rd.amortize(model, steps=5, quiet=True)
    posterior = leave_untrained(model, seed=0)
    assert isinstance(posterior.encoder, PeakEncoder)
    weighed = posterior.importance(data, 4000)
    assert float(weighed.ess) > 3000
    assert abs(float(weighed.mean["growth"]) - 0.7) < 0.3


def correlated():
    factor = np.array([[1.0, 0.0], [0.5, 1.0]], np.float32)
    weights = numpyro.sample("weights", dist.MultivariateNormal(jnp.zeros(2), covariance_matrix=factor @ factor.T))
    numpyro.sample("y", dist.Bernoulli(logits=X @ weights))


def test_a_constant_matrix_does_not_stand_in_the_way_of_peaks():
    model = rd.from_numpyro(correlated, observed=["y"])
    inverse, forms = plan_closed_forms(model)
    assert not forms
    assert make_peaks(model, share(model, inverse, None).space, forms) is not None


def test_where_time_is_short_draws_are_normal_at_the_peak_of_the_data():
    model = rd.from_numpyro(regression, observed=["y"])
    with pytest.warns(RetrodictWarning, match="too few to train on"):
        posterior = rd.amortize(model, seconds=0.01, quiet=True)
    assert len(posterior.history.step) == 0
    weighed = posterior.importance({"y": Y}, 2000)
    mean, sd = exact_scale(Y.astype(float))
    logs = np.log(weighed.draws["scale"])
    assert abs(weighed.weights @ logs - mean) < 0.1 * sd
    assert float(weighed.ess) > 1500


def test_a_clock_lets_the_fewest_simulations_be_reached_if_they_can_be(monkeypatch):
    now = [0.0]
    monkeypatch.setattr("retrodict.posterior.training.peak_training.monotonic", lambda: now[0])
    clock, over = SearchClock(10.0), []
    for _ in range(FEWEST // LOOK):  # 256 simulations take nine seconds of ten
        now[0] += 9.0 * LOOK / FEWEST
        over.append(clock.count(LOOK))
    assert over == [False] * (len(over) - 1) + [True]
    now[0] = 0.0
    slow = SearchClock(10.0)
    for _ in range(4):
        now[0] += 1.5
        slow.count(LOOK)
    assert slow.is_over
    assert slow.looked < FEWEST
    assert not SearchClock(np.inf).count(LOOK)


def test_one_observation_is_looked_at_once_for_all_blocks(trained):
    rows = trained.read({"y": Y}).rows
    looked = trained.compiled.look(trained.factors, rows)
    assert trained.compiled.look(trained.factors, np.concatenate([rows, rows])) == trained.factors
    assert not looked[0].looks
    key = jax.random.key(3)
    several = jnp.asarray(np.repeat(rows, 5, axis=0))
    plain, at_once = (trained.compiled.draw(factors, key, several) for factors in (trained.factors, looked))
    assert np.allclose(plain, at_once, rtol=1e-4, atol=1e-4)


def two_tops():
    """Two peaks of the same height, at -6 and at 6, of which the second is wide."""
    z = numpyro.sample("z", dist.Normal(0, 6))
    numpyro.sample("y", dist.Normal((z + 6) * (z - 6) ** 2 / 20, 1.0))


def test_an_answer_looks_from_all_starts_for_the_peak_with_the_most_mass():
    posterior = leave_untrained(rd.from_numpyro(two_tops, observed=["y"]), 0)
    rows = posterior.read({"y": 0.0}).rows
    tops = []
    for start in np.asarray(posterior.encoder.viewer.starts):
        alone = eqx.tree_at(lambda own: own.starts, posterior.encoder.viewer, jnp.asarray(start[None]))
        tops.append(float(alone(jnp.asarray(rows)).top[0, 0]))
    assert min(tops) == pytest.approx(-6, abs=0.5)
    assert max(tops) == pytest.approx(6, abs=0.5)
    (looked, *_), doubt, note = posterior.compiled.look_around(posterior.factors, rows, np.inf)
    assert float(looked.encoder.viewer.sight.top[0]) == pytest.approx(6, abs=0.5)
    grid = np.linspace(-10, 10, 20_001)
    density = np.exp(-((grid / 6) ** 2) / 2 - ((grid + 6) * (grid - 6) ** 2 / 20) ** 2 / 2)
    share = density[grid < 0].sum() / density[grid > 0].sum()
    assert doubt == ""
    said = float(note.split("about ")[1].split("%")[0]) / 100
    assert 0.5 < said / share < 2
    _, late, _ = posterior.compiled.look_around(posterior.factors, rows, 0.0)
    assert "from 1 of 8 starts" in late
    assert "Another peak" in repr(posterior.answer({"y": 0.0}, n=100))
    hurried = posterior.answer({"y": 0.0}, n=100, seconds=1e-3)
    assert not hurried.reliable
    assert "of 8 starts" in hurried.verdict


def test_one_peak_is_one_from_wherever_it_is_reached(trained):
    *_, doubt, note = trained.compiled.look_around(trained.factors, trained.read({"y": Y}).rows, np.inf)
    assert (doubt, note) == ("", "")
