"""Write docs/vae.md from the results that are kept here: `make vae-page`."""

from __future__ import annotations

from benchmarks.stamp import ROOT, stamp
from retrodict.paper.learned.bands import name_figures
from retrodict.paper.learned.results import Data, read
from retrodict.paper.learned.tables import make_page

RESULTS = ROOT / "experiments" / "results" / "vae"
PAGE = ROOT / "docs" / "vae.md"
MADE_OF = ("experiments/results/vae", "experiments/vae_page.py", "src/retrodict/reproduce/vae")


def write_page(data: Data) -> str:
    """Return the tables, and the figures below them."""
    figures = [
        f"![{name.replace('_', ' ')}](../{RESULTS.relative_to(ROOT)}/{name}.png)\n" for name in name_figures(data)
    ]
    return "\n".join([make_page(data), "## Figures\n", *figures])


if __name__ == "__main__":
    PAGE.write_text(stamp(write_page(read(RESULTS)), *MADE_OF), encoding="utf-8")
