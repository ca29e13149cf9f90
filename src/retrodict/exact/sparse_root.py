r"""A least-squares problem whose columns are eliminated level by level: its solution, and standard normal directions.

Each column a of a level is made a unit vector q; what others share with it, :math:`q^\top B`, is taken out of them,
twice. This is Gram's and Schmidt's process, in which columns of a level do not wait for each other. With R the
triangle of the lengths and shares, :math:`\Vert A b + r \Vert^2` is least at :math:`R b = -Q^\top r`, and
:math:`b = R^{-1} \epsilon` has the precision :math:`A^\top A` if :math:`\epsilon` is standard normal.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import NamedTuple

import jax.numpy as jnp
from jaxtyping import Array, Float

from retrodict.exact.column_levels import ColumnLevel, ColumnLevels
from retrodict.exact.directions import Directions, orthogonalize_columns


class Eliminated(NamedTuple):
    """What eliminating a level gives: unit vectors, lengths, and the shares of the columns that they met."""

    units: Float[Array, "g r"]
    lengths: Float[Array, " g"]
    shares: Float[Array, "g o"]


@dataclass(frozen=True, eq=False)
class SparseRoot:
    """The triangle R of a sparse problem, as a tree: each column, and what it shares with those that it met."""

    plan: ColumnLevels
    steps: tuple[Eliminated, ...]
    last: Directions
    scale: Float[Array, " l"]
    orthonormal: Float[Array, "m l"]

    @property
    def log_det(self) -> Float[Array, ""]:
        """The logarithm of the determinant of R."""
        lengths = [jnp.log(step.lengths).sum() for step in self.steps]
        last = jnp.log(jnp.diagonal(self.last.inverse)).sum() - jnp.log(self.scale).sum()
        return jnp.stack([*lengths, last]).sum()

    def move(self, noise: Float[Array, " k"]) -> Float[Array, " k"]:
        """Return R^-1 times noise."""
        parts = [noise[level.columns] for level in self.plan.levels]
        return self._finish(parts, self.scale * (self.last.basis @ noise[self.plan.last]))

    def whiten(self, offset: Float[Array, " k"]) -> Float[Array, " k"]:
        """Return R times an offset."""
        padded, noise = jnp.append(offset, 0.0), jnp.zeros_like(offset)
        for level, step in zip(self.plan.levels, self.steps, strict=True):
            own = step.lengths * offset[level.columns] + (step.shares * padded[level.met]).sum(axis=-1)
            noise = noise.at[level.columns].set(own)
        return noise.at[self.plan.last].set(self.last.inverse @ (offset[self.plan.last] / self.scale))

    def solve(self, left: Float[Array, " m"]) -> Float[Array, " k"]:
        """Return the b at which the length of A b + left is least."""
        parts, rest = [], jnp.append(left, 0.0)
        for level, step in zip(self.plan.levels, self.steps, strict=True):
            own = rest[level.rows]
            first = (step.units * own).sum(axis=-1)
            own = own - step.units * first[:, None]
            second = (step.units * own).sum(axis=-1)
            own = own - step.units * second[:, None]
            parts.append(-(first + second))
            rest = jnp.concatenate([rest, own.ravel()])[level.source]
        return self._finish(parts, -self.scale * (self.last.basis @ (self.orthonormal.T @ rest[:-1])))

    def _finish(self, parts: list[Array], last: Array) -> Array:
        """Return b given R b: the last columns first, then level by level those that met them."""
        found = jnp.zeros(self.plan.n_columns + 1, last.dtype).at[self.plan.last].set(last)
        for level, step, part in reversed(list(zip(self.plan.levels, self.steps, parts, strict=True))):
            own = (part - (step.shares * found[level.met]).sum(axis=-1)) / step.lengths
            found = found.at[level.columns].set(own)
        return found[:-1]


def eliminate(plan: ColumnLevels, slopes: Float[Array, "m c"]) -> SparseRoot:
    """Return the root of a problem, given the slopes of its rows along the columns of each color.

    >>> import numpy as np
    >>> from retrodict.exact.column_levels import plan_levels
    >>> pattern = np.concatenate([np.repeat(np.eye(9, dtype=bool), 3, axis=0), np.ones((27, 1), bool)], axis=1)
    >>> plan = plan_levels(pattern)
    >>> root = eliminate(plan, jnp.stack([jnp.ones(27), jnp.arange(27.0)], axis=1))  # the shared column comes first
    >>> [len(step.lengths) for step in root.steps], len(root.scale)
    ([9], 1)
    """
    colored = jnp.concatenate([slopes, jnp.zeros((len(slopes), 1), slopes.dtype)], axis=1)
    color = jnp.append(jnp.asarray(plan.color), plan.n_colors)[plan.entries]
    values = jnp.take_along_axis(colored, color, axis=1)
    values = jnp.concatenate([values, jnp.zeros((1, values.shape[1]), values.dtype)])
    steps = []
    for level in plan.levels:
        step, values = _eliminate_level(level, values)
        steps.append(step)
    last = jnp.take_along_axis(_pad(values[:-1]), jnp.asarray(plan.last_slots), axis=1)
    scale = 1 / jnp.sqrt((last**2).sum(axis=0))
    directions, orthonormal = orthogonalize_columns(last * scale)
    return SparseRoot(plan, tuple(steps), directions, scale, orthonormal)


def _eliminate_level(level: ColumnLevel, values: Array) -> tuple[Eliminated, Array]:
    inside = _pad(values[level.rows])
    own = jnp.take_along_axis(inside, jnp.asarray(level.own)[..., None], axis=-1)[..., 0]
    others = jnp.take_along_axis(inside, jnp.asarray(level.slots), axis=-1)
    lengths = jnp.sqrt((own**2).sum(axis=-1))
    units = own / lengths[:, None]
    first = (units[..., None] * others).sum(axis=1)
    others = others - units[..., None] * first[:, None]
    second = (units[..., None] * others).sum(axis=1)
    others = others - units[..., None] * second[:, None]
    after = jnp.concatenate([_fit(values, level.width), _fit(others.reshape(-1, others.shape[-1]), level.width)])
    return Eliminated(units, lengths, first + second), after[level.source]


def _pad(values: Array) -> Array:
    """Return values with one slot more, which is empty."""
    return jnp.concatenate([values, jnp.zeros((*values.shape[:-1], 1), values.dtype)], axis=-1)


def _fit(values: Array, width: int) -> Array:
    """Return rows with so many slots; those that are cut off are empty, or of rows that are replaced."""
    return jnp.pad(values, ((0, 0), (0, max(0, width - values.shape[1]))))[:, :width]
