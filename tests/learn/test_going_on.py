"""A run that has ended goes on with more epochs, and what was learned knows which data it has seen."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import equinox as eqx
import jax
import numpy as np
import pytest

from retrodict import LearnedModel, Training, fit_model, load
from retrodict.errors import FileError, NoveltyWarning, OptionError
from retrodict.files.checkpoint import read_arrays, write_arrays
from retrodict.learn.resume import FILE
from tests.learn import programs

ROWS = np.random.default_rng(0).normal(size=(80, 4)).astype(np.float32)


def run(epochs: int, **options: Any) -> LearnedModel:
    training = Training(batch=16, held_out=0.2, **options)
    return fit_model(programs.factors(), {"x": ROWS}, widths=(4, 4), epochs=epochs, training=training, quiet=True)


def list_arrays(learned: LearnedModel) -> list[np.ndarray]:
    return [np.asarray(leaf) for leaf in jax.tree.leaves(eqx.filter(learned.pair, eqx.is_inexact_array))]


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return tmp_path_factory.mktemp("run")


@pytest.fixture(scope="module")
def longer(folder: Path) -> LearnedModel:
    run(2, folder=folder, schedule="constant")
    return run(4, folder=folder, schedule="constant")


def test_with_a_constant_rate_it_is_the_longer_run_bit_for_bit(longer: LearnedModel) -> None:
    whole = run(4, schedule="constant")
    assert longer.history == whole.history
    for one, other in zip(list_arrays(longer), list_arrays(whole), strict=True):
        np.testing.assert_array_equal(one, other)


def test_a_falling_rate_goes_on_along_the_curve_of_all_epochs(tmp_path: Path) -> None:
    short = run(2, folder=tmp_path)
    on = run(4, folder=tmp_path)
    assert on.history.train[:2] == short.history.train
    assert len(on.history.step) == 4
    assert not np.array_equal(list_arrays(on)[0], list_arrays(short)[0])


def test_other_settings_and_fewer_epochs_are_still_refused(folder: Path, longer: LearnedModel) -> None:
    with pytest.raises(FileError, match=r"a run of 4 epochs, more than epochs=3.*another folder for a shorter run"):
        run(3, folder=folder, schedule="constant")
    with pytest.raises(FileError, match="another run: it has schedule 'constant' and not 'cosine'"):
        run(8, folder=folder)
    with pytest.raises(OptionError, match=r"schedule='linear' does not exist. Choose one of cosine, constant"):
        run(8, schedule="linear")


def test_a_run_of_an_old_release_is_refused_and_not_begun_anew(tmp_path: Path) -> None:
    (tmp_path / "learning.retrodict").write_bytes(b"RTRDCT01" + bytes(99))
    with pytest.raises(FileError, match=r"learning\.retrodict: was written before retrodict 0\.1"):
        run(1, folder=tmp_path)


def test_a_file_that_holds_something_else_is_refused(folder: Path, longer: LearnedModel, tmp_path: Path) -> None:
    content, arrays = read_arrays(folder / FILE)
    for changed, other, message in (
        ({**content, "kind": "posterior"}, arrays, "holds no state of fit_model"),
        ({"kind": content["kind"]}, arrays, "does not fit this version of retrodict"),
        (content, {name: array for name, array in arrays.items() if name != "history.test"}, "does not fit"),
    ):
        write_arrays(tmp_path / FILE, changed, other)
        with pytest.raises(FileError, match=message):
            run(4, folder=tmp_path, schedule="constant")


def test_data_unlike_those_learned_from_are_told_of(longer: LearnedModel, tmp_path: Path) -> None:
    """Warnings are errors here: what is like the data gives none."""
    longer.save(tmp_path)
    for learned in (longer, load(tmp_path, programs.factors(seed=5))):
        learned.infer({"x": np.random.default_rng(1).normal(size=(50, 4))}, 2)
        with pytest.warns(NoveltyWarning, match=r"'x\[2\]' is 30, training saw -"):
            learned.infer({"x": np.array([[0.0, 0.0, 30.0, 0.0]])}, 2)
        with pytest.warns(NoveltyWarning):
            learned.posterior.sample({f"x[{i}]": 30.0 for i in range(4)}, 2)
