"""The paper's experiment in small: what it compares, and that the demo tells it whole."""

import io

import jax
import pytest
from rich.console import Console

from retrodict import zoo
from retrodict.demo import run_demo
from retrodict.encode.build import count_stored
from retrodict.errors import OptionError
from retrodict.reproduce.encoders import list_candidates
from retrodict.reproduce.figure2 import Setting


@pytest.mark.parametrize("depth", [4, 5])
def test_the_candidates_have_equal_capacity_and_the_papers_structures(depth):
    model = zoo.binary_tree(depth)
    heuristic, standard, minimal = list_candidates(model)
    capacity = count_stored(heuristic.build(jax.random.key(0)))
    latents, inputs = len(model.net.latents), len(model.net)
    for masked in (standard, minimal):
        first, second = masked.widths
        full = (inputs + 1) * first + (first + 1) * second + (second + 1) * 2 * latents
        assert full == pytest.approx(capacity, rel=0.002)
    assert heuristic.inverse.n_edges == 2 * latents
    assert standard.inverse.n_edges == latents * (latents + 1) + latents * (latents - 1) // 2
    assert minimal.inverse.n_edges == {4: 27, 5: 70}[depth]


def test_the_demo_tells_figure_1_and_writes_figure_2(tmp_path, capsys):
    text = io.StringIO()
    path = run_demo(tmp_path, Console(file=text, width=100), Setting(epochs=2, batch=8, decimate=(1,)), depth=3)
    told = text.getvalue()
    assert "reversed edges are 6, a faithful inverse has 9 edges" in " ".join(told.split())
    assert "x3 -> x2   because of   x3 <- x1 <- x0 -> x2" in told
    assert told.count("masked") == 2
    assert path.name == "figure2_depth3.png"
    assert path.read_bytes().startswith(b"\x89PNG")
    assert "50/50 steps" in capsys.readouterr().err


def test_the_demo_refuses_a_folder_it_cannot_write_before_it_trains(tmp_path):
    text = io.StringIO()
    with pytest.raises(OptionError, match="cannot write"):
        run_demo(tmp_path / "nowhere", Console(file=text))
    assert text.getvalue() == ""
