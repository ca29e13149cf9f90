"""Values of a template as dense arrays over its dims, with marks of what there is and what is seen."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from functools import cached_property
from typing import Any

import equinox as eqx
import jax
import jax.numpy as jnp
import numpy as np
from jaxtyping import Array, Bool, Float

from retrodict.encode.codes import Codes
from retrodict.encode.features import FAR, SCALING_DRAWS
from retrodict.encode.features import Scaling as Scaling
from retrodict.graph.bayesnet import Variable
from retrodict.plan.supports import count_codes, is_categorical, is_count


@dataclass(frozen=True)
class CellVariable:
    """A variable of a template: its dims in the order of the template, and what one instance of it is."""

    name: str
    dims: tuple[str, ...]
    variable: Variable
    is_drawn: bool

    @cached_property
    def coder(self) -> Codes:
        """The map between values of an instance and their codes."""
        return Codes.of([self.variable]) if self.is_drawn else Codes.of_observed([self.variable])

    @property
    def columns(self) -> int:
        """The number of codes of an instance."""
        return count_codes(self.variable) if self.is_drawn else self.variable.size

    @property
    def categories(self) -> int:
        """The number of categories of each code, 0 for numbers."""
        return int(self.variable.categories or 0) if is_categorical(self.variable) else 0

    @property
    def is_whole(self) -> bool:
        """Whether codes are whole numbers, few or many."""
        return self.categories > 0 or is_count(self.variable)

    @property
    def features(self) -> int:
        """How many numbers a network sees of an instance."""
        return self.columns * max(1, self.categories)


class Cells(eqx.Module):
    """Codes of the variables of a template, each ``(rows, *dims, columns)``, a row a simulation or a draw.

    ``exists`` marks instances that there are, ``seen`` those whose values are known: an observation may be missing.
    ``is_within`` says that instances which the program has not are not there either.
    """

    codes: dict[str, Float[Array, "rows ..."]]
    exists: dict[str, Bool[Array, "rows ..."]]
    seen: dict[str, Bool[Array, "rows ..."]]
    is_within: bool = eqx.field(static=True, default=False)

    def knowing(self, name: str, codes: Float[Array, "rows ..."]) -> Cells:
        """Return the same where a latent has these codes."""
        seen = self.seen | {name: self.exists[name]}
        return Cells(self.codes | {name: codes}, self.exists, seen, self.is_within)


class Units(eqx.Module):
    """Center and spread of the codes of a variable, in which networks see and draw them."""

    center: Float[Array, " columns"]
    spread: Float[Array, " columns"]

    @classmethod
    def fit(cls, codes: Float[np.ndarray, "draws columns"], described: CellVariable) -> Units:
        """Standardize over draws; categories are left as they are."""
        categories = np.full(described.columns, described.categories, dtype=np.int64)
        few = codes[: 16 * SCALING_DRAWS]
        return cls(*Scaling.fit(few, categories))

    @classmethod
    def none(cls, described: CellVariable) -> Units:
        """Leave codes as they are."""
        return cls(*Scaling.none(described.columns))

    def see(self, codes: Float[Array, "*batch columns"], described: CellVariable) -> Float[Array, "*batch features"]:
        """Return what networks see of codes: standard numbers, logarithmic far out; indicators of categories."""
        if described.categories:
            marks = codes[..., None] == jnp.arange(described.categories, dtype=codes.dtype)
            return marks.reshape(*codes.shape[:-1], -1).astype(codes.dtype)
        standard = self.standardize(codes)
        return jnp.clip(standard, -FAR, FAR) * (1 + jnp.log(jnp.maximum(jnp.abs(standard) / FAR, 1.0)))

    def standardize(self, codes: Float[Array, "*batch columns"]) -> Float[Array, "*batch columns"]:
        """Return codes in standard units."""
        center, spread = self.fixed
        return (codes - center) / spread

    @property
    def fixed(self) -> tuple[Float[Array, " columns"], Float[Array, " columns"]]:
        """Center and spread, which are not learned."""
        return jax.lax.stop_gradient(self.center), jax.lax.stop_gradient(self.spread)


class SeenCells(eqx.Module):
    """What networks see of cells: features and marks of every variable."""

    features: dict[str, Float[Array, "rows ..."]]
    exists: dict[str, Bool[Array, "rows ..."]]
    marks: dict[str, Bool[Array, "rows ..."]]
    is_within: bool = eqx.field(static=True, default=False)


def spread(array: Any, have: tuple[str, ...], want: tuple[str, ...]) -> Any:
    """Return an array ``(rows, *have, ...)`` with an axis of length 1 for each dim of ``want`` that it lacks.

    >>> spread(np.zeros((5, 3, 2)), ("j",), ("i", "j")).shape
    (5, 1, 3, 2)
    """
    for place, dim in enumerate(want):
        if dim not in have:
            array = array[(slice(None),) * (1 + place) + (None,)]
    return array


def shift(array: Any, axis: int, lag: int) -> Any:
    """Return what lies ``lag`` steps before along an axis; zeros where there is nothing.

    >>> shift(jnp.arange(4), 0, 1).tolist(), shift(jnp.arange(4), 0, -1).tolist()
    ([0, 0, 1, 2], [1, 2, 3, 0])
    """
    if not lag:
        return array
    length = array.shape[axis]
    step = min(abs(lag), length)
    empty = jnp.zeros_like(jnp.take(array, np.arange(step), axis=axis))
    kept = np.arange(length - step) if lag > 0 else np.arange(step, length)
    moved = jnp.take(array, kept, axis=axis)
    return jnp.concatenate([empty, moved] if lag > 0 else [moved, empty], axis=axis)


def describe_sizes(cells: Cells, dims_of: Mapping[str, tuple[str, ...]]) -> dict[str, int]:
    """Return the padded size of each dim."""
    return {
        dim: size
        for name, dims in dims_of.items()
        for dim, size in zip(dims, cells.exists[name].shape[1:], strict=True)
    }
