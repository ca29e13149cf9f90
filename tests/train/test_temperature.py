"""Both networks relaxed: the bounds of the relaxed model, and a temperature that falls as it should."""

import equinox as eqx
import jax
import jax.numpy as jnp
import numpy as np
import pytest

from retrodict.errors import OptionError
from retrodict.train.objectives.bounds import bound
from retrodict.train.temperature import Temperature, relax
from tests.train import exact
from tests.train.generators import all_binary, binary_pair, normal_pair

IMAGES = all_binary(4)


def test_the_relaxed_likelihood_nears_the_discrete_one_as_temperature_falls():
    pair = binary_pair()
    exactly = np.asarray(eqx.filter_jit(exact.log_likelihood)(pair, IMAGES))

    @eqx.filter_jit
    def distance(pair, temperature):
        found = bound(relax(pair, temperature), jax.random.key(0), IMAGES, 5000)
        return jnp.abs(found - exactly).mean()

    warm, cool, cold = (float(distance(pair, jnp.array(temperature))) for temperature in (1.0, 0.3, 0.02))
    assert cold < 0.03 < cool < warm


def test_the_weights_are_those_of_the_pair():
    pair = binary_pair()
    relaxed = relax(pair, 0.5)
    assert all(map(np.array_equal, jax.tree.leaves(relaxed.encoder.network), jax.tree.leaves(pair.encoder.network)))


def test_a_model_without_binary_latents_is_refused():
    with pytest.raises(OptionError, match="no binary latents"):
        relax(normal_pair(), 0.5)


@pytest.mark.parametrize("compiled", [False, True])
def test_a_temperature_falls_from_start_to_end(compiled):
    temperature = Temperature(2.0, 0.25, decay=0.1)
    at = jax.jit(temperature.at) if compiled else temperature.at
    times = (0, 1, 5, 1000)
    found = [float(at(jnp.array(time))) for time in times]
    np.testing.assert_allclose(found, [max(0.25, 2.0 * np.exp(-0.1 * time)) for time in times], rtol=1e-6)


def test_without_decay_a_temperature_is_constant():
    assert float(Temperature(0.7, 0.2).at(10_000)) == pytest.approx(0.7)


@pytest.mark.parametrize(
    ("start", "end", "decay"),
    [(0.0, 0.0, 0.0), (1.0, -1.0, 0.0), (0.5, 1.0, 0.1), (np.nan, 0.5, 0.1), (np.inf, 1.0, 0.1)],
)
def test_bad_temperatures_are_refused(start, end, decay):
    with pytest.raises(OptionError, match="start >= end > 0"):
        Temperature(start, end, decay)


@pytest.mark.parametrize("decay", [-0.1, np.nan, np.inf])
def test_bad_decays_are_refused(decay):
    with pytest.raises(OptionError, match="0 or more"):
        Temperature(1.0, 0.5, decay)
