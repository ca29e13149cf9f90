"""Bounds of the log-likelihood of each row, for evaluation: any number of draws in bounded memory."""

from __future__ import annotations

import jax
import jax.numpy as jnp
from jaxtyping import Array, Float, Key

from retrodict.train.autoencoder import Pair
from retrodict.train.objectives.weights import check_draws, draw_log_weights

# The most numbers in the widest layer of the encoder for draws that are scored together: 16 MiB.
PIECE = 2**22


def bound(
    pair: Pair, key: Key[Array, ""], observed: Float[Array, "batch observed"], draws: int
) -> Float[Array, " batch"]:
    r"""Return :math:`\log \frac1K \sum_k w_k` of each row, in nats: at most :math:`\log p(x)` on average.

    It rises with ``draws`` towards the log-likelihood; one draw gives an estimate of the evidence lower bound.
    Draws are taken in pieces, so that memory grows with rows but not with ``draws``.

    Raises `OptionError` for fewer than one draw.
    Source: Burda et al. 2015, section 3.
    """
    check_draws("bound", draws)
    return _sum_weights(pair, key, observed, draws)[0] - jnp.log(draws)


def elbo_per_row(
    pair: Pair, key: Key[Array, ""], observed: Float[Array, "batch observed"], draws: int
) -> Float[Array, " batch"]:
    r"""Return the evidence lower bound of each row, the mean of :math:`\log w_k`, in nats.

    Its distance from the log-likelihood is KL(q, p). More draws make it more exact, not larger.

    Raises `OptionError` for fewer than one draw.
    Source: Kingma & Welling 2013, section 2.2.
    """
    check_draws("elbo_per_row", draws)
    return _sum_weights(pair, key, observed, draws)[1] / draws


def _sum_weights(
    pair: Pair, key: Key[Array, ""], observed: Float[Array, "batch observed"], draws: int
) -> tuple[Float[Array, " batch"], Float[Array, " batch"]]:
    """Return the log of the sum of all weights, and the sum of their logs."""
    most = max(1, PIECE // (max(1, len(observed)) * pair.encoder.network.width))
    pieces = -(-draws // most)
    size = -(-draws // pieces)

    def add(sums: tuple[Array, Array], piece: Array) -> tuple[tuple[Array, Array], None]:
        log_weights = draw_log_weights(pair, jax.random.fold_in(key, piece), observed, size)
        # The last piece may be longer than what is left.
        counted = (piece * size + jnp.arange(size) < draws)[:, None]
        together = jax.nn.logsumexp(jnp.where(counted, log_weights, -jnp.inf), axis=0)
        return (jnp.logaddexp(sums[0], together), sums[1] + jnp.where(counted, log_weights, 0.0).sum(axis=0)), None

    start = jnp.full(len(observed), -jnp.inf), jnp.zeros(len(observed))
    return jax.lax.scan(add, start, jnp.arange(pieces))[0]
