"""Objectives whose gradients go through the draws: for real latents, and for relaxed binary ones."""

from __future__ import annotations

import jax
from jaxtyping import Array, Float, Key

from retrodict.train.autoencoder import Pair
from retrodict.train.objectives.weights import (
    Draws,
    check_draws,
    draw_latents,
    draw_log_weights,
    hold,
    log_mean,
    swap_gradient,
)


def elbo(pair: Pair, key: Key[Array, ""], observed: Float[Array, "batch observed"], draws: int) -> Float[Array, ""]:
    r"""Return the negative evidence lower bound, :math:`-E_q[\log p(z, x) - \log q(z \mid x)]`, in nats a row.

    The expectation is the mean over ``draws`` draws; its gradient is unbiased for both networks.

    Raises `OptionError` for fewer than one draw.
    Source: Kingma & Welling 2013, section 2.3 (the first estimator).
    """
    check_draws("elbo", draws)
    return -draw_log_weights(pair, key, observed, draws).mean()


def iwae(pair: Pair, key: Key[Array, ""], observed: Float[Array, "batch observed"], draws: int) -> Float[Array, ""]:
    r"""Return the negative importance-weighted bound, :math:`-E \log \frac1K \sum_k w_k`, in nats a row.

    The generator's gradient is :math:`\sum_k \tilde w_k \nabla \log p(z_k, x)` with normalized weights. The encoder's
    is doubly reparameterized, :math:`\sum_k \tilde w_k^2 \, (\partial \log w_k / \partial z_k) \, \nabla z_k`: of
    the same mean as that of the bound, while its signal does not drown in noise as K grows. With one draw the
    bound is that of `elbo`.

    Raises `OptionError` for fewer than one draw.
    Source: Burda et al. 2015, section 3; Tucker et al. 2018, equation 8.
    """
    check_draws("iwae", draws)
    drawn, log_density = draw_latents(pair, key, observed, draws)
    log_weights = hold(pair.generator.log_joint(*hold(drawn)) - log_density)
    normalized = jax.nn.softmax(log_weights, axis=0)
    # The sum below has each weight once, as the generator needs it; gradients of draws meet it a second time here.
    scaled = Draws(_scale_gradient(drawn.latents, normalized), drawn.observed)
    direct = pair.generator.log_joint(*scaled) - hold(pair.encoder).log_prob(*scaled)
    return swap_gradient(-log_mean(log_weights).mean(), -(normalized * direct).sum(axis=0).mean())


def _scale_gradient(
    latents: Float[Array, "draws batch latents"], factor: Float[Array, "draws batch"]
) -> Float[Array, "draws batch latents"]:
    """Return the latents, with gradients times a factor."""
    held = jax.lax.stop_gradient(latents)
    return held + factor[..., None] * (latents - held)
