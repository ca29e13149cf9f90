"""Programs as people write them meet the guide: loops, masks, states, parameters of networks, data without plates."""

from __future__ import annotations

import jax
import jax.numpy as jnp
import numpy as np
import numpyro
import numpyro.distributions as dist
import pytest
from jax.example_libraries import stax
from numpyro import handlers
from numpyro.contrib.control_flow import scan
from numpyro.infer import SVI, Trace_ELBO

import retrodict as rd
from retrodict.errors import OptionError, ProgramError
from retrodict.read.numpyro.density.density_reader import read_density

pytestmark = [
    # NumPyro looks for the length of each value of the guide where the program has a scan, also of its encoder.
    pytest.mark.filterwarnings("ignore:shape requires ndarray:DeprecationWarning"),
    pytest.mark.filterwarnings("ignore:Currently, SVI with Trace_ELBO:UserWarning"),
    pytest.mark.filterwarnings("ignore:Found plate statements in guide:UserWarning"),
]
START, TRANSITION = jnp.array([0.6, 0.4]), jnp.array([[0.9, 0.1], [0.3, 0.7]])
CENTERS = jnp.array([-1.0, 1.5])


def begin(program, *args, **options):
    guide = rd.AutoFaithful(program, **options)
    svi = SVI(program, guide, numpyro.optim.Adam(0.01), Trace_ELBO())
    return guide, svi, svi.init(jax.random.key(0), *args)


def autoregression(y):
    slope = numpyro.sample("slope", dist.Normal(0, 1))
    scale = numpyro.sample("scale", dist.HalfNormal(1))

    def step(before, value):
        now = numpyro.sample("y", dist.Normal(slope * before, scale), obs=value)
        return now, now

    scan(step, jnp.zeros(()), y)


def chains(y, lengths):
    """Hidden chains of several lengths: what lies behind the end of a sequence is masked, states and data."""

    def step(carry, row):
        states, t = carry
        with numpyro.plate("sequences", len(lengths)), handlers.mask(mask=t < lengths):
            weights = jnp.where(t == 0, START, TRANSITION[states])
            states = numpyro.sample("z", dist.Categorical(weights), infer={"enumerate": "parallel"})
            numpyro.sample("y", dist.Normal(CENTERS[states], 1.0), obs=row)
        return (states, t + 1), None

    scan(step, (jnp.zeros(len(lengths), jnp.int32), 0), y)


def score_chain(y):
    """The log likelihood of one chain by the forward recursion."""
    likelihood = np.exp(np.asarray(dist.Normal(CENTERS, 1.0).log_prob(jnp.asarray(y)[:, None])))
    forward = np.asarray(START) * likelihood[0]
    for row in likelihood[1:]:
        forward = forward @ np.asarray(TRANSITION) * row
    return float(np.log(forward.sum()))


# -- loops -------------------------------------------------------------------------------------------


def test_a_program_with_a_loop_begins_inside_of_svi():
    y = jnp.asarray(np.random.default_rng(0).normal(size=12), jnp.float32)
    _, svi, state = begin(autoregression, y)
    first = svi.evaluate(state, y)
    trained = jax.lax.fori_loop(0, 200, lambda _, state: svi.update(state, y)[0], state)
    assert svi.evaluate(trained, y) < first


@pytest.mark.parametrize("lengths", [(4, 4), (4, 2), (1, 3), (9, 12)])
def test_masked_chains_are_summed_out_exactly(lengths):
    steps = max(4, *lengths)
    y = np.random.default_rng(1).normal(size=(steps, len(lengths))).astype(np.float32)
    guide, svi, state = begin(chains, jnp.asarray(y), jnp.asarray(lengths))
    assert guide.parts.forms
    assert guide.parts.encoder is None
    # A masked state has density one at each of its two values.
    hidden = sum(steps - length for length in lengths)
    known = sum(score_chain(y[:length, i]) for i, length in enumerate(lengths)) + hidden * np.log(2)
    assert -float(svi.evaluate(state, jnp.asarray(y), jnp.asarray(lengths))) == pytest.approx(known, abs=1e-3)


def captures(y):
    """Capture histories: states before the first capture are masked, by data that the loop carries along."""
    survival, capture = (numpyro.sample(name, dist.Beta(2, 2)) for name in ("survival", "capture"))

    def step(carry, row):
        seen, alive = carry
        with numpyro.plate("animals", y.shape[1]), handlers.mask(mask=seen):
            alive = numpyro.sample("z", dist.Bernoulli(seen * survival * alive + 1e-6))
            numpyro.sample("y", dist.Bernoulli(capture * alive + 1e-6), obs=row)
        return (seen | (row == 1), alive), None

    scan(step, (y[0] == 1, jnp.ones(y.shape[1], jnp.int32)), y[1:])


def test_states_in_loops_are_elements_unless_whole_sites_are_asked_for():
    y = (np.random.default_rng(0).random((5, 6)) < 0.5).astype(int)
    with pytest.raises(OptionError, match="cannot draw 'z'"):
        rd.AutoFaithful(captures, elementwise=False).setup(y)
    guide = rd.AutoFaithful(captures).setup(y)
    drawn = {name for form in guide.parts.forms for name in form.variables}
    assert drawn >= {f"z[{t},{i}]" for t in range(4) for i in range(6) if y[: t + 1, i].any()}
    assert drawn.isdisjoint(["survival", "capture"])
    with pytest.raises(OptionError, match="cannot draw"):
        rd.AutoFaithful(captures, exact=False).setup(y)


