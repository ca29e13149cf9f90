"""SOURCE on the command line: BIF files, programs, zoo names; what of it is observed; and names of all kinds."""

from __future__ import annotations

import json
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest

import retrodict
from retrodict import invert, zoo
from retrodict.cli.app import complete_objective, complete_order
from retrodict.cli.guides import complete_guide
from retrodict.cli.options import complete_source
from retrodict.cli.sources import find_source
from retrodict.errors import GraphError, ProgramError, SourceError, UnknownVariableError
from retrodict.graph.bayesnet import structure_of
from tests.processes import ROOT, run_python

ASIA = str(ROOT / "tests" / "data" / "asia.bif")


def observed(source: str, *arguments: list[str]) -> set[object]:
    return set(structure_of(find_source(source, *arguments)).observed)


# -- which variables ---------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("patterns", "but", "expected"),
    [
        ([], [], {"xray", "dysp"}),
        (["smoke"], [], {"smoke"}),
        (["smoke,tub"], [], {"smoke", "tub"}),
        (["smoke", "tub"], [], {"smoke", "tub"}),
        (["?ung", "*ray"], [], {"lung", "xray"}),
        (["[ab]*"], [], {"asia", "bronc"}),
        (["*"], ["smoke"], {"asia", "tub", "lung", "bronc", "either", "xray", "dysp"}),
        ([], ["dysp"], {"xray"}),
        ([], ["x*,smoke"], {"dysp"}),
    ],
)
def test_names_and_patterns_choose_what_is_observed(patterns, but, expected):
    assert observed(ASIA, patterns, but) == expected


def test_a_name_is_no_pattern_if_there_is_such_a_name(tmp_path):
    path = tmp_path / "stars.bif"
    text = Path(ASIA).read_text()
    for old, new in (("smoke", '"a*"'), ("xray", '"a,b"'), ("lung", '"aa"')):
        text = text.replace(f" {old} ", f" {new} ").replace(f" {old},", f" {new},")
    path.write_text(text)
    assert observed(str(path), ["a*"], []) == {"a*"}
    assert observed(str(path), ["a,b"], []) == {"a,b"}
    assert observed(str(path), ["a?"], []) == {"a*", "aa"}


def test_models_keep_their_numbers():
    tree, asia = find_source("tree:4", ["x1"]), find_source(ASIA, ["smoke"], tables=True)
    assert tree.covariance.tolist() == zoo.binary_tree(4).covariance.tolist()
    assert asia.table("dysp").tolist() == retrodict.from_bif(ASIA).table("dysp").tolist()


def test_tables_are_asked_for_where_numbers_are_needed_only(run, tmp_path):
    path = tmp_path / "arrows.bif"
    path.write_text("variable a { } variable b { } probability (a) { } probability (b | a) { }")
    assert run("invert", str(path))[0] == 0
    status, _, err = run("train", str(path), "-o", str(tmp_path / "posterior"))
    assert status == 2
    assert "arrows.bif does not list the states of 'a', 'b'" in err


@pytest.mark.parametrize(
    ("patterns", "but", "error", "message"),
    [
        (["smok"], [], UnknownVariableError, "'smok'.*Did you mean 'smoke'"),
        (["q*"], [], UnknownVariableError, r"'q\*'"),
        ([""], [], UnknownVariableError, "''"),
        ([], ["*"], GraphError, "nothing is observed"),
        (["*"], [], GraphError, "nothing is latent"),
    ],
)
def test_patterns_that_leave_no_model_are_refused(patterns, but, error, message):
    with pytest.raises(error, match=message):
        find_source(ASIA, patterns, but)


# -- programs ----------------------------------------------------------------------------------------


PROGRAMS = """
import sys

import numpyro
from numpyro import distributions as dist


def chain(x=0.0):
    z = numpyro.sample("z", dist.Normal(0, 1))
    y = numpyro.sample("y", dist.Normal(z, 1))
    numpyro.sample("x", dist.Normal(y, 1), obs=x)


def without_data():
    z = numpyro.sample("z", dist.Normal(0, 1))
    numpyro.sample("x", dist.Normal(z, 1))


def schools(sigma, groups=2, y=None, link="identity"):
    assert isinstance(groups, int) and link == "identity"
    mu = numpyro.sample("mu", dist.Normal(0, 5))
    with numpyro.plate("groups", groups):
        theta = numpyro.sample("theta", dist.Normal(mu, 1))
        numpyro.sample("y", dist.Normal(theta, sigma), obs=y)


def broken():
    return 1 / 0


def leaving():
    sys.exit(0)


number = 3
"""


