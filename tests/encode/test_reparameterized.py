"""Gradients through draws are those of expectations, in every family that says so, and wrong in one that does not."""

import jax
import jax.numpy as jnp
import numpy as np
import pytest
from scipy.stats import t

from retrodict.encode.binary_concrete import BinaryConcrete
from retrodict.encode.families.choice import REAL_FAMILIES, Mixed
from retrodict.encode.families.discrete import Categorical, Count
from retrodict.encode.families.mixtures import Mixture

NAMED = {name: make() for name, make in REAL_FAMILIES.items()}
FAMILIES = {name: family for name, family in NAMED.items() if family.reparameterized} | {
    "concrete": BinaryConcrete(0.7)
}
CALLS, DRAWS = 200, 2000


def feature(values):
    """Something without symmetry whose mean is wanted."""
    return jnp.tanh(values + 0.3) + 0.1 * values**2


def start(family):
    return 0.5 * jax.random.normal(jax.random.key(8), (family.n_parameters,))


def differentiate_by_density(family):
    """The gradient of the mean by a sum over a fine grid, which no draw takes part in."""
    grid = jnp.arange(-32 * 4096, 32 * 4096 + 1) / 4096  # exact in single precision

    def mean(parameters):
        log_density = family.log_prob(jnp.broadcast_to(parameters, (len(grid), 1, len(parameters))), grid[:, None])
        return (jnp.exp(log_density[:, 0]) * feature(grid)).sum() / 4096

    return np.asarray(jax.jit(jax.grad(mean))(start(family)), np.float64)


def differentiate_by_draws(family):
    """The mean gradient through draws, and its standard error."""

    def mean(parameters, key):
        return feature(family.sample(key, jnp.broadcast_to(parameters, (DRAWS, 1, len(parameters))))).mean()

    @jax.jit
    def run(parameters, keys):
        return jax.lax.map(lambda key: jax.grad(mean)(parameters, key), keys)

    samples = np.asarray(run(start(family), jax.random.split(jax.random.key(9), CALLS)), np.float64)
    return samples.mean(axis=0), samples.std(axis=0, ddof=1) / np.sqrt(CALLS)


def excess(family):
    exactly, (found, error) = differentiate_by_density(family), differentiate_by_draws(family)
    room = t.ppf(1 - 0.01 / (2 * len(exactly)), CALLS - 1) * error + 1e-4
    return float((np.abs(found - exactly) / room).max())


@pytest.mark.parametrize("name", FAMILIES)
def test_gradients_through_draws_are_those_of_expectations(name):
    assert FAMILIES[name].reparameterized
    assert excess(FAMILIES[name]) < 1


def test_a_mixture_forgets_the_choice_of_component_and_is_caught():
    assert not Mixture(3).reparameterized
    assert excess(Mixture(3)) > 2


def test_whole_numbers_are_not_reparameterized():
    assert not Categorical(np.array([2])).reparameterized
    assert not Count(jnp.ones(1), jnp.zeros(1), jnp.ones(1)).reparameterized


@pytest.mark.parametrize(("families", "answer"), [(("normal", "concrete"), True), (("normal", None), False)])
def test_mixed_columns_are_reparameterized_where_all_are(families, answer):
    chosen = [FAMILIES[name] if name else Categorical(np.array([0, 2])) for name in families]
    assert Mixed(chosen, np.array([0, 1])).reparameterized == answer
