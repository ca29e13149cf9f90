"""Reconstructions and samples of each encoder's model, as one grid of images."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

import numpy as np

from retrodict.packages import import_pyplot
from retrodict.paper.experiment import Result
from retrodict.paper.learned.groups import Series
from retrodict.paper.learned.measures import LearnedUnit
from retrodict.paper.learned.tasks import TASKS
from retrodict.plan.layout import Floats

LABEL, TITLE = 2.9, 0.4  # inches kept for the names of rows, and above them


def draw_pictures(series: Sequence[Series], model: str, path: Path) -> None:
    """Draw held-out images above what each encoder makes of them, and draws of each model.

    Shown is what a pixel is expected to be, between white (0) and black (1).
    """
    shown = choose_shown(series)
    rows = [("held out", _read(shown[0][1], "data"))]
    for what in ("reconstructions", "samples"):
        rows += [(f"{what}\n{title}", _read(run, what)) for title, run in shown]
    pyplot = import_pyplot()
    width, height = LABEL + 0.62 * len(rows[0][1]), TITLE + 0.66 * len(rows)
    figure, axes = pyplot.subplots(len(rows), 1, figsize=(width, height), squeeze=False)
    figure.subplots_adjust(left=LABEL / width, right=0.99, bottom=0.01, top=1 - TITLE / height, hspace=0.08)
    for axis, (label, images) in zip(axes[:, 0], rows, strict=True):
        framed = np.pad(images, ((0, 0), (1, 1), (1, 1)), constant_values=np.nan)
        axis.imshow(np.concatenate(framed, axis=1), cmap="Grays", vmin=0, vmax=255, interpolation="nearest")
        axis.set_ylabel(label, rotation=0, ha="right", va="center", fontsize=8)
        axis.set(xticks=[], yticks=[])
        axis.spines[:].set_visible(False)
    figure.suptitle(f"{TASKS[model].title}: seed 0", fontsize=10)
    figure.savefig(path, dpi=130)
    pyplot.close(figure)


def choose_shown(series: Sequence[Series]) -> list[tuple[str, Result[LearnedUnit]]]:
    """Return the first run of each encoder that has pictures, with the encoder's names."""
    return [(one.title, run) for one in series for run in one.runs[:1] if run.pictures]


def _read(run: Result[LearnedUnit], name: str) -> Floats:
    """Return images from hexadecimal bytes, shape ``(n, height, width)``."""
    height, width = (int(side) for side in run.pictures["shape"])
    levels = [np.frombuffer(bytes.fromhex(row), np.uint8) for row in run.pictures[name]]
    return np.array(levels, np.float64).reshape(-1, height, width)
