"""Folders that cannot be, and models that are none, are refused by name."""

from __future__ import annotations

from pathlib import Path

import pytest

import retrodict as rd
from retrodict.errors import FileError

NET = rd.BayesNet({"x": [], "z": ["x"]}, observed=["x"])  # z is barren: there is no encoder
MODEL = rd.LinearGaussian.from_weights(NET, {})
LONG = "n" * 5000


@pytest.fixture
def posterior() -> rd.AmortizedPosterior:
    return rd.amortize(MODEL, exact=False, quiet=True)


def test_a_structure_is_no_model(posterior: rd.AmortizedPosterior, tmp_path: Path) -> None:
    posterior.save(tmp_path)
    with pytest.raises(FileError, match="was saved for another model"):  # that of stored runs of this structure
        rd.load(tmp_path, NET)
    for given in (rd.BayesNet, None):
        with pytest.raises(FileError, match=r"holds a posterior, which .* cannot load\. Give the Model"):
            rd.load(tmp_path, given)  # type: ignore[call-overload]


@pytest.mark.parametrize("name", ["a\0b", LONG, "\ud800"], ids=["null", "long", "surrogate"])
def test_a_name_that_no_folder_can_have_is_refused(name: str, posterior: rd.AmortizedPosterior, tmp_path: Path) -> None:
    with pytest.raises(FileError, match="cannot be written"):
        posterior.save(tmp_path / name)
    for source in (MODEL, rd.zoo.programs.vae(1, pixels=2, hidden=())):
        with pytest.raises(FileError, match=r"cannot be read|holds nothing that was saved"):
            rd.load(tmp_path / name, source)
    assert list(tmp_path.iterdir()) == []
