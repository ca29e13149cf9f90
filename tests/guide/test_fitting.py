"""The short road: a guide is trained without an SVI of one's own, to the bound that SVI reaches."""

import jax
import jax.numpy as jnp
import numpy as np
import numpyro
import numpyro.distributions as dist
import pytest
from numpyro.infer import SVI, Predictive, RenyiELBO, Trace_ELBO

import retrodict as rd
from retrodict.errors import OptionError
from retrodict.train.loop import TrainingError
from tests.guide import programs

KEY = jax.random.key(0)
MANY = Trace_ELBO(num_particles=4000)


def bound_of(guide, params, *args):
    return -float(jax.jit(lambda held: MANY.loss(KEY, held, guide.program, guide, *args))(params))


@pytest.fixture(scope="module")
def trained():
    guide = rd.AutoFaithful(programs.tree, exact=False)
    return guide, guide.fit(programs.TREE_DATA, steps=800, loss=Trace_ELBO(num_particles=4), seed=2, quiet=True)


def test_it_reaches_the_bound_of_svi_and_the_evidence(trained):
    guide, params = trained
    svi = SVI(programs.tree, guide, numpyro.optim.Adam(0.01), Trace_ELBO(num_particles=4))
    theirs = svi.run(KEY, 800, programs.TREE_DATA, progress_bar=False).params
    assert jax.tree.structure(params) == jax.tree.structure(theirs)
    ours = bound_of(guide, params, programs.TREE_DATA)
    assert ours > bound_of(guide, theirs, programs.TREE_DATA) - 0.02
    assert ours == pytest.approx(programs.TREE_EVIDENCE, abs=0.05)


def test_its_parameters_are_those_that_numpyro_takes(trained):
    guide, params = trained
    drawn = guide.sample_posterior(KEY, params, programs.TREE_DATA, sample_shape=(2000,))
    again = Predictive(guide, params=params, num_samples=2000)(KEY, programs.TREE_DATA)
    for name, mean in zip(("root", "left", "right"), programs.TREE_MEAN, strict=True):
        assert float(drawn[name].mean()) == pytest.approx(mean, abs=0.15)
        assert float(again[name].mean()) == pytest.approx(mean, abs=0.15)


def scaled(n, x=None):
    """A parameter of the program itself, positive, and an argument that no array can be."""
    scale = numpyro.param("scale", 3.0, constraint=dist.constraints.positive)
    with numpyro.plate("rows", n):
        z = numpyro.sample("z", dist.Normal(0.0, scale))
        numpyro.sample("x", dist.Normal(z, 1.0), obs=x)


def test_parameters_of_the_program_and_another_loss_are_taken():
    rows = jax.random.normal(KEY, (8,))
    loss = RenyiELBO(alpha=0.0, num_particles=4)
    params = rd.AutoFaithful(scaled, exact=False).fit(8, x=rows, steps=60, learning_rate=0.1, loss=loss, quiet=True)
    assert 0 < float(params["scale"]) < 2


def test_closed_forms_that_parameters_forbid_are_told():
    with pytest.warns(rd.errors.RetrodictWarning, match="learns all latents.*this one has scale; give exact=False"):
        rd.AutoFaithful(scaled).setup(8, x=jnp.ones(8))


def test_the_same_seed_gives_the_same_bits():
    guide = rd.AutoFaithful(programs.normal, exact=False)
    first, again, other = (guide.fit(jnp.asarray(1.0), steps=5, seed=seed, quiet=True) for seed in (1, 1, 2))
    pairs = [list(map(np.asarray, jax.tree.leaves(params))) for params in (first, again, other)]
    assert all(np.array_equal(a, b) for a, b in zip(pairs[0], pairs[1], strict=True))
    assert not all(np.array_equal(a, b) for a, b in zip(pairs[0], pairs[2], strict=True))


@pytest.mark.parametrize("option", ["steps", "learning_rate", "seed"])
def test_numbers_out_of_range_are_refused(option):
    with pytest.raises(OptionError, match=f"^{option}=-1"):
        rd.AutoFaithful(programs.normal, exact=False).fit(1.0, quiet=True, **{option: -1})


def test_a_loss_that_is_not_finite_stops():
    with pytest.raises(TrainingError, match="not finite at step"):
        rd.AutoFaithful(programs.normal, exact=False).fit(1.0, steps=200, learning_rate=1e30, quiet=True)
