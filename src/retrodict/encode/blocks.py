"""A linear layer that computes only the blocks that a mask leaves, as a few batched matrix products.

Units come in groups of equal size, and a group listens to a few other groups. Its block row is one product of its
weights with the stacked values of those groups. Groups that listen to about as many others are computed together,
padded to the largest of them, so that the traced program has a handful of products however many groups there are.

Values are kept feature first, ``(groups + 1, units, rows)``: the rows of a batch lie side by side, so that gathering
groups copies long stretches and the products are wide. The last group is always zero; padding points at it.
"""

import math
from collections.abc import Sequence

import equinox as eqx
import jax
import jax.numpy as jnp
import numpy as np
from jaxtyping import Array, Float, Int, Key

from retrodict.graph.rows import Integers, Rows

# Block rows are computed together while padding costs at most this factor.
MOST_PADDING = 1.25

# Groups, units and rows of a batch; layers differ in the first two.
Values = Float[Array, "_ _ rows"]


class BlockLinear(eqx.Module):
    """An affine map between groups of units: group ``i`` of the output listens to the input groups ``listens[i]``.

    ``weights[c]`` has shape ``(groups of class c, outputs, inputs of class c)``. The output groups stand class by
    class: output ``i`` is row ``row[i]``.

    >>> layer = BlockLinear(Rows.from_lists([[0], [0, 1, 2]]), (2, 4), np.arange(3), jax.random.key(0))
    >>> layer(jnp.ones((4, 2, 5)).at[-1].set(0)).shape  # three groups of two units and the zero, five rows
    (3, 4, 5)
    """

    weights: tuple[Float[Array, "groups outputs inputs"], ...]
    bias: Float[Array, "groups outputs"]
    sources: tuple[Int[Array, "groups listened"], ...]
    row: tuple[int, ...] = eqx.field(static=True)
    in_use: int = eqx.field(static=True)

    def __init__(
        self, listens: Rows, units: tuple[int, int], place: Integers, key: Key[Array, ""], gain: float = 2.0
    ) -> None:
        """Wire groups of ``units`` (inputs, outputs); input group ``g`` stands in row ``place[g]`` of the values."""
        inputs, outputs = units
        classes = classify(listens.lengths)
        nothing = int(place.max(initial=-1)) + 1
        self.sources = tuple(jnp.asarray(_pad([place[listens[i]] for i in members], nothing)) for members in classes)
        shapes = [(len(source), outputs, source.shape[1] * inputs) for source in self.sources]
        noise = np.split(_draw(key, sum(map(math.prod, shapes))), np.cumsum([math.prod(shape) for shape in shapes]))
        self.weights = tuple(
            jnp.asarray(part.reshape(shape) * _scale(listens.lengths[members], inputs, shape, gain))
            for part, shape, members in zip(noise, shapes, classes, strict=False)
        )
        self.bias = jnp.zeros((len(listens), outputs))
        order = np.concatenate([np.zeros(0, dtype=np.int64), *classes]).astype(np.int64)
        self.row = tuple(np.argsort(order).tolist())
        self.in_use = int(listens.lengths.sum()) * inputs * outputs + len(listens) * outputs

    def __call__(self, values: Values) -> Values:
        """Return the values of all output groups, class by class, and the zero group."""
        products = [self._multiply(weights, source, values) for weights, source in self._classes()]
        biased = jnp.concatenate(products) + self.bias[:, :, None] if products else values[:0]
        return jnp.concatenate([biased, jnp.zeros((1, self.bias.shape[1], values.shape[2]), values.dtype)])

    def compute(self, rows: Integers, values: Values) -> Values:
        """Return the values of the output groups in these rows alone; rows ascend."""
        starts = np.cumsum([0, *(len(source) for source in self.sources)])
        products = []
        for c, (weights, source) in enumerate(self._classes()):
            mine = rows[(rows >= starts[c]) & (rows < starts[c + 1])] - starts[c]
            if len(mine):
                products.append(self._multiply(weights[mine], source[mine], values))
        return jnp.concatenate(products) + self.bias[rows][:, :, None]

    def to_dense(self, groups: int) -> Float[Array, "inputs outputs"]:
        """Return the weights as one matrix from all units of ``groups`` input groups to all output units, by row."""
        units = self.weights[0].shape[2] // self.sources[0].shape[1] if self.sources[0].shape[1] else 1
        dense = np.zeros((groups + 1, units, len(self.bias), self.bias.shape[1]), dtype=np.float32)
        start = 0
        for weights, source in self._classes():
            blocks = np.asarray(weights).reshape(len(source), self.bias.shape[1], source.shape[1], units)
            rows = start + np.arange(len(source))
            dense[np.asarray(source), :, rows[:, None], :] = blocks.transpose(0, 2, 3, 1)
            start += len(source)
        return jnp.asarray(dense[:-1].reshape(groups * units, -1))

    def _classes(self) -> "zip[tuple[Array, Array]]":
        return zip(self.weights, self.sources, strict=True)

    @staticmethod
    def _multiply(
        weights: Float[Array, "some outputs inputs"], source: Int[Array, "some listened"], values: Values
    ) -> Values:
        stacked = values[source].reshape(len(source), -1, values.shape[2])
        return jnp.einsum("goi,gir->gor", weights, stacked)


def classify(lengths: Integers) -> list[Integers]:
    """Return the numbers of rows of about equal length, so that padding each class costs little.

    >>> [rows.tolist() for rows in classify(np.array([1, 9, 8, 1]))]
    [[0, 3], [2, 1]]
    """
    order = np.argsort(lengths, kind="stable")
    classes: list[list[int]] = []
    shortest = math.inf
    for i in order.tolist():
        if lengths[i] > MOST_PADDING * shortest or not classes:
            classes.append([])
            shortest = max(1, int(lengths[i]))
        classes[-1].append(i)
    return [np.array(rows, dtype=np.int64) for rows in classes]


def _pad(rows: Sequence[Integers], filler: int) -> Integers:
    padded = np.full((len(rows), max(map(len, rows))), filler, dtype=np.int64)
    for i, row in enumerate(rows):
        padded[i, : len(row)] = row
    return padded


def _draw(key: Key[Array, ""], size: int) -> Float[np.ndarray, " size"]:
    """Return standard normal numbers, all weights of a layer at once: every shape of its own would be compiled."""
    return np.asarray(jax.random.normal(key, (size,)))


def _scale(lengths: Integers, inputs: int, shape: tuple[int, int, int], gain: float) -> Float[np.ndarray, "g o i"]:
    """Return what gives weights the variance ``gain`` over the inputs of each group; zero for those of padding."""
    real = np.arange(shape[2]) < (lengths * inputs)[:, None]
    scale = np.sqrt(gain / np.maximum(lengths * inputs, 1))[:, None] * real
    return np.broadcast_to(scale[:, None, :], shape).astype(np.float32)
