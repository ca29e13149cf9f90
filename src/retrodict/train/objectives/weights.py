"""Log weights of draws of an encoder, and what every objective makes of them."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, NamedTuple, TypeVar

import equinox as eqx
import jax
import jax.numpy as jnp
from jaxtyping import Array, Float, Key

from retrodict.errors import OptionError
from retrodict.plan.counts import read_count
from retrodict.train.autoencoder import Pair

Tree = TypeVar("Tree")
Function = Callable[[Pair, Key[Array, ""], Float[Array, "batch observed"], int], Float[Array, ""]]


class Draws(NamedTuple):
    """Draws of the latents of each row, and the rows they belong to, once for each draw."""

    latents: Float[Array, "draws batch latents"]
    observed: Float[Array, "draws batch observed"]


def draw_latents(
    pair: Pair, key: Key[Array, ""], observed: Float[Array, "batch observed"], draws: int
) -> tuple[Draws, Float[Array, "draws batch"]]:
    """Return draws of the encoder and their log densities q(z given x), out of one pass."""
    rows = jnp.broadcast_to(observed, (draws, *observed.shape))
    latents, log_density = pair.encoder.sample_and_log_prob(key, rows)
    return Draws(latents, rows), log_density


def draw_log_weights(
    pair: Pair, key: Key[Array, ""], observed: Float[Array, "batch observed"], draws: int
) -> Float[Array, "draws batch"]:
    r"""Return :math:`\log w_k = \log p(z_k, x) - \log q(z_k \mid x)` in nats, differentiable through the draws."""
    drawn, log_density = draw_latents(pair, key, observed, draws)
    return pair.generator.log_joint(*drawn) - log_density


def log_mean(log_weights: Float[Array, "draws *others batch"]) -> Float[Array, "*others batch"]:
    """Return the log of the mean weight over draws.

    >>> log_mean(jnp.log(jnp.array([[1.0], [3.0]]))).item() == jnp.log(2.0).item()
    True
    """
    return jax.nn.logsumexp(log_weights, axis=0) - jnp.log(len(log_weights))


def hold(tree: Tree) -> Tree:
    """Return the tree with arrays that no gradient reaches."""
    return jax.tree.map(lambda leaf: jax.lax.stop_gradient(leaf) if eqx.is_inexact_array(leaf) else leaf, tree)


def swap_gradient(value: Float[Array, ""], surrogate: Float[Array, ""]) -> Float[Array, ""]:
    """Return a number that has the value of the first and the gradient of the second.

    >>> jax.value_and_grad(lambda x: swap_gradient(x**2, 5 * x))(3.0)[1].item()
    5.0
    """
    held: Any = jax.lax.stop_gradient
    return held(value) + (surrogate - held(surrogate))


def check_draws(name: str, draws: int, least: int = 1) -> None:
    """Raise `OptionError` where an objective is given fewer draws than it needs."""
    if read_count("draws", draws) < least:
        raise OptionError(f"draws={draws} is too small for {name!r}", remedy=f"It must be {least} or more.")
