"""Learned models as a campaign: resumed, drawn from their data alone, and every bad input one line."""

import json
import math
import shutil

import numpy as np
import pytest

from retrodict.errors import FileError, OptionError
from retrodict.paper.learned import campaign, results
from retrodict.paper.learned.campaign import plan_units
from retrodict.paper.learned.entries import ENCODERS, SMOKE, TASKS, find_inverses, list_names, load_rows
from retrodict.paper.learned.groups import Mean, Series, compare
from retrodict.paper.learned.results import read
from retrodict.paper.learned.tables import make_page
from retrodict.paper.learned.units import CURVES, Result, Unit

# A small campaign is run, nearly all of it compiling; test_campaign.py does the like in the quick suite.
pytestmark = pytest.mark.slow

ASKED = ["reproduce", "vae", "--smoke", "--model", "exact"]
UNITS = ["exact-digits-mean-field-3000-seed0", "exact-digits-forward-3000-seed0"]


@pytest.fixture(scope="module")
def made(tmp_path_factory):
    """A folder with the results of a small campaign, made once."""
    folder = tmp_path_factory.mktemp("made")
    units = plan_units("digits", ["exact"], ENCODERS, [], [0])
    campaign.run_units(units, SMOKE, folder, lambda result: None, quiet=True)
    return folder


@pytest.fixture
def folder(made, tmp_path):
    """A copy of it to damage."""
    return shutil.copytree(made, tmp_path / "results")


def refuse_to_run(*_, **__):
    raise AssertionError("a unit was run again")


# -- what is run -------------------------------------------------------------------------------------


def test_encoders_with_the_same_parents_are_run_once():
    assert [unit.name for unit in plan_units("digits", ["exact"], ENCODERS, [], [0])] == UNITS
    assert list_names("exact", "fully-connected") == ("forward", "auto", "fully-connected")
    assert list_names("gaussian", "auto") == ("forward", "auto")
    for model in ("sbn", "gaussian"):
        encoders = [unit.encoder for unit in plan_units("digits", [model], ENCODERS, [], [0])]
        assert encoders == ["mean-field", "reversal", "forward", "fully-connected"]


def test_seeds_and_capacities_are_runs_of_their_own():
    units = plan_units("digits", ["relaxed"], ["mean-field"], [500, 1000], range(2))
    assert [(unit.capacity, unit.seed) for unit in units] == [(500, 0), (500, 1), (1000, 0), (1000, 1)]


@pytest.mark.parametrize("model", TASKS)
def test_names_do_not_depend_on_the_number_of_pixels(model):
    from retrodict.learn.structure import EncoderPlan, find_inverse
    from retrodict.read.numpyro.reader import from_numpyro

    larger = from_numpyro(TASKS[model].make(9, 0), observed=["x"], elementwise=True)
    small = find_inverses(model)
    found = {name: find_inverse(larger, EncoderPlan(name)).parents for name in ENCODERS}
    for one in ENCODERS:
        for other in ENCODERS:
            assert (found[one] == found[other]) == (small[one].parents == small[other].parents)


def test_images_are_pooled_to_what_can_be_enumerated():
    train, test, shape = load_rows("digits", TASKS["exact"], SMOKE)
    assert train.shape == (256, 16)
    assert shape == (4, 4)
    assert set(np.unique(test)) == {0.0, 1.0}
    assert load_rows("digits", TASKS["relaxed"], SMOKE)[2] == (8, 8)


# -- what is there -----------------------------------------------------------------------------------


def test_results_are_a_table_and_a_json(folder):
    summary = json.loads((folder / "vae.json").read_text())
    assert [unit["encoder"] for unit in summary["units"]] == ["forward", "mean-field"]
    assert {"retrodict", "jax", "python"} <= set(summary["versions"])
    assert summary["commands"]
    lines = (folder / "vae.csv").read_text().splitlines()
    assert lines[0] == "model,data,encoder,capacity,seed,epoch,train,test,weighted"
    assert len(lines) == 1 + 2 * 2


