"""What is placed on paper: boxes, each for one variable or several, and links between boxes."""

from __future__ import annotations

import unicodedata
from dataclasses import dataclass

SHOWN_IN_TOOLTIP = 200


@dataclass(frozen=True)
class Box:
    """A box for some variables of one kind, with the lines written in it and the text shown on pointing at it."""

    members: tuple[int, ...]
    kind: int
    lines: tuple[str, ...]
    tooltip: str

    @property
    def width(self) -> float:
        """Width in pixels, from the longest line."""
        return max(30.0, 14.0 + 7.0 * max(map(measure, self.lines)))

    @property
    def height(self) -> float:
        """Height in pixels, from the number of lines."""
        return 12.0 + 14.0 * len(self.lines)


def measure(text: str) -> int:
    """Return the width of text in letters: Chinese characters and emoji take two, combining marks none.

    >>> measure("zeta"), measure("変数"), measure("e\N{COMBINING ACUTE ACCENT}")
    (4, 4, 1)
    """
    wide = sum(unicodedata.east_asian_width(letter) in "WF" for letter in text)
    return len(text) + wide - sum(unicodedata.combining(letter) > 0 for letter in text)


@dataclass(frozen=True)
class Link:
    """A link between two boxes that stands for ``count`` edges; ``open`` when it lies on the open path."""

    source: int
    target: int
    mark: int
    count: int = 1
    is_open: bool = False


@dataclass(frozen=True)
class Diagram:
    """Boxes with their rows, and links that lead from lower to higher rows; nothing has a place yet."""

    boxes: tuple[Box, ...]
    levels: tuple[int, ...]
    links: tuple[Link, ...]
    title: str
    upward: bool
    note: str = ""
    sideways: bool = False
