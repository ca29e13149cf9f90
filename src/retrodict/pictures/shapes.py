"""A picture as plain shapes with colors: what SVG and PNG have in common."""

from __future__ import annotations

import math
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace
from itertools import count

from retrodict.pictures.drawing import Curve, Placed, PlacedDiagram, PlateFrame, Point
from retrodict.pictures.scene import ADDED, BARREN, HIDDEN, LATENT, MISSING, OBSERVED, PLAIN, REMOVABLE

# Okabe & Ito's colors for what is marked, told apart by everybody; grays for the rest.
PAPER, INK, SHADE, PALE = "#ffffff", "#1b1f24", "#cfd6de", "#f3f5f7"
OUTLINE, LINE = "#57606a", "#8b949e"
MARKED = {PLAIN: LINE, MISSING: "#D55E00", REMOVABLE: "#0072B2", ADDED: "#D55E00"}
HALO = "#F0B429"
MEANING = {
    MISSING: "missing: the posterior needs this edge",
    REMOVABLE: "removable: no conditional needs it",
    ADDED: "added: the heuristic lacks this edge",
}
WORD = {PLAIN: "edges", MISSING: "edges missing", REMOVABLE: "edges removable", ADDED: "edges added"}
KINDS = {
    LATENT: "latent",
    OBSERVED: "observed",
    BARREN: "barren: drawn from the model",
    HIDDEN: "hidden: integrated out",
}
SMALL, NORMAL = 10.5, 11.5
LONGEST_CAPTION = 120
PAD, HEAD, FOOT = 10.0, 30.0, 24.0
BETWEEN = 34.0
HEAD_LENGTH, HEAD_WIDTH = 7.0, 6.0
CROWDED = 150  # beyond this many lines, lines are drawn thinner


@dataclass(frozen=True)
class Shape:
    """A closed or open path of straight lines or Bezier curves."""

    points: tuple[Point, ...]
    curved: bool = False
    fill: str = ""
    stroke: str = ""
    width: float = 1.0
    dashed: bool = False
    opacity: float = 1.0
    tooltip: str = ""
    rounded: float = 0.0  # for a rectangle given by two corners
    role: str = ""


@dataclass(frozen=True)
class Text:
    """A line of text whose middle (or start) stands at a point."""

    x: float
    y: float
    text: str
    size: float = NORMAL
    bold: bool = False
    middle: bool = True
    color: str = INK


@dataclass(frozen=True)
class Sheet:
    """Shapes and texts, in the order in which they are painted, on paper of this size."""

    width: float
    height: float
    title: str
    items: tuple[Shape | Text, ...]


def compose(drawings: Sequence[PlacedDiagram], caption: str = "") -> Sheet:
    """Lay drawings side by side, each under its title, with a legend of what occurs in them."""
    items: list[Shape | Text] = []
    left, tallest = PAD, max(drawing.height for drawing in drawings)
    for drawing in drawings:
        width = max(drawing.width, 6.6 * len(drawing.title), 5.8 * len(drawing.note))
        items.append(Text(left + width / 2, PAD + 10, drawing.title, bold=True))
        items += _move(_paint(drawing), left + (width - drawing.width) / 2, HEAD)
        if drawing.note:
            items.append(Text(left + width / 2, HEAD + drawing.height + 8, drawing.note, SMALL, color=OUTLINE))
        left += width + BETWEEN
    top = HEAD + tallest + (16 if any(drawing.note for drawing in drawings) else 0)
    legend, wide, high = _write_legend(drawings, caption, max(left - BETWEEN - PAD, 260.0))
    items += _move(legend, PAD, top)
    titles = "; ".join(drawing.title for drawing in drawings)
    return Sheet(max(left - BETWEEN + PAD, wide + 2 * PAD), top + high + PAD, titles, tuple(items))


def _paint(drawing: PlacedDiagram) -> list[Shape | Text]:
    """Return halos, lines and boxes, in this order, so that names are never painted over."""
    halos, lines, heads = [], [], []
    for curve in sorted(drawing.curves, key=lambda curve: (curve.link.mark != PLAIN, curve.link.is_open)):
        parts = paint_curve(curve, crowded=len(drawing.curves) > CROWDED)
        halos += parts[:-2]
        lines.append(parts[-2])
        heads.append(parts[-1])
    boxes = [item for placed in drawing.boxes for item in _paint_box(placed)]
    frames = [item for frame in drawing.frames for item in _paint_frame(frame)]
    words = [Text(caption.x, caption.y, caption.text, SMALL, color=OUTLINE) for caption in drawing.captions]
    return [*frames, *halos, *lines, *heads, *boxes, *words]


def _paint_frame(frame: PlateFrame) -> Iterator[Shape | Text]:
    corners = (frame.low, frame.high)
    yield Shape(corners, stroke=OUTLINE, width=1.1, dashed=frame.dashed, rounded=9.0, role="plate")
    yield Text(frame.low[0] + 8, frame.high[1] - 5, frame.text, SMALL, middle=False, color=OUTLINE)


