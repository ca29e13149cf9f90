"""Values of a template in the columns of its model: joint densities, and draws of what no data inform."""

from __future__ import annotations

from collections.abc import Collection, Mapping
from dataclasses import dataclass
from functools import cached_property
from typing import Any

import jax
import jax.numpy as jnp
import numpy as np

from retrodict.encode.keys import make_key
from retrodict.encode.lifted.template_space import TemplateSpace
from retrodict.graph.rows import Mask
from retrodict.posterior.lifted.template_data import TemplateData

Draws = dict[str, Any]


@dataclass(frozen=True, eq=False)
class TemplateColumns:
    """One observation of sizes that the model has, in columns of the model.

    What the observation has not stands at values that the model once drew: its densities are left out.
    """

    space: TemplateSpace
    given: TemplateData
    latents: tuple[str, ...]
    exact: tuple[str, ...] = ()

    def _within(self, name: str) -> tuple[slice, ...]:
        return tuple(map(slice, self.given.shape(name)))

    @cached_property
    def _filler(self) -> Any:
        """Values of all columns: those observed, else one draw of the model."""
        filled = np.array(self.space.source.model.draw(make_key(0), 1))[0]
        for name, values in self.given.values.items():
            if name in self.space.columns:
                known = self.given.seen[name] & self.given.exists[name]
                filled[self.space.columns[name][self._within(name)][known]] = values[known]
        return filled

    def place(self, codes: Mapping[str, Any]) -> Any:
        """Return model columns, a row for each draw."""
        rows = len(next(iter(codes.values())))
        columns = np.tile(self._filler, (rows, 1))
        for name in self.latents:
            own, here = self.space.columns[name][self._within(name)], self.given.exists[name]
            values = np.asarray(self.space.decode(name, jnp.asarray(codes[name], jnp.float32)))
            columns[:, own[here].ravel()] = values[:, here].reshape(rows, -1)
        return columns.astype(np.float32)

    def _mark(self, marks: Mapping[str, Mask]) -> Mask:
        """Return which variables of the model marked instances are."""
        net = self.space.source.model.net
        chosen = np.zeros(len(net), bool)
        width = np.repeat(np.arange(len(net)), self.space.source.model.layout.sizes)
        for name, own in marks.items():
            if name in self.space.columns:
                chosen[width[self.space.columns[name][self._within(name)][own][:, 0]]] = True
        return chosen

    def _find_barren(self, names: Collection[str]) -> Mask:
        """Return the latents of which nothing observed descends, as variables of the model, without exact ones."""
        given = self.given
        chosen = [name for name in self.latents if name in names and name not in self.exact]
        return self._mark({name: given.exists[name] & ~given.informed[name] for name in chosen})

    @cached_property
    def _barren(self) -> Mask:
        return self._find_barren(self.latents)

    def draw_barren(self, codes: Draws, key: jax.Array, names: Collection[str]) -> Draws:
        """Return codes with barren instances of some latents drawn from the model's own conditionals, parents first."""
        which = self._find_barren(names)
        if not which.any():
            return codes
        drawn = np.asarray(self.space.source.model.redraw(key, jnp.asarray(self.place(codes)), which))
        found = dict(codes)
        for name in [name for name in self.latents if name in names and name not in self.exact]:
            own = self.space.columns[name][self._within(name)]
            fresh = np.asarray(self.space.described[name].coder.encode(jnp.asarray(drawn[:, np.maximum(own, 0)])))
            barren = self.given.exists[name] & ~self.given.informed[name]
            found[name] = np.where(barren[..., None], fresh, codes[name])
        return found

    def _score(self, codes: Draws, variables: Mask) -> Any:
        terms = self.space.source.model.log_conditionals(jnp.asarray(self.place(codes)))
        return np.where(variables, np.asarray(terms, np.float64), 0.0).sum(axis=1)

    def score_barren(self, codes: Draws) -> Any:
        """Return the log density of the barren instances given their parents, in nats."""
        return self._score(codes, self._barren) if self._barren.any() else 0.0

    def score_joint(self, codes: Draws) -> Any:
        """Return the log joint density of draws and data, in nats."""
        given = self.given
        seen = {name: marks & given.exists[name] for name, marks in given.seen.items()}
        latent = {name: given.exists[name] for name in self.latents}
        return self._score(codes, self._mark({**seen, **latent}))
