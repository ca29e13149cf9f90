"""What was asked for, what was measured, and whether it was reached: each figure from the results alone."""

from __future__ import annotations

import math
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from typing import Any

from benchmarks.speed.cases import HYBRID, TARGET
from benchmarks.speed.growth import FAMILIES, LARGE, fit_both, list_family

Results = Mapping[str, Any]
EXPONENT = 1.1
# Units a parent set whose share of the limit is measured; the paper has 200 in each layer of a factor.
LIMITS = (8, 32, 200)
LEARNED = ("mean-field", "faithful")
EPOCH = 2.0  # seconds that one over digits may take


@dataclass(frozen=True)
class Figure:
    """One asked figure; ``reached`` is None when it was not measured."""

    what: str
    asked: str
    measured: str
    reached: bool | None

    @property
    def verdict(self) -> str:
        """Return the last cell of its row."""
        return "not measured" if self.reached is None else "reached" if self.reached else "not reached"


def list_figures(results: Results) -> list[Figure]:
    """Return every figure of the benchmark."""
    return [
        *_training(results),
        *_sampling(results),
        *_limit(results),
        *_growth(results),
        _compiling(results),
        *_reaching(results),
        *_learning(results),
    ]


def seconds_of(row: Mapping[str, Any], title: str) -> float:
    """Return the seconds of a contestant; infinite if it failed, NaN if it did not take part."""
    answer = row["seconds"].get(title)
    if answer is None:
        return math.nan
    return float(answer.get("seconds", math.inf))


def _ratio(what: str, least: float, row: Mapping[str, Any] | None, peers: Callable[[str], bool]) -> Figure:
    """Hold the fastest of some contestants against ours."""
    asked = f">= {least:g} times faster"
    titles = [title for title in row["seconds"] if peers(title)] if row else []
    if row is None or not titles:
        return Figure(what, asked, "", None)
    ours = seconds_of(row, "ours")
    best = min(titles, key=lambda title: seconds_of(row, title))
    ratio = seconds_of(row, best) / ours
    return Figure(what, asked, f"{ratio:.1f} times ({best})", ratio >= least)


def _training(results: Results) -> Iterator[Figure]:
    for units in (8, 32):
        row, where = results.get(f"train-{units}"), f"Training step, depth 8, {units} units a parent set"
        yield _ratio(f"{where}: against Zuko `MaskedMLP`, eager", 10, row, lambda t: t == "zuko, eager")
        yield _ratio(f"{where}: against Zuko `MaskedMLP`, compiled", 10, row, lambda t: t == "zuko, torch.compile")
        yield _ratio(f"{where}: against our dense layer", 5, row, lambda t: t == "ours, dense")


def _sampling(results: Results) -> Iterator[Figure]:
    for units in (8, 32):
        row = results.get(f"sample-{units}")
        what = f"10,000 draws, depth 8, {units} units a parent set: against Zuko `MAF`"
        yield _ratio(what, 20, row, lambda title: title == "zuko MAF")


def _limit(results: Results) -> Iterator[Figure]:
    for units in LIMITS:
        row = results.get(f"limit-{units}")
        what = f"Share of the matrix-product rate, depth 8, batch 1024, {units} units a parent set"
        share = row["achieved"].get("1024") if row else None
        measured = "" if share is None else f"{100 * share:.1f} %"
        yield Figure(what, ">= 25 %", measured, None if share is None else share >= 0.25)


def _growth(results: Results) -> Iterator[Figure]:
    for family in FAMILIES:
        rows = list_family(results, family)
        failed = [row["source"] for row in rows if "failed" in row]
        for stage, title in (("train", "step"), ("draw", "draw")):
            named = zip(fit_both(rows, stage), ("of all", f"from {LARGE:,} edges"), strict=True)
            exponents = {name: exponent for exponent, name in named if not math.isnan(exponent)}
            shown = " and ".join(f"{exponent:.2f} {name}" for name, exponent in exponents.items())
            shown += f"; {', '.join(failed)} did not finish" if failed else ""
            reached = max(exponents.values()) <= EXPONENT and not failed if exponents else None
            what = f"Growth of the cost of a {title} with edges, {family}"
            yield Figure(what, f"exponent <= {EXPONENT}", shown, reached)


def _compiling(results: Results) -> Figure:
    what, row = "Compiling a training epoch, tree of depth 12", results.get("grow-tree:12")
    if not row:
        return Figure(what, "< 60 s", "", None)
    seconds = row["seconds"].get("compile train")
    if seconds is None:
        return Figure(what, "< 60 s", row.get("failed", ""), False)
    return Figure(what, "< 60 s", f"{seconds:.1f} s", seconds < 60)


def _learning(results: Results) -> Iterator[Figure]:
    for structure in LEARNED:
        row, where = results.get(f"learn-{structure}"), f"{structure} encoder"
        seconds = seconds_of(row, "ours, judging") if row else math.nan
        measured = None if math.isnan(seconds) else seconds < EPOCH
        shown = "" if measured is None else f"{seconds:.3f} s"
        yield Figure(f"An epoch of `fit_model` over digits, batch 128, {where}", f"< {EPOCH:g} s", shown, measured)
        yield _ratio(f"Learning from digits, {where}: against Pyro", 3, row, lambda t: t == "Pyro")
    flow = "Learning from digits, faithful encoder: against an inverse flow in Pyro"
    yield _ratio(flow, 3, results.get("learn-faithful"), lambda t: t == "Pyro, inverse flow")


def _reaching(results: Results) -> Iterator[Figure]:
    for depth, key, title in (
        (5, "seconds", "compiling included"),
        (5, "without_compiling", "without compiling"),
        (8, "seconds", "compiling included"),
    ):
        named = (name for name in results if name.startswith("reach-"))
        rows = [results[name] for name in named if name.endswith(", depth 8") == (depth == 8)]
        what = f"Time to {TARGET} nats a latent, depth {depth}, {title}"
        yield _race(f"{what}: against the best peer", rows, key, lambda t: not t.startswith(("ours", HYBRID)))
        yield _race(f"{what}: against Zuko with our linear map", rows, key, lambda t: t.startswith(HYBRID))


def _race(what: str, rows: list[Mapping[str, Any]], key: str, peers: Callable[[str], bool]) -> Figure:
    """Hold our defaults against the soonest of some peers; a ratio is of one run."""
    ratios = []
    for row in rows:
        took = {title: answer[key] for title, answer in row["reached"].items() if answer.get("reached")}
        ratios += [(took[title] / took["ours"], title) for title in took if peers(title) and "ours" in took]
    entered = [title for row in rows for title in row["reached"] if peers(title)]
    reached_by_us = [row for row in rows if row["reached"]["ours"].get("reached")]
    asked = ">= 5 times sooner"
    if not entered or not reached_by_us:
        return Figure(what, asked, "not reached by us" if entered else "", False if entered else None)
    ratio, best = min(ratios, default=(math.inf, "not reached by any"))
    return Figure(what, asked, f"{ratio:.2f} times ({best})" if ratios else best, ratio >= 5)
