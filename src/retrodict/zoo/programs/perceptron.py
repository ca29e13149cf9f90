"""The networks inside of the programs: affine maps with tanh between them."""

from __future__ import annotations

import itertools
from collections.abc import Sequence

import equinox as eqx
import jax
import jax.numpy as jnp


class Perceptron(eqx.Module):
    """Affine maps with tanh between them; without a hidden layer, one affine map.

    >>> Perceptron(3, 5, (8, 8), jax.random.key(0))(jnp.zeros(3)).shape
    (5,)
    """

    layers: tuple[eqx.nn.Linear, ...]

    def __init__(self, inputs: int, outputs: int, hidden: Sequence[int], key: jax.Array) -> None:
        sizes = (inputs, *hidden, outputs)
        keys = jax.random.split(key, len(sizes) - 1)
        self.layers = tuple(
            eqx.nn.Linear(above, below, key=own)
            for (above, below), own in zip(itertools.pairwise(sizes), keys, strict=True)
        )

    def __call__(self, values: jax.Array) -> jax.Array:
        """Return the outputs for one vector of inputs, of any type of numbers."""
        hidden = jnp.asarray(values, jnp.float32)  # discrete latents are whole numbers, or relaxed
        for layer in self.layers[:-1]:
            hidden = jnp.tanh(layer(hidden))
        return self.layers[-1](hidden)
