"""Simulations of a template at sizes drawn at random, with observations missing at random.

The program runs at its largest sizes; smaller ones are parts of it, for instances without children can be left out of
any model. So one compiled program serves all sizes.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from functools import cached_property
from typing import Any

import jax
import jax.numpy as jnp
import numpy as np
from jaxtyping import Array, Bool, Key

from retrodict.encode.lifted.cells import Cells, spread
from retrodict.encode.lifted.template_space import TemplateSpace

# Observations are all there in such a share of simulations; a plate inside others has one size in such a share.
COMPLETE, EVEN = 0.25, 0.5


@dataclass(frozen=True, eq=False)
class TemplateSimulator:
    """Gives cells of simulations: a callable of a key and a number of rows.

    Arguments:
        space: the border between columns and cells.
        vary: the least and greatest size of dims; others have their largest.
        missing: how large a share of each observed variable is missing on average, where any is.
    """

    space: TemplateSpace
    vary: Mapping[str, tuple[int, int]]
    missing: Mapping[str, float]

    def __call__(self, key: Key[Array, ""], n: int) -> Cells:
        """Return cells of ``n`` simulations."""
        draw, sizes, gaps = jax.random.split(key, 3)
        exists = self.draw_sizes(sizes, n)
        seen = self.draw_missing(gaps, exists)
        return self.space.make_cells(self.space.source.model.draw(draw, n), exists, seen)

    @cached_property
    def _outer(self) -> Mapping[str, tuple[str, ...]]:
        """The dims that each dim lies inside of: those that all of its variables have, and whose own have not it."""
        dims, found = self.space.source.template.dims, {}
        having = {d: [set(own) for own in self.space.dims.values() if d in own] for d in dims}
        for dim in dims:
            common = set.intersection(*having[dim]) if having[dim] else {dim}
            found[dim] = tuple(d for d in dims if d in common and len(having[d]) > len(having[dim]))
        return found

    def draw_sizes(self, key: Key[Array, ""], n: int) -> dict[str, Bool[Array, "rows ..."]]:
        """Return which instances of each variable there are."""
        marks = {
            dim: self._draw_dim(own, dim, n)
            for dim, own in zip(self.vary, jax.random.split(key, max(1, len(self.vary))), strict=False)
        }
        exists = {}
        for name, dims in self.space.dims.items():
            found: Any = jnp.asarray(self.space.present[name])[None]
            for dim in dims:
                if dim in marks:
                    own, around = marks[dim]
                    found = found & spread(own, around, dims)
            exists[name] = jnp.broadcast_to(found, (n, *found.shape[1:]))
        return exists

    def _draw_dim(self, key: Key[Array, ""], dim: str, n: int) -> tuple[Bool[Array, "rows ..."], tuple[str, ...]]:
        """Return which indices of a dim there are, over the dims around it, in which sizes may differ."""
        low, high = self.vary[dim]
        outer = self._outer[dim]
        shape = tuple(self.space.source.sizes[d] for d in outer)
        whole, each, even = jax.random.split(key, 3)
        size = jax.random.randint(whole, (n, *(1 for _ in outer)), low, high + 1)
        if outer:
            own = low + jnp.floor(jax.random.uniform(each, (n, *shape)) * (size - low + 1)).astype(size.dtype)
            is_even = jax.random.bernoulli(even, EVEN, (n, *(1 for _ in outer)))
            size = jnp.where(is_even, size, own)
        ordered = tuple(d for d in self.space.source.template.dims if d in (*outer, dim))
        index = jnp.arange(self.space.source.sizes[dim])
        place = 1 + ordered.index(dim)
        marks = jnp.expand_dims(size, place) > index.reshape([-1 if i == place else 1 for i in range(1 + len(ordered))])
        return marks, ordered

    def draw_missing(
        self, key: Key[Array, ""], exists: Mapping[str, Bool[Array, "rows ..."]]
    ) -> dict[str, Bool[Array, "rows ..."]]:
        """Return which instances have values that are known."""
        seen = dict(exists)
        for name, share in self.missing.items():
            key, whole, rate, each = jax.random.split(key, 4)
            n, ndim = exists[name].shape[0], exists[name].ndim
            rates = jax.random.uniform(rate, (n,), maxval=min(2 * share, 1.0))
            rates = jnp.where(jax.random.bernoulli(whole, COMPLETE, (n,)), 0.0, rates)
            gone = jax.random.uniform(each, exists[name].shape) < rates.reshape(n, *(1 for _ in range(ndim - 1)))
            seen[name] = exists[name] & ~gone
        return seen


def count_instances(cells: Cells) -> dict[str, float]:
    """Return the mean number of instances of each variable in a simulation."""
    return {
        name: float(np.asarray(marks).reshape(len(marks), -1).sum(axis=1).mean())
        for name, marks in cells.exists.items()
    }
