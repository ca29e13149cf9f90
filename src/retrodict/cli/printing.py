"""What the command line shows to people: tables and verdicts.

Names are data. They are printed as they are, never read as markup.
"""

from __future__ import annotations

import itertools
from collections.abc import Iterable, Iterator, Sequence
from typing import TYPE_CHECKING

from retrodict.certificate.certify import Certificate
from retrodict.graph.names import Name
from retrodict.invert.compare import COLUMNS, Comparison
from retrodict.lift.lifted_certificate import LiftedCertificate
from retrodict.plan.cost import BATCH

if TYPE_CHECKING:
    from rich.console import Console
    from rich.table import Table

    from retrodict.posterior.calibration.calibration import Calibration

# Edges and names listed for people; --json lists all.
MOST_LISTED = 20


def open_console() -> Console:
    """Return standard output with colors where it is a terminal that has them, and NO_COLOR is not set."""
    from rich.console import Console

    class Terminal(Console):
        def on_broken_pipe(self) -> None:
            raise BrokenPipeError  # Rich would end with status 1, which is that of a verdict

    return Terminal()


def print_certificate(console: Console, certificate: Certificate) -> None:
    """Print the parents of each latent and its closed form, if any has one, the verdict, and some of its evidence."""
    inverse, closed = certificate.inverse, certificate.closed
    _print(console, repr(inverse))
    table = _begin_table("latent", "parents in the inverse", *(["closed form"] if closed else []), left=3)
    for name in inverse.sampling_order:
        form = [closed.get(name, "")] if closed else []
        _add_row(table, [str(name), " ".join(map(str, inverse.parents[name])), *form])
    console.print(table)
    if inverse.generative:
        barren = _enumerate(inverse.generative)
        _print(console, f"no observed variable depends on {barren}: drawn from the model, last")
    verdict = "faithful" if certificate.faithful else f"unfaithful: {certificate.n_missing:,} edges missing"
    spare = "minimal" if certificate.minimal else f"{certificate.n_removable:,} edges removable"
    _print(console, f"{verdict}, {spare}", "bold green" if certificate.faithful else "bold red")
    for line, style in _tell_evidence(certificate):
        _print(console, line, style)


def print_lifted(console: Console, verdict: LiftedCertificate) -> None:
    """Print the patterns of each latent of a template and the verdict, with some of its evidence."""
    lifted = verdict.lifted
    _print(console, f"{lifted.template}")
    _print(console, f"drawn in the order {lifted.schedule}")
    table = _begin_table("latent", "parents, at every index and all sizes")
    for name, patterns in lifted.patterns.items():
        dims, time = {v.name: v.dims for v in lifted.template.variables}, lifted.template.time
        texts = [pattern.write(dims[pattern.name], time) for pattern in patterns]
        _add_row(table, [str(lifted.template[name]), " ".join(texts)])
    console.print(table)
    if lifted.template.barren:
        _print(console, f"no observed variable depends on {_enumerate(lifted.template.barren)}: drawn from the model")
    minimal = ", minimal" if verdict.minimal else ""
    words = f"faithful {verdict.scope}{minimal}" if verdict else verdict.scope
    _print(console, words, "bold green" if verdict else "bold red")


def _tell_evidence(certificate: Certificate) -> Iterator[tuple[str, str]]:
    """Say which edges are missing and which can go, the first of them, each line with its style."""
    for missing in itertools.islice(certificate.iterate_missing(), MOST_LISTED):
        yield f"  missing    {missing.parent} -> {missing.child}   because of   {missing.drawing}", "red"
    yield from _tell_more(certificate.n_missing)
    spare = itertools.islice(certificate.differences.list_removable(), MOST_LISTED) if certificate.n_removable else ()
    names = certificate.inverse.net.names
    for parent, child in spare:
        yield f"  removable  {names[parent]} -> {names[child]}", "yellow"
    yield from _tell_more(certificate.n_removable)


def _tell_more(count: int) -> Iterator[tuple[str, str]]:
    if count > MOST_LISTED:
        yield f"  ... and {count - MOST_LISTED:,} more: --json lists them all", ""


def _enumerate(names: Sequence[Name]) -> str:
    shown = ", ".join(map(str, names[:MOST_LISTED]))
    return shown + (f" and {len(names) - MOST_LISTED:,} more" if len(names) > MOST_LISTED else "")


def print_orders(console: Console, comparison: Comparison) -> None:
    """Print orders side by side, and say what the numbers are."""
    table = _begin_table(*COLUMNS, left=1)
    for row in comparison.rows:
        _add_row(table, row.to_cells(), "green" if row.proved else "")
    console.print(table)
    _print(console, "depth: sampling steps, one after another; width: the largest parent set")
    _print(console, f"cost of a step: multiplications of a training step of the shared encoder, {BATCH} simulations")
    if any(row.proved for row in comparison.rows):
        less = "fewer" if comparison.minimize == "edges" else "less"
        _print(console, f"optimal: proved that no order has {less} {comparison.minimize}")
    for line in comparison.tell_closed():
        _print(console, line)


def print_calibration(console: Console, outcome: Calibration) -> None:
    """Print the table of a calibration and its verdict, what was rejected in red."""
    *rows, summary = str(outcome).split("\n")
    for row in rows:
        _print(console, row, "red" if "  rejected: " in row else "")
    _print(console, summary, "green" if outcome else "bold red")


def _begin_table(*columns: str, left: int | None = None) -> Table:
    """Return an empty table; all columns but the first ``left`` ones are numbers."""
    from rich import box
    from rich.table import Table

    table = Table(box=box.SIMPLE_HEAD, pad_edge=False)
    for i, column in enumerate(columns):
        table.add_column(column, justify="left" if left is None or i < left or not column else "right")
    return table


def _add_row(table: Table, cells: Iterable[str], style: str = "") -> None:
    from rich.text import Text

    table.add_row(*(Text(cell) for cell in cells), style=style)


def _print(console: Console, line: str, style: str = "") -> None:
    """Print a line as it is; Rich leaves the style out where there is no terminal, and the color with NO_COLOR."""
    console.print(line, style=style, highlight=False, markup=False, emoji=False, soft_wrap=True)
