"""Objectives that learn the encoder from simulations of the generator, alone or together with data."""

from __future__ import annotations

import jax
from jaxtyping import Array, Float, Key

from retrodict.train.autoencoder import Pair
from retrodict.train.objectives.cross_entropy import cross_entropy
from retrodict.train.objectives.reparameterized import elbo
from retrodict.train.objectives.score_function import vimco
from retrodict.train.objectives.weights import Function, hold


def forward_kl(
    pair: Pair, key: Key[Array, ""], observed: Float[Array, "batch observed"], draws: int
) -> Float[Array, ""]:
    r"""Return :math:`-E_{p(z, x)} \log q(z \mid x)` in nats, over as many simulations as there are rows.

    It is :math:`E_{p(x)} \mathrm{KL}(p(z \mid x) \,\|\, q)` and a constant for the encoder, whose gradient is
    unbiased; the generator gets none. Neither the values of the rows nor ``draws`` matter.

    Source: Hinton et al. 1995 (the sleep phase); Paige & Wood 2016, section 3.
    """
    latents, simulated = hold(pair.generator).draw(key, len(observed))
    return cross_entropy(pair.encoder, *hold((latents, simulated)))


def symmetric_kl(
    pair: Pair, key: Key[Array, ""], observed: Float[Array, "batch observed"], draws: int
) -> Float[Array, ""]:
    r"""Return the sum of `elbo` on data and `forward_kl` on simulations, in nats.

    For the encoder it is the sum of both KL divergences and a constant: q neither leaves out a mode of the posterior
    nor spreads beyond it. The generator has the gradient of `elbo`.

    Raises `OptionError` for fewer than one draw.
    Source: the sum of those of `elbo` and `forward_kl`.
    """
    return _add_forward(elbo, pair, key, observed, draws)


def symmetric_vimco(
    pair: Pair, key: Key[Array, ""], observed: Float[Array, "batch observed"], draws: int
) -> Float[Array, ""]:
    """Return the sum of `vimco` on data and `forward_kl` on simulations, in nats: `symmetric_kl` for any latents.

    Raises `OptionError` for fewer than two draws.
    Source: the sum of those of `vimco` and `forward_kl`.
    """
    return _add_forward(vimco, pair, key, observed, draws)


def _add_forward(
    reverse: Function, pair: Pair, key: Key[Array, ""], observed: Float[Array, "batch observed"], draws: int
) -> Float[Array, ""]:
    drawing, simulating = jax.random.split(key)
    return reverse(pair, drawing, observed, draws) + forward_kl(pair, simulating, observed, draws)
