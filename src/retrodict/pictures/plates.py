"""Plate notation: nodes in columns by the plates that they lie in, frames around columns, arrows with words.

Columns are put in an order in which the columns of each plate stand side by side, as far as there is one: then a frame
around them holds nothing else, and the frames of crossed plates overlap where both hold.
"""

from __future__ import annotations

import itertools
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from functools import cached_property

from retrodict.pictures.diagram import Box, Link
from retrodict.pictures.drawing import MARGIN, Caption, Curve, Placed, PlacedDiagram, PlateFrame, Point
from retrodict.pictures.scene import PLAIN

ROW, GAP, BESIDE = 74.0, 34.0, 18.0
PAD, STEP, FOOT = 12.0, 14.0, 14.0
MOST_ORDERED = 7  # columns of which all orders are tried
LETTER = 5.8


@dataclass(frozen=True)
class PlateNode:
    """A variable: the lines written in its box, its kind, and the plates that it lies in.

    ``beside`` names the node in whose row it stands, if it is the same variable at another time.
    """

    key: str
    lines: tuple[str, ...]
    kind: int
    plates: tuple[str, ...]
    beside: str = ""


@dataclass(frozen=True)
class Arrow:
    """An arrow between nodes, by their keys, with the words that stand at it."""

    source: str
    target: str
    words: str = ""


@dataclass(frozen=True)
class PlateScene:
    """Nodes, arrows, and the plates that have a frame, with what is written in it; ``dashed`` is time."""

    nodes: tuple[PlateNode, ...]
    arrows: tuple[Arrow, ...]
    frames: Mapping[str, str]
    dashed: tuple[str, ...]
    title: str
    upward: bool = False


def place_plates(scene: PlateScene) -> PlacedDiagram:
    """Return a scene with everything in its place; the same scene is placed alike on every machine."""
    layout = _PlateLayout(scene)
    boxes = tuple(Placed(layout.boxes[node.key], *layout.centers[node.key]) for node in scene.nodes)
    number = {node.key: place for place, node in enumerate(scene.nodes)}
    curves, captions = [], []
    for arrow in scene.arrows:
        points = layout.bend(arrow)
        curves.append(Curve(Link(number[arrow.source], number[arrow.target], PLAIN), points))
        if arrow.words:
            captions.append(Caption(*_find_middle(points, arrow), arrow.words))
    return _shift(PlacedDiagram(boxes, tuple(curves), 0.0, 0.0, scene.title, "", tuple(layout.frames), tuple(captions)))


def _find_middle(points: Sequence[Point], arrow: Arrow) -> Point:
    """Return where the words of an arrow stand: right of its middle."""
    (x0, y0), (x1, y1), (x2, y2), (x3, y3) = points
    x, y = (x0 + 3 * x1 + 3 * x2 + x3) / 8, (y0 + 3 * y1 + 3 * y2 + y3) / 8
    return x + 4 + LETTER / 2 * len(arrow.words), y + 3


