"""Figures of a calibration: histograms of ranks, cumulative shares minus the diagonal, expected coverage."""

from __future__ import annotations

from collections.abc import Sequence
from textwrap import fill
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray
from scipy import special

from retrodict.errors import OptionError
from retrodict.packages import require
from retrodict.posterior.calibration.uniformity import BINS, gap_bound

if TYPE_CHECKING:
    from matplotlib.figure import Figure

MOST_PANELS = 24
COLUMNS = 4
# Bands are for the eye, one quantity at a time; the verdict is that of the table.
BAND = 0.01
PASSED, REJECTED, SHADE = "#0072B2", "#D55E00", "0.85"
LETTERS_PER_INCH = 14
TARP = "TARP distance"
LABELS = {
    "ecdf": ("rank of the truth", "share of truths below,\nminus that expected"),
    "ranks": ("rank of the truth", "simulations in a bin"),
    "coverage": ("credibility", "expected coverage (TARP)"),
}
GRID = np.linspace(0, 1, 201)

Doubles = NDArray[np.float64]


def draw_figure(kind: str, names: Sequence[str], uniforms: Doubles, bad: Sequence[bool], summary: str) -> Figure:
    """Return a figure with a panel for each quantity, those that are ``bad`` marked.

    Nothing of matplotlib's global state is touched. Raises `OptionError` for a kind that does not exist.
    """
    if kind not in LABELS:
        raise OptionError(f"kind={kind!r} is not a kind of figure", remedy=f"Choose one of {', '.join(LABELS)}.")
    figure = _make_figure(len(names))
    axes = _make_panels(figure, names, bad)
    for axis, column, rejected in zip(axes, uniforms.T, bad, strict=True):
        DRAW[kind](axis, column, REJECTED if rejected else PASSED)
    _label(axes, *LABELS[kind])
    figure.suptitle(fill(summary, int(LETTERS_PER_INCH * figure.get_figwidth())), fontsize=10)
    _explain(figure, bad)
    return figure


def _make_panels(figure: Figure, names: Sequence[str], bad: Sequence[bool]) -> Sequence[Any]:
    """Return a panel for each quantity; those rejected have a frame and say so."""
    rows = -(-len(names) // COLUMNS)
    axes = figure.subplots(rows, min(COLUMNS, len(names)), sharex=True, sharey=True, squeeze=False).ravel()
    for axis, name, rejected in zip(axes, names, bad, strict=False):
        axis.set_title(
            f"{name}: rejected" if rejected else name,
            fontsize=9,
            color=REJECTED if rejected else "black",
            parse_math=False,
        )
        if rejected:
            for spine in axis.spines.values():
                spine.set(color=REJECTED, linewidth=2)
    for axis in axes[len(names) :]:
        axis.set_axis_off()
    return list(axes[: len(names)])


def _label(axes: Sequence[Any], below: str, beside: str) -> None:
    """Label the axes of the lowest panel of each column and of the first one of each row."""
    for axis in axes[-COLUMNS:]:
        axis.set_xlabel(below, fontsize=9)
        axis.tick_params(labelbottom=True)
    for axis in axes[::COLUMNS]:
        axis.set_ylabel(beside, fontsize=9)


def _explain(figure: Figure, bad: Sequence[bool]) -> None:
    """Add a legend below the panels: the band, and the colors that occur."""
    from matplotlib.lines import Line2D
    from matplotlib.patches import Patch

    handles: list[Any] = [Patch(color=SHADE, label=f"where an exact posterior stays with probability {1 - BAND:.0%}")]
    if not all(bad):
        handles.append(Line2D([], [], color=PASSED, label="nothing found"))
    if any(bad):
        handles.append(Line2D([], [], color=REJECTED, label="rejected"))
    columns = 1 if len(bad) == 1 else len(handles)
    figure.legend(handles=handles, loc="outside lower center", ncols=columns, fontsize=9, frameon=False)


def _make_figure(panels: int) -> Figure:
    made = require("matplotlib.figure", extra="plot", purpose="to draw figures").Figure
    rows = -(-panels // COLUMNS)
    return made(figsize=(max(5.0, 2.4 * min(panels, COLUMNS)), 0.8 + max(3.2, 1.9 * rows)), layout="constrained")


def _draw_coverage(axis: Any, uniforms: Doubles, color: str) -> None:
    bound = gap_bound(len(uniforms), BAND)
    axis.fill_between(GRID, GRID - bound, GRID + bound, color=SHADE)
    axis.plot(GRID, (uniforms < GRID[:, None]).mean(axis=1), color=color)
    axis.set(xlim=(0, 1), ylim=(0, 1))


def _draw_ecdf(axis: Any, uniforms: Doubles, color: str) -> None:
    difference = np.searchsorted(np.sort(uniforms), GRID, side="right") / len(uniforms) - GRID
    bound = gap_bound(len(uniforms), BAND)
    axis.fill_between(GRID, -bound, bound, color=SHADE)
    axis.plot(GRID, difference, color=color)


def _draw_ranks(axis: Any, uniforms: Doubles, color: str) -> None:
    """Draw a histogram; each bar alone is in the band with probability 99 %, corrected for their number."""
    n, share = len(uniforms), 1 / BINS
    half = -special.ndtri(BAND / 2 / BINS) * np.sqrt(n * share * (1 - share))
    axis.axhspan(n * share - half, n * share + half, color=SHADE)
    axis.hist(uniforms, bins=BINS, range=(0, 1), color=color)


DRAW = {"ecdf": _draw_ecdf, "ranks": _draw_ranks, "coverage": _draw_coverage}
