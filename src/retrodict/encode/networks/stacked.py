"""One network for each latent, all of the same shape and computed together."""

import itertools
from collections.abc import Sequence
from typing import NamedTuple

import equinox as eqx
import jax
import jax.numpy as jnp
import numpy as np
from jaxtyping import Array, Bool, Float, Int, Key

from retrodict.encode.encoder import Encoder, Structure
from retrodict.encode.families.choice import choose_conditional
from retrodict.encode.families.conditionals import Conditional
from retrodict.encode.features import Features, Scaling
from retrodict.encode.networks.layers import draw_weights
from retrodict.encode.networks.network import expand
from retrodict.encode.networks.schedule import Index, put, split_by_step, take
from retrodict.graph.rows import Integers, Mask
from retrodict.plan.dependencies import Dependencies


class StackedLinear(eqx.Module):
    """One affine map for each of several networks; ``mask`` has shape ``(networks, inputs, outputs)``."""

    weight: Float[Array, "networks inputs outputs"]
    bias: Float[Array, "networks 1 outputs"]
    mask: Bool[Array, "networks inputs outputs"]

    def __init__(self, mask: Mask, key: Key[Array, ""], gain: float = 2.0) -> None:
        self.mask = jnp.asarray(mask)
        self.weight = draw_weights(key, self.mask, gain)
        self.bias = jnp.asarray(np.zeros((mask.shape[0], 1, mask.shape[2]), np.float32))

    def __call__(
        self, values: Float[Array, "some rows inputs"], networks: Index | None
    ) -> Float[Array, "some rows outputs"]:
        """Apply the map of each of these networks, of all if None, to its own rows."""
        weight, bias = self.weight * self.mask, self.bias
        if networks is not None:
            weight, bias = (take(part, networks) for part in (weight, bias))
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
    >>> eqx.filter_jit(encoder.sample)(jax.random.key(1), jnp.zeros((5, 4))).shape
    (5, 3)
    """

    layers: tuple[StackedLinear, ...]
    skip: StackedLinear | None
    inputs: Int[Array, "networks listened"]
    conditional: Conditional
    scaling: Scaling
    features: Features
    structure: Structure = eqx.field(static=True)
    level: tuple[int, ...] = eqx.field(static=True)
    sizes: tuple[int, ...] = eqx.field(static=True)

    def __init__(
        self,
        dependencies: Dependencies,
        key: Key[Array, ""],
        widths: Sequence[int],
        *,
        conditional: str | Conditional = "normal",
        scaling: Scaling | None = None,
        skip: bool = False,
    ) -> None:
        self.conditional = choose_conditional(dependencies, scaling, conditional)
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
        self.features = Features.of(dependencies)
        self.structure = Structure.of(dependencies)
        self.level = tuple(dependencies.level.tolist())

    @property
    def width(self) -> int:
        """The number of units of the widest layer, inputs of all networks included."""
        return max(self.inputs.size, *(layer.bias.size for layer in self.layers))

    def parameters(self, inputs: Float[Array, "rows inputs"]) -> Float[Array, "rows columns parameters"]:
        """Return the parameters of every conditional."""
        return self._compute(Turn(None, *self._place(np.arange(len(self.sizes)))), self.begin(inputs))

    def plan(self) -> list["Turn"]:
        """Return for each step the networks computed in it."""
        steps = split_by_step(np.array(self.level), self.structure.depth)
        return [Turn(networks, *self._place(networks)) for networks in steps]

    def begin(self, inputs: Float[Array, "rows inputs"]) -> Float[Array, "places rows"]:
        """Return the inputs, one row each, and a row of zeros, at which padding points."""
        return jnp.concatenate([inputs, jnp.zeros((len(inputs), 1), inputs.dtype)], axis=-1).T

    def advance(
        self, step: "Turn", columns: Index, state: Float[Array, "places rows"]
    ) -> tuple[Float[Array, "places rows"], Float[Array, "rows drawn parameters"]]:
        """Return the parameters of the columns drawn in a step; networks share no units, so nothing else is kept."""
        return state, self._compute(step, state)

    def write(
        self, places: Index, values: Float[Array, "rows some"], state: Float[Array, "places rows"]
    ) -> Float[Array, "places rows"]:
        """Return the state in which these inputs have these values."""
        return put(state, places, values.T)

    def _compute(self, turn: "Turn", state: Float[Array, "places rows"]) -> Float[Array, "rows some parameters"]:
        which = self.inputs if turn.networks is None else take(self.inputs, turn.networks)
        inputs = units = jnp.swapaxes(state[which], 1, 2)
        for layer in self.layers[:-1]:
            units = jax.nn.relu(layer(units, turn.networks))
        outputs = self.layers[-1](units, turn.networks)
        if self.skip is not None:
            outputs = outputs + self.skip(inputs, turn.networks)
        by_slot = outputs.reshape(*outputs.shape[:2], -1, self.conditional.n_parameters)
        taken = by_slot.swapaxes(1, 2).at[turn.position, turn.slot].get(mode="clip")
        return taken.swapaxes(0, 1)

    def _place(self, networks: Integers) -> tuple[Integers, Integers]:
        """Return for each column of these latents the position of its network, and its number within the latent."""
        sizes = np.array(self.sizes, dtype=np.int64)[networks]
        position = np.repeat(np.arange(len(networks)), sizes)
        return position, np.arange(len(position)) - np.repeat(np.cumsum(sizes) - sizes, sizes)


class Turn(NamedTuple):
    """Networks computed together (None: all), and where each column stands in what they compute."""

    networks: Index | None
    position: Index
    slot: Index


def _pad_inputs(dependencies: Dependencies) -> tuple[Integers, Mask]:
    """Return the inputs of each latent, padded with one past the last, and which are real."""
    rows = expand(dependencies.parents, dependencies.features)
    widest = max(1, int(rows.lengths.max(initial=0)))
    inputs = np.full((len(rows), widest), int(dependencies.features.sum()))
    column = np.arange(len(rows.index)) - rows.pointer[rows.sources]
    inputs[rows.sources, column] = rows.index
    return inputs, np.arange(widest) < rows.lengths[:, None]
