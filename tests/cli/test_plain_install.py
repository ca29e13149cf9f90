"""What an installation without extras does: the main work, after saying what will be left out and the remedy."""

import io
import json
import re
import sys

import numpy as np
import pytest
from rich.console import Console

from retrodict import BayesNet, zoo
from retrodict.cli.demo import run_demo
from retrodict.errors import MissingPackageError
from retrodict.invert import invert
from retrodict.packages import explain_missing, import_pyplot
from retrodict.paper.experiment import Result
from retrodict.paper.figure1 import write_figure1
from retrodict.posterior.calibration.calibration import Calibration
from tests.posterior.exact import exact_posterior

REMEDY = r"pip install 'retrodict\[plot\]'"


def hide(monkeypatch, package: str) -> None:
    """Let a package be as if it were not installed, its parts that were imported already included."""
    for name in [name for name in sys.modules if name.split(".")[0] == package]:
        monkeypatch.setitem(sys.modules, name, None)
    monkeypatch.setitem(sys.modules, package, None)


@pytest.fixture
def plain(monkeypatch):
    hide(monkeypatch, "matplotlib")


@pytest.mark.usefixtures("plain")
def test_every_figure_says_which_package_it_needs(tmp_path):
    net = BayesNet({"z": [], "x": ["z"]}, observed=["x"])
    uniforms = np.random.default_rng(0).random((100, 4))
    outcome = Calibration(("z", "log q(z | x)", "log p(z, x)", "TARP"), uniforms, 99, 0.001)
    attempts = [
        import_pyplot,
        net.plot().to_png,
        lambda: invert(net).plot().save(tmp_path / "a.png"),
        outcome.plot,
        lambda: write_figure1(tmp_path),
    ]
    for attempt in attempts:
        with pytest.raises(MissingPackageError, match=REMEDY):
            attempt()
    assert list(tmp_path.iterdir()) == []
    assert re.search(REMEDY, explain_missing())


def test_nothing_is_missing_where_matplotlib_is_installed():
    assert explain_missing() == ""


def test_arviz_is_missed_before_anything_is_drawn(monkeypatch):
    hide(monkeypatch, "arviz")
    posterior = exact_posterior(zoo.binary_tree(2))
    monkeypatch.setattr(type(posterior), "importance", lambda *_: pytest.fail("draws were made"))
    with pytest.raises(MissingPackageError, match=r"pip install 'retrodict\[arviz\]'"):
        posterior.to_arviz({"x1": 0.0, "x2": 0.0})


@pytest.mark.usefixtures("plain")
def test_the_demo_says_first_that_the_figure_is_left_out_and_tells_the_rest(tmp_path, monkeypatch):
    text = io.StringIO()

    def train(unit, budget):
        """Stands for the training, before which all that is wrong has to be said."""
        assert "will be left out" in text.getvalue()
        return Result(unit, dict.fromkeys(("edges", "in_use", "stored", "kl", "kl_error", "floor", "seconds"), 1), {})

    monkeypatch.setattr("retrodict.cli.demo.run_unit", train)
    assert run_demo(tmp_path, Console(file=text, width=100), depth=3) is None
    told = " ".join(text.getvalue().split())
    assert re.match(r"The figure will be left out, the tables will not: .*" + REMEDY, told)
    assert "Distance from the exact posterior" in told
    assert "are in" not in told
    assert list(tmp_path.iterdir()) == []


@pytest.mark.usefixtures("plain")
def test_figure_1_is_written_as_svg(run, tmp_path):
    status, out, err = run("reproduce", "figure1", "--out", str(tmp_path))
    assert status == 0
    assert re.match(r"figure1\.png is left out: .*" + REMEDY, err)
    assert sorted(path.name for path in tmp_path.iterdir()) == ["figure1.json", "figure1.svg"]
    assert "figure1.png" not in out
    assert json.loads((tmp_path / "figure1.json").read_text())["faithful"] == 9


@pytest.mark.usefixtures("plain")
@pytest.mark.parametrize("command", ["figure2", "vae"])
def test_drawing_again_is_refused_at_once(run, tmp_path, command):
    status, _, err = run("reproduce", command, "--replot", "--out", str(tmp_path / "nowhere"))
    assert status == 2
    assert re.search(REMEDY, err)


@pytest.mark.usefixtures("plain")
def test_a_campaign_says_first_that_figures_are_left_out(run, tmp_path):
    (tmp_path / "file").touch()
    _, out, err = run("reproduce", "figure2", "--smoke", "--out", str(tmp_path / "file"))
    assert out == ""
    assert re.match(r"figures will be left out, tables will not: .*" + REMEDY + r".* --replot draws them\.", err)
    assert err.splitlines()[-1].startswith("retrodict: ")


@pytest.mark.usefixtures("plain")
def test_a_png_is_refused_before_the_inversion(run, tmp_path, monkeypatch):
    monkeypatch.setattr("retrodict.cli.app.invert", lambda *_, **__: pytest.fail("it was inverted"))
    status, _, err = run("invert", "tree:3", "--plot", str(tmp_path / "a.png"))
    assert status == 2
    assert re.search(REMEDY, err)
