"""Places from Graphviz's ``dot``, where it is installed. Names never reach it: it is given sizes and numbers only."""

from __future__ import annotations

import shutil
import subprocess

from retrodict.pictures.diagram import Diagram

Point = tuple[float, float]
PIXELS = 72.0  # to an inch, in which dot measures
SECONDS = 5.0
# Denser diagrams are better in our own rows, where links from one box run together.
MOST_LINKS = 120


def place(diagram: Diagram) -> tuple[list[Point], list[list[Point]]] | None:
    """Return the centers of the boxes and the curves of the links, or nothing.

    Nothing: dot is not installed, fails, takes longer than five seconds, or there are more than 120 links; our own
    rows are used then.
    """
    program = shutil.which("dot")
    if program is None or len(diagram.links) > MOST_LINKS:
        return None
    try:
        done = subprocess.run(  # noqa: S603
            [program, "-Tplain"], input=write_dot(diagram), capture_output=True, text=True, timeout=SECONDS, check=True
        )
        return read_plain(done.stdout, diagram)
    except (OSError, subprocess.SubprocessError, ValueError, KeyError, IndexError):
        return None


def write_dot(diagram: Diagram) -> str:
    """Return the diagram in dot's language: boxes are called b0, b1 ..., whatever their names."""
    direction = "LR" if diagram.sideways else "BT" if diagram.upward else "TB"
    lines = [
        "digraph {",
        f"rankdir={direction}; nodesep=0.22; ranksep=0.5;",
        'node [shape=box, fixedsize=true, label=""]; edge [dir=none];',
    ]
    for number, box in enumerate(diagram.boxes):
        lines.append(f"b{number} [width={box.width / PIXELS:.4f}, height={box.height / PIXELS:.4f}];")
    if diagram.upward:
        lowest = " ".join(f"b{number};" for number, level in enumerate(diagram.levels) if level == 0)
        lines.append(f"{{rank=min; {lowest}}}")
    pairs = dict.fromkeys((link.source, link.target) for link in diagram.links)
    lines += [f"b{source} -> b{target};" for source, target in pairs]
    return "\n".join([*lines, "}"])


def read_plain(text: str, diagram: Diagram) -> tuple[list[Point], list[list[Point]]]:
    """Read dot's answer, whose y grows upwards; links that join the same boxes share a curve."""
    centers: dict[int, Point] = {}
    curves: dict[tuple[int, int], list[Point]] = {}
    for line in text.replace("\\\n", "").splitlines():
        word, *rest = line.split()
        if word == "node":
            centers[int(rest[0][1:])] = _read_point(rest[1], rest[2])
        elif word == "edge":
            numbers = rest[3 : 3 + 2 * int(rest[2])]
            points = [_read_point(x, y) for x, y in zip(numbers[::2], numbers[1::2], strict=True)]
            curves[int(rest[0][1:]), int(rest[1][1:])] = points
    found = [curves[link.source, link.target] for link in diagram.links]
    return [centers[number] for number in range(len(diagram.boxes))], found


def _read_point(x: str, y: str) -> Point:
    return float(x) * PIXELS, -float(y) * PIXELS
