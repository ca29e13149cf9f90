"""Supports that end where other variables say: values in them, volumes, and encoders that know what they need."""

from functools import cache

import jax
import jax.numpy as jnp
import numpy as np
import numpyro
import numpyro.distributions as dist
import pytest
from numpyro.contrib.control_flow import scan

from retrodict import AutoFaithful, amortize, certify, from_numpyro, invert
from retrodict.encode.recipe import Recipe
from retrodict.encode.space import Space
from retrodict.errors import OptionError
from retrodict.exact.find_forms import plan_closed_forms
from retrodict.graph.bayesnet import BayesNet, Variable
from retrodict.plan.moving import widen


def nested(x=None):
    """The end of u is b, and g begins where u is."""
    b = numpyro.sample("b", dist.LogNormal(0.0, 0.5))
    u = numpyro.sample("u", dist.Uniform(0.0, b))
    g = numpyro.sample("g", dist.Pareto(0.1 + u, 3.0))
    h = numpyro.sample("h", dist.TruncatedNormal(0.0, 1.0, high=g))
    numpyro.sample("x", dist.Normal(h, 0.3), obs=x)


def rising(x=None):
    """Each state lies above the one before."""

    def step(state, _):
        state = numpyro.sample("z", dist.TruncatedNormal(state, 1.0, low=state))
        numpyro.sample("x", dist.Normal(state, 0.5))
        return state, None

    scan(step, numpyro.sample("z0", dist.Normal(0.0, 1.0)), jnp.zeros(4))


def uneven(x=None):
    """Elements of one site end at numbers of their own."""
    ends = numpyro.sample("h", dist.Uniform(jnp.zeros(3), jnp.array([1.0, 2.0, 3.0])))
    numpyro.sample("x", dist.Normal(ends.sum(), 0.3), obs=x)


PROGRAMS = {"nested": (nested, False), "nested elements": (nested, True), "rising": (rising, True)}
PROGRAMS["uneven"] = (uneven, False)
ALL = pytest.mark.parametrize("name", PROGRAMS)


@cache
def read(name: str):
    program, elementwise = PROGRAMS[name]
    return from_numpyro(program, observed=["x"], elementwise=elementwise)


@cache
def measure(name: str):
    """Codes, values, and the Jacobian of values by codes."""
    model = read(name)
    space = Space(Recipe().settle(model).invert(model), model=model)

    @jax.jit
    def run(key):
        drawn = model.draw(key, 20)
        codes = space.encode_latents(drawn)

        def decode(one):
            return space.split(space.decode_latents(one, jnp.zeros(space.width)))[0]

        found = jax.vmap(decode)(codes), jax.vmap(jax.jacobian(decode))(codes), space.log_det(codes, drawn)
        return space.split(drawn)[0], *found, space.contains(drawn)

    return tuple(np.asarray(part) for part in run(jax.random.key(0)))


@ALL
def test_values_come_back_and_lie_in_their_supports(name):
    drawn, again, _, _, inside = measure(name)
    np.testing.assert_allclose(again, drawn, rtol=1e-3, atol=1e-4)
    assert inside.all()


@ALL
def test_the_volume_is_the_determinant_of_the_jacobian(name):
    _, _, jacobian, volume, _ = measure(name)
    np.testing.assert_allclose(volume, np.linalg.slogdet(jacobian)[1], rtol=1e-3, atol=1e-3)


@ALL
def test_any_codes_are_values_that_the_program_scores(name):
    model = read(name)
    space = Space(Recipe().settle(model).invert(model), model=model)
    width = sum(len(columns) for columns in space.code_columns.values())
    columns = space.decode_latents(jax.random.normal(jax.random.key(1), (50, width)), jnp.zeros((50, space.width)))
    assert np.isfinite(model.log_conditionals(columns)).all()


@ALL
def test_values_outside_are_told(name):
    model = read(name)
    space = Space(Recipe().settle(model).invert(model), model=model)
    assert not space.contains(-9.0 - jnp.arange(float(space.width))[None]).any()


def test_what_depends_on_a_value_also_depends_on_where_its_support_ends():
    model = read("nested")
    assert model.net.variable("h").bounded_by == ("g",)
    assert model.net.parents("x") == ("h",)
    assert widen(model.net).parents("x") == ("b", "u", "g", "h")
    inverse = Recipe(order="forward").settle(model).invert(model)
    assert inverse.net is model.net
    assert certify(inverse).faithful
    assert set(inverse.parents["b"]) == {"u", "g", "h", "x"}


def test_an_inverse_that_leaves_ends_out_is_refused_before_training():
    model = read("nested")
    with pytest.raises(OptionError, match="support of 'u', 'g', 'h' ends where other variables say"):
        amortize(model, invert(model, "reverse"), steps=1)


def test_ends_that_nothing_states_are_refused():
    net = BayesNet({"u": [], "x": ["u"]}, ["x"], variables=[Variable("u", support="interval")])
    with pytest.raises(OptionError, match="support of 'u' are not constants"):
        Space(invert(net)).encode_latents(jnp.zeros((1, 2)))


@pytest.mark.slow
def test_a_posterior_of_a_moving_support_is_that_of_a_grid():
    def program(x=None):
        b = numpyro.sample("b", dist.Uniform(0.5, 3.0))
        u = numpyro.sample("u", dist.Uniform(0.0, b))
        numpyro.sample("x", dist.Normal(u, 0.5), obs=x)

    posterior = amortize(from_numpyro(program, observed=["x"]), steps=1500, quiet=True)
    b, u = np.meshgrid(np.linspace(0.5, 3.0, 801), np.linspace(0.0, 3.0, 801), indexing="ij")
    weights = np.where(u < b, np.exp(-0.5 * ((1.5 - u) / 0.5) ** 2) / b, 0.0)
    exact = [(weights * value).sum() / weights.sum() for value in (b, u)]
    weighed = posterior.importance({"x": 1.5}, 20_000)
    assert weighed.ess > 10_000
    np.testing.assert_allclose([weighed.mean["b"], weighed.mean["u"]], exact, atol=0.02)
    draws = posterior.sample({"x": 1.5}, 20_000)
    assert (draws["u"] <= draws["b"]).all()
    np.testing.assert_allclose([draws["b"].mean(), draws["u"].mean()], exact, atol=0.06)


def test_a_guide_draws_moving_supports_jointly():
    guide = AutoFaithful(nested).setup(1.0)
    assert guide.parts.joint
    params = guide.fit(1.0, steps=20, quiet=True)
    draws = guide.sample_posterior(jax.random.key(0), params, 1.0, sample_shape=(50,))
    assert (draws["u"] <= draws["b"]).all()
    assert (draws["h"] <= draws["g"]).all()


@pytest.mark.parametrize("observed", [["x"], ["x", "u"]])
def test_ends_of_supports_are_in_no_closed_form(observed):
    """Inside of its support, the density of u is one whatever b is: b alone would look normal."""

    def program():
        b, c = (numpyro.sample(name, dist.Normal(0.0, 1.0)) for name in "bc")
        u = numpyro.sample("u", dist.Uniform(b, b + 1.0))
        numpyro.sample("x", dist.Normal(c + u, 0.3))

    _, forms = plan_closed_forms(from_numpyro(program, observed=observed))
    assert [form.variables for form in forms] == [("c",)]
