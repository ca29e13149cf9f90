"""The section on guides of docs/benchmarks-posteriors.md, from the results alone."""

from __future__ import annotations

import math
import statistics
from collections.abc import Iterable
from dataclasses import dataclass
from typing import Any

from benchmarks.stamp import ROOT

RESULTS = ROOT / "benchmarks" / "results" / "posterior_guides.jsonl"
OWN, PLAIN = "AutoFaithful", "AutoNormal"
ABOVE_ALL = 8
HEAD = """## Guides

`rd.AutoFaithful` beside NumPyro's guides: {steps:,} steps of {optimizer} at 0.01 from each guide's own start, {seeds}
seeds. Figures are lower bounds of the log evidence in nats, estimated anew from 10,000 draws after training, the mean
of the seeds; *NaN* counts seeds that end without a finite bound. A bound is below another one if it is so by more than
two standard errors of the difference.

"""
Rows = list[dict[str, Any]]


@dataclass(frozen=True)
class Bound:
    """The mean bound of the seeds that ended well, its standard error, and how many did not end well."""

    mean: float
    error: float
    bad: int
    seeds: int

    @classmethod
    def of(cls, rows: Rows) -> Bound:
        """Gather the seeds of one guide on one program."""
        good = [row for row in rows if row["elbo"] is not None]
        if not good:
            return cls(-math.inf, 0.0, len(rows), len(rows))
        values = [row["elbo"] for row in good]
        spread = statistics.pvariance(values) / max(len(values) - 1, 1)
        error = math.sqrt(spread + sum(row["error"] ** 2 for row in good) / len(good) ** 2)
        return cls(statistics.fmean(values), error, len(rows) - len(good), len(rows))

    def __str__(self) -> str:
        lost = f" (NaN {self.bad} of {self.seeds})" if self.bad else ""
        return f"{self.mean:,.1f}{lost}" if math.isfinite(self.mean) else f"NaN {self.bad} of {self.seeds}"

    def find_noise(self, other: Bound) -> float:
        """Return two standard errors of the difference."""
        return 2 * math.hypot(self.error, other.error)

    def reaches(self, other: Bound) -> bool:
        """Return whether this bound is not below the other one beyond noise; without a seed left it is."""
        return math.isfinite(self.mean) and self.mean >= other.mean - self.find_noise(other)


def write(rows: Rows) -> str:
    """Return the section, a table for each optimizer and number of steps."""
    last = {tuple(row[key] for key in ("optimizer", "steps", "program", "guide", "seed")): row for row in rows}
    held: dict[tuple[str, int], dict[str, dict[str, Rows]]] = {}
    for (optimizer, steps, program, guide, seed), row in last.items():
        if seed != "end":
            held.setdefault((optimizer, steps), {}).setdefault(program, {}).setdefault(guide, []).append(row)
    return "\n".join(_write_table(*setting, held[setting]) for setting in sorted(held))


def _write_table(optimizer: str, steps: int, programs: dict[str, dict[str, Rows]]) -> str:
    guides = list(dict.fromkeys(guide for of in programs.values() for guide in of))
    bounds = {name: {guide: Bound.of(rows) for guide, rows in of.items()} for name, of in programs.items()}
    seeds = max(bound.seeds for of in bounds.values() for bound in of.values())
    head = ["program", *guides, f"not below {PLAIN}", "above all"]
    body = [_write_row(name, of, guides) for name, of in sorted(bounds.items())]
    table = "\n".join([f"| {' | '.join(head)} |", "|---" * len(head) + "|", *body])
    return HEAD.format(steps=steps, optimizer=optimizer, seeds=seeds) + table + "\n\n" + _write_counts(bounds.values())


def _write_row(name: str, of: dict[str, Bound], guides: list[str]) -> str:
    cells = [str(of[guide]) if guide in of else "" for guide in guides]
    return f"| {' | '.join([name, *cells, _say(is_not_below(of)), _say(is_above_all(of))])} |"


def is_not_below(of: dict[str, Bound]) -> bool | None:
    """Return whether ours reaches the guide without structure; None where one of them was not run."""
    return of[OWN].reaches(of[PLAIN]) if OWN in of and PLAIN in of else None


def is_above_all(of: dict[str, Bound]) -> bool | None:
    """Return whether ours has the largest bound; None where no other was run."""
    others = [bound for guide, bound in of.items() if guide != OWN]
    return all(of[OWN].mean > bound.mean for bound in others) if OWN in of and others else None


def _say(verdict: bool | None) -> str:
    return "" if verdict is None else ("yes" if verdict else "**no**")


def _write_counts(bounds: Iterable[dict[str, Bound]]) -> str:
    run = [of for of in bounds if is_not_below(of) is not None]
    below, above = sum(bool(is_not_below(of)) for of in run), sum(bool(is_above_all(of)) for of in run)
    lost = sum(of[OWN].bad for of in run)
    return (
        f"Not below {PLAIN}: {below} of {len(run)} programs, asked on all. Above all others: {above}, asked on "
        f"{ABOVE_ALL} of 12.\nSeeds of {OWN} without a finite bound: {lost}, asked: none.\n"
    )
