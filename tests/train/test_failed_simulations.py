"""Simulations that fail are set aside, counted and named; where nearly all do, the error says so before training."""

from functools import cache

import jax
import jax.numpy as jnp
import numpy as np
import numpyro
import numpyro.distributions as dist
import pytest
from numpyro.contrib.control_flow import scan

from retrodict import AutoFaithful, amortize, from_numpyro
from retrodict.errors import SimulationError, SimulationWarning
from retrodict.train.failed_simulations import LARGEST, UsableSimulations, fill_in, set_aside

BAD = np.array([[1.0, 2.0], [np.nan, 3.0], [4.0, np.inf], [5.0, 1e19]], np.float32)


def explosive(spread):
    """A random walk whose coefficient is drawn: it overflows where that is far from zero."""

    def program(x=None):
        growth = numpyro.sample("growth", dist.Normal(0.0, spread))
        size = jnp.exp(growth)
        numpyro.sample("x", dist.Normal(jnp.exp(size) - jnp.e, 1.0), obs=x)

    return program


def test_rows_that_fail_give_their_place_to_others():
    rows = UsableSimulations(lambda _, n: (jnp.asarray(BAD), jnp.arange(4.0)[:, None]))
    latents, observed = jax.jit(rows, static_argnums=1)(jax.random.key(0), 4)
    assert latents.tolist() == [[1.0, 2.0]] * 4
    assert observed.ravel().tolist() == [0.0] * 4


def test_rows_that_do_not_fail_stay_as_they_are():
    drawn = jax.random.normal(jax.random.key(0), (5, 2)), jnp.zeros((5, 1))
    again = UsableSimulations(lambda _, n: drawn)(jax.random.key(0), 5)
    np.testing.assert_array_equal(again[0], drawn[0])


def test_failures_are_counted_by_variable():
    with pytest.warns(SimulationWarning, match=r"75\.0% .* set aside, at 'b' \(50\.0%\), 'a' \(25\.0%\); narrower"):
        kept = set_aside(BAD, ["a", "b"])
    assert kept.tolist() == [[1.0, 2.0]]


def test_few_failures_are_set_aside_in_silence():
    rows = np.zeros((1000, 1), np.float32)
    rows[7] = 2 * LARGEST
    assert len(set_aside(rows, ["a"])) == 999


def test_a_hopeless_prior_is_refused_with_the_way_out():
    rows = np.full((100, 2), np.nan, np.float32)
    rows[:, 0] = 0.0
    with pytest.raises(SimulationError, match=r"100\.000% .* fail at 'x'\. .* rd\.AutoFaithful") as error:
        set_aside(rows, ["z", "x"])
    assert error.value.variables == ("x",)


def test_entries_are_filled_in_column_by_column():
    assert fill_in(BAD).tolist() == [[1.0, 2.0], [1.0, 3.0], [4.0, 2.0], [5.0, 3.0]]
    assert fill_in(np.full((2, 1), np.nan, np.float32)).tolist() == [[0.0], [0.0]]


def test_a_prior_that_overflows_is_amortized_with_a_warning():
    model = from_numpyro(explosive(3.0), observed=["x"])
    with pytest.warns(SimulationWarning, match="at 'x'"):
        posterior = amortize(model, steps=25, quiet=True)
    assert np.isfinite(posterior.history.test).all()
    assert np.isfinite(posterior.sample({"x": 1.0}, 100)["growth"]).all()


def test_a_prior_that_always_overflows_is_refused_but_has_a_guide():
    program = explosive(500.0)

    def always(x=None):
        growth = numpyro.sample("growth", dist.Normal(0.0, 1.0))
        numpyro.sample("x", dist.Normal(jnp.exp(100.0 + growth), 1.0), obs=x)

    with pytest.raises(SimulationError, match="simulations: the guide"):
        amortize(from_numpyro(always, observed=["x"]), steps=1)
    assert AutoFaithful(program).setup(1.0).certificate


def test_a_draw_that_overflows_weighs_nothing():
    """Of a scale far below its prior, codes become infinite values, which no density scores."""

    def program(x=None):
        scale = numpyro.sample("scale", dist.LogNormal(0.0, 60.0))
        numpyro.sample("x", dist.Normal(0.0, jnp.log1p(scale)), obs=x)

    with pytest.warns(SimulationWarning):
        posterior = amortize(from_numpyro(program, observed=["x"]), steps=25, quiet=True, exact=False)
    weighed = posterior.importance({"x": 1.0}, 2000)
    lost = ~np.isfinite(weighed.draws["scale"])
    assert lost.any()
    assert np.isneginf(weighed.log_weights[lost]).all()


def list_series():
    """Series whose priors let some of them explode: (program, warning)."""

    def arma(x=None):
        mu, phi, theta = (
            numpyro.sample(n, dist.Normal(0.0, s)) for n, s in [("mu", 10.0), ("phi", 2.0), ("theta", 2.0)]
        )
        sigma = numpyro.sample("sigma", dist.HalfCauchy(2.5))

        def step(carry, _):
            last, error = carry
            mean = mu + phi * last + theta * error
            value = numpyro.sample("x", dist.Normal(mean, sigma))
            return (value, value - mean), None

        scan(step, (mu, 0.0), jnp.zeros(60))

    def volatility(x=None):
        step_size = numpyro.sample("step_size", dist.Exponential(0.1))
        walk = numpyro.sample("s", dist.GaussianRandomWalk(step_size, num_steps=30))
        nu = numpyro.sample("nu", dist.Exponential(0.1))
        numpyro.sample("x", dist.StudentT(nu, 0.0, jnp.exp(walk)).to_event(1), obs=x)

    return {"arma": arma, "volatility": volatility}


@pytest.mark.slow
@pytest.mark.parametrize("name", ["arma", "volatility"])
def test_series_that_may_explode_are_amortized(name):
    model = from_numpyro(list_series()[name], observed=["x"], elementwise=name == "arma")
    with pytest.warns(SimulationWarning):
        posterior = amortize(model, steps=100, quiet=True)
    assert np.isfinite(posterior.history.test).all()


@pytest.mark.slow
def test_a_series_that_nearly_always_explodes_is_refused():
    def autoregression(x=None):
        weights = numpyro.sample("weights", dist.Normal(jnp.zeros(5), 10.0).to_event(1))
        sigma = numpyro.sample("sigma", dist.HalfCauchy(2.5))

        def step(past, _):
            value = numpyro.sample("x", dist.Normal(past @ weights, sigma))
            return jnp.append(past[1:], value), None

        scan(step, jnp.ones(5), jnp.zeros(100))

    with pytest.raises(SimulationError, match="cannot be simulated; they fail at 'x"):
        amortize(from_numpyro(autoregression, observed=["x"], elementwise=True), steps=1)


@cache
def train_in(unit):
    def program(x=None):
        z = numpyro.sample("z", dist.Normal(3.0 * unit, unit))
        scale = numpyro.sample("scale", dist.LogNormal(jnp.log(unit), 0.5))
        numpyro.sample("x", dist.Normal(z, scale), obs=x)

    return amortize(from_numpyro(program, observed=["x"]), steps=100, quiet=True, exact=False).history.test[-1]


@pytest.mark.parametrize("unit", [1e-6, pytest.param(1e6, marks=pytest.mark.slow)])
def test_units_of_latents_and_data_do_not_matter(unit):
    """The objective is that of the same model in other units, whose entropy is greater by the log of the unit."""
    assert train_in(unit) - train_in(1.0) == pytest.approx(np.log(unit), abs=0.02)
