"""The masked network in two layouts: all of it as dense masked matrices, or only the blocks that are not empty.

Both compute the same function of the same parameters, as a whole (``__call__``) or step by step (``begin`` and
``advance``): in the step in which its inputs become known, each hidden unit is computed once.
"""

import itertools
from abc import abstractmethod

import equinox as eqx
import jax
import jax.numpy as jnp
import numpy as np
from jaxtyping import Array, Float, Key

from retrodict.encode.blocks import BlockLinear
from retrodict.encode.layers import MaskedLinear
from retrodict.graph.rows import Integers, Rows
from retrodict.masks import UnitGroups

# Blocks are faster than masked matrices while they have at most this share of the multiplications.
MOST_BLOCKS = 0.35
# The gain of the weights that lead to parameters: encoders begin near a standard normal.
QUIET = 0.01

Inputs = Float[Array, "rows inputs"]
Parameters = Float[Array, "rows latents parameters"]
Steps = tuple[tuple[int, ...], ...]


class Network(eqx.Module):
    """A map from rows of input columns to the parameters of every latent column (abstract)."""

    @abstractmethod
    def __call__(self, inputs: Inputs) -> Parameters:
        """Return all parameters at once."""

    @abstractmethod
    def begin(self, rows: int) -> tuple[Array, ...]:
        """Return the hidden units of so many rows, none computed yet."""

    @abstractmethod
    def advance(
        self, step: int, hidden: tuple[Array, ...], inputs: Inputs
    ) -> tuple[tuple[Array, ...], Float[Array, "rows drawn parameters"]]:
        """Compute what becomes known in a step, and the parameters of the latent columns drawn in it, ascending."""


class DenseNetwork(Network):
    """Masked matrices: the slow and obvious layout, and the fast one where the masks are nearly full."""

    layers: tuple[MaskedLinear, ...]
    skip: MaskedLinear | None
    parameters: int = eqx.field(static=True)
    units: tuple[Steps, ...] = eqx.field(static=True)
    columns: Steps = eqx.field(static=True)

    def __init__(self, groups: UnitGroups, parameters: int, key: Key[Array, ""], *, skip: bool) -> None:
        *hidden, last = groups.masks
        keys = jax.random.split(key, len(hidden) + 2)
        self.layers = (
            *(MaskedLinear(mask, k) for mask, k in zip(hidden, keys, strict=False)),
            MaskedLinear(np.repeat(last, parameters, axis=0), keys[-2], gain=QUIET),
        )
        direct = np.repeat(groups.dependencies.columns, parameters, axis=0) if skip else None
        self.skip = MaskedLinear(direct, keys[-1], gain=QUIET) if direct is not None else None
        self.parameters = parameters
        depth = groups.dependencies.depth
        self.units = tuple(split_by_step(np.repeat(groups.level, units), depth) for units in groups.units)
        self.columns = list_drawn(groups)

    def __call__(self, inputs: Inputs) -> Parameters:
        """Return all parameters at once."""
        units = inputs
        for layer in self.layers[:-1]:
            units = jax.nn.relu(layer(units))
        outputs = self.layers[-1](units)
        if self.skip is not None:
            outputs = outputs + self.skip(inputs)
        return outputs.reshape(len(inputs), -1, self.parameters)

    def begin(self, rows: int) -> tuple[Array, ...]:
        """Return the hidden units of so many rows, none computed yet."""
        return tuple(jnp.zeros((rows, layer.mask.shape[1])) for layer in self.layers[:-1])

    def advance(
        self, step: int, hidden: tuple[Array, ...], inputs: Inputs
    ) -> tuple[tuple[Array, ...], Float[Array, "rows drawn parameters"]]:
        """Compute what becomes known in a step, and the parameters of the latent columns drawn in it, ascending."""
        below, known = inputs, []
        for layer, units, values in zip(self.layers, self.units, hidden, strict=False):
            mine = np.array(units[step], dtype=np.int64)
            below = values.at[:, mine].set(jax.nn.relu(layer.compute(mine, below)))
            known.append(below)
        columns = np.array(self.columns[step], dtype=np.int64)
        mine = (columns[:, None] * self.parameters + np.arange(self.parameters)).ravel()
        outputs = self.layers[-1].compute(mine, below)
        if self.skip is not None:
            outputs = outputs + self.skip.compute(mine, inputs)
        return tuple(known), outputs.reshape(len(inputs), -1, self.parameters)


