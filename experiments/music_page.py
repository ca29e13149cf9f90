"""Write docs/music.md from the results that are kept here: `make music-page`."""

from __future__ import annotations

from benchmarks.stamp import ROOT, stamp
from retrodict.paper.experiment import Findings
from retrodict.paper.music.music_figures import name_figures, name_sounds
from retrodict.paper.music.music_runs import MUSIC
from retrodict.paper.music.music_tasks import MusicBudget
from retrodict.paper.music.music_units import MusicUnit
from retrodict.paper.summary import read

RESULTS = ROOT / "experiments" / "results" / "music"
PAGE = ROOT / "docs" / "music.md"
MADE_OF = ("experiments/results/music", "experiments/music_page.py", "src/retrodict/paper")


def write_page(findings: Findings[MusicUnit, MusicBudget]) -> str:
    """Return the tables, and the figures below them."""
    figures = [
        f"![{name.replace('_', ' ')}](../{RESULTS.relative_to(ROOT)}/{name}.png)\n" for name in name_figures(findings)
    ]
    place = RESULTS.relative_to(ROOT)
    sounds = [f"A new piece as sound: [{name}](../{place}/{name}.wav)\n" for name in name_sounds(findings)]
    return "\n".join([MUSIC.write(findings), "## Figures\n", *figures, *sounds])


if __name__ == "__main__":
    PAGE.write_text(stamp(write_page(read(MUSIC, RESULTS)), *MADE_OF), encoding="utf-8")
