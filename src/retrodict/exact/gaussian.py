"""Latents that are jointly Gaussian given all others: which ones, and their mean and precision, in closed form."""

from __future__ import annotations

import math
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass
from typing import NamedTuple, Protocol

import jax
import jax.numpy as jnp
import numpy as np
from jaxtyping import Array, Float, Key

from retrodict.exact.column_levels import ColumnLevels
from retrodict.exact.directions import Directions, orthogonalize_columns, orthogonalize_precision
from retrodict.exact.proof import LogJoint, Values, is_quadratic
from retrodict.exact.sparse_root import eliminate

# The least squared length of a direction, in units of the diagonal of the precision, rounding and number of columns.
RIDGE = 4


class Root(Protocol):
    r"""A root R of a precision :math:`R^\top R`: what turns offsets from the mean to standard normal noise."""

    @property
    def log_det(self) -> Float[Array, ""]:
        """The logarithm of the determinant of R."""

    def move(self, noise: Float[Array, " k"]) -> Float[Array, " k"]:
        """Return the offset that noise stands for."""

    def whiten(self, offset: Float[Array, " k"]) -> Float[Array, " k"]:
        """Return the noise that an offset stands for."""


class DenseRoot(NamedTuple):
    """The directions of a precision in units of ``scale``."""

    directions: Directions
    scale: Float[Array, " k"]

    @property
    def log_det(self) -> Float[Array, ""]:
        """The logarithm of the determinant of R."""
        return jnp.log(jnp.diagonal(self.directions.inverse)).sum() - jnp.log(self.scale).sum()

    def move(self, noise: Float[Array, " k"]) -> Float[Array, " k"]:
        """Return the offset that noise stands for."""
        return self.scale * (self.directions.basis @ noise)

    def whiten(self, offset: Float[Array, " k"]) -> Float[Array, " k"]:
        """Return the noise that an offset stands for."""
        return self.directions.inverse @ (offset / self.scale)


class Moments(NamedTuple):
    """The mean of a block and the root of its precision."""

    mean: Float[Array, " k"]
    root: Root