def test_what_is_read_is_what_was_measured(folder):
    data = read(folder)
    assert data.budget == SMOKE
    for result in data.results:
        loaded, _ = results.load_unit(folder, result.unit, SMOKE)
        assert loaded.facts == dict(result.facts)
        assert loaded.pictures == result.pictures
        for name in CURVES:
            assert loaded.curves[name] == pytest.approx(result.curves[name], rel=1e-5)


def test_what_is_measured_fits_together(folder):
    for result in read(folder).results:
        facts = result.facts
        assert facts["elbo"] < facts["log_likelihood"]
        assert facts["first_elbo"] < facts["log_likelihood"]
        assert facts["amortization"] >= 0
        assert facts["approximation"] > -1e-5
        assert facts["failed_at"] is None
        assert facts["faithful"] == (result.unit.encoder == "forward")
        assert abs(facts["in_use"] - 3000) < 100
        assert [len(rows) for rows in result.pictures.values()] == [2, 10, 10, 10]


def test_a_command_given_again_runs_nothing(folder, run, monkeypatch):
    monkeypatch.setattr(campaign, "run_unit", refuse_to_run)
    status, out, _ = run(*ASKED, "--out", str(folder))
    assert status == 0
    assert "2 runs" in out
    for figure in ("vae_digits_exact", "vae_digits_exact_pictures", "vae_digits_gaps"):
        assert (folder / f"{figure}.png").read_bytes().startswith(b"\x89PNG")


def test_a_stopped_campaign_goes_on_where_it_was(folder, run, monkeypatch):
    (folder / "units" / UNITS[1]).unlink()

    def stop(*_, **__):
        raise KeyboardInterrupt

    monkeypatch.setattr(campaign, "run_unit", stop)
    status, _, err = run(*ASKED, "--out", str(folder))
    assert status == 130
    assert "interrupted" in err
    assert err.count("\n") == 1

    ran = []

    def count(unit, *_, **__):
        ran.append(unit.name)
        return invent(unit, elbo=-5.0)

    monkeypatch.setattr(campaign, "run_unit", count)
    assert run(*ASKED, "--out", str(folder))[0] == 0
    assert ran == UNITS[1:]


def test_replot_needs_the_data_alone(folder, run, monkeypatch):
    page = make_page(read(folder))
    shutil.rmtree(folder / "units")
    monkeypatch.setattr(campaign, "run_unit", refuse_to_run)
    status, out, _ = run("reproduce", "vae", "--replot", "--out", str(folder))
    assert status == 0
    assert out.count("wrote") == 4
    assert (folder / "vae.md").read_text() == page


# -- bad input ---------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (["--data", "faces"], "the data 'faces' are not in this experiment. Choose of digits, mnist5k"),
        (["--model", "vae"], "the model 'vae' is not in this experiment. Choose of exact, relaxed"),
        (["--encoder", "dense"], "the encoder 'dense' is not in this experiment. Choose of mean-field"),
        (["--capacity", "0"], "must be 1 or more"),
        (["--capacity", "many"], "capacity 'many' is no whole number"),
        (["--seeds", "0"], "seeds=0 is too small"),
        (["--epochs", "0"], "epochs=0 is too small"),
        (["--out", "/dev/null/x"], "cannot be written"),
        (["--replot", "--out", "/no/such/folder"], "cannot be read"),
    ],
)
def test_bad_input_is_one_line(run, arguments, message, monkeypatch, tmp_path):
    monkeypatch.chdir(tmp_path)
    monkeypatch.setattr(campaign, "run_unit", refuse_to_run)
    status, _, err = run("reproduce", "vae", *arguments)
    assert status == 2
    assert message in err
    assert err.count("\n") == 1


def test_missing_images_are_one_line(run, monkeypatch, tmp_path):
    from retrodict.zoo.images import origins

    monkeypatch.setattr(origins, "FASHION_FOLDER", tmp_path)
    monkeypatch.setattr(campaign, "run_unit", refuse_to_run)
    status, _, err = run("reproduce", "vae", "--data", "fashion", "--out", str(tmp_path))
    assert status == 2
    assert "Fashion-MNIST is not installed" in err
    assert err.count("\n") == 1


