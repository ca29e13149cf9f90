"""Values of observed sites that a latent decides are refused, wherever it comes in; what data alone decide is read."""

import jax
import jax.numpy as jnp
import numpy as np
import numpyro
import numpyro.distributions as dist
import pytest
from numpyro import handlers
from numpyro.contrib.control_flow import cond, scan

import retrodict as rd
from retrodict.errors import ProgramError

sample = numpyro.sample
Y = np.array([0.5, np.nan, 1.5, np.nan])
SEEN, MISSING = np.array([0, 2]), np.array([1, 3])


def latent(name="mu"):
    return sample(name, dist.Normal(0, 10))


def residual(y):
    mu, sigma = latent(), sample("sigma", dist.HalfNormal(1))
    sample("err", dist.Normal(0, sigma), obs=y - mu)


class Shell(dist.Distribution):
    """A density on the distance from a point, as in NumPyro's gaussian_shells."""

    support = dist.constraints.real_vector

    def __init__(self, center, radius):
        self.center, self.radius = center, radius
        super().__init__(event_shape=jnp.shape(center)[-1:])

    def sample(self, key, sample_shape=()):
        return jnp.zeros(sample_shape + self.shape())

    def log_prob(self, value):
        return dist.Normal(self.radius, 0.1).log_prob(jnp.linalg.norm(value - self.center, axis=-1))


def shells(y):
    """A latent given as data to a density that stands for a factor."""
    which = sample("which", dist.Bernoulli(0.5))
    mu = sample("mu", dist.Uniform(-6.0, 6.0).expand([2]).to_event(1))
    sample("err", Shell(jnp.array([[-3.5, 0.0], [3.5, 0.0]])[which], 2.0), obs=mu)


def imputed_beside_a_mask(y):
    """The tutorial on missing data: what is missing is masked, and scored at the site of the data."""
    scale = sample("scale", dist.HalfNormal(1.0))
    mu = sample("mu", dist.Normal(0.0, scale).expand([2]).mask(False))
    sample("err", dist.Normal(0.0, scale).expand([4]), obs=jnp.asarray(Y).at[MISSING].set(mu))


def imputed(y):
    mu = sample("mu", dist.Normal(0, 1).expand([2]))
    x = jnp.asarray(Y).at[MISSING].set(mu)
    sample("err", dist.Normal(0, 1).expand([4]), obs=x)
    sample("x", dist.Normal(x.sum(), 1), obs=y)


def joined(y):
    mu = sample("mu", dist.Normal(0, 1).expand([2]))
    sample("err", dist.Normal(0, 1).expand([4]), obs=jnp.concatenate([mu, Y[SEEN]]))


def one_of_a_tuple(y):
    pairs = ({"data": (y, latent())},)
    with numpyro.plate("rows", 2):
        sample("err", dist.Normal(0, 1), obs=jnp.stack(pairs[0]["data"]))


def through_a_closure(y):
    mu = latent()

    def shift(x):
        return jnp.where(x > 9, x, mu)

    sample("err", dist.Normal(0, 1), obs=jax.jit(shift)(y))


def through_a_deterministic_site(y):
    sample("err", dist.Normal(0, 1), obs=numpyro.deterministic("difference", y - latent()))


def through_another_site(y):
    first = sample("first", dist.Normal(0, 1), obs=y - latent())
    sample("err", dist.Normal(0, 1), obs=first)


def in_a_plate(y):
    with numpyro.plate("rows", 3):
        mu = latent()
        sample("err", dist.Normal(0, 1), obs=mu[::-1])


def in_a_loop(y):
    """What the loop carries is drawn in the step before."""

    def step(last, x):
        mu = sample("mu", dist.Normal(last, 1))
        sample("err", dist.Normal(0, 1), obs=x - last)
        return mu, None

    scan(step, 0.0, jnp.full(3, y))


def ahead_of_a_loop(y):
    mu = latent()

    def step(carry, x):
        sample("err", dist.Normal(0, 1), obs=x)
        return carry, None

    scan(step, 0.0, jnp.arange(3.0) * mu)


def in_a_branch(y):
    """Which of two numbers was observed, a latent decides."""

    def branch(data):
        return lambda _: sample("err", dist.Normal(0, 1), obs=data)

    cond(latent() > 0, branch(y), branch(-y), None)


def given_by_a_handler(y):
    mu = latent()
    with handlers.condition(data={"err": y - mu}):
        sample("err", dist.Normal(0, 1))


def given_to_a_loop(y):
    mu = latent()
    with handlers.condition(data={"err": jnp.arange(3.0) * mu}):
        scan(lambda carry, _: (carry, sample("err", dist.Normal(carry, 1))), 0.0, None, length=3)


REFUSED = [
    residual,
    shells,
    imputed,
    imputed_beside_a_mask,
    joined,
    one_of_a_tuple,
    through_a_closure,
    through_a_deterministic_site,
    in_a_plate,
    in_a_loop,
    in_a_branch,
    ahead_of_a_loop,
    given_by_a_handler,
    given_to_a_loop,
]


