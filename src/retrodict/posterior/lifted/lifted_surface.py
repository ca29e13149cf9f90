"""The density of what an encoder of a template draws as one function that JAX differentiates, for Markov chains."""

from __future__ import annotations

from dataclasses import dataclass
from functools import cached_property
from typing import Any

import jax
import jax.numpy as jnp
import numpy as np

from retrodict.exact.lifted.lifted_form import TemplateCells, score_families
from retrodict.exact.lifted.tiles import Tiles
from retrodict.graph.rows import Mask
from retrodict.posterior.lifted.exact_factors import ExactFactors
from retrodict.posterior.lifted.lifted_marginal import LiftedMarginal

Values = dict[str, Any]


@dataclass(frozen=True, eq=False)
class LiftedSurface:
    """The density of `LiftedMarginal`, of one row of codes, in the precision that JAX has when it is called."""

    target: LiftedMarginal
    factors: ExactFactors

    @property
    def size(self) -> int:
        """The number of codes."""
        return self.target.size

    def score_one(self, codes: jax.Array) -> jax.Array:
        """Return the log density of one row of codes, in nats."""
        found = self._unflatten(codes)
        values = self._known | {name: self._pad(name, self._decode(name, own)) for name, own in found.items()}
        exact: Any = 0.0
        for form in self.factors.forms:
            outside = {name: value for name, value in values.items() if name not in form.names}
            measured = form.measure(self._tiles, outside)
            exists, counted = self.factors.mark(form)
            drawn, density = form.draw(
                jax.random.key(0), self._tiles, measured, TemplateCells(values, exists, counted), 1
            )
            values, exact = values | drawn, exact + density[0]
        terms = score_families(self._tiles, TemplateCells(values, {}, self._counted))
        return sum((own.sum() for own in terms.values()), self._measure_volume(found)) - exact

    # -- inside ------------------------------------------------------------------------------------------

    @property
    def _tiles(self) -> Tiles:
        return self.factors.tiles

    @cached_property
    def _known(self) -> Values:
        return {name: self.factors.pad(name, own[None]) for name, own in self.factors.list_known().items()}

    @cached_property
    def _counted(self) -> dict[str, Mask]:
        """The families whose densities count: those of barren latents of the encoder do not."""
        counted = self.factors.mark(None)[1]
        return counted | {name: self.factors.widen(name, marks) for name, marks in self.target.marks.items()}

    def _unflatten(self, codes: jax.Array) -> Values:
        """Return codes of the latents that the encoder draws, of one row."""
        found, start = {}, 0
        for name, marks in self.target.marks.items():
            columns = self.factors.space.described[name].columns
            own = codes[start : start + self.target.widths[name]].reshape(-1, columns)
            whole = jnp.zeros((marks.size, columns), codes.dtype).at[np.flatnonzero(marks)].set(own)
            found[name] = whole.reshape(*marks.shape, columns)
            start += self.target.widths[name]
        return found

    def _decode(self, name: str, codes: jax.Array) -> jax.Array:
        return self.factors.space.decode(name, codes)

    def _pad(self, name: str, values: jax.Array) -> jax.Array:
        """Return values at the sizes of tiles, the first one where the data have none."""
        first = values.reshape(-1, values.shape[-1])[0]
        whole = jnp.broadcast_to(first, (*self._tiles.shape(name), values.shape[-1]))
        return whole.at[tuple(map(slice, self.target.given.shape(name)))].set(values)[None]

    def _measure_volume(self, found: Values) -> jax.Array:
        """Return the log of how much of values a unit of codes is."""
        total = jnp.zeros(())
        for name, marks in self.target.marks.items():
            own = found[name].reshape(marks.size, -1)[np.flatnonzero(marks)]
            total = total + self.factors.space.described[name].coder.log_det(own).sum()
        return total
