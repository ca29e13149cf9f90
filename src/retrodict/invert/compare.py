"""All orders side by side: what each costs, in one table."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from dataclasses import asdict, dataclass, field
from time import perf_counter
from typing import Any

from retrodict.errors import OrderError, SizeError, quote
from retrodict.graph.bayesnet import BayesNet
from retrodict.graph.inverse import Inverse
from retrodict.graph.names import Name
from retrodict.invert.inversion import invert
from retrodict.invert.orders import ORDERS
from retrodict.pictures.table import Table, Tabular
from retrodict.plan.cost import predict_cost, write_count

COLUMNS = ("order", "edges", "depth", "width", "cost of a step", "seconds", "")


@dataclass(frozen=True)
class Row:
    """One order: its edges, depth and width, the integers that its parent sets are stored in, and its seconds.

    ``proved`` says that no order has a smaller value of what was minimized. ``multiplications`` are those of a training
    step of the shared encoder with 256 simulations, None where they are not predicted.
    """

    order: str
    edges: int
    depth: int
    width: int
    stored: int
    seconds: float
    proved: bool
    multiplications: int | None

    def to_cells(self) -> tuple[str, ...]:
        """Return the row as text, one for each of `COLUMNS`."""
        numbers = (f"{n:,}" for n in (self.edges, self.depth, self.width))
        cost = write_count(self.multiplications)
        return self.order, *numbers, cost, f"{self.seconds:.3f}", "optimal" if self.proved else ""


@dataclass(frozen=True, repr=False)
class Comparison(Tabular):
    """Orders of one model side by side; ``str`` is a table to read, ``to_dict`` one for programs.

    ``closed`` names the closed form of each latent that has one, and needs no network. ``kept``: where variables are
    hidden, the inverse that keeps them as latents, by ``"auto"``.
    """

    minimize: str
    rows: tuple[Row, ...]
    closed: Mapping[Name, str] = field(default_factory=dict)
    kept: Inverse | None = None

    def __repr__(self) -> str:
        least = min(self.rows, key=lambda row: row.edges)
        return (
            f"Comparison({len(self.rows)} orders, least {self.minimize}; fewest edges: {least.order}, {least.edges:,})"
        )

    @property
    def table(self) -> Table:
        """The orders, those that are proved to be optimal marked, and what has a closed form."""
        proved = [number for number, row in enumerate(self.rows) if row.proved]
        caption = "; ".join([*self.tell_closed(), *self.tell_kept()])
        return Table(COLUMNS, [row.to_cells() for row in self.rows], caption, proved, remarks=True)

    def tell_closed(self) -> list[str]:
        """Return a line for each kind of closed form."""
        return [f"closed form, {kind}: {quote(names)}" for kind, names in self.list_closed()]

    def tell_kept(self) -> list[str]:
        """Return what keeping hidden variables as latents costs, where there are any."""
        return [f"with the hidden variables kept: {self.kept!r}"] if self.kept else []

    def list_closed(self) -> list[tuple[str, list[Name]]]:
        """Return each kind of closed form with the latents that have it."""
        kinds = dict.fromkeys(self.closed.values())
        return [(kind, [name for name, own in self.closed.items() if own == kind]) for kind in kinds]

    def to_dict(self) -> dict[str, Any]:
        """Return plain lists, dictionaries, strings and numbers, as ``json.dumps`` takes them."""
        exact = [{"kind": kind, "latents": list(map(str, names))} for kind, names in self.list_closed()]
        kept = {"kept": {"edges": self.kept.n_edges, "latents": len(self.kept.net.latents)}} if self.kept else {}
        return {**kept, "minimize": self.minimize, "rows": [asdict(row) for row in self.rows], "exact": exact}


def compare_orders(
    net: BayesNet, minimize: str | Callable[[Inverse], float] = "edges", *, exact: bool = True, **options: Any
) -> Comparison:
    """Return what each order makes of a structure, as `retrodict.compare` does, with no word on closed forms."""
    runs = run_orders(net, minimize, exact=exact, **options)
    return Comparison(
        minimize if isinstance(minimize, str) else getattr(minimize, "__name__", "function"),
        tuple(measure(order, inverse, seconds) for order, inverse, seconds in runs),
    )


def run_orders(
    net: BayesNet, minimize: str | Callable[[Inverse], float] = "edges", *, exact: bool = True, **options: Any
) -> Iterator[tuple[str, Inverse, float]]:
    """Invert by one order after another; give the name of each, what it makes of the model, and its seconds.

    A proof (``exact``) may take a minute where the latents hang together closely; it can be left out.
    """
    for order in [*ORDERS, "auto", *(["exact"] if exact and isinstance(minimize, str) else [])]:
        started = perf_counter()
        try:
            inverse = invert(net, order, minimize, **options)
        except OrderError:
            if order != "exact":
                raise
            continue
        yield order, inverse, perf_counter() - started


def measure(order: str, inverse: Inverse, seconds: float) -> Row:
    """Return the row of one order."""
    sets = inverse.sets
    arrays = (sets.latents.pointer, sets.latents.index, sets.walk, sets.start, sets.stop, sets.count)
    stored = sum(len(array) for array in arrays)
    proved = inverse.strategy == "exact"
    return Row(order, inverse.n_edges, inverse.depth, inverse.width, stored, seconds, proved, _predict(inverse))


def _predict(inverse: Inverse) -> int | None:
    try:
        return predict_cost(inverse)
    except SizeError:
        return None
