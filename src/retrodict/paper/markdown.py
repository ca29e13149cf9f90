"""A table of a page of results."""

from __future__ import annotations

from collections.abc import Iterable, Sequence


def write_markdown(columns: Sequence[str], rows: Iterable[Sequence[str]]) -> str:
    r"""Return a table as Markdown, a line a row.

    >>> write_markdown(["encoder", "edges"], [["auto", "12"]])
    '| encoder | edges |\n| --- | --- |\n| auto | 12 |\n'
    """
    lines = [columns, ["---"] * len(columns), *rows]
    return "".join(f"| {' | '.join(line)} |\n" for line in lines)
