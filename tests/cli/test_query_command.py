"""`retrodict query`: exact answers to any question of a network."""

import json
from pathlib import Path

import pytest

import retrodict as rd

ASIA = Path(__file__).parents[1] / "data" / "asia.bif"


def test_an_answer_is_a_table_and_one_object(run):
    status, told, err = run("query", str(ASIA), "dysp=yes", "--of", "bronc")
    assert (status, err) == (0, "")
    assert told.split()[:3] == ["variable", "state", "probability"]
    status, told, _ = run("query", str(ASIA), "dysp=yes", "--of", "bronc,lung", "--do", "smoke=no", "--json")
    found = json.loads(told)
    expected = rd.query(rd.from_bif(ASIA), {"dysp": "yes"}, ["bronc", "lung"], do={"smoke": "no"})
    assert found == {"source": str(ASIA), **expected.to_dict()}


def test_numbers(run):
    status, told, _ = run("query", "tree:2", "x1=1.5", "--json")
    assert status == 0
    assert set(json.loads(told)["marginals"]["x0"]) == {"mean", "sd"}


@pytest.mark.parametrize(
    ("words", "message"),
    [
        (["dysp"], "NAME=VALUE"),
        (["dysp=maybe"], "states: yes, no"),
        (["nobody=yes"], "'nobody' is not among the variables"),
        (["lung=yes", "either=no"], "probability zero"),
        (["dysp=yes", "--of", "dysp"], "both given and asked for"),
        (["--do", "dysp=yes", "--of", "dysp"], "both set from outside and asked for"),
    ],
)
def test_bad_questions(run, words, message):
    status, told, err = run("query", str(ASIA), *words)
    assert (status, told) == (2, "")
    assert message in err


def test_a_model_without_exact_answers(run):
    status, _, err = run("query", "ssm", "y=1")
    assert status == 2
    assert err


def test_a_trained_folder_is_asked(run, tmp_path):
    """`train --evidence any` writes a folder that answers without its source, here exactly."""
    out = tmp_path / "any"
    status, told, err = run("train", "tree:2", "--evidence", "any", "--simulations", "0", "-o", str(out))
    assert (status, err) == (0, "")
    assert "exact" in told
    status, told, _ = run("query", str(out), "x1=1.5", "--of", "x0", "--json", "--draws", "20000")
    assert status == 0
    found = json.loads(told)["marginals"]
    exact = rd.query(rd.zoo.binary_tree(2), {"x1": 1.5}, ["x0"])
    assert set(found) == {"x0"}
    assert abs(found["x0"]["mean"] - exact["x0"]["mean"]) < 0.03
    for words, message in ((["x1=1", "--of", "x1"], "both given"), (["x9=1"], "'x9' is not among the variables")):
        status, _, err = run("query", str(out), *words)
        assert status == 2
        assert message in err
    status, _, err = run("query", str(tmp_path), "x1=1")
    assert status == 2
    assert "holds no posterior for any evidence" in err


def test_training_for_any_evidence_refuses_other_options(run, tmp_path):
    status, _, err = run("train", "tree:2", "--evidence", "any", "--order", "min-fill", "-o", str(tmp_path / "out"))
    assert status == 2
    assert "order= is not for a posterior for any evidence" in err
    assert list(tmp_path.iterdir()) == []
