"""One network for each latent, all of the same shape and computed together."""

import itertools
from collections.abc import Sequence

import equinox as eqx
import jax
import jax.numpy as jnp
import numpy as np
from jaxtyping import Array, Bool, Float, Int, Key

from retrodict.encode.conditionals import Conditional, Normal
from retrodict.encode.encoder import Encoder, Scaling, Structure
from retrodict.encode.layers import draw_weights
from retrodict.encode.network import Steps, split_by_step
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

    def __call__(
        self, values: Float[Array, "some rows inputs"], networks: Integers | None = None
    ) -> Float[Array, "some rows outputs"]:
        """Apply the map of each network, or of some of them, to its own rows."""
        weight, bias = self.weight * self.mask, self.bias
        if networks is not None:
            weight, bias = weight[networks], bias[networks]
        return values @ weight + bias

    @property
    def in_use(self) -> int:
        """Number of weights and biases that have an effect."""
        return int(self.mask.sum()) + self.bias.size


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
    conditional: Conditional
    scaling: Scaling
    structure: Structure = eqx.field(static=True)
    networks: Steps = eqx.field(static=True)
    sizes: tuple[int, ...] = eqx.field(static=True)

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
        self.sizes = tuple(dependencies.latent_sizes.tolist())
        networks, widest, last = *real.shape, max(self.sizes) * self.conditional.n_parameters
        masks = [np.ones((networks, a, b), bool) for a, b in itertools.pairwise([widest, *widths, last])]
        masks[0] &= real[:, :, None]
        keys = jax.random.split(key, len(masks) + 1)
        gains = [2.0] * len(widths) + [0.01]
        self.layers = tuple(StackedLinear(m, k, g) for m, k, g in zip(masks, keys, gains, strict=False))
        direct = np.broadcast_to(real[:, :, None], (networks, widest, last))
        self.skip = StackedLinear(direct, keys[-1], gain=0.01) if skip else None
        self.inputs = jnp.asarray(inputs)
        self.scaling = scaling or Scaling.none(int(dependencies.sizes.sum()))
        self.structure = Structure.of(dependencies)
        self.networks = split_by_step(dependencies.level, dependencies.depth)

    def parameters(
        self, latents: Float[Array, "rows latents"], observed: Float[Array, "rows observed"]
    ) -> Float[Array, "rows latents parameters"]:
        """Return the parameters of every conditional, from standardised numbers."""
        return self._compute(np.arange(len(self.sizes)), latents, observed)

    def begin(self, rows: int) -> tuple[Array, ...]:
        """Return nothing: networks share no units, so each is computed in one step."""
        return ()

    def advance(
        self,
        step: int,
        hidden: tuple[Array, ...],
        latents: Float[Array, "rows latents"],
        observed: Float[Array, "rows observed"],
    ) -> tuple[tuple[Array, ...], Float[Array, "rows drawn parameters"]]:
        """Return the parameters of the columns drawn in a step."""
        return hidden, self._compute(np.array(self.networks[step], dtype=np.int64), latents, observed)

    def _compute(
        self, networks: Integers, latents: Float[Array, "rows latents"], observed: Float[Array, "rows observed"]
    ) -> Float[Array, "rows some parameters"]:
        nothing = jnp.zeros((len(observed), 1), observed.dtype)
        columns = jnp.concatenate([observed, latents, nothing], axis=-1).T
        inputs = units = jnp.swapaxes(columns[self.inputs[networks]], 1, 2)
        for layer in self.layers[:-1]:
            units = jax.nn.relu(layer(units, networks))
        outputs = self.layers[-1](units, networks)
        if self.skip is not None:
            outputs = outputs + self.skip(inputs, networks)
        return self._collect(networks, outputs)

    def _collect(
        self, networks: Integers, outputs: Float[Array, "some rows outputs"]
    ) -> Float[Array, "rows columns parameters"]:
        """Put the parameters of each column of each latent side by side."""
        each, widest = self.conditional.n_parameters, max(self.sizes)
        flat = jnp.moveaxis(outputs, 1, 0).reshape(outputs.shape[1], -1, each)
        kept = [i * widest + column for i, n in enumerate(networks.tolist()) for column in range(self.sizes[n])]
        return flat[:, np.array(kept, dtype=np.int64)]


def _pad_inputs(dependencies: Dependencies) -> tuple[Integers, Mask]:
    """Return the input columns of each latent, padded with a column past the last, and which are real."""
    rows = np.repeat(dependencies.matrix, dependencies.sizes, axis=1)
    widest = max(1, int(rows.sum(axis=1).max()))
    order = np.argsort(~rows, axis=1, kind="stable")[:, :widest]
    real = np.take_along_axis(rows, order, axis=1)
    return np.where(real, order, rows.shape[1]), real
