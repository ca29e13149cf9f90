"""Write the tables of orders, side by side for the models of the zoo: docs/orders.md and a short one in README."""

from __future__ import annotations

from pathlib import Path

import retrodict as rd
from retrodict.invert.compare import Comparison

ROOT = Path(__file__).resolve().parents[1]
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
BEGIN, END = "<!-- orders: written by make tables -->\n", "<!-- orders: end -->"


def write_page(comparisons: dict[str, Comparison]) -> str:
    """Return the page with the table of every model."""
    parts = [
        "# Orders side by side\n\nWritten by `make tables` from the code as it is. *Depth*: sequential sampling steps. "
        "*Width*: the largest parent set.\n*Cost of a step*: multiplications of a training step of the shared encoder "
        "with 256 simulations. *Optimal*: proved to\nhave the fewest edges of all orders. Seconds are those of one run "
        "on two shared cores.\n"
    ]
    for source, comparison in comparisons.items():
        parts.append(f"## {SOURCES[source]} (`{source}`)\n\n```\n{comparison}\n```\n")
    return "\n".join(parts)


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


def main() -> None:
    """Compare, and write both files."""
    comparisons = {source: rd.compare(rd.zoo.find(source)) for source in SOURCES}
    (ROOT / "docs" / "orders.md").write_text(write_page(comparisons))
    readme = ROOT / "README.md"
    text = readme.read_text()
    before, after = text.split(BEGIN)[0], text.split(END)[1]
    readme.write_text(before + BEGIN + write_summary(comparisons) + END + after)


if __name__ == "__main__":
    main()
