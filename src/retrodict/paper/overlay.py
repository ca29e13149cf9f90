"""Several graphs on the same places, to be compared: links are straight, or bend round what is between."""

from __future__ import annotations

import math
from collections.abc import Sequence

from retrodict.pictures.diagram import Box, Diagram
from retrodict.pictures.drawing import PlacedDiagram, Point, settle

NEAR = 6.0  # a link keeps so far from boxes that it does not join
BENDS = (0.0, 0.22, -0.22, 0.4, -0.4)


def draw_over(diagram: Diagram, centers: Sequence[Point]) -> PlacedDiagram:
    """Draw a diagram with its boxes at these centers."""
    curves = []
    for link in diagram.links:
        others = [n for n in range(len(centers)) if n not in (link.source, link.target)]
        ways = (_route(diagram, centers, link.source, link.target, bend) for bend in BENDS)
        curves.append(min(ways, key=lambda way: _count_touched(way, diagram, centers, others)))
    return settle(diagram, centers, curves)


def _route(diagram: Diagram, centers: Sequence[Point], source: int, target: int, bend: float) -> list[Point]:
    """Return a curve from border to border, whose middle is moved aside by a share of its length."""
    (x0, y0), (x1, y1) = centers[source], centers[target]
    middle = ((x0 + x1) / 2 - (y1 - y0) * bend, (y0 + y1) / 2 + (x1 - x0) * bend)
    start = _leave(diagram.boxes[source], (x0, y0), middle)
    end = _leave(diagram.boxes[target], (x1, y1), middle)
    if bend == 0:
        middle = ((start[0] + end[0]) / 2, (start[1] + end[1]) / 2)
    return [start, _between(start, middle, 2 / 3), _between(end, middle, 2 / 3), end]


def _leave(box: Box, center: Point, towards: Point) -> Point:
    """Return where the line from the center of a box crosses its border."""
    dx, dy = towards[0] - center[0], towards[1] - center[1]
    scale = min(box.width / 2 / max(abs(dx), 1e-9), box.height / 2 / max(abs(dy), 1e-9))
    return center[0] + dx * scale, center[1] + dy * scale


def _between(start: Point, end: Point, share: float) -> Point:
    return start[0] + (end[0] - start[0]) * share, start[1] + (end[1] - start[1]) * share


def _count_touched(way: Sequence[Point], diagram: Diagram, centers: Sequence[Point], others: Sequence[int]) -> int:
    a, b, c, d = way
    touched = 0
    for step in range(1, 16):
        t = step / 16
        x, y = (
            (1 - t) ** 3 * a[i] + 3 * t * (1 - t) ** 2 * b[i] + 3 * t * t * (1 - t) * c[i] + t**3 * d[i] for i in (0, 1)
        )
        for other in others:
            box, (u, v) = diagram.boxes[other], centers[other]
            touched += math.fabs(x - u) < box.width / 2 + NEAR and math.fabs(y - v) < box.height / 2 + NEAR
    return touched
