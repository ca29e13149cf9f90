"""One network for each latent, all of the same shape and computed together."""

import itertools
from collections.abc import Sequence

import equinox as eqx
import jax
import jax.numpy as jnp
import numpy as np
from jaxtyping import Array, Bool, Float, Int, Key

from retrodict.encode.conditionals import Conditional, Normal
from retrodict.encode.encoder import Encoder, Scaling, count_levels, level_of_columns
from retrodict.encode.layers import draw_weights
from retrodict.graph.rows import Integers, Mask
from retrodict.masks import Dependencies


class StackedLinear(eqx.Module):
    """One affine map for each of several networks; ``mask`` has shape ``(networks, inputs, outputs)``."""

    weight: Float[Array, "networks inputs outputs"]
    bias: Float[Array, "networks 1 outputs"]
    mask: Bool[Array, "networks inputs outputs"]

    def __init__(self, mask: Mask, key: Key[Array, ""], gain: float = 2.0) -> None:
        self.mask = jnp.asarray(mask)
        self.weight = draw_weights(key, self.mask, gain)
        self.bias = jnp.zeros((mask.shape[0], 1, mask.shape[2]))

    def __call__(self, values: Float[Array, "networks rows inputs"]) -> Float[Array, "networks rows outputs"]:
        """Apply the map of each network to its own rows."""
        return values @ (self.weight * self.mask) + self.bias


class SeparateEncoder(Encoder):
    """A ReLU network for each latent, whose inputs are its parents and nothing else.

    Parent sets are padded to the largest one, so that all networks are computed as one; padded inputs are zero
    and have no weights.

    Source: Webb et al. 2017, section 3 (the heuristic encoder: two layers of 200 units a factor).

    >>> from retrodict import reversal, zoo
    >>> dependencies = Dependencies.of(reversal(zoo.binary_tree(depth=3).net))
    >>> encoder = SeparateEncoder(dependencies, jax.random.key(0), widths=[8, 8])
    >>> encoder.sample(jax.random.key(1), jnp.zeros((5, 4))).shape
    (5, 3)
    """

    layers: tuple[StackedLinear, ...]
    skip: StackedLinear | None
    inputs: Int[Array, "networks inputs"]
    outputs: Int[Array, " latents"]
    conditional: Conditional
    scaling: Scaling
    level: Int[Array, " latents"]
    depth: int = eqx.field(static=True)

    def __init__(
        self,
        dependencies: Dependencies,
        key: Key[Array, ""],
        widths: Sequence[int],
        *,
        conditional: Conditional | None = None,
        scaling: Scaling | None = None,
        skip: bool = False,
    ) -> None:
        self.conditional = conditional or Normal()
        inputs, real = _pad_inputs(dependencies)
        sizes = dependencies.latent_sizes
        networks, widest, last = *real.shape, int(sizes.max()) * self.conditional.n_parameters
        masks = [np.ones((networks, a, b), bool) for a, b in _pair([widest, *widths, last])]
        masks[0] &= real[:, :, None]
        keys = jax.random.split(key, len(masks) + 1)
        gains = [2.0] * len(widths) + [0.01]
        self.layers = tuple(StackedLinear(m, k, g) for m, k, g in zip(masks, keys, gains, strict=False))
        direct = np.broadcast_to(real[:, :, None], (networks, widest, last))
        self.skip = StackedLinear(direct, keys[-1], gain=0.01) if skip else None
        self.inputs = jnp.asarray(inputs)
        self.outputs = jnp.asarray(np.concatenate([i * sizes.max() + np.arange(size) for i, size in enumerate(sizes)]))
        self.scaling = scaling or Scaling.none(int(dependencies.sizes.sum()))
        self.level = level_of_columns(dependencies)
        self.depth = count_levels(dependencies)

    def parameters(
        self, latents: Float[Array, "*batch latents"], observed: Float[Array, "*batch observed"]
    ) -> Float[Array, "*batch latents parameters"]:
        """Return the parameters of every conditional, from standardised numbers."""
        batch = observed.shape[:-1]
        nothing = jnp.zeros((*batch, 1), observed.dtype)
        columns = jnp.concatenate([observed, latents, nothing], axis=-1).reshape(-1, self._width + 1).T
        inputs = units = jnp.swapaxes(columns[self.inputs], 1, 2)
        for layer in self.layers[:-1]:
            units = jax.nn.relu(layer(units))
        outputs = self.layers[-1](units)
        if self.skip is not None:
            outputs = outputs + self.skip(inputs)
        return self._collect(outputs, batch)

    @property
    def _width(self) -> int:
        return len(self.scaling.centre)

    def _collect(
        self, outputs: Float[Array, "networks rows outputs"], batch: tuple[int, ...]
    ) -> Float[Array, "... latents parameters"]:
        """Put the parameters of each column of each latent side by side."""
        networks, rows, _ = outputs.shape
        numbers = outputs.reshape(networks, rows, -1, self.conditional.n_parameters)
        flat = jnp.moveaxis(numbers, 1, 0).reshape(rows, -1, self.conditional.n_parameters)
        return flat[:, self.outputs].reshape(*batch, len(self.outputs), self.conditional.n_parameters)


def _pad_inputs(dependencies: Dependencies) -> tuple[Integers, Mask]:
    """Return the input columns of each latent, padded with a column past the last, and which are real."""
    rows = np.repeat(dependencies.matrix, dependencies.sizes, axis=1)
    widest = max(1, int(rows.sum(axis=1).max()))
    order = np.argsort(~rows, axis=1, kind="stable")[:, :widest]
    real = np.take_along_axis(rows, order, axis=1)
    return np.where(real, order, rows.shape[1]), real


def _pair(widths: Sequence[int]) -> list[tuple[int, int]]:
    return list(itertools.pairwise(widths))