def paint_curve(curve: Curve, *, crowded: bool = False) -> list[Shape]:
    """Return the halo of a curve, if it lies on the open path, its line and the head of its arrow."""
    link = curve.link
    marked = link.mark != PLAIN
    color = MARKED[link.mark]
    width = (1.1 if crowded else 1.3) + 0.4 * math.log2(link.count) + 0.7 * marked
    points, head = cut_head(curve.points, HEAD_LENGTH + width)
    tooltip = "" if link.count == 1 else f"{link.count:,} {WORD[link.mark]}"
    opacity = 0.7 if crowded and not marked else 1.0
    line = Shape(points, True, "", color, width, link.mark == REMOVABLE, opacity, tooltip, role="edge")
    tip = Shape((*head, head[0]), fill=color, opacity=opacity)
    halo = [Shape(curve.points, True, "", HALO, width + 7, opacity=0.55)] if link.is_open else []
    return [*halo, line, tip]


def cut_head(points: tuple[Point, ...], length: float) -> tuple[tuple[Point, ...], tuple[Point, Point, Point]]:
    """Return the curve shortened for the head of its arrow, and the three corners of the head."""
    tip = points[-1]
    back = next((p for p in points[-2::-1] if math.dist(p, tip) > 0.5), (tip[0], tip[1] - 1))
    away = math.dist(back, tip)
    ux, uy = (tip[0] - back[0]) / away, (tip[1] - back[1]) / away
    base = (tip[0] - ux * length, tip[1] - uy * length)
    half = HEAD_WIDTH / 2 * (length / HEAD_LENGTH)
    corners = (tip, (base[0] - uy * half, base[1] + ux * half), (base[0] + uy * half, base[1] - ux * half))
    control = (points[-2][0] - ux * length, points[-2][1] - uy * length)
    return (*points[:-2], control, (tip[0] - ux * (length - 1), tip[1] - uy * (length - 1))), corners


def _paint_box(placed: Placed) -> Iterator[Shape | Text]:
    box, x, y = placed.box, placed.x, placed.y
    corners = ((x - box.width / 2, y - box.height / 2), (x + box.width / 2, y + box.height / 2))
    several = len(box.members) > 1
    if several:  # a second sheet behind it
        behind = tuple((a + 3, b + 3) for a, b in corners)
        yield Shape(behind, fill=_fill(box.kind), stroke=OUTLINE, rounded=_round(box.kind, box.height))
    yield Shape(
        corners,
        fill=_fill(box.kind),
        stroke=LINE if box.kind == HIDDEN else OUTLINE,
        width=1.2,
        dashed=box.kind in (BARREN, HIDDEN),
        tooltip=box.tooltip,
        rounded=_round(box.kind, box.height),
        role="variable",
    )
    first = y - 7.0 * (len(box.lines) - 1) + 4
    for number, line in enumerate(box.lines):
        size = NORMAL if number == 0 else SMALL
        yield Text(x, first + 14 * number, line, size, color=INK if number == 0 else OUTLINE)


def _fill(kind: int) -> str:
    return {OBSERVED: SHADE, HIDDEN: PALE}.get(kind, PAPER)


def _round(kind: int, height: float) -> float:
    """Return the radius of corners: data are rectangles, latents round, so that not color alone tells them apart."""
    return 3.0 if kind == OBSERVED else min(13.0, height / 2)


def _write_legend(
    drawings: Sequence[PlacedDiagram], caption: str, room: float
) -> tuple[list[Shape | Text], float, float]:
    """Return what the kinds and marks that occur mean, wrapped to the room there is, with its width and height."""
    kinds = sorted({placed.box.kind for drawing in drawings for placed in drawing.boxes})
    links = [curve.link for drawing in drawings for curve in drawing.curves]
    marks = sorted({link.mark for link in links} - {PLAIN})
    entries: list[tuple[list[Shape], str]] = []
    for kind in kinds:
        box = Shape(
            ((0, 4), (18, 16)),
            fill=_fill(kind),
            stroke=OUTLINE,
            dashed=kind in (BARREN, HIDDEN),
            rounded=_round(kind, 12),
        )
        entries.append(([box], KINDS[kind]))
    for mark in marks:
        line = Shape(((0, 10), (18, 10)), stroke=MARKED[mark], width=2, dashed=mark == REMOVABLE)
        entries.append(([line], MEANING[mark]))
    if any(link.is_open for link in links):
        words = caption or "open path"
        words = words if len(words) <= LONGEST_CAPTION else words[: LONGEST_CAPTION - 1] + "…"
        entries.append(([Shape(((0, 10), (18, 10)), stroke=HALO, width=8, opacity=0.55)], words))
    items: list[Shape | Text] = []
    x, line_number, wide = 0.0, count(), 0.0
    row = next(line_number)
    for shapes, words in entries:
        width = 24 + 6.2 * len(words) + 16
        if x and x + width > room:
            x, row = 0.0, next(line_number)
        items += _move(shapes, x, 6 + 19 * row)
        items.append(Text(x + 24, 6 + 19 * row + 14, words, SMALL, middle=False))
        x += width
        wide = max(wide, x)
    return items, wide, 6 + 19 * (row + 1) + 4


def _move(items: Sequence[Shape | Text], right: float, down: float) -> list[Shape | Text]:
    return [_moved(item, right, down) for item in items]


def _moved(item: Shape | Text, right: float, down: float) -> Shape | Text:
    if isinstance(item, Text):
        return replace(item, x=item.x + right, y=item.y + down)
    return replace(item, points=tuple((x + right, y + down) for x, y in item.points))