@dataclass(frozen=True)
class GaussianBlock:
    r"""Latents b with :math:`p(b \mid r) = \mathrm{Normal}(P(r)^{-1} g(r),\, P(r)^{-1})`, r being all other values.

    ``log_joint`` is quadratic in them, which `find_block` proves. So gradient and Hessian at b = 0 say everything:
    :math:`g` is the one and :math:`-P` is the other. ``shapes`` are those of the latents. Where the log joint is minus
    half the sum of squares of ``residuals``, and what the block does not change, :math:`P = J^\top J` with J their
    Jacobian, and orthogonalizing its columns keeps twice the digits: regressors far from zero are nearly parallel.
    ``levels`` is the order in which a sparse J gives up its columns, as that of group effects is; without, J is dense.
    """

    log_joint: LogJoint
    shapes: Mapping[str, tuple[int, ...]]
    residuals: LogJoint | None = None
    levels: ColumnLevels | None = None

    @property
    def names(self) -> tuple[str, ...]:
        """The latents of the block."""
        return tuple(self.shapes)

    def condition(self, rest: Values) -> Moments:
        """Return mean and precision given one value of all others; they are not finite where the block is improper."""
        return self._solve_curvature(rest) if self.residuals is None else self._solve_squares(rest, self.residuals)

    def _solve_squares(self, rest: Values, residuals: LogJoint) -> Moments:
        def leave(block: Array) -> Array:
            return residuals({**rest, **self.place(block)})

        flat = jnp.zeros(self.size)
        root, solve = self._factor_dense(leave) if self.levels is None else _factor_sparse(leave, self.levels)
        mean = solve(leave(flat))
        return Moments(mean + solve(leave(mean)), root)

    def _factor_dense(self, leave: Callable[[Array], Array]) -> tuple[Root, Callable[[Array], Array]]:
        slopes = jax.jacfwd(leave)(jnp.zeros(self.size))
        scale = jax.lax.rsqrt((slopes**2).sum(axis=0))
        directions, orthonormal = orthogonalize_columns(slopes * scale)
        return DenseRoot(directions, scale), lambda left: -scale * (directions.basis @ (orthonormal.T @ left))

    def _solve_curvature(self, rest: Values) -> Moments:
        def score(block: Array) -> Array:
            return self.log_joint({**rest, **self.place(block)})

        flat = jnp.zeros(self.size)
        slope, precision = jax.grad(score)(flat), -jax.hessian(score)(flat)
        scale = jax.lax.rsqrt(jnp.diagonal(precision))
        # In single precision a nearly singular matrix is as if it were not positive.
        least = RIDGE * self.size * float(np.finfo(flat.dtype).eps)
        directions = orthogonalize_precision(precision * scale * scale[:, None], least)

        def solve(gradient: Array) -> Array:
            return scale * (directions.basis @ (directions.basis.T @ (scale * gradient)))

        # What rounding left of the gradient at the mean is solved for once more: data far from zero lose digits else.
        mean = solve(slope)
        return Moments(mean + solve(jax.grad(score)(mean)), DenseRoot(directions, scale))

    def draw(self, key: Key[Array, ""], rest: Values) -> tuple[dict[str, Array], Float[Array, ""]]:
        """Return one draw of the block given one value of all others, and its log density in nats."""
        moments = self.condition(rest)
        noise = jax.random.normal(key, moments.mean.shape, moments.mean.dtype)
        return self.place(moments.mean + moments.root.move(noise)), _score(moments, noise)

    def score(self, block: Values, rest: Values) -> Float[Array, ""]:
        """Return the log density of a value of the block given all others, in nats."""
        moments = self.condition(rest)
        flat = jnp.concatenate([jnp.ravel(block[name]) for name in self.shapes])
        return _score(moments, moments.root.whiten(flat - moments.mean))

    @property
    def size(self) -> int:
        """How many numbers the block holds."""
        return sum(math.prod(shape) for shape in self.shapes.values())

    def place(self, flat: Float[Array, " k"]) -> dict[str, Array]:
        """Return numbers of the block as values of its latents."""
        stops = np.cumsum([math.prod(shape) for shape in self.shapes.values()])
        parts = jnp.split(flat, stops[:-1])
        return {name: part.reshape(self.shapes[name]) for name, part in zip(self.shapes, parts, strict=True)}


def _score(moments: Moments, noise: Float[Array, " k"]) -> Float[Array, ""]:
    """Return the log density of what the mean and this standard normal noise give."""
    return jax.scipy.stats.norm.logpdf(noise).sum() + moments.root.log_det


def _factor_sparse(leave: Callable[[Array], Array], levels: ColumnLevels) -> tuple[Root, Callable[[Array], Array]]:
    """Return the root of residuals that are linear in a block, along one direction for each color of its columns."""
    root = eliminate(levels, jax.jacfwd(lambda steps: leave(steps[levels.color]))(jnp.zeros(levels.n_colors)))
    return root, root.solve


def find_block(log_joint: LogJoint, values: Values, candidates: Iterable[str]) -> GaussianBlock | None:
    """Return the latents among some candidates that are proved to be jointly Gaussian given all others.

    Candidates are taken in, the largest first, while the block stays Gaussian: a set that no candidate can join.

    Arguments:
        log_joint: the log density of all variables, without guards of supports.
        values: an array of the shape and type of each variable.
        candidates: names of latents that may be any real number.

    Returns: the block, or None where no candidate is Gaussian given the rest.

    >>> def log_joint(values):
    ...     return -0.5 * (values["y"] - values["a"] * values["b"]) ** 2 - 0.5 * values["a"] ** 2
    >>> zero = np.zeros((), np.float32)
    >>> find_block(log_joint, dict.fromkeys("aby", zero), ["a", "b"]).names
    ('a',)
    """
    chosen: list[str] = []
    for name in sorted(candidates, key=lambda name: -np.size(values[name])):
        block = {own: values[own] for own in (*chosen, name)}
        rest = {other: value for other, value in values.items() if other not in block}
        if is_quadratic(log_joint, block, rest):
            chosen.append(name)
    return GaussianBlock(log_joint, {name: np.shape(values[name]) for name in chosen}) if chosen else None
