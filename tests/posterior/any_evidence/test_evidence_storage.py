"""Posteriors for any evidence on disk: the same draws again, and files that do not fit refused by name."""

from __future__ import annotations

import dataclasses
from pathlib import Path

import numpy as np
import pytest

import retrodict as rd
from retrodict.errors import FileError
from retrodict.files.checkpoint import read_arrays, write_arrays
from retrodict.posterior.any_evidence.evidence_loading import open_folder
from retrodict.posterior.any_evidence.evidence_storage import FILE
from tests.posterior.any_evidence.networks import make_lines, make_small


@pytest.fixture(scope="module")
def model() -> rd.DiscreteNetwork:
    return make_small()


@pytest.fixture(scope="module")
def post(model: rd.DiscreteNetwork) -> rd.EvidencePosterior:
    return rd.amortize(model, evidence="any", steps=50, batch=16, widths=(4,), quiet=True)


def test_the_same_draws_again(tmp_path: Path, model: rd.DiscreteNetwork, post: rd.EvidencePosterior) -> None:
    post.save(tmp_path)
    again = rd.load(tmp_path, model)
    assert isinstance(again, rd.EvidencePosterior)
    assert again.history == post.history
    assert (again.pool.known == post.pool.known).all()
    alone = open_folder(tmp_path)  # without the source
    assert alone is not None
    assert alone.model.digest() == model.digest()
    for other in (again, alone):
        for name, draws in post.sample({"d": "1"}, 50).items():
            assert (other.sample({"d": "1"}, 50)[name] == draws).all()


def test_an_exact_posterior_of_lines(tmp_path: Path) -> None:
    lines = make_lines(4)
    post = rd.amortize(lines, evidence="any")
    post.save(tmp_path)
    again = open_folder(tmp_path)
    assert again is not None
    assert again.is_exact
    np.testing.assert_array_equal(again.sample({"v1": 1.0}, 5)["v0"], post.sample({"v1": 1.0}, 5)["v0"])


def test_other_models_are_refused(tmp_path: Path, model: rd.DiscreteNetwork, post: rd.EvidencePosterior) -> None:
    """Of other structure, and of other numbers."""
    post.save(tmp_path)
    with pytest.raises(FileError, match="another model"):
        rd.load(tmp_path, make_lines(4))
    other = dataclasses.replace(model, entries=model.entries[::-1].copy())
    with pytest.raises(FileError, match="another model"):
        rd.load(tmp_path, other)
    assert open_folder(tmp_path / "nothing") is None


def test_files_that_do_not_fit(tmp_path: Path, model: rd.DiscreteNetwork, post: rd.EvidencePosterior) -> None:
    post.save(tmp_path)
    content, arrays = read_arrays(tmp_path / FILE)
    for name, array, message in (
        ("known", arrays["known"][:, :2], "sets of evidence"),
        ("mean", arrays["mean"][:2], "units"),
        ("weights.last", arrays["weights.last"][:, :, :1], "builds differently"),
        ("order", arrays["order"][::-1].copy(), "builds differently"),
        ("moments.mean", arrays["moments.mean"][:1], "moments"),
    ):
        write_arrays(tmp_path / FILE, content, {**arrays, name: array})
        with pytest.raises(FileError, match=message):
            rd.load(tmp_path, model)
    write_arrays(tmp_path / FILE, content, {**arrays, "network.entries": arrays["network.entries"][:-1]})
    with pytest.raises(FileError, match="tables of the network"):
        open_folder(tmp_path)
    write_arrays(tmp_path / FILE, {**content, "network": None}, arrays)
    with pytest.raises(FileError, match="saved for a program"):
        open_folder(tmp_path)


def test_two_posteriors_in_one_folder_are_refused(tmp_path: Path) -> None:
    lines = make_lines(3)
    rd.amortize(lines, evidence="any").save(tmp_path)
    rd.amortize(lines).save(tmp_path)
    with pytest.raises(FileError, match="holds two posteriors"):
        rd.load(tmp_path, lines)
