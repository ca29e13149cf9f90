"""Objectives whose gradients go through densities alone: for any latents, discrete ones too."""

from __future__ import annotations

import jax
import jax.numpy as jnp
from jaxtyping import Array, Float, Key

from retrodict.train.autoencoder import Pair
from retrodict.train.objectives.weights import check_draws, draw_latents, hold, log_mean, swap_gradient

Densities = tuple[Float[Array, "draws batch"], Float[Array, "draws batch"]]


def reweighted_wake_sleep(
    pair: Pair, key: Key[Array, ""], observed: Float[Array, "batch observed"], draws: int
) -> Float[Array, ""]:
    r"""Return the negative importance-weighted bound in nats a row, with the gradients of two wake phases.

    With normalized weights :math:`\tilde w_k` of draws of the encoder, the generator climbs
    :math:`\sum_k \tilde w_k \log p(z_k, x)`, whose gradient is exactly that of the bound. The encoder climbs
    :math:`\sum_k \tilde w_k \log q(z_k \mid x)`, an estimate of :math:`-\mathrm{KL}(p(z \mid x) \,\|\, q)` whose
    bias goes with 1 / ``draws``. The sleep phase is `forward_kl`.

    Raises `OptionError` for fewer than two draws: one has weight 1, from which the encoder learns nothing.
    Source: Bornschein & Bengio 2014, section 2; Le et al. 2018, section 3.2.
    """
    check_draws("rws", draws, least=2)
    log_joint, log_density = _score_draws(pair, key, observed, draws)
    log_weights = hold(log_joint - log_density)
    climbed = jax.nn.softmax(log_weights, axis=0) * (log_joint + log_density)
    return swap_gradient(-log_mean(log_weights).mean(), -climbed.sum(axis=0).mean())


def vimco(pair: Pair, key: Key[Array, ""], observed: Float[Array, "batch observed"], draws: int) -> Float[Array, ""]:
    r"""Return the negative importance-weighted bound in nats a row, with a score-function gradient that is unbiased.

    The bound :math:`L = \log \frac1K \sum_k w_k` has the gradient
    :math:`\sum_k (L - L_{-k}) \nabla \log q(z_k \mid x) + \sum_k \tilde w_k \nabla \log w_k`, where
    :math:`L_{-k}` is the bound with the geometric mean of the other weights in place of :math:`w_k`: it does not
    depend on draw k, so it takes away noise and adds no bias. Memory grows with the square of ``draws``.

    Raises `OptionError` for fewer than two draws.
    Source: Mnih & Rezende 2016, section 2.4, equations 8 to 10.
    """
    check_draws("vimco", draws, least=2)
    log_joint, log_density = _score_draws(pair, key, observed, draws)
    log_weights = hold(log_joint - log_density)
    bound = log_mean(log_weights)
    signal = bound - _leave_one_out(log_weights)
    climbed = signal * log_density + jax.nn.softmax(log_weights, axis=0) * (log_joint - log_density)
    return swap_gradient(-bound.mean(), -climbed.sum(axis=0).mean())


def _score_draws(pair: Pair, key: Key[Array, ""], observed: Float[Array, "batch observed"], draws: int) -> Densities:
    """Return log p(z, x) and log q(z given x) of draws that no gradient reaches."""
    drawn, _ = draw_latents(hold(pair), key, observed, draws)
    return pair.generator.log_joint(*drawn), pair.encoder.log_prob(*drawn)


def _leave_one_out(log_weights: Float[Array, "draws batch"]) -> Float[Array, "draws batch"]:
    """Return for each draw the bound in which its log weight is replaced by the mean of the others."""
    count = len(log_weights)
    own = jnp.eye(count, dtype=bool)[:, :, None]
    others = jnp.where(own, 0.0, log_weights).sum(axis=1) / (count - 1)
    return log_mean(jnp.where(own, others[:, None], log_weights).swapaxes(0, 1))
