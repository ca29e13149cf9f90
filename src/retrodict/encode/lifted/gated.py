"""Layers with gates: products of linear maps and sigmoids, which exact messages of Gaussian models are made of."""

from __future__ import annotations

import equinox as eqx
import jax
import jax.numpy as jnp
import numpy as np
from jaxtyping import Array, Float, Key

from retrodict.encode.keys import split_key
from retrodict.encode.networks.layers import draw_noise

Features = Float[Array, "..."]


class Linear(eqx.Module):
    """An affine map of the last axis.

    >>> layer = Linear(2, 3, jax.random.key(0))
    >>> layer(jnp.ones((5, 2))).shape
    (5, 3)
    """

    weight: Float[Array, "inputs outputs"]
    bias: Float[Array, " outputs"]

    def __init__(self, inputs: int, outputs: int, key: Key[Array, ""], gain: float = 1.0) -> None:
        weight = draw_noise(key, (inputs, outputs)) * np.float32(np.sqrt(gain / max(inputs, 1)))
        self.weight, self.bias = jax.device_put(weight), jnp.asarray(np.zeros(outputs, np.float32))

    def __call__(self, values: Features) -> Features:
        """Return the map of values."""
        return values @ self.weight + self.bias


class Gated(eqx.Module):
    r"""A linear map and a hidden layer of products, :math:`A x + C\,((U x + u) \odot \sigma(V x + v))`.

    With ``still`` the hidden layer has no effect at first.

    Source: Dauphin et al. 2017 (gated linear units).

    >>> Gated(2, 3, 8, jax.random.key(0))(jnp.ones((5, 2))).shape
    (5, 3)
    """

    line: Linear
    value: Linear
    gate: Linear
    out: Float[Array, "hidden outputs"]

    def __init__(self, inputs: int, outputs: int, hidden: int, key: Key[Array, ""], *, still: bool = True) -> None:
        line, value, gate, out = split_key(key, 4)
        self.line = Linear(inputs, outputs, line)
        self.value, self.gate = Linear(inputs, hidden, value), Linear(inputs, hidden, gate, gain=2.0)
        scale = 0.0 if still else np.sqrt(2.0 / hidden)
        self.out = jax.device_put((draw_noise(out, (hidden, outputs)) * scale).astype(np.float32))

    def __call__(self, values: Features) -> Features:
        """Return the map of values."""
        return self.line(values) + self.hide(values) @ self.out

    def hide(self, values: Features) -> Features:
        """Return the hidden layer."""
        return self.value(values) * jax.nn.sigmoid(self.gate(values))
