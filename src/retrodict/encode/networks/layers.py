"""A linear layer with a mask, and how its weights begin."""

from collections.abc import Iterable

import equinox as eqx
import jax
import numpy as np
from jaxtyping import Array, Bool, Float, Key

from retrodict.encode.networks.lines import Lines
from retrodict.encode.networks.schedule import Index, take
from retrodict.graph.rows import Mask


class MaskedLinear(eqx.Module):
    """An affine map whose weights are zero off a mask; ``mask`` has shape ``(outputs, inputs)``.

    The weights that are off are kept but multiplied by zero: they get no gradient and have no effect.

    >>> import numpy as np
    >>> layer = MaskedLinear(np.array([[True, False]]), jax.random.key(0))
    >>> jax.jacobian(layer)(np.ones(2, np.float32))[0, 1].item()
    0.0
    """

    weight: Float[Array, "inputs outputs"]
    bias: Float[Array, " outputs"]
    mask: Bool[Array, "inputs outputs"]

    def __init__(self, mask: Mask, key: Key[Array, ""], gain: float = 2.0) -> None:
        self.mask = jax.device_put(mask.T)
        self.weight = draw_weights(key, self.mask, gain)
        self.bias = jax.device_put(np.zeros(mask.shape[0], np.float32))

    def __call__(self, values: Float[Array, "*batch inputs"]) -> Float[Array, "*batch outputs"]:
        """Apply the map to the last axis."""
        return values @ (self.weight * self.mask) + self.bias

    def compute(self, outputs: Index, values: Float[Array, "*batch inputs"]) -> Float[Array, "*batch some"]:
        """Return these outputs alone."""
        weight, mask = (take(part, outputs, axis=1) for part in (self.weight, self.mask))
        return values @ (weight * mask) + take(self.bias, outputs)

    @property
    def in_use(self) -> int:
        """Number of weights and biases that have an effect."""
        return int(self.mask.sum()) + self.bias.size

    def fill(self, lines: Iterable[Lines], parameters: int) -> "MaskedLinear":
        """Return the layer with these maps, where ``parameters`` outputs in a row belong to a column."""
        weight, bias = np.array(self.weight), np.array(self.bias)
        by_column, bias_of = weight.reshape(len(weight), -1, parameters), bias.reshape(-1, parameters)
        for columns, parents, slopes, intercepts in lines:
            own = np.arange(intercepts.shape[1])
            by_column[:, columns[:, None], own] = 0.0
            by_column[parents[:, None, None], columns[:, None], own] = slopes
            bias_of[columns[:, None], own] = intercepts
        return eqx.tree_at(lambda layer: (layer.weight, layer.bias), self, jax.device_put((weight, bias)))


def draw_weights(
    key: Key[Array, ""], mask: Bool[Array, "*rest inputs outputs"], gain: float
) -> Float[Array, "*rest inputs outputs"]:
    r"""Return normal weights of variance ``gain`` over the inputs each output really has.

    A gain of 2 keeps the scale of signals through ReLU layers. Source: He et al. 2015, section 2.2.
    """
    real = np.asarray(mask)
    inputs = np.maximum(real.sum(axis=-2, keepdims=True), 1)
    return jax.device_put((draw_noise(key, real.shape) * np.sqrt(gain / inputs) * real).astype(np.float32))


def draw_noise(key: Key[Array, ""], shape: tuple[int, ...]) -> Float[np.ndarray, "..."]:
    """Return standard normal numbers, drawn by NumPy: JAX would compile a program for every shape.

    >>> draw_noise(jax.random.key(0), (2, 3)).shape
    (2, 3)
    """
    seed = np.asarray(jax.random.key_data(key)).tolist()
    return np.random.default_rng(seed).standard_normal(shape, dtype=np.float32)
