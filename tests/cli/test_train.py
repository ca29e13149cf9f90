"""`retrodict train`: the folder is tried before the training, and the verdict of calibration is the exit status."""

import importlib
import json

import pytest

import retrodict as rd


@pytest.fixture
def no_training(monkeypatch):
    monkeypatch.setattr("retrodict.posterior.amortization.amortize", lambda *_, **__: pytest.fail("it was trained"))


@pytest.mark.usefixtures("no_training")
def test_a_folder_that_cannot_be_written_is_refused_before_training(run, tmp_path):
    (tmp_path / "file").touch()
    (tmp_path / "full").mkdir()
    (tmp_path / "full" / "mine").touch()
    for out, message in [
        (tmp_path / "file", "exists already"),
        (tmp_path / "full", "exists already"),
        (tmp_path / "file" / "out", "cannot be written (Not a directory)"),
        ("/proc/1/out", "cannot be written"),
    ]:
        status, told, err = run("train", "tree:2", "-o", str(out))
        assert (status, told) == (2, "")
        assert message in err
        assert err.count("\n") == 1
    assert sorted(path.name for path in tmp_path.rglob("*")) == ["file", "full", "mine"]


@pytest.mark.usefixtures("no_training")
def test_too_few_simulations_are_refused_before_training(run, tmp_path):
    status, _, err = run("train", "tree:2", "--simulations", "5", "-o", str(tmp_path / "out"))
    assert status == 2
    assert "simulations=5 is too small for the check of calibration. It must be 100 or more, or 0 for no check." in err


def test_a_training_that_fails_leaves_no_folder(run, tmp_path):
    status, _, err = run("train", "tree:2", "--steps", "-1", "-o", str(tmp_path / "out"))
    assert status == 2
    assert "steps=-1" in err
    assert list(tmp_path.iterdir()) == []


PARABOLA = """
import numpyro
from numpyro import distributions as dist

def program():
    z = numpyro.sample("z", dist.Normal(0.0, 1.0))
    numpyro.sample("x", dist.Normal(z**2, 0.1), obs=1.0)
"""


def test_a_rejected_posterior_is_saved_and_ends_with_status_1(run, tmp_path, monkeypatch):
    """No regression reaches a posterior of two modes, which calibration sees; an empty folder is taken as new."""
    (tmp_path / "parabola.py").write_text(PARABOLA)
    monkeypatch.syspath_prepend(tmp_path)
    out = tmp_path / "out"
    out.mkdir()
    source = "parabola:program"
    status, told, _ = run("train", source, "--steps", "0", "--simulations", "1000", "-o", str(out), "--json")
    outcome = json.loads(told)["calibration"]
    assert not outcome["passed"]
    assert status == 1
    assert json.loads(told)["objective"] is None
    parabola = importlib.import_module("parabola")
    assert rd.load(out, rd.from_numpyro(parabola.program)).inverse.n_edges == 1


def test_without_a_step_a_tree_is_at_its_posterior(run, tmp_path):
    out = tmp_path / "out"
    status, told, _ = run("train", "tree:3", "--no-exact", "--steps", "0", "--simulations", "1000", "-o", str(out))
    assert status == 0
    assert "0 epochs" in told
    assert rd.load(out, rd.zoo.binary_tree(3)).history.test == ()
