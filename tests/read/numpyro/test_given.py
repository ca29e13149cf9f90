"""Data as people have them: frames and lists, missing axes, missing values, masks that hide nothing, and bad ones."""

import math

import jax
import jax.numpy as jnp
import numpy as np
import numpyro
import numpyro.distributions as dist
import pandas as pd
import pytest
from numpyro import handlers
from numpyro.infer.reparam import CircularReparam

import retrodict as rd
from retrodict.errors import DataError, ProgramError
from retrodict.plan.layout import Layout

sample = numpyro.sample
FRAME = pd.DataFrame({"x": [0.5, -1.0, 2.0], "y": [1.0, 0.0, 3.0]})


def latent(name="mu"):
    return sample(name, dist.Normal(0, 1))


def rows(y, name="y", mean=None):
    mu = latent() if mean is None else mean
    with numpyro.plate("rows", 3):
        sample(name, dist.Normal(mu, 1), obs=y)


def regression(frame):
    rows(frame["y"], mean=latent() * frame["x"].to_numpy())


GIVEN = {
    "column": (rows, FRAME["y"]),
    "frame": (regression, FRAME),
    "list": (rows, [1.0, 0.0, 3.0]),
    "tuple of numbers": (rows, (1, 0, 3)),
    "column of objects": (rows, pd.Series([1, 0, 3], dtype="Int64")),
}


@pytest.mark.parametrize("elementwise", [False, True])
@pytest.mark.parametrize("name", GIVEN)
def test_frames_and_lists_are_data(name, elementwise):
    program, data = GIVEN[name]
    net = rd.from_numpyro(program, data, elementwise=elementwise).net
    assert net.parents("y[2]" if elementwise else "y") == ("mu",)
    assert len(net.observed) == (3 if elementwise else 1)


@pytest.mark.parametrize("data", [FRAME["y"], [1.0, 0.0, 3.0], (1, 0, 3)], ids=["column", "list", "tuple"])
def test_frames_and_lists_are_data_of_posteriors(data):
    """Posteriors read data by this layout."""
    net = rd.from_numpyro(rows, data).net
    assert Layout.of(net, net.observed).read({"y": data}).tolist() == [1.0, 0.0, 3.0]


def test_data_that_lack_an_axis_of_length_1_are_broadcast():
    def program(y):
        with numpyro.plate("outer", 1, dim=-2), numpyro.plate("inner", 3, dim=-1):
            sample("y", dist.Normal(latent(), 1), obs=y)

    model = rd.from_numpyro(program, np.ones(3))
    assert model.net.variable("y").shape == (1, 3)
    assert rd.from_numpyro(program, np.ones(3), elementwise=True).net.parents("y[0,2]") == ("mu[0,2]",)
    assert Layout.of(model.net, ("y",)).read({"y": [1.0, 2.0, 3.0]}).tolist() == [1.0, 2.0, 3.0]
    guide = rd.AutoFaithful(program, widths=(8,)).setup(np.ones(3))
    with handlers.seed(rng_seed=0):
        assert guide(np.ones(3))["mu"].shape == (1, 3)


@pytest.mark.parametrize("shape", [(), (1,), (4,), (2, 3), (1, 1, 3)])
def test_data_that_are_not_of_the_size_of_a_draw_are_refused(shape):
    with pytest.raises(ProgramError, match=r"obs= of 'y' has shape "):
        rd.from_numpyro(rows, np.ones(shape))


# -- what is missing ---------------------------------------------------------------------------------

HOLED = np.array([1.0, np.nan, np.inf])


@pytest.mark.parametrize("program", [rows, lambda y: rows(jnp.asarray(y) - 1)], ids=["given", "computed"])
@pytest.mark.parametrize("elementwise", [False, True])
def test_missing_data_are_refused_before_anything_is_trained(program, elementwise):
    message = (
        r"must be finite, and are NaN or infinite at 'y\[1\]', 'y\[2\]'\. Leave these entries out, or write one site"
    )
    with pytest.raises(DataError, match=message):
        rd.from_numpyro(program, HOLED, elementwise=elementwise)


def test_guides_refuse_missing_data_when_they_are_set_up():
    with pytest.raises(DataError, match=r"'y\[1\]'"):
        rd.AutoFaithful(rows).setup(HOLED)


def test_missing_data_in_a_loop_are_found():
    def program(y):
        numpyro.contrib.control_flow.scan(
            lambda z, x: (sample("z", dist.Normal(z, 1)), sample("y", dist.Normal(z, 1), obs=x)), 0.0, y
        )

    with pytest.raises(DataError, match=r"at 'y\[1\]', 'y\[2\]'\."):
        rd.from_numpyro(program, HOLED, elementwise=True)


def test_what_is_missing_at_elements_that_are_latent_is_no_matter():
    model = rd.from_numpyro(rows, HOLED, observed=["y[0]"], elementwise=True)
    assert model.net.observed == ("y[0]",)


def test_missing_data_of_a_column_are_found():
    with pytest.raises(DataError, match=r"at 'y\[1\]'\."):
        rd.from_numpyro(rows, pd.Series([1, None, 3], dtype="Int64"))


def test_missing_data_of_a_scalar_site_are_named_by_the_site():
    with pytest.raises(DataError, match=r"at 'x'\."):
        rd.from_numpyro(lambda x: sample("x", dist.Normal(latent(), 1), obs=x), math.nan)


