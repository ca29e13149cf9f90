"""The page of figure 2 is what its data says: nothing on it was typed."""

import runpy

from benchmarks.stamp import unstamp
from retrodict.paper.figure2.results import read
from tests.processes import ROOT


def test_the_page_follows_from_the_data():
    page = runpy.run_path(str(ROOT / "experiments" / "page.py"))
    data = read(page["RESULTS"])
    assert unstamp(page["PAGE"].read_text(encoding="utf-8")) == page["write_page"](data)


def test_every_depth_has_its_figure():
    page = runpy.run_path(str(ROOT / "experiments" / "page.py"))
    for depth in {result.unit.depth for result in read(page["RESULTS"]).results}:
        assert (page["RESULTS"] / f"figure2_depth{depth}.png").exists()
