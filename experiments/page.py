"""Write docs/figure2.md from the results that are kept here: `make figure2-page`."""

from __future__ import annotations

from benchmarks.stamp import ROOT, stamp
from retrodict.paper.experiment import Findings
from retrodict.paper.figure2.entries import TreeBudget
from retrodict.paper.figure2.tree_runs import FIGURE2
from retrodict.paper.figure2.units import TreeUnit
from retrodict.paper.summary import read

RESULTS = ROOT / "experiments" / "results" / "figure2"
PAGE = ROOT / "docs" / "figure2.md"
MADE_OF = ("experiments/results/figure2", "experiments/page.py", "src/retrodict/paper")


def write_page(findings: Findings[TreeUnit, TreeBudget]) -> str:
    """Return the tables, and the figures below them."""
    depths = sorted({result.unit.depth for result in findings.results})
    figures = [f"![depth {depth}](../{RESULTS.relative_to(ROOT)}/figure2_depth{depth}.png)\n" for depth in depths]
    return "\n".join([FIGURE2.write(findings), "## Figures\n", *figures])


if __name__ == "__main__":
    PAGE.write_text(stamp(write_page(read(FIGURE2, RESULTS)), *MADE_OF), encoding="utf-8")
