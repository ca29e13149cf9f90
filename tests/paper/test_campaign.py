"""Any experiment as a campaign: each unit runs once, goes on where it was stopped, and is read from its data alone."""

import errno
import json
import os
import shutil
from dataclasses import dataclass, replace

import numpy as np
import pytest

from retrodict.errors import FileError
from retrodict.paper.campaign import run_units
from retrodict.paper.experiment import Experiment, Files, Result
from retrodict.paper.results import list_units, load_unit
from retrodict.paper.summary import collect, read


@dataclass(frozen=True, order=True)
class Throw:
    """A unit: a die of some number of sides."""

    sides: int
    seed: int

    @property
    def name(self):
        return f"die{self.sides}-seed{self.seed}"


@dataclass(frozen=True)
class Times:
    """A budget."""

    times: int = 3


def throw(unit, budget, quiet=False):
    """Return a mean and all throws; the last curve is missing in the first epoch."""
    rolled = np.random.default_rng(unit.seed).integers(unit.sides, size=budget.times) + 1 / 3
    facts = {"mean": float(rolled.mean()), "failed_at": None, "names": "die"}
    return Result(unit, facts, {"rolled": rolled.tolist(), "late": [float("nan"), *rolled[1:].tolist()]}, {"a": ["ff"]})


def count_sides(found):
    return {"most": max(result.unit.sides for result in found)}


DICE = Experiment(
    Files("dice", "retrodict dice", version=4),
    *(Throw, Times, ("rolled", "late"), throw),
    draw=lambda findings, folder: [],
    write=lambda findings: f"# {len(findings.results)} dice\n",
    shared={"sides": count_sides},
)
ASKED = [Throw(6, 0), Throw(4, 1), Throw(6, 1)]


@pytest.fixture(params=[False, True], ids=["nested", "flat"])
def dice(request):
    return change(DICE, flat=request.param)


@pytest.fixture
def folder(dice, tmp_path):
    run(dice, tmp_path)
    return tmp_path


def run(experiment, folder, asked=ASKED, budget=Times()):
    told = []
    run_units(experiment, asked, budget, folder, lambda result: told.append(result.unit))
    return told


def change(experiment, **changes):
    """The experiment with other files."""
    return replace(experiment, files=experiment.files._replace(**changes))


def refuse(*_):
    raise AssertionError("a unit was run again")


# -- what is there -----------------------------------------------------------------------------------


def test_results_are_a_table_and_a_json(dice, folder):
    summary = json.loads((folder / "dice.json").read_text())
    assert [(unit["sides"], unit["seed"]) for unit in summary["units"]] == [(4, 1), (6, 0), (6, 1)]
    assert ("mean" in summary["units"][0]) == dice.files.flat
    assert (summary["seeds"], summary["sides"], summary["budget"]) == ([0, 1], {"most": 6}, {"times": 3})
    assert {"retrodict", "jax", "python"} <= set(summary["versions"])
    assert summary["commands"]
    lines = (folder / "dice.csv").read_text().splitlines()
    assert lines[0] == "sides,seed,epoch,rolled,late"
    assert len(lines) == 1 + 3 * 3
    assert lines[1].endswith(",")  # what is not a number is left empty


@pytest.mark.parametrize("digits", [3, 10])
def test_what_is_read_is_what_was_measured(dice, folder, digits):
    dice = change(dice, digits=digits)
    made, data = collect(dice, folder, Times()), read(dice, folder)
    assert (data.budget, data.shared) == (made.budget, made.shared)
    for one, other in zip(data.results, made.results, strict=True):
        assert (one.unit, one.facts) == (other.unit, other.facts)
        assert one.pictures == ({} if dice.files.flat or one.unit.seed else other.pictures)
        for name in dice.curves:
            np.testing.assert_allclose(one.curves[name], other.curves[name], rtol=10.0 ** (1 - digits))
        assert load_unit(dice, folder, one.unit, Times())[0].pictures == {"a": ["ff"]}


def test_what_is_there_is_not_run_again(dice, folder):
    assert run(replace(dice, run=refuse), folder) == []


def test_only_what_is_missing_is_run(dice, folder):
    path = folder / "units" / "die4-seed1"
    kept = path.read_bytes()
    path.unlink()
    assert run(dice, folder) == [Throw(4, 1)]
    assert path.read_bytes() == kept


def test_a_stopped_campaign_keeps_what_was_run(dice, tmp_path):
    def stop(unit, budget, quiet):
        if unit == ASKED[1]:
            raise KeyboardInterrupt
        return throw(unit, budget)

    with pytest.raises(KeyboardInterrupt):
        run(replace(dice, run=stop), tmp_path)
    assert run(dice, tmp_path) == ASKED[1:]


def test_the_data_alone_are_read(dice, folder):
    shutil.rmtree(folder / "units")
    assert len(read(dice, folder).results) == 3


# -- what is wrong -----------------------------------------------------------------------------------


def test_a_full_disk_leaves_what_was_written(dice, folder, monkeypatch):
    (folder / "units" / "die4-seed1").unlink()
    before = {path.name: path.read_bytes() for path in (folder / "units").iterdir()}

    def fill(*_):
        raise OSError(errno.ENOSPC, "No space left on device")

    with monkeypatch.context() as full:
        full.setattr(os, "fsync", fill)
        with pytest.raises(FileError, match=r"die4-seed1: cannot be written \(No space left"):
            run(dice, folder)
    assert {path.name: path.read_bytes() for path in (folder / "units").iterdir()} == before
    assert len(read(dice, folder).results) == 3  # the table and the JSON are those of before


def test_a_folder_that_cannot_be_written_is_named_before_anything_is_run(dice, tmp_path):
    (tmp_path / "file").touch()
    with pytest.raises(FileError, match="file: cannot be written"):
        run(replace(dice, run=refuse), tmp_path / "file")


def test_results_of_another_budget_are_not_mixed_in(dice, folder):
    with pytest.raises(FileError, match=r"was made with times=3, not 4\. Name another folder"):
        run(dice, folder, budget=Times(4))


OTHERS = [
    ({"version": 5}, "is of another version: format 4, where this one has 5"),
    ({"kind": "retrodict coins"}, "is not a result of dice"),
]


@pytest.mark.parametrize(("changes", "message"), OTHERS)
def test_results_of_another_experiment_are_named(dice, folder, changes, message):
    other = change(dice, **changes)
    for ask in (lambda: run(other, folder), lambda: read(other, folder), lambda: list_units(other, folder)):
        with pytest.raises(FileError, match=message):
            ask()


HEAD = "sides,seed,epoch,rolled,late\n"
DAMAGED = [
    ("dice.json", "{", "dice.json: is damaged"),
    ("dice.json", '{"kind": "retrodict dice", "format": 4}', "does not fit dice.json"),
    ("dice.csv", "sides,seed\n", "its first line does not name the columns"),
    ("dice.csv", f"{HEAD}3,0,x\n", "does not fit dice.json"),
    ("dice.csv", f"{HEAD}3,0,1,six,0\n", "does not fit dice.json"),
]


@pytest.mark.parametrize(("name", "content", "message"), DAMAGED)
def test_damaged_data_are_named(dice, folder, name, content, message):
    (folder / name).write_text(content)
    with pytest.raises(FileError, match=message):
        read(dice, folder)


def test_a_damaged_unit_is_named(dice, folder):
    path = folder / "units" / "die6-seed0"
    path.write_bytes(path.read_bytes()[:-7])
    with pytest.raises(FileError, match="die6-seed0: is damaged"):
        list_units(dice, folder)