@pytest.mark.parametrize("elementwise", [False, True])
@pytest.mark.parametrize("program", REFUSED, ids=lambda program: program.__name__)
def test_a_value_that_a_latent_decides_is_no_data(program, elementwise):
    with pytest.raises(ProgramError, match=r"computed from what the program draws \('mu'\).* at 'err'\. Let"):
        rd.from_numpyro(program, 1.3, elementwise=elementwise)


def test_the_first_of_several_sites_is_named():
    with pytest.raises(ProgramError, match=r"\('mu'\).* at 'first'\."):
        rd.from_numpyro(through_another_site, 1.3)


def test_it_is_refused_also_where_other_sites_are_observed():
    def program(y):
        residual(y)
        sample("x", dist.Normal(0, 1))

    with pytest.raises(ProgramError, match=r"\('mu'\).* at 'err'\."):
        rd.from_numpyro(program, 1.3, observed=["x"])


def test_a_guide_takes_it_as_a_term_and_a_verdict_on_guides_refuses_it():
    guide = rd.AutoFaithful(residual).setup(1.3)
    assert guide.certificate
    assert all("err" in parents for parents in guide.inverse.parents.values())
    with pytest.raises(ProgramError, match=r"\('mu'\).* at 'err'\."):
        rd.lint(residual, lambda y: latent(), 1.3)


def test_a_site_of_its_own_for_what_is_missing_is_read():
    """What the message says to do."""

    def program(y):
        scale = sample("scale", dist.HalfNormal(1.0))
        seen = sample("seen", dist.Normal(0.0, scale).expand([2]), obs=y[SEEN])
        missing = sample("missing", dist.Normal(0.0, scale).expand([2]))
        joined = jnp.zeros(4).at[SEEN].set(seen).at[MISSING].set(missing)
        sample("x", dist.Normal(joined, 1), obs=np.ones(4))

    net = rd.from_numpyro(program, Y, elementwise=True).net
    assert net.parents("x[1]") == ("missing[0]",)
    assert net.parents("x[2]") == ("seen[1]",)


def test_the_residual_written_as_the_data_is_read():
    def program(y):
        sample("y", dist.Normal(latent(), sample("sigma", dist.HalfNormal(1))), obs=y)

    assert set(rd.from_numpyro(program, 1.3).net.parents("y")) == {"mu", "sigma"}


SHAPE = np.zeros(3)


def of_the_shape_of_a_latent(y):
    mu = sample("mu", dist.Normal(SHAPE, 1))
    return jnp.full_like(mu, y)


def computed_from_data(y):
    latent()
    return (jnp.full(3, y) - jnp.mean(y)) / jax.lax.fori_loop(0, 3, lambda i, v: v + y, 1.0)


def data_of_another_site(y):
    latent()
    return jnp.full(3, sample("first", dist.Normal(0, 1), obs=y)) - 1


@pytest.mark.parametrize("compute", [of_the_shape_of_a_latent, computed_from_data, data_of_another_site])
def test_what_data_alone_decide_is_data(compute):
    def program(y):
        sample("err", dist.Normal(0, 1).expand([3]), obs=compute(y))

    assert "err" in rd.from_numpyro(program, 1.3).net.observed


def test_data_of_a_loop_are_data():
    def program(y):
        def step(last, x):
            z = sample("z", dist.Normal(last, 1))
            return sample("x", dist.Normal(z, 1), obs=x - 1), None

        scan(step, latent(), y)

    assert rd.from_numpyro(program, np.ones(3), elementwise=True).net.parents("z[1]") == ("x[0]",)


# -- masks -------------------------------------------------------------------------------------------


def masked(mask, in_scan=False):
    def program(y):
        latent("w")

        def site(x):
            z = latent("z")
            with handlers.mask(mask=mask(x, z)):
                return sample("x", dist.Normal(z, 1), obs=x)

        if in_scan:
            scan(lambda carry, x: (carry, site(x)), None, y)
        else:
            with numpyro.plate("rows", 2, dim=-1):
                site(y)

    return program


@pytest.mark.parametrize("in_scan", [False, True])
@pytest.mark.parametrize("mask", [lambda x, z: True, lambda x, z: ~jnp.isnan(x), lambda x, z: jnp.ones_like(z) > 0])
def test_a_mask_that_hides_nothing_is_none(mask, in_scan):
    net = rd.from_numpyro(masked(mask, in_scan), np.ones(2, np.float32), elementwise=True).net
    assert net.parents("x[1]") == ("z[1]",)


@pytest.mark.parametrize("in_scan", [False, True])
@pytest.mark.parametrize("mask", [lambda x, z: x > 1.5, lambda x, z: z > 0, lambda x, z: False])
def test_a_mask_that_may_hide_something_is_refused(mask, in_scan):
    with pytest.raises(ProgramError, match=r"mask takes values of 'x' out of the density"):
        rd.from_numpyro(masked(mask, in_scan), np.array([1.0, 2.0], np.float32), elementwise=True)
