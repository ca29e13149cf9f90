"""An encoder fitted to the weighted draws for one observation, along the parents of the inverse."""

from __future__ import annotations

from dataclasses import replace

import equinox as eqx
import jax
import jax.numpy as jnp
import numpy as np

from retrodict.encode.build import build_encoder
from retrodict.encode.encoder import Encoder
from retrodict.encode.features import Scaling
from retrodict.encode.space import Space
from retrodict.graph.bayesnet import Variable
from retrodict.graph.rows import Rows
from retrodict.plan.dependencies import Dependencies
from retrodict.plan.layout import Floats
from retrodict.posterior.factors import CodedFactor
from retrodict.train.loop import Plan, train
from retrodict.train.objectives.cross_entropy import cross_entropy
from retrodict.train.optimizers import choose_optimizer
from retrodict.train.source import ShuffledRows

STEPS, BATCH, LEARNING_RATE = 600, 256, 5e-3
WIDTHS = (32,)


class FittedFactor(CodedFactor):
    """The latents that an encoder without data draws: it was fitted to the posterior of one observation."""

    encoder: Encoder
    space: Space = eqx.field(static=True)

    @property
    def width(self) -> int:
        """That of the widest layer."""
        return self.encoder.network.width

    def draw_codes(self, key: jax.Array, columns: jax.Array) -> tuple[jax.Array, jax.Array]:
        """Draw with the encoder, whatever is observed."""
        return self.encoder.sample_and_log_prob(key, _show_nothing(columns))

    def score_codes(self, codes: jax.Array, columns: jax.Array) -> jax.Array:
        """Score with the encoder, whatever is observed."""
        return self.encoder.log_prob(codes, _show_nothing(columns))


def fit_factor(space: Space, codes: Floats, seed: int, steps: int = STEPS) -> FittedFactor:
    """Return the factor that fits rows of codes of equal weight: mixtures, trained by forward KL in their units."""
    build, fit = jax.random.split(jax.random.key(seed))
    dependencies, rows = _leave_data(space.dependencies), np.asarray(codes, np.float32)
    scaling = Scaling.of(dependencies, (), jnp.zeros((len(rows), 1)), jnp.asarray(rows))
    encoder = build_encoder(dependencies, build, "shared", _widen(dependencies), conditional="mixture", scaling=scaling)
    plan = Plan(steps, BATCH, epoch=100, optimizer=choose_optimizer(LEARNING_RATE, steps))
    trained, _ = train(encoder, _score_rows, ShuffledRows(jnp.asarray(rows), BATCH), plan, fit, quiet=True)
    return FittedFactor(encoder=trained, space=space)


def _score_rows(encoder: Encoder, key: jax.Array, rows: jax.Array) -> jax.Array:
    """Return the cross-entropy of rows of codes, which needs no randomness."""
    return cross_entropy(encoder, rows, _show_nothing(rows))


def _show_nothing(rows: jax.Array) -> jax.Array:
    """Return what the encoder is shown in place of data: a zero for each row."""
    return jnp.zeros((*rows.shape[:-1], 1), rows.dtype)


def _widen(dependencies: Dependencies) -> tuple[int, ...] | None:
    """Return the widths of the hidden layers; those that the library chooses where there are many latents."""
    return WIDTHS if len(dependencies.latents) <= WIDTHS[0] // 8 else None


def _leave_data(dependencies: Dependencies) -> Dependencies:
    """Return the dependencies of the latents on each other, and of all of them on one input, which says nothing."""
    seen = len(dependencies.observed)
    parents = [[0, *(row[row >= seen] - seen + 1).tolist()] for row in map(np.asarray, dependencies.parents.to_lists())]
    return replace(
        dependencies,
        observed=("",),
        parents=Rows.from_lists(parents),
        variables=(Variable(""), *dependencies.variables[seen:]),
    )
