"""What cannot be read is refused with the site and the way out, and no handler is left behind."""

import jax
import jax.numpy as jnp
import numpy as np
import numpyro
import numpyro.distributions as dist
import pytest
from numpyro import handlers
from numpyro.contrib.control_flow import scan
from numpyro.primitives import _PYRO_STACK

from retrodict import from_numpyro
from retrodict.errors import GraphError, ProgramError, UnknownVariableError

sample = numpyro.sample


def latent(name="z"):
    return sample(name, dist.Normal(0, 1))


def data(z, x=0.0):
    sample("x", dist.Normal(z, 1), obs=x)


def factor():
    z = latent()
    numpyro.factor("penalty", -(z**2))
    data(z)


def masked_site():
    with handlers.mask(mask=False):
        z = latent()
    data(z)


def masked_entries():
    z = latent()
    with numpyro.plate("rows", 3), handlers.mask(mask=np.array([True, False, True])):
        sample("x", dist.Normal(z, 1), obs=jnp.zeros(3))


def mask_that_depends():
    z = latent()
    with handlers.mask(mask=z > 0):
        data(z)


def partly_observed():
    z = latent()
    with numpyro.plate("rows", 2):
        sample("x", dist.Normal(z, 1), obs=jnp.zeros(2), obs_mask=jnp.array([True, False]))


def substituted():
    with handlers.substitute(data={"z": 1.0}):
        z = latent()
    data(z)


def substituted_in_a_scan():
    with handlers.substitute(data={"z": jnp.zeros(2)}):
        loop()


def loop(reverse=False):
    def step(z, _):
        z = sample("z", dist.Normal(z, 1))
        return z, None

    data(scan(step, 0.0, None, length=2, reverse=reverse)[0])


def subsampled():
    z = latent()
    with numpyro.plate("rows", 10, subsample_size=3):
        sample("x", dist.Normal(z, 1), obs=jnp.zeros(3))


def subsampled_in_a_scan():
    def step(z, _):
        z = sample("z", dist.Normal(z, 1))
        with numpyro.plate("rows", 10, subsample_size=3):
            sample("x", dist.Normal(z, 1))
        return z, None

    scan(step, 0.0, None, length=2)


def factor_in_a_scan():
    def step(z, _):
        z = sample("z", dist.Normal(z, 1))
        numpyro.factor("penalty", z)
        return z, None

    data(scan(step, 0.0, None, length=2)[0])


def scaled():
    z = latent()
    with handlers.scale(scale=0.5):
        data(z)


def improper():
    z = sample("flat", dist.ImproperUniform(dist.constraints.real, (), ()))
    data(z)


def point_mass_as_data():
    sample("x", dist.Delta(latent()), obs=0.0)


def weighted_point_mass():
    z = latent()
    data(sample("d", dist.Delta(z, log_density=z)))


def same_name_twice():
    data(latent() + latent())


def same_name_in_a_loop():
    def step(z, _):
        return sample("z", dist.Normal(z, 1)), None

    scan(step, latent(), None, length=2)
    data(0.0)


def two_branches_by_if():
    z, _ = latent(), latent("other")
    data(1.0 if z > 0 else 2.0)


def converted_to_a_number():
    k = sample("k", dist.Poisson(3.0))
    data(sum(latent(f"z{i}") for i in range(int(k))))


def range_over_a_latent():
    k = sample("k", dist.Poisson(3.0))
    data(sum(latent(f"z{i}") for i in range(k)))


def numpy_of_a_latent():
    data(np.exp(np.asarray(latent())))


def while_on_a_sum():
    a, b = latent("a"), latent("b")
    while a + b > 0:
        a = a - 1
    data(a)


def decides_on_data(y):
    data(latent() if jnp.max(y) > 0 else 1.0)


def raises():
    z = latent()
    raise KeyError("no such column")
    data(z)


def raises_first():
    raise RuntimeError("not ready")


def wrong_shapes():
    z = sample("z", dist.Normal(jnp.zeros(3), 1))
    data(z @ jnp.ones(4))


def no_site():
    return 1.0


def nothing_observed():
    latent("a"), latent("b")


def nothing_latent():
    data(0.0)


def hidden_noise():
    data(latent() + jax.random.normal(numpyro.prng_key()))


