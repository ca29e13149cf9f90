"""Ready-made summaries: in the units of the data, with the symmetries that they promise, saved and loaded by name."""

from __future__ import annotations

import jax.numpy as jnp
import numpy as np
import pytest

import retrodict as rd
from retrodict.encode.ready.ready_summaries import make_ready, use_units
from retrodict.errors import OptionError

RNG = np.random.default_rng(0)


def test_a_set_has_no_order():
    module = make_ready("set", "x", (9, 2))
    value = jnp.asarray(RNG.normal(size=(9, 2)), jnp.float32)
    np.testing.assert_allclose(module(value[::-1]), module(value), atol=1e-5)


@pytest.mark.parametrize(
    ("kind", "shape"),
    [
        ("set", (7,)),
        ("set", (7, 3)),
        ("series", (30,)),
        ("series", (30, 4)),
        ("image", (9, 12)),
        ("image", (3, 16, 16)),
    ],
)
def test_units_of_the_data_change_nothing(kind, shape):
    """Of data in other units, a summary in those units makes the same."""
    data = RNG.normal(size=(50, *shape))
    one, other = (use_units(make_ready(kind, "x", shape), values) for values in (data, 1e4 * data - 7e3))
    features = one(jnp.asarray(data[0], jnp.float32))
    assert features.shape == (32,)
    np.testing.assert_allclose(other(jnp.asarray(1e4 * data[0] - 7e3, jnp.float32)), features, atol=2e-3)


def test_a_posterior_of_a_set_learns_its_mean(tmp_path):
    z = RNG.normal(size=3000)
    table = {"z": z, "x": 1e3 * (z[:, None, None] + RNG.normal(size=(3000, 20, 1)))}
    net = rd.BayesNet({"z": [], "x": ["z"]}, observed=["x"])
    posterior = rd.amortize(net, simulations=table, summaries={"x": "set"}, steps=200, quiet=True)
    x = 1e3 * (0.7 + RNG.normal(size=(20, 1)))
    draws = posterior.sample({"x": x}, 4000)["z"]
    assert abs(draws.mean() - (x / 1e3).sum() / 21) < 0.1
    assert abs(draws.std() * np.sqrt(21) - 1) < 0.25
    posterior.save(tmp_path)
    again = rd.load(tmp_path, posterior.model, summaries={"x": "set"})
    np.testing.assert_array_equal(again.sample({"x": x}, 50)["z"], posterior.sample({"x": x}, 50)["z"])


def test_names_and_shapes_that_do_not_fit_are_refused():
    with pytest.raises(OptionError, match="the summary 'sets' of 'x' does not exist"):
        make_ready("sets", "x", (3,))
    with pytest.raises(OptionError, match="needs a value of 2 axes or more, and it has 1"):
        make_ready("image", "x", (3,))
