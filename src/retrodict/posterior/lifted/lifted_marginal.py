"""The density of what an encoder of a template draws, for one observation, with all else integrated out."""

from __future__ import annotations

from dataclasses import dataclass
from functools import cached_property
from typing import Any

import jax.numpy as jnp
import numpy as np

from retrodict.encode.keys import make_key
from retrodict.graph.rows import Integers, Mask
from retrodict.posterior.lifted.exact_factors import Draws
from retrodict.posterior.lifted.lifted_proposal import Completed, LiftedProposal
from retrodict.posterior.lifted.template_data import TemplateData
from retrodict.posterior.weights.pareto import Doubles


@dataclass(frozen=True, eq=False)
class LiftedMarginal:
    r"""The density of codes c of what an encoder draws, rows of them: :math:`p(r(c), x)\, |\partial r / \partial c|`.

    With b drawn exactly given r and x, :math:`\log p(r, x) = \log p(r, b, x) - \log p(b \mid r, x)` for any b.
    Barren instances are no part of rows: they are drawn from the model.

    Arguments:
        proposal: what draws and scores all latents.
        given: the observation.
    """

    proposal: LiftedProposal
    given: TemplateData

    @cached_property
    def marks(self) -> dict[str, Mask]:
        """Which instances of each latent of the encoder stand in a row."""
        given, names = self.given, self.proposal.encoder.plans
        return {n: given.exists[n] & (given.informed[n] if given.is_within else True) for n in names}

    @cached_property
    def widths(self) -> dict[str, int]:
        """How many codes of a row each latent has."""
        described = self.proposal.space.described
        return {name: int(marks.sum()) * described[name].columns for name, marks in self.marks.items()}

    @property
    def size(self) -> int:
        """The number of codes of a row."""
        return sum(self.widths.values())

    @property
    def is_discrete(self) -> bool:
        """Whether a latent of the codes is a whole number."""
        return any(self.proposal.space.described[name].is_whole for name in self.marks)

    @property
    def parents(self) -> Mask:
        """Which codes a linear proposal gives each code as parents: all those before it."""
        return np.tri(self.size, k=-1, dtype=bool)

    @property
    def order(self) -> Integers:
        """The codes in an order in which they can be drawn."""
        return np.arange(self.size)

    def flatten(self, codes: Draws) -> Doubles:
        """Return rows of codes, of those that the encoder draws."""
        rows = [np.asarray(codes[n], np.float64)[:, m].reshape(len(codes[n]), -1) for n, m in self.marks.items()]
        return np.concatenate(rows, axis=1)

    def unflatten(self, rows: Doubles) -> Draws:
        """Return codes of the latents that the encoder draws; those of other instances are zero."""
        found, start = {}, 0
        for name, marks in self.marks.items():
            columns = self.proposal.space.described[name].columns
            codes = np.zeros((len(rows), *marks.shape, columns), np.float32)
            own = rows[:, start : start + self.widths[name]]
            codes[:, marks] = own.reshape(len(rows), -1, columns)
            found[name] = codes
            start += self.widths[name]
        return found

    def score(self, rows: Doubles) -> Doubles:
        """Return the log density of rows of codes, in nats; minus infinity where it is no number."""
        return self.complete(rows, 0)[1]

    def complete(self, rows: Doubles, seed: int) -> tuple[Draws, Doubles]:
        """Return codes of all latents, the rest drawn given rows, and the log density of the rows, in nats."""
        codes = self.unflatten(rows)
        drawn = self.proposal.complete(self.given, codes, len(rows), make_key(seed))
        found = self._score(drawn) + self.measure_volume(codes)
        return drawn.codes, np.where(np.isfinite(found), found, -np.inf)

    def _score(self, drawn: Completed) -> Doubles:
        return np.asarray(self.proposal.score_joint(self.given, drawn.codes) - drawn.log_density, np.float64)

    def measure_volume(self, codes: Draws) -> Any:
        """Return the log of how much of values a unit of codes is."""
        total: Any = 0.0
        for name, marks in self.marks.items():
            coder = self.proposal.space.described[name].coder
            own = np.asarray(coder.log_det(jnp.asarray(codes[name][:, marks], jnp.float32)), np.float64)
            total = total + own.sum(axis=1)
        return total
