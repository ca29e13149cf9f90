"""The mean gradient of every estimator is the exact one, on models that can be enumerated or integrated."""

from collections.abc import Callable
from dataclasses import dataclass
from functools import cached_property, partial

import equinox as eqx
import jax
import jax.numpy as jnp
import numpy as np
import pytest
from jax.flatten_util import ravel_pytree

from retrodict.train.autoencoder import Autoencoder
from retrodict.train.objectives.reparameterized import elbo, iwae
from retrodict.train.objectives.score_function import reweighted_wake_sleep, vimco
from retrodict.train.objectives.simulated import forward_kl, symmetric_kl, symmetric_vimco
from retrodict.train.objectives.weights import Function, draw_latents, draw_log_weights, hold, log_mean, swap_gradient
from retrodict.train.temperature import relax
from tests.train import exact
from tests.train.generators import binary_pair, normal_pair
from tests.train.measured import differentiate, excess, measure

QUICK = 100_000
SIZES = [QUICK, pytest.param(1_000_000, marks=pytest.mark.slow)]
TEMPERATURE = 0.6

BINARY, ONE_BINARY = binary_pair(), binary_pair(latents=1, observed=2)
NORMAL, NORMALS = normal_pair(), normal_pair(latents=2)
IMAGES = np.float32([[1, 0, 0, 1], [0, 1, 1, 1]])
ONE_IMAGES = np.float32([[1, 0], [0, 0]])
NUMBERS = np.float32([[1.2, -0.4], [-0.6, 0.9]])


def relaxed_elbo(pair, key, observed, draws):
    return elbo(relax(pair, TEMPERATURE), key, observed, draws)


def negative(function, *arguments):
    return lambda pair: -function(pair, *arguments)


def both_wakes(pair):
    return swap_gradient(-exact.discrete_bound(pair, IMAGES, 3), -exact.wake_surrogate(pair, IMAGES, 3))


def both_divergences(pair):
    return exact.discrete_cross_entropy(pair, IMAGES) - exact.discrete_bound(pair, IMAGES, 2)


@dataclass(frozen=True)
class Law:
    """An objective, and a function whose value and gradient are what it gives on average."""

    objective: Function
    draws: int
    pair: Autoencoder
    rows: np.ndarray
    exact: Callable[[Autoencoder], jax.Array]

    @cached_property
    def expected(self) -> np.ndarray:
        return differentiate(self.exact, self.pair)

    def excess(self, total: int, objective: Function | None = None) -> float:
        return excess(measure(objective or self.objective, self.pair, self.rows, self.draws, total), self.expected)


LAWS = {
    "elbo": Law(elbo, 2, NORMALS, NUMBERS, negative(exact.normal_elbo, NUMBERS)),
    "relaxed": Law(relaxed_elbo, 2, ONE_BINARY, ONE_IMAGES, negative(exact.relaxed_elbo, ONE_IMAGES, TEMPERATURE)),
    "iwae": Law(iwae, 2, NORMAL, NUMBERS, negative(exact.normal_bound, NUMBERS, 2)),
    "rws": Law(reweighted_wake_sleep, 3, BINARY, IMAGES, both_wakes),
    "vimco": Law(vimco, 3, BINARY, IMAGES, negative(exact.discrete_bound, IMAGES, 3)),
    "forward-kl": Law(forward_kl, 1, BINARY, IMAGES, partial(exact.discrete_cross_entropy, observed=IMAGES)),
    "symmetric-vimco": Law(symmetric_vimco, 2, BINARY, IMAGES, both_divergences),
}


@pytest.mark.parametrize("total", SIZES)
@pytest.mark.parametrize("name", LAWS)
def test_the_mean_gradient_is_the_exact_one(name, total):
    assert LAWS[name].excess(total) < 1


# -- estimators with a term dropped fail the same laws -----------------------------------------------


def elbo_without_entropy(pair, key, observed, draws):
    drawn, log_density = draw_latents(pair, key, observed, draws)
    return -(pair.generator.log_joint(*drawn) - hold(log_density)).mean()


def iwae_of_single_weights(pair, key, observed, draws):
    """The path alone, without the score of the density, but each weight taken once."""
    drawn, _ = draw_latents(pair, key, observed, draws)
    return -log_mean(pair.generator.log_joint(*drawn) - hold(pair.encoder).log_prob(*drawn)).mean()


def rws_of_equal_weights(pair, key, observed, draws):
    drawn, log_density = draw_latents(hold(pair), key, observed, draws)
    value = -log_mean(hold(pair).generator.log_joint(*drawn) - log_density).mean()
    return swap_gradient(value, -(pair.generator.log_joint(*drawn) + pair.encoder.log_prob(*drawn)).mean())


def vimco_without_score(pair, key, observed, draws):
    drawn, _ = draw_latents(hold(pair), key, observed, draws)
    return -log_mean(pair.generator.log_joint(*drawn) - pair.encoder.log_prob(*drawn)).mean()


def forward_kl_of_strangers(pair, key, observed, draws):
    """Each latent with the observation of the next simulation."""
    latents, simulated = hold(pair.generator).draw(key, len(observed))
    return -pair.encoder.log_prob(latents, jnp.roll(simulated, 1, axis=0)).mean()


WRONG = {
    "elbo": elbo_without_entropy,
    "iwae": iwae_of_single_weights,
    "rws": rws_of_equal_weights,
    "vimco": vimco_without_score,
    "forward-kl": forward_kl_of_strangers,
}


@pytest.mark.parametrize("name", WRONG)
def test_an_estimator_without_a_term_is_caught(name):
    assert LAWS[name].excess(QUICK, WRONG[name]) > 2


# -- what they have in common ------------------------------------------------------------------------


def test_the_generator_of_reweighted_wake_sleep_climbs_the_bound():
    wake = eqx.filter_jit(eqx.filter_grad(both_wakes))(BINARY).generator
    bound = eqx.filter_jit(eqx.filter_grad(LAWS["vimco"].exact))(BINARY).generator
    for ours, exactly in zip(jax.tree.leaves(wake), jax.tree.leaves(bound), strict=True):
        np.testing.assert_allclose(ours, exactly, rtol=1e-3, atol=1e-5)


@pytest.mark.slow
def test_symmetric_kl_is_the_sum_of_both_on_average():
    forward, noise = measure(forward_kl, NORMALS, NUMBERS, 1, QUICK)
    mean, error = measure(symmetric_kl, NORMALS, NUMBERS, 1, QUICK)
    assert excess((mean, np.hypot(error, noise)), LAWS["elbo"].expected + forward) < 1


@pytest.mark.slow
def test_double_reparameterization_has_the_gradient_of_the_bound_with_less_noise():
    def plain(pair, key, observed, draws):
        return -log_mean(draw_log_weights(pair, key, observed, draws)).mean()

    encoder = ravel_pytree(eqx.filter(NORMAL.generator, eqx.is_inexact_array))[0].size + 1
    (ours, error), (theirs, noise) = (measure(one, NORMAL, NUMBERS, 25, QUICK) for one in (iwae, plain))
    assert excess((ours, np.hypot(error, noise)), theirs) < 1
    assert np.median(error[encoder:][noise[encoder:] > 0] / noise[encoder:][noise[encoder:] > 0]) < 0.7
