"""The page of learned models is what its data say, and every figure on it is there."""

import re
import runpy

from benchmarks.stamp import unstamp
from retrodict.paper.learned.results import read
from tests.processes import ROOT


def test_the_page_follows_from_the_data():
    page = runpy.run_path(str(ROOT / "experiments" / "vae_page.py"))
    written = page["PAGE"].read_text(encoding="utf-8")
    assert unstamp(written) == page["write_page"](read(page["RESULTS"]))
    figures = re.findall(r"\]\((.*\.png)\)", written)
    assert figures
    for figure in figures:
        assert (page["PAGE"].parent / figure).resolve().exists()
