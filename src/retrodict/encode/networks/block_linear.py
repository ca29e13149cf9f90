"""A linear layer that computes only the blocks that a mask leaves, as a few batched matrix products.

Units come in groups of equal size, and a group listens to a few other groups. Its block row is one product of its
weights with the stacked values of those groups. Groups that listen to about as many others are computed together,
padded to the largest of them, so that the traced program has a handful of products however many groups there are.

Values are kept feature first, ``(groups + 1, units, rows)``: the rows of a batch lie side by side, so that gathering
groups copies long stretches and the products are wide. The last group is always zero; padding points at it.
"""

import itertools
import math
from collections.abc import Iterable, Sequence
from typing import Any, NamedTuple

import equinox as eqx
import jax
import jax.numpy as jnp
import numpy as np
from jaxtyping import Array, Float, Int, Key

from retrodict.encode.networks.layers import draw_noise
from retrodict.encode.networks.lines import Lines
from retrodict.encode.networks.schedule import Index, take
from retrodict.graph.rows import Integers, Rows

# Block rows are computed together while padding costs at most this factor.
MOST_PADDING = 2.0

# Groups, units and rows of a batch; layers differ in the first two.
Values = Float[Array, "_ _ rows"]


class Selection(NamedTuple):
    """Some output groups, class by class: their rows within the class, and the places where they belong."""

    rows: tuple[Index, ...]
    places: tuple[Index, ...]

    @property
    def place(self) -> Index:
        """The places of all classes."""
        nothing = np.zeros(0, dtype=np.int64)
        if all(isinstance(places, np.ndarray) for places in self.places):
            return np.concatenate([nothing, *self.places])
        return jnp.concatenate([nothing.astype(np.int32), *self.places])


class BlockLinear(eqx.Module):
    """An affine map between groups of units: group ``i`` of the output listens to the input groups ``listens[i]``.

    Class ``c`` has weights of shape ``shapes[c]``, (groups, outputs, inputs); those of all classes lie in one array,
    since an optimizer pays for every array. The output groups stand class by class: output ``i`` is row ``row[i]``.
    Where a class listens to consecutive groups, one each, ``first`` is the first of them, and nothing is copied.

    >>> import jax
    >>> layer = BlockLinear(Rows.from_lists([[0], [0, 1, 2]]), (2, 4), np.arange(3), jax.random.key(0))
    >>> layer(jnp.ones((4, 2, 5)).at[-1].set(0)).shape  # three groups of two units and the zero, five rows
    (3, 4, 5)
    """

    weights: Float[Array, " stored"]
    bias: Float[Array, "groups outputs"]
    sources: tuple[Int[Array, "groups listened"], ...]
    shapes: tuple[tuple[int, int, int], ...] = eqx.field(static=True)
    first: tuple[int | None, ...] = eqx.field(static=True)
    row: tuple[int, ...] = eqx.field(static=True)
    in_use: int = eqx.field(static=True)

    def __init__(
        self, listens: Rows, units: tuple[int, int], place: Integers, key: Key[Array, ""], gain: float = 2.0
    ) -> None:
        """Wire groups of ``units`` (inputs, outputs); input group ``g`` stands in row ``place[g]`` of the values."""
        inputs, outputs = units
        rows = [np.sort(place[listens[i]]) for i in range(len(listens))]
        classes = classify(listens.lengths, rows)
        nothing = int(place.max(initial=-1)) + 1
        sources = [_pad([rows[i] for i in members], nothing) for members in classes]
        self.sources = tuple(map(jax.device_put, sources))
        self.first = tuple(map(_find_run, sources))
        self.shapes = tuple((len(source), outputs, source.shape[1] * inputs) for source in sources)
        scales = [
            _scale(listens.lengths[members], inputs, shape, gain)
            for members, shape in zip(classes, self.shapes, strict=True)
        ]
        scale = np.concatenate([np.zeros(0, np.float32), *map(np.ravel, scales)])
        self.weights = jax.device_put((draw_noise(key, scale.shape) * scale).astype(np.float32))
        self.bias = jax.device_put(np.zeros((len(listens), outputs), np.float32))
        order = np.concatenate([np.zeros(0, dtype=np.int64), *classes]).astype(np.int64)
        self.row = tuple(np.argsort(order).tolist())
        self.in_use = int(listens.lengths.sum()) * inputs * outputs + len(listens) * outputs

    def __call__(self, values: Values) -> Values:
        """Return the values of all output groups, class by class, and the zero group."""
        products = [
            multiply(weights, gather(values, source) if first is None else values[first : first + len(source)])
            for weights, source, first in zip(self.split(), self.sources, self.first, strict=True)
        ]
        biased = jnp.concatenate(products) + self.bias[:, :, None] if products else values[:0]
        return jnp.concatenate([biased, jnp.zeros((1, self.bias.shape[1], values.shape[2]), values.dtype)])

    def select(self, groups: Integers, place: Integers | None = None) -> Selection:
        """Return the selection of these output groups, whose results belong in ``place``: in their rows, if not given.

        >>> import jax
        >>> layer = BlockLinear(Rows.from_lists([[0], [0, 1, 2]]), (2, 4), np.arange(3), jax.random.key(0))
        >>> layer.select(np.array([1])).places
        (array([], dtype=int64), array([1]))
        """
        rows = np.array(self.row, dtype=np.int64)[groups]
        place = rows if place is None else place
        order = np.argsort(rows, kind="stable")
        cuts = np.searchsorted(rows[order], self._starts[1:-1])
        members = np.split(order, cuts)
        within = (rows[mine] - start for mine, start in zip(members, self._starts, strict=False))
        return Selection(tuple(within), tuple(place[mine] for mine in members))

    def compute(self, selection: Selection, values: Values) -> Values:
        """Return the values of the selected groups, class by class."""
        products = []
        classes = zip(self.split(), self.sources, self._starts, selection.rows, strict=False)
        for weights, source, start, rows in classes:
            if len(rows):
                stacked = gather(values, take(source, rows))
                bias = take(self.bias[start : start + len(source)], rows)
                products.append(multiply(take(weights, rows), stacked) + bias[:, :, None])
        nothing = jnp.zeros((0, self.bias.shape[1], values.shape[2]), values.dtype)
        return jnp.concatenate([nothing, *products])

    def fill(self, lines: Iterable[Lines]) -> "BlockLinear":
        """Return the layer with these maps; a group of outputs is a column, a group of inputs one input."""
        stored, bias = np.array(self.weights), np.array(self.bias)
        classes, rows = _divide(stored, self.shapes), np.array(self.row, dtype=np.int64)
        owner = np.searchsorted(self._starts, rows, side="right") - 1
        for columns, parents, slopes, intercepts in lines:
            own = intercepts.shape[1]
            bias[rows[columns], :own] = intercepts
            for place, column in enumerate(columns.tolist()):
                within = rows[column] - self._starts[owner[column]]
                weights = classes[owner[column]][within, :own]
                weights[...] = 0.0
                if len(parents):
                    source = np.asarray(self.sources[owner[column]])[within]
                    weights[:, np.searchsorted(source, parents)] = slopes[:, place].T
        return eqx.tree_at(lambda layer: (layer.weights, layer.bias), self, jax.device_put((stored, bias)))

    def list_sources(self, groups: int) -> list[Integers]:
        """Return the places of the groups of inputs, of which there are so many, that each output group listens to."""
        padded = [source for sources in self.sources for source in np.asarray(sources, np.int64)]
        return [padded[row][padded[row] < groups] for row in self.row]

    def split(self) -> list[Float[Array, "some outputs inputs"]]:
        """Return the weights of each class."""
        return _divide(self.weights, self.shapes)

    @property
    def _starts(self) -> list[int]:
        """The first row of each class, and the number of rows."""
        return list(itertools.accumulate((shape[0] for shape in self.shapes), initial=0))


