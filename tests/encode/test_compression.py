"""Compressed inputs: which columns are, that they are seen alike everywhere, and that files keep them."""

import jax
import jax.numpy as jnp
import numpy as np
import numpyro
import pytest
from numpyro import distributions as dist

import retrodict as rd
from retrodict.encode.compression import Compression, find_scale
from retrodict.encode.start.linear_start import see


def rates():
    """Of two sites of data one spans many sizes, the other does not, and a third has an upper end."""
    a = numpyro.sample("a", dist.Normal(0.0, 2.0))
    numpyro.sample("x", dist.LogNormal(a, 0.3))
    numpyro.sample("y", dist.Normal(a, 1.0))
    numpyro.sample("w", dist.Beta(jnp.exp(a / 4), 20.0))


@pytest.fixture(scope="module")
def posterior():
    return rd.amortize(rd.from_numpyro(rates, observed=["x", "y", "w"]), steps=0, quiet=True, exact=False)


@pytest.mark.parametrize(
    ("numbers", "compressed"),
    [
        (np.exp(2 * np.random.default_rng(0).normal(size=2000)), True),
        (np.random.default_rng(0).poisson(np.exp(3 * np.random.default_rng(1).normal(size=2000))) + 0.0, True),
        (np.abs(np.random.default_rng(0).normal(size=2000)), False),
        (np.random.default_rng(0).standard_cauchy(size=2000), False),
        (np.random.default_rng(0).poisson(20.0, size=2000) + 0.0, False),
        (np.zeros(2000), False),
    ],
)
def test_positive_numbers_of_many_sizes_are_compressed(numbers, compressed):
    assert (find_scale(numbers) is not None) == compressed


def test_units_do_not_matter():
    numbers = np.exp(2 * np.random.default_rng(0).normal(size=2000))
    assert find_scale(1e6 * numbers) == pytest.approx(1e6 * find_scale(numbers))


def test_only_the_column_that_gains_is_compressed(posterior):
    observed = posterior.model.net.observed
    assert [observed[place] for place in posterior.encoder.features.compression.columns] == ["x"]


def test_regressions_see_what_the_network_sees(posterior):
    encoder, random = posterior.encoder, np.random.default_rng(0)
    columns = np.concatenate(
        [random.lognormal(size=(20, 1)), random.normal(size=(20, 1)), random.random((20, 2))], axis=1
    )
    seen = encoder.features(encoder.scaling, jnp.asarray(columns, jnp.float32))
    np.testing.assert_allclose(seen, see(encoder, columns), rtol=1e-4, atol=1e-5)


def test_the_scale_is_not_learned():
    compression = Compression((0,), jnp.array([2.0]))
    slope = jax.grad(lambda scale: Compression((0,), scale)(jnp.ones((3, 1))).sum())(compression.scale)
    assert float(slope[0]) == 0.0


def test_a_file_keeps_the_compression(posterior, tmp_path):
    posterior.save(tmp_path)
    again = rd.load(tmp_path, posterior.model)
    assert again.encoder.features.compression.columns == posterior.encoder.features.compression.columns
    data = {"x": np.array(3.0), "y": np.array(1.0), "w": np.array(0.1)}
    np.testing.assert_array_equal(again.sample(data, 20, seed=1)["a"], posterior.sample(data, 20, seed=1)["a"])
