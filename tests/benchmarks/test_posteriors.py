"""The benchmark of real programs: programs are read, distances and verdicts are right, the page is its results'."""

import json
import zipfile

import numpy as np
import pytest

import retrodict as rd
from benchmarks.posteriors import lines, page, posteriordb, references
from benchmarks.posteriors.catalog import HELD_OUT, NAMES, OF_NUMPYRO, load
from benchmarks.posteriors.entry import name_elements
from benchmarks.posteriors.guides.guides_section import Bound, is_above_all, is_not_below
from benchmarks.posteriors.moments import Distance
from benchmarks.posteriors.processes import run_process
from benchmarks.posteriors.references import summarize
from benchmarks.stamp import unstamp

REFERENCE = {"a": {"mean": 1.0, "sd": 2.0}, "b": {"mean": 0.0, "sd": 1.0}}
DRAWS = {"a": np.array([0.0, 2.0, 4.0, 6.0]), "b": np.array([-1.0, 1.0, -1.0, 1.0])}


# -- programs ----------------------------------------------------------------------------------------


@pytest.mark.parametrize("name", ["divorce", "gmm"])
def test_a_program_is_read_with_its_data(name):
    entry = load(name)
    model = rd.from_numpyro(entry.program, *entry.arguments, observed=list(entry.data))
    simulated = model.simulate(seed=0, n=3)
    for site, values in entry.data.items():
        assert simulated[site].shape[1:] == np.shape(values)
        assert np.isfinite(values).all()
    parameters = entry.parameters({name: simulated[name] for name in model.net.latents})
    stored = {row["program"]: row for row in references.read()}
    assert set(parameters) == set(stored[name]["parameters"])


def test_a_program_that_nobody_wrote_is_refused_with_those_there_are():
    with pytest.raises(SystemExit, match="there is no program nothing; there are arK-arK"):
        load("nothing")


def test_there_are_21_programs():
    assert len(set(NAMES)) == 21
    assert len(OF_NUMPYRO) == 12


def test_elements_are_named_and_constants_left_out():
    draws = {"z": np.array([[[1.0, 2.0]], [[3.0, 2.0]]]), "s": np.array([1.0, 2.0])}
    assert list(name_elements(draws)) == ["z[0,0]", "s"]
    assert list(name_elements(draws, first=1)) == ["z[1,1]", "s"]


# -- files of posteriordb ----------------------------------------------------------------------------


def write_file(folder, stem, content):
    with zipfile.ZipFile(folder / f"{stem}.json.zip", "w") as archive:
        archive.writestr(f"{stem}.json", json.dumps(content))


def test_a_file_that_is_not_posteriordbs_is_refused(tmp_path):
    write_file(tmp_path, "sblrc.data", {"y": [1.0], "X": [[1.0]]})
    with pytest.raises(SystemExit, match="is not the file of posteriordb"):
        posteriordb.load_entry("sblrc-blr", tmp_path)


def test_chains_of_reference_draws_are_put_together(tmp_path, monkeypatch):
    write_file(tmp_path, "sblrc-blr.draws", [{"sigma": [1.0, 2.0]}, {"sigma": [3.0, 4.0]}])
    monkeypatch.setitem(posteriordb.SUMS, "sblrc-blr.draws", "")
    assert posteriordb.load_draws("sblrc-blr", tmp_path)["sigma"].tolist() == [1, 2, 3, 4]


def test_a_folder_must_be_named(monkeypatch):
    monkeypatch.delenv(posteriordb.VARIABLE, raising=False)
    with pytest.raises(SystemExit, match="RETRODICT_DATA"):
        posteriordb.find_folder()


# -- distances ---------------------------------------------------------------------------------------


def test_the_worst_mean_and_both_ends_of_the_deviations_are_found():
    found = Distance.of(DRAWS, REFERENCE)
    assert (found.offset, found.offset_of) == (1.0, "a")
    assert found.most == pytest.approx(5**0.5 / 2)
    assert found.most_of == "a"
    assert (found.least, found.least_of) == (1.0, "b")


def test_weights_count():
    found = Distance.of(DRAWS, REFERENCE, np.array([0.5, 0.5, 0.0, 0.0]))
    assert (found.offset, found.least) == (0.0, 0.5)
    assert found.within(0.1, 0.5)
    assert not found.within(0.1, 0.4)


