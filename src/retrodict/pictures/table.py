"""A small table: lined up for a terminal, as HTML for a notebook."""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Collection, Iterator, Sequence
from dataclasses import dataclass

from retrodict.pictures.svg import clean

# Of a long table the first rows are shown, the last ones, and those that stand out.
FIRST, LAST, MOST_MARKED = 48, 12, 60


@dataclass(frozen=True)
class Table:
    """Rows of text under a head. The first column is a name, the others are numbers, the last one may be a remark.

    ``marked`` are the numbers of rows that stand out (bold in HTML); ``caption`` says in a line what the table shows.
    ``remarks`` says that the last column is text. Of more than 60 rows some are left out, and counted.

    >>> print(Table(("order", "edges"), (("forward", "7"), ("auto", "12"))))
    order    edges
    forward      7
    auto        12
    """

    head: tuple[str, ...]
    rows: Sequence[tuple[str, ...]]
    caption: str = ""
    marked: Collection[int] = ()
    remarks: bool = False

    @property
    def shown(self) -> list[int]:
        """The numbers of the rows that are shown."""
        n = len(self.rows)
        ends = range(n) if n <= FIRST + LAST else (*range(FIRST), *range(n - LAST, n))
        return sorted({*ends, *sorted(self.marked)[:MOST_MARKED]})

    def __str__(self) -> str:
        return "\n".join([*self._line_up(), *self._say_more(), *([self.caption] if self.caption else [])])

    def to_html(self) -> str:
        """Return the table as HTML in which every text is shown, and none is run."""
        head = "".join(self._write_cells("th", self.head))
        body = "".join(self._write_row(number, self.rows[number]) for number in self.shown)
        more = "".join(f"<p>{clean(line)}</p>" for line in self._say_more())
        caption = f"<caption>{clean(self.caption)}</caption>" if self.caption else ""
        return f"<table>{caption}<thead><tr>{head}</tr></thead><tbody>{body}</tbody></table>{more}"

    def _write_row(self, number: int, row: Sequence[str]) -> str:
        style = ' style="font-weight:bold"' if number in self.marked else ""
        return f"<tr{style}>{''.join(self._write_cells('td', row))}</tr>"

    def _write_cells(self, tag: str, row: Sequence[str]) -> Iterator[str]:
        for column, cell in enumerate(row):
            side = "left" if self._is_text(column) else "right"
            yield f'<{tag} style="text-align:{side}">{clean(cell)}</{tag}>'

    def _line_up(self) -> Iterator[str]:
        lines = [self.head, *(self.rows[number] for number in self.shown)]
        widths = [max(map(len, column)) for column in zip(*lines, strict=True)]
        for line in lines:
            cells = [
                cell.ljust(width) if self._is_text(column) else cell.rjust(width)
                for column, (cell, width) in enumerate(zip(line, widths, strict=True))
            ]
            yield "  ".join(cells).rstrip()

    def _is_text(self, column: int) -> bool:
        return column == 0 or (self.remarks and column == len(self.head) - 1)

    def _say_more(self) -> Iterator[str]:
        left_out = len(self.rows) - len(self.shown)
        if left_out:
            yield f"{left_out:,} of {len(self.rows):,} rows are left out"


class Tabular(ABC):
    """What is shown as a table: lined up where it is printed, as HTML in a notebook."""

    @property
    @abstractmethod
    def table(self) -> Table:
        """What is shown."""

    def __str__(self) -> str:
        return str(self.table)

    def _repr_html_(self) -> str:
        return self.table.to_html()
