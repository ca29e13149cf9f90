"""The benchmarks of speed: what they count and conclude is right, and their page is that of their numbers."""

import json
import math
import subprocess
import sys

import pytest

from benchmarks.speed import page
from benchmarks.speed.__main__ import PAGE, RESULTS
from benchmarks.speed.cases import CASES, SMOKE, grow, learn
from benchmarks.speed.figures import list_figures
from benchmarks.speed.growth import fit_exponent
from benchmarks.speed.multiply_adds import count_weights
from benchmarks.speed.turns import Worker, summarize
from benchmarks.stamp import unstamp
from retrodict import BayesNet, fully_connected, invert, mean_field, zoo
from retrodict.plan.dependencies import Dependencies
from retrodict.plan.unit_groups import UnitGroups
from tests.processes import ROOT

CHAIN = BayesNet({"z": [], "y": ["z"], "x": ["y"]}, observed=["x"])
INVERSES = {
    "tree": lambda: invert(zoo.binary_tree(5)),
    "chain": lambda: invert(zoo.hmm(9)),
    "nested sets": lambda: fully_connected(zoo.binary_tree(3).net),
    "plate": lambda: invert(zoo.plate(4)),
    "asia": lambda: invert(zoo.asia()),
    "no edge between latents": lambda: mean_field(zoo.binary_tree(4).net),
    "a latent without observed parents": lambda: invert(CHAIN, order=["z", "y"]),
}


@pytest.mark.parametrize("skip", [False, True])
@pytest.mark.parametrize("name", INVERSES)
def test_weights_are_counted_as_in_the_masks(name, skip):
    dependencies = Dependencies.of(INVERSES[name]())
    groups = UnitGroups.of(dependencies, [40, 61])
    first, between, last = (int(mask.sum()) for mask in groups.masks)
    counted = count_weights(groups, 2, skip=skip)
    assert counted.on_data == first + (2 * int(dependencies.columns.sum()) if skip else 0)
    assert counted.on_units == between + 2 * last


def test_a_step_multiplies_three_times_but_for_what_reads_data():
    groups = UnitGroups.of(Dependencies.of(invert(CHAIN, order=["z", "y"])), [2, 2])  # z listens to y, y to x
    # one unit for each set in each layer: two weights a layer, four to the outputs, four past the layers
    assert count_weights(groups, 2, skip=True).step(10) == 10 * (2 * (2 + 4) + 3 * (2 + 4))


def test_the_exponent_is_the_slope():
    assert fit_exponent([(edges, 3e-6 * edges**1.5) for edges in (7, 90, 1000, 20_000)]) == pytest.approx(1.5)
    assert math.isnan(fit_exponent([(10, 1.0)]))


def test_the_first_turn_is_what_compiling_took_on_top():
    turns = [{"seconds": s, "amount": 10, "depth": 3} for s in (7.0, 2.0, 9.0, 1.0)]
    assert summarize(turns) == {"seconds": 0.2, "least": 0.1, "most": 0.9, "turns": 3, "first": 5.0, "depth": 3}


def test_a_failure_is_told_with_its_reason():
    assert summarize([{"seconds": 1.0, "amount": 1}, {"failed": "out of luck"}]) == {"failed": "out of luck"}
    with Worker("nobody", 60, {}) as worker:
        assert "nobody" in worker.turn()["failed"]


def test_a_turn_over_its_limit_is_ended():
    with Worker("multiply with jax", 60, {}) as worker:
        assert worker.turn(0.01)["failed"] == "a turn not finished in 0 s"


def test_growth_is_measured_stage_by_stage():
    row = grow("tree:3", SMOKE)
    assert (row["edges"], row["latents"], row["depth"]) == (9, 3, 3)
    assert set(row["seconds"]) == {"invert", "build", "train", "compile train", "draw", "compile draw"}
    assert min(row["seconds"].values()) >= 0


@pytest.mark.slow
def test_learning_is_measured_with_its_bound():
    row = learn("mean-field", SMOKE)
    assert (row["steps"], row["images"], row["judged"]) == (11, 11 * 128, 359)
    assert set(row["seconds"]) == {"ours", "ours, judging"}
    assert {answer["parameters"] for answer in row["seconds"].values()} == {655}  # of widths 1 and 1, the least
    assert all(-64 < answer["bound"] < 0 for answer in row["seconds"].values())


