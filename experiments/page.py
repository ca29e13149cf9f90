"""Write docs/figure2.md from the results that are kept here: `make figure2-page`."""

from __future__ import annotations

from benchmarks.stamp import ROOT, stamp
from retrodict.paper.figure2.results import Data, read
from retrodict.paper.figure2.tables import make_page

RESULTS = ROOT / "experiments" / "results" / "figure2"
PAGE = ROOT / "docs" / "figure2.md"
MADE_OF = ("experiments/results/figure2", "experiments/page.py", "src/retrodict/reproduce")


def write_page(data: Data) -> str:
    """Return the tables, and the figures below them."""
    depths = sorted({result.unit.depth for result in data.results})
    figures = [f"![depth {depth}](../{RESULTS.relative_to(ROOT)}/figure2_depth{depth}.png)\n" for depth in depths]
    return "\n".join([make_page(data), "## Figures\n", *figures])


if __name__ == "__main__":
    PAGE.write_text(stamp(write_page(read(RESULTS)), *MADE_OF), encoding="utf-8")
