"""Docstrings of this project in the words that Sphinx knows."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from sphinx.application import Sphinx

# `Returns: what` in one line; Sphinx wants what it is below its heading.
HEADING = re.compile(r"^(Returns|Raises|Source|Yields): +(\S.*)$")
SENTENCES: dict[str, list[str]] = {}


def setup(app: Sphinx) -> dict[str, Any]:
    """Rewrite each docstring before its sections are read."""
    app.connect("autodoc-process-docstring", rewrite, priority=400)
    app.connect("autodoc-process-docstring", restore, priority=600)
    return {"parallel_read_safe": True, "parallel_write_safe": True}


def rewrite(app: Sphinx, what: str, name: str, found: Any, options: Any, lines: list[str]) -> None:
    """Put what a section says below its heading, and `Raises` as the sentence that it is."""
    lines[:] = indent_sections(lines)
    if what in ("property", "attribute"):
        SENTENCES[name] = list(lines)


def restore(app: Sphinx, what: str, name: str, found: Any, options: Any, lines: list[str]) -> None:
    """Undo what is done to a sentence about a property that has a colon in it: its beginning is no type."""
    lines[:] = SENTENCES.pop(name, lines)


def indent_sections(lines: list[str]) -> list[str]:
    r"""Return the lines with sections that begin behind their heading written below it.

    >>> indent_sections(["Returns: a posterior,", "true if faithful.", "", ">>> f()"])
    ['Returns:', '    a posterior,', '    true if faithful.', '', '>>> f()']
    """
    written: list[str] = []
    margin = ""
    for line in lines:
        if match := HEADING.match(line):
            margin = "" if match[1] == "Raises" else "    "  # a sentence about several errors is no list of them
            written += [f"{match[1]}:", f"{margin}{match[2]}"] if margin else ["**Raises**", "", match[2]]
            continue
        margin = margin if line.strip() else ""
        written.append(margin + line)
    return written
