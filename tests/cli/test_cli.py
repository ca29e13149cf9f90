"""The command line: one JSON object, exit statuses, and one line for every error."""

import json
import re
import subprocess
import sys

import pytest
import typer

import retrodict
from retrodict import zoo
from retrodict.cli.app import BUDGET, app
from retrodict.invert import invert
from tests.processes import ROOT


def test_invert_prints_what_a_certificate_file_holds(run):
    status, out, err = run("invert", "tree:5", "--json")
    answer, inverse = json.loads(out), invert(zoo.binary_tree(5).net, budget=BUDGET)
    assert (status, err) == (0, "")
    assert answer == retrodict.certify(inverse).to_dict()
    assert answer["inverse"]["edges"] == inverse.n_edges == sum(map(len, answer["inverse"]["parents"].values()))
    assert answer["certificate"] == {"faithful": True, "minimal": True, "missing": [], "removable": []}


@pytest.mark.parametrize(("source", "guide", "status"), [("tree:3", "reversal", 1), ("tree:3", "fully-connected", 1)])
def test_what_check_prints_is_confirmed_from_scratch(run, tmp_path, source, guide, status):
    path = tmp_path / "verdict.json"
    path.write_text(run("check", source, "--guide", guide, "--json")[1])
    program = ROOT / "examples" / "recheck_certificate.py"
    assert subprocess.run([sys.executable, str(program), str(path)], check=False).returncode == status  # noqa: S603


@pytest.mark.parametrize(("order", "edges"), [("forward", 135), ("reverse", 78)])
def test_invert_takes_an_order(run, order, edges):
    assert json.loads(run("invert", "tree:5", "--order", order, "--json")[1])["inverse"]["edges"] == edges


def test_invert_prints_no_inverse_that_is_too_large(run):
    status, out, err = run("invert", "hmm:20000", "--order", "forward", "--json")
    assert (status, out) == (2, "")
    assert "200,029,999 edges, more than the 50,000,000 that may be written out" in err


def test_invert_prints_a_table_for_people(run):
    _, out, _ = run("invert", "tree:3", "--order", "forward")
    assert "3 latents, 9 edges, depth 3, width 4" in out
    assert "x3 x4 x5 x6" in out
    assert "faithful, minimal" in out


def test_check_exits_with_1_for_an_unfaithful_guide(run):
    status, out, _ = run("check", "tree:3", "--guide", "reversal", "--json")
    missing = json.loads(out)["certificate"]["missing"]
    assert status == 1
    assert [(edge["parent"], edge["child"]) for edge in missing] == [("x3", "x2"), ("x4", "x2"), ("x2", "x1")]
    assert missing[0]["path"] == ["x3", "x1", "x0", "x2"]


@pytest.mark.parametrize(
    ("guide", "status"), [("reversal", 1), ("mean-field", 1), ("fully-connected", 0)], ids=lambda value: str(value)
)
def test_check_knows_the_baselines(run, guide, status):
    assert run("check", "tree:4", "--guide", guide)[0] == status