@dataclass(frozen=True)
class _PlateLayout:
    scene: PlateScene

    @cached_property
    def boxes(self) -> dict[str, Box]:
        return {
            node.key: Box((place,), node.kind, node.lines, ", ".join(node.plates))
            for place, node in enumerate(self.scene.nodes)
        }

    @cached_property
    def rows(self) -> dict[str, int]:
        """The row of each node: the length of the longest way into it, ways back left out."""
        into: dict[str, list[str]] = {node.key: [] for node in self.scene.nodes}
        for arrow in self.scene.arrows:
            if arrow.source != arrow.target:
                into[arrow.target].append(arrow.source)
        found: dict[str, int] = {}

        def visit(key: str, above: frozenset[str]) -> int:
            if key not in found:
                sources = [source for source in into[key] if source not in above]
                depth = 1 + max((visit(source, above | {key}) for source in sources), default=-1)
                if above & set(into[key]):
                    return depth  # a way back: found again from its own beginning
                found[key] = depth
            return found[key]

        for node in self.scene.nodes:
            visit(node.key, frozenset())
        return found | {node.key: found[node.beside] for node in self.scene.nodes if node.beside}

    @cached_property
    def columns(self) -> list[tuple[str, ...]]:
        """The sets of plates, in an order in which each plate is one stretch, near to what arrows join."""
        sets = list(dict.fromkeys(node.plates for node in self.scene.nodes))
        if len(sets) > MOST_ORDERED:
            return sorted(sets, key=lambda plates: (len(plates), plates))
        return min(map(list, itertools.permutations(sets)), key=self._judge_order)

    def _judge_order(self, order: list[tuple[str, ...]]) -> tuple[int, int, int]:
        place = {plates: number for number, plates in enumerate(order)}
        stretches = sum(len(_list_stretches(order, plate)) for plate in self.scene.frames)
        column = {node.key: place[node.plates] for node in self.scene.nodes}
        length = sum(abs(column[arrow.source] - column[arrow.target]) for arrow in self.scene.arrows)
        return stretches, length, sum(place[plates] * -len(plates) for plates in order)

    @cached_property
    def centers(self) -> dict[str, Point]:
        left, found = 0.0, {}
        high = max(self.rows.values())
        for plates in self.columns:
            members = [node for node in self.scene.nodes if node.plates == plates]
            rows: dict[int, list[PlateNode]] = {}
            for node in members:
                rows.setdefault(self.rows[node.key], []).append(node)
            width = max(sum(self.boxes[n.key].width for n in row) + BESIDE * (len(row) - 1) for row in rows.values())
            for number, row in rows.items():
                x = left + (width - sum(self.boxes[n.key].width for n in row) - BESIDE * (len(row) - 1)) / 2
                for node in row:
                    own = self.boxes[node.key].width
                    found[node.key] = x + own / 2, ROW * (high - number if self.scene.upward else number)
                    x += own + BESIDE
            left += width + GAP + 2 * STEP * len(self.scene.frames)
        return found

    @cached_property
    def frames(self) -> list[PlateFrame]:
        """The frames, the innermost last."""
        members = {
            plate: [node.key for node in self.scene.nodes if plate in node.plates] for plate in self.scene.frames
        }
        inner = sorted(members, key=lambda plate: len(members[plate]))
        frames = []
        for number, plate in enumerate(inner):
            around = sum(bool(set(members[plate]) & set(members[other])) for other in inner[:number])
            for stretch in _list_stretches(self.columns, plate):
                keys = [node.key for node in self.scene.nodes if node.plates in stretch]
                frames.append(self._surround(keys, plate, PAD + STEP * around))
        return frames[::-1]

    def _surround(self, keys: Sequence[str], plate: str, pad: float) -> PlateFrame:
        corners = [
            (x + sign * self.boxes[key].width / 2, y + sign * self.boxes[key].height / 2)
            for key in keys
            for x, y in [self.centers[key]]
            for sign in (-1, 1)
        ]
        xs, ys = zip(*corners, strict=True)
        words = self.scene.frames[plate]
        right = max(max(xs) + pad, min(xs) - pad + 12 + LETTER * len(words))
        return PlateFrame(
            (min(xs) - pad, min(ys) - pad), (right, max(ys) + pad + FOOT), words, plate in self.scene.dashed
        )

    def bend(self, arrow: Arrow) -> tuple[Point, ...]:
        """Return the curve of an arrow from border to border; one that skips a row of its column bends aside."""
        (x0, y0), (x1, y1) = self.centers[arrow.source], self.centers[arrow.target]
        one, other = self.boxes[arrow.source], self.boxes[arrow.target]
        if arrow.source == arrow.target:
            right = x0 + one.width / 2
            return (right, y0 + 5), (right + 26, y0 + 16), (right + 26, y0 - 16), (right, y0 - 5)
        aside = 0.0
        if abs(x0 - x1) < (one.width + other.width) / 4 and abs(y0 - y1) > 1.5 * ROW:
            aside = max(one.width, other.width)
        middle = (x0 + x1) / 2 + aside, (y0 + y1) / 2
        start, stop = _leave(x0, y0, one, middle), _leave(x1, y1, other, middle)
        return start, _between(start, middle), _between(stop, middle), stop


def _between(one: Point, other: Point) -> Point:
    return one[0] + (other[0] - one[0]) * 2 / 3, one[1] + (other[1] - one[1]) * 2 / 3


def _leave(x: float, y: float, box: Box, towards: Point) -> Point:
    """Return where the line from the middle of a box to a point crosses its border."""
    dx, dy = towards[0] - x, towards[1] - y
    scale = min((side / 2 / abs(d) for side, d in ((box.width, dx), (box.height, dy)) if abs(d) > 1e-9), default=0.0)
    return x + dx * min(scale, 1.0), y + dy * min(scale, 1.0)


def _list_stretches(order: Sequence[tuple[str, ...]], plate: str) -> list[list[tuple[str, ...]]]:
    """Return the stretches of columns that lie in a plate."""
    groups = itertools.groupby(order, key=lambda plates: plate in plates)
    return [list(group) for inside, group in groups if inside]


def _shift(drawing: PlacedDiagram) -> PlacedDiagram:
    """Move everything to the upper left corner and measure the sheet."""
    corners: list[Point] = [point for frame in drawing.frames for point in (frame.low, frame.high)]
    corners += [point for curve in drawing.curves for point in curve.points]
    for placed in drawing.boxes:
        wide, tall = placed.box.width / 2, placed.box.height / 2
        corners += [(placed.x - wide, placed.y - tall), (placed.x + wide, placed.y + tall)]
    corners += [(c.x + s * LETTER / 2 * len(c.text), c.y + 4 * s) for c in drawing.captions for s in (-1, 1)]
    right, down = MARGIN - min(x for x, _ in corners), MARGIN - min(y for _, y in corners)

    def move(point: Point) -> Point:
        return point[0] + right, point[1] + down

    return PlacedDiagram(
        tuple(Placed(placed.box, *move((placed.x, placed.y))) for placed in drawing.boxes),
        tuple(Curve(curve.link, tuple(map(move, curve.points))) for curve in drawing.curves),
        max(x for x, _ in corners) + right + MARGIN,
        max(y for _, y in corners) + down + MARGIN,
        drawing.title,
        drawing.note,
        tuple(PlateFrame(move(frame.low), move(frame.high), frame.text, frame.dashed) for frame in drawing.frames),
        tuple(Caption(*move((caption.x, caption.y)), caption.text) for caption in drawing.captions),
    )
