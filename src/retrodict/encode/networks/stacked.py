"""One network for each latent, all of the same shape and computed together."""

import itertools
from collections.abc import Iterable, Sequence
from typing import NamedTuple

import equinox as eqx
import jax
import jax.numpy as jnp
import numpy as np
from jaxtyping import Array, Bool, Float, Int, Key

from retrodict.encode.keys import split_key
from retrodict.encode.networks.layers import draw_weights
from retrodict.encode.networks.lines import Lines
from retrodict.encode.networks.network import QUIET, Inputs, Network, Parameters, State, expand
from retrodict.encode.networks.schedule import Index, put, split_by_step, take
from retrodict.graph.rows import Integers, Mask
from retrodict.plan.dependencies import Dependencies

WIDTHS = (32, 32)


class StackedLinear(eqx.Module):
    """One affine map for each of several networks; ``mask`` has shape ``(networks, inputs, outputs)``."""

    weight: Float[Array, "networks inputs outputs"]
    bias: Float[Array, "networks 1 outputs"]
    mask: Bool[Array, "networks inputs outputs"]

    def __init__(self, mask: Mask, key: Key[Array, ""], gain: float = 2.0) -> None:
        self.mask = jax.device_put(mask)
        self.weight = draw_weights(key, self.mask, gain)
        self.bias = jax.device_put(np.zeros((mask.shape[0], 1, mask.shape[2]), np.float32))

    def __call__(
        self, values: Float[Array, "some rows inputs"], networks: Index | None
    ) -> Float[Array, "some rows outputs"]:
        """Apply the map of each of these networks, of all if None, to its own rows."""
        weight, bias = self.weight * self.mask, self.bias
        if networks is not None:
            weight, bias = (take(part, networks) for part in (weight, bias))
        return values @ weight + bias

    def fill(self, lines: Iterable[tuple["Ports", Lines]]) -> "StackedLinear":
        """Return the layer with these maps, which have these ports."""
        weight, bias = np.array(self.weight), np.array(self.bias)
        for (networks, first, inputs), (_, _, slopes, intercepts) in lines:
            outputs = first[:, None] + np.arange(intercepts.shape[1])
            weight[networks[:, None], :, outputs] = 0.0
            weight[networks[None, :, None], inputs[:, :, None], outputs] = slopes
            bias[networks[:, None], 0, outputs] = intercepts
        return eqx.tree_at(lambda layer: (layer.weight, layer.bias), self, jax.device_put((weight, bias)))

    @property
    def in_use(self) -> int:
        """Number of weights and biases that have an effect."""
        return int(self.mask.sum()) + self.bias.size


class Ports(NamedTuple):
    """Where maps belong: for each column its network, its first output there, and the places of its parents there."""

    networks: Integers
    outputs: Integers
    inputs: Integers


class StackedNetwork(Network):
    """A ReLU network for each latent, whose inputs are its parents and nothing else.

    Parent sets are padded to the largest one, so that all networks are computed as one; padded inputs are zero
    and have no weights. Without ``widths``, each network has two hidden layers of 32 units.

    Source: Webb et al. 2017, section 3 (the heuristic encoder: two layers of 200 units a factor).
    """

    layers: tuple[StackedLinear, ...]
    skip: StackedLinear | None
    inputs: Int[Array, "networks listened"]
    parameters: int = eqx.field(static=True)
    level: tuple[int, ...] = eqx.field(static=True)
    sizes: tuple[int, ...] = eqx.field(static=True)

    def __init__(
        self,
        dependencies: Dependencies,
        widths: Sequence[int] | None,
        parameters: int,
        key: Key[Array, ""],
        *,
        skip: bool = False,
    ) -> None:
        hidden = WIDTHS if widths is None else tuple(widths)
        inputs, real = _pad_inputs(dependencies)
        self.sizes, self.parameters = tuple(dependencies.latent_sizes.tolist()), parameters
        networks, widest, last = *real.shape, max(self.sizes) * parameters
        masks = [np.ones((networks, a, b), bool) for a, b in itertools.pairwise([widest, *hidden, last])]
        masks[0] &= real[:, :, None]
        keys = split_key(key, len(masks) + 1)
        gains = [2.0] * len(hidden) + [QUIET]
        self.layers = tuple(StackedLinear(m, k, g) for m, k, g in zip(masks, keys, gains, strict=False))
        direct = np.broadcast_to(real[:, :, None], (networks, widest, last))
        self.skip = StackedLinear(direct, keys[-1], gain=QUIET) if skip else None
        self.inputs = jax.device_put(inputs)
        self.level = tuple(dependencies.level.tolist())

    @property
    def width(self) -> int:
        """The number of units of the widest layer, inputs of all networks included."""
        return max(self.inputs.size, super().width)

    def __call__(self, inputs: Inputs) -> Parameters:
        """Return all parameters at once."""
        return self._compute(Turn(None, *self._place(np.arange(len(self.sizes)))), self.begin(inputs).inputs)

    def fill(self, layer: StackedLinear, lines: Sequence[Lines]) -> StackedLinear:
        """Return a layer that leads to parameters with these maps in it."""
        networks, slots = self._place(np.arange(len(self.sizes)))
        listened = np.asarray(self.inputs)

        def connect(line: Lines) -> Ports:
            own = networks[line.columns]
            inputs = [np.searchsorted(listened[network], line.parents) for network in own.tolist()]
            return Ports(own, slots[line.columns] * self.parameters, np.stack(inputs, axis=1))

        return layer.fill((connect(line), line) for line in lines)

    def list_parents(self, inputs: int) -> list[Integers]:
        """Return the inputs that each column has as parents."""
        rows = [row[row < inputs] for row in np.asarray(self.inputs, np.int64)]
        return [row for row, size in zip(rows, self.sizes, strict=True) for _ in range(size)]

    def plan(self) -> list["Turn"]:
        """Return for each step the networks computed in it."""
        steps = split_by_step(np.array(self.level), max(self.level) + 1)
        return [Turn(networks, *self._place(networks)) for networks in steps]

    def begin(self, inputs: Inputs) -> State:
        """Return the inputs, one row each, and a row of zeros, at which padding points."""
        return State(jnp.concatenate([inputs, jnp.zeros((len(inputs), 1), inputs.dtype)], axis=-1).T, ())

    def advance(self, step: "Turn", columns: Index, state: State) -> tuple[State, Parameters]:
        """Return the parameters of the columns drawn in a step; networks share no units, so nothing else is kept."""
        return state, self._compute(step, state.inputs)

    def write(self, places: Index, values: Inputs, state: State) -> State:
        """Return the state in which these inputs have these values."""
        return state._replace(inputs=put(state.inputs, places, values.T))

    def _compute(self, turn: "Turn", known: Float[Array, "places rows"]) -> Parameters:
        which = self.inputs if turn.networks is None else take(self.inputs, turn.networks)
        inputs = units = jnp.swapaxes(known[which], 1, 2)
        for layer in self.layers[:-1]:
            units = jax.nn.relu(layer(units, turn.networks))
        outputs = self.layers[-1](units, turn.networks)
        if self.skip is not None:
            outputs = outputs + self.skip(inputs, turn.networks)
        by_slot = outputs.reshape(*outputs.shape[:2], -1, self.parameters)
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
