"""Latents of a template that are drawn from closed forms, for one observation; and joint densities at any sizes."""

from __future__ import annotations

import math
from collections.abc import Collection, Iterator, Mapping
from dataclasses import dataclass
from functools import lru_cache
from typing import Any

import jax
import jax.numpy as jnp
import numpy as np

from retrodict.encode.keys import fold_key
from retrodict.encode.lifted.cells import Cells
from retrodict.encode.lifted.template_space import TemplateSpace
from retrodict.errors import DataError
from retrodict.exact.lifted.element_densities import ElementDensities
from retrodict.exact.lifted.find_lifted import LiftedForms, is_tileable
from retrodict.exact.lifted.lifted_form import Drawn, LiftedForm, TemplateCells, score_families
from retrodict.exact.lifted.tiles import Tiles, round_copies
from retrodict.graph.rows import Mask
from retrodict.posterior.lifted.template_data import TemplateData
from retrodict.train.compiled import Programs

Draws = dict[str, Any]

# Numbers that are held at once, over all rows of a block.
MOST_NUMBERS = 1 << 23
EXACT = Programs(most=48)


@lru_cache(maxsize=64)
def cover(densities: ElementDensities, copies: tuple[tuple[str, int], ...]) -> Tiles:
    """Return tiles, the same ones for the same numbers of copies."""
    return Tiles(densities, dict(copies))


def find_tiles(densities: ElementDensities, sizes: Mapping[str, int]) -> Tiles:
    """Return tiles that hold these sizes."""
    dims = densities.source.template.dims
    return cover(densities, tuple((dim, round_copies(densities, dim, sizes[dim])) for dim in dims))


