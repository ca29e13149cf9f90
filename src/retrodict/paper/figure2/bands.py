"""Figure 2 from its data alone: both panels for each depth, the middle of the seeds and the band that they span."""

from __future__ import annotations

import itertools
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np

from retrodict.packages import import_pyplot
from retrodict.paper.experiment import Findings, Result
from retrodict.paper.figure2.entries import ENTRIES, TreeBudget
from retrodict.paper.figure2.units import TreeUnit
from retrodict.plan.layout import Floats

LINES = {"forward": "--", "reverse": "-.", "auto": "-"}
# What 1,000 draws can tell from zero, in nats: below, an estimate may be negative.
RESOLUTION = 1e-3
# So many names of lines stand below each other.
FEW = 6
# Okabe & Ito's colors, told apart by everybody.
COLORS = {"a": "#D55E00", "b": "#0072B2", "c": "#009E73", "d": "#CC79A7", "e": "#000000", "f": "#E69F00"}


def draw_figures(findings: Findings[TreeUnit, TreeBudget], folder: Path) -> list[Path]:
    """Draw one file for each depth and return their paths; of several capacities, the largest is shown."""
    depths = sorted({result.unit.depth for result in findings.results})
    return [
        draw_depth(
            select(findings.results, depth), findings.shared["floors"][str(depth)], folder / f"figure2_depth{depth}.png"
        )
        for depth in depths
    ]


def select(results: Sequence[Result[TreeUnit]], depth: int) -> list[Result[TreeUnit]]:
    """Return the results of a depth with the largest width of each encoder, in the order of `ENTRIES`."""
    mine = [result for result in results if result.unit.depth == depth]
    largest = {result.unit.encoder: 0 for result in mine}
    for result in mine:
        largest[result.unit.encoder] = max(largest[result.unit.encoder], result.unit.width)
    kept = [result for result in mine if result.unit.width == largest[result.unit.encoder]]
    return sorted(kept, key=lambda result: (list(ENTRIES).index(result.unit.encoder), result.unit.seed))


def draw_depth(results: Sequence[Result[TreeUnit]], floor: float, path: Path) -> Path:
    """Draw both panels of one depth, and the floor of the reversed edges."""
    pyplot = import_pyplot()
    figure, (left, right) = pyplot.subplots(1, 2, figsize=(12, 5.6), layout="constrained")
    for encoder, group in itertools.groupby(results, key=lambda result: result.unit.encoder):
        same = list(group)
        entry = ENTRIES[encoder]
        style = {
            "color": COLORS[entry.letter],
            "linestyle": LINES.get(entry.structure, "-"),
            "label": _label(encoder, same),
        }
        _draw_band(left, same, "kl", style)
        _draw_band(right, same, "log_posterior", style)
    left.axhline(floor, color=COLORS["a"], linestyle=":", label=f"floor of reversed edges, {floor:.3g} nats")
    _finish(left, right, results)
    first = results[0]
    figure.suptitle(f"Binary tree of depth {first.unit.depth}: {first.facts['latents']} latents")
    handles, labels = left.get_legend_handles_labels()
    columns = 1 if len(labels) <= FEW else 2
    figure.legend(handles, labels, loc="outside lower center", ncols=columns, frameon=False, fontsize=8)
    figure.savefig(path, dpi=130)
    pyplot.close(figure)
    return path


def _label(encoder: str, same: Sequence[Result[TreeUnit]]) -> str:
    entry, facts = ENTRIES[encoder], same[0].facts
    seeds = "1 seed" if len(same) == 1 else f"{len(same)} seeds"
    return (
        f"({entry.letter}) {entry.title}, {facts['strategy']}: {facts['edges']} edges, {facts['levels']} deep, "
        f"{facts['in_use']:,} weights, {seeds}"
    )


def _draw_band(axis: Any, same: Sequence[Result[TreeUnit]], metric: str, style: dict[str, str]) -> None:
    """Draw the median over seeds, and between the smallest and the largest; a run that failed ends early."""
    length = max(len(result.curves["simulations"]) for result in same)
    longest = next(result for result in same if len(result.curves["simulations"]) == length)
    values = np.full((len(same), length), np.nan)
    for row, result in zip(values, same, strict=True):
        row[: len(result.curves[metric])] = result.curves[metric]
    whole = values[:, ~np.isnan(values).all(axis=0)]
    simulations = np.asarray(longest.curves["simulations"])[~np.isnan(values).all(axis=0)]
    axis.plot(simulations, np.nanmedian(whole, axis=0), linewidth=1.4, **style)
    if len(same) > 1:
        lowest, highest = np.nanmin(whole, axis=0), np.nanmax(whole, axis=0)
        axis.fill_between(simulations, lowest, highest, color=style["color"], alpha=0.18, linewidth=0)


def _finish(left: Any, right: Any, results: Sequence[Result[TreeUnit]]) -> None:
    left.set(xscale="log", yscale="log", xlabel="simulations", ylabel="KL from the exact posterior (nats)")
    left.set_ylim(bottom=max(RESOLUTION, left.get_ylim()[0]))
    left.yaxis.set_major_formatter("{x:g}")
    exact = -float(results[0].facts["entropy"] or 0.0)
    right.axhline(exact, color="black", linestyle=":")
    right.annotate("exact posterior", (0.02, exact), xycoords=("axes fraction", "data"), va="bottom", fontsize=8)
    right.set(xscale="log", xlabel="simulations", ylabel="mean exact log-posterior of samples (nats)")
    right.set_ylim(exact - _reach(results, exact), exact + 0.15 * _reach(results, exact))
    for axis in (left, right):
        axis.spines[["top", "right"]].set_visible(False)


def _reach(results: Sequence[Result[TreeUnit]], exact: float) -> float:
    """Return how far below the exact value the second panel goes: three times what the worst ends at."""
    ends: Floats = np.array([result.curves["log_posterior"][-1] for result in results if result.curves["kl"]])
    return max(3.0, 3.0 * float(exact - np.median(ends)), 1.5 * float(exact - np.quantile(ends, 0.1)))