def random_parameter():
    w = numpyro.param("w", lambda key: jax.random.normal(key))
    data(w * latent())


def data_without_a_plate():
    sample("x", dist.Normal(latent(), 1), obs=jnp.zeros(5))


def one_number_for_many():
    sample("x", dist.Normal(latent() * jnp.ones(5), 1), obs=0.0)


def nothing_in_it():
    sample("empty", dist.Normal(jnp.zeros(0), 1))
    data(latent())


class Undefined(dist.Distribution):
    support = dist.constraints.real

    def sample(self, key, sample_shape=()):
        return jnp.zeros(sample_shape)


def without_a_density():
    data(sample("u", Undefined()))


REFUSED = [
    (factor, r"'penalty' .* draws nothing.* Write what it stands for"),
    (masked_site, r"mask takes values of 'z' out of the density.* Leave these entries out"),
    (masked_entries, r"mask takes values of 'x'"),
    (mask_that_depends, r"mask takes values of 'x'"),
    (partly_observed, r"mask takes values of 'x_observed' .*For obs_mask="),
    (substituted, r"handlers\.substitute gives the latent site 'z' a value, .* Use handlers\.condition"),
    (substituted_in_a_scan, r"handlers\.substitute reaches into control flow with values of 'z'"),
    (lambda: loop(reverse=True), r"reverse=True is drawn .* Scan forwards over reversed data"),
    (loop, r"'z' is in a scan, .* element by element only\. Write from_numpyro\(\.\.\., elementwise=True\)"),
    (subsampled, r"'rows' takes 3 of 10 at random.* Leave subsample_size out"),
    (subsampled_in_a_scan, r"'rows' takes 3 of 10 at random"),
    (factor_in_a_scan, r"'penalty' .* draws nothing"),
    (scaled, r"handlers\.scale weighs the density of 'x'"),
    (improper, r"'flat' has an improper prior.* Give the site a proper prior"),
    (point_mass_as_data, r"'x' is a Delta with data"),
    (weighted_point_mass, r"'d' is a Delta .*log_density of its own"),
    (same_name_twice, r"uses the name 'z' for two sites\. Name the sites apart"),
    (same_name_in_a_loop, r"uses the name 'z' for two sites"),
    (two_branches_by_if, r"decides in Python .* depends on a latent: 'z'\. Use jnp\.where"),
    (converted_to_a_number, r"decides in Python .* depends on a latent: 'k'"),
    (range_over_a_latent, r"decides in Python .* depends on a latent: 'k'"),
    (numpy_of_a_latent, r"hands a value that depends on a latent to a function of NumPy or SciPy: 'z'"),
    (while_on_a_sum, r"decides in Python .* depends on a latent: 'a', 'b'"),
    (lambda: decides_on_data(jnp.ones(2)), r"decides in Python on data that JAX computes\. Compute them with NumPy"),
    (raises, r"'raises' raised KeyError after the site 'z' \('no such column'\)"),
    (raises_first, r"raised RuntimeError before its first site \(not ready\)"),
    (wrong_shapes, r"raised TypeError after the site 'z'"),
    (no_site, r"'no_site' has no random site"),
    (nothing_observed, r"observes none of its sites, 'a', 'b'\. Give data with obs="),
    (hidden_noise, r"outside of its sites, with numpyro\.prng_key"),
    (random_parameter, r"outside of its sites.* handlers\.substitute\(program, data=params\)"),
    (data_without_a_plate, r"obs= of 'x' has shape \(5,\), but a draw .* has shape \(\)\. Put the site into a numpyro"),
    (nothing_in_it, r"'empty' draws an array without elements"),
    (without_a_density, r"'without_a_density' has densities that cannot be computed, at 'u'.*NotImplementedError"),
    (one_number_for_many, r"obs= of 'x' has shape \(\), but a draw .* has shape \(5,\)"),
]


@pytest.mark.parametrize(("program", "message"), REFUSED, ids=lambda value: getattr(value, "__name__", ""))
def test_what_cannot_be_read_is_refused_by_name(program, message):
    with pytest.raises(ProgramError, match=message):
        from_numpyro(program)
    assert _PYRO_STACK == []


@pytest.mark.parametrize("program", [factor, masked_site, partly_observed, substituted_in_a_scan, subsampled, scaled])
def test_reading_element_by_element_refuses_the_same(program):
    with pytest.raises(ProgramError):
        from_numpyro(program, elementwise=True)


