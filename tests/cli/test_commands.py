"""Commands with a file of their own: report and reproduce."""

import json

import pytest


def test_report_writes_a_page(run, tmp_path):
    page = tmp_path / "report.html"
    status, out, err = run("report", "tree:3", "--guide", "reversal", "-o", str(page), "--budget", "0.1")
    assert (status, out, err) == (0, f"wrote {page}\n", "")
    assert "<title>tree:3: inverse report</title>" in page.read_text(encoding="utf-8")


def test_report_takes_a_guide_from_a_file(run, tmp_path):
    guide = tmp_path / "guide.json"
    guide.write_text(json.dumps({"x0": ["x1"], "x1": ["x3"], "x2": ["x5"]}))
    assert run("report", "tree:3", "--guide", str(guide), "-o", str(tmp_path / "page.html"))[0] == 0
    assert "your guide" in (tmp_path / "page.html").read_text(encoding="utf-8")


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (["report", "nothing"], "is not a model of the zoo"),
        (["report", "asia", "--guide", "no such file"], "no such file: cannot be read"),
        (["report", "asia", "-o", "/no/such/folder/page.html"], "cannot be written"),
        (["reproduce", "figure1", "--depth", "9"], "Choose 2 to 5"),
        (["reproduce", "figure1", "--out", "/dev/null/x"], "cannot be written"),
        (["reproduce", "figure3"], "No such command"),
    ],
)
def test_bad_input_is_one_line(run, arguments, message, tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    status, _, err = run(*arguments)
    assert status == 2
    assert message in err
    assert err.count("\n") == 1


def test_reproduce_draws_figure_1(run, tmp_path):
    status, out, _ = run("reproduce", "figure1", "--out", str(tmp_path))
    assert status == 0
    assert "model 6 edges, heuristic 6, faithful inverse 9: 3 added, x3 -> x2, x4 -> x2, x2 -> x1" in out
    assert sorted(path.name for path in tmp_path.iterdir()) == ["figure1.json", "figure1.png", "figure1.svg"]


def test_a_template_is_inverted_for_all_sizes_and_at_some(run):
    lines = run("invert", "schools")[1]
    assert "(mu; tau; each j: (theta))" in lines
    assert "se[j] mu tau y[j]" in lines
    assert "faithful for all sizes, minimal" in lines
    file = json.loads(run("invert", "schools", "--json")[1])
    assert (file["format"], file["certificate"]["scope"]) == ("retrodict-lifted-certificate", "for all sizes")
    ground = json.loads(run("invert", "hmm", "--sizes", "t=3", "--json")[1])
    assert ground["inverse"]["parents"]["z[2]"] == ["A", "B", "z[1]", "x[2]"]


def test_templates_are_compared_and_reported_at_sizes(run, tmp_path):
    rows = json.loads(run("compare", "radon", "--sizes", "j=4,n=2", "--json")[1])["rows"]
    own = next(row for row in rows if row["order"] == "template")
    assert own["depth"] == 5
    page = tmp_path / "page.html"
    run("report", "crossed", "--sizes", "i=3,j=2", "--out", str(page))
    assert "template" in page.read_text()


def test_a_program_is_inverted_as_a_template(run, tmp_path):
    arguments = tmp_path / "schools.json"
    arguments.write_text('{"error": [15.0, 10.0, 16.0]}')
    program = ("tests.read.templates.house_programs:eight_schools", "--template", "--args", str(arguments))
    lines = run("invert", *program, "--observed", "y")[1]
    assert "error[schools] mu tau y[schools]" in lines
    assert "faithful for all sizes, minimal" in lines
    ground = json.loads(run("invert", *program, "--observed", "y", "--sizes", "schools=2", "--json")[1])
    assert ground["inverse"]["parents"]["theta[1]"] == ["mu", "tau", "error[1]", "y[1]"]
    rows = json.loads(run("compare", *program, "--observed", "y", "--json")[1])["rows"]
    assert next(row["depth"] for row in rows if row["order"] == "template") == 3
    status, _, err = run("invert", "tree:4", "--template")
    assert (status, "--template is for module:program" in err) == (2, True)


@pytest.mark.parametrize(
    ("command", "says"),
    [
        (("compare", "radon"), "Give them: --sizes j=8,n=8."),
        (("invert", "radon", "--sizes", "j=x"), "cannot be read at 'j=x'"),
        (("invert", "radon", "--sizes", "j=3"), "'n' has no size"),
        (("invert", "tree:4", "--sizes", "j=3"), "'tree:4' is not a template of the zoo"),
        (("invert", "radon", "--observed", "y"), "takes no arguments"),
    ],
)
def test_wrong_sizes_are_refused(run, command, says):
    status, _, err = run(*command)
    assert (status, err.count("\n")) == (2, 1)
    assert says in err
