"""The outcome of simulation-based calibration: tests, coverage and a verdict for each quantity."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from functools import cached_property
from typing import TYPE_CHECKING, Any, NamedTuple, Protocol

import jax
import numpy as np
from numpy.typing import NDArray

from retrodict.errors import OptionError, quote
from retrodict.pictures.table import Table, Tabular
from retrodict.plan.counts import read_count, read_seed
from retrodict.posterior.calibration.figures import MOST_PANELS, TARP, draw_figure
from retrodict.posterior.calibration.ranks import Simulations, rank, to_uniform
from retrodict.posterior.calibration.uniformity import (
    BINS,
    chi_square,
    gap_bound,
    holm,
    kolmogorov_smirnov,
    largest_gap,
)
from retrodict.posterior.programs import Compiled, Factors

if TYPE_CHECKING:
    from matplotlib.figure import Figure

LEVELS = (0.5, 0.8, 0.9, 0.95)
LOG_JOINT = "log p(z, x)"
JOINT = ("log q(z | x)", LOG_JOINT, TARP)
# Chi-square needs five expected numbers in a bin; each draw takes a row of memory in each simulation.
LEAST_SIMULATIONS, LEAST_DRAWS, MOST_DRAWS = 5 * BINS, BINS - 1, 60_000
# With fewer simulations, a standard deviation 10 % too small is found in less than four of five cases.
ENOUGH_SIMULATIONS = 2000

Doubles = NDArray[np.float64]


class Check(NamedTuple):
    """What was found for one quantity; p-values are adjusted for the number of all tests (Holm)."""

    name: str
    chi_square: float
    kolmogorov_smirnov: float
    coverage: Mapping[float, float]
    passed: bool
    verdict: str


@dataclass(frozen=True, eq=False, repr=False)
class Calibration(Tabular):
    """The outcome of simulation-based calibration; it is true when nothing was rejected, and printed as a table.

    Quantities are the latents, column by column, the two log densities, and the distance from a reference point (TARP).
    Passing means that nothing was found with this number of simulations, and no more.

    Arguments:
        names: the names of the quantities.
        uniforms: the rank of the truth among the draws as a number between 0 and 1, an array
            ``(simulations, quantities)``: uniform, if the draws are from the posterior.
        draws: the number of draws for each simulation.
        alpha: the probability that an exact posterior is rejected for any quantity.

    Source: Talts et al. 2018; Modrak et al. 2023; Lemos et al. 2023; Holm 1979.

    >>> ranks = np.random.default_rng(0).random((1000, 2))
    >>> outcome = Calibration(("z", "TARP distance"), ranks, draws=99, alpha=0.001)
    >>> bool(outcome), len(outcome), outcome.rejected
    (True, 1000, ())
    """

    names: tuple[str, ...]
    uniforms: Doubles
    draws: int
    alpha: float

    def __bool__(self) -> bool:
        return all(check.passed for check in self.checks)

    def __len__(self) -> int:
        """Return the number of simulations."""
        return len(self.uniforms)

    def __repr__(self) -> str:
        return f"Calibration({self.summary})"

    @property
    def table(self) -> Table:
        """What was found for each quantity, those rejected marked."""
        rows = [_write_row(check) for check in self.checks]
        head = ("quantity", "chi-square", "KS", *(f"{level:.0%}" for level in LEVELS), "verdict")
        marked = [number for number, check in enumerate(self.checks) if not check.passed]
        return Table(head, rows, self.summary, marked, remarks=True)

    @cached_property
    def p_values(self) -> Doubles:
        """Chi-square and Kolmogorov-Smirnov p-values of each quantity, adjusted (Holm), shape ``(quantities, 2)``."""
        return holm(np.stack([chi_square(self.uniforms), kolmogorov_smirnov(self.uniforms)], axis=-1))

    @cached_property
    def checks(self) -> tuple[Check, ...]:
        """The outcome for each quantity: the latents, then the joint ones."""
        covered = {level: self._cover(level) for level in LEVELS}
        return tuple(
            _judge(name, self.p_values[i], {level: float(c[i]) for level, c in covered.items()}, self, i)
            for i, name in enumerate(self.names)
        )

    @property
    def rejected(self) -> tuple[str, ...]:
        """Names of the quantities that were rejected."""
        return tuple(check.name for check in self.checks if not check.passed)

    @property
    def summary(self) -> str:
        """The verdict in one line."""
        found = f"{len(self.rejected)} of {len(self.names)} quantities rejected" if self.rejected else "nothing found"
        few = "" if len(self) >= ENOUGH_SIMULATIONS else f"; below {ENOUGH_SIMULATIONS:,} much goes unseen"
        return f"{found} at family level {self.alpha:g}, {len(self):,} simulations of {self.draws:,} draws{few}"

    @property
    def gap(self) -> float:
        """Largest distance of the expected coverage (TARP) from the stated one."""
        return float(largest_gap(self.uniforms[:, -1:])[0])

    @property
    def gap_bound(self) -> float:
        """What ``gap`` exceeds with probability ``alpha`` if the posterior is exact."""
        return gap_bound(len(self), self.alpha)

    def expected_coverage(self, levels: Sequence[float]) -> Doubles:
        """Return the share of truths that lie in the region of each credibility around the reference point (TARP).

        Arguments:
            levels: credibilities between 0 and 1.

        Returns: an array ``(levels,)``; an exact posterior has the levels themselves.

        Source: Lemos et al. 2023.
        """
        return np.asarray((self.uniforms[:, -1] < np.asarray(levels)[:, None]).mean(axis=1))

    def to_dict(self) -> dict[str, Any]:
        """Return the outcome as plain values that JSON can hold."""
        return {
            "passed": bool(self),
            "simulations": len(self),
            "draws": self.draws,
            "alpha": self.alpha,
            "gap": self.gap,
            "gap_bound": self.gap_bound,
            "checks": [
                {**check._asdict(), "coverage": {f"{level:g}": c for level, c in check.coverage.items()}}
                for check in self.checks
            ],
        }

    def plot(self, kind: str = "ecdf", names: Sequence[str] | None = None) -> Figure:
        """Return a figure of the ranks, with bands that hold an exact posterior's whole curve with probability 99 %.

        Arguments:
            kind: ``"ecdf"`` (cumulative shares minus the diagonal), ``"ranks"`` (histograms) or ``"coverage"`` (TARP).
            names: the quantities to be shown. Default: all, the first 24 of many.

        Returns: a figure of matplotlib.

        Raises: `OptionError` for another kind or name, `MissingPackageError` without matplotlib.
        """
        unknown = [name for name in names or () if name not in self.names]
        if unknown:
            raise OptionError(
                "{names} {are} not among the quantities of this calibration",
                unknown,
                remedy=f"Choose from {quote(self.names)}.",
            )
        shown = self.names[-1:] if kind == "coverage" else (names or self.names)[:MOST_PANELS]
        uniforms = self.uniforms[:, [self.names.index(name) for name in shown]]
        return draw_figure(kind, shown, uniforms, [name in self.rejected for name in shown], self.summary)

    def _cover(self, level: float) -> Doubles:
        """Return the share of truths in the central interval of each quantity."""
        tail = (1 - level) / 2
        return np.asarray(((self.uniforms >= tail) & (self.uniforms < 1 - tail)).mean(axis=0))


class Truths(Protocol):
    """Simulated truths that are at hand."""

    def give(self, compiled: Compiled) -> Simulations:
        """Return them."""


def calibrate(
    factors: Factors, compiled: Compiled, simulations: int | Truths, draws: int, seed: int, alpha: float
) -> Calibration:
    """Rank truths, fresh ones where a number is given, among draws of the factors.

    See `AmortizedPosterior.calibration`.
    """
    draws, seed = read_count("draws", draws, LEAST_DRAWS, MOST_DRAWS), read_seed(seed)
    if not 0 < alpha < 1:
        raise OptionError(f"alpha={alpha} is not the probability of an error", remedy="Give one between 0 and 1.")
    if isinstance(simulations, int):
        truths = Simulations.of(compiled, simulations, jax.random.fold_in(jax.random.key(seed), 1))
    else:
        truths = simulations.give(compiled)
    position = rank(factors, compiled, truths, draws, seed)
    scored = position.below.shape[1] == len(compiled.space.labels) + len(JOINT)
    names = (*compiled.space.labels, *(JOINT if scored else (name for name in JOINT if name != LOG_JOINT)))
    return Calibration(names, to_uniform(position, draws, seed), draws, alpha)


def _judge(name: str, p_values: Doubles, coverage: Mapping[float, float], outcome: Calibration, column: int) -> Check:
    passed = bool(p_values.min() > outcome.alpha)
    verdict = _say(name, passed, coverage, outcome.uniforms[:, column])
    return Check(name, float(p_values[0]), float(p_values[1]), coverage, passed, verdict)


def _say(name: str, passed: bool, coverage: Mapping[float, float], uniforms: Doubles) -> str:
    """Say in a few words what is wrong, by what stands out most in standard errors."""
    if passed:
        return "nothing found"
    if name in JOINT:
        return "rejected: dependences between latents are not those of the posterior"
    root = np.sqrt(len(uniforms))
    shift = (uniforms.mean() - 0.5) * root * np.sqrt(12)
    width = (((uniforms - 0.5) ** 2).mean() - 1 / 12) * root * np.sqrt(180)
    if max(abs(shift), abs(width)) < 3:
        return "rejected: another shape than the posterior"
    if abs(width) > abs(shift):
        return f"rejected: too {'narrow' if width > 0 else 'wide'}, 90 % intervals hold {coverage[0.9]:.1%}"
    return f"rejected: draws too {'low' if shift > 0 else 'high'}, {uniforms.mean():.1%} of them below the truth"


def _write_row(check: Check) -> tuple[str, ...]:
    p_values = (f"{check.chi_square:.2g}", f"{check.kolmogorov_smirnov:.2g}")
    return check.name, *p_values, *(f"{check.coverage[level]:.1%}" for level in LEVELS), check.verdict
