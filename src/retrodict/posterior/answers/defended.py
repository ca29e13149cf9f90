"""A linear proposal with a wide one mixed in, so that no weight far out is large."""

from __future__ import annotations

from dataclasses import dataclass, replace
from functools import cached_property

import numpy as np

from retrodict.posterior.answers.linear_factor import LinearProposal
from retrodict.posterior.weights.pareto import Doubles

# The share of the draws that are from the wide proposal, and its tails.
SHARE, FREEDOM = 0.2, 3.0


@dataclass(frozen=True, eq=False)
class DefendedProposal:
    r"""The mixture :math:`0.8\, q(c) + 0.2\, q'(c)`, where q' is q with wider noise and heavier tails.

    Weights are at most five times those of q' alone. The noise of q' is :math:`1 + 2 / \sqrt{d}` times as wide with d
    codes: in many dimensions hardly a draw of a wider one lies where the posterior is.

    Source: Hesterberg 1995 (defensive mixtures); Owen & Zhou 2000.

    >>> plain = LinearProposal.fit(np.zeros(1), np.eye(1), 100.0, np.zeros((1, 1), bool), np.arange(1))
    >>> codes, log_density = DefendedProposal(plain).draw(np.random.default_rng(0), 10)
    >>> bool((log_density >= np.log(0.8) + plain.score(codes)).all())
    True
    """

    narrow: LinearProposal

    @cached_property
    def wide(self) -> LinearProposal:
        """The wide proposal."""
        narrow = self.narrow
        factor = 1 + 2 / np.sqrt(len(narrow.center))
        return replace(
            narrow,
            mixing=narrow.mixing * factor,
            whitening=narrow.whitening / factor,
            log_scale=narrow.log_scale + np.log(factor),
            freedom=FREEDOM,
        )

    def draw(self, rng: np.random.Generator, n: int) -> tuple[Doubles, Doubles]:
        """Return rows of codes, the wide ones last, and their log density, in nats."""
        few = round(SHARE * n)
        codes = np.concatenate([self.narrow.draw(rng, n - few)[0], self.wide.draw(rng, few)[0]])
        return codes, self.score(codes)

    def score(self, codes: Doubles) -> Doubles:
        """Return the log density of rows of codes, in nats."""
        parts = np.log1p(-SHARE) + self.narrow.score(codes), np.log(SHARE) + self.wide.score(codes)
        return np.asarray(np.logaddexp(*parts))