def test_nothing_latent_is_an_error_of_the_graph():
    with pytest.raises(GraphError, match="nothing is latent"):
        from_numpyro(nothing_latent)


@pytest.mark.parametrize(
    ("observed", "error", "message"),
    [
        (["y"], UnknownVariableError, r"'y', named in observed=, is not among"),
        (["twic"], UnknownVariableError, r"'twic', named in observed=, is not among"),
        (["x", "x"], GraphError, r"'x' is given twice among the observed variables"),
        ("x", GraphError, r"observed= must be a list of names"),
        ([], ProgramError, r"observes none of its sites"),
    ],
)
def test_bad_sets_of_observed_sites_are_refused(observed, error, message):
    def program():
        z = numpyro.deterministic("twice", 2 * latent())
        data(z)

    with pytest.raises(error, match=message):
        from_numpyro(program, observed=observed)


def test_what_is_no_function_is_refused():
    with pytest.raises(ProgramError, match="must be a function, not dict"):
        from_numpyro({"z": []})


def test_masks_that_hide_nothing_and_parameters_that_are_given_are_read():
    def program():
        w = numpyro.param("w", lambda key: jax.random.normal(key))
        with handlers.mask(mask=True), handlers.scale(scale=1.0):
            z = latent()
        data(w * z)

    given = handlers.substitute(program, data={"w": jnp.array(2.0)})
    assert from_numpyro(given).net.parents("x") == ("z",)


# -- data that are used twice ------------------------------------------------------------------------


def autoregression_by_slices(y):
    a = latent("a")
    with numpyro.plate("time", len(y) - 1):
        sample("x", dist.Normal(a * y[:-1], 1), obs=y[1:])


def prior_from_data(y):
    z = sample("z", dist.Normal(y.mean(), y.std()))
    with numpyro.plate("rows", len(y)):
        sample("x", dist.Normal(z, 1), obs=y)


def lengths_and_other_columns(table, n):
    slope = latent("slope")
    with numpyro.plate("rows", n):
        sample("x", dist.Normal(slope * table[:, 1], 1), obs=table[:, 0])


@pytest.mark.parametrize("program", [autoregression_by_slices, prior_from_data])
@pytest.mark.parametrize("elementwise", [False, True])
@pytest.mark.parametrize("array", [np.asarray, jnp.asarray])
def test_data_that_shape_other_distributions_are_refused(program, elementwise, array):
    with pytest.raises(
        ProgramError, match=r"data of 'x' are used elsewhere in the program.* Use the value that numpyro"
    ):
        from_numpyro(program, array([1.0, 2.0, 4.0]), elementwise=elementwise)


def test_data_of_sites_that_are_not_observed_are_constants():
    def program(y):
        z = sample("z", dist.Normal(y.mean(), 1))
        sample("x", dist.Normal(z, 1).expand([3]), obs=y)
        sample("w", dist.Normal(z, 1))

    assert from_numpyro(program, np.ones(3), observed=["w"]).net.observed == ("w",)
    with pytest.raises(ProgramError, match=r"data of 'x' are used elsewhere"):
        from_numpyro(program, np.ones(3), observed=["w", "x"])


def test_data_are_looked_at_one_by_one_where_an_argument_must_stay_a_number():
    def program(counts, y):
        z = sample("z", dist.Normal(y.mean(), 1))
        for i in range(int(counts[0])):
            sample(f"x{i}", dist.Normal(z, 1), obs=y[i])

    with pytest.raises(ProgramError, match=r"data of 'x0' are used elsewhere"):
        from_numpyro(program, np.array([2]), np.ones(2))


def test_other_columns_of_an_array_with_data_are_constants():
    table = np.arange(6.0).reshape(3, 2)
    assert from_numpyro(lengths_and_other_columns, table, 3).net.parents("x") == ("slope",)


def test_data_fed_back_through_their_site_are_no_second_use():
    def program(y):
        a, last = latent("a"), 0.0
        for t in range(3):
            last = sample(f"x{t}", dist.Normal(a * last, 1), obs=y[t])

    assert from_numpyro(program, jnp.ones(3)).net.parents("x2") == ("a", "x1")