@dataclass(frozen=True, eq=False)
class ExactFactors:
    """The closed forms of a template, with what an observation gives.

    Arguments:
        space: where variables stand.
        given: the observation.
        forms: the closed forms.
        densities: those of the model.
    """

    space: TemplateSpace
    given: TemplateData
    forms: LiftedForms
    densities: ElementDensities

    @property
    def tiles(self) -> Tiles:
        """Tiles that hold the observation."""
        return find_tiles(self.densities, self.given.sizes)

    def draw(self, key: jax.Array, codes: Draws, n: int) -> tuple[Draws, Any]:
        """Return codes of all latents that have closed forms, given those of all others, and their log density."""
        drawn: Draws = {}
        total = np.zeros(n)
        for number, form in enumerate(self.forms):
            parts: list[tuple[Draws, Any]] = []
            for block, rows in enumerate(self._divide(n, self._count(form, codes))):
                cells = self._make_cells(codes, rows, form)
                parts.append(draw_form(form, self.tiles, cells, fold_key(fold_key(key, number), block), len(rows)))
            drawn |= {name: self._read(name, [part[name] for part, _ in parts], n) for name in form.names}
            total += np.concatenate([np.asarray(density, np.float64) for _, density in parts])[:n]
        return drawn, total

    def score(self, codes: Draws) -> Any:
        """Return the log density of the latents that have closed forms given all others, in nats."""
        n = len(next(iter(codes.values())))
        total = np.zeros(n)
        for form in self.forms:
            blocks = self._divide(n, self._count(form, codes))
            parts = [score_form(form, self.tiles, self._make_cells(codes, rows, form, wanted=True)) for rows in blocks]
            total += np.concatenate(parts)[:n]
        return total

    def score_joint(self, codes: Draws) -> Any:
        """Return the log joint density of draws and data, in nats."""
        return self._add_families(codes, self.mark(None)[1])

    def score_some(self, codes: Draws, names: Collection[str]) -> Any:
        """Return the log density of some latents given their parents, barren instances aside, in nats."""
        given = self.given
        marks = {name: given.exists[name] & (given.informed[name] | (not given.is_within)) for name in names}
        return self._add_families(codes, {name: self.widen(name, own) for name, own in marks.items()})

    def _add_families(self, codes: Draws, counted: Mapping[str, Mask]) -> Any:
        n = len(next(iter(codes.values())))
        parts = []
        for rows in self._divide(n, self.tiles.count * len(self.densities.filler)):
            cells = self._make_cells(codes, rows, None, wanted=True)._replace(exists={}, counted=counted)
            terms = EXACT.run(score_families, self.tiles, cells)
            parts.append(sum(np.asarray(own, np.float64).reshape(len(rows), -1).sum(axis=1) for own in terms.values()))
        return np.concatenate(parts)[:n]

    # -- inside ------------------------------------------------------------------------------------------

    def _count(self, form: LiftedForm, codes: Draws) -> int:
        """Return how many numbers a row takes. What no other latent changes is found once for all rows."""
        alone = all(name in form.names for name in codes)
        return sum(map(math.prod, map(self.tiles.shape, form.names))) if alone else form.count_numbers(self.tiles)

    @staticmethod
    def _divide(n: int, size: int) -> Iterator[Any]:
        """Return the rows of each block, so many at once that memory is bounded."""
        rows = max(1, min(n, MOST_NUMBERS // size))
        for start in range(0, n, rows):
            yield (start + np.arange(rows)) % n

    def _make_cells(self, codes: Draws, rows: Any, form: LiftedForm | None, *, wanted: bool = False) -> TemplateCells:
        exists, counted = self.mark(form)
        return TemplateCells(self._lay_out(codes, rows, form, wanted=wanted), exists, counted)

    def _lay_out(self, codes: Draws, rows: Any, form: LiftedForm | None, *, wanted: bool) -> Draws:
        """Return values on the cells of tiles: of data and, for some rows of draws, of latents."""
        values = {name: self.pad(name, own[None]) for name, own in self.list_known().items()}
        inside = () if form is None or wanted else form.names
        for name, own in codes.items():
            if name not in inside:
                decoded = np.asarray(self.space.decode(name, jnp.asarray(own[rows], jnp.float32)), np.float64)
                values[name] = self.pad(name, decoded)
        return values

    def list_known(self) -> Mapping[str, Any]:
        """Return the values of data; raise `DataError` for covariates that the model does not take."""
        found = {}
        for name, value in self.given.values.items():
            if name in self.densities.columns:
                known = value[self.given.seen[name]]
                found[name] = np.where(self.given.seen[name][..., None], value, known[0] if len(known) else 0.0)
            else:
                require_own(self.space, self.given, name)
        return found

    def pad(self, name: str, values: Any) -> Any:
        """Return values of the sizes of the data at those of tiles."""
        shape = self.tiles.shape(name)
        some = values.reshape(len(values), -1, values.shape[-1])[:, 0]
        filled = np.zeros((len(values), *shape, values.shape[-1]))
        filled[...] = some.reshape(len(values), *(1 for _ in shape), -1)
        filled[(slice(None), *map(slice, self.given.shape(name)))] = values
        return filled

    def mark(self, form: LiftedForm | None) -> tuple[dict[str, Mask], dict[str, Mask]]:
        """Return which instances there are, and which families count.

        For a form, those of other latents that nothing observed descends from do not: they are drawn after it.
        """
        exists, counted = {}, {}
        for name in self.space.dims:
            if name not in self.densities.columns:
                continue
            there = self.given.exists[name]
            exists[name] = self.widen(name, there)
            if name in self.given.seen:
                counted[name] = self.widen(name, there & self.given.seen[name])
            elif form is None or name in form.names or not self.given.is_within:
                counted[name] = exists[name]
            else:
                counted[name] = self.widen(name, there & self.given.informed[name])
        return exists, counted

    def widen(self, name: str, marks: Mask) -> Mask:
        """Return marks of the sizes of the data at those of tiles."""
        wide = np.zeros((1, *self.tiles.shape(name)), bool)
        within: tuple[Any, ...] = (0, *map(slice, self.given.shape(name)))
        wide[within] = marks
        return wide

    def _read(self, name: str, parts: list[Any], n: int) -> Any:
        values = np.concatenate([np.asarray(part) for part in parts])[:n]
        values = values[(slice(None), *map(slice, self.given.shape(name)))]
        return np.asarray(self.space.described[name].coder.encode(jnp.asarray(values, jnp.float32)))


def draw_form(form: LiftedForm, tiles: Tiles, cells: TemplateCells, key: jax.Array, rows: int) -> Drawn:
    """Return values of the latents of a form, a draw for each of so many rows, and their log density in nats."""
    measured = EXACT.run(_measure, form, tiles, _narrow(form, cells))
    with jax.enable_x64(True):
        drawn: Drawn = EXACT.run(_draw_rows, form, tiles, measured, _widen_cells(form, cells), key, rows)
    return drawn


def score_form(form: LiftedForm, tiles: Tiles, cells: TemplateCells) -> Any:
    """Return the log density of the latents of a form in each row of cells, in nats."""
    measured = EXACT.run(_measure, form, tiles, _narrow(form, cells))
    with jax.enable_x64(True):
        return np.asarray(EXACT.run(_score_rows, form, tiles, measured, _widen_cells(form, cells)))


def _narrow(form: LiftedForm, cells: TemplateCells) -> Draws:
    return {name: jnp.asarray(v, jnp.float32) for name, v in cells.values.items() if name not in form.names}


def _widen_cells(form: LiftedForm, cells: TemplateCells) -> TemplateCells:
    """Return cells in double precision, of values those of the form alone."""
    values = {name: cells.values[name] for name in form.names if name in cells.values}
    return TemplateCells(*jax.tree.map(jnp.asarray, (values, dict(cells.exists), dict(cells.counted))))


def _measure(form: LiftedForm, tiles: Tiles, values: Draws) -> Any:
    return form.measure(tiles, values)


def _draw_rows(form: LiftedForm, tiles: Tiles, measured: Any, cells: TemplateCells, key: jax.Array, rows: int) -> Drawn:
    return form.draw(key, tiles, measured, cells, rows)


def _score_rows(form: LiftedForm, tiles: Tiles, measured: Any, cells: TemplateCells) -> jax.Array:
    return form.score(tiles, measured, cells)


def require_own(space: TemplateSpace, given: TemplateData, name: str) -> None:
    """Raise `DataError` where the data have other values of a covariate than the model, which holds its own."""
    own, value = space.covariates[name][tuple(map(slice, given.shape(name)))], given.values[name]
    if own.shape != value.shape or not np.array_equal(own, value, equal_nan=True):
        raise DataError(
            "the densities of the model hold its own values of {names}, and the data have others",
            [name],
            remedy="Make it an argument that the program uses as an array of JAX, or an observed site.",
        )


def covers(space: TemplateSpace, given: TemplateData, densities: ElementDensities) -> bool:
    """Return whether the model has densities at the sizes of an observation.

    Tiles are copies of the whole model: it must have all of its instances where the observation is larger.
    """
    if not is_tileable(space.source.template):
        return False
    return given.is_within or all(bool(marks.all()) for marks in space.present.values())


def draw_for_cells(forms: LiftedForms, space: TemplateSpace, cells: Cells, codes: Draws, key: jax.Array) -> Draws:
    """Return codes of all latents with closed forms, a draw for each row of cells at the sizes of the model.

    ``codes`` are those of all other latents; all that is known is taken from the cells.
    """
    drawn: Draws = {}
    for number, form in enumerate(forms):
        densities = form.densities
        tiles = find_tiles(densities, space.source.sizes)
        n = len(next(iter(cells.exists.values())))
        rows = max(1, min(n, MOST_NUMBERS // form.count_numbers(tiles)))
        names = [name for name in space.dims if name in densities.columns]
        outside = [name for name in names if name not in form.names]
        found: list[Draws] = []
        for block, start in enumerate(range(0, n, rows)):
            chosen = (start + np.arange(rows)) % n
            values = {
                name: np.asarray(space.decode(name, jnp.asarray({**cells.codes, **codes}[name][chosen])), np.float64)
                for name in outside
            }
            exists = {name: np.asarray(cells.exists[name])[chosen] for name in names}
            latent = set(space.source.template.drawn)
            seen = {name: np.asarray(cells.seen[name])[chosen] for name in names if name not in latent}
            asked = TemplateCells(values, exists, exists | seen)
            found.append(draw_form(form, tiles, asked, fold_key(fold_key(key, number), block), rows)[0])
        for name in form.names:
            own_values = np.concatenate([np.asarray(part[name]) for part in found])[:n]
            drawn[name] = space.described[name].coder.encode(jnp.asarray(own_values, jnp.float32))
    return drawn
