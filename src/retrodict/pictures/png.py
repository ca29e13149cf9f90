"""Shapes as PNG, painted by matplotlib."""

from __future__ import annotations

import io
import warnings
from typing import TYPE_CHECKING, Any

from retrodict.errors import MissingPackageError
from retrodict.pictures.shapes import PAPER, Shape, Sheet, Text
from retrodict.pictures.svg import UNWRITABLE

if TYPE_CHECKING:
    from matplotlib.axes import Axes

DOTS, PIXELS = 160, 72.0
MOST_DOTS = 20_000


def write_png(sheet: Sheet) -> bytes:
    """Return a sheet as a PNG file; raise `MissingPackageError` where matplotlib is not installed."""
    require_matplotlib()
    from matplotlib.backends.backend_agg import FigureCanvasAgg
    from matplotlib.figure import Figure

    figure = Figure(figsize=(sheet.width / PIXELS, sheet.height / PIXELS), facecolor=PAPER)
    FigureCanvasAgg(figure)
    axes = figure.add_axes((0, 0, 1, 1))
    axes.set(xlim=(0, sheet.width), ylim=(sheet.height, 0))
    axes.axis("off")
    for order, item in enumerate(sheet.items):
        if isinstance(item, Text):
            _write(axes, item, order)
        else:
            axes.add_patch(_to_patch(item, order))
    written = io.BytesIO()
    with warnings.catch_warnings():  # letters that no font has are drawn as boxes; the picture stands
        warnings.filterwarnings("ignore", message="Glyph", category=UserWarning)
        dots = min(DOTS, MOST_DOTS * PIXELS / max(sheet.width, sheet.height))
        figure.savefig(written, format="png", dpi=dots)
    return written.getvalue()


def require_matplotlib() -> None:
    """Raise `MissingPackageError` where matplotlib, which paints PNG, is not installed."""
    try:
        import matplotlib.backends.backend_agg  # noqa: F401
    except ImportError as error:
        raise MissingPackageError(
            f"matplotlib is needed to write PNG and cannot be imported ({error})",
            remedy="Install it with pip install 'retrodict[plot]', or write SVG.",
        ) from error


def _write(axes: Axes, item: Text, order: int) -> None:
    axes.text(
        item.x,
        item.y,
        UNWRITABLE.sub("\N{REPLACEMENT CHARACTER}", item.text),
        fontsize=item.size,
        color=item.color,
        ha="center" if item.middle else "left",
        va="baseline",
        weight="bold" if item.bold else "normal",
        zorder=order,
        parse_math=False,  # a name may hold dollars
    )


def _to_patch(shape: Shape, order: int) -> Any:
    from matplotlib.patches import FancyBboxPatch, PathPatch
    from matplotlib.path import Path

    style: dict[str, Any] = {
        "facecolor": shape.fill or "none",
        "edgecolor": shape.stroke or "none",
        "linewidth": shape.width if shape.stroke else 0,
        "alpha": shape.opacity,
        "zorder": order,
        "linestyle": (0, (4, 2)) if shape.dashed else "solid",
    }
    if shape.rounded:
        (x0, y0), (x1, y1) = shape.points
        box = f"round,pad=0,rounding_size={shape.rounded}"
        return FancyBboxPatch((x0, y0), x1 - x0, y1 - y0, boxstyle=box, **style)
    step = Path.CURVE4 if shape.curved else Path.LINETO
    codes = [Path.MOVETO, *[step] * (len(shape.points) - 1)]
    return PathPatch(Path(shape.points, codes), **style)
