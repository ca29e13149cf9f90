"""The masked network in two layouts: all of it as dense masked matrices, or only the blocks that are not empty.

Both compute the same function of the same parameters, as a whole (``__call__``) or step by step (``begin``,
``advance`` and ``write``): in the step in which its inputs become known, each hidden unit is computed once.
"""

import itertools
from abc import abstractmethod
from collections.abc import Sequence
from typing import Any, NamedTuple

import equinox as eqx
import jax
import jax.numpy as jnp
import numpy as np
from jaxtyping import Array, Float, Key

from retrodict.encode.keys import split_key
from retrodict.encode.networks.block_linear import BlockLinear, Selection
from retrodict.encode.networks.layers import MaskedLinear
from retrodict.encode.networks.lines import Lines
from retrodict.encode.networks.schedule import Index, put, split_by_step
from retrodict.graph.rows import Integers, Rows
from retrodict.plan.cost import count_hidden
from retrodict.plan.dependencies import Dependencies
from retrodict.plan.unit_groups import UnitGroups, suggest_widths

# Blocks are faster than masked matrices while they have at most this share of the multiplications.
MOST_BLOCKS = 0.35
# The gain of the weights that lead to parameters: encoders begin near a standard normal.
QUIET = 0.01

Inputs = Float[Array, "rows inputs"]
Parameters = Float[Array, "rows columns parameters"]
Steps = tuple[tuple[int, ...], ...]


class State(NamedTuple):
    """What is known while drawing: the inputs written so far, and the hidden units of each layer."""

    inputs: Array
    hidden: tuple[Array, ...]


class Network(eqx.Module):
    """A map from rows of inputs to the parameters of every latent column (abstract): the seam for new networks.

    Those of a column depend on the inputs that are its parents alone. To add a network, subclass it: ``__call__``
    computes all columns at once; ``plan``, ``begin``, ``advance`` and ``write`` do it step by step for drawing, each
    hidden unit once. A step of the plan is a tree of index arrays.
    """

    parameters: eqx.AbstractVar[int]
    layers: eqx.AbstractVar[tuple[Any, ...]]
    skip: eqx.AbstractVar[Any]

    @property
    def width(self) -> int:
        """The number of units of the widest layer: what a row costs in memory."""
        return max(layer.bias.size for layer in (*self.layers, self.skip) if layer is not None)

    def start(self, lines: Sequence[Lines]) -> "Network":
        """Return the network whose parameters of some columns are these maps of the inputs, and nothing else."""
        silent = [line.silence() for line in lines]
        ends = self.fill(self.layers[-1], silent), self.fill(self.skip, lines)
        started: Network = eqx.tree_at(lambda network: (network.layers[-1], network.skip), self, ends)
        return started

    @abstractmethod
    def fill(self, layer: Any, lines: Sequence[Lines]) -> Any:
        """Return a layer that leads to parameters with these maps in it."""

    @abstractmethod
    def list_parents(self, inputs: int) -> list[Integers]:
        """Return which of the inputs, of which there are so many, each column has as parents; for `skip` networks."""

    @abstractmethod
    def __call__(self, inputs: Inputs) -> Parameters:
        """Return all parameters at once."""

    @abstractmethod
    def plan(self) -> list[Any]:
        """Return for each step what is computed in it, for `advance`."""

    @abstractmethod
    def begin(self, inputs: Inputs) -> State:
        """Return the state in which nothing is computed, with what is known of the inputs."""

    @abstractmethod
    def advance(self, step: Any, columns: Index, state: State) -> tuple[State, Parameters]:
        """Compute what becomes known in a step, and the parameters of the latent columns drawn in it."""

    @abstractmethod
    def write(self, places: Index, values: Inputs, state: State) -> State:
        """Return the state in which these inputs have these values."""


