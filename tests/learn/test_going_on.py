"""A run that has ended goes on with more epochs, and what was learned knows which data it has seen."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import equinox as eqx
import jax
import numpy as np
import pytest

from retrodict import LearnedModel, fit_model, load_model
from retrodict.errors import FileError, NoveltyWarning, OptionError
from tests.learn import programs

ROWS = np.random.default_rng(0).normal(size=(80, 4)).astype(np.float32)


def run(epochs: int, **options: Any) -> LearnedModel:
    given = {"widths": (4, 4), "batch": 16, "held_out": 0.2, "quiet": True} | options
    return fit_model(programs.factors(), {"x": ROWS}, epochs=epochs, **given)


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


def test_data_unlike_those_learned_from_are_told_of(longer: LearnedModel, tmp_path: Path) -> None:
    """Warnings are errors here: what is like the data gives none."""
    longer.save(tmp_path)
    for learned in (longer, load_model(tmp_path, programs.factors(seed=5))):
        learned.infer({"x": np.random.default_rng(1).normal(size=(50, 4))}, 2)
        with pytest.warns(NoveltyWarning, match=r"'x\[2\]' is 30, training saw -"):
            learned.infer({"x": np.array([[0.0, 0.0, 30.0, 0.0]])}, 2)
        with pytest.warns(NoveltyWarning):
            learned.posterior.sample({f"x[{i}]": 30.0 for i in range(4)}, 2)
