"""Figures of the experiment on music: curves, piano rolls, and a piece that was made as sound."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from retrodict.files.whole import write_whole
from retrodict.packages import import_pyplot
from retrodict.paper.experiment import Findings, Result
from retrodict.paper.music.music_tasks import ENCODERS, MusicBudget
from retrodict.paper.music.music_units import MusicUnit
from retrodict.paper.music.sound import make_wave

# Okabe & Ito's colors, told apart by everybody.
COLORS = {"derived": "#0072B2", "all": "#56B4E9", "mean-field": "#D55E00", "past": "#E69F00"}
ROLLS = ("data", "reconstruction", "generated")
# Curves are shown from this share of the epochs on: before, they fall from far above.
SHOWN_FROM = 0.2

Runs = Sequence[Result[MusicUnit]]


def draw_music(findings: Findings[MusicUnit, MusicBudget], folder: Path) -> list[Path]:
    """Draw all figures and write the sound of a new piece of each set, and return their paths."""
    paths = []
    for name, runs in group_sets(findings.results).items():
        shown = choose_shown(runs)
        paths += [folder / f"music_{name}.png"]
        _draw_curves(runs, name, paths[-1])
        if shown is not None:
            paths += [folder / f"music_{name}_rolls.png", folder / f"music_{name}.wav"]
            _draw_rolls(shown, paths[-2])
            write_whole(paths[-1], make_wave(read_roll(shown.pictures["generated"])))
    return paths


def name_figures(findings: Findings[MusicUnit, MusicBudget]) -> list[str]:
    """Return the names of all pictures that there are results for."""
    found = []
    for name, runs in group_sets(findings.results).items():
        found += [f"music_{name}", *([f"music_{name}_rolls"] if choose_shown(runs) else [])]
    return found


def name_sounds(findings: Findings[MusicUnit, MusicBudget]) -> list[str]:
    """Return the names of all new pieces that there are results for."""
    return [f"music_{name}" for name, runs in group_sets(findings.results).items() if choose_shown(runs)]


def group_sets(results: Runs) -> dict[str, list[Result[MusicUnit]]]:
    """Return the runs of each set and size, under their name."""
    found: dict[str, list[Result[MusicUnit]]] = {}
    for result in results:
        found.setdefault(f"{result.unit.set}_{result.unit.size}", []).append(result)
    return found


def choose_shown(runs: Runs) -> Result[MusicUnit] | None:
    """Return the run whose pieces are shown: of the encoder that comes first in the tables, and the first seed."""
    shown = [run for run in runs if run.pictures]
    return min(shown, key=lambda run: (ENCODERS.index(run.unit.encoder), run.unit.seed), default=None)


def read_roll(rows: Sequence[str]) -> NDArray[Any]:
    """Return a piano roll as it was kept, between 0 and 1."""
    return np.array([list(bytes.fromhex(row)) for row in rows]) / 255


def _draw_curves(runs: Runs, name: str, path: Path) -> None:
    pyplot = import_pyplot()
    figure, axis = pyplot.subplots(figsize=(7, 4.4), layout="constrained")
    late = []
    for encoder in ENCODERS:
        curves = [np.array(run.curves["test"]) for run in runs if run.unit.encoder == encoder]
        curves = [curve for curve in curves if len(curve)]
        if not curves:
            continue
        values = np.stack([curve[: min(map(len, curves))] for curve in curves])
        epochs, color = 1 + np.arange(values.shape[1]), COLORS[encoder]
        label = f"{encoder} ({len(curves)} seed{'s' * (len(curves) > 1)})"
        axis.plot(epochs, values.mean(axis=0), color=color, label=label)
        axis.fill_between(epochs, values.min(axis=0), values.max(axis=0), color=color, alpha=0.18, linewidth=0)
        late.append(values[:, int(SHOWN_FROM * values.shape[1]) :].ravel())
    if late:
        shown = np.concatenate(late)
        margin = 0.05 * (shown.max() - shown.min()) + 1e-3
        axis.set_ylim(shown.min() - margin, shown.max() + margin)
        axis.legend(frameon=False)
    axis.set(xlabel="epoch", ylabel="negative bound, nats a step, pieces to judge by", title=name.replace("_", ", "))
    figure.savefig(path, dpi=110)
    pyplot.close(figure)


def _draw_rolls(run: Result[MusicUnit], path: Path) -> None:
    pyplot = import_pyplot()
    figure, axes = pyplot.subplots(1, len(ROLLS), figsize=(11, 3.6), sharey=True, layout="constrained")
    for axis, name in zip(axes, ROLLS, strict=True):
        roll = read_roll(run.pictures[name])
        axis.imshow(roll.T, origin="lower", aspect="auto", cmap="Greys", vmin=0, vmax=1, interpolation="nearest")
        axis.set(title=name, xlabel="step")
    axes[0].set_ylabel("key")
    figure.suptitle(f"{run.unit.set}, {run.unit.encoder} encoder, seed {run.unit.seed}", fontsize=10)
    figure.savefig(path, dpi=110)
    pyplot.close(figure)
