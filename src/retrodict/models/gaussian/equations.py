"""The structural equations of a linear-Gaussian network, and the joint distribution they imply."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np

from retrodict.errors import GraphError
from retrodict.graph.bayesnet import BayesNet
from retrodict.plan.layout import Floats


@dataclass(frozen=True, eq=False, repr=False)
class Equations:
    r"""Equations :math:`X_i = b_i + \sum_j w_{ij} X_j + \sqrt{s_i} \varepsilon_i`, all variables scalars.

    ``weights`` stand beside ``net.parent_rows.index``, one for each edge; ``bias`` :math:`b` and ``variance``
    :math:`s` have one entry a variable.

    Raises `GraphError` for numbers that are not finite or variances that are not positive.
    Source: Koller & Friedman, definition 7.3.
    """

    net: BayesNet
    weights: Floats
    bias: Floats
    variance: Floats

    def __post_init__(self) -> None:
        every = np.arange(len(self.net))
        stated = {
            "weights": (self.weights, self.net.parent_rows.sources),
            "bias": (self.bias, every),
            "variance": (self.variance, every),
        }
        for what, (numbers, owners) in stated.items():
            wrong = self.net.to_names(np.unique(owners[~np.isfinite(numbers)]))
            if wrong:
                raise GraphError(f"the {what} of {{names}} must be finite", wrong, remedy="Give finite numbers.")
        if (self.variance <= 0).any():
            wrong = self.net.to_names(np.flatnonzero(self.variance <= 0))
            raise GraphError("the variance of {names} is not positive", wrong, remedy="Give a positive variance.")

    @property
    def mean(self) -> Floats:
        """Mean of the joint distribution, in topological order."""
        return self._spread(self.bias)

    @property
    def covariance(self) -> Floats:
        r"""Covariance of the joint, :math:`(I - W)^{-1} S (I - W)^{-T}`; dense, quadratic in memory.

        Source: Koller & Friedman, theorem 7.3.
        """
        root = self._spread(np.diag(np.sqrt(self.variance)))
        return root @ root.T

    def _spread(self, source: Floats) -> Floats:
        """Return :math:`(I - W)^{-1}` times ``source``, variable by variable: parents come first."""
        result: Any = np.array(source, dtype=np.float64)
        for i in range(len(self.net)):
            parents = self.net.parent_rows[i]
            if len(parents):
                result[i] += self.edge_weights(i) @ result[parents]
        return np.asarray(result)

    def edge_weights(self, variable: int) -> Floats:
        """Return the weights on the parents of a variable."""
        rows = self.net.parent_rows
        return self.weights[rows.pointer[variable] : rows.pointer[variable + 1]]