@pytest.fixture
def programs(monkeypatch, tmp_path):
    (tmp_path / "my_models.py").write_text(PROGRAMS)
    (tmp_path / "my_failing.py").write_text("raise RuntimeError('not today')")
    monkeypatch.chdir(tmp_path)
    monkeypatch.syspath_prepend(str(tmp_path))
    monkeypatch.delitem(sys.modules, "my_models", raising=False)
    return tmp_path


@pytest.mark.usefixtures("programs")
def test_a_program_is_imported_and_read():
    assert observed("my_models:chain") == {"x"}
    assert observed("my_models:chain", ["y", "x"]) == {"x", "y"}
    assert observed("my_models:chain", ["y,x"], ["x"]) == {"y"}


@pytest.mark.usefixtures("programs")
def test_a_program_without_data_takes_what_is_observed_from_the_options(run):
    assert observed("my_models:without_data", ["x"]) == {"x"}
    assert observed("my_models:without_data", ["?"], ["z"]) == {"x"}
    status, out, _ = run("invert", "my_models:without_data", "--observed", "x", "--json")
    assert status == 0
    assert json.loads(out)["inverse"]["parents"] == {"z": ["x"]}
    status, _, err = run("invert", "my_models:without_data")
    assert status == 2
    assert "the program my_models:without_data observes none of its sites, 'z', 'x'. Name" in err
    assert "--observed" in err
    assert "obs=" not in err


@pytest.mark.parametrize("ending", ["npz", "json"])
def test_a_program_takes_arguments_from_a_file(run, programs, ending):
    sigma, y = [1.0, 2.0, 3.0], [0.5, 0.0, -0.5]
    np.savez(programs / "a.npz", sigma=sigma, groups=3, y=y, link="identity")
    (programs / "a.json").write_text(json.dumps({"sigma": sigma, "groups": 3, "y": y, "link": "identity"}))
    for more, names in ([], {"y"}), (["--elementwise"], {"y[0]", "y[1]", "y[2]"}):
        status, out, _ = run("invert", "my_models:schools", "--args", f"a.{ending}", *more, "--json")
        assert status == 0
        assert set(json.loads(out)["model"]["observed"]) == names


@pytest.mark.parametrize(
    ("options", "seen"),
    [
        (["--observed", "y"], {"y[0]", "y[1]"}),
        (["--observed", "y[0]"], {"y[0]"}),
        (["--observed", "y*,mu"], {"y[0]", "y[1]", "mu"}),
        (["--observed", "y", "--latent", "y[1]"], {"y[0]"}),
    ],
)
def test_elements_of_a_program_are_chosen_by_site_or_one_by_one(run, programs, options, seen):
    (programs / "a.json").write_text('{"sigma": 1.5}')
    status, out, _ = run("invert", "my_models:schools", "--args", "a.json", "--elementwise", *options, "--json")
    assert status == 0
    assert set(json.loads(out)["model"]["observed"]) == seen


@pytest.mark.parametrize("command", ["invert", "check", "compare", "report", "train"])
def test_every_command_that_takes_a_source_takes_arguments(run, programs, command):
    (programs / "a.json").write_text('{"sigmas": 1.5}')
    more = {"check": ["--guide", "reversal"], "train": ["-o", "out"]}.get(command, [])
    status, _, err = run(command, "my_models:schools", "--args", "a.json", "--elementwise", *more)
    assert status == 2
    assert "the program my_models:schools cannot be called: " in err
    assert "'sigma" in err
    status, _, err = run(command, ASIA, "--elementwise", *more)
    assert status == 2
    assert "is not a program. --args and --elementwise are for module:program." in err


@pytest.mark.usefixtures("programs")
@pytest.mark.parametrize(
    ("source", "message"),
    [
        ("my_models:nothing", "cannot be imported: AttributeError"),
        ("no_such_module:chain", "cannot be imported: ModuleNotFoundError"),
        ("my_failing:chain", "cannot be imported: RuntimeError: not today"),
        ("my_models:number", "not a program but of the type int"),
        ("my_models:leaving", "fails with SystemExit"),
        ("my_models:schools", r"cannot be called: missing a required argument: 'sigma'\. .* --args FILE"),
    ],
)
def test_a_program_that_fails_is_an_error_of_the_source(source, message):
    with pytest.raises(SourceError, match=message):
        find_source(source)