def _divide(weights: Any, shapes: Sequence[tuple[int, int, int]]) -> list[Any]:
    bounds = itertools.accumulate(map(math.prod, shapes), initial=0)
    return [weights[a:b].reshape(shape) for (a, b), shape in zip(itertools.pairwise(bounds), shapes, strict=True)]


def gather(values: Values, source: Int[Array, "some listened"]) -> Values:
    """Return for each output group the stacked values of the groups that it listens to."""
    return (
        values.at[source]
        .get(mode="promise_in_bounds", wrap_negative_indices=False)
        .reshape(len(source), -1, values.shape[2])
    )


def multiply(weights: Float[Array, "some outputs inputs"], stacked: Float[Array, "some inputs rows"]) -> Values:
    """Return the product of each group."""
    return jnp.einsum("goi,gir->gor", weights, stacked)


def classify(lengths: Integers, rows: Sequence[Integers] | None = None) -> list[Integers]:
    """Return the numbers of rows of about equal length, so that padding each class costs little.

    Within a class, rows are in the order of the first group that they listen to, if ``rows`` are given.

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
    if rows is not None:
        classes = [sorted(members, key=lambda i: (rows[i][:1].tolist(), i)) for members in classes]
    return [np.array(members, dtype=np.int64) for members in classes]


def _find_run(source: Integers) -> int | None:
    """Return the first group when row ``i`` listens to group ``first + i`` alone."""
    alone = source.shape[1] == 1 and (np.diff(source[:, 0]) == 1).all()
    return int(source[0, 0]) if alone else None


def _pad(rows: Sequence[Integers], filler: int) -> Integers:
    padded = np.full((len(rows), max(map(len, rows))), filler, dtype=np.int64)
    for i, row in enumerate(rows):
        padded[i, : len(row)] = row
    return padded


def _scale(lengths: Integers, inputs: int, shape: tuple[int, int, int], gain: float) -> Float[np.ndarray, "g o i"]:
    """Return what gives weights the variance ``gain`` over the inputs of each group; zero for those of padding."""
    real = np.arange(shape[2]) < (lengths * inputs)[:, None]
    scale = np.sqrt(gain / np.maximum(lengths * inputs, 1))[:, None] * real
    return np.broadcast_to(scale[:, None, :], shape).astype(np.float32)
