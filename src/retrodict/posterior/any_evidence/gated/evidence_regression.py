r"""Where networks start: each slot at its regression on the parents that it has under some evidence.

Of one mean and one covariance of all inputs follow the regressions for every set of evidence, and they are zero off
its inverse. Of a linear-Gaussian network they are the exact conditionals.

Source: Koller & Friedman, theorem 7.4.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from retrodict.graph.frozen import Portable
from retrodict.graph.rows import Mask
from retrodict.posterior.any_evidence.gated.evidence_columns import EvidenceColumns

Doubles = NDArray[np.float64]
# Systems of equations that are solved together.
TOGETHER = 1 << 21
LEAST_VARIANCE = 1e-8
# Models with more inputs start at means.
MOST_INPUTS = 512


@dataclass(frozen=True, eq=False)
class InputMoments(Portable):
    """Mean and covariance of the inputs; ``ridge`` is added to variances, where simulations are finitely many."""

    mean: Doubles
    covariance: Doubles
    ridge: float

    @classmethod
    def of(cls, inputs: Any) -> InputMoments:
        """Return the moments of simulated inputs, rows that are not finite left out."""
        rows = np.asarray(inputs, np.float64)
        usable = rows[np.isfinite(rows).all(axis=1)]
        return cls(usable.mean(axis=0), np.cov(usable, rowvar=False).reshape(rows.shape[1], -1), 1.0 / len(usable))


@dataclass(frozen=True, eq=False)
class Regressions:
    """For some sets of evidence: ``slopes[s, t, u]`` of input t on input u, ``offset[s, t]``, ``spread[s, t]``.

    Without slopes every slot starts at its mean.
    """

    slopes: NDArray[np.float32] | None
    offset: NDArray[np.float32]
    spread: NDArray[np.float32]


def regress_slots(moments: InputMoments, columns: EvidenceColumns, parents: Mask, inferred: Mask) -> Regressions:
    """Return the regression of every slot that is inferred on its parents; zero slopes elsewhere.

    ``parents`` has shape ``(sets, slots, slots)``, ``inferred`` ``(sets, slots)``.
    """
    n_sets, n_inputs = len(parents), len(columns.owner)
    if n_inputs > MOST_INPUTS:
        return _stay(moments, n_sets)
    slopes = np.zeros((n_sets, n_inputs, n_inputs), np.float32)
    offset = np.broadcast_to(moments.mean, (n_sets, n_inputs)).astype(np.float32)
    spread = np.broadcast_to(np.sqrt(np.diag(moments.covariance)), (n_sets, n_inputs)).astype(np.float32)
    for slot in range(len(columns.cards)):
        chosen = np.flatnonzero(inferred[:, slot])
        targets = np.flatnonzero(columns.owner == slot)
        if len(chosen):
            seen = parents[chosen, slot][:, columns.owner]
            found, left = _solve(moments, seen, targets)
            slopes[chosen[:, None], targets] = found
            offset[chosen[:, None], targets] = moments.mean[targets] - found @ moments.mean
            spread[chosen[:, None], targets] = np.sqrt(np.maximum(left, LEAST_VARIANCE))
    return Regressions(slopes, offset, spread)


def _stay(moments: InputMoments, n_sets: int) -> Regressions:
    """Return means without slopes, of models whose regressions would not fit into memory."""
    rows = np.stack([moments.mean, np.sqrt(np.diag(moments.covariance))]).astype(np.float32)
    offset, spread = (np.broadcast_to(row, (n_sets, len(row))) for row in rows)
    return Regressions(None, offset, spread)


def _solve(moments: InputMoments, seen: Mask, targets: NDArray[np.int64]) -> tuple[Doubles, Doubles]:
    """Return slopes ``(sets, targets, inputs)`` and variances left, each different set of parents once."""
    rows, places = np.unique(seen, axis=0, return_inverse=True)
    covariance, n = moments.covariance, len(moments.mean)
    found = np.zeros((len(rows), len(targets), n))
    for size in np.unique(rows.sum(axis=1)).tolist():
        alike = np.flatnonzero(rows.sum(axis=1) == size)
        for part in np.array_split(alike, -(-len(alike) * size**2 // TOGETHER) or 1):
            inputs = np.nonzero(rows[part])[1].reshape(len(part), size)
            within = covariance[inputs[:, :, None], inputs[:, None, :]] + moments.ridge * np.eye(size)
            solved = np.linalg.solve(within, covariance[inputs[:, :, None], targets])
            block = np.zeros((len(part), len(targets), n))
            np.put_along_axis(
                block, np.repeat(inputs[:, None], len(targets), axis=1), solved.transpose(0, 2, 1), axis=2
            )
            found[part] = block
    left = covariance[targets, targets] - np.einsum("stu,ut->st", found, covariance[:, targets])
    return found[places.ravel()], left[places.ravel()]
