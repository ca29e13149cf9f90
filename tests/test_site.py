"""The site has every page and every public name, and its pictures and notebooks are those of the code."""

from __future__ import annotations

import json
import re

import pytest

import retrodict as rd
from docs.building.docstrings import indent_sections
from docs.building.words import FOLDER, draw_words
from docs.live.inverter import read, show
from tests.processes import ROOT

DOCS = ROOT / "docs"
TUTORIALS = sorted((DOCS / "tutorials").glob("*.ipynb"))


def test_every_page_is_in_the_contents():
    tree = "".join(re.findall(r"```\{toctree\}(.*?)```", (DOCS / "index.md").read_text(encoding="utf-8"), re.DOTALL))
    listed = set(re.findall(r"^(?:.*<)?([\w/-]+)>?$", tree, re.MULTILINE)) - {""}
    pages = {path.relative_to(DOCS).with_suffix("").as_posix() for path in [*DOCS.rglob("*.md"), *TUTORIALS]}
    assert listed == pages - {"index"}


def test_every_public_name_is_in_the_reference_once():
    pages = "".join(path.read_text(encoding="utf-8") for path in (DOCS / "reference").glob("*.md"))
    names = re.findall(r"^\.\. auto(?:class|function):: (\w+)$", pages, re.MULTILINE)
    assert sorted(names) == sorted(set(rd.__all__) - {"errors", "zoo", "__version__"})


def test_sections_behind_their_heading_are_read():
    lines = ["Say it.", "", "Returns: a posterior,", "if any.", "", "Raises: `A`, where `b`.", "", ">>> 1"]
    assert indent_sections(lines) == [
        *["Say it.", "", "Returns:", "    a posterior,", "    if any.", ""],
        *["**Raises**", "", "`A`, where `b`.", "", ">>> 1"],
    ]


@pytest.mark.parametrize("name", draw_words())
def test_pictures_of_words_are_those_of_the_code(name):
    assert (FOLDER / name).read_text(encoding="utf-8") == draw_words()[name]


@pytest.mark.parametrize("path", TUTORIALS, ids=lambda path: path.stem)
def test_a_tutorial_begins_with_a_question_and_ends_with_a_checked_answer(path):
    cells = json.loads(path.read_text(encoding="utf-8"))["cells"]
    code = [cell for cell in cells if cell["cell_type"] == "code"]
    assert re.search(r"^\*[^*]+\?\*$|^\*[^*]+\*$", "".join(cells[0]["source"]), re.MULTILINE)
    assert "?" in "".join(cells[0]["source"])
    assert any("## Is it right?" in "".join(cell["source"]) for cell in cells)
    assert any("assert" in "".join(cell["source"]) for cell in code[-2:])
    assert all(cell["execution_count"] == number for number, cell in enumerate(code, start=1))
    assert not [output for cell in code for output in cell["outputs"] if output["output_type"] == "error"]


# -- the live page -----------------------------------------------------------------------------------


def test_the_live_page_reads_parents_and_files():
    text = (ROOT / "tests" / "data" / "asia.bif").read_text(encoding="utf-8")
    model = rd.from_bif(ROOT / "tests" / "data" / "asia.bif")
    lines = "\n".join(f"{name} | {', '.join(model.net.parents(name))}" for name in model.net.names)
    for source in (text, lines):
        net = read(source, ["asia", "xray"])
        assert {name: net.parents(name) for name in net.names} == {n: model.net.parents(n) for n in model.net.names}
        assert net.observed == ("asia", "xray")
    assert '"first":' in show(text)["page"]


@pytest.mark.parametrize("text", ["", "a | b", "a; a", "| a", "a | a", "variable a { type continuous; }"])
def test_the_live_page_says_what_is_wrong(text):
    assert show(text)["error"].endswith((".", "?"))
