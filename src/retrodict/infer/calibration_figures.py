"""Figures of a calibration: histograms of ranks, cumulative shares minus the diagonal, expected coverage."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import TYPE_CHECKING, Any, Protocol

import numpy as np
from numpy.typing import NDArray
from scipy import special

from retrodict.errors import OptionError
from retrodict.infer.uniformity import BINS, gap_bound
from retrodict.read.packages import require

if TYPE_CHECKING:
    from matplotlib.figure import Figure

MOST_PANELS = 24
COLUMNS = 4
# Bands are for the eye, one quantity at a time; the verdict is that of the table.
BAND = 0.01
GRID = np.linspace(0, 1, 201)

Doubles = NDArray[np.float64]


class Outcome(Protocol):
    """What a figure takes from a calibration beside the ranks themselves."""

    @property
    def summary(self) -> str:
        """The verdict in one line."""
        ...

    def expected_coverage(self, levels: Sequence[float]) -> Doubles:
        """Return the share of truths in the region of each credibility."""
        ...


def draw_figure(kind: str, names: Sequence[str], uniforms: Doubles, outcome: Outcome) -> Figure:
    """Draw a figure; nothing of matplotlib's global state is touched."""
    panels: dict[str, Callable[[Any, Doubles], None]] = {"ecdf": _draw_ecdf, "ranks": _draw_ranks}
    if kind != "coverage" and kind not in panels:
        raise OptionError(f"figures of kind {kind!r} do not exist", remedy="Choose ecdf, ranks or coverage.")
    figure = _make_figure(1 if kind == "coverage" else len(names))
    if kind == "coverage":
        axis = figure.subplots()
        axis.plot(GRID, outcome.expected_coverage(GRID.tolist()), color="#0072B2")
        bound = gap_bound(len(uniforms), BAND)
        axis.fill_between(GRID, GRID - bound, GRID + bound, color="0.85")
        axis.set(xlabel="credibility", ylabel="expected coverage (TARP)", xlim=(0, 1), ylim=(0, 1))
    else:
        rows = -(-len(names) // COLUMNS)
        axes = figure.subplots(rows, min(COLUMNS, len(names)), sharex=True, sharey=True, squeeze=False).ravel()
        for axis, name, column in zip(axes, names, uniforms.T, strict=False):
            panels[kind](axis, column)
            axis.set_title(name, fontsize=8)
        for axis in axes[len(names) :]:
            axis.set_axis_off()
    figure.suptitle(outcome.summary, fontsize=9)
    return figure


def _make_figure(panels: int) -> Figure:
    made = require("matplotlib.figure", extra="plot", purpose="to draw figures").Figure
    rows = -(-panels // COLUMNS)
    return made(figsize=(max(5.0, 2.4 * min(panels, COLUMNS)), 0.8 + max(3.2, 1.9 * rows)), layout="constrained")


def _draw_ecdf(axis: Any, uniforms: Doubles) -> None:
    difference = np.searchsorted(np.sort(uniforms), GRID, side="right") / len(uniforms) - GRID
    bound = gap_bound(len(uniforms), BAND)
    axis.fill_between(GRID, -bound, bound, color="0.85")
    axis.plot(GRID, difference, color="#0072B2")


def _draw_ranks(axis: Any, uniforms: Doubles) -> None:
    """Draw a histogram; each bar alone is in the band with probability 99 %, corrected for their number."""
    n, share = len(uniforms), 1 / BINS
    half = -special.ndtri(BAND / 2 / BINS) * np.sqrt(n * share * (1 - share))
    axis.axhspan(n * share - half, n * share + half, color="0.85")
    axis.hist(uniforms, bins=BINS, range=(0, 1), color="#0072B2")
