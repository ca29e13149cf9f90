"""What has a closed form is integrated out of the bound, its gradient included, at any arguments of the program."""

import jax
import jax.numpy as jnp
import numpy as np
import numpyro
import numpyro.distributions as dist
import pytest
from numpyro import handlers
from numpyro.infer import SVI, Predictive, RenyiELBO, Trace_ELBO, init_to_value
from scipy import stats

import retrodict as rd
from tests.guide import programs

KEY = jax.random.key(0)


def test_where_all_latents_have_closed_forms_each_draw_gives_the_evidence():
    guide = rd.AutoFaithful(programs.tree)
    params = guide.fit(programs.TREE_DATA, quiet=True)
    assert params == {}
    loss = jax.jit(lambda key: Trace_ELBO().loss(key, {}, programs.tree, guide, programs.TREE_DATA))
    for key in jax.random.split(KEY, 3):
        assert -float(loss(key)) == pytest.approx(programs.TREE_EVIDENCE, abs=1e-4)
    draws = guide.sample_posterior(KEY, params, programs.TREE_DATA, sample_shape=(4000,))
    columns = np.column_stack([draws[name] for name in ("root", "left", "right")])
    assert columns.mean(axis=0) == pytest.approx(programs.TREE_MEAN, abs=0.06)
    assert columns.std(axis=0) == pytest.approx(programs.TREE_SD, rel=0.06)


def assigned(y=None):
    """A mixture whose assignments are sites."""
    shift = numpyro.sample("shift", dist.Normal(0.0, 1.0))
    with numpyro.plate("rows", 4):
        z = numpyro.sample("z", dist.Bernoulli(0.3))
        numpyro.sample("y", dist.Normal(shift + 2.0 * z, 1.0), obs=y)


def summed(y=None):
    """The same with its assignments summed out."""
    shift = numpyro.sample("shift", dist.Normal(0.0, 1.0))
    parts = dist.Normal(shift + jnp.array([0.0, 2.0]), 1.0)
    with numpyro.plate("rows", 4):
        numpyro.sample("y", dist.MixtureSameFamily(dist.Categorical(jnp.array([0.7, 0.3])), parts), obs=y)


RENYI = pytest.param(RenyiELBO(alpha=0.5, num_particles=64), marks=pytest.mark.slow)


@pytest.mark.parametrize("loss", [Trace_ELBO(num_particles=64), RENYI])
def test_the_gradient_is_that_of_the_program_with_discrete_latents_summed_out(loss):
    """At a small scale all draws are alike, so that both have one value and one gradient."""
    data = jnp.array([0.2, 1.5, 3.0, -1.0])
    found = []

    def start(guide):
        with handlers.block(), handlers.seed(rng_seed=0), handlers.trace() as trace:
            guide(data)
        return {name: site["value"] for name, site in trace.items() if site["type"] == "param"}

    for program in (assigned, summed):
        guide = rd.AutoFaithful(program, init_loc_fn=init_to_value(values={"shift": 0.4}), init_scale=1e-3)
        guide.setup(data)
        params = jax.jit(start, static_argnums=0)(guide)
        run = jax.jit(jax.value_and_grad(lambda held: loss.loss(KEY, held, program, guide, data)))  # noqa: B023
        value, slope = run(params)
        found.append((float(value), float(slope["auto_loc"][0]), float(slope["auto_log_scale"][0])))
    assert found[0] == pytest.approx(found[1], abs=0.01)
    assert abs(found[0][1]) > 0.1


def effects(error, y=None):
    """A mean and effects, Gaussian given the scale of the effects, for errors that are arguments."""
    scale = numpyro.sample("scale", dist.HalfNormal(2.0))
    mean = numpyro.sample("mean", dist.Normal(0.0, 3.0))
    with numpyro.plate("groups", 3):
        effect = numpyro.sample("effect", dist.Normal(mean, scale))
        numpyro.sample("y", dist.Normal(effect, error), obs=y)


def test_other_arguments_of_the_program_give_other_closed_forms():
    """Given the scale, the evidence of all three groups is normal."""
    guide = rd.AutoFaithful(effects).setup(jnp.ones(3), jnp.zeros(3))
    assert guide.parts.space.drawn == ("scale",)
    error, data = jnp.array([0.5, 1.0, 2.0]), jnp.array([1.0, -1.0, 0.5])

    @jax.jit
    def run(error, data):
        given = handlers.substitute(handlers.seed(guide, 1), {"scale": jnp.asarray(1.5)})
        drawn = handlers.trace(given).get_trace(error, data)
        replayed = handlers.trace(handlers.replay(handlers.seed(effects, 0), drawn)).get_trace(error, data)
        sites = [site for site in replayed.values() if site["type"] == "sample"]
        joint = sum(site["fn"].log_prob(site["value"]).sum() for site in sites if site["name"] != "scale")
        own = drawn["_auto_latent"]
        return joint - own["fn"].log_prob(own["value"], own["intermediates"])

    covariance = 9.0 + np.diag(1.5**2 + np.asarray(error) ** 2)
    exact = stats.multivariate_normal(cov=covariance).logpdf(data)
    assert float(run(error, data)) == pytest.approx(exact, abs=1e-3)


@pytest.mark.filterwarnings("ignore:Currently, SVI with Trace_ELBO loss does not support")
def test_discrete_latents_are_drawn_as_the_program_has_them():
    data = jnp.array([0.2, 1.5, 3.0, -1.0])
    guide = rd.AutoFaithful(assigned)
    svi = SVI(assigned, guide, numpyro.optim.Adam(0.01), Trace_ELBO())
    params = svi.run(KEY, 50, data, progress_bar=False).params
    draws = Predictive(guide, params=params, num_samples=400)(KEY, data)
    assert draws["z"].shape == (400, 4)
    assert jnp.issubdtype(draws["z"].dtype, jnp.integer)
    assert float(draws["z"][:, 2].mean()) > float(draws["z"][:, 3].mean()) + 0.3
