"""Figure 2 as a campaign: resumed, drawn from its data alone, and every bad input one line."""

import errno
import json
import shutil

import numpy as np
import pytest

from retrodict.errors import FileError, OptionError
from retrodict.paper.figure2 import campaign, results
from retrodict.paper.figure2.campaign import plan_units, run_units
from retrodict.paper.figure2.entries import Budget
from retrodict.paper.figure2.results import read
from retrodict.paper.figure2.tables import count_steps, find_least, has_trained, make_page
from retrodict.paper.figure2.units import CURVES, Result, Unit, run_unit

SMALL = Budget(epochs=2, batch=8, default_steps=50)
ASKED = ["reproduce", "figure2", "--smoke", "--encoder", "heuristic,minimal-auto,default"]


@pytest.fixture(scope="module")
def made(tmp_path_factory):
    """A folder with the results of a small campaign, made once."""
    folder = tmp_path_factory.mktemp("made")
    units = plan_units([3], ["heuristic", "minimal-auto", "default"], [8], [0])
    run_units(units, SMALL, folder, lambda result: None, quiet=True)
    return folder


@pytest.fixture
def folder(made, tmp_path):
    """A copy of it to damage."""
    return shutil.copytree(made, tmp_path / "results")


def refuse_to_run(*_, **__):
    raise AssertionError("a unit was run again")


# -- what is there -----------------------------------------------------------------------------------


def test_results_are_a_table_and_a_json(folder):
    summary = json.loads((folder / "figure2.json").read_text())
    assert [unit["encoder"] for unit in summary["units"]] == ["default", "heuristic", "minimal-auto"]
    assert summary["seeds"] == [0]
    assert {"retrodict", "jax", "python"} <= set(summary["versions"])
    assert summary["commands"]
    lines = (folder / "figure2.csv").read_text().splitlines()
    assert lines[0] == "depth,encoder,width,seed,epoch,step,simulations,kl,log_posterior,train,test"
    assert len(lines) == 1 + 3 * 2


def test_what_is_read_is_what_was_measured(folder):
    data = read(folder)
    assert data.budget == SMALL
    for result in data.results:
        loaded, _ = results.load_unit(folder, result.unit, SMALL)
        assert loaded.facts == dict(result.facts)
        for name in CURVES:
            assert loaded.curves[name] == pytest.approx(result.curves[name], rel=1e-9)


def test_a_command_given_again_runs_nothing(folder, run, monkeypatch):
    monkeypatch.setattr(campaign, "run_unit", refuse_to_run)
    status, out, _ = run(*ASKED, "--out", str(folder))
    assert status == 0
    assert "3 runs" in out
    assert (folder / "figure2_depth3.png").read_bytes().startswith(b"\x89PNG")


def test_a_stopped_campaign_goes_on_where_it_was(folder, run, monkeypatch):
    name = "depth3-minimal-auto-width8-seed0"
    kept = (folder / "units" / name).read_bytes()
    (folder / "units" / name).unlink()

    def stop(*_, **__):
        raise KeyboardInterrupt

    monkeypatch.setattr(campaign, "run_unit", stop)
    status, _, err = run(*ASKED, "--out", str(folder))
    assert status == 130
    assert "interrupted" in err
    assert err.count("\n") == 1

    ran = []

    def count(unit, *rest, **options):
        ran.append(unit.name)
        return run_unit(unit, *rest, **options)

    monkeypatch.setattr(campaign, "run_unit", count)
    assert run(*ASKED, "--out", str(folder))[0] == 0
    assert ran == [name]
    before, after = (
        dict(zip(CURVES, curves, strict=True)) for curves in (curves_of(kept, folder, name), curves_now(folder, name))
    )
    assert before == after  # the same seed gives the same bits


def curves_of(content, folder, name):
    path = folder / "copy"
    path.write_bytes(content)
    arrays = results.read_arrays(path)[1]
    return [arrays[curve].tolist() for curve in CURVES]


def curves_now(folder, name):
    arrays = results.read_arrays(folder / "units" / name)[1]
    return [arrays[curve].tolist() for curve in CURVES]


def test_replot_needs_the_data_alone(folder, run, monkeypatch):
    shutil.rmtree(folder / "units")
    monkeypatch.setattr(campaign, "run_unit", refuse_to_run)
    status, out, _ = run("reproduce", "figure2", "--replot", "--out", str(folder))
    assert status == 0
    assert out.count("wrote") == 2
    assert "floor of the reversed edges 0.0816" in (folder / "figure2.md").read_text()


# -- bad input ---------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (["--depth", "4", "12"], "the depth 12 is not in figure 2. Choose of 3, 4"),
        (["--depth", "four"], "depth 'four' is no whole number"),
        (["--depth", "-4"], "depth '-4' is no whole number"),
        (["--encoder", "heuristics"], "the encoder 'heuristics' is not in figure 2"),
        (["--width", "0"], "width must be 1 or more"),
        (["--seeds", "0"], "seeds=0 is too small"),
        (["--epochs", "0"], "epochs=0 is too small"),
        (["--out", "/dev/null/x"], "cannot be written"),
        (["--replot", "--out", "/no/such/folder"], "cannot be read"),
    ],
)
def test_bad_input_is_one_line(run, arguments, message, monkeypatch, tmp_path):
    monkeypatch.chdir(tmp_path)
    monkeypatch.setattr(campaign, "run_unit", refuse_to_run)
    status, _, err = run("reproduce", "figure2", *arguments)
    assert status == 2
    assert message in err
    assert err.count("\n") == 1