@pytest.mark.parametrize("mask", [np.ones(3, bool), jnp.ones(3, bool), None])
def test_an_obs_mask_that_hides_nothing_is_none(mask):
    def program(y):
        mean = latent()
        with numpyro.plate("rows", 3):
            y = sample("y", dist.Normal(mean, 1), obs=y, obs_mask=~np.isnan(y) if mask is None else mask)
        sample("x", dist.Normal(y.sum(), 1), obs=0.0)

    net = rd.from_numpyro(program, np.ones(3), elementwise=True).net
    assert net.parents("y_observed[1]") == ("mu",)
    assert set(net.parents("x")) == {f"y_observed[{i}]" for i in range(3)}
    assert {"mu", *(f"y_unobserved[{i}]" for i in range(3))} == set(net.latents)


BAD = {
    "text": (["a", "b", "c"], r"data of 'y' are not an array of numbers\. Give numbers to obs="),
    "ragged": ([[1.0], [1.0, 2.0], []], r"data of 'y' are not an array of numbers"),
    "mapping": ({"y": 1.0}, r"data of 'y' are not an array of numbers"),
    "masked": (
        np.ma.masked_array([1.0, 2.0, 3.0], [0, 1, 0]),
        r"data of 'y' have masked entries\. Leave these entries out",
    ),
}


@pytest.mark.parametrize("name", BAD)
def test_what_is_no_array_of_numbers_is_refused_by_name(name):
    data, message = BAD[name]
    with pytest.raises(DataError, match=message):
        rd.from_numpyro(rows, data)


# -- data used twice, however they are given ---------------------------------------------------------


def centered(y):
    sample("y", dist.Normal(sample("z", dist.Normal(sum(y) / 3, 1)), 1).expand([3]), obs=y)


@pytest.mark.parametrize("data", [[1.0, 2.0, 4.0], pd.Series([1.0, 2.0, 4.0])], ids=["list", "column"])
def test_lists_and_columns_used_twice_are_refused(data):
    with pytest.raises(ProgramError, match=r"data of 'y' are used elsewhere"):
        rd.from_numpyro(centered, data)


def test_a_column_of_a_frame_used_twice_is_refused_and_another_is_a_constant():
    def program(frame, name):
        rows(frame["y"], mean=sample("z", dist.Normal(frame[name].mean(), 1)))

    with pytest.raises(ProgramError, match=r"data of 'y' are used elsewhere"):
        rd.from_numpyro(program, FRAME, "y")
    assert rd.from_numpyro(program, FRAME, "x").net.parents("y") == ("z",)


def test_a_number_used_twice_is_refused():
    with pytest.raises(ProgramError, match=r"data of 'x' are used elsewhere"):
        rd.from_numpyro(lambda x: sample("x", dist.Normal(sample("z", dist.Normal(x, 1)), 1), obs=x), 2.0)


# -- what is said of programs that fail --------------------------------------------------------------


def numpy_function(y):
    sample("y", dist.Normal(np.tanh(latent()), 1), obs=y)


def numpy_method(y):
    sample("y", dist.Normal(np.ones(2).dot(sample("mu", dist.Normal(jnp.zeros(2), 1))), 1), obs=y)


def math_function(y):
    sample("y", dist.Normal(math.exp(latent()), 1), obs=y)


def numpy_of_data(y):
    sample("y", dist.Normal(latent(), np.exp(jnp.abs(y))), obs=0.0)


def number_times_a_list(y):
    rows(y, mean=latent() * [1.0, 2.0, 3.0])


SAID = [
    (
        numpy_function,
        1.0,
        r"hands a value that depends on a latent to a function of NumPy or SciPy: 'mu'\. Use jax\.numpy",
    ),
    (
        numpy_function,
        1.0,
        r"jnp\.tanh for np\.tanh\), or jax\.pure_callback .* The line is: sample\(.*np\.tanh\(latent",
    ),
    (numpy_method, 1.0, r"to a function of NumPy or SciPy: 'mu'"),
    (math_function, 1.0, r"decides in Python \(.*a function of math.*: 'mu'\. Use .* jax\.numpy for math"),
    (numpy_of_data, jnp.ones(()), r"hands data that JAX computes to a function of NumPy or SciPy\. Use jax\.numpy"),
    (number_times_a_list, FRAME["y"], r"raised TypeError .* The line is: rows\(y, mean=latent\(\) \* \["),
    (lambda x: rows(None, mean=latent() * x), FRAME["x"], r"pass np\.asarray\(\.\.\.\) for argument 1\."),
]


@pytest.mark.parametrize(("program", "data", "message"), SAID)
def test_failures_are_diagnosed_as_what_they_are(program, data, message):
    with pytest.raises(ProgramError, match=message):
        rd.from_numpyro(program, data)


def test_the_callback_that_is_advised_is_read():
    def program(y):
        shape = jax.ShapeDtypeStruct((), jnp.float32)
        mean = jax.pure_callback(np.tanh, shape, latent(), vmap_method="sequential")
        sample("y", dist.Normal(mean, 1), obs=y)

    assert rd.from_numpyro(program, 1.0).net.parents("y") == ("mu",)


def test_circular_latents_are_read_without_their_reparametrization():
    def program(y):
        sample("y", dist.VonMises(sample("angle", dist.VonMises(0.0, 1.0)), 4.0), obs=y)

    with pytest.raises(
        ProgramError,
        match=r"'angle_unwrapped' has an improper prior.* Leave CircularReparam out for 'angle': angles are read",
    ):
        rd.from_numpyro(handlers.reparam(program, config={"angle": CircularReparam()}), 0.5)
    assert rd.from_numpyro(program, 0.5).net.variable("angle").support == "circular"
