"""The results that are kept here: they are read as they are, and nothing on their pages was typed."""

import re
import runpy
import shutil

import numpy as np
import pytest

from benchmarks.stamp import unstamp
from retrodict.paper.figure2.tree_runs import FIGURE2
from retrodict.paper.learned.model_runs import LEARNED
from retrodict.paper.music.music_runs import MUSIC
from retrodict.paper.summary import collect, read
from tests.processes import ROOT

PAGES = {"page.py": FIGURE2, "vae_page.py": LEARNED, "music_page.py": MUSIC}


@pytest.fixture(params=PAGES)
def kept(request):
    """An experiment, and the names in the script that writes its page."""
    return PAGES[request.param], runpy.run_path(str(ROOT / "experiments" / request.param))


def test_the_page_follows_from_the_data(kept):
    experiment, page = kept
    written = page["PAGE"].read_text(encoding="utf-8")
    assert unstamp(written) == page["write_page"](read(experiment, page["RESULTS"]))
    figures = re.findall(r"\]\((.*\.png)\)", written)
    assert figures
    for figure in figures:
        assert (page["PAGE"].parent / figure).resolve().exists()


def test_what_a_page_is_made_of_is_there(kept):
    assert all((ROOT / path).exists() for path in kept[1]["MADE_OF"])


def test_the_data_follow_from_the_units(kept, tmp_path):
    experiment, page = kept
    shutil.copytree(page["RESULTS"] / "units", tmp_path / "units")
    recorded, made = read(experiment, page["RESULTS"]), collect(experiment, tmp_path, experiment.budget())
    assert made.shared == recorded.shared
    for one, other in zip(made.results, recorded.results, strict=True):
        assert (one.unit, one.facts) == (other.unit, other.facts)
        for name in experiment.curves:
            np.testing.assert_allclose(one.curves[name], other.curves[name], rtol=1e-6)
