"""`retrodict answer`: a table, a page and JSON of the data at hand."""

import json

import pytest


@pytest.fixture
def data(tmp_path):
    path = tmp_path / "data.json"
    path.write_text(json.dumps({"x1": 0.5, "x2": 1.0}))
    return str(path)


def test_an_answer_is_a_table_and_a_page(run, tmp_path, data):
    page = tmp_path / "answer.html"
    status, told, err = run("answer", "tree:2", "--data", data, "-o", str(page), "--draws", "200")
    assert (status, err) == (0, "")
    assert told.startswith("Answer (exact): every factor is exact\nlatent")
    assert "exact factors: x0 (linear Gaussian)" in told
    text = page.read_text("utf-8")
    assert "<script" not in text
    assert text.count("<svg") == 2  # one marginal, and the inverse


def test_an_answer_is_one_object(run, data):
    status, told, _ = run("answer", "tree:2", "--data", data, "--json", "--draws", "200")
    found = json.loads(told)
    assert (status, found["stage"], found["reliable"], found["khat"]) == (0, "exact", True, None)
    assert set(found["latents"]["x0"]) == {"mean", "sd", "5%", "95%"}


def test_data_that_are_missing_are_bad_input(run):
    status, told, err = run("answer", "tree:2")
    assert (status, told) == (2, "")
    assert "'x1', 'x2' have no data. Give data={name: values}." in err
