"""Learned models: what is run, a small campaign as it is typed, and the tables that are made of its data."""

import math
import shutil
from dataclasses import replace

import numpy as np
import pytest

import retrodict as rd
from retrodict.errors import OptionError
from retrodict.paper.campaign import run_units
from retrodict.paper.experiment import Findings, Result
from retrodict.paper.learned import model_runs
from retrodict.paper.learned.groups import Mean, Series, compare
from retrodict.paper.learned.measures import CURVES, LearnedUnit
from retrodict.paper.learned.model_runs import LEARNED, plan_units
from retrodict.paper.learned.pages import make_page
from retrodict.paper.learned.tasks import ENCODERS, SMOKE, TASKS, find_inverses, list_names, load_rows
from retrodict.paper.summary import read

# A small campaign is run, nearly all of it compiling; test_figure2.py does the like in the quick suite.
pytestmark = pytest.mark.slow

ASKED = ["reproduce", "vae", "--smoke", "--model", "exact"]
UNITS = ["exact-digits-mean-field-3000-seed0", "exact-digits-forward-3000-seed0"]


@pytest.fixture(scope="module")
def made(tmp_path_factory):
    """A folder with the results of a small campaign, made once."""
    folder = tmp_path_factory.mktemp("made")
    units = plan_units("digits", ["exact"], ENCODERS, [], [0])
    run_units(LEARNED, units, SMOKE, folder, lambda result: None, quiet=True)
    return folder


@pytest.fixture
def settled(monkeypatch):
    """Refuses to run a unit."""

    def refuse(*_):
        raise AssertionError("a unit was run again")

    monkeypatch.setattr(model_runs, "LEARNED", replace(LEARNED, run=refuse))


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
    larger = rd.from_numpyro(TASKS[model].make(9, 0), observed=["x"], elementwise=True)
    small = find_inverses(model)
    found = {name: rd.invert(larger, name).parents for name in ENCODERS}
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


def test_what_is_measured_fits_together(folder):
    for result in read(LEARNED, folder).results:
        facts = result.facts
        assert facts["elbo"] < facts["log_likelihood"]
        assert facts["first_elbo"] < facts["log_likelihood"]
        assert facts["amortization"] >= 0
        assert facts["approximation"] > -1e-5
        assert facts["failed_at"] is None
        assert facts["faithful"] == (result.unit.encoder == "forward")
        assert abs(facts["in_use"] - 3000) < 100
        assert [len(rows) for rows in result.pictures.values()] == [2, 10, 10, 10]


@pytest.mark.usefixtures("settled")
def test_a_command_given_again_runs_nothing(folder, run):
    status, out, _ = run(*ASKED, "--out", str(folder))
    assert status == 0
    assert "2 runs" in out
    for figure in ("vae_digits_exact", "vae_digits_exact_pictures", "vae_digits_gaps"):
        assert (folder / f"{figure}.png").read_bytes().startswith(b"\x89PNG")


@pytest.mark.usefixtures("settled")
def test_replot_needs_the_data_alone(folder, run):
    page = make_page(read(LEARNED, folder))
    shutil.rmtree(folder / "units")
    status, out, _ = run("reproduce", "vae", "--replot", "--out", str(folder))
    assert status == 0
    assert out.count("wrote") == 4
    assert (folder / "vae.md").read_text() == page


def test_no_seed_at_all_is_refused():
    with pytest.raises(OptionError, match="Each seed must be 0 or more, and there must be one"):
        plan_units("digits", ["exact"], ["forward"], [], [])


# -- tables ------------------------------------------------------------------------------------------


def invent(unit, elbo, log_likelihood=-4.5):
    facts = {"names": unit.encoder, "edges": 3, "levels": 2, "in_use": unit.capacity, "stored": 9, "failed_at": None}
    facts |= {"elbo": elbo, "weighed_elbo": elbo, "log_likelihood": log_likelihood, "first_elbo": elbo - 1}
    facts |= {"amortization": 0.1, "approximation": 0.4, "seconds": 1.0, "epoch_seconds": 0.1}
    return Result(unit, facts, {name: [3.0, 2.0] for name in CURVES}, {})


def invent_series(encoder, bounds, capacity=100):
    units = [LearnedUnit("relaxed", "digits", encoder, capacity, seed) for seed in range(len(bounds))]
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
        Result(LearnedUnit("sbn", "digits", "mean-field", 100, 0), {"failed_at": 7}, {name: [] for name in CURVES}, {}),
    ]
    page = make_page(Findings(SMOKE, tuple(runs)))
    assert "- forward: ELBO +0.550 ± 0.050 (+11.0 standard errors), log-likelihood +0.000" in page
    assert "| forward | 10 | 1 | -5.300 | -4.500 |" in page
    assert "| mean-field | - | - | - | - | 1 | failed |" in page
