"""From programs to answers: data by name, by `obs=`, and a prior that cannot be simulated."""

import jax.numpy as jnp
import numpy as np
import numpyro
import numpyro.distributions as dist
import pytest

import retrodict as rd
from retrodict.errors import DataError
from retrodict.posterior.answers.program_answer import leave_untrained


def measure(y=None):
    mu = numpyro.sample("mu", dist.Normal(0, 10))
    numpyro.sample("y", dist.Normal(mu, jnp.ones(4)), obs=y)


Y = np.array([1.0, 2.0, 3.0, 2.0])


def test_data_come_by_name_or_from_the_program():
    by_name, given = rd.answer(measure, data={"y": Y}, n=100), rd.answer(measure, Y, n=100)
    assert by_name.stage == given.stage == "exact"
    np.testing.assert_array_equal(by_name.draws["mu"], given.draws["mu"])


def test_elements_are_given_by_their_site():
    found = rd.answer(measure, data={"y": Y}, n=100, elementwise=True)
    assert found.stage == "exact"
    assert abs(found.mean["mu"] - 2.0) < 0.5


def test_missing_data_are_named():
    with pytest.raises(DataError, match="'x1', 'x2' have no data"):
        rd.answer(rd.zoo.binary_tree(depth=2))


def test_without_training_the_search_arrives_all_the_same():
    def program():
        rate = numpyro.sample("rate", dist.LogNormal(0.0, 1.0))
        numpyro.sample("y", dist.Exponential(jnp.full(10, rate)))

    posterior = leave_untrained(rd.from_numpyro(program, observed=["y"]), seed=0)
    found = posterior.answer({"y": np.full(10, 0.01)})
    assert found.reliable
    assert found.stage in ("encoder", "weighted", "refined")  # the peak alone may do
    rates = np.linspace(1.0, 250.0, 50_000)
    log_density = -0.5 * np.log(rates) ** 2 + 9 * np.log(rates) - 0.1 * rates
    weights = np.exp(log_density - log_density.max())
    mean = np.average(rates, weights=weights)
    sd = np.sqrt(np.average((rates - mean) ** 2, weights=weights))
    assert abs(found.mean["rate"] - mean) < 0.15 * sd
    assert abs(found.sd["rate"] / sd - 1) < 0.11
