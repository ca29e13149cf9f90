"""What the command line shows: tables for people, plain values for programs.

Names are data. They are printed as they are, never read as markup.
"""

from __future__ import annotations

import itertools
from collections.abc import Iterable, Iterator, Sequence
from typing import TYPE_CHECKING, Any

from retrodict.certify import Certificate
from retrodict.errors import SizeError
from retrodict.graph.inverse import Inverse
from retrodict.graph.names import Name
from retrodict.invert.compare import Row, measure
from retrodict.training_cost import predict_cost

if TYPE_CHECKING:
    from rich.console import Console
    from rich.table import Table

# Edges and names listed for people; --json lists all.
MOST_LISTED = 20


def describe(inverse: Inverse, certificate: Certificate) -> dict[str, Any]:
    """Return an inverse and the verdict on it as plain values; ``edges`` is their number."""
    net = inverse.net
    return {
        "latents": list(net.latents),
        "observed": list(net.observed),
        "barren": list(inverse.generative),
        "edges": inverse.n_edges,
        "depth": inverse.depth,
        "width": inverse.width,
        "sampling_order": list(inverse.sampling_order),
        "parents": {name: list(parents) for name, parents in inverse.parents.items()},
        "certificate": certificate.describe(),
    }


def print_inverse(console: Console, inverse: Inverse, certificate: Certificate) -> None:
    """Print the parents of each latent, the verdict, and some of its evidence."""
    _print(console, repr(inverse))
    table = _begin_table("latent", "parents in the inverse")
    for name in inverse.sampling_order:
        _add_row(table, [str(name), " ".join(map(str, inverse.parents[name]))])
    console.print(table)
    for line in _tell_barren(inverse.generative):
        _print(console, line)
    verdict = "faithful" if certificate.faithful else f"unfaithful: {certificate.n_missing:,} edges missing"
    spare = "minimal" if certificate.minimal else f"{certificate.n_removable:,} edges removable"
    _print(console, f"{verdict}, {spare}")
    for line in _tell_evidence(certificate):
        _print(console, line)


def _tell_barren(barren: Sequence[Name]) -> Iterator[str]:
    if barren:
        yield f"no observed variable depends on {_enumerate(barren)}: drawn from the model, last"


def _tell_evidence(certificate: Certificate) -> Iterator[str]:
    """Say which edges are missing and which can go, the first of them."""
    for missing in itertools.islice(certificate.iterate_missing(), MOST_LISTED):
        yield f"  missing    {missing.parent} -> {missing.child}   because of   {missing.drawing}"
    yield from _tell_more(certificate.n_missing)
    spare = itertools.islice(certificate.comparison.list_removable(), MOST_LISTED) if certificate.n_removable else ()
    names = certificate.inverse.net.names
    for parent, child in spare:
        yield f"  removable  {names[parent]} -> {names[child]}"
    yield from _tell_more(certificate.n_removable)


def _tell_more(count: int) -> Iterator[str]:
    if count > MOST_LISTED:
        yield f"  ... and {count - MOST_LISTED:,} more: --json lists them all"


def _enumerate(names: Sequence[Name]) -> str:
    shown = ", ".join(map(str, names[:MOST_LISTED]))
    return shown + (f" and {len(names) - MOST_LISTED:,} more" if len(names) > MOST_LISTED else "")


def describe_orders(runs: Iterable[tuple[str, Inverse, float]]) -> list[dict[str, Any]]:
    """Return what each order costs as plain values; ``multiplications`` is None where it is not predicted."""
    return [_describe_order(measure(order, inverse, seconds), inverse) for order, inverse, seconds in runs]


def _describe_order(row: Row, inverse: Inverse) -> dict[str, Any]:
    try:
        multiplications: int | None = predict_cost(inverse)
    except SizeError:
        multiplications = None
    return {
        "order": row.order,
        "edges": row.edges,
        "depth": row.depth,
        "width": row.width,
        "multiplications": multiplications,
        "seconds": round(row.seconds, 6),
        "optimal": row.proved,
    }


def print_orders(console: Console, rows: Iterable[dict[str, Any]], minimize: str) -> None:
    """Print orders side by side, and say what the numbers are."""
    table = _begin_table("order", "edges", "depth", "width", "cost of a step", "seconds", "", left=1)
    for row in rows:
        cost = row["multiplications"]
        numbers = [f"{row[column]:,}" for column in ("edges", "depth", "width")]
        mark = "optimal" if row["optimal"] else ""
        _add_row(table, [row["order"], *numbers, write_count(cost), f"{row['seconds']:.3f}", mark])
    console.print(table)
    _print(console, "depth: sampling steps, one after another; width: the largest parent set")
    _print(console, "cost of a step: multiplications of a training step of the shared encoder, 256 simulations")
    _print(console, f"optimal: proved that no order has {'fewer' if minimize == 'edges' else 'less'} {minimize}")


def write_count(number: int | None) -> str:
    """Return a large number in three digits.

    >>> write_count(61_440), write_count(1_234_567_890), write_count(None)
    ('61.4 k', '1.23 G', '?')
    """
    if number is None:
        return "?"
    for unit, size in (("T", 10**12), ("G", 10**9), ("M", 10**6), ("k", 10**3)):
        if number >= size:
            return f"{number / size:.3g} {unit}"
    return str(number)


def _begin_table(*columns: str, left: int | None = None) -> Table:
    """Return an empty table; all columns but the first ``left`` ones are numbers."""
    from rich import box
    from rich.table import Table

    table = Table(box=box.SIMPLE_HEAD, pad_edge=False)
    for i, column in enumerate(columns):
        table.add_column(column, justify="left" if left is None or i < left or not column else "right")
    return table


def _add_row(table: Table, cells: Iterable[str]) -> None:
    from rich.text import Text

    table.add_row(*(Text(cell) for cell in cells))


def _print(console: Console, line: str) -> None:
    console.print(line, highlight=False, markup=False, emoji=False, soft_wrap=True)
