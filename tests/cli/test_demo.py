"""The demo tells the paper's experiment whole."""

import io

import pytest
from rich.console import Console

from retrodict.cli.demo import run_demo
from retrodict.errors import FileError
from retrodict.paper.figure2.entries import TreeBudget


def test_the_demo_tells_figure_1_and_writes_figure_2(tmp_path, capsys):
    text = io.StringIO()
    path = run_demo(tmp_path, Console(file=text, width=100), TreeBudget(epochs=2, batch=8), depth=3)
    told = text.getvalue()
    assert "reversed edges are 6, a faithful inverse has 9 edges" in " ".join(told.split())
    assert "x3 -> x2   because of   x3 <- x1 <- x0 -> x2" in told
    assert told.count("masked") == 2
    assert path.name == "figure2_depth3.png"
    assert path.read_bytes().startswith(b"\x89PNG")
    assert "50/50 steps" in capsys.readouterr().err


def test_the_demo_refuses_a_folder_it_cannot_write_before_it_trains(tmp_path):
    text = io.StringIO()
    with pytest.raises(FileError, match="cannot be written"):
        run_demo(tmp_path / "nowhere", Console(file=text))
    assert text.getvalue() == ""