def test_a_parameter_without_draws_is_the_worst_and_nothing_is_near():
    found = Distance.of({"a": DRAWS["a"]}, REFERENCE)
    assert found.offset_of == "b"
    assert not found.within(1e9, 1e9)
    assert found.as_row()["offset"] is None


def test_chains_that_agree_have_an_rhat_of_one_and_others_not():
    rng = np.random.default_rng(0)
    alike = [{"a": rng.normal(size=500)} for _ in range(4)]
    apart = [{"a": rng.normal(size=500) + chain} for chain in range(4)]
    assert summarize(alike)["a"]["rhat"] < 1.01
    assert summarize(apart)["a"]["rhat"] > 1.5


# -- verdicts ----------------------------------------------------------------------------------------


def answer(seed, offset, khat=0.2, seconds=10.0):
    row = {"program": "divorce", "seed": seed, "column": "answer", "offset": offset, "offset_of": "a"}
    return {**row, "least": 0.95, "most": 1.05, "khat": khat, "ess": 0.5, "seconds": seconds, "stage": "encoder"}


def run_of(seed, offset, **figures):
    training = {"program": "divorce", "seed": seed, "column": "training", "seconds": 100.0}
    return [training, answer(seed, offset, **figures), {"program": "divorce", "seed": seed, "column": "end"}]


def collect(*runs):
    return page.collect(page.add_whole([row for run in runs for row in run]))


@pytest.mark.parametrize(
    ("runs", "reached"),
    [
        ([run_of(0, 0.05), run_of(1, 0.09)], True),
        ([run_of(0, 0.05), run_of(1, 0.11)], False),
        ([run_of(0, 0.05, khat=0.8)], False),
        ([run_of(0, 0.05, seconds=81.0)], False),  # with 100 s of training
        ([run_of(0, None)], False),
        ([run_of(0, 0.11), run_of(0, 0.05)], True),  # the last run of a seed counts
        ([run_of(0, 0.05), run_of(0, 0.11)[:2]], True),  # but one that did not end
    ],
)
def test_the_verdict_on_answers_is_that_of_the_worst_seed(runs, reached):
    assert page.is_reached(collect(*runs).get(("divorce", "answer"), [])) == reached


def test_a_guide_is_above_all_or_not_below_within_noise():
    def bound(mean, error=0.1):
        return Bound.of([{"elbo": mean, "error": error}])

    ours = {"AutoFaithful": bound(-10.1), "AutoNormal": bound(-10.0)}
    assert is_not_below(ours)
    assert not is_above_all(ours)
    assert not is_not_below({**ours, "AutoNormal": bound(-9.0)})
    assert is_not_below({"AutoNormal": bound(-9.0)}) is None
    assert not is_not_below({**ours, "AutoFaithful": Bound.of([{"elbo": None, "error": None}])})


# -- lines and processes -----------------------------------------------------------------------------


def test_a_line_that_was_being_written_is_left_out(tmp_path):
    path = tmp_path / "deeper" / "results.jsonl"
    assert lines.read(path) == []
    lines.append(path, {"a": 1})
    with path.open("a", encoding="utf-8") as file:
        file.write('{"a": 2')
    assert lines.read(path) == [{"a": 1}]


def test_a_process_that_fails_says_why():
    ran = run_process("benchmarks.posteriors.lines_that_do_not_exist", (), 60)
    assert ran.rows == ()
    assert "No module named" in ran.end()["error"]


# -- the page ----------------------------------------------------------------------------------------


def test_all_stored_references_have_converged():
    stored = references.read()
    assert {row["program"] for row in stored} <= {*NAMES, *HELD_OUT}
    for row in stored:
        assert row["rhat"] < references.MOST_RHAT, row["program"]
        assert row.get("offset", 0) < page.TRANSLATED, row["program"]


def test_the_page_is_that_of_the_results():
    assert unstamp(page.PAGE.read_text(encoding="utf-8")) == unstamp(page.make()), "run benchmarks.posteriors.page"


def test_the_page_says_which_states_and_how_many_seeds_its_rows_are_of() -> None:
    ends = [{"program": name, "seed": seed, "column": "end", "commit": commit} for name, seed, commit in
            (("ar2", 0, "abc"), ("gp", 0, "def"), ("gp", 1, "def"))]  # fmt: skip
    assert page.say_seeds(ends) == "1 or 2 seeds"
    assert page.say_seeds(ends[:1]) == "one seed"
    assert "- `abc`: ar2\n- `def`: gp\n" in page.say_states(ends)
    assert page.say_states(ends[1:]) == ""
