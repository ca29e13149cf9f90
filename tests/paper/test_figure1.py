"""Figure 1 has the edges that the paper counts, at the same places in all three graphs."""

import json

import pytest

from retrodict.errors import FileError, OptionError
from retrodict.paper.figure1 import count_edges, draw_figure1, write_figure1
from retrodict.pictures.scene import ADDED


def test_edges_are_those_of_the_paper():
    counts = count_edges()
    assert (counts.model, counts.heuristic, counts.faithful) == (6, 6, 9)
    assert counts.added == (("x3", "x2"), ("x4", "x2"), ("x2", "x1"))


@pytest.mark.parametrize("depth", [2, 3, 4, 5])
def test_all_three_are_drawn_on_the_same_places(depth):
    drawings, counts = draw_figure1(depth).drawings, count_edges(depth)
    places = [{placed.box.lines: (placed.x, placed.y) for placed in drawing.boxes} for drawing in drawings]
    first = places[0]["x0",]
    for place in places:
        shift = place["x0",][0] - first[0], place["x0",][1] - first[1]
        assert place == pytest.approx(
            {name: pytest.approx((x + shift[0], y + shift[1])) for name, (x, y) in places[0].items()}
        )
    assert [len(drawing.curves) for drawing in drawings] == [counts.model, counts.heuristic, counts.faithful]
    assert sum(curve.link.mark == ADDED for curve in drawings[2].curves) == len(counts.added)


def test_files_are_written_with_their_figures(tmp_path):
    paths = write_figure1(tmp_path / "figures")
    assert [path.name for path in paths] == ["figure1.svg", "figure1.png", "figure1.json"]
    assert paths[1].read_bytes().startswith(b"\x89PNG")
    data = json.loads(paths[2].read_text())
    assert (data["depth"], data["faithful"], len(data["added"])) == (3, 9, 3)
    text = paths[0].read_text(encoding="utf-8")
    assert "(c) faithful inverse, 9: 3 added" in text
    (tmp_path / "file").touch()
    with pytest.raises(FileError, match="cannot be written"):
        write_figure1(tmp_path / "file" / "figures")


@pytest.mark.parametrize("depth", [1, 6])
def test_other_depths_are_refused(depth):
    with pytest.raises(OptionError, match="Choose 2 to 5"):
        draw_figure1(depth)
