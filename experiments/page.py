"""Write docs/figure2.md from the results that are kept here: `make figure2-page`."""

from __future__ import annotations

from pathlib import Path

from retrodict.reproduce.results import Data, read
from retrodict.reproduce.tables import make_page

ROOT = Path(__file__).resolve().parents[1]
RESULTS = ROOT / "experiments" / "results" / "figure2"
PAGE = ROOT / "docs" / "figure2.md"


def write_page(data: Data) -> str:
    """Return the tables, and the figures below them."""
    depths = sorted({result.unit.depth for result in data.results})
    figures = [f"![depth {depth}](../{RESULTS.relative_to(ROOT)}/figure2_depth{depth}.png)\n" for depth in depths]
    return "\n".join([make_page(data), "## Figures\n", *figures])


if __name__ == "__main__":
    PAGE.write_text(write_page(read(RESULTS)), encoding="utf-8")