@pytest.mark.slow
def test_every_kind_of_case_runs():
    command = [sys.executable, "-W", "ignore", "-m", "benchmarks.speed", "--smoke"]
    done = subprocess.run(command, cwd=ROOT, capture_output=True, text=True, timeout=600, check=True)  # noqa: S603
    told = {name: row for line in done.stdout.splitlines() for name, row in json.loads(line).items()}
    assert "failed" not in done.stdout
    assert {name.split("-")[0] for name in told} == {name.split("-")[0] for name in CASES}
    assert told["reach-zuko"]["reached"]["ours"]["reached"]


# -- the page ----------------------------------------------------------------------------------------


def test_the_page_is_that_of_the_results():
    """Written by ``make bench``; it can be made again from the numbers."""
    assert page.write_page(json.loads(RESULTS.read_text())) == unstamp(PAGE.read_text())


def test_a_page_can_be_made_of_any_part_of_the_results():
    results = json.loads(RESULTS.read_text())
    assert "not measured" in page.write_page({})
    for name, row in results.items():
        assert "| figure | asked | measured |  |" in page.write_page({name: row})


def competition(**seconds):
    """A case in which contestants took these seconds, or failed with this reason."""
    told = {title: {"seconds": s} if isinstance(s, float) else {"failed": s} for title, s in seconds.items()}
    return {"seconds": {title.replace("_", ", "): answer for title, answer in told.items()}}


@pytest.mark.parametrize(
    ("zuko", "measured", "verdict"),
    [(2.0, "10.0 times (zuko, eager)", "reached"), (1.9, "9.5 times (zuko, eager)", "not reached")],
)
def test_a_ratio_is_held_against_what_was_asked(zuko, measured, verdict):
    figure = list_figures({"train-8": competition(ours=0.2, zuko_eager=zuko)})[0]
    assert (figure.measured, figure.verdict) == (measured, verdict)


@pytest.mark.parametrize(("judging", "pyro", "verdicts"), [(1.9, 3.0, "reached"), (2.1, 2.9, "not reached")])
def test_learning_is_held_against_time_and_pyro(judging, pyro, verdicts):
    row = competition(ours=1.0, ours_judging=judging, Pyro=pyro)
    figures = {figure.what: figure for figure in list_figures({"learn-faithful": row})}
    own = [figure for what, figure in figures.items() if "faithful" in what and "inverse" not in what]
    assert [figure.verdict for figure in own] == [verdicts, verdicts]
    assert {figure.verdict for what, figure in figures.items() if "mean-field" in what} == {"not measured"}


def growth(source, edges, step, **more):
    return {"source": source, "edges": edges, "seconds": {"train": step, "draw": step}, **more}


@pytest.mark.parametrize(("power", "reached"), [(1.05, True), (1.3, False)])
def test_growth_is_reached_below_its_exponent(power, reached):
    results = {f"grow-tree:{d}": growth(f"tree:{d}", 4**d, 1e-6 * 4.0 ** (power * d)) for d in range(4, 13)}
    figures = {figure.what: figure for figure in list_figures(results)}
    assert figures["Growth of the cost of a step with edges, trees"].reached is reached


def test_growth_is_not_reached_when_a_case_did_not_finish():
    results = {f"grow-tree:{d}": growth(f"tree:{d}", 4**d, 1e-6 * 4.0**d) for d in range(4, 9)}
    results["grow-tree:9"] = {"source": "tree:9", "failed": "too slow", "seconds": {}}
    figures = {figure.what: figure for figure in list_figures(results)}
    figure = figures["Growth of the cost of a step with edges, trees"]
    assert figure.reached is False
    assert "tree:9 did not finish" in figure.measured


@pytest.mark.parametrize(("reached", "verdict"), [(True, "not reached"), (False, "reached")])
def test_a_peer_counts_when_it_gets_there(reached, verdict):
    answer = {"seconds": 8.0, "without_compiling": 8.0, "best": 0.1, "reached": reached}
    ours = {"seconds": 4.0, "without_compiling": 1.0, "best": 0.02, "reached": True}
    figures = list_figures({"reach-sbi": {"reached": {"ours": ours, "sbi": answer}}})
    (figure,) = [figure for figure in figures if "depth 5, compiling included: against the best peer" in figure.what]
    assert figure.verdict == verdict
