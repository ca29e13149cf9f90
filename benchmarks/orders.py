"""Write the tables of orders, side by side for the models of the zoo: docs/orders.md and a short one in README."""

from __future__ import annotations

import retrodict as rd
from benchmarks.stamp import ROOT, stamp, write_line
from retrodict.invert.compare import COLUMNS, Comparison, Row

PAGE, README = ROOT / "docs" / "orders.md", ROOT / "README.md"
MADE_OF = ("src/retrodict", "benchmarks/orders.py")
SOURCES = {
    "tree:4": "Binary tree of depth 4",
    "tree:5": "Binary tree of depth 5",
    "tree:6": "Binary tree of depth 6",
    "tree:7": "Binary tree of depth 7",
    "tree:8": "Binary tree of depth 8",
    "hmm:64": "Hidden Markov model of 64 steps",
    "plate:32": "Plate of 32 groups: mu, tau -> theta_j -> y_j",
    "layers:3x10x20": "Variational autoencoder, 3 layers of 10 over 20 pixels",
    "asia": "Asia, X-ray and dyspnoea observed",
}
SHORT = ("tree:5", "tree:8", "hmm:64", "plate:32", "layers:3x10x20")
SHOWN = [name for name in COLUMNS if name != "seconds"]  # what is the same on every machine
HEAD = f"| {' | '.join(SHOWN)} |\n|---|{'--:|' * (len(SHOWN) - 2)}---|\n"
BEGIN, END = "<!-- orders: written by make tables -->\n", "<!-- orders: end -->"


def write_page(comparisons: dict[str, Comparison]) -> str:
    """Return the page with the table of every model."""
    parts = [
        "# Orders side by side\n\nWritten by `make tables` from the code as it is. *Depth*: sequential sampling steps. "
        "*Width*: the largest parent set.\n*Cost of a step*: multiplications of a training step of the shared encoder "
        "with 256 simulations. *Optimal*: proved to\nhave the fewest edges of all orders. Seconds are in "
        "`docs/benchmarks-inversion.md`.\n"
    ]
    for source, comparison in comparisons.items():
        rows = "\n".join(write_row(row) for row in comparison.rows)
        parts.append(f"## {SOURCES[source]} (`{source}`)\n\n{HEAD}{rows}\n")
    return "\n".join(parts)


def write_row(row: Row) -> str:
    """Return a line of a table."""
    return f"| {' | '.join(cell for name, cell in zip(COLUMNS, row.to_cells(), strict=True) if name in SHOWN)} |"


def write_summary(comparisons: dict[str, Comparison]) -> str:
    """Return edges and depth of each order for a few models, as one table."""
    orders = list(
        dict.fromkeys(row.order for source in SHORT for row in comparisons[source].rows if row.order != "exact")
    )
    lines = ["edges / depth | " + " | ".join(f"`{source}`" for source in SHORT), "|".join(["---"] * (len(SHORT) + 1))]
    for order in orders:
        cells = []
        for source in SHORT:
            row = next(row for row in comparisons[source].rows if row.order == order)
            cells.append(f"{row.edges:,} / {row.depth}" + (" (optimal)" if row.proved else ""))
        lines.append(f"`{order}` | " + " | ".join(cells))
    return "\n".join(f"| {line} |" for line in lines) + "\n"


def compare_all() -> dict[str, Comparison]:
    """Return the orders of every model side by side."""
    return {source: rd.compare(rd.zoo.find(source)) for source in SOURCES}


def read_summary() -> str:
    """Return what README has between the marks."""
    return README.read_text(encoding="utf-8").split(BEGIN)[1].split(END)[0]


def main() -> None:
    """Compare, and write both files."""
    comparisons = compare_all()
    PAGE.write_text(stamp(write_page(comparisons), *MADE_OF), encoding="utf-8")
    text = README.read_text(encoding="utf-8")
    summary = write_line(*MADE_OF) + write_summary(comparisons)
    README.write_text(text.replace(BEGIN + read_summary(), BEGIN + summary), encoding="utf-8")


if __name__ == "__main__":
    main()
