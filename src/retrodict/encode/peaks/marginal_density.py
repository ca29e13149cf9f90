"""The density of what an encoder draws and what is observed, with all that has a closed form integrated out."""

from __future__ import annotations

from dataclasses import dataclass
from functools import cached_property

import jax
import jax.numpy as jnp
import numpy as np

from retrodict.encode.space import Space
from retrodict.exact.closed_form import ClosedForm
from retrodict.graph.rows import Integers, Mask
from retrodict.models.model import Model


@dataclass(frozen=True, eq=False)
class MarginalDensity:
    r"""The density of codes c of what an encoder draws: :math:`p(r(c), x)\, |\partial r / \partial c|`.

    With b drawn exactly given r and x, :math:`\log p(r, x) = \log p(r, b, x) - \log p(b \mid r, x)` for any b. Barren
    latents are left out: the model draws them, whatever the data.
    """

    model: Model
    space: Space
    forms: tuple[ClosedForm, ...]

    def __call__(self, codes: jax.Array, observed: jax.Array) -> jax.Array:
        """Return the log density of rows of codes and of observed model columns; minus infinity where it is none."""
        columns = self.space.decode_latents(codes, self.space.place(observed))
        columns, given = self._fill_in(codes, columns)
        log_joint = self.model.log_conditionals(columns)[..., self._kept].sum(axis=-1)
        log_density = log_joint - given + self.space.log_det(codes, columns)
        ruled_out = self.model.rules_out(columns) | ~jnp.isfinite(log_density)
        return jnp.where(ruled_out, -jnp.inf, log_density)

    def _fill_in(self, codes: jax.Array, columns: jax.Array) -> tuple[jax.Array, jax.Array]:
        """Return columns with some value of everything that has no codes, and the log density of closed forms there.

        It may be any value. Where each draw is a smooth function of what it depends on, both are differentiated
        through it; elsewhere it is taken as fixed, and scored by itself.
        """
        given = jnp.zeros(columns.shape[:-1], columns.dtype)
        if all(form.smooth for form in self.forms) and not self._barren.any():
            for form in self.forms:
                columns, density = form.draw(jax.random.key(0), columns)
                given = given + density
            return columns, given
        filled = jax.lax.stop_gradient(columns)
        for form in self.forms:
            filled = form.draw(jax.random.key(0), filled)[0]
        if self._barren.any():
            filled = self.model.redraw(jax.random.key(1), filled, self._barren)
        filled = self.space.decode_latents(codes, filled)
        for form in self.forms:
            given = given + form.score(filled)
        return filled, given

    @property
    def _barren(self) -> Mask:
        return self.space.generative

    @cached_property
    def _kept(self) -> Integers:
        return np.flatnonzero(~self._barren)