def test_results_of_another_budget_are_not_mixed_in(folder, run):
    status, _, err = run("reproduce", "vae", "--model", "exact", "--seeds", "1", "--out", str(folder))
    assert status == 2
    assert "epochs=2, not None" in err
    assert err.count("\n") == 1


def test_results_of_another_version_are_named(folder, run, monkeypatch):
    monkeypatch.setattr(results, "FORMAT", 2)
    for arguments in (ASKED, ["reproduce", "vae", "--replot"]):
        status, _, err = run(*arguments, "--out", str(folder))
        assert status == 2
        assert "is of another version: format 1, where this one has 2" in err
        assert err.count("\n") == 1


@pytest.mark.parametrize(
    ("name", "content"),
    [
        ("vae.json", "{"),
        ("vae.json", '{"kind": "retrodict figure 2", "format": 1}'),
        ("vae.json", '{"kind": "retrodict vae", "format": 1}'),
        ("vae.csv", "model,data\n"),
        ("vae.csv", "model,data,encoder,capacity,seed,epoch,train,test,weighted\nexact,digits,x\n"),
    ],
)
def test_damaged_data_is_named(folder, run, name, content):
    (folder / name).write_text(content)
    status, _, err = run("reproduce", "vae", "--replot", "--out", str(folder))
    assert status == 2
    assert "vae." in err
    assert err.count("\n") == 1


def test_a_damaged_unit_is_named(folder):
    path = folder / "units" / UNITS[0]
    path.write_bytes(path.read_bytes()[:-7])
    with pytest.raises(FileError, match=f"{UNITS[0]}: is damaged"):
        results.list_units(folder)


def test_no_seed_at_all_is_refused():
    with pytest.raises(OptionError, match="seeds"):
        plan_units("digits", ["exact"], ["forward"], [], [])


# -- tables ------------------------------------------------------------------------------------------


def invent(unit, elbo, log_likelihood=-4.5):
    facts = {"names": unit.encoder, "edges": 3, "levels": 2, "in_use": unit.capacity, "stored": 9, "failed_at": None}
    facts |= {"elbo": elbo, "weighed_elbo": elbo, "log_likelihood": log_likelihood, "first_elbo": elbo - 1}
    facts |= {"amortization": 0.1, "approximation": 0.4, "seconds": 1.0, "epoch_seconds": 0.1}
    return Result(unit, facts, {name: [3.0, 2.0] for name in CURVES}, {})


def invent_series(encoder, bounds, capacity=100):
    units = [Unit("relaxed", "digits", encoder, capacity, seed) for seed in range(len(bounds))]
    return Series(encoder, capacity, tuple(map(invent, units, bounds)))


def test_differences_are_taken_seed_by_seed():
    one, other = invent_series("forward", [-1.0, -2.0, -3.0]), invent_series("mean-field", [-1.5, -2.6, -3.4])
    found = compare(one, other, "elbo")
    assert found.value == pytest.approx(0.5)
    assert found.error == pytest.approx(0.1 / math.sqrt(3))
    assert str(found) == "0.500 ± 0.058"
    assert str(Mean.of(np.array([0.25]))) == "0.250"
    assert str(Mean.of(np.array([np.nan]))) == "-"


def test_the_page_tells_differences_capacities_and_failures():
    runs = [
        *invent_series("mean-field", [-5.5, -5.7]).runs,
        *invent_series("forward", [-5.0, -5.1]).runs,
        *invent_series("forward", [-5.3], capacity=10).runs,
        Result(Unit("sbn", "digits", "mean-field", 100, 0), {"failed_at": 7}, {name: [] for name in CURVES}, {}),
    ]
    page = make_page(results.Data(SMOKE, tuple(runs)))
    assert "- forward: ELBO +0.550 ± 0.050 (+11.0 standard errors), log-likelihood +0.000" in page
    assert "| forward | 10 | 1 | -5.300 | -4.500 |" in page
    assert "| mean-field | - | - | - | - | 1 | failed |" in page