def test_a_full_disk_leaves_what_was_written(folder, run, monkeypatch):
    (folder / "units" / "depth3-minimal-auto-width8-seed0").unlink()
    before = {path.name: path.read_bytes() for path in (folder / "units").iterdir()}

    def fill(*_):
        raise OSError(errno.ENOSPC, "No space left on device")

    monkeypatch.setattr(results, "write_arrays", fill)
    status, _, err = run(*ASKED, "--out", str(folder))
    assert status == 2
    complaint = err.splitlines()[-1]
    assert "No space left on device" in complaint
    assert "the same command" in complaint
    assert {path.name: path.read_bytes() for path in (folder / "units").iterdir()} == before
    assert len(read(folder).results) == 3  # the table and the JSON are those of before


def test_results_of_another_budget_are_not_mixed_in(folder, run):
    status, _, err = run("reproduce", "figure2", "--depth", "3", "--width", "8", "--out", str(folder))
    assert status == 2
    assert "epochs=2, not 160" in err
    assert err.count("\n") == 1


def test_results_of_another_version_are_named(folder, run, monkeypatch):
    monkeypatch.setattr(results, "FORMAT", 3)
    for arguments in (ASKED, ["reproduce", "figure2", "--replot"]):
        status, _, err = run(*arguments, "--out", str(folder))
        assert status == 2
        assert "is of another version: format 2, where this one has 3" in err
        assert err.count("\n") == 1


@pytest.mark.parametrize(
    ("name", "content"),
    [
        ("figure2.json", "{"),
        ("figure2.json", '{"kind": "retrodict figure 2", "format": 2}'),
        ("figure2.csv", "depth,encoder\n"),
        ("figure2.csv", "depth,encoder,width,seed,epoch,step,simulations,kl,log_posterior,train,test\n3,default,x\n"),
    ],
)
def test_damaged_data_is_named(folder, run, name, content):
    (folder / name).write_text(content)
    status, _, err = run("reproduce", "figure2", "--replot", "--out", str(folder))
    assert status == 2
    assert "figure2." in err
    assert err.count("\n") == 1


def test_a_damaged_unit_is_named(folder):
    path = folder / "units" / "depth3-default-width0-seed0"
    path.write_bytes(path.read_bytes()[:-7])
    with pytest.raises(FileError, match=r"default-width0-seed0: is damaged"):
        results.list_units(folder)


def test_no_width_at_all_is_refused():
    with pytest.raises(OptionError, match="width must be 1 or more"):
        plan_units([3], ["heuristic"], [], [0])


# -- tables ------------------------------------------------------------------------------------------


def invent(kl, width=8, seed=0, curve=(2.0, 0.2, 0.05), encoder="heuristic", floor=0.0):
    facts = {"kl": kl, "floor": floor, "latents": 2, "entropy": 1.0, "strategy": "reversal", "edges": 2, "levels": 1}
    facts |= {"in_use": 10, "stored": 12, "seconds": 1.0, "batch": 4, "kl_error": 0.0, "failed_at": None}
    facts |= {"first_fall": 50, "second_fall": None}
    steps = [25.0 * (i + 1) for i in range(len(curve))]
    curves = {"step": steps, "simulations": [4 * s for s in steps], "kl": list(curve), "log_posterior": list(curve)}
    return Result(Unit(3, encoder, width, seed), facts, curves | {"train": list(curve), "test": list(curve)})


def test_steps_to_a_goal_are_counted_a_latent():
    assert count_steps(invent(0.05), 0.1) == 50  # 0.2 nats of 2 latents
    assert count_steps(invent(0.05), 0.03) == 75
    assert count_steps(invent(0.05), 0.01) == np.inf


def test_a_training_fails_above_the_floor_or_by_a_number():
    assert has_trained(invent(0.2))
    assert not has_trained(invent(0.21))
    assert has_trained(invent(1.2, floor=1.0))
    assert not has_trained(invent(None))


def test_the_least_width_counts_only_where_all_larger_ones_train():
    good, bad = [invent(0.1)], [invent(0.1), invent(5.0)]
    assert find_least({20: good, 10: good, 5: bad}) == "10"
    assert find_least({20: good, 10: bad, 5: good}) == "20"
    assert find_least({20: bad, 10: good}) == "none"


def test_the_page_tells_ratios_and_failures():
    slow = [invent(0.05, encoder="standard", curve=(2.0, 1.0, 0.5, 0.2))]
    fast = [invent(0.05, encoder="minimal-auto"), invent(None, encoder="minimal-auto", width=4, curve=())]
    page = make_page(results.Data(Budget(), (*slow, *fast), {3: 0.5}))
    assert "- `minimal-auto`, to 0.1: 2.0; to 0.03: more than 1.3; to 0.01: not reached" in page
    assert "| 50 / - |" in page
    assert "| `minimal-auto` | 8 | 1 of 1; 10; 0.05 | 0 of 1; 10; failed |" in page
