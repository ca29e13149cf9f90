"""Draws of all latents of a template, and their density: an encoder, closed forms, the model where nothing is seen."""

from __future__ import annotations

from dataclasses import dataclass
from functools import cached_property
from typing import Any, NamedTuple

import jax
import jax.numpy as jnp
import numpy as np

from retrodict.encode.keys import fold_key, make_key
from retrodict.encode.lifted.cells import Cells
from retrodict.encode.lifted.lifted_drawing import Stage, draw_latents
from retrodict.encode.lifted.lifted_encoder import LiftedEncoder
from retrodict.encode.lifted.template_space import TemplateSpace
from retrodict.errors import DataError
from retrodict.exact.lifted.element_densities import ElementDensities
from retrodict.exact.lifted.find_lifted import LiftedForms, find_descendants, list_exact
from retrodict.models.template_model import TemplateModel
from retrodict.posterior.lifted.exact_factors import Draws, ExactFactors, covers, require_own
from retrodict.posterior.lifted.prior_share import SHARE, PriorShare, mix
from retrodict.posterior.lifted.template_columns import TemplateColumns
from retrodict.posterior.lifted.template_data import TemplateData
from retrodict.train.compiled import Programs

# So many instances are drawn together, over all rows.
MOST_TOGETHER = 1 << 18
# The programs of posteriors of templates, one for each bucket of sizes and each kind of question.
LIFTED = Programs(most=48)


class Completed(NamedTuple):
    """Codes of all latents, and the log density of those that no encoder draws, given the others, in nats."""

    codes: Draws
    log_density: Any