def test_check_reads_a_guide_from_a_file(run, tmp_path):
    guide = {name: list(parents) for name, parents in invert(zoo.binary_tree(3)).parents.items()}
    path = tmp_path / "guide.json"
    path.write_text(json.dumps(guide))
    assert run("check", "tree:3", "--guide", str(path))[0] == 0
    guide["x0"].remove("x2")
    path.write_text(json.dumps(guide))
    status, out, _ = run("check", "tree:3", "--guide", str(path))
    assert status == 1
    assert "missing    x2 -> x0   because of   x2 <- x0" in out


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("", "is empty"),
        ("[1, 2]", "a JSON object was expected, not list"),
        ('{"x0": ["x1"]', "cannot be read as JSON"),
        ('{"x0": [], "x0": []}', "the name 'x0' is given twice"),
        ("[" * 100_000, "cannot be read as JSON"),
        ('{"x0": ["x1"]}', "no entry for 'x1', 'x2'"),
        ('{"x0": ["y"], "x1": [], "x2": []}', "'y'"),
        ('{"x0": "x1", "x1": [], "x2": []}', "must be a list of names"),
        ('{"x0": ["x1"], "x1": ["x0"], "x2": []}', "the guide has a cycle"),
        ('{"x0": [["x1"]], "x1": [], "x2": []}', "retrodict: "),
        ("\x00\x01", "is binary"),
    ],
)
def test_a_bad_guide_is_one_line_on_standard_error(run, tmp_path, text, message):
    path = tmp_path / "guide.json"
    path.write_text(text)
    status, out, err = run("check", "tree:3", "--guide", str(path))
    assert (status, out) == (2, "")
    assert message in err
    assert err.count("\n") == 1


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (["invert", "oak:3"], "is not a model of the zoo"),
        (
            ["invert", "tree:x"],
            "cannot be read: '' is not a whole number of at most 18 digits. Write it as tree:5.",
        ),
        (["invert", "layers:3xax4"], "'a' is not a whole number of at most 18 digits. Write it as layers:3x10x20."),
        (["invert", "tree:-3"], "'-3' is not a whole number"),
        (["invert", "tree:٣"], "'٣' is not a whole number"),
        (["invert", "asia:3"], "it gives 1 sizes, asia takes 0"),
        (["invert", "tree:"], ""),
        (["invert", "tree:1"], "depth=1 is too small"),
        (["invert", "tree:3x4"], "it gives 2 sizes, tree takes 1. Write it as tree:5."),
        (
            ["invert", "tree:99"],
            "depth 99 would have 2^99 - 1 variables; the zoo makes at most 2,500,000",
        ),
        (["invert", "tree:1000000000"], "would have 2^1000000000 - 1 variables"),
        (["invert", "hmm:99999999999"], "would have 199,999,999,998 variables and 199,999,999,997 edges"),
        (["invert", "plate:99999999999"], "would have 200,000,000,000 variables and 299,999,999,997 edges"),
        (["invert", "layers:9x9999999x9"], "would have 90,000,000 variables and 799,999,929,999,999 edges"),
        (["check", "tree:99", "--guide", "reversal"], "2^99 - 1 variables"),
        (["invert", "tree:3", "--order", "sideways"], "does not exist"),
        (["invert", "tree:3", "--minimize", "beauty"], "'beauty' is unknown"),
        (["invert"], "Missing argument"),
        (["invert", "tree:3", "--color"], "No such option"),
        (["check", "tree:3"], "Missing option"),
        (["check", "tree:3", "--guide", "nowhere.json"], "No such file"),
        (["demo", "--out", "nowhere/at/all"], "cannot be written"),
    ],
    ids=" ".join,
)
def test_bad_input_is_one_line_on_standard_error(run, arguments, message):
    status, _, err = run(*arguments)
    if message:
        assert status == 2
        assert message in err
        assert err.startswith("retrodict: ")
        assert err.count("\n") == 1
    else:
        assert status == 0


@pytest.mark.parametrize("arguments", [(), ("reproduce",), ("-h",), ("--help",)], ids=" ".join)
def test_help_is_shown_where_no_command_is_given(run, arguments):
    status, out, err = run(*arguments)
    assert (status, err) == (0, "")
    assert "Usage: retrodict" in out
    assert "Commands" in out


def test_the_version_is_told(run):
    status, printed, complaint = run("--version")
    lines = printed.splitlines()
    assert (status, lines[0], complaint) == (0, f"retrodict {retrodict.__version__}", "")
    assert [line.split()[0] for line in lines[1:]] == ["python", "numpy", "scipy", "jax", "equinox", "optax", "numpyro"]


def list_commands(group, *above):
    """All commands by the words that call them."""
    for name, command in group.commands.items():
        if hasattr(command, "commands"):
            yield from list_commands(command, *above, name)
        else:
            yield (*above, name), command


def squeeze(text: str) -> str:
    return re.sub(r"[\s│]", "", text)


COMMANDS = dict(list_commands(typer.main.get_command(app)))


@pytest.mark.parametrize("words", COMMANDS, ids=" ".join)
def test_help_shows_every_word_of_every_option(run, words):
    """Rich reads a word in brackets as markup and leaves it out; none may be lost."""
    status, out, _ = run(*words, "-h")
    shown = squeeze(out)
    assert status == 0
    assert run(*words, "--help")[1] == out
    for parameter in COMMANDS[words].params:
        assert squeeze(parameter.help.replace("\\[", "[")) in shown
        if parameter.metavar:
            assert squeeze(parameter.metavar) in shown


def test_help_of_a_guide_shows_its_form(run):
    for command in "check", "report":
        assert "{latent:[parents]}" in squeeze(run(command, "-h")[1])


def test_help_says_that_a_program_runs(run):
    assert "itscoderuns" in squeeze(run("invert", "-h")[1])


def test_inverting_does_not_wait_for_jax():
    code = (
        "import sys; sys.argv = ['retrodict', 'invert', 'tree:3', '--json']\n"
        "from retrodict.cli import main\n"
        "try: main()\n"
        "except SystemExit: pass\n"
        "print('jax' in sys.modules)"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)  # noqa: S603
    assert done.stdout.splitlines()[-1] == "False"
