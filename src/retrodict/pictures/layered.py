"""Places for boxes in rows: few crossings, short links, nothing overlapping. Needs no other program.

A link over several rows gets a waypoint in each row between; links from one box share theirs, so that they leave it as
one trunk with branches. LayerRows are sorted by the mean place of their neighbors, to and fro, and the order with the
fewest crossings is kept. Then every row is pulled to its neighbors as far as the order and the gaps allow, which is a
least-squares problem that pooling adjacent violators solves.

Sources: Sugiyama, Tagawa & Toda 1981; Ayer et al. 1955 (pooling); Barth, Jünger & Mutzel 2002 (counting crossings).
"""

from __future__ import annotations

import itertools
from bisect import bisect_right, insort
from collections.abc import Sequence
from dataclasses import dataclass

from retrodict.pictures.diagram import Diagram

Point = tuple[float, float]
GAP, ROW_GAP = 18.0, 46.0
WAYPOINT = 4.0
SWEEPS, PULLS = 24, 12


@dataclass(frozen=True)
class LayerRows:
    """Items in rows: boxes first, then waypoints. ``down[i]`` are the items in the next row that ``i`` is joined to.

    ``ways[k]`` lists the items along link ``k``, from its source to its target.
    """

    rows: tuple[tuple[int, ...], ...]
    down: tuple[tuple[int, ...], ...]
    up: tuple[tuple[int, ...], ...]
    ways: tuple[tuple[int, ...], ...]


def place(diagram: Diagram) -> tuple[list[Point], list[list[Point]]]:
    """Return the centers of the boxes and the points along each link, y growing from row to row."""
    items = build_rows(diagram)
    rows = sort_rows(items)
    widths = [box.height if diagram.sideways else box.width for box in diagram.boxes]
    widths += [WAYPOINT] * (len(items.down) - len(widths))
    across = align(rows, items, widths)
    along = _stack(rows, [box.width if diagram.sideways else box.height for box in diagram.boxes])
    row_of = {item: number for number, row in enumerate(rows) for item in row}
    points = [(across[item], along[row_of[item]]) for item in range(len(items.down))]
    return points[: len(diagram.boxes)], [[points[item] for item in way] for way in items.ways]


def build_rows(diagram: Diagram) -> LayerRows:
    """Put boxes into their rows, with waypoints where links pass."""
    n_rows = max(diagram.levels) + 1
    rows: list[list[int]] = [[] for _ in range(n_rows)]
    for box, level in enumerate(diagram.levels):
        rows[level].append(box)
    level_of = list(diagram.levels)
    down: list[dict[int, None]] = [{} for _ in diagram.boxes]
    trunk: dict[tuple[int, int], int] = {}
    ways = []
    for link in diagram.links:
        way = [link.source]
        for level in range(diagram.levels[link.source] + 1, diagram.levels[link.target]):
            if (link.source, level) not in trunk:
                trunk[link.source, level] = len(level_of)
                rows[level].append(len(level_of))
                level_of.append(level)
                down.append({})
            way.append(trunk[link.source, level])
        way.append(link.target)
        for above, below in itertools.pairwise(way):
            down[above][below] = None
        ways.append(tuple(way))
    up: list[list[int]] = [[] for _ in down]
    for above, nexts in enumerate(down):
        for below in nexts:
            up[below].append(above)
    return LayerRows(tuple(map(tuple, rows)), tuple(map(tuple, down)), tuple(map(tuple, up)), tuple(ways))


def sort_rows(items: LayerRows) -> list[list[int]]:
    """Return the rows in an order with few crossings; the first order is that of a walk from the first boxes."""
    rows = _walk(items)
    best, fewest = [row[:] for row in rows], count_crossings(rows, items)
    for sweep in range(SWEEPS):
        if fewest == 0:
            break
        forward = sweep % 2 == 0
        near = items.up if forward else items.down
        numbers = range(1, len(rows)) if forward else range(len(rows) - 2, -1, -1)
        for number in numbers:
            place_of = {item: p for p, item in enumerate(rows[number - 1 if forward else number + 1])}
            _sort_by_mean(rows[number], near, place_of, backwards=sweep % 4 >= 2)
        crossings = count_crossings(rows, items)
        if crossings < fewest:
            best, fewest = [row[:] for row in rows], crossings
    return best