class DenseNetwork(Network):
    """Dense matrices, multiplied by their masks: the oracle, and the better layout for masks that are nearly full."""

    layers: tuple[MaskedLinear, ...]
    skip: MaskedLinear | None
    parameters: int = eqx.field(static=True)
    levels: Steps = eqx.field(static=True)
    depth: int = eqx.field(static=True)

    def __init__(self, groups: UnitGroups, parameters: int, key: Key[Array, ""], *, skip: bool) -> None:
        *hidden, last = groups.masks
        keys = split_key(key, len(hidden) + 2)
        self.layers = (
            *(MaskedLinear(mask, k) for mask, k in zip(hidden, keys, strict=False)),
            MaskedLinear(np.repeat(last, parameters, axis=0), keys[-2], gain=QUIET),
        )
        direct = np.repeat(groups.dependencies.columns, parameters, axis=0) if skip else None
        self.skip = MaskedLinear(direct, keys[-1], gain=QUIET) if direct is not None else None
        self.parameters = parameters
        self.levels = tuple(tuple(np.repeat(groups.level, units).tolist()) for units in groups.units)
        self.depth = groups.dependencies.depth

    def __call__(self, inputs: Inputs) -> Parameters:
        """Return all parameters at once."""
        units = inputs
        for layer in self.layers[:-1]:
            units = jax.nn.relu(layer(units))
        outputs = self.layers[-1](units)
        if self.skip is not None:
            outputs = outputs + self.skip(inputs)
        return outputs.reshape(len(inputs), -1, self.parameters)

    def fill(self, layer: MaskedLinear, lines: Sequence[Lines]) -> MaskedLinear:
        """Return a layer that leads to parameters with these maps in it."""
        return layer.fill(lines, self.parameters)

    def list_parents(self, inputs: int) -> list[Integers]:
        """Return the inputs that each column has as parents."""
        return [np.flatnonzero(row) for row in np.asarray(self.skip.mask).T[:: self.parameters]] if self.skip else []

    def plan(self) -> list[tuple[Integers, ...]]:
        """Return for each step the hidden units of each layer that are computed in it."""
        by_layer = [split_by_step(np.array(levels), self.depth) for levels in self.levels]
        return [tuple(layer[step] for layer in by_layer) for step in range(self.depth)]

    def begin(self, inputs: Inputs) -> State:
        """Return the state in which nothing is computed, with what is known of the inputs."""
        hidden = (jnp.zeros((len(inputs), layer.bias.size), inputs.dtype) for layer in self.layers[:-1])
        return State(inputs, tuple(hidden))

    def advance(self, step: tuple[Index, ...], columns: Index, state: State) -> tuple[State, Parameters]:
        """Compute what becomes known in a step, and the parameters of the latent columns drawn in it."""
        below, known = state.inputs, []
        for layer, units, values in zip(self.layers, step, state.hidden, strict=False):
            below = put(values, units, jax.nn.relu(layer.compute(units, below)), axis=1)
            known.append(below)
        outputs = (columns[:, None] * self.parameters + np.arange(self.parameters)).ravel()
        parameters = self.layers[-1].compute(outputs, below)
        if self.skip is not None:
            parameters = parameters + self.skip.compute(outputs, state.inputs)
        return State(state.inputs, tuple(known)), parameters.reshape(len(below), -1, self.parameters)

    def write(self, places: Index, values: Inputs, state: State) -> State:
        """Return the state in which these inputs have these values."""
        return state._replace(inputs=put(state.inputs, places, values, axis=1))


class BlockStep(NamedTuple):
    """What is computed in a step: groups of each hidden layer, and the columns drawn as rows of the last layers."""

    hidden: tuple[Selection, ...]
    last: Selection
    skip: Selection | None


