r"""Scores of how unlike the training simulations an observation is, and the thresholds of a warning.

Two scores: how far a value lies outside the range of the training simulations, in halves of that range, and the
distance of the whole observation from their mean in the metric of their covariance (Mahalanobis). The covariance is
kept in a low-rank form, its 64 leading directions and one variance for the rest, which is exact up to 64 columns.

The thresholds do not assume normality: they are scores of further simulations, which an observation of the model
exceeds with probability at most ``FALSE_ALARM`` (conformal prediction: exchangeability is all that is needed).

Sources: Mahalanobis 1936; Tipping & Bishop 1999 (low rank and a rest); Vovk, Gammerman & Shafer 2005.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import NamedTuple

import jax
import numpy as np
from numpy.typing import NDArray
from scipy import special

from retrodict.encode.keys import split_key
from retrodict.errors import NoveltyWarning, warn_user
from retrodict.graph.names import Name
from retrodict.graph.rows import Mask
from retrodict.plan.layout import Floats
from retrodict.posterior.programs import Compiled
from retrodict.train.failed_simulations import LARGEST

Doubles = NDArray[np.float64]

# The probability that an observation drawn from the model itself is called novel.
FALSE_ALARM = 1e-3
# Simulations to learn from, and as many again to set thresholds by; fewer where they would fill much memory.
SIMULATIONS = 8192
MOST_NUMBERS = 1 << 26
# The number of directions of the covariance that are kept, and of the simulations that they are found from where there
# are more columns.
RANK, SKETCH = 64, 512
# An observation this many times as far as any simulation is alarming by itself, however large the batch is.
FAR = 1.5
# The least variance of a direction: simulations that hardly vary count as varying by this share.
FLAT = 1e-6


class Scores(NamedTuple):
    """How unusual each observation is: beyond the range of its worst column (in halves of it), and as a whole."""

    excess: Doubles
    distance: Doubles
    column: NDArray[np.int64]


@dataclass(frozen=True, eq=False)
class Familiar:
    """A summary of the observed variables in training, column by column and together, and the limits of the familiar.

    ``directions`` are orthonormal rows in standardized columns, ``variances`` those along them, ``rest`` that in any
    other direction. ``limits`` are the largest scores (excess, distance) of what is familiar, ``farthest`` is the
    largest distance of all simulations.
    """

    mean: Doubles
    spread: Doubles
    lowest: Doubles
    highest: Doubles
    directions: Doubles
    variances: Doubles
    rest: float
    limits: tuple[float, float]
    farthest: float

    @classmethod
    def of(cls, compiled: Compiled, key: jax.Array) -> Familiar:
        """Learn from fresh simulations of a model, which is what training sees."""
        n = max(64, min(SIMULATIONS, MOST_NUMBERS // compiled.space.width))
        drawn = (compiled.space.split(np.asarray(compiled.simulate(k, n)))[1] for k in split_key(key))
        return cls.learn(*(_keep_usable(np.asarray(observed, np.float64)) for observed in drawn))

    @classmethod
    def learn(cls, seen: Floats, further: Floats) -> Familiar:
        """Learn from observations, one a row, and set the limits by further ones.

        Of fewer than 1,999 the limit is what would be alarming by itself: half as far again as the farthest of them.

        >>> rng = np.random.default_rng(0)
        >>> familiar = Familiar.learn(*rng.normal(size=(2, 4000, 3)))
        >>> familiar.mark(np.array([[0.0, 0.0, 0.0], [0.0, 9.0, 0.0]])).tolist()
        [False, True]
        """
        # The mean of equal numbers is rounded, and they would seem to vary.
        mean, spread = seen.mean(axis=0), np.where(np.ptp(seen, axis=0) > 0, seen.std(axis=0), 0.0)
        standard = (seen - mean) / np.where(spread > 0, spread, 1.0)
        directions, variances, rest = _decompose(standard)
        none = (np.inf, np.inf)
        learned = cls(mean, spread, seen.min(axis=0), seen.max(axis=0), directions, variances, rest, none, np.inf)
        scores = learned.score(further)
        ordered = [np.sort(values) for values in (scores.excess, scores.distance)]
        farthest = float(ordered[1][-1])
        # Half of the probability of a false alarm for each of two scores.
        place = int(np.ceil((len(further) + 1) * (1 - FALSE_ALARM / 2))) - 1
        if place < len(further):
            limits = float(ordered[0][place]), float(ordered[1][place])
        else:  # too few to know what so small a share of them exceeds
            limits = max(float(ordered[0][-1]), FAR - 1), FAR * farthest
        return replace(learned, limits=limits, farthest=farthest)

    def score(self, observed: Floats) -> Scores:
        """Return the scores of observations, one a row."""
        values = np.asarray(observed, np.float64)
        outside = np.maximum(np.maximum(self.lowest - values, values - self.highest), 0.0)
        with np.errstate(divide="ignore", invalid="ignore"):
            excess = np.where(outside > 0, 2 * outside / (self.highest - self.lowest), 0.0)
        standard = (values - self.mean) / np.where(self.spread > 0, self.spread, 1.0)
        along = standard @ self.directions.T
        remaining = np.maximum((standard**2).sum(axis=1) - (along**2).sum(axis=1), 0.0)
        distance = np.sqrt((along**2 / self.variances).sum(axis=1) + remaining / self.rest)
        worst = excess.argmax(axis=1)
        return Scores(excess[np.arange(len(values)), worst], distance, worst)

    def mark(self, observed: Floats) -> Mask:
        """Mark the observations, one a row, that are novel: one of the model's own is with probability 0.001."""
        scores = self.score(observed)
        return np.asarray((scores.excess > self.limits[0]) | (scores.distance > self.limits[1]))

    def find_alarming(self, observed: Floats) -> Mask:
        """Mark what a warning is due for: novel observations, unless a batch has no more of them than chance gives.

        A batch of the model's own observations has some; it is alarming when the number of novel ones has
        probability 0.001 or less, or when one of them is far beyond any simulation.
        """
        scores, novel = self.score(observed), self.mark(observed)
        far = (scores.excess > FAR - 1) | (scores.distance > FAR * self.farthest)
        n, count = len(novel), int(novel.sum())
        by_chance = special.bdtrc(count - 1, n, FALSE_ALARM) if count else 1.0
        return novel if by_chance <= FALSE_ALARM else np.asarray(novel & far)

    def warn(self, observed: Floats, owners: Sequence[Name]) -> None:
        """Warn where observations, one a row, are alarming; ``owners`` are the variables of their columns."""
        alarming = np.flatnonzero(self.find_alarming(observed))
        if not len(alarming):
            return
        scores = self.score(observed)
        worst = int(alarming[scores.distance[alarming].argmax()])
        column = int(scores.column[worst])
        seen = f"{self.lowest[column]:.4g} to {self.highest[column]:.4g}"
        value = f"; {owners[column]!r} is {observed[worst, column]:.4g}, training saw {seen}"
        warn_user(
            f"{len(alarming)} of {len(observed)} observations lie outside what training saw: observation {worst} "
            f"is at distance {scores.distance[worst]:.1f}, what is familiar within {self.limits[1]:.1f}"
            f"{value if scores.excess[worst] else ''}. The encoder guesses there; look at importance(...).khat, or at "
            "the model.",
            NoveltyWarning,
        )


def _decompose(standard: Doubles) -> tuple[Doubles, Doubles, float]:
    """Return the leading directions of standardized columns, the variances along them, and that of the rest."""
    n, width = standard.shape
    if width <= RANK:
        variances, vectors = np.linalg.eigh(standard.T @ standard / n)
        return vectors.T, np.maximum(variances, FLAT), 1.0
    some = standard[:SKETCH]
    squares, vectors = np.linalg.eigh(some @ some.T)
    leading = np.argsort(squares)[::-1][: min(RANK, len(some))]
    directions = np.linalg.qr((vectors[:, leading].T @ some).T)[0].T
    along = standard @ directions.T
    variances = (along**2).mean(axis=0)
    rest = ((standard**2).sum() - (along**2).sum()) / n / (width - len(directions))
    return directions, np.maximum(variances, FLAT), max(float(rest), FLAT)


def _keep_usable(observed: Doubles) -> Doubles:
    """Return the simulations that did not fail."""
    with np.errstate(invalid="ignore"):
        return observed[(np.abs(observed) < LARGEST).all(axis=1)]