class BlockNetwork(Network):
    """Only the blocks between groups that listen to each other."""

    layers: tuple[BlockLinear, ...]
    skip: BlockLinear | None
    rows: tuple[Steps, ...] = eqx.field(static=True)
    columns: Steps = eqx.field(static=True)

    def __init__(self, groups: UnitGroups, parameters: int, key: Key[Array, ""], *, skip: bool) -> None:
        dependencies, depth = groups.dependencies, groups.dependencies.depth
        inputs = np.arange(int(dependencies.sizes.sum()))
        sets = expand(groups.sets, dependencies.sizes)
        keys = iter(jax.random.split(key, len(groups.units) + 2))
        layers = [BlockLinear(sets, (1, groups.units[0]), inputs, next(keys))]
        for units in itertools.pairwise(groups.units):
            layers.append(BlockLinear(groups.within, units, np.array(layers[-1].row), next(keys)))
        latents = np.repeat(np.arange(len(dependencies.latents)), dependencies.latent_sizes)
        readable = pick(groups.readable, latents)
        place = np.array(layers[-1].row)
        layers.append(BlockLinear(readable, (groups.units[-1], parameters), place, next(keys), gain=QUIET))
        direct = pick(expand(dependencies.parents, dependencies.sizes), latents) if skip else None
        self.layers = tuple(layers)
        self.skip = BlockLinear(direct, (1, parameters), inputs, next(keys), gain=QUIET) if direct else None
        self.rows = tuple(
            split_by_step(groups.level[np.argsort(np.array(layer.row, dtype=np.int64))], depth) for layer in layers[:-1]
        )
        self.columns = list_drawn(groups)

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

    def begin(self, rows: int) -> tuple[Array, ...]:
        """Return the hidden units of so many rows, none computed yet."""
        return tuple(jnp.zeros((len(layer.bias) + 1, layer.bias.shape[1], rows)) for layer in self.layers[:-1])

    def advance(
        self, step: int, hidden: tuple[Array, ...], inputs: Inputs
    ) -> tuple[tuple[Array, ...], Float[Array, "rows drawn parameters"]]:
        """Compute what becomes known in a step, and the parameters of the latent columns drawn in it, ascending."""
        values = below = as_values(inputs)
        known = []
        for layer, rows, units in zip(self.layers, self.rows, hidden, strict=False):
            mine = np.array(rows[step], dtype=np.int64)
            below = units.at[mine].set(jax.nn.relu(layer.compute(mine, below))) if len(mine) else units
            known.append(below)
        outputs = _compute_columns(self.layers[-1], self.columns[step], below)
        if self.skip is not None:
            outputs = outputs + _compute_columns(self.skip, self.columns[step], values)
        return tuple(known), outputs.transpose(2, 0, 1)


def _compute_columns(layer: BlockLinear, columns: tuple[int, ...], values: Array) -> Array:
    """Return the outputs of these columns in their own order, not in that of the rows they stand in."""
    rows = np.array(layer.row)[list(columns)]
    return layer.compute(np.sort(rows), values)[np.argsort(np.argsort(rows))]


def build_network(groups: UnitGroups, parameters: int, key: Key[Array, ""], *, skip: bool) -> Network:
    """Return the network in the layout that is faster for this structure."""
    kind = BlockNetwork if count_blocks(groups) <= MOST_BLOCKS * count_dense(groups) else DenseNetwork
    return kind(groups, parameters, key, skip=skip)


def count_blocks(groups: UnitGroups) -> int:
    """Return the multiplications of a row in the hidden layers, counting blocks that are not empty."""
    columns = int(groups.dependencies.sizes[groups.sets.index].sum())
    between = sum(a * b for a, b in itertools.pairwise(groups.units))
    return columns * groups.units[0] + len(groups.within.index) * between


def count_dense(groups: UnitGroups) -> int:
    """Return the multiplications of a row in the hidden layers as full matrices."""
    columns = int(groups.dependencies.sizes.sum())
    between = sum(a * b for a, b in itertools.pairwise(groups.units))
    return len(groups.sets) * columns * groups.units[0] + len(groups.sets) ** 2 * between


def as_values(inputs: Inputs) -> Float[Array, "groups 1 rows"]:
    """Return input columns as groups of one unit, and the zero group."""
    return jnp.concatenate([inputs.T, jnp.zeros((1, len(inputs)), inputs.dtype)])[:, None, :]


def expand(rows: Rows, sizes: Integers) -> Rows:
    """Replace each input by its columns."""
    start = np.cumsum(sizes) - sizes
    return Rows.from_lists([[c for i in row for c in range(start[i], start[i] + sizes[i])] for row in rows.to_lists()])


def pick(rows: Rows, numbers: Integers) -> Rows:
    """Return the rows of these numbers, in their order."""
    lists = rows.to_lists()
    return Rows.from_lists([lists[i] for i in numbers.tolist()])


def split_by_step(step: Integers, steps: int) -> Steps:
    """Return for each step the places that have it.

    >>> split_by_step(np.array([1, 0, 1]), 2)
    ((1,), (0, 2))
    """
    return tuple(tuple(np.flatnonzero(step == s).tolist()) for s in range(steps))


def list_drawn(groups: UnitGroups) -> Steps:
    """Return for each step the latent columns that are drawn in it."""
    dependencies = groups.dependencies
    return split_by_step(np.repeat(dependencies.level, dependencies.latent_sizes), dependencies.depth)
