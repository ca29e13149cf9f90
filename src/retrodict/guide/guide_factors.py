"""The factors of a guide: what its encoder draws, and closed forms that gradients pass by."""

from __future__ import annotations

from dataclasses import fields, is_dataclass, replace
from typing import Any, TypeVar

import equinox as eqx
import jax
import jax.numpy as jnp
import numpy as np

from retrodict.encode.encoder import Encoder
from retrodict.encode.space import Space
from retrodict.guide.standing import Standing
from retrodict.posterior.factors import ClosedFactor, CodedFactor
from retrodict.read.numpyro.numpyro_model import NumpyroModel
from retrodict.read.numpyro.sites import Program

Part = TypeVar("Part")


class GuideFactor(CodedFactor):
    """The latents that the encoder of a guide draws, all together, on the columns of its space."""

    encoder: Encoder
    standing: Standing
    space: Space = eqx.field(static=True)

    @property
    def width(self) -> int:
        """That of the widest layer."""
        return self.encoder.network.width

    def draw_codes(self, key: jax.Array, columns: jax.Array) -> tuple[jax.Array, jax.Array]:
        """Draw with the encoder, in the units of where codes stand."""
        standard, log_density = self.encoder.sample_and_log_prob(key, self.space.encode_observed(columns))
        return self.standing.put(standard), log_density - self.standing.log_scale.sum()

    def score_codes(self, codes: jax.Array, columns: jax.Array) -> jax.Array:
        """Score with the encoder, in the units of where codes stand."""
        standard = self.standing.standardize(codes)
        log_density = self.encoder.log_prob(standard, self.space.encode_observed(columns))
        return log_density - self.standing.log_scale.sum()


class HeldFactor(ClosedFactor):
    r"""Latents b with a closed form, integrated out of every bound.

    :math:`\log p(r, b, x) - \log p(b \mid r, x) = \log p(r, x)` whatever b is. So its gradient is right with b held
    where it was drawn, for discrete b, too.
    """

    space: Space = eqx.field(static=True)

    def draw(self, key: jax.Array, columns: jax.Array) -> tuple[jax.Array, jax.Array]:
        """Return the columns with the latents drawn, and the log density of each draw in nats."""
        drawn, _ = self.form.draw(key, jax.lax.stop_gradient(columns))
        net = self.space.net
        own = self.space.mark(np.isin(np.arange(len(net)), [net.index(name) for name in self.variables]))
        columns = jnp.where(own, jax.lax.stop_gradient(drawn), columns)
        return columns, self.score(columns)


def bind(part: Part, program: Program) -> Part:
    """Return a closed form of a program with the arguments of another call, for each model of the program in it."""
    if isinstance(part, NumpyroModel):
        return replace(part, program=program)
    if not is_dataclass(part) or isinstance(part, type):
        return part
    changed: dict[str, Any] = {}
    for field in fields(part):
        before = getattr(part, field.name)
        after = bind(before, program)
        if after is not before:
            changed[field.name] = after
    return replace(part, **changed) if changed else part
