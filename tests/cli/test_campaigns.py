"""`retrodict reproduce figure2` and `vae`: every bad input is one line, before anything is trained."""

from dataclasses import replace

import pytest

from retrodict.paper.figure2 import tree_runs
from retrodict.paper.learned import model_runs

EXPERIMENTS = {"figure2": (tree_runs, "FIGURE2"), "vae": (model_runs, "LEARNED")}


@pytest.fixture
def stand_in(monkeypatch):
    """Lets another function stand in for the training of all units."""

    def replace_run(run):
        for module, name in EXPERIMENTS.values():
            monkeypatch.setattr(module, name, replace(getattr(module, name), run=run))

    return replace_run


def refuse(*_):
    raise AssertionError("a unit was run")


def stop(*_):
    raise KeyboardInterrupt


BAD = {
    "figure2 --depth 4 12": "12 is not a depth of figure 2. Choose one of these: 3, 4",
    "figure2 --depth four": "depth 'four' is not a whole number",
    "figure2 --depth -4": "depth '-4' is not a whole number",
    "figure2 --encoder heuristics": "'heuristics' is not an encoder of figure 2",
    "figure2 --width 0": "Each width must be 1 or more",
    "vae --data faces": "'faces' is not the name of images of this experiment. Choose one of these: digits, mnist5k",
    "vae --model vae": "'vae' is not a model of this experiment. Choose one of these: exact, relaxed",
    "vae --encoder dense": "'dense' is not an encoder of this experiment. Choose one of these: mean-field",
    "vae --capacity 0": "Each capacity must be 1 or more",
    "vae --capacity many": "capacity 'many' is not a whole number",
}
for command in EXPERIMENTS:
    BAD[f"{command} --seeds 0"] = "seeds=0 is too small"
    BAD[f"{command} --epochs 0"] = "epochs=0 is too small"
    BAD[f"{command} --out /dev/null/x"] = "cannot be written"
    BAD[f"{command} --replot --out /no/such/folder"] = "cannot be read"


@pytest.mark.parametrize(("command", "message"), BAD.items())
def test_bad_input_is_one_line(run, stand_in, command, message, monkeypatch, tmp_path):
    monkeypatch.chdir(tmp_path)
    stand_in(refuse)
    status, _, err = run("reproduce", *command.split())
    assert status == 2
    assert message in err
    assert err.count("\n") == 1


@pytest.mark.parametrize("command", EXPERIMENTS)
def test_a_campaign_that_is_interrupted_says_how_it_goes_on(run, stand_in, command, tmp_path):
    stand_in(stop)
    status, _, err = run("reproduce", command, "--smoke", "--out", str(tmp_path))
    assert status == 130
    assert "interrupted" in err
    assert err.count("\n") == 1


def test_missing_images_are_one_line(run, stand_in, monkeypatch, tmp_path):
    from retrodict.zoo.images import origins

    monkeypatch.setattr(origins, "FASHION_FOLDER", tmp_path)
    stand_in(refuse)
    status, _, err = run("reproduce", "vae", "--data", "fashion", "--out", str(tmp_path))
    assert status == 2
    assert "Fashion-MNIST is not installed" in err
    assert err.count("\n") == 1