class BlockNetwork(Network):
    """Only the blocks between groups that listen to each other."""

    layers: tuple[BlockLinear, ...]
    skip: BlockLinear | None
    parameters: int = eqx.field(static=True)
    level: tuple[int, ...] = eqx.field(static=True)
    drawn: tuple[int, ...] = eqx.field(static=True)

    def __init__(self, groups: UnitGroups, parameters: int, key: Key[Array, ""], *, skip: bool) -> None:
        dependencies = groups.dependencies
        inputs = np.arange(int(dependencies.features.sum()))
        sets = expand(groups.sets, dependencies.features)
        keys = iter(split_key(key, len(groups.units) + 2))
        layers = [BlockLinear(sets, (1, groups.units[0]), inputs, next(keys))]
        for units in itertools.pairwise(groups.units):
            layers.append(BlockLinear(groups.within, units, np.array(layers[-1].row), next(keys)))
        latents = np.repeat(np.arange(len(dependencies.latents)), dependencies.latent_sizes)
        readable = groups.readable.pick(latents)
        place = np.array(layers[-1].row)
        layers.append(BlockLinear(readable, (groups.units[-1], parameters), place, next(keys), gain=QUIET))
        direct = expand(dependencies.parents, dependencies.features).pick(latents) if skip else None
        self.layers = tuple(layers)
        self.skip = BlockLinear(direct, (1, parameters), inputs, next(keys), gain=QUIET) if direct else None
        self.parameters = parameters
        self.level = tuple(groups.level.tolist())
        self.drawn = tuple(dependencies.level[latents].tolist())

    def __call__(self, inputs: Inputs) -> Parameters:
        """Return all parameters at once."""
        values = as_values(inputs)
        units = values
        for layer in self.layers[:-1]:
            units = jax.nn.relu(layer(units))
        outputs = self.layers[-1](units)[np.array(self.layers[-1].row)]
        if self.skip is not None:
            outputs = outputs + self.skip(values)[np.array(self.skip.row)]
        return outputs.transpose(2, 0, 1)

    def fill(self, layer: BlockLinear, lines: Sequence[Lines]) -> BlockLinear:
        """Return a layer that leads to parameters with these maps in it."""
        return layer.fill(lines)

    def list_parents(self, inputs: int) -> list[Integers]:
        """Return the inputs that each column has as parents."""
        return self.skip.list_sources(inputs) if self.skip else []

    def plan(self) -> list[BlockStep]:
        """Return for each step what is computed in it."""
        depth = max(self.drawn) + 1
        groups, columns = (split_by_step(np.array(level), depth) for level in (self.level, self.drawn))
        return [
            BlockStep(
                tuple(layer.select(groups[step]) for layer in self.layers[:-1]),
                self.layers[-1].select(columns[step], np.arange(len(columns[step]))),
                self.skip.select(columns[step], np.arange(len(columns[step]))) if self.skip is not None else None,
            )
            for step in range(depth)
        ]

    def begin(self, inputs: Inputs) -> State:
        """Return the state in which nothing is computed, with what is known of the inputs."""
        shapes = ((len(layer.bias) + 1, layer.bias.shape[1], len(inputs)) for layer in self.layers[:-1])
        return State(as_values(inputs), tuple(jnp.zeros(shape, inputs.dtype) for shape in shapes))

    def advance(self, step: BlockStep, columns: Index, state: State) -> tuple[State, Parameters]:
        """Compute what becomes known in a step, and the parameters of the latent columns drawn in it."""
        below, known = state.inputs, []
        for layer, selection, units in zip(self.layers, step.hidden, state.hidden, strict=False):
            fresh = jax.nn.relu(layer.compute(selection, below))
            below = put(units, selection.place, fresh)
            known.append(below)
        outputs = jnp.zeros((len(columns), self.parameters, below.shape[2]), below.dtype)
        outputs = outputs.at[step.last.place].add(self.layers[-1].compute(step.last, below), mode="drop")
        if self.skip is not None and step.skip is not None:
            linear = self.skip.compute(step.skip, state.inputs)
            outputs = outputs.at[step.skip.place].add(linear, mode="drop")
        return State(state.inputs, tuple(known)), outputs.transpose(2, 0, 1)

    def write(self, places: Index, values: Inputs, state: State) -> State:
        """Return the state in which these inputs have these values."""
        return state._replace(inputs=put(state.inputs, places, values.T[:, None, :]))


def build_masked(
    dependencies: Dependencies, widths: Sequence[int] | None, parameters: int, key: Key[Array, ""], *, skip: bool
) -> Network:
    r"""Return a masked ReLU network from all inputs to the parameters of every column: the paper's encoder.

    Its Jacobian is zero exactly off the inverse. On a fully connected inverse it is the standard MADE.
    ``skip`` adds a masked linear map straight from the parents, so that linear answers are learned at once.

    Raises `WidthError` when a hidden layer has fewer units than there are different parent sets.
    Source: Webb et al. 2017, section 3 (minimal MADE); Germain et al. 2015.
    """
    groups = UnitGroups.of(dependencies, suggest_widths(dependencies) if widths is None else widths)
    return build_network(groups, parameters, key, skip=skip)


def build_network(groups: UnitGroups, parameters: int, key: Key[Array, ""], *, skip: bool) -> Network:
    """Return the network in the layout that is faster for this structure."""
    kind = BlockNetwork if count_hidden(groups) <= MOST_BLOCKS * count_dense(groups) else DenseNetwork
    return kind(groups, parameters, key, skip=skip)


def count_dense(groups: UnitGroups) -> int:
    """Return the multiplications of a row in the hidden layers as full matrices."""
    columns = int(groups.dependencies.features.sum())
    between = sum(a * b for a, b in itertools.pairwise(groups.units))
    return len(groups.sets) * columns * groups.units[0] + len(groups.sets) ** 2 * between


def as_values(inputs: Inputs) -> Float[Array, "groups 1 rows"]:
    """Return inputs as groups of one unit, and the zero group."""
    return jnp.concatenate([inputs.T, jnp.zeros((1, len(inputs)), inputs.dtype)])[:, None, :]


def expand(rows: Rows, sizes: Integers) -> Rows:
    """Replace each input by its columns."""
    start = np.cumsum(sizes) - sizes
    return Rows.from_lists([[c for i in row for c in range(start[i], start[i] + sizes[i])] for row in rows.to_lists()])