@dataclass(frozen=True, eq=False)
class LiftedProposal:
    """Draws and scores codes of all latents of a template, for one observation.

    Arguments:
        space: where variables stand.
        encoder: what draws latents without closed forms.
        stages: the order in which it draws them.
        forms: the closed forms of all others.
        drawn: all latents, in the order in which they are drawn.
    """

    space: TemplateSpace
    encoder: LiftedEncoder
    stages: tuple[Stage, ...]
    forms: LiftedForms
    drawn: tuple[str, ...]

    @property
    def source(self) -> TemplateModel:
        """The template with its model."""
        return self.space.source

    @property
    def exact(self) -> tuple[str, ...]:
        """The latents that have closed forms."""
        return list_exact(self.forms)

    @cached_property
    def _densities(self) -> ElementDensities:
        return self.forms[0].densities if self.forms else ElementDensities(self.source)

    def has_densities(self, given: TemplateData) -> bool:
        """Return whether the model has densities at the sizes of an observation."""
        return covers(self.space, given, self._densities) and self._densities.is_computable

    def find_factors(self, given: TemplateData) -> ExactFactors:
        """Return the closed forms at the sizes of an observation; raise `DataError` where the model lacks these."""
        if self.forms and not covers(self.space, given, self._densities):
            raise DataError(
                f"the data have the sizes {dict(given.sizes)}, the model has {dict(self.source.sizes)} and lacks some "
                "instances there, so that what is exact cannot be found beyond",
                remedy="Read the program with groups of equal sizes, or amortize with exact=False.",
            )
        return ExactFactors(self.space, given, self.forms, self._densities)

    def _columns(self, given: TemplateData) -> TemplateColumns:
        return TemplateColumns(self.space, given, self.drawn, self.exact)

    def find_share(self, given: TemplateData) -> PriorShare | None:
        """Return the prior of what the encoder draws, if it is a density of its own, and the rest has closed forms."""
        if not self.forms or not self.has_densities(given):
            return None
        share = PriorShare(self.find_factors(given), tuple(self.encoder.plans))
        return share if share.is_apart() else None

    def draw(self, given: TemplateData, n: int, seed: int) -> Draws:
        """Return codes ``(n, *dims, columns)`` of all latents, those of barren instances from the model."""
        key = make_key(seed)
        return self.complete(given, self.draw_encoded(given, n, key), n, key).codes

    def weigh(self, given: TemplateData, n: int, seed: int, share: PriorShare | None = None) -> tuple[Draws, Any]:
        """Return codes of draws as of `draw`, and the log of their weights."""
        key = make_key(seed)
        codes = self.draw_encoded(given, n, key, share)
        drawn = self.complete(given, codes, n, key)
        log_q = self.score_encoded(given, drawn.codes, share) if self.encoder.plans else 0.0
        return drawn.codes, self.score_joint(given, drawn.codes) - log_q - drawn.log_density

    def draw_encoded(self, given: TemplateData, n: int, key: jax.Array, share: PriorShare | None = None) -> Draws:
        """Return codes of the latents that the encoder draws, a share of them from the prior."""
        codes = self._draw_blocks(given, n, key) if self.encoder.plans else {}
        if share is None:
            return codes
        own = share.draw(fold_key(key, -3 % 2**32), round(SHARE * n))
        return {name: np.concatenate([code[: n - len(own[name])], own[name]]) for name, code in codes.items()}

    def complete(self, given: TemplateData, codes: Draws, n: int, key: jax.Array) -> Completed:
        """Return codes of all latents, from those that the encoder draws: the rest exactly, barren ones anew."""
        columns, barren = self._columns(given), fold_key(key, -1 % 2**32)
        if not self.forms:
            codes = columns.draw_barren(codes, barren, self.drawn) if given.is_within else codes
            return Completed(codes, self._score_barren(given, codes))
        late = find_descendants(self.source.template, self.exact)
        if given.is_within:
            early = [name for name in self.encoder.plans if name not in late]
            codes = columns.draw_barren(codes | self._fill(given, n), barren, early)
            codes = {name: codes[name] for name in self.encoder.plans}
        drawn, density = self.find_factors(given).draw(fold_key(key, -2 % 2**32), codes, n)
        codes = codes | drawn
        codes = columns.draw_barren(codes, fold_key(barren, 1), late) if given.is_within else codes
        return Completed(codes, density + self._score_barren(given, codes))

    def _score_barren(self, given: TemplateData, codes: Draws) -> Any:
        return self._columns(given).score_barren(codes) if given.is_within else 0.0

    def _fill(self, given: TemplateData, n: int) -> Draws:
        """Return codes of exact latents that stand until they are drawn."""
        described = self.space.described
        return {name: np.zeros((n, *given.shape(name), described[name].columns), np.float32) for name in self.exact}

    def _pad_sizes(self, given: TemplateData) -> dict[str, int]:
        """Return buckets of sizes: no larger than the program where that has all of the observation."""
        most = self.source.sizes
        return {d: min(round_up(s), most[d]) if given.is_within else round_up(s) for d, s in given.sizes.items()}

    def _draw_blocks(self, given: TemplateData, n: int, key: jax.Array) -> Draws:
        padded = self._pad_sizes(given)
        cells = given.lay_out(padded)
        together = sum(int(np.prod(marks.shape)) for marks in cells.exists.values())
        rows = max(1, min(n, MOST_TOGETHER // together))
        parts = []
        for block in range(-(-n // rows)):
            parts.append(LIFTED.run(_draw_rows, self.encoder, fold_key(key, block), cells, rows, self.stages))
        codes = {name: np.concatenate([np.asarray(part[name]) for part in parts])[:n] for name in self.encoder.plans}
        return {name: code[(slice(None), *map(slice, given.shape(name)))] for name, code in codes.items()}

    def score_joint(self, given: TemplateData, codes: Draws) -> Any:
        """Return the log joint density of draws and data, in nats."""
        if self.has_densities(given):
            return self.find_factors(given).score_joint(codes)
        for name in set(given.values) & set(self.space.covariates):
            require_own(self.space, given, name)
        return self._columns(given).score_joint(codes)

    def score(self, given: TemplateData, codes: Draws) -> Any:
        """Return log q of codes, of values: those of the model where instances are barren."""
        total = self.score_encoded(given, codes) if self.encoder.plans else np.zeros(len(next(iter(codes.values()))))
        if self.forms:
            total = total + self.find_factors(given).score(codes)
        return total + self._score_barren(given, codes)

    def score_encoded(self, given: TemplateData, codes: Draws, share: PriorShare | None = None) -> Any:
        """Return log q of what the encoder draws, of values, barren instances aside; with its share of the prior."""
        own = self._score_blocks(given, codes)
        return own if share is None else mix(own, share.score(codes))

    def _score_blocks(self, given: TemplateData, codes: Draws) -> Any:
        padded = self._pad_sizes(given)
        n, cells = len(next(iter(codes.values()))), given.lay_out(padded)
        together = sum(int(np.prod(marks.shape)) for marks in cells.exists.values())
        rows = max(1, min(n, MOST_TOGETHER // together))
        drawn = {name: codes[name] for name in self.encoder.plans}
        wide = {name: _pad(code, [padded[d] for d in self.space.dims[name]]) for name, code in drawn.items()}
        parts: list[Draws] = []
        for start in range(0, n, rows):
            chosen = (start + np.arange(rows)) % n
            block = {name: jnp.asarray(code[chosen], jnp.float32) for name, code in wide.items()}
            parts.append(LIFTED.run(_score_rows, self.encoder, cells, block))
        scores = {name: np.concatenate([np.asarray(part[name]) for part in parts])[:n] for name in drawn}
        total = np.zeros(n)
        for name, own in scores.items():
            own = own[(slice(None), *map(slice, given.shape(name)))]
            kept = given.exists[name] & (given.informed[name] if given.is_within else True)
            total += np.where(kept, own, 0.0).reshape(n, -1).sum(axis=1)
        return total


def round_up(size: int) -> int:
    """Return the bucket of a size: a power of two, or one and a half times one.

    >>> [round_up(size) for size in (1, 5, 9, 13, 50)]
    [1, 6, 12, 16, 64]
    """
    power = 1 << (size - 1).bit_length()
    return power * 3 // 4 if power >= 4 and size <= power * 3 // 4 else power


def _pad(array: Any, sizes: list[int]) -> Any:
    return np.pad(array, [(0, 0), *((0, s - a) for s, a in zip(sizes, array.shape[1:-1], strict=True)), (0, 0)], "edge")


def _repeat(cells: Cells, rows: int) -> Cells:
    return jax.tree.map(lambda array: jnp.broadcast_to(array, (rows, *array.shape[1:])), cells)


def _draw_rows(
    encoder: LiftedEncoder, key: jax.Array, cells: Cells, rows: int, stages: tuple[Stage, ...]
) -> dict[str, jax.Array]:
    return draw_latents(encoder, key, _repeat(cells, rows), stages)


def _score_rows(encoder: LiftedEncoder, cells: Cells, codes: dict[str, jax.Array]) -> dict[str, jax.Array]:
    """Return log q of each instance, of its value: the code's less the volume that a unit of it becomes."""
    wide = _repeat(cells, len(next(iter(codes.values()))))
    for name in encoder.plans:
        wide = wide.knowing(name, codes[name])
    factors = encoder.log_factors(wide)
    return {name: score - encoder.described[name].coder.log_det(codes[name]) for name, score in factors.items()}
