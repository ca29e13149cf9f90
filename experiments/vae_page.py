"""Write docs/vae.md from the results that are kept here: `make vae-page`."""

from __future__ import annotations

from benchmarks.stamp import ROOT, stamp
from retrodict.paper.experiment import Findings
from retrodict.paper.learned.curves import name_figures
from retrodict.paper.learned.measures import LearnedUnit
from retrodict.paper.learned.model_runs import LEARNED
from retrodict.paper.learned.tasks import LearnedBudget
from retrodict.paper.summary import read

RESULTS = ROOT / "experiments" / "results" / "vae"
PAGE = ROOT / "docs" / "vae.md"
MADE_OF = ("experiments/results/vae", "experiments/vae_page.py", "src/retrodict/paper")


def write_page(findings: Findings[LearnedUnit, LearnedBudget]) -> str:
    """Return the tables, and the figures below them."""
    figures = [
        f"![{name.replace('_', ' ')}](../{RESULTS.relative_to(ROOT)}/{name}.png)\n" for name in name_figures(findings)
    ]
    return "\n".join([LEARNED.write(findings), "## Figures\n", *figures])


if __name__ == "__main__":
    PAGE.write_text(stamp(write_page(read(LEARNED, RESULTS)), *MADE_OF), encoding="utf-8")
