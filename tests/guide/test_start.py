"""A guide begins where it is told, small, and keeps its head at a large learning rate."""

import equinox as eqx
import jax
import jax.numpy as jnp
import numpy as np
import numpyro
import numpyro.distributions as dist
import pytest
from numpyro import handlers
from numpyro.infer import SVI, Trace_ELBO, init_to_value

import retrodict as rd
from retrodict.errors import OptionError
from retrodict.guide.linear_encoder import EvenLinear
from retrodict.guide.start import init_to_prior_median

KEY = jax.random.key(0)
DATA = jnp.linspace(-3.0, 3.0, 12)


def wide(y=None):
    """Wide priors, on several supports; nothing of it has a closed form."""
    center = numpyro.sample("center", dist.Laplace(5.0, 1000.0))
    scale = numpyro.sample("scale", dist.HalfCauchy(100.0))
    with numpyro.plate("rows", 12):
        numpyro.sample("y", dist.StudentT(4.0, center, scale), obs=y)


@pytest.mark.parametrize("joint", [False, pytest.param(True, marks=pytest.mark.slow)])
def test_it_begins_at_the_median_of_the_prior(joint):
    guide = rd.AutoFaithful(wide, joint=joint).setup(DATA)
    svi = SVI(wide, guide, numpyro.optim.Adam(0.01), Trace_ELBO())
    params = jax.jit(lambda: svi.get_params(svi.init(KEY, DATA)))()
    draws = guide.sample_posterior(KEY, params, DATA, sample_shape=(4000,))
    assert float(draws["center"].mean()) == pytest.approx(5.0, abs=0.01)
    assert float(draws["center"].std()) == pytest.approx(0.1, rel=0.05)
    logs = np.log(np.asarray(draws["scale"]))
    assert logs.mean() == pytest.approx(np.log(100.0), abs=0.01)
    assert logs.std() == pytest.approx(0.1, rel=0.05)


def test_it_begins_near_the_median_where_quantiles_need_another_package():
    def program(y=None):
        rate = numpyro.sample("rate", dist.Gamma(3.0, 1.0))
        numpyro.sample("y", dist.StudentT(rate, 0.0, 1.0), obs=y)

    parts = rd.AutoFaithful(program).setup(0.5).parts
    assert float(jnp.exp(parts.location[0])) == pytest.approx(2.674, rel=0.1)


def walk(y=None):
    """Steps that are tiny a priori: around the median of the scale, a walk drawn with 0.1 has hardly any density."""
    scale = numpyro.sample("scale", dist.Exponential(50.0))
    path = numpyro.sample("path", dist.GaussianRandomWalk(scale, num_steps=12))
    numpyro.sample("y", dist.StudentT(4.0, 0.0, jnp.exp(path)), obs=y)


def test_it_begins_elsewhere_where_draws_around_the_median_have_no_density():
    bounds = []
    for where in (None, init_to_prior_median):
        guide = rd.AutoFaithful(walk, init_loc_fn=where).setup(DATA)
        svi = SVI(walk, guide, numpyro.optim.Adam(0.01), Trace_ELBO(num_particles=64))
        bounds.append(-float(jax.jit(lambda svi: svi.evaluate(svi.init(KEY, DATA), DATA), static_argnums=0)(svi)))
    assert bounds[0] > bounds[1] + 100.0


def test_sums_over_many_inputs_move_as_those_over_few():
    """A step that moves all kept weights alike moves the mean of 100 inputs of size one by as much as ten of one."""
    layer = EvenLinear(np.array([[True] * 100, [True] + [False] * 99]), KEY, gain=0.0)
    moved = eqx.tree_at(lambda one: one.weight, layer, layer.weight + 0.01)
    many, one = np.asarray(moved(jnp.ones(100)))
    assert many == pytest.approx(10 * one, rel=1e-5)
    assert one == pytest.approx(0.01, rel=1e-5)


def test_it_begins_where_it_is_told():
    guide = rd.AutoFaithful(wide, init_loc_fn=init_to_value(values={"center": 2.0, "scale": 3.0}), init_scale=1e-3)
    draws = handlers.seed(guide, 0)(DATA)
    assert float(draws["center"]) == pytest.approx(2.0, abs=0.01)
    assert float(draws["scale"]) == pytest.approx(3.0, rel=0.01)


def test_values_outside_of_a_support_and_scales_of_nothing_are_refused():
    guide = rd.AutoFaithful(wide, init_loc_fn=init_to_value(values={"center": np.nan, "scale": 3.0}))
    with pytest.raises(OptionError, match="init_loc_fn puts 'center'"):
        guide.setup(DATA)
    with pytest.raises(OptionError, match=r"^init_scale=1e-09 is too small"):
        rd.AutoFaithful(wide, init_scale=1e-9)


@pytest.mark.parametrize("optimizer", [numpyro.optim.Adam, numpyro.optim.ClippedAdam])
def test_no_step_is_lost_at_a_large_rate(optimizer):
    """At the median of the prior the data are a hundred scales away from what is expected of them."""
    guide = rd.AutoFaithful(wide).setup(DATA)
    svi = SVI(wide, guide, optimizer(0.05), Trace_ELBO())

    @jax.jit
    @jax.vmap
    def run(key):
        state = svi.init(key, DATA)
        return jax.lax.scan(lambda state, _: svi.update(state, DATA), state, length=500)[1]

    losses = np.asarray(run(jax.random.split(KEY, 5)))
    assert np.isfinite(losses).all()
    assert losses[:, -100:].mean() < losses[:, :20].mean() - 20
