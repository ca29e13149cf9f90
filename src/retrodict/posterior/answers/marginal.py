"""The density of what an encoder draws, for one observation, with all that has a closed form integrated out."""

from __future__ import annotations

from dataclasses import dataclass
from functools import cached_property

import jax
import jax.numpy as jnp
import numpy as np

from retrodict.encode.keys import fold_key, make_key
from retrodict.encode.peaks.marginal_density import MarginalDensity
from retrodict.encode.space import Space
from retrodict.errors import OptionError
from retrodict.graph.rows import Integers, Mask
from retrodict.models.model import Model
from retrodict.plan.layout import Floats
from retrodict.plan.supports import DISCRETE
from retrodict.posterior.factors import ClosedFactor, Factor, NeuralFactor, draw_factors
from retrodict.posterior.observations import Evidence
from retrodict.posterior.programs import Compiled
from retrodict.posterior.row_blocks import map_blocks
from retrodict.posterior.weights.pareto import Doubles


@dataclass(frozen=True, eq=False)
class Marginal:
    r"""The density of codes c of what an encoder draws: :math:`p(r(c), x)\, |\partial r / \partial c|` for one x.

    With b drawn exactly given r and x, :math:`\log p(r, x) = \log p(r, b, x) - \log p(b \mid r, x)` for any b.

    Arguments:
        compiled: the model and its programs.
        encoder: what draws the codes.
        exact: what draws all other latents, each from its full conditional or, where barren, from the model.
        observed: the observed columns, ``(1, columns)``.
    """

    compiled: Compiled
    encoder: NeuralFactor
    exact: tuple[Factor, ...]
    observed: Floats

    @classmethod
    def of(cls, compiled: Compiled, factors: tuple[Factor, ...], observed: Floats) -> Marginal:
        """Return the density of what the first factor, an encoder, draws.

        Raises `OptionError` where others than the first are not exact.
        """
        first, *others = factors
        if not isinstance(first, NeuralFactor) or not all(factor.exact for factor in others):
            raise OptionError(
                "a posterior can be refined where one encoder draws first and all other factors are exact",
                remedy="Use importance, which takes any factors.",
            )
        return cls(compiled, first, tuple(others), observed)

    @property
    def space(self) -> Space:
        """That of the codes."""
        return self.encoder.space

    @property
    def size(self) -> int:
        """The number of codes."""
        return len(self.order)

    @property
    def is_discrete(self) -> bool:
        """Whether a latent of the codes is discrete."""
        dependencies = self.space.dependencies
        variables = dependencies.variables[len(dependencies.observed) :]
        return any(variable.support in DISCRETE for variable in variables)

    @cached_property
    def parents(self) -> Mask:
        """Which codes each code has as parents in the inverse, a matrix of truth values."""
        dependencies = self.space.dependencies
        return dependencies.matrix[:, len(dependencies.observed) :]

    @cached_property
    def order(self) -> Integers:
        """The codes in an order in which they can be drawn."""
        return np.argsort(self.space.dependencies.level, kind="stable")

    def score(self, codes: Doubles) -> Doubles:
        """Return the log density of rows of codes, in nats; minus infinity where it is no number."""

        def score(_: int, block: jax.Array) -> jax.Array:
            found: jax.Array = self.compiled.programs.run(
                score_codes, self.compiled.model, self.space, self.exact, block, rows_of(self.observed)
            )
            return found

        return np.asarray(map_blocks(codes, self.space.width, score), np.float64)

    def score_one(self, codes: jax.Array) -> jax.Array:
        """Return the log density of one row of codes, in nats, for JAX to differentiate."""
        return score_codes(self.compiled.model, self.space, self.exact, codes[None], rows_of(self.observed))[0]

    def complete(self, codes: Doubles, seed: int) -> Floats:
        """Return latents as columns, those without codes drawn given the codes."""

        def complete(number: int, block: jax.Array) -> jax.Array:
            key = fold_key(make_key(seed), number)
            found: jax.Array = self.compiled.programs.run(
                _complete, self.space, self.exact, key, block, rows_of(self.observed)
            )
            return found

        return map_blocks(codes, self.space.width, complete)


def take_one(evidence: Evidence) -> Evidence:
    """Return the evidence of one observation, without axes of a batch; raise `OptionError` for several."""
    if len(evidence) != 1:
        raise OptionError(
            f"one observation is answered at a time, and the data hold {len(evidence):,}",
            remedy="Call it for each of them, or give weights to all with importance.",
        )
    return Evidence(evidence.given, evidence.rows[0])


def rows_of(array: Floats) -> jax.Array:
    """Return an array of single precision that a program takes as an input."""
    return jnp.asarray(array, jnp.float32)


def score_codes(
    model: Model, space: Space, exact: tuple[Factor, ...], codes: jax.Array, observed: jax.Array
) -> jax.Array:
    """Return the log density of rows of codes for one row of observed values."""
    forms = tuple(factor.form for factor in exact if isinstance(factor, ClosedFactor))
    seen = jnp.broadcast_to(observed, (len(codes), observed.shape[-1]))
    return MarginalDensity(model, space, forms)(codes, seen)


def _complete(
    space: Space, exact: tuple[Factor, ...], key: jax.Array, codes: jax.Array, observed: jax.Array
) -> jax.Array:
    seen = jnp.broadcast_to(observed, (len(codes), observed.shape[-1]))
    columns = space.decode_latents(codes, space.place(seen))
    latents: jax.Array = space.split(draw_factors(exact, key, columns)[0])[0]
    return latents