def test_factors_in_loops_are_terms():
    def program(y):
        def step(before, value):
            level = numpyro.sample("level", dist.Normal(0, 10))
            numpyro.factor("smooth", -0.5 * (level - before) ** 2)
            numpyro.sample("y", dist.Normal(level, 1), obs=value)
            return level, None

        scan(step, jnp.zeros(()), y)

    y = jnp.arange(3.0)
    model = read_density(program, (y,), {}, elementwise=True)
    assert set(model.net.parents("smooth[1]")) == {"level[0]", "level[1]"}
    guide, svi, state = begin(program, y, elementwise=True)
    steps = np.eye(3) - np.eye(3, k=-1)
    precision = steps.T @ steps + np.eye(3) / 100
    found = float(jax.scipy.stats.multivariate_normal.logpdf(y, jnp.zeros(3), np.eye(3) + np.linalg.inv(precision)))
    scale = -0.5 * np.linalg.slogdet(precision)[1] - 3 * np.log(10)
    assert guide.certificate
    assert -float(svi.evaluate(state, y)) == pytest.approx(found + scale, abs=1e-3)


def test_improper_priors_in_loops_are_read():
    def program(y):
        def step(before, value):
            level = numpyro.sample("level", dist.ImproperUniform(dist.constraints.real, (), ()))
            numpyro.sample("y", dist.Normal(level + before, 1), obs=value)
            return level, None

        scan(step, jnp.zeros(()), y)

    model = read_density(program, (jnp.arange(3.0),), {}, elementwise=True)
    assert set(model.net.parents("y[1]")) == {"level[0]", "level[1]"}


# -- data without plates -----------------------------------------------------------------------------


def test_data_with_more_axes_than_their_distribution_are_scored_as_numpyro_scores_them():
    def program(y):
        loc = numpyro.sample("loc", dist.Normal(0, 10))
        numpyro.sample("y", dist.Normal(loc, 2), obs=y)

    y = jnp.asarray(np.random.default_rng(2).normal(3, 2, 20), jnp.float32)
    _, svi, state = begin(program, y)
    known = dist.MultivariateNormal(jnp.zeros(20), 4 * jnp.eye(20) + 100.0).log_prob(y)  # loc has a closed form
    assert -float(svi.evaluate(state, y)) == pytest.approx(float(known), abs=1e-3)


def test_a_simplex_of_one_state_is_drawn_as_it_is():
    def program(y):
        share = numpyro.sample("share", dist.Dirichlet(jnp.ones(1)))
        loc = numpyro.sample("loc", dist.StudentT(3, 0, 1))
        numpyro.sample("y", dist.Normal(loc * share[0], 1), obs=y)

    guide, svi, state = begin(program, 0.5)
    draws = guide.sample_posterior(jax.random.key(1), svi.get_params(state), 0.5, sample_shape=(3,))
    assert np.allclose(draws["share"], 1)
    assert np.ptp(draws["loc"]) > 0
    assert np.isfinite(svi.evaluate(state, 0.5))


def test_data_that_do_not_fit_their_distribution_are_refused():
    def program(y):
        loc = numpyro.sample("loc", dist.Normal(0, 1).expand([3]).to_event(1))
        numpyro.sample("y", dist.Normal(loc, 1), obs=y)

    with pytest.raises(ProgramError, match="'y'"):
        rd.AutoFaithful(program).setup(jnp.zeros((3, 2)))


# -- parameters of networks --------------------------------------------------------------------------


def decoder_program(y):
    decode = numpyro.module("decoder", stax.serial(stax.Dense(4), stax.Softplus, stax.Dense(3)), (len(y), 2))
    with numpyro.plate("rows", len(y)):
        z = numpyro.sample("z", dist.Normal(0, 1).expand([2]).to_event(1))
        numpyro.sample("y", dist.Normal(decode(z), 0.5).to_event(1), obs=y)


@pytest.mark.filterwarnings("ignore:The guide learns all latents")
def test_parameters_that_begin_at_random_are_those_of_the_program_and_are_learned():
    y = jnp.asarray(np.random.default_rng(3).normal(size=(6, 3)), jnp.float32)
    _, svi, state = begin(decoder_program, y)
    first, before = svi.evaluate(state, y), svi.get_params(state)["decoder$params"]
    trained = jax.lax.fori_loop(0, 300, lambda _, state: svi.update(state, y)[0], state)
    after = svi.get_params(trained)["decoder$params"]
    assert svi.evaluate(trained, y) < first
    assert not np.allclose(before[0][0], after[0][0])


def test_random_numbers_that_are_not_for_parameters_are_refused():
    def program(y):
        noise = jax.random.normal(numpyro.prng_key())
        z = numpyro.sample("z", dist.Normal(noise, 1))
        numpyro.sample("y", dist.Normal(z, 1), obs=y)

    with pytest.raises(ProgramError, match="outside of its sites"):
        rd.AutoFaithful(program).setup(0.5)