@pytest.mark.usefixtures("programs")
def test_a_program_that_raises_is_named():
    with pytest.raises(ProgramError, match=r"'broken' .*division by zero"):
        find_source("my_models:broken")


# -- commands ----------------------------------------------------------------------------------------


def test_invert_reads_a_bif_file(run):
    status, out, err = run("invert", ASIA, "--json")
    answer = json.loads(out)
    assert (status, err) == (0, "")
    assert answer["inverse"]["edges"] == 11
    assert answer["certificate"]["faithful"]


def test_barren_variables_are_reported(run):
    answer = json.loads(run("invert", ASIA, "--observed", "smoke", "--latent", "nothing*", "--json")[1] or "null")
    assert answer is None  # a pattern that fits none is an error
    answer = json.loads(run("invert", ASIA, "--observed", "smoke", "--json")[1])
    assert set(answer["inverse"]["barren"]) == {"asia", "tub", "lung", "bronc", "either", "xray", "dysp"}
    assert answer["inverse"]["parents"]["lung"] == ["smoke"]
    text = run("invert", ASIA, "--observed", "lung")[1]
    assert "no observed variable depends on asia, tub, bronc, either, dysp, xray: drawn from the model, last" in text


def test_compare_shows_every_order(run):
    answer = json.loads(run("compare", "tree:5", "--exact", "--json")[1])
    rows = {row["order"]: row for row in answer["rows"]}
    assert set(rows) == {"forward", "reverse", "min-fill", "min-degree", "nested-dissection", "auto", "exact"}
    assert [rows[order]["edges"] for order in ("forward", "reverse", "exact")] == [135, 78, 70]
    assert rows["exact"]["proved"]
    assert not rows["forward"]["proved"]
    assert rows["forward"]["multiplications"] > rows["exact"]["multiplications"] > 0
    assert {row["order"] for row in json.loads(run("compare", "tree:5", "--json")[1])["rows"]} == {*rows} - {"exact"}
    text = run("compare", "tree:5", "--minimize", "depth")[1]
    assert "nested-dissection" in text
    assert "proved that no order has less depth" in text


def test_compare_does_not_predict_what_is_too_large(run):
    rows = json.loads(run("compare", "hmm:3000", "--json")[1])["rows"]
    costs = {row["order"]: row["multiplications"] for row in rows}
    assert costs["forward"] is None
    assert costs["auto"] > 0


def test_check_lists_some_edges_to_people_and_all_to_programs(run):
    status, text, _ = run("check", "tree:6", "--guide", "mean-field")
    missing = json.loads(run("check", "tree:6", "--guide", "mean-field", "--json")[1])["certificate"]["missing"]
    assert status == 1
    assert text.count("  missing ") == 20
    assert f"... and {len(missing) - 20:,} more: --json lists them all" in text
    spare = run("check", "tree:5", "--guide", "fully-connected")[1]
    assert spare.count("  removable ") == 20


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (["invert", "nowhere.bif"], "No such file"),
        (["invert", __file__], "is not a file that can be read. Its name must end in .bif, .bif.gz, .xmlbif,"),
        (["invert", "no_such_module:model"], "cannot be imported"),
        (["invert", ASIA, "--observed", "Q"], "'Q'"),
        (["compare", "tree:3", "--minimize", "beauty"], "beauty"),
        (["compare", "tree:3", "--budget", "-1"], "budget"),
        (["check", ASIA, "--guide", ASIA], "cannot be read as JSON"),
        (["invert", "a\x1b[31m:3"], r"\x1b"),
        (["invert", "a" * 5000], "File name too long"),
        (["invert", "tree:" + "9" * 5000], "at most 18 digits"),
        (["check", "tree:3", "--guide", "a" * 5000], "File name too long"),
        (["report", "tree:3", "-o", "a" * 5000], "File name too long"),
        (["demo", "--out", "a" * 5000], "File name too long"),
        (["train", "tree:3", "-o", "a" * 5000], "File name too long"),
        (["reproduce", "figure1", "--out", "a" * 5000], "File name too long"),
        (["reproduce", "figure2", "--out", "a" * 5000], "File name too long"),
        (["invert", "tree:3", "--args", "a" * 5000 + ".npz"], "File name too long"),
    ],
)
def test_bad_input_is_one_line_and_status_2(run, arguments, message):
    status, out, err = run(*arguments)
    assert (status, out) == (2, "")
    assert message in err
    assert err.startswith("retrodict: ")
    assert err.count("\n") == 1
    assert "\x1b" not in err


