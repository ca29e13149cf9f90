"""Figure 2: a small campaign as it is typed, and the tables that are made of its data."""

import shutil
from dataclasses import replace

import numpy as np
import pytest

from retrodict.errors import OptionError
from retrodict.paper.campaign import run_units
from retrodict.paper.experiment import Findings, Result
from retrodict.paper.figure2 import tree_runs
from retrodict.paper.figure2.entries import TreeBudget
from retrodict.paper.figure2.tables import count_steps, find_least, has_trained, make_page
from retrodict.paper.figure2.tree_runs import FIGURE2, plan_units
from retrodict.paper.figure2.units import TreeUnit

SMALL = TreeBudget(epochs=2, batch=8, default_steps=50)
ASKED = ["reproduce", "figure2", "--smoke", "--encoder", "heuristic,minimal-auto,default"]


@pytest.fixture(scope="module")
def made(tmp_path_factory):
    """A folder with the results of a small campaign, made once."""
    folder = tmp_path_factory.mktemp("made")
    units = plan_units([3], ["heuristic", "minimal-auto", "default"], [8], [0])
    run_units(FIGURE2, units, SMALL, folder, lambda result: None, quiet=True)
    return folder


@pytest.fixture
def ran(monkeypatch):
    """The names of the units that are run."""
    names = []

    def note(unit, *rest):
        names.append(unit.name)
        return FIGURE2.run(unit, *rest)

    monkeypatch.setattr(tree_runs, "FIGURE2", replace(FIGURE2, run=note))
    return names


def test_a_command_given_again_runs_nothing(folder, run, ran):
    status, out, _ = run(*ASKED, "--out", str(folder))
    assert status == 0
    assert not ran
    assert "3 runs" in out
    assert (folder / "figure2_depth3.png").read_bytes().startswith(b"\x89PNG")
    assert (
        (folder / "figure2.csv")
        .read_text()
        .startswith("depth,encoder,width,seed,epoch,step,simulations,kl,log_posterior,train,test\n")
    )


def test_the_same_seed_gives_the_same_bits(folder, run, ran):
    name = "depth3-minimal-auto-width8-seed0"
    before = (folder / "figure2.csv").read_text()
    (folder / "units" / name).unlink()
    assert run(*ASKED, "--out", str(folder))[0] == 0
    assert ran == [name]
    assert (folder / "figure2.csv").read_text() == before


def test_replot_needs_the_data_alone(folder, run, ran):
    shutil.rmtree(folder / "units")
    status, out, _ = run("reproduce", "figure2", "--replot", "--out", str(folder))
    assert status == 0
    assert not ran
    assert out.count("wrote") == 2
    assert "floor of the reversed edges 0.0816" in (folder / "figure2.md").read_text()


def test_no_width_at_all_is_refused():
    with pytest.raises(OptionError, match="Each width must be 1 or more, and there must be one"):
        plan_units([3], ["heuristic"], [], [0])


# -- tables ------------------------------------------------------------------------------------------


def invent(kl, width=8, seed=0, curve=(2.0, 0.2, 0.05), encoder="heuristic", floor=0.0):
    facts = {"kl": kl, "floor": floor, "latents": 2, "entropy": 1.0, "strategy": "reversal", "edges": 2, "levels": 1}
    facts |= {"in_use": 10, "stored": 12, "seconds": 1.0, "batch": 4, "kl_error": 0.0, "failed_at": None}
    facts |= {"first_fall": 50, "second_fall": None}
    steps = [25.0 * (i + 1) for i in range(len(curve))]
    curves = {"step": steps, "simulations": [4 * s for s in steps], "kl": list(curve), "log_posterior": list(curve)}
    return Result(TreeUnit(3, encoder, width, seed), facts, curves | {"train": list(curve), "test": list(curve)})


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
    page = make_page(Findings(TreeBudget(), (*slow, *fast), {"floors": {"3": 0.5}}))
    assert "- `minimal-auto`, to 0.1: 2.0; to 0.03: more than 1.3; to 0.01: not reached" in page
    assert "| 50 / - |" in page
    assert "| `minimal-auto` | 8 | 1 of 1; 10; 0.05 | 0 of 1; 10; failed |" in page
