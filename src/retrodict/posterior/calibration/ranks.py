r"""Ranks of simulated truths among draws for their data, which are uniform if the draws are from the posterior.

The rank of a quantity is the number of draws below the truth; ties, which discrete latents have, are broken at
random. Quantities are every latent column; the two log densities, :math:`\log q(z \mid x)` and
:math:`\log p(z, x)`, which see dependences between latents; and the distance from a reference point.

Sources: Talts et al. 2018 (simulation-based calibration); Modrak et al. 2023 (densities as quantities);
Lemos, Coogan, Hezaveh & Perreault-Levasseur 2023 (TARP).
"""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import suppress
from dataclasses import dataclass
from functools import cached_property
from typing import Any, NamedTuple

import jax
import jax.numpy as jnp
import numpy as np
from numpy.typing import NDArray

from retrodict.errors import DensityError
from retrodict.plan.layout import Floats
from retrodict.posterior.programs import Compiled, Factors
from retrodict.posterior.randomness import require_draws_of_key

# The most rows and numbers of a block, in which a simulation takes a row for the truth and one for each draw.
MOST_ROWS = 1 << 16
MOST_NUMBERS = 1 << 24
# Densities and distances that differ by less than this share count as equal, since rounding differs.
SAME = 1e-5
# Wider data are projected at random before latents are predicted from them.
MOST_PREDICTORS = 64

Counts = NDArray[np.int64]


class Position(NamedTuple):
    """For each simulation and quantity, how many draws are below the truth and how many equal it."""

    below: Any
    equal: Any


@dataclass(frozen=True, eq=False)
class Simulations:
    """Joint draws of a model, columns of latents and of observed variables, to be compared with an encoder's."""

    latents: Floats
    observed: Floats
    references: Floats

    @classmethod
    def of(cls, compiled: Compiled, n: int, key: jax.Array) -> Simulations:
        """Simulate ``n`` truths with their data, and a reference point for each."""
        keys = jax.random.split(key)
        one, other = (np.asarray(compiled.simulate(k, n)) for k in keys)
        require_draws_of_key(lambda k: compiled.simulate(k, n), keys[0], one, compiled.space.layout.owners)
        return cls.refer(compiled, one, other)

    @classmethod
    def refer(cls, compiled: Compiled, one: Floats, other: Floats) -> Simulations:
        """Return truths with their data, columns of the model, and a reference point that others give for each."""
        (truths, data), (others, seen) = compiled.space.split(one), compiled.space.split(other)
        center, center_of_others = _predict(others, seen, data)
        return cls(truths, data, np.asarray(center + others - center_of_others, truths.dtype))

    @cached_property
    def spread(self) -> Floats:
        """Standard deviation of each latent column under the model, 1 for constants."""
        spread = self.latents.std(axis=0)
        return np.where(spread > 0, spread, 1.0).astype(self.latents.dtype)

    def __len__(self) -> int:
        return len(self.latents)


def _predict(latents: Floats, seen: Floats, unseen: Floats) -> tuple[Floats, Floats]:
    """Return linear predictions of latents from unseen data and from those seen, by least squares on what was seen.

    A reference that follows the data tells the posterior from the prior, whatever the encoder does with them; with
    the error of another simulation added it is far from the truth now on this side, now on that.

    Source: Lemos et al. 2023, section 3 (the reference may and should depend on the data, not on the truth).
    """
    width = seen.shape[1]
    rng = np.random.default_rng(0)
    fewer = rng.normal(size=(width, MOST_PREDICTORS)) if width > MOST_PREDICTORS else np.eye(width)
    spread = seen.std(axis=0)
    scale = np.where(spread > 0, spread, 1.0)
    known, new = ((data - seen.mean(axis=0)) / scale @ fewer for data in (seen, unseen))
    weights = np.linalg.lstsq(known, latents - latents.mean(axis=0), rcond=1e-6)[0]
    return new @ weights + latents.mean(axis=0), known @ weights + latents.mean(axis=0)


def rank(factors: Factors, compiled: Compiled, simulations: Simulations, draws: int, seed: int) -> Position:
    """Return the position of every truth among ``draws`` draws, shape ``(simulations, latent columns + 3)``.

    The last three quantities are log q, log p and the distance from the reference. A model without a density has no
    log p among them.
    """
    most = min(MOST_ROWS, MOST_NUMBERS // compiled.space.width)
    block = max(1, min(len(simulations), most // (draws + 1)))
    key = jax.random.key(seed)
    spread = jnp.asarray(simulations.spread)
    parts = [
        compiled.programs.run(_rank_block, factors, compiled, draws, jax.random.fold_in(key, number), truths, spread)
        for number, truths in enumerate(_cut(simulations, block))
    ]
    whole = (np.concatenate([np.asarray(part) for part in column]) for column in zip(*parts, strict=True))
    return Position(*(column[: len(simulations)] for column in whole))


def to_uniform(position: Position, draws: int, seed: int) -> NDArray[np.float64]:
    """Return ranks as numbers between 0 and 1, uniform if the truths are like the draws: ties broken at random."""
    rng = np.random.default_rng(seed)
    ranks = position.below + rng.integers(0, position.equal, endpoint=True)
    return np.asarray((ranks + rng.random(ranks.shape)) / (draws + 1))


def _cut(simulations: Simulations, block: int) -> Iterator[tuple[jax.Array, jax.Array, jax.Array]]:
    """Return blocks of equal size; the last one is filled up with the first simulations."""
    for start in range(0, len(simulations), block):
        chosen = (start + np.arange(block)) % len(simulations)
        whole = simulations.latents, simulations.observed, simulations.references
        latents, observed, references = (jnp.asarray(array[chosen]) for array in whole)
        yield latents, observed, references


def _rank_block(
    factors: Factors,
    compiled: Compiled,
    draws: int,
    key: jax.Array,
    truths: tuple[jax.Array, jax.Array, jax.Array],
    spread: jax.Array,
) -> Position:
    truth, observed, reference = truths
    rows = jnp.broadcast_to(observed, (draws + 1, *observed.shape))
    drawn = compiled.draw(factors, key, rows[1:])
    latents = jnp.concatenate([truth[None], drawn])
    densities = [compiled.score(factors, latents, rows)]
    with suppress(DensityError):  # of what is only a simulator
        densities.append(compiled.score_jointly(latents, rows))
    distance = jnp.sqrt((((latents - reference) / spread) ** 2).sum(axis=-1))
    below = [(drawn < truth).sum(axis=0), *(_count_below(values)[:, None] for values in (*densities, distance))]
    equal = [(drawn == truth).sum(axis=0), *(_count_equal(values)[:, None] for values in (*densities, distance))]
    return Position(jnp.concatenate(below, axis=-1), jnp.concatenate(equal, axis=-1))


def _margin(values: jax.Array) -> jax.Array:
    return jnp.where(jnp.isfinite(values[0]), SAME * jnp.maximum(1.0, jnp.abs(values[0])), 0.0)


def _count_below(values: jax.Array) -> jax.Array:
    """Count the draws clearly below the truth, which comes first."""
    return (values[1:] < values[0] - _margin(values)).sum(axis=0)


def _count_equal(values: jax.Array) -> jax.Array:
    same = (jnp.abs(values[1:] - values[0]) <= _margin(values)) | (values[1:] == values[0])
    return same.sum(axis=0)
