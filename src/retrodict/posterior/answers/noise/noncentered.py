r"""All latents in the coordinates of their own noise, in which chains pass through funnels.

A latent v whose conditional in the model is normal, given its parents, is :math:`v = m + s\,\epsilon`, with m and s
functions of the parents and the noise standard normal under the prior. Where the data say little of v, the density of
noise and parents is nearly normal, while that of v and s is a funnel, whose neck chains do not reach. Any other latent
stays as it is, and any m and s > 0 give a right density, so that nothing has to be proved: slope and curvature of the
log conditional at zero say both.

Source: Papaspiliopoulos, Roberts & Sköld 2007, A general framework for the parametrization of hierarchical models.
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import NamedTuple

import jax
import jax.numpy as jnp
import numpy as np
from jaxtyping import Array, Float, Key

from retrodict.encode.keys import fold_key, make_key
from retrodict.encode.peaks.marginal_density import MarginalDensity
from retrodict.encode.space import Space
from retrodict.graph.rows import Integers
from retrodict.plan.layout import Floats
from retrodict.plan.moving import mark_moving
from retrodict.plan.supports import is_discrete
from retrodict.posterior.answers.marginal import rows_of
from retrodict.posterior.answers.noise.tridiagonal import Bidiagonal, factor
from retrodict.posterior.factors import GenerativeFactor, draw_factors
from retrodict.posterior.programs import Compiled
from retrodict.posterior.row_blocks import map_blocks
from retrodict.posterior.weights.pareto import Doubles

# Levels are gone through one after the other: a long chain of states is left as it is.
MOST_LEVELS = 6
# Simulations that tell the middle of the prior.
SIMULATED = 512


class Level(NamedTuple):
    """Latents that are moved together: their numbers among the variables, and the places of their codes.

    A ``chained`` one has codes each of which depends on its neighbours given all others, as those of a random walk.
    """

    variables: Integers
    codes: Integers
    chained: bool = False


@dataclass(frozen=True, eq=False)
class Noncentered:
    """The density of noise for one observation, over all latents but the barren ones.

    Arguments:
        compiled: the model, and a space in which all of these latents have codes.
        barren: what draws the others.
        observed: the observed columns, ``(1, columns)``.
        levels: the latents that are moved, parents first.
    """

    compiled: Compiled
    barren: tuple[GenerativeFactor, ...]
    observed: Floats
    levels: tuple[Level, ...]

    @classmethod
    def of(cls, compiled: Compiled, barren: tuple[GenerativeFactor, ...], observed: Floats) -> Noncentered | None:
        """Return the density of noise; None where nothing can be moved, or latents are discrete.

        >>> from retrodict import invert, zoo
        >>> from retrodict.posterior.sharing import share
        >>> model = zoo.binary_tree(depth=3)
        >>> found = Noncentered.of(share(model, invert(model)), (), np.zeros((1, 4), np.float32))
        >>> [len(level.codes) for level in found.levels]
        [2]
        """
        space = Space(compiled.space.inverse, model=compiled.model)
        net = space.net
        drawn = [net.variable(name) for name in space.code_columns]
        if any(map(is_discrete, drawn)) or mark_moving(net).any():
            return None
        levels = _list_levels(space)
        if not 0 < len(levels) <= MOST_LEVELS:
            return None
        found = cls(replace(compiled, space=space), barren, observed, levels)
        middle = found.find_middle(0)
        suited = tuple(each for level in levels if (each := found._suit(level, middle)) is not None)
        return replace(found, levels=suited) if suited else None

    @property
    def space(self) -> Space:
        """That of the codes."""
        return self.compiled.space

    @property
    def size(self) -> int:
        """The number of codes."""
        return sum(map(len, self.space.code_columns.values()))

    def score_one(self, codes: jax.Array) -> jax.Array:
        """Return the log density of one row of noise, in nats, for JAX to differentiate."""
        observed = rows_of(self.observed)
        moved, log_det = self.move(codes, observed[0])
        density: jax.Array = MarginalDensity(self.compiled.model, self.space, ())(moved[None], observed)[0]
        return density + log_det

    def move(self, noise: Float[Array, " k"], observed: Float[Array, " columns"]) -> tuple[Array, Array]:
        """Return the codes that noise stands for, and the log of the volume that a unit of it becomes."""
        codes, log_det = noise, jnp.zeros((), noise.dtype)
        for level in self.levels:
            middle, shape = self._describe(level, codes, observed)
            codes = codes.at[level.codes].set(middle + shape.spread(noise[level.codes]))
            log_det = log_det - jnp.log(shape.diagonal).sum()
        return codes, log_det

    def whiten(self, codes: Float[Array, " k"], observed: Float[Array, " columns"]) -> Array:
        """Return the noise that codes stand for: the inverse of `move`."""
        noise = codes
        for level in self.levels:
            middle, shape = self._describe(level, codes, observed)
            noise = noise.at[level.codes].set(shape.gather(codes[level.codes] - middle))
        return noise

    def _describe(self, level: Level, codes: Array, observed: Array) -> tuple[Array, Bidiagonal]:
        """Return middle and shape of latents given their parents; zero and one where they do not bend down."""
        slope, diagonal, beside = self._read_precision(level, codes, observed)
        if level.chained:
            known = jnp.isfinite(slope).all() & jnp.isfinite(diagonal).all() & jnp.isfinite(beside).all()
            shape, good = factor(jnp.where(known, diagonal, 1.0), jnp.where(known, beside, 0.0))
            one = Bidiagonal(jnp.ones_like(diagonal), jnp.zeros_like(beside))
            shape = jax.tree.map(lambda own, plain: jnp.where(good & known, own, plain), shape, one)
            return shape.solve(jnp.where(good & known, slope, 0.0)), shape
        good = jnp.isfinite(slope) & (diagonal > 0) & jnp.isfinite(diagonal)
        precision = jnp.where(good, diagonal, 1.0)
        return jnp.where(good, slope, 0.0) / precision, Bidiagonal(jnp.sqrt(precision), jnp.zeros_like(beside))

    def _read_precision(self, level: Level, codes: Array, observed: Array) -> tuple[Array, Array, Array]:
        """Return the slope of log conditionals at zero, the diagonal of their precision, and what stands beside it."""
        k = len(level.codes)
        if not level.chained:  # of independent latents the sum of a row of the Hessian is its diagonal
            slope, bend = self._bend(level, codes, observed, jnp.ones(k, codes.dtype))
            return slope, -bend, jnp.zeros(k - 1, codes.dtype)
        # Every third column of a matrix of three diagonals can be told from their sum.
        every = (jnp.arange(k) % 3 == jnp.arange(3)[:, None]).astype(codes.dtype)
        slopes, bends = jax.vmap(lambda part: self._bend(level, codes, observed, part))(every)
        return slopes[0], -bends[np.arange(k) % 3, np.arange(k)], -bends[np.arange(1, k) % 3, np.arange(k - 1)]

    def _bend(self, level: Level, codes: Array, observed: Array, direction: Array) -> tuple[Array, Array]:
        """Return the gradient of log conditionals of latents at zero, and their Hessian times a direction."""

        def score(own: Array) -> Array:
            columns = self.space.decode_latents(codes.at[level.codes].set(own), self.space.place(observed))
            found: Array = self.compiled.model.log_conditionals(columns)[level.variables].sum()
            return found

        slope, bend = jax.jvp(jax.grad(score), (jnp.zeros_like(direction),), (direction,))
        return slope, bend

    def _suit(self, level: Level, codes: Doubles) -> Level | None:
        """Return the latents as they depend on each other given their parents; None where it is on more than two."""
        signs = np.random.default_rng(0).choice([-1.0, 1.0], len(level.codes))
        chained = level._replace(chained=True)

        def look(given: Array, observed: Array, direction: Array) -> tuple[Array, ...]:
            found = self._read_precision(chained, given, observed)
            return self._bend(level, given, observed, direction)[1], *found[1:]

        found = jax.jit(look)(rows_of(codes), rows_of(self.observed)[0], rows_of(signs))
        bend, diagonal, beside = (np.asarray(part, np.float64) for part in found)
        product = diagonal * signs
        product[:-1] += beside * signs[1:]
        product[1:] += beside * signs[:-1]
        least = 1e-3 * np.abs(diagonal).max()
        if not np.allclose(-bend, product, rtol=1e-3, atol=least):
            return None
        return level if np.abs(beside).max(initial=0.0) <= least else chained

    def find_middle(self, seed: int) -> Doubles:
        """Return the median of the codes under the prior."""
        known = self._simulate_codes(seed)
        # A prior that overflows tells nothing.
        return np.median(known, axis=0) if len(known) else np.zeros(self.size)

    def simulate(self, seed: int) -> Doubles:
        """Return the noise of draws of the prior."""
        codes = self._simulate_codes(seed)
        for level in self.levels:
            codes[:, level.codes] = np.random.default_rng(seed).standard_normal((len(codes), len(level.codes)))
        return codes

    def _simulate_codes(self, seed: int) -> Doubles:
        found = self.compiled.programs.run(self.compiled.simulate_codes, make_key(seed), SIMULATED)[0]
        codes = np.asarray(found, np.float64)
        return codes[np.isfinite(codes).all(axis=1)]

    def whiten_latents(self, latents: Floats) -> Doubles:
        """Return the noise of rows of latents."""
        return np.asarray(self.compiled.programs.run(self._whiten, jnp.asarray(latents)), np.float64)

    def _whiten(self, latents: Float[Array, "n latents"]) -> Float[Array, "n k"]:
        observed = rows_of(self.observed)
        columns = self.space.join(latents, jnp.broadcast_to(observed, (len(latents), observed.shape[1])))
        codes = self.space.encode_latents(columns)
        return jax.vmap(lambda row: self.whiten(row, observed[0]))(codes)

    def complete(self, codes: Doubles, seed: int) -> Floats:
        """Return latents as columns for rows of noise, the barren ones drawn."""

        def finish(number: int, block: jax.Array) -> jax.Array:
            found: jax.Array = self.compiled.programs.run(self._finish, fold_key(make_key(seed), number), block)
            return found

        return map_blocks(codes, self.space.width, finish)

    def _finish(self, key: Key[Array, ""], noise: Float[Array, "n k"]) -> Float[Array, "n latents"]:
        observed = rows_of(self.observed)
        codes = jax.vmap(lambda row: self.move(row, observed[0])[0])(noise)
        seen = jnp.broadcast_to(observed, (len(noise), observed.shape[1]))
        columns = self.space.decode_latents(codes, self.space.place(seen))
        latents: Array = self.space.split(draw_factors(self.barren, key, columns)[0])[0]
        return latents


def _list_levels(space: Space) -> tuple[Level, ...]:
    """Return the latents that may be any real number and have latent parents, by their level in the model."""
    net, found = space.net, dict[int, list[int]]()
    for name in space.code_columns:
        above = set(net.parents(name)) & set(net.latents)
        if net.variable(name).support == "real" and above:
            found.setdefault(int(net.levels[net.index(name)]), []).append(net.index(name))
    return tuple(
        Level(np.array(found[level]), np.concatenate([space.code_columns[net.names[index]] for index in found[level]]))
        for level in sorted(found)
    )
