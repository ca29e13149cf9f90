"""Figure 1 of the paper: a model, the heuristic that turns its edges round, and its faithful inverse.

Source: Webb et al. 2017, figure 1: a binary tree of depth 3, inverted forwards; the heuristic has 6 edges, the faithful
inverse 9. The 3 that the heuristic lacks are marked.
"""

from __future__ import annotations

import json
from dataclasses import asdict, dataclass, replace
from pathlib import Path

import numpy as np

from retrodict.certificate.certify import certify
from retrodict.errors import OptionError
from retrodict.files.places import make_folder
from retrodict.files.whole import write_whole
from retrodict.graph.bayesnet import BayesNet
from retrodict.graph.inverse import Inverse
from retrodict.invert import invert, reversal
from retrodict.packages import import_pyplot
from retrodict.paper.overlay import draw_over
from retrodict.pictures import Picture
from retrodict.pictures.condense import condense
from retrodict.pictures.drawing import draw
from retrodict.pictures.scene import ADDED, PLAIN, Scene
from retrodict.zoo import binary_tree

MOST_DEPTH = 5


@dataclass(frozen=True)
class Counts:
    """Edges of the three graphs, and those that the faithful inverse adds to the heuristic, as (parent, child)."""

    model: int
    heuristic: int
    faithful: int
    added: tuple[tuple[str, str], ...]


def count_edges(depth: int = 3) -> Counts:
    """Return the figures of figure 1.

    >>> counts = count_edges()
    >>> counts.model, counts.heuristic, counts.faithful, counts.added
    (6, 6, 9, (('x3', 'x2'), ('x4', 'x2'), ('x2', 'x1')))
    """
    net = _grow(depth)
    heuristic, faithful = reversal(net), invert(net, "forward")
    return Counts(net.n_edges, heuristic.n_edges, faithful.n_edges, _list_added(heuristic, faithful))


def draw_figure1(depth: int = 3) -> Picture:
    """Return the three graphs side by side, every variable at the same place in each.

    Raises `OptionError` for a depth beyond 5: more variables cannot be told apart side by side.
    """
    net = _grow(depth)
    heuristic, faithful = reversal(net), invert(net, "forward")
    added = set(_list_added(heuristic, faithful))
    verdict = "faithful" if certify(heuristic) else "unfaithful"
    scenes = (
        replace(net.describe_scene(), title=f"(a) the model, {net.n_edges} edges"),
        replace(heuristic.describe_scene(), title=f"(b) edges turned round, {heuristic.n_edges}: {verdict}"),
        _mark(faithful, added, f"(c) faithful inverse, {faithful.n_edges}: {len(added)} added"),
    )
    centers = [(placed.x, placed.y) for placed in draw(condense(scenes[0])).boxes]
    return Picture(tuple(draw_over(condense(scene), centers) for scene in scenes))


def write_figure1(out: Path, depth: int = 3, *, png: bool = True) -> tuple[Path, ...]:
    """Write ``figure1.svg``, ``figure1.png`` and their figures, ``figure1.json``, into a folder.

    ``png=False`` leaves out the PNG, which alone needs matplotlib. Raises `FileError` where the folder cannot be made
    or written to, and `MissingPackageError` for a PNG without matplotlib, before anything is written.
    """
    if png:
        import_pyplot()
    make_folder(out)
    figure = draw_figure1(depth)
    data = out / "figure1.json"
    write_whole(data, json.dumps({"depth": depth, **asdict(count_edges(depth))}, indent=1).encode() + b"\n")
    return *(figure.save(out / f"figure1.{ending}") for ending in (("svg", "png") if png else ("svg",))), data


def _grow(depth: int) -> BayesNet:
    if not 2 <= depth <= MOST_DEPTH:
        raise OptionError(f"figure 1 of depth {depth} cannot be drawn", remedy=f"Choose 2 to {MOST_DEPTH}.")
    return binary_tree(depth).net


def _list_added(heuristic: Inverse, faithful: Inverse) -> tuple[tuple[str, str], ...]:
    """Return the edges of the faithful inverse that the heuristic lacks, in sampling order of the children."""
    return tuple(
        (str(parent), str(child))
        for child in faithful.sampling_order
        for parent in faithful.parents[child]
        if parent not in heuristic.parents[child]
    )


def _mark(inverse: Inverse, added: set[tuple[str, str]], title: str) -> Scene:
    scene = inverse.describe_scene()
    pairs = zip(scene.sources.tolist(), scene.targets.tolist(), strict=True)
    marks = [ADDED if (scene.names[a], scene.names[b]) in added else PLAIN for a, b in pairs]
    return replace(scene, marks=np.array(marks), title=title)
