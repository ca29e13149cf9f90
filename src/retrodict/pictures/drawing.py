"""A diagram with everything in its place."""

from __future__ import annotations

import itertools
from collections.abc import Sequence
from dataclasses import dataclass

from retrodict.pictures import layered
from retrodict.pictures.diagram import Box, Diagram, Link

Point = tuple[float, float]
MARGIN = 8.0
PORT = 9.0  # lines that end in one box keep so far apart, if there is room


@dataclass(frozen=True)
class Placed:
    """A box and its center, in pixels from the upper left corner."""

    box: Box
    x: float
    y: float


@dataclass(frozen=True)
class Curve:
    """A link as Bezier curves, joined end to end: a point, then two controls and a point for each."""

    link: Link
    points: tuple[Point, ...]


@dataclass(frozen=True)
class PlateFrame:
    """A rectangle around boxes, by two of its corners, with what is written at its foot."""

    low: Point
    high: Point
    text: str
    dashed: bool = False


@dataclass(frozen=True)
class Caption:
    """Words beside a curve, their middle at a point."""

    x: float
    y: float
    text: str


@dataclass(frozen=True)
class PlacedDiagram:
    """Boxes and curves in their places on a sheet of this size, frames behind them and captions before them."""

    boxes: tuple[Placed, ...]
    curves: tuple[Curve, ...]
    width: float
    height: float
    title: str
    note: str = ""
    frames: tuple[PlateFrame, ...] = ()
    captions: tuple[Caption, ...] = ()


def draw(diagram: Diagram) -> PlacedDiagram:
    """Place a diagram; the same diagram has the same drawing on every machine."""
    return settle(diagram, *_place_in_rows(diagram))


def settle(diagram: Diagram, centers: Sequence[Point], curves: Sequence[Sequence[Point]]) -> PlacedDiagram:
    """Move everything to the upper left corner and measure the sheet."""
    points = [point for curve in curves for point in curve]
    left = min([x - box.width / 2 for (x, _), box in zip(centers, diagram.boxes, strict=True)] + [x for x, _ in points])
    top = min([y - box.height / 2 for (_, y), box in zip(centers, diagram.boxes, strict=True)] + [y for _, y in points])
    right = max(
        [x + box.width / 2 for (x, _), box in zip(centers, diagram.boxes, strict=True)] + [x for x, _ in points]
    )
    low = max([y + box.height / 2 for (_, y), box in zip(centers, diagram.boxes, strict=True)] + [y for _, y in points])
    right_shift, down_shift = MARGIN - left, MARGIN - top
    return PlacedDiagram(
        tuple(Placed(b, x + right_shift, y + down_shift) for b, (x, y) in zip(diagram.boxes, centers, strict=True)),
        tuple(
            Curve(link, tuple((x + right_shift, y + down_shift) for x, y in curve))
            for link, curve in zip(diagram.links, curves, strict=True)
        ),
        right - left + 2 * MARGIN,
        low - top + 2 * MARGIN,
        diagram.title,
        diagram.note,
    )


def _place_in_rows(diagram: Diagram) -> tuple[list[Point], list[list[Point]]]:
    """Place boxes by rows and bend links through their waypoints; (across, along) becomes (x, y) at the end."""
    centers, ways = layered.place(diagram)
    lengths = [box.width if diagram.sideways else box.height for box in diagram.boxes]
    breadths = [box.height if diagram.sideways else box.width for box in diagram.boxes]
    ports = _spread_ports(diagram, ways, breadths)
    curves = []
    for link, way, port in zip(diagram.links, ways, ports, strict=True):
        (x0, y0), (x1, y1) = way[0], way[-1]
        ends = [(x0, y0 + lengths[link.source] / 2), *way[1:-1], (x1 + port, y1 - lengths[link.target] / 2)]
        curves.append(_bend(ends))

    def turn(point: Point) -> Point:
        across, along = point
        return (along, across) if diagram.sideways else (across, -along if diagram.upward else along)

    return [turn(point) for point in centers], [[turn(point) for point in curve] for curve in curves]


def _spread_ports(diagram: Diagram, ways: Sequence[Sequence[Point]], breadths: Sequence[float]) -> list[float]:
    """Return how far from the middle of its target each link ends, in the order in which they come.

    Links that join the same boxes end in the same place.
    """
    arriving: dict[int, dict[int, float]] = {}
    for link, way in zip(diagram.links, ways, strict=True):
        arriving.setdefault(link.target, {})[link.source] = way[-2][0]
    ports: dict[tuple[int, int], float] = {}
    for target, sources in arriving.items():
        room = min(PORT, max(breadths[target] - 12.0, 0.0) / max(1, len(sources) - 1))
        for place, source in enumerate(sorted(sources, key=sources.__getitem__)):
            ports[source, target] = (place - (len(sources) - 1) / 2) * room
    return [ports[link.source, link.target] for link in diagram.links]


def _bend(points: Sequence[Point]) -> list[Point]:
    curve = [points[0]]
    for (x0, y0), (x1, y1) in itertools.pairwise(points):
        middle = (y0 + y1) / 2
        curve += [(x0, middle), (x1, middle), (x1, y1)]
    return curve
