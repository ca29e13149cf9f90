"""Images to train on and images to test on, from an origin and a seed."""

from __future__ import annotations

import os
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from retrodict.errors import OptionError, SourceError
from retrodict.zoo.images.idx import Bytes
from retrodict.zoo.images.origins import ORIGINS, Origin

Pixels = NDArray[Any]

BINARIZATIONS = ("threshold", "sampled")


@dataclass(frozen=True, eq=False)
class Images:
    """Images that are trained on and images that are held out, arrays of shape ``(n, height, width)``.

    Pixels are 0 or 1 (uint8), or without binarization gray levels from 0 to 1 (float32). ``checksum`` is that of
    the gray levels as they were read: SHA-256. The arrays cannot be written to.
    """

    name: str
    train: Pixels
    test: Pixels
    binarized: str | None
    seed: int
    checksum: str

    def __repr__(self) -> str:
        height, width = self.shape
        return f"Images({self.name!r}, {len(self.train):,} to train and {len(self.test):,} to test, {height}x{width})"

    @property
    def shape(self) -> tuple[int, int]:
        """Height and width of an image in pixels."""
        return self.train.shape[1], self.train.shape[2]

    @property
    def pixels(self) -> int:
        """Number of pixels of an image."""
        return self.shape[0] * self.shape[1]

    @property
    def train_rows(self) -> NDArray[np.float32]:
        """Training images as rows, shape ``(n, pixels)``."""
        return self.train.reshape(len(self.train), -1).astype(np.float32)

    @property
    def test_rows(self) -> NDArray[np.float32]:
        """Held-out images as rows, shape ``(n, pixels)``."""
        return self.test.reshape(len(self.test), -1).astype(np.float32)


def load_images(
    name: str = "digits",
    binarize: bool | str = True,
    seed: int = 0,
    held_out: float = 0.2,
    folder: str | os.PathLike[str] | None = None,
) -> Images:
    """Return a set of images: ``"digits"`` (1,797 of 8x8), ``"mnist5k"`` (5,000 of 28x28) or ``"fashion"`` (70,000).

    Pixels are one where the gray level is above half of white (``binarize=True`` or ``"threshold"``), or with
    the gray level as probability (``"sampled"``); ``False`` keeps gray levels. The share ``held_out`` of the images,
    drawn by ``seed``, is for testing; Fashion-MNIST has 10,000 of its own. ``folder`` is where its files are,
    by default where Debian's package dataset-fashion-mnist puts them. Nothing is downloaded.

    Raises `SourceError` for an unknown name, `MissingPackageError` naming what to install, `FileError` for
    damaged files and for other images than those known, and `OptionError` for options out of range.

    Sources: Alpaydin & Kaynak 1998; LeCun et al. 1998; Xiao, Rasul & Vollgraf 2017; for sampled pixels
    Salakhutdinov & Murray 2008.

    >>> images = load_images("digits")
    >>> images, images.train.dtype, images.train_rows.shape
    (Images('digits', 1,438 to train and 359 to test, 8x8), dtype('uint8'), (1438, 64))
    """
    origin = _find_origin(name)
    rule = _choose_rule(binarize)
    if not 0 < held_out < 1:
        raise OptionError(f"held_out={held_out} is out of range", remedy="Give a share between 0 and 1.")
    if seed < 0:
        raise OptionError(f"seed={seed} is out of range", remedy="Give a number that is not negative.")
    if folder is not None and name != "fashion":
        raise OptionError(f"folder= is for the files of fashion, not for {name}", remedy="Leave it out.")
    levels = origin.load(folder)
    for_split, *for_pixels = (np.random.default_rng([seed, part]) for part in range(3))
    parts = levels if len(levels) == 2 else _split(levels[0], held_out, for_split)
    train, test = (_to_pixels(part, origin.white, rule, own) for part, own in zip(parts, for_pixels, strict=True))
    return Images(name, train, test, rule, seed, origin.checksum)


def _find_origin(name: str) -> Origin:
    if name not in ORIGINS:
        raise SourceError(f"{name!r} is not a set of images that is known", remedy=f"There are {', '.join(ORIGINS)}.")
    return ORIGINS[name]


def _choose_rule(binarize: bool | str) -> str | None:
    if isinstance(binarize, bool):
        return "threshold" if binarize else None
    if binarize not in BINARIZATIONS:
        offered = ", ".join(map(repr, BINARIZATIONS))
        raise OptionError(f"binarize={binarize!r} is not offered", remedy=f"Use True, False, {offered}.")
    return binarize


def _split(levels: Bytes, held_out: float, generator: np.random.Generator) -> tuple[Bytes, Bytes]:
    """Return images to train on and images held out, each in the order drawn."""
    order = generator.permutation(len(levels))
    n_test = min(max(1, round(held_out * len(levels))), len(levels) - 1)
    return levels[order[n_test:]], levels[order[:n_test]]


def _to_pixels(levels: Bytes, white: int, rule: str | None, generator: np.random.Generator) -> Pixels:
    if rule == "threshold":
        pixels: Pixels = (2 * levels.astype(np.int16) > white).astype(np.uint8)
    elif rule == "sampled":
        pixels = (generator.random(levels.shape, np.float32) * white < levels).astype(np.uint8)
    else:
        pixels = levels.astype(np.float32) / white
    pixels.setflags(write=False)
    return pixels
