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
from retrodict.posterior.answers.chains import MOST_DENSE
from retrodict.posterior.answers.linear_factor import LinearProposal
from retrodict.posterior.answers.marginal import rows_of
from retrodict.posterior.factors import GenerativeFactor, draw_factors
from retrodict.posterior.programs import Compiled
from retrodict.posterior.row_blocks import map_blocks
from retrodict.posterior.weights.pareto import Doubles

# Levels are gone through one after the other: a long chain of states is left as it is.
MOST_LEVELS = 6
# Simulations that tell the middle of the prior.
SIMULATED = 512


class Level(NamedTuple):
    """Latents that are moved together: their numbers among the variables, and the places of their codes."""

    variables: Integers
    codes: Integers


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
        apart = tuple(level for level in levels if found._keeps_apart(level, middle))
        return replace(found, levels=apart) if apart else None

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
            middle, scale = self._describe(level, codes, observed)
            codes = codes.at[level.codes].set(middle + scale * noise[level.codes])
            log_det = log_det + jnp.log(scale).sum()
        return codes, log_det

    def whiten(self, codes: Float[Array, " k"], observed: Float[Array, " columns"]) -> Array:
        """Return the noise that codes stand for: the inverse of `move`."""
        noise = codes
        for level in self.levels:
            middle, scale = self._describe(level, codes, observed)
            noise = noise.at[level.codes].set((codes[level.codes] - middle) / scale)
        return noise

    def _describe(self, level: Level, codes: Array, observed: Array) -> tuple[Array, Array]:
        """Return middle and scale of latents given their parents; zero and one where they do not bend down."""
        # Of latents that are independent given their parents the sum of a row of the Hessian is its diagonal.
        slope, bend = self._bend(level, codes, observed, jnp.ones(len(level.codes), codes.dtype))
        good = jnp.isfinite(slope) & (bend < 0) & jnp.isfinite(bend)
        precision = jnp.where(good, -bend, 1.0)
        return jnp.where(good, slope, 0.0) / precision, jax.lax.rsqrt(precision)

    def _bend(self, level: Level, codes: Array, observed: Array, direction: Array) -> tuple[Array, Array]:
        """Return the gradient of log conditionals of latents at zero, and their Hessian times a direction."""

        def score(own: Array) -> Array:
            columns = self.space.decode_latents(codes.at[level.codes].set(own), self.space.place(observed))
            found: Array = self.compiled.model.log_conditionals(columns)[level.variables].sum()
            return found

        slope, bend = jax.jvp(jax.grad(score), (jnp.zeros_like(direction),), (direction,))
        return slope, bend

    def _keeps_apart(self, level: Level, codes: Doubles) -> bool:
        """Return whether latents are independent given their parents, as the elements of a random walk are not."""
        signs = np.random.default_rng(0).choice([-1.0, 1.0], len(level.codes))

        def look(direction: Array) -> Array:
            return self._bend(level, rows_of(codes), rows_of(self.observed)[0], direction)[1]

        both = jax.jit(jax.vmap(look))(rows_of(np.stack([np.ones_like(signs), signs])))
        plain, signed = np.asarray(both, np.float64)
        return bool(np.allclose(plain, signs * signed, rtol=1e-3, atol=1e-3 * np.abs(plain).max()))

    def find_middle(self, seed: int) -> Doubles:
        """Return the median of the codes under the prior."""
        found = self.compiled.programs.run(self.compiled.simulate_codes, make_key(seed), SIMULATED)[0]
        codes = np.asarray(found, np.float64)
        known = codes[np.isfinite(codes).all(axis=1)]
        # A prior that overflows tells nothing.
        return np.median(known, axis=0) if len(known) else np.zeros(self.size)

    def begin(self, latents: Floats) -> tuple[LinearProposal, Doubles] | None:
        """Return the units in which the noise of rows of latents is standard, and the noise, for chains to begin at.

        None where less than half of the rows have noise that single precision holds.
        """
        points = np.asarray(self.compiled.programs.run(self._whiten, jnp.asarray(latents)), np.float64)
        known = points[np.isfinite(points).all(axis=1)]
        if 2 * len(known) <= len(points):
            return None
        every = np.ones((self.size, self.size), bool)
        parents = np.tril(every, -1) if self.size <= MOST_DENSE else ~every
        covariance = np.atleast_2d(np.cov(known.T))
        return LinearProposal.fit(known.mean(axis=0), covariance, len(known), parents, np.arange(self.size)), known

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