def _walk(items: LayerRows) -> list[list[int]]:
    """Return the rows in the order in which a depth-first walk meets their items."""
    seen: dict[int, None] = {}
    for start in (item for row in items.rows for item in row):
        stack = [start]
        while stack:
            item = stack.pop()
            if item not in seen:
                seen[item] = None
                stack += [*reversed(items.down[item])]
    rank = {item: number for number, item in enumerate(seen)}
    return [sorted(row, key=rank.__getitem__) for row in items.rows]


def _sort_by_mean(row: list[int], near: Sequence[Sequence[int]], place_of: dict[int, int], *, backwards: bool) -> None:
    """Sort a row by the mean place of the neighbors; ties are turned round in every second pair of sweeps."""
    old = {item: place for place, item in enumerate(row)}

    def mean(item: int) -> tuple[float, int]:
        around = near[item]
        value = sum(map(place_of.__getitem__, around)) / len(around) if around else float(old[item])
        return value, -old[item] if backwards else old[item]

    row.sort(key=mean)


def count_crossings(rows: Sequence[Sequence[int]], items: LayerRows) -> int:
    """Count the pairs of links that cross between neighboring rows."""
    total = 0
    for above, below in itertools.pairwise(rows):
        place_of = {item: place for place, item in enumerate(below)}
        passed: list[int] = []
        for item in above:
            ends = sorted(map(place_of.__getitem__, items.down[item]))
            total += sum(len(passed) - bisect_right(passed, end) for end in ends)
            for end in ends:
                insort(passed, end)
    return total


def align(rows: Sequence[Sequence[int]], items: LayerRows, widths: Sequence[float]) -> list[float]:
    """Return a place across for each item, at least the widths and gaps apart, near to what it is joined to."""
    boxes = len(widths) - sum(width == WAYPOINT for width in widths)
    across = [0.0] * len(widths)
    for row in rows:
        edge = 0.0
        for item in row:
            across[item] = edge + widths[item] / 2
            edge += widths[item] + GAP
        for item in row:
            across[item] -= edge / 2
    for pull in range(PULLS):
        order = rows if pull % 2 == 0 else rows[::-1]
        for row in order:
            wanted, weights = [], []
            for item in row:
                around = [*items.up[item], *items.down[item]]
                wanted.append(sum(map(across.__getitem__, around)) / len(around) if around else across[item])
                weights.append((4.0 if item >= boxes else 1.0) * max(1, len(around)))
            for item, value in zip(row, spread(wanted, weights, [widths[item] for item in row]), strict=True):
                across[item] = value
    return across


def spread(wanted: Sequence[float], weights: Sequence[float], widths: Sequence[float]) -> list[float]:
    """Return places nearest to those wanted, in weighted squares, that keep the order and the gaps.

    >>> spread([0.0, 0.0], [1.0, 1.0], [2.0, 2.0])
    [-10.0, 10.0]
    """
    offset, offsets = 0.0, []
    for number, width in enumerate(widths):
        offset += (widths[number - 1] + width) / 2 + GAP if number else 0.0
        offsets.append(offset)
    blocks: list[tuple[float, float, int]] = []  # mean of what is wanted less the offset, weight, items
    for want, weight, shift in zip(wanted, weights, offsets, strict=True):
        mean, heavy, count = want - shift, weight, 1
        while blocks and blocks[-1][0] >= mean:
            other, weighs, more = blocks.pop()
            mean = (mean * heavy + other * weighs) / (heavy + weighs)
            heavy, count = heavy + weighs, count + more
        blocks.append((mean, heavy, count))
    means = [mean for mean, _, count in blocks for _ in range(count)]
    return [mean + shift for mean, shift in zip(means, offsets, strict=True)]


def _stack(rows: Sequence[Sequence[int]], heights: Sequence[float]) -> list[float]:
    """Return the center of each row along the way; wide rows get more room for their links."""
    tall = [max((heights[item] for item in row if item < len(heights)), default=0.0) for row in rows]
    centers, edge = [], 0.0
    for row, height in zip(rows, tall, strict=True):
        centers.append(edge + height / 2)
        edge += height + ROW_GAP + min(60.0, 1.2 * len(row))
    return centers
