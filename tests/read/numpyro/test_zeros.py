"""Values of probability zero are ruled out, whatever finite density NumPyro gives them; no other value is."""

import jax.numpy as jnp
import numpy as np
import numpyro
import numpyro.distributions as dist
import pytest

from retrodict import from_numpyro

SURE = {
    "Bernoulli": (lambda p: dist.Bernoulli(p), [0.0, 1.0], [[True, False], [False, True]]),
    "Binomial": (lambda p: dist.Binomial(2, p), [0.0, 1.0, 2.0], [[True, False, False], [False, False, True]]),
    "two as one": (lambda p: dist.Bernoulli(p).expand([1]).to_event(1), [[0.0], [1.0]], [[True, False], [False, True]]),
    "logits": (lambda p: dist.Bernoulli(logits=20 * (p - 0.5)), [0.0, 1.0], [[True, True], [True, True]]),
}


@pytest.mark.parametrize("case", SURE)
def test_what_has_no_probability_is_ruled_out(case):
    """Given z the probability is 0, 1 or between; ``possible`` holds a row for each of the first two."""
    likelihood, values, possible = SURE[case]

    def program():
        z = numpyro.sample("z", dist.Normal(0, 1))
        numpyro.sample("x", likelihood(jnp.clip(z, 0.0, 1.0)))

    model = from_numpyro(program, observed=["x"])
    for z, expected in ((-1.0, possible[0]), (2.0, possible[1]), (0.5, np.ones(len(values), bool))):
        columns = model.layout.pack({"z": np.full(len(values), z), "x": np.array(values)})
        assert (~np.asarray(model.rules_out(jnp.asarray(columns)))).tolist() == list(expected)
        assert np.isfinite(np.asarray(model.log_conditionals(jnp.asarray(columns)))).all()


def test_what_a_program_draws_is_never_ruled_out():
    def program():
        z = numpyro.sample("z", dist.Bernoulli(0.3).expand([4]).to_event(1))
        k = numpyro.sample("k", dist.Categorical(jnp.array([0.2, 0.0, 0.8])))
        numpyro.sample("x", dist.Binomial(3, z * (k / 2)).to_event(1))

    model = from_numpyro(program, observed=["x"])
    columns = model.layout.pack(model.simulate(2000), jnp)
    assert not np.asarray(model.rules_out(columns)).any()
    shuffled = columns.at[:, -1].set(jnp.roll(columns[:, -1], 1))
    assert np.asarray(model.rules_out(shuffled)).any()