def test_an_empty_file_is_said_to_be_empty(run, tmp_path):
    (tmp_path / "empty.bif").touch()
    status, _, err = run("invert", str(tmp_path / "empty.bif"))
    assert status == 2
    assert err == f"retrodict: {tmp_path / 'empty.bif'} is empty. Give another file.\n"


NAMES = ["<b>x</b>", "[red]x[/red]", "a b", "Größe", 'it\'s \\"q\\"', ":smile:", "变量", "{x}"]


def test_names_of_all_kinds_are_shown_as_they_are(run, tmp_path):
    path = tmp_path / "names.bif"
    blocks = [f'variable "{name}" {{ type discrete [2] {{ 0, 1 }}; }}' for name in NAMES]
    blocks += [f'probability ("{NAMES[0]}") {{ table 0.5 0.5; }}']
    blocks += [f'probability ("{name}" | "{NAMES[0]}") {{ table 0.5 0.5 0.5 0.5; }}' for name in NAMES[1:]]
    path.write_text("\n".join(blocks))
    clean = [name.replace("\\", "") for name in NAMES]
    text = run("invert", str(path))[1]
    answer = json.loads(run("invert", str(path), "--json")[1])
    assert set(answer["model"]["observed"]) == set(clean[1:])
    assert clean[0] in text
    for name in clean[1:]:
        assert name.split()[0] in text


def test_a_terminal_without_such_letters_does_not_fail():
    code = "import sys; sys.argv = ['retrodict', 'invert', 'tests/data/quirks.bif']\nfrom retrodict.cli import main\n"
    out = run_python(
        f"{code}try: main()\nexcept SystemExit as stopped: assert not stopped.code", PYTHONIOENCODING="ascii"
    )
    assert "Fieber-M\\xfcller" in out


def test_a_reader_that_goes_away_is_no_error():
    code = "import sys; sys.argv = ['retrodict', 'invert', 'layers:3x20x40']\nfrom retrodict.cli import main\nmain()"
    writer = subprocess.Popen([sys.executable, "-c", code], stdout=subprocess.PIPE, stderr=subprocess.PIPE)  # noqa: S603
    assert writer.stdout
    assert writer.stderr
    writer.stdout.close()
    assert writer.stderr.read() == b""
    writer.stderr.close()
    assert writer.wait() == 141


def test_a_bif_file_is_inverted_and_compared_without_jax():
    for command in (["invert", ASIA, "--json"], ["compare", ASIA]):
        code = f"import sys; sys.argv = {['retrodict', *command]!r}\nfrom retrodict.cli import main\n"
        out = run_python(code + "try: main()\nexcept SystemExit: pass\nprint('jax' in sys.modules)")
        assert out.splitlines()[-1] == "False"


# -- help and completion -----------------------------------------------------------------------------


@pytest.mark.parametrize("command", ["invert", "check", "compare", "demo"])
def test_every_command_has_help_with_an_example(run, command):
    status, out, _ = run(command, "--help")
    assert status == 0
    assert f"retrodict {command} " in out.split("Example")[1]


def test_completion_offers_what_there_is(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    (tmp_path / "alarm.bif").touch()
    (tmp_path / "other.txt").touch()
    (tmp_path / "folder").mkdir()
    (tmp_path / "folder" / "nested.bif.gz").touch()
    assert complete_source("a") == ["asia", "autoregressive", "alarm.bif"]
    assert complete_source("f") == ["folder/"]
    assert complete_source("folder/") == ["folder/nested.bif.gz"]
    assert complete_source("no/such/folder") == []
    assert complete_order("min") == ["min-fill", "min-degree"]
    assert complete_objective("d") == ["depth"]
    assert complete_guide("m") == ["mean-field"]


def test_a_shell_can_ask_for_completion():
    code = "import sys; sys.argv = ['retrodict']\nfrom retrodict.cli import main\nmain()"
    out = run_python(code, _RETRODICT_COMPLETE="complete_bash", COMP_WORDS="retrodict invert hm", COMP_CWORD="2")
    assert out.split() == ["hmm"]


def test_the_default_inverse_is_that_of_the_library_with_its_budget(run):
    answer = json.loads(run("invert", "hmm:40", "--json")[1])
    assert answer["inverse"]["edges"] == invert(zoo.hmm(40), budget=0.25).n_edges
    assert (
        json.loads(run("invert", "hmm:40", "--budget", "0", "--json")[1])["inverse"]["edges"]
        == invert(zoo.hmm(40), budget=0).n_edges
    )
